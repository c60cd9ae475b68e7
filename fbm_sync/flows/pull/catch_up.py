"""Catching up with a long past: what is open first, then what is new, then, slowly, all the rest.

Amazon grants twenty pages of orders at once and twenty more in an hour, so a long span takes hours. What a
seller must know first is what is to be shipped, and by when: all open orders are listed before anything
else. Then what has changed lately is read as in every pull. The past follows page by page, as far as the
quota allows without waiting, in this pull and the next ones; meanwhile one report tells of all its orders at
once, as far as a report does. Not here: walking through pages (`walk`), that report (`order_report`), the
usual pull (`orders`).

What can be trusted: nothing but pages moves the watermark. The report lags, by minutes or hours, and names
no ship-by; it fills in what nobody has told yet and points at open orders, which are then read one by one. So
does the list of open orders: what is open here and was not in it is read by id. An order that changes while
the past is read leaves the past for what is new, which joins it without a gap.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from fbm_sync.errors import RemoteError, Throttled
from fbm_sync.flows.pull.by_id import Tally, pull_named_orders
from fbm_sync.flows.pull.order_report import OrderReporting
from fbm_sync.flows.pull.terms import PullTerms
from fbm_sync.flows.pull.walk import TOKEN_LIFE, Trail, Walk, is_usable
from fbm_sync.ports import (
    Books,
    CatchUp,
    CatchUpWalk,
    Clock,
    Failure,
    Ledger,
    OrderPage,
    OrderSource,
    OrderWindow,
    PageCursor,
    Progress,
    Quota,
)

CATCH_UP_BEGUN = "catch_up_begun"
CATCH_UP_ENDED = "catch_up_ended"

_PAGES = "searchOrders"
_BY_ID = "getOrder"
_KEPT_FOR_PULLS = 2
"""Requests for pages that the past leaves to the next pulls of what is new."""

_FEW_LEFT = 10
"""With fewer requests for pages left, even what is new may have to be waited for."""

_STANDSTILL = timedelta(minutes=30)
"""After so long the past may have a page though it has to be waited for: it must not starve."""

_OPEN_PATIENCE = timedelta(minutes=10)
"""So long one pull lists open orders before it looks at what is new; a longer list goes on with the next."""

_SHORTEST_SLICE = timedelta(hours=1)

_BY_ID_SECONDS = 60.0
_MOST_BY_ID = 500

_log = structlog.get_logger()


def begin(
    books: Books, account: str, window: OrderWindow, terms: PullTerms, read_up_to: datetime, now: datetime
) -> CatchUp:
    """Begin a catch-up with a span of which Amazon has just said that there is more of it."""
    watermark = books.orders.watermark(account)
    known_from = now - terms.first if watermark is None else watermark
    until = max(window.since, read_up_to - terms.recent)
    begun = CatchUp(
        begun_at=now,
        since=window.since,
        until=until,
        fresh_up_to=until,
        joins=window.since <= known_from,
        slice_span=terms.slice_span,
        moved_at=now,
    )
    books.catch_ups.save(account, begun)
    books.catch_ups.want_all_open(account)
    _log.info(CATCH_UP_BEGUN, account=account, since=str(begun.since), until=str(begun.until))
    return begun


class CatchingUp:
    """One pull's share of a catch-up."""

    def __init__(
        self,
        account: str,
        source: OrderSource,
        ledger: Ledger,
        clock: Clock,
        terms: PullTerms,
        tally: Tally,
        progress: Progress,
    ) -> None:
        self.account, self.source, self.ledger, self.clock = account, source, ledger, clock
        self.terms, self.means, self.tally, self.progress = terms, terms.means, tally, progress
        self.failures: list[Failure] = []

    def go_on(self, read_what_is_new: Callable[[], None]) -> list[Failure]:
        """Do what comes next, the most urgent first; return what could not be done.

        Raises `RemoteError` when what is new cannot be read. Trouble with the rest keeps nothing else from
        its turn: it is told, and the next pull tries again.
        """
        self._aside("open orders", self._list_open)
        self._aside("order report", self._order_report)
        read_what_is_new()
        for what, work in (
            ("past orders", self._read_past),
            ("order report", self._read_report),
            ("orders by id", self._read_wanted),
        ):
            self._aside(what, work)
        self._end_if_done()
        return self.failures

    def _aside(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Throttled:
            return  # the quota is spent: nothing is wrong
        except RemoteError as error:
            self.failures.append(Failure(what=what, why=str(error), next=error.next_step))

    # --- what is open

    def _list_open(self) -> None:
        """List all open orders, so that every ship-by is known."""
        under_way = self._under_way()
        if under_way is None or under_way.open_read:
            return
        window = OrderWindow(since=under_way.begun_at - self.terms.open_back, only_open=True)
        enough_at = self.clock.now() + _OPEN_PATIENCE

        def noted(books: Books, page: OrderPage) -> None:
            found = books.catch_ups.under_way(self.account)
            if found is not None and page.next_token is None:
                books.catch_ups.save(self.account, dataclasses.replace(found, open_read=True))

        def stops(_page: OrderPage, _read_up_to: datetime | None) -> bool:
            self.progress("open orders", self.tally.pulled, None)
            return self.clock.now() >= enough_at

        self._walk(CatchUpWalk.OPEN, window, noted, stops)

    # --- the past

    def _read_past(self) -> None:
        """Read the past, the latest first, as far as the quota allows without waiting."""
        while (under_way := self._under_way()) is not None and under_way.open_read:
            if under_way.past_is_read or not self._has_turn(under_way):
                return
            until = under_way.until
            window = OrderWindow(since=max(under_way.since, until - under_way.slice_span), until=until)
            self._walk(CatchUpWalk.PAST, window, self._note_past(window), self._leaves_the_past)

    def _note_past(self, window: OrderWindow) -> Callable[[Books, OrderPage], None]:
        """Return what notes a page of one slice; its last page makes the past shorter by the slice."""

        def noted(books: Books, page: OrderPage) -> None:
            found = books.catch_ups.under_way(self.account)
            if found is None:
                return
            is_end = page.next_token is None and found.until == window.until
            left = None if found.left_orders is None else max(0, found.left_orders - len(page.orders))
            moved = dataclasses.replace(
                found,
                until=window.since if is_end else found.until,
                left_orders=left,
                moved_at=self.clock.now(),
            )
            books.catch_ups.save(self.account, moved)

        return noted

    def _leaves_the_past(self, _page: OrderPage, _read_up_to: datetime | None) -> bool:
        under_way = self._under_way()
        if under_way is not None and under_way.left_orders is not None and self.means.quota is not None:
            left = -(-under_way.left_orders // 100)
            seconds = self.means.quota.seconds_for({_PAGES: left})
            self.progress("past orders", self.tally.pulled, None, left_seconds=seconds)
        else:
            self.progress("past orders", self.tally.pulled, None)
        return under_way is None or not self._has_turn(under_way)

    def _has_turn(self, under_way: CatchUp) -> bool:
        """Tell whether the past may have a page now: one that is to spare, or one after a long standstill."""
        quota = self.means.quota
        if quota is None or quota.tokens_left().get(_PAGES, 0) > _KEPT_FOR_PULLS:
            return True
        return self.clock.now() - under_way.moved_at >= _STANDSTILL

    # --- walking

    def _walk(
        self,
        walk: CatchUpWalk,
        window: OrderWindow,
        noted: Callable[[Books, OrderPage], None],
        stops: Callable[[OrderPage, datetime | None], bool],
    ) -> None:
        def keep(books: Books, cursor: PageCursor | None) -> None:
            books.catch_ups.save_cursor(self.account, walk, cursor)

        trail = Trail(keep=keep, noted=noted, stops=stops)
        reader = Walk(self.account, self.source, self.ledger, self.clock, self.tally, trail)
        reader.read(window, self._cursor(walk, window))

    def _cursor(self, walk: CatchUpWalk, window: OrderWindow) -> PageCursor | None:
        """Return where to go on in a window; a token that grew too old shows that its slice was too long."""
        now = self.clock.now()
        with self.ledger.transaction() as books:
            cursor = books.catch_ups.cursor(self.account, walk)
            if is_usable(cursor, window, now):
                return cursor
            found = books.catch_ups.under_way(self.account)
            if cursor is not None and found is not None and now - cursor.saved_at >= TOKEN_LIFE:
                books.catch_ups.save_cursor(self.account, walk, None)
                if walk is CatchUpWalk.PAST:
                    shorter = max(_SHORTEST_SLICE, found.slice_span / 2)
                    books.catch_ups.save(self.account, dataclasses.replace(found, slice_span=shorter))
        return None

    # --- the report and single orders

    def _order_report(self) -> None:
        """Order the report before pages have to be waited for: Amazon makes it meanwhile."""
        quota = self.means.quota
        if quota is not None and quota.tokens_left().get(_PAGES, 0) < _FEW_LEFT:
            self._report(0.0)

    def _read_report(self) -> None:
        self._report(self.means.patience_seconds)

    def _report(self, patience_seconds: float) -> None:
        under_way = self._under_way()
        if under_way is not None:
            reporting = OrderReporting(
                self.account, self.ledger, self.clock, self.means, self.tally, self.progress
            )
            reporting.read(under_way, patience_seconds)

    def _read_wanted(self) -> None:
        """Read by id what lists have left in doubt, with half of what Amazon grants for it."""
        under_way, quota = self._under_way(), self.means.quota
        if under_way is None or not under_way.open_read:
            return
        most = _most_by_id(quota, self.means.patience_seconds)
        with self.ledger.transaction() as books:
            wanted = books.catch_ups.wanted(self.account, most)
        if not wanted:
            return
        pulled = pull_named_orders(
            self.account,
            self.source,
            self.ledger,
            self.clock,
            wanted,
            tally=self.tally,
            progress=self.progress,
        )
        self.failures.extend(pulled.failures)
        kept = set(pulled.left) - set(pulled.refused)
        with self.ledger.transaction() as books:
            done = [order_id for order_id in wanted if order_id not in kept]
            books.catch_ups.no_longer_wanted(self.account, done)

    # --- the end

    def _end_if_done(self) -> None:
        """Move the watermark over all that has been read, when pages have told all of it."""
        with self.ledger.transaction() as books:
            found = books.catch_ups.under_way(self.account)
            if found is None or not (found.open_read and found.past_is_read):
                return
            if books.catch_ups.count_wanted(self.account):
                return
            if found.joins:
                books.orders.advance_watermark(self.account, found.fresh_up_to)
            books.catch_ups.end(self.account)
        _log.info(CATCH_UP_ENDED, account=self.account, seconds=self._since(found.begun_at))

    def _since(self, moment: datetime) -> int:
        return int((self.clock.now() - moment).total_seconds())

    def _under_way(self) -> CatchUp | None:
        with self.ledger.transaction() as books:
            return books.catch_ups.under_way(self.account)


def _most_by_id(quota: Quota | None, patience_seconds: float) -> int:
    if quota is None:
        return _MOST_BY_ID
    granted = quota.tokens_left().get(_BY_ID, 0)
    granted += int(quota.rate(_BY_ID) * max(_BY_ID_SECONDS, patience_seconds))
    return max(1, granted // 2)
