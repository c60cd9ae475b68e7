"""The two Orders 2026-01-01 operations: search orders, read one order."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fbm_sync.emulator.clock import format_instant, parse_instant
from fbm_sync.emulator.gate.exchange import Answer, Call, Refused
from fbm_sync.emulator.gate.pages import Page, PageTokens
from fbm_sync.emulator.orders.book import OrderBook
from fbm_sync.emulator.orders.order import AnyOrder
from fbm_sync.emulator.orders.shapes import SECTIONS, order_json
from fbm_sync.emulator.shop import JsonObject

MAX_PAGE = 100
MAX_MARKETPLACES = 50
SETTLING = timedelta(minutes=2)
STATUSES = (
    "PENDING_AVAILABILITY",
    "PENDING",
    "UNSHIPPED",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "CANCELLED",
    "UNFULFILLABLE",
)
_ORDER_ID = re.compile(r"\d{3}-\d{7}-\d{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuery:
    """What a search asks for; `basis` is the time it goes by, `created` or `lastUpdated`."""

    basis: str
    after: datetime
    before: datetime | None
    statuses: frozenset[str]
    marketplaces: frozenset[str]
    fulfilled_by: frozenset[str]

    def matches(self, order: AnyOrder, before: datetime, now: datetime) -> bool:
        """Whether an order belongs in the answer; both time bounds are inclusive."""
        moment = order.created_at if self.basis == "created" else order.updated_at
        return (
            self.after <= moment <= before
            and order.listed_from_at <= now
            and (not self.statuses or order.status in self.statuses)
            and (not self.marketplaces or order.marketplace_id in self.marketplaces)
            and (not self.fulfilled_by or order.fulfilled_by in self.fulfilled_by)
        )


class OrderCalls:
    """Answers the Orders API."""

    def __init__(self, book: OrderBook, pages: PageTokens) -> None:
        self._book = book
        self._pages = pages

    def get(self, call: Call, now: datetime) -> Answer:
        """One order by id."""
        included = _included(call)
        order_id = call.path_values["order_id"]
        order = self._book.orders.get(order_id)
        if order is None and not _ORDER_ID.fullmatch(order_id):
            raise _invalid(f"'{order_id}' is not an order id.")
        if order is None:
            raise Refused(404, "NotFound", "The requested order does not exist.", order_id)
        return Answer(body={"order": order_json(order, included)})

    def search(self, call: Call, now: datetime) -> Answer:
        """A page of orders, oldest change first.

        Which orders belong to the answer is settled when page one is served; each order is then shown
        as it is when its page is served, so that it may have changed, or left the filter, by then.
        """
        query = _read_query(call, now)
        size, included = _page_size(call), _included(call)
        token = call.params.one("paginationToken")
        page = self._first_page(query, now) if token is None else self._pages.find(token, query, now)
        if page is None:
            raise _invalid("'paginationToken' has expired or belongs to another request.")
        page = call.walk.shuffled(page, size)
        end = page.offset + size
        orders = [self._book.orders[order_id] for order_id in page.ids[page.offset : end]]
        body: JsonObject = {"orders": [order_json(order, included) for order in orders]}
        if call.walk.touch:
            page = self._stir(page, end, call.walk.touch, query, now)
        following = call.walk.following(page, size, now)
        if following is not None:
            body["pagination"] = {"nextToken": self._pages.issue(following)}
        body[f"{query.basis}Before"] = page.bound
        return Answer(body=body)

    def _stir(self, page: Page, end: int, count: int, query: OrderQuery, now: datetime) -> Page:
        """Let orders of the walk change; those yet to come that no longer fit the question leave it."""
        luck = random.Random(f"{page.offset}/{'/'.join(page.ids)}")
        for order_id in luck.sample(page.ids, min(count, len(page.ids))):
            self._book.touch(order_id, now)
        before = parse_instant(page.bound)
        coming = [i for i in page.ids[end:] if query.matches(self._book.orders[i], before, now)]
        return replace(page, ids=(*page.ids[:end], *coming))

    def _first_page(self, query: OrderQuery, now: datetime) -> Page:
        before = query.before or now - SETTLING
        found = [order for order in self._book.orders.values() if query.matches(order, before, now)]
        found.sort(key=lambda order: (order.updated_at, order.order_id))
        ids = tuple(order.order_id for order in found)
        return Page(query=query, ids=ids, offset=0, bound=format_instant(before), issued_at=now)


def _invalid(details: str) -> Refused:
    return Refused(400, "InvalidInput", "Invalid Input", details)


def _read_query(call: Call, now: datetime) -> OrderQuery:
    basis = _basis(call)
    after = call.params.instant(f"{basis}After", _invalid)
    if after is None:
        raise _invalid("Exactly one of 'createdAfter' and 'lastUpdatedAfter' is needed.")
    before = call.params.instant(f"{basis}Before", _invalid)
    if before is not None and before < after:
        raise _invalid(f"'{basis}Before' is earlier than '{basis}After'.")
    if before is not None and before > now - SETTLING:
        raise _invalid(f"'{basis}Before' must be at least two minutes before the request.")
    marketplaces = call.params.many("marketplaceIds")
    if len(marketplaces) > MAX_MARKETPLACES:
        raise _invalid(f"'marketplaceIds' takes at most {MAX_MARKETPLACES} values.")
    return OrderQuery(
        basis=basis,
        after=after,
        before=before,
        statuses=call.params.words("fulfillmentStatuses", STATUSES, _invalid),
        marketplaces=frozenset(marketplaces),
        fulfilled_by=call.params.words("fulfilledBy", ("MERCHANT", "AMAZON"), _invalid),
    )


def _basis(call: Call) -> str:
    """Which of the two times the search goes by; asking by both, or by neither, is refused."""
    given = [
        basis
        for basis in ("created", "lastUpdated")
        if call.params.one(f"{basis}After") or call.params.one(f"{basis}Before")
    ]
    if len(given) > 1:
        raise _invalid("'created…' and 'lastUpdated…' bounds exclude each other.")
    if not given:
        raise _invalid("Exactly one of 'createdAfter' and 'lastUpdatedAfter' is needed.")
    return given[0]


def _included(call: Call) -> frozenset[str]:
    return call.params.words("includedData", tuple(SECTIONS), _invalid)


def _page_size(call: Call) -> int:
    text = call.params.one("maxResultsPerPage")
    if text is None:
        return MAX_PAGE
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PAGE:
        raise _invalid(f"'maxResultsPerPage' must be from 1 to {MAX_PAGE}.")
    return int(text)
