"""Orders: every change since the watermark, page by page, nothing lost and nothing twice."""

import dataclasses
from datetime import datetime, timedelta

from fbm_sync.flows.pull.by_id import OrdersPulled, Tally, retry_quarantined
from fbm_sync.flows.pull.catch_up import CatchingUp, begin
from fbm_sync.flows.pull.terms import PullTerms
from fbm_sync.flows.pull.walk import TOKEN_LIFE, Trail, Walk, WalkEnd
from fbm_sync.ports import (
    Books,
    CatchUp,
    Clock,
    Failure,
    Ledger,
    OrderPage,
    OrderSource,
    OrderWindow,
    PageCursor,
    Progress,
    unwatched,
)

_SWEEP = "sweep"
"""The name under which it is noted when the pull last reached far back."""

_ORDERS_A_PAGE = 100
_CHANGES_OF_AN_ORDER = 2
"""How often an order changes while it is away from us, roughly: bought, shipped, arrived."""

_PATIENCE = timedelta(minutes=10)
"""So long one pull reads what is new beside a catch-up; decisions on what is known wait no longer."""


def pull_orders(
    account: str,
    source: OrderSource,
    ledger: Ledger,
    clock: Clock,
    terms: PullTerms,
    *,
    run_id: str,
    window: OrderWindow | None = None,
    progress: Progress = unwatched,
) -> OrdersPulled:
    """Read every order changed since the watermark, page by page, each page safe before the next.

    The next watermark is the upper bound that Amazon echoes, never our clock, and it moves only when
    the window is read to its end. A killed pull goes on from its last page; a token that Amazon no
    longer takes costs one window read again. `window` asks for a span of one's own (a catch-up run).

    A span that is more than Amazon grants at once becomes a catch-up (`catch_up`), which this and the next
    pulls bring to its end. One with an end of its own is always read page by page.
    """
    pull = _Pull(account, source, ledger, clock, terms, run_id, progress)
    under_way = None
    if window is None or window.until is None:
        under_way = pull.under_way(window)
    if under_way is None:
        pull.read(window)
        under_way = pull.begun
    failures = []
    if under_way is not None:
        catching_up = CatchingUp(account, source, ledger, clock, terms, pull.tally, progress)
        failures += catching_up.go_on(pull.read_what_is_new)
    failures += retry_quarantined(account, source, ledger, clock, pull.tally)
    return pull.result(failures)


class _Pull:
    """One pull of an account: what is new, and the watermark after it."""

    def __init__(
        self,
        account: str,
        source: OrderSource,
        ledger: Ledger,
        clock: Clock,
        terms: PullTerms,
        run_id: str,
        progress: Progress,
    ) -> None:
        self.account, self.ledger, self.clock, self.terms = account, ledger, clock, terms
        self.run_id, self.progress = run_id, progress
        self.tally = Tally()
        self.begun: CatchUp | None = None
        self.window = OrderWindow(since=clock.now())
        self._asked_for: OrderWindow | None = None
        self._enough_at: datetime | None = None
        self._pages = 0
        trail = Trail(keep=self._keep, stops=self._stops)
        self._walk = Walk(account, source, ledger, clock, self.tally, trail)

    def under_way(self, window: OrderWindow | None) -> CatchUp | None:
        """Return the catch-up under way; a span that reaches further back is added to it."""
        with self.ledger.transaction() as books:
            found = books.catch_ups.under_way(self.account)
            if found is None:
                return None
            known_from = self._known_from(books, found.begun_at)
            since = known_from if window is None else window.since
            if since < found.since:
                found = dataclasses.replace(
                    found, since=since, joins=since <= known_from, reported=False, left_orders=None
                )
                books.catch_ups.save(self.account, found)
        return found

    def read(self, wanted: OrderWindow | None) -> None:
        """Read one window to its end: the wanted one, or what is new."""
        self._asked_for = wanted
        window, cursor = self._start(wanted)
        end = self._read(window, cursor)
        if cursor is not None and end.complete:
            # An interrupted walk is complete now, but it ends where it was begun, perhaps hours ago.
            self._read(self._start(None)[0], None)

    def read_what_is_new(self) -> None:
        """Read what is new beside a catch-up; a span that takes too long goes on with the next pull."""
        if self.terms.means.quota is not None:
            self._enough_at = self.clock.now() + _PATIENCE
        self.read(None)

    def result(self, failures: list[Failure]) -> OrdersPulled:
        """Return what this pull brought, and how far a catch-up has come."""
        with self.ledger.transaction() as books:
            watermark = books.orders.watermark(self.account)
            left = books.catch_ups.under_way(self.account)
        return dataclasses.replace(self.tally.report(watermark, failures), catch_up=left)

    def _read(self, window: OrderWindow, cursor: PageCursor | None) -> WalkEnd:
        begun_at = None if cursor else self.clock.now()
        self._pages, self.window = 0, window
        end = self._walk.read(window, cursor)
        if end.complete:
            self._finish(window, end.read_up_to, begun_at)
        return end

    def _start(self, wanted: OrderWindow | None) -> tuple[OrderWindow, PageCursor | None]:
        """Choose the window: an unfinished walk goes on if it is still good and is what was asked for."""
        now = self.clock.now()
        with self.ledger.transaction() as books:
            cursor = books.orders.cursor(self.account)
            usual = next_window(books, self.account, self.terms, now)
        if cursor is not None and now - cursor.saved_at < TOKEN_LIFE and wanted in (None, cursor.window):
            return cursor.window, cursor
        return wanted or usual, None

    def _keep(self, books: Books, cursor: PageCursor | None) -> None:
        books.orders.save_cursor(self.account, cursor)

    # --- the end of a window

    def _finish(self, window: OrderWindow, read_up_to: datetime | None, begun_at: datetime | None) -> None:
        """Move the watermark, but only if the window joins what was known before without a gap.

        Before the first pull that means reaching back as far as a first pull does: older open orders
        would be missed for good.

        Only a walk that has no gap, no upper bound and a beginning of its own proves that orders are
        known up to now, or rather up to when it began: what changed meanwhile may be missing.
        """
        with self.ledger.transaction() as books:
            under_way = books.catch_ups.under_way(self.account)
            if under_way is not None:
                self._finish_beside(under_way, books, window, read_up_to, begun_at)
                return
            before = books.orders.watermark(self.account)
            known_from = self._known_from(books, self.clock.now())
            joins = window.since <= known_from
            if read_up_to is not None and joins:
                books.orders.advance_watermark(self.account, read_up_to)
            if begun_at is not None and window.until is None and joins:
                books.runs.succeeded("pull", self.account, self.run_id, begun_at)
                if before is None or window.since <= before - self.terms.sweep_overlap:
                    books.runs.succeeded(_SWEEP, self.account, self.run_id, begun_at)

    def _finish_beside(
        self,
        under_way: CatchUp,
        books: Books,
        window: OrderWindow,
        read_up_to: datetime | None,
        begun_at: datetime | None,
    ) -> None:
        """Note how far what is new has been read, while the watermark waits for the end of the catch-up.

        Orders count as known up to now when all open ones have been listed since the catch-up began: what an
        older order may still tell changes neither what is to be shipped nor what is on the shelf.
        """
        joins = window.since <= under_way.fresh_up_to
        if read_up_to is not None and joins:
            fresh_up_to = max(under_way.fresh_up_to, read_up_to)
            books.catch_ups.save(self.account, dataclasses.replace(under_way, fresh_up_to=fresh_up_to))
        is_proof = begun_at is not None and window.until is None and joins
        if begun_at is not None and is_proof and under_way.open_read and under_way.joins:
            books.runs.succeeded("pull", self.account, self.run_id, begun_at)
            if window.since <= begun_at - self.terms.sweep_overlap:
                books.runs.succeeded(_SWEEP, self.account, self.run_id, begun_at)

    def _known_from(self, books: Books, now: datetime) -> datetime:
        """Return from when on orders are wanted that no pull has brought yet."""
        watermark = books.orders.watermark(self.account)
        return now - self.terms.first if watermark is None else watermark

    # --- too much to be read at once

    def _stops(self, page: OrderPage, read_up_to: datetime | None) -> bool:
        """Tell whether the rest of a span is left to the next pull, or to a catch-up that begins here."""
        self._pages += 1
        self.progress("orders", self.tally.pulled, None)
        if self._enough_at is not None and self.clock.now() >= self._enough_at:
            return True
        return self._is_too_much(page, read_up_to)

    def _is_too_much(self, page: OrderPage, read_up_to: datetime | None) -> bool:
        """Tell whether the rest of a span is left to a catch-up, which then has been begun."""
        wanted, quota = self._asked_for, self.terms.means.quota
        if quota is None or page.next_token is None or read_up_to is None:
            return False
        if wanted is not None and wanted.until is not None:
            return False
        room = quota.tokens_left().get("searchOrders", 0)
        with self.ledger.transaction() as books:
            if books.catch_ups.under_way(self.account) is not None or not self._is_long(books, room):
                return False
            self.begun = begin(books, self.account, self.window, self.terms, read_up_to, self.clock.now())
            books.orders.save_cursor(self.account, None)
        return True

    def _is_long(self, books: Books, room: int) -> bool:
        """Tell whether more pages are to come than may be asked for at once.

        Nobody says how many there will be. Without a watermark they may be any number; else as many as the
        usual pace of orders makes likely; and an empty bucket says it all, if the span is long.
        """
        watermark, now = books.orders.watermark(self.account), self.clock.now()
        if watermark is None:
            return True
        since = self._asked_for.since if self._asked_for is not None else watermark
        is_empty = room == 0 and self.window.since < now - self.terms.recent
        left = expected_pages(books, self.account, since, now) - self._pages
        return left > room or is_empty


def expected_pages(books: Books, account: str, since: datetime, until: datetime) -> int:
    """Return how many pages a span is likely to have, by the pace at which orders come; at least one."""
    pace, span = books.orders.pace(account, until), max(timedelta(0), until - since)
    changes = pace.orders * _CHANGES_OF_AN_ORDER * span // timedelta(days=pace.days)
    return 1 + changes // _ORDERS_A_PAGE


def next_window(books: Books, account: str, terms: PullTerms, now: datetime) -> OrderWindow:
    """Return the span that the next pull reads when nothing else is asked for."""
    under_way = books.catch_ups.under_way(account)
    watermark, swept_at = books.orders.watermark(account), books.runs.last_success(_SWEEP, account)
    is_sweep = swept_at is None or now - swept_at >= terms.sweep_every
    if under_way is not None:
        since = under_way.fresh_up_to - terms.overlap
        return OrderWindow(since=min(since, now - terms.sweep_overlap) if is_sweep else since)
    if watermark is None:
        return OrderWindow(since=now - terms.first)
    return OrderWindow(since=watermark - (terms.sweep_overlap if is_sweep else terms.overlap))
