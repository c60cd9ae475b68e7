"""What is recorded of a catch-up: how far a long past was read, so that a killed run goes on from there."""

import dataclasses
import enum
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from fbm_sync.domain.order import OrderId
from fbm_sync.ports.amazon import OrderWindow


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PageCursor:
    """Where an unfinished walk through a window stands, so that a killed run goes on from there.

    `token` belongs to exactly this window; Amazon forgets it 24 hours after `saved_at`.
    """

    window: OrderWindow
    token: str
    read_up_to: datetime | None
    saved_at: datetime


class CatchUpWalk(enum.StrEnum):
    """The two long walks of a catch-up: through what is open now, and through the past."""

    OPEN = "open"
    PAST = "past"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """How far a catch-up has come.

    Between `since` and `until` lies what no page has told yet; `until` moves towards `since`, slice by slice,
    none longer than `slice_span`. What changed after the first `until` is read by the usual pulls, up to
    `fresh_up_to` so far. `joins` tells whether the whole reaches back to what was known before: only then may
    the watermark move in the end. `open_read` and `reported` tell what is behind us, `left_orders` how many
    orders are thought to be left in the span, `moved_at` when a page of it was last read.
    """

    begun_at: datetime
    since: datetime
    until: datetime
    fresh_up_to: datetime
    joins: bool
    slice_span: timedelta
    moved_at: datetime
    open_read: bool = False
    reported: bool = False
    left_orders: int | None = None

    @property
    def past_is_read(self) -> bool:
        """Whether pages have told all of the span."""
        return self.until <= self.since


class CatchUpBook(Protocol):
    """What is recorded of catch-ups: at most one for each account."""

    def under_way(self, account: str) -> CatchUp | None:
        """Return how far an account's catch-up has come; `None` when there is none."""

    def save(self, account: str, catch_up: CatchUp) -> None:
        """Remember how far it has come."""

    def end(self, account: str) -> None:
        """Forget the catch-up and all that belongs to it."""

    def cursor(self, account: str, walk: CatchUpWalk) -> PageCursor | None:
        """Return where one of its walks stands."""

    def save_cursor(self, account: str, walk: CatchUpWalk, cursor: PageCursor | None) -> None:
        """Remember where one of its walks stands; `None` when it is complete."""

    def want(self, account: str, order_ids: Collection[OrderId]) -> None:
        """Remember orders that are to be read one by one, unless something brings them before."""

    def want_all_open(self, account: str) -> None:
        """Remember so all orders that are recorded as open."""

    def count_open(self, account: str) -> int:
        """Count the orders that are recorded as open."""

    def wanted(self, account: str, limit: int) -> tuple[OrderId, ...]:
        """Return some of the orders that are still to be read one by one."""

    def count_wanted(self, account: str) -> int:
        """Count the orders that are still to be read one by one."""

    def no_longer_wanted(self, account: str, order_ids: Collection[OrderId]) -> None:
        """Note that these orders have been read, or cannot be."""
