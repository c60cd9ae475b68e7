"""Orders: every change since the watermark, page by page, nothing lost and nothing twice."""

import dataclasses
from datetime import datetime, timedelta

import structlog

from fbm_sync.errors import RequestRejected, UnexpectedPayload
from fbm_sync.flows.pull.by_id import OrdersPulled, Tally, record_orders, retry_quarantined
from fbm_sync.ports import (
    Books,
    Clock,
    Ledger,
    OrderPage,
    OrderSource,
    OrderWindow,
    PageCursor,
    Progress,
    unwatched,
)

_log = structlog.get_logger()

TOKEN_LIFE = timedelta(hours=23)
"""Amazon forgets a page token after 24 hours; an hour is left for clocks that disagree."""

_MOST_BARREN_PAGES = 5
"""One page may come twice; so many in a row with nothing new on them are a circle, whatever their tokens."""

_SWEEP = "sweep"
"""The name under which it is noted when the pull last reached far back."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PullTerms:
    """How far back to read: `overlap` is read again before the watermark, `first` without one.

    Amazon sometimes shows an order hours after it came to be, behind the watermark by then. So every
    `sweep_every` the pull reaches back by `sweep_overlap` instead.
    """

    overlap: timedelta = timedelta(minutes=10)
    first: timedelta = timedelta(days=30)
    sweep_every: timedelta = timedelta(hours=6)
    sweep_overlap: timedelta = timedelta(hours=26)


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
    """
    walk = _Walk(account, source, ledger, clock, terms, run_id, progress)
    wanted, cursor = _start(account, ledger, clock, terms, window)
    watermark = walk.read(wanted, cursor)
    if cursor is not None:
        # An interrupted walk is complete now, but it ends where it was begun, perhaps hours ago.
        wanted, _ = _start(account, ledger, clock, terms, None)
        watermark = walk.read(wanted, None)
    failures = retry_quarantined(account, source, ledger, clock, walk.tally)
    return walk.tally.report(watermark, failures)


class _Track:
    """What one walk has come across, to notice when it goes in circles."""

    def __init__(self, token: str | None) -> None:
        self._tokens = {token}
        self._seen: set[tuple[str, object]] = set()
        self._barren = 0

    def goes_in_circles(self, page: OrderPage) -> bool:
        """Tell whether the page leads back: its next token is an old one, or too long nothing was new."""
        shown: set[tuple[str, object]] = {(order.order_id, order.updated_at) for order in page.orders}
        shown |= {(item.subject, item.reason) for item in page.unreadable}
        self._barren = 0 if shown - self._seen else self._barren + 1
        self._seen |= shown
        if page.next_token is None:
            return False
        known = page.next_token in self._tokens
        self._tokens.add(page.next_token)
        return known or self._barren >= _MOST_BARREN_PAGES


class _Walk:
    """Reads windows page by page, each page recorded before the next is asked for."""

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
        self.account, self.source, self.ledger, self.clock = account, source, ledger, clock
        self.terms, self.run_id, self.progress = terms, run_id, progress
        self.tally = Tally()

    def read(self, window: OrderWindow, cursor: PageCursor | None) -> datetime | None:
        """Read one window to its end and return the watermark after it.

        A page token that Amazon refuses starts the window again, but only once: a second refusal is
        trouble of another kind, and asking on would never end.
        """
        begun_at = None if cursor else self.clock.now()
        token, read_up_to = (cursor.token, cursor.read_up_to) if cursor else (None, None)
        track = _Track(token)
        restarted = False
        while True:
            page = self._page(window, token, restarted=restarted, resumed=cursor)
            if page is None:
                token, read_up_to, track, restarted = None, None, _Track(None), True
                continue
            read_up_to = read_up_to or page.read_up_to
            in_circles = track.goes_in_circles(page)
            cursor_after = None if in_circles else _cursor_after(page, window, read_up_to, self.clock.now())
            self._record(page, cursor_after)
            if page.next_token is None:
                return self._finish(window, read_up_to, begun_at)
            if in_circles:
                raise UnexpectedPayload(
                    "Amazon's pages repeat themselves.",
                    operation="searchOrders",
                    next_step="The next pull begins this span anew; what was read is kept.",
                )
            token = page.next_token

    def _page(
        self, window: OrderWindow, token: str | None, *, restarted: bool, resumed: PageCursor | None
    ) -> OrderPage | None:
        """Read a page; `None` when Amazon no longer takes the token, so that the window starts again."""
        try:
            return self.source.page(window, token)
        except RequestRejected as error:
            if token is None:
                raise
            self._forget_cursor()
            if restarted:
                raise
            _log.warning("page_token_refused", account=self.account, error=str(error))
            return None
        except UnexpectedPayload:
            if resumed is not None and token == resumed.token:
                # The second time at the same page: the next pull must not stop there once more.
                self._forget_cursor()
            raise

    def _forget_cursor(self) -> None:
        with self.ledger.transaction() as books:
            books.orders.save_cursor(self.account, None)

    def _finish(
        self, window: OrderWindow, read_up_to: datetime | None, begun_at: datetime | None
    ) -> datetime | None:
        """Move the watermark, but only if the window joins what was known before without a gap.

        Before the first pull that means reaching back as far as a first pull does: older open orders
        would be missed for good.

        Only a walk that has no gap, no upper bound and a beginning of its own proves that orders are
        known up to now, or rather up to when it began: what changed meanwhile may be missing.
        """
        with self.ledger.transaction() as books:
            before = books.orders.watermark(self.account)
            known_from = self.clock.now() - self.terms.first if before is None else before
            joins = window.since <= known_from
            if read_up_to is not None and joins:
                books.orders.advance_watermark(self.account, read_up_to)
            if begun_at is not None and window.until is None and joins:
                books.runs.succeeded("pull", self.account, self.run_id, begun_at)
                if before is None or window.since <= before - self.terms.sweep_overlap:
                    books.runs.succeeded(_SWEEP, self.account, self.run_id, begun_at)
            return books.orders.watermark(self.account)

    def _record(self, page: OrderPage, cursor: PageCursor | None) -> None:
        with self.ledger.transaction() as books:
            record_orders(self.account, page.orders, books, self.tally, self.clock.now())
            if page.unreadable:
                books.orders.set_aside(self.account, page.unreadable, self.clock.now())
            # The cursor goes with the page it follows: after a crash no page is skipped or lost.
            books.orders.save_cursor(self.account, cursor)
        self.tally.quarantined += len(page.unreadable)
        self.progress("orders", self.tally.pulled, None)


def _start(
    account: str, ledger: Ledger, clock: Clock, terms: PullTerms, wanted: OrderWindow | None
) -> tuple[OrderWindow, PageCursor | None]:
    """Choose the window: an unfinished walk goes on if it is still good and is what was asked for."""
    now = clock.now()
    with ledger.transaction() as books:
        cursor = books.orders.cursor(account)
        usual = next_window(books, account, terms, now)
    if cursor is not None and now - cursor.saved_at < TOKEN_LIFE and wanted in (None, cursor.window):
        return cursor.window, cursor
    return wanted or usual, None


def next_window(books: Books, account: str, terms: PullTerms, now: datetime) -> OrderWindow:
    """Return the span that the next pull reads when nothing else is asked for."""
    watermark, swept_at = books.orders.watermark(account), books.runs.last_success(_SWEEP, account)
    if watermark is None:
        return OrderWindow(since=now - terms.first)
    is_sweep = swept_at is None or now - swept_at >= terms.sweep_every
    return OrderWindow(since=watermark - (terms.sweep_overlap if is_sweep else terms.overlap))


def _cursor_after(
    page: OrderPage, window: OrderWindow, read_up_to: datetime | None, now: datetime
) -> PageCursor | None:
    if page.next_token is None:
        return None
    return PageCursor(window=window, token=page.next_token, read_up_to=read_up_to, saved_at=now)
