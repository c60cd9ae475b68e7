"""The three Listings Items operations: read one listing, search them, patch one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from fbm_sync.emulator.gate.exchange import Answer, Call, Refused
from fbm_sync.emulator.gate.pages import Page, PageTokens, WalkTrouble
from fbm_sync.emulator.listings.catalogue import Catalogue, Listing, draft
from fbm_sync.emulator.listings.patches import bad_request, read_patches
from fbm_sync.emulator.listings.shapes import DATA_SETS, listing_json, listing_statuses
from fbm_sync.emulator.shop import JsonObject, ShopRules

MAX_PAGE = 20
DEFAULT_PAGE = 10
MAX_REACHABLE = 1_000
MAX_IDENTIFIERS = 20
_STATUSES = ("BUYABLE", "DISCOVERABLE")
_FAMILIES = ("variationParentSku", "packageHierarchySku")
_SORT_KEYS: dict[str, Callable[[Listing], tuple[object, str]]] = {
    "sku": lambda listing: (listing.sku, ""),
    "createdDate": lambda listing: (listing.created_at, listing.sku),
    "lastUpdatedDate": lambda listing: (listing.updated_at, listing.sku),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """What a search asks for; a page token is good only for the very same question."""

    skus: frozenset[str] | None
    asins: frozenset[str] | None
    is_of_family: bool
    created_after: datetime | None
    created_before: datetime | None
    updated_after: datetime | None
    updated_before: datetime | None
    severities: frozenset[str]
    with_status: frozenset[str]
    without_status: frozenset[str]
    sort_by: str
    descending: bool

    def matches(self, listing: Listing) -> bool:
        """Whether a listing belongs in the answer; time bounds are inclusive."""
        statuses = set(listing_statuses(listing))
        return (
            # No listing here is a variation of another, or packed into one.
            not self.is_of_family
            and (self.skus is None or listing.sku in self.skus)
            and (self.asins is None or listing.asin in self.asins)
            and _within(listing.created_at, self.created_after, self.created_before)
            and _within(listing.updated_at, self.updated_after, self.updated_before)
            and (not self.severities or any(i.get("severity") in self.severities for i in listing.issues))
            and self.with_status <= statuses
            and not self.without_status & statuses
        )


def _within(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or moment >= after) and (before is None or moment <= before)


class ListingCalls:
    """Answers the Listings Items API for one account."""

    def __init__(self, rules: ShopRules, catalogue: Catalogue, pages: PageTokens) -> None:
        self._rules = rules
        self._catalogue = catalogue
        self._pages = pages

    def get(self, call: Call, now: datetime) -> Answer:
        """One listing by SKU."""
        listing = self._listing(call)
        included = _included(call, DATA_SETS, "summaries")
        return Answer(body=listing_json(listing, included, self._rules.marketplace_id))

    def search(self, call: Call, now: datetime) -> Answer:
        """A page of listings; the list is fixed when page one is served, the contents are current."""
        self._check_seller(call)
        query, size = _read_query(call), _page_size(call)
        included = _included(call, DATA_SETS, "summaries")
        token = call.params.one("pageToken")
        if token is None:
            page = Page(query=query, ids=self._matching(query), offset=0, bound="", issued_at=now)
        else:
            found = self._pages.find(token, query, now)
            if found is None:
                raise bad_request("'pageToken' is not valid for this request.")
            page = found
        page = call.walk.shuffled(page, size)
        end = page.offset + size
        on_page = page.ids[page.offset : min(end, MAX_REACHABLE)]
        # One deleted since page one was served is no longer there to be shown.
        listings = [self._catalogue.listings[sku] for sku in on_page if sku in self._catalogue.listings]
        body: JsonObject = {
            "numberOfResults": len(page.ids),
            "items": [listing_json(one, included, self._rules.marketplace_id) for one in listings],
        }
        tokens = self._neighbours(page, size, now, call.walk)
        return Answer(body=body | ({"pagination": tokens} if tokens else {}))

    def _neighbours(self, page: Page, size: int, now: datetime, walk: WalkTrouble) -> dict[str, str]:
        tokens = {}
        reachable = replace(page, ids=page.ids[:MAX_REACHABLE])
        following = walk.following(reachable, size, now)
        if following is not None:
            tokens["nextToken"] = self._pages.issue(replace(following, ids=page.ids))
        if page.offset > 0:
            earlier = replace(page, offset=max(0, page.offset - size), issued_at=now)
            tokens["previousToken"] = self._pages.issue(earlier)
        return tokens

    def _matching(self, query: ListingQuery) -> tuple[str, ...]:
        known = self._catalogue.listings
        listings: Iterable[Listing] = known.values()
        if query.skus is not None:
            listings = [known[sku] for sku in query.skus if sku in known]
        found = [listing for listing in listings if query.matches(listing)]
        found.sort(key=_SORT_KEYS[query.sort_by], reverse=query.descending)
        return tuple(listing.sku for listing in found)

    def patch(self, call: Call, now: datetime) -> Answer:
        """Submit a change, or only have it judged (VALIDATION_PREVIEW).

        Of a SKU nobody knows too: Amazon takes it for the beginning of a new listing.
        """
        self._check_seller(call)
        mode = call.params.one("mode")
        if mode not in (None, "VALIDATION_PREVIEW"):
            raise bad_request(f"'{mode}' is not a mode.")
        included = _included(call, ("identifiers", "issues"), "issues")
        if mode is None and "identifiers" in included:
            raise bad_request("'identifiers' can only be asked for with VALIDATION_PREVIEW.")
        try:
            body = json.loads(call.body)
        except ValueError:
            raise bad_request("The request body is not JSON.") from None
        product_type, patches = read_patches(body)
        sku = call.path_values["sku"]
        listing = self._catalogue.listings.get(sku) or draft(sku, product_type, now)
        preview = mode is not None
        answer = self._catalogue.submit(listing, product_type, patches, now, preview=preview)
        if preview and "identifiers" in included:
            known = answer["status"] == "VALID" and listing.asin
            answer["identifiers"] = (
                [{"marketplaceId": self._rules.marketplace_id, "asin": listing.asin}] if known else []
            )
        return Answer(body=answer)

    def _check_seller(self, call: Call) -> None:
        if call.path_values["seller_id"] != self._rules.seller_id:
            raise Refused(
                403, "Unauthorized", "Access to requested resource is denied.", "This is another seller."
            )
        marketplaces = call.params.many("marketplaceIds")
        if not marketplaces:
            raise bad_request("'marketplaceIds' is required.")
        if set(marketplaces) != {self._rules.marketplace_id}:
            raise bad_request("'marketplaceIds' names a marketplace this seller is not in.")

    def _listing(self, call: Call) -> Listing:
        self._check_seller(call)
        sku = call.path_values["sku"]
        listing = self._catalogue.listings.get(sku)
        if listing is None:
            message = f"SKU '{sku}' not found in marketplace {self._rules.marketplace_id}."
            raise Refused(404, "NOT_FOUND", message)
        return listing


def _included(call: Call, allowed: tuple[str, ...], default: str) -> list[str]:
    included = call.params.many("includedData") or [default]
    for name in included:
        if name not in allowed:
            raise bad_request(f"'{name}' is not a data set.")
    return included


def _page_size(call: Call) -> int:
    text = call.params.one("pageSize")
    if text is None:
        return DEFAULT_PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PAGE:
        raise bad_request(f"'pageSize' must be from 1 to {MAX_PAGE}.")
    return int(text)


def _read_query(call: Call) -> ListingQuery:
    kind = call.params.one("identifiersType")
    identifiers = call.params.many("identifiers")
    if len(identifiers) > MAX_IDENTIFIERS:
        raise bad_request(f"'identifiers' takes at most {MAX_IDENTIFIERS} values.")
    if bool(identifiers) != (kind is not None):
        raise bad_request("'identifiers' and 'identifiersType' come together.")
    if kind not in (None, "SKU", "ASIN"):
        raise bad_request(f"'identifiersType' {kind} is not emulated.")
    families = [name for name in _FAMILIES if call.params.one(name)]
    if len(families) + bool(identifiers) > 1:
        raise bad_request("'identifiers', 'variationParentSku' and 'packageHierarchySku' exclude each other.")
    sort_by = call.params.one("sortBy") or "lastUpdatedDate"
    order = call.params.one("sortOrder") or "DESC"
    if sort_by not in _SORT_KEYS or order not in ("ASC", "DESC"):
        raise bad_request("'sortBy' or 'sortOrder' is not a known value.")
    return ListingQuery(
        skus=frozenset(identifiers) if kind == "SKU" else None,
        asins=frozenset(identifiers) if kind == "ASIN" else None,
        is_of_family=bool(families),
        created_after=call.params.instant("createdAfter", bad_request),
        created_before=call.params.instant("createdBefore", bad_request),
        updated_after=call.params.instant("lastUpdatedAfter", bad_request),
        updated_before=call.params.instant("lastUpdatedBefore", bad_request),
        severities=call.params.words("withIssueSeverity", ("WARNING", "ERROR"), bad_request),
        with_status=call.params.words("withStatus", _STATUSES, bad_request),
        without_status=call.params.words("withoutStatus", _STATUSES, bad_request),
        sort_by=sort_by,
        descending=order == "DESC",
    )
