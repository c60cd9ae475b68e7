"""How to find all of an account's listings, although Amazon shows only so many for one question.

Here: pages, page tokens, and the way past Amazon's limit of 1,000 listings for one query. Not here: what a
listing's JSON means (`listings`).
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import count, format_instant, instant, section, sections, text
from fbm_sync.errors import UnexpectedPayload
from fbm_sync.ports import Clock

INCLUDED_DATA = "summaries,attributes,fulfillmentAvailability"
MOST_IDENTIFIERS = 20

_OPERATION = "searchListingsItems"
_PAGE_SIZE = 20
_MOST_PER_QUERY = 1_000
_MOST_PAGES = _MOST_PER_QUERY // _PAGE_SIZE + 10
"""A page may come twice before the walk is given up."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """One page of listings as JSON, and how many Amazon says the question has in all."""

    items: tuple[Mapping[str, Any], ...]
    asked_at: datetime
    total: int | None


class ListingSearch:
    """The searches of one account."""

    def __init__(self, gateway: Gateway, clock: Clock, *, seller_id: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._seller_id = seller_id

    def pages(self, params: Mapping[str, str]) -> Iterator[FoundPage]:
        """Walk through the pages of one query; a walk that goes round in circles ends with an error."""
        asked = {"includedData": INCLUDED_DATA, "pageSize": str(_PAGE_SIZE)} | dict(params)
        tokens: set[str] = set()
        for _ in range(_MOST_PAGES):
            asked_at = self._clock.now()
            body = self._gateway.call(_OPERATION, self._seller_id, params=asked).body or {}
            yield FoundPage(
                items=tuple(sections(body, "items")),
                asked_at=asked_at,
                total=count(body, "numberOfResults"),
            )
            token = text(section(body, "pagination"), "nextToken")
            if token is None:
                return
            if token in tokens:
                break
            tokens.add(token)
            asked["pageToken"] = token
        raise UnexpectedPayload("the pages repeat themselves.", operation=_OPERATION)

    def everything(self) -> Iterator[FoundPage]:
        """Find every listing once, oldest first; `total` is that of the whole account.

        After a full query the walk goes on with a new one from the creation date last seen. Raises
        `UnexpectedPayload` when that gets nowhere because too many listings share one date.
        """
        seen: set[str] = set()
        total: int | None = None
        since: datetime | None = None
        while True:
            query = _Query()
            for page in self._from(since):
                query.look_at(page)
                total = page.total if total is None else total
                fresh = tuple(item for item in page.items if text(item, "sku") not in seen)
                seen |= {sku for item in fresh if (sku := text(item, "sku"))}
                yield dataclasses.replace(page, items=fresh, total=total)
                if query.is_full:
                    break
            if not query.has_more:
                return
            if query.last_created is None or (since is not None and query.last_created <= since):
                raise _too_many_at_once(query.last_created)
            since = query.last_created

    def _from(self, since: datetime | None) -> Iterator[FoundPage]:
        params = {"sortBy": "createdDate", "sortOrder": "ASC"}
        if since is not None:
            params["createdAfter"] = format_instant(since)
        return self.pages(params)


@dataclasses.dataclass(slots=True)
class _Query:
    """What one query has shown so far; a page that comes twice counts once."""

    skus: set[str] = dataclasses.field(default_factory=set)
    total: int | None = None
    last_created: datetime | None = None

    def look_at(self, page: FoundPage) -> None:
        self.skus.update(sku for item in page.items if (sku := text(item, "sku")))
        self.total = page.total
        if page.items:
            self.last_created = _created_at(page.items[-1]) or self.last_created

    @property
    def is_full(self) -> bool:
        """Whether Amazon will show nothing more for this question."""
        return len(self.skus) >= _MOST_PER_QUERY

    @property
    def has_more(self) -> bool:
        """Whether there are listings that this question cannot reach."""
        return self.is_full and (self.total is None or self.total > len(self.skus))


def _created_at(item: Mapping[str, Any]) -> datetime | None:
    """Return when a listing was created; the earliest of several marketplaces, so as to skip nothing."""
    dates = [created for one in sections(item, "summaries") if (created := instant(one, "createdDate"))]
    return min(dates, default=None)


def _too_many_at_once(created_at: datetime | None) -> UnexpectedPayload:
    when = (
        "no readable creation date" if created_at is None else f"the creation date {created_at.isoformat()}"
    )
    return UnexpectedPayload(
        f"{_MOST_PER_QUERY:,} or more listings share {when}, and Amazon shows no more than that at once.",
        operation=_OPERATION,
        next_step=(
            "No sweep finds the listings beyond them: name their SKUs (`fbm-sync plan --sku SKU`), or "
            "delete listings of that date which are no longer sold."
        ),
    )
