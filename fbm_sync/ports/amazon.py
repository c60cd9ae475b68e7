"""The doors to Amazon: orders, offers, reports, and what is left of its request limits."""

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from fbm_sync.domain.change import FeedTicket, PushReceipt
from fbm_sync.domain.listing import ObservedOffer, OfferChange, ReportedListing
from fbm_sync.domain.order import Order, OrderId, ReportedOrderLine, Sku
from fbm_sync.domain.performance import SellerPerformance

# --- orders --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderWindow:
    """Orders updated at or after `since` and, when given, at or before `until`.

    With `only_open` those that Amazon says are still to be shipped; its word may be a little behind.
    """

    since: datetime
    until: datetime | None = None
    only_open: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """One thing Amazon sent that we could not understand: set aside with its reason, never lost."""

    subject: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """One page of orders.

    `read_up_to` is the upper bound that Amazon echoes: the only safe next watermark. `next_token` is
    `None` on the last page.
    """

    orders: tuple[Order, ...]
    unreadable: tuple[Unreadable, ...] = ()
    read_up_to: datetime | None = None
    next_token: str | None = None


class OrderSource(Protocol):
    """One account's merchant-fulfilled orders at Amazon."""

    def page(self, window: OrderWindow, token: str | None = None) -> OrderPage:
        """Read one page of a window; `token` comes from the page before and needs the same window.

        Raises `RemoteError`; one order that cannot be understood never costs the page.
        """

    def order(self, order_id: OrderId) -> Order:
        """Read one order by id. Raises `RequestRejected` (status 404) when Amazon does not know it."""


# --- offers --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferPage:
    """Some observed offers of a sweep and how many listings the sweep expects in all."""

    offers: tuple[ObservedOffer, ...]
    unreadable: tuple[Unreadable, ...] = ()
    expected_total: int | None = None


class OfferChannel(Protocol):
    """One account's merchant offers at Amazon: read them, try a change, make a change."""

    def sweep(self) -> Iterator[OfferPage]:
        """Read every merchant listing, page by page, each once."""

    def observe(self, skus: Sequence[Sku]) -> Mapping[Sku, ObservedOffer]:
        """Read the given listings only; a SKU that Amazon does not know is left out."""

    def preview(self, change: OfferChange) -> PushReceipt:
        """Let Amazon judge a change without making it: outcome VALID or REJECTED."""

    def apply(self, change: OfferChange) -> PushReceipt:
        """Make a change: outcome ACCEPTED (queued, not live yet) or REJECTED with Amazon's reasons."""


# --- feeds ---------------------------------------------------------------------------------------


class JobState(enum.StrEnum):
    """How a feed or report stands; `UNKNOWN` is a word Amazon invented after this was written."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FATAL = "FATAL"
    UNKNOWN = "unknown"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.CANCELLED, JobState.FATAL)


class FeedChannel(Protocol):
    """One account's feeds: thousands of changes at once, which Amazon works off in its own time."""

    def split(self, changes: Sequence[OfferChange]) -> tuple[tuple[OfferChange, ...], ...]:
        """Split changes, in their order, into as few feeds as hold them."""

    def submit(self, changes: Sequence[OfferChange]) -> FeedTicket:
        """Hand in changes as one feed. After an `Unavailable` from "createFeed" Amazon may have it."""

    def submitted_since(self, since: datetime) -> tuple[str, ...]:
        """Return the ids of the account's feeds of changes since an instant, whoever handed them in."""

    def state(self, ticket: FeedTicket) -> JobState:
        """Ask how a feed stands. DONE means worked off, not that every change was accepted."""

    def cancel(self, ticket: FeedTicket) -> bool:
        """Take a feed back that Amazon has not begun; false when it is too late for that."""

    def receipts(self, ticket: FeedTicket) -> tuple[PushReceipt, ...]:
        """Return what became of each change of a finished feed; nothing while Amazon works on it."""


# --- reports -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ListingReport:
    """The listings Amazon reports, one entry for each SKU and marketplace."""

    listings: tuple[ReportedListing, ...]
    unreadable: tuple[Unreadable, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """The order lines Amazon reports, one entry for each line."""

    lines: tuple[ReportedOrderLine, ...]
    unreadable: tuple[Unreadable, ...] = ()


class ReportSource(Protocol):
    """What Amazon reports of one account when asked for it: a second witness, minutes to hours behind.

    Each call takes minutes. All raise `RemoteError`: `ReportCancelled` when Amazon had nothing to say or
    was asked too soon (never read as "nothing there"), `Unavailable` when the report was not finished
    in time: the next call for the same goes on waiting for it.
    """

    def merchant_listings(self, *, patience_seconds: float = 1800.0) -> ListingReport:
        """Read every listing with its status, live or not, waiting no longer than the patience."""

    def open_listings(self) -> ListingReport:
        """Read the listings on sale and their quantities."""

    def orders_by_last_update(
        self, since: datetime, until: datetime, *, patience_seconds: float = ...
    ) -> OrderReport:
        """Read the lines of all orders updated in a range of time, whoever fulfils them.

        One that was ordered lately for the same range does as well, whoever ordered it.
        """

    def seller_performance(self, *, patience_seconds: float) -> SellerPerformance:
        """Read Amazon's verdict on the seller in every marketplace, waiting no longer than the patience."""


# --- request limits ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RequestBudget:
    """What was left of one of Amazon's request limits at an instant; below zero, what is owed first.

    `named_rate` is in requests per second, and there only when Amazon named it.
    """

    tokens: float
    at: datetime
    named_rate: float | None = None


class Quota(Protocol):
    """What one account may ask of Amazon now, and how long asking takes."""

    def tokens_left(self) -> Mapping[str, int]:
        """Return how many requests of each operation may be made right now."""

    def rate(self, operation: str) -> float:
        """Return the requests per second now believed in."""

    def seconds_for(self, calls: Mapping[str, int]) -> float:
        """Return how long so many calls of each operation take from now on, one operation after another."""


class BudgetMemory(Protocol):
    """What one account has left of Amazon's limits, shared by all processes that work for it."""

    def recall(self) -> Mapping[str, RequestBudget]:
        """Return what is remembered, by operation."""

    def revise(self, operation: str, change: Callable[[RequestBudget | None], RequestBudget]) -> None:
        """Replace what is remembered of one operation by what `change` makes of it, in one step."""
