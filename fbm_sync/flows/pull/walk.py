"""A walk through a window of orders: page by page, each safe before the next is asked for."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from fbm_sync.errors import RequestRejected, UnexpectedPayload
from fbm_sync.flows.pull.by_id import Tally, record_orders
from fbm_sync.ports import Books, Clock, Ledger, OrderPage, OrderSource, OrderWindow, PageCursor

_log = structlog.get_logger()

TOKEN_LIFE = timedelta(hours=23)
"""Amazon forgets a page token after 24 hours; an hour is left for clocks that disagree."""

_MOST_BARREN_PAGES = 5
"""One page may come twice; so many in a row with nothing new on them are a circle, whatever their tokens."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """How one kind of walk is remembered and accompanied.

    `keep` saves its cursor. `noted` hears of each page in the page's own transaction. `stops` hears of it
    when it is safe, with the window's upper bound, and says whether to leave what follows to a later walk.
    """

    keep: Callable[[Books, PageCursor | None], None]
    noted: Callable[[Books, OrderPage], None] = lambda _books, _page: None
    stops: Callable[[OrderPage, datetime | None], bool] = lambda _page, _read_up_to: False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WalkEnd:
    """Where a walk ended: whether at the window's end, and the upper bound that Amazon echoed."""

    complete: bool
    read_up_to: datetime | None


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


class Walk:
    """Reads windows page by page, each page recorded before the next is asked for."""

    def __init__(
        self,
        account: str,
        source: OrderSource,
        ledger: Ledger,
        clock: Clock,
        tally: Tally,
        trail: Trail,
    ) -> None:
        self.account, self.source, self.ledger, self.clock = account, source, ledger, clock
        self.tally, self.trail = tally, trail

    def read(self, window: OrderWindow, cursor: PageCursor | None) -> WalkEnd:
        """Read one window to its end, or until the trail says stop.

        A page token that Amazon refuses starts the window again, but only once: a second refusal is
        trouble of another kind, and asking on would never end.
        """
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
            stops = self.trail.stops(page, read_up_to)
            if page.next_token is None:
                return WalkEnd(complete=True, read_up_to=read_up_to)
            if in_circles:
                raise UnexpectedPayload(
                    "Amazon's pages repeat themselves.",
                    operation="searchOrders",
                    next_step="The next pull begins this span anew; what was read is kept.",
                )
            if stops:
                return WalkEnd(complete=False, read_up_to=read_up_to)
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
            self.trail.keep(books, None)

    def _record(self, page: OrderPage, cursor: PageCursor | None) -> None:
        with self.ledger.transaction() as books:
            record_orders(self.account, page.orders, books, self.tally, self.clock.now())
            if page.unreadable:
                books.orders.set_aside(self.account, page.unreadable, self.clock.now())
            # The cursor goes with the page it follows: after a crash no page is skipped or lost.
            self.trail.keep(books, cursor)
            self.trail.noted(books, page)
        self.tally.quarantined += len(page.unreadable)


def is_usable(cursor: PageCursor | None, window: OrderWindow, now: datetime) -> bool:
    """Tell whether a walk through this window can go on from a cursor."""
    return cursor is not None and cursor.window == window and now - cursor.saved_at < TOKEN_LIFE


def _cursor_after(
    page: OrderPage, window: OrderWindow, read_up_to: datetime | None, now: datetime
) -> PageCursor | None:
    if page.next_token is None:
        return None
    return PageCursor(window=window, token=page.next_token, read_up_to=read_up_to, saved_at=now)
