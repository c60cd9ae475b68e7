"""The world in memory, in domain terms: small fakes of the ports, each as stubborn as the real thing.

`tests/contract/test_fakes_*.py` show that they behave like the adapters. Every fake of Amazon takes
trouble on demand: `trouble` holds what the next calls raise, or what happens meanwhile when it is a
function (`None` lets a call through); `broken` is what all others raise until it is taken away. For the
ledger there is no fake: SQLite is quick enough.
"""

import dataclasses
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fbm_sync.domain.change import FeedTicket, PushOutcome, PushReceipt
from fbm_sync.domain.letters import Letter
from fbm_sync.domain.listing import ObservedOffer, Offer, OfferChange
from fbm_sync.domain.order import Order, OrderId, OrderStatus, ReportedOrderLine, Sku
from fbm_sync.domain.supply import SupplySnapshot
from fbm_sync.errors import (
    DeliveryError,
    ReportCancelled,
    RequestRejected,
    Unavailable,
    UnexpectedPayload,
    Unfinished,
)
from fbm_sync.ports import (
    Hint,
    HintBatch,
    JobState,
    OfferPage,
    OrderPage,
    OrderReport,
    OrderWindow,
    Unreadable,
    WaitingHint,
)

from builders import ACCOUNT, NOW

SETTLING = timedelta(minutes=2)
STILL_OPEN = {
    OrderStatus.PENDING_AVAILABILITY,
    OrderStatus.PENDING,
    OrderStatus.UNSHIPPED,
    OrderStatus.PARTIALLY_SHIPPED,
}
TOKEN_LIFE = timedelta(hours=24)


class Killed(BaseException):
    """The process dies here; nothing catches this."""


class FakeClock:
    """Time that passes only when someone sleeps."""

    def __init__(self, start: datetime = NOW) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def advance(self, **span: float) -> None:
        self.moment += timedelta(**span)


class _Remote:
    """Something far away that may fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.trouble: deque[BaseException | Callable[[], object] | None] = deque()
        self.broken: BaseException | None = None

    def _called(self, operation: str) -> None:
        self.calls.append(operation)
        error = self.trouble.popleft() if self.trouble else self.broken
        if isinstance(error, BaseException):
            raise error
        if error is not None:
            error()

    def behave(self) -> None:
        """Work again from now on."""
        self.trouble.clear()
        self.broken = None


# --- Amazon's orders -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Place:
    window: OrderWindow
    order_ids: tuple[OrderId, ...]
    bound: datetime
    issued_at: datetime


class FakeAmazonOrders(_Remote):
    """One account's orders at Amazon, oldest change first.

    Which orders belong to a walk is settled at its first page; each order is shown as it is when its
    page is served. `poison` are orders that cannot be understood. With `repeats` the page tokens go
    round in a circle, with `stands_still` every new token leads to the same page again; `refuses_tokens`
    makes every token bad.
    """

    def __init__(self, clock: FakeClock, *, account: str = ACCOUNT, page_size: int = 2) -> None:
        super().__init__()
        self.clock, self.account, self.page_size = clock, account, page_size
        self.orders: dict[OrderId, Order] = {}
        self.poison: set[OrderId] = set()
        self.repeats = self.stands_still = self.refuses_tokens = False
        self.windows: list[tuple[OrderWindow, str | None]] = []
        self._places: dict[str, _Place] = {}
        self._numbers = itertools.count(1)

    def put(self, *orders: Order) -> None:
        """Let orders exist, in place of their former versions."""
        self.orders.update({order.order_id: order for order in orders})

    def change(self, order_id: str, **changes: object) -> Order:
        """Change an order now."""
        changed = dataclasses.replace(self.orders[OrderId(order_id)], updated_at=self.clock.now(), **changes)
        self.put(changed)
        return changed

    def page(self, window: OrderWindow, token: str | None = None) -> OrderPage:
        self.windows.append((window, token))
        self._called("searchOrders")
        readable_up_to = self.clock.now() - SETTLING
        if token is None and window.since >= readable_up_to:
            return OrderPage(orders=())
        place = self._first(window, readable_up_to) if token is None else self._found(window, token)
        here, rest = place.order_ids[: self.page_size], place.order_ids[self.page_size :]
        next_token = token if self.repeats and token else None
        if rest and next_token is None:
            next_token = f"token-{next(self._numbers)}"
            left = place.order_ids if self.stands_still else rest
            self._places[next_token] = dataclasses.replace(place, order_ids=left, issued_at=self.clock.now())
        return OrderPage(
            orders=tuple(self.orders[order_id] for order_id in here if order_id not in self.poison),
            unreadable=tuple(
                Unreadable(subject=order_id, reason="orderItems is missing")
                for order_id in here
                if order_id in self.poison
            ),
            read_up_to=place.bound,
            next_token=next_token,
        )

    def order(self, order_id: OrderId) -> Order:
        self._called("getOrder")
        if order_id not in self.orders:
            raise RequestRejected("The order does not exist.", operation="getOrder", status=404)
        if order_id in self.poison:
            raise UnexpectedPayload("orderItems is missing.", operation="getOrder", status=200)
        return self.orders[order_id]

    def _first(self, window: OrderWindow, readable_up_to: datetime) -> _Place:
        bound = min(window.until or readable_up_to, readable_up_to)
        found = [order for order in self.orders.values() if window.since <= order.updated_at <= bound]
        if window.only_open:
            found = [order for order in found if order.status in STILL_OPEN]
        found.sort(key=lambda order: (order.updated_at, order.order_id))
        ids = tuple(order.order_id for order in found)
        return _Place(window=window, order_ids=ids, bound=bound, issued_at=self.clock.now())

    def _found(self, window: OrderWindow, token: str) -> _Place:
        place = self._places.get(token)
        expired = place is not None and self.clock.now() - place.issued_at > TOKEN_LIFE
        if place is None or expired or place.window != window or self.refuses_tokens:
            raise RequestRejected("paginationToken has expired.", operation="searchOrders", status=400)
        return place


class FakeOrderReports(_Remote):
    """The report on an account's orders: what they were when it was ordered, a while later.

    `misses` are orders that it leaves out. Only what a catch-up asks for is here.
    """

    def __init__(self, orders: FakeAmazonOrders, *, seconds: float = 60.0) -> None:
        super().__init__()
        self.orders, self.clock, self.seconds = orders, orders.clock, seconds
        self.misses: set[str] = set()
        self._ordered: dict[tuple[datetime, datetime], tuple[datetime, tuple[Order, ...]]] = {}

    def orders_by_last_update(
        self, since: datetime, until: datetime, *, patience_seconds: float = 1800.0
    ) -> OrderReport:
        self._called("orderReport")
        if (since, until) not in self._ordered:
            told = [one for one in self.orders.orders.values() if since <= one.updated_at <= until]
            kept = tuple(one for one in told if one.order_id not in self.misses)
            self._ordered[since, until] = (self.clock.now() + timedelta(seconds=self.seconds), kept)
        ready_at, told_orders = self._ordered[since, until]
        left = (ready_at - self.clock.now()).total_seconds()
        if left > 0:
            self.clock.sleep(min(left, patience_seconds))
        if left > patience_seconds:
            raise Unfinished("The report is not finished yet.", operation="getReport")
        if not told_orders:
            raise ReportCancelled("The report was cancelled.", operation="getReport")
        return OrderReport(lines=tuple(line for order in told_orders for line in _report_lines(order)))


def _report_lines(order: Order) -> Iterator[ReportedOrderLine]:
    for item in order.items:
        yield ReportedOrderLine(
            account=order.account,
            order_id=order.order_id,
            sku=item.sku,
            created_at=order.created_at,
            updated_at=order.updated_at,
            status_text="".join(word.capitalize() for word in order.status.value.split("_")),
            units=item.ordered_units,
            fulfilled_by=order.fulfilled_by,
        )


# --- Amazon's offers -----------------------------------------------------------------------------


@dataclasses.dataclass
class _Listing:
    quantity: int
    handling_days: int | None
    restock_on: object
    other_channels: tuple[str, ...] = ()
    queue: list[tuple[datetime, int]] = dataclasses.field(default_factory=list)


class FakeAmazonOffers(_Remote):
    """One account's listings at Amazon.

    An accepted quantity goes live `apply_seconds` later, as the absolute number that was sent; handling
    time and restock date are shown as submitted at once. `refusals` are SKUs that Amazon rejects and
    why, `failures` what a change of a SKU raises, `never_live` SKUs whose changes are accepted and lost,
    `hides` SKUs that a sweep leaves out.
    """

    def __init__(self, clock: FakeClock, *, account: str = ACCOUNT, apply_seconds: float = 30.0) -> None:
        super().__init__()
        self.clock, self.account, self.apply_seconds = clock, account, apply_seconds
        self.refusals: dict[str, str] = {}
        self.failures: dict[str, Exception] = {}
        self.never_live: set[str] = set()
        self.unreadable: set[str] = set()
        self.hides: set[str] = set()
        self.sent: list[OfferChange] = []
        self.page_size = 20
        self._listings: dict[Sku, _Listing] = {}

    # what happens at Amazon

    def list(
        self,
        sku: str,
        quantity: int,
        *,
        handling_days: int | None = 2,
        restock_on: object = None,
        other_channels: tuple[str, ...] = (),
    ) -> None:
        """Let a listing exist, or be as a person set it in Seller Central."""
        self._listings[Sku(sku)] = _Listing(quantity, handling_days, restock_on, other_channels)

    def delist(self, sku: str) -> None:
        """Let a listing be gone."""
        del self._listings[Sku(sku)]

    def sell(self, sku: str, units: int) -> int:
        """Let buyers order units; return how many there really were."""
        listing = self._settled(Sku(sku))
        taken = min(units, listing.quantity)
        listing.quantity -= taken
        return taken

    def live(self, sku: str) -> Offer:
        """The offer a buyer sees now."""
        listing = self._settled(Sku(sku))
        return Offer(
            quantity=listing.quantity, handling_days=listing.handling_days, restock_on=listing.restock_on
        )

    # the port

    def sweep(self) -> Iterator[OfferPage]:
        skus = sorted(self._listings.keys() - self.hides)
        for start in range(0, len(skus), self.page_size):
            self._called("searchListingsItems")
            here = skus[start : start + self.page_size]
            yield OfferPage(
                offers=tuple(self._observed(sku) for sku in here if sku not in self.unreadable),
                unreadable=tuple(
                    Unreadable(subject=sku, reason="absurd quantity")
                    for sku in here
                    if sku in self.unreadable
                ),
                expected_total=len(skus),
            )

    def observe(self, skus: Sequence[Sku]) -> Mapping[Sku, ObservedOffer]:
        if skus:
            self._called("searchListingsItems")
        return {sku: self._observed(sku) for sku in skus if sku in self._listings}

    def preview(self, change: OfferChange) -> PushReceipt:
        self._called("previewListing")
        return self._judged(change, PushOutcome.VALID)

    def apply(self, change: OfferChange) -> PushReceipt:
        self._called("patchListingsItem")
        receipt = self._judged(change, PushOutcome.ACCEPTED)
        self.sent.append(change)
        if receipt.outcome is PushOutcome.ACCEPTED:
            self._submit(change)
        return receipt

    def _judged(self, change: OfferChange, good: PushOutcome) -> PushReceipt:
        if change.sku in self.failures:
            raise self.failures[change.sku]
        why = self.refusals.get(change.sku)
        if change.sku in {"", ".", ".."}:
            why = "It cannot be addressed."
        if why is not None:
            return PushReceipt(
                change=change, outcome=PushOutcome.REJECTED, at=self.clock.now(), problems=(why,)
            )
        return PushReceipt(
            change=change, outcome=good, at=self.clock.now(), submission_id=f"submission-{len(self.sent)}"
        )

    def _submit(self, change: OfferChange) -> None:
        """Only what changes is named: a promise can be moved without touching the quantity."""
        if change.sku in self.never_live or change.sku not in self._listings:
            return
        listing = self._settled(change.sku)
        before, after = change.before, change.after
        clears = (after.restock_on is None and before.restock_on is not None) or (
            after.handling_days is None and before.handling_days is not None
        )
        names_quantity = clears or change.changes_quantity or after.handling_days != before.handling_days
        if clears or after.handling_days != before.handling_days:
            listing.handling_days = after.handling_days
        if clears or after.restock_on != before.restock_on:
            listing.restock_on = after.restock_on
        if names_quantity or after.restock_on == before.restock_on:
            due_at = self.clock.now() + timedelta(seconds=self.apply_seconds)
            listing.queue.append((due_at, after.quantity))

    def _settled(self, sku: Sku) -> _Listing:
        listing = self._listings[sku]
        while listing.queue and listing.queue[0][0] <= self.clock.now():
            listing.quantity = listing.queue.pop(0)[1]
        return listing

    def _observed(self, sku: Sku) -> ObservedOffer:
        return ObservedOffer(
            account=self.account,
            sku=sku,
            offer=self.live(sku),
            observed_at=self.clock.now(),
            other_channels=self._listings[sku].other_channels,
        )


@dataclasses.dataclass
class _Feed:
    changes: tuple[OfferChange, ...]
    at: datetime
    state: JobState = JobState.IN_QUEUE
    receipts: tuple[PushReceipt, ...] = ()


class FakeAmazonFeeds(_Remote):
    """One account's feeds at Amazon, which change the listings of `offers`.

    A feed begins at once and is worked off after `feed_seconds`; with `frozen` none begins, with `stuck` one
    that has begun does not end. `most` changes fit in one. `lost_answers` is how many submissions arrive
    without Amazon's answer arriving here. After `breaks_off_after` changes a feed breaks off.
    """

    def __init__(self, offers: FakeAmazonOffers, *, feed_seconds: float = 60.0, most: int = 25_000) -> None:
        super().__init__()
        self.offers, self.clock = offers, offers.clock
        self.feed_seconds, self.most = feed_seconds, most
        self.frozen = self.stuck = False
        self.lost_answers = 0
        self.breaks_off_after: int | None = None
        self.feeds: dict[str, _Feed] = {}

    def split(self, changes: Sequence[OfferChange]) -> tuple[tuple[OfferChange, ...], ...]:
        return tuple(tuple(changes[at : at + self.most]) for at in range(0, len(changes), self.most))

    def submit(self, changes: Sequence[OfferChange]) -> FeedTicket:
        self._called("createFeed")
        feed_id = f"feed-{len(self.feeds) + 1}"
        self.feeds[feed_id] = _Feed(tuple(changes), self.clock.now())
        self.settle()
        if self.lost_answers:
            self.lost_answers -= 1
            raise Unavailable("Connection lost.", operation="createFeed")
        return FeedTicket(feed_id=feed_id, submitted_at=self.clock.now(), changes=tuple(changes))

    def submitted_since(self, since: datetime) -> tuple[str, ...]:
        self._called("getFeeds")
        return tuple(feed_id for feed_id, feed in self.feeds.items() if feed.at >= since)

    def state(self, ticket: FeedTicket) -> JobState:
        self._called("getFeed")
        self.settle()
        return self.feeds[ticket.feed_id].state

    def cancel(self, ticket: FeedTicket) -> bool:
        self._called("cancelFeed")
        feed = self.feeds[ticket.feed_id]
        self.settle()
        if feed.state is not JobState.IN_QUEUE:
            return False
        feed.state, feed.receipts = JobState.CANCELLED, self._all(feed, PushOutcome.FAILED)
        return True

    def receipts(self, ticket: FeedTicket) -> tuple[PushReceipt, ...]:
        self._called("getFeedDocument")
        now = self.clock.now()
        return tuple(dataclasses.replace(one, at=now) for one in self.feeds[ticket.feed_id].receipts)

    def settle(self) -> None:
        """Let feeds whose time has come change the listings."""
        for feed in self.feeds.values():
            if feed.state is JobState.IN_QUEUE and not self.frozen:
                feed.state, feed.at = JobState.IN_PROGRESS, self.clock.now()
            due_at = feed.at + timedelta(seconds=self.feed_seconds)
            if feed.state is JobState.IN_PROGRESS and not self.stuck and self.clock.now() >= due_at:
                self._work_off(feed)

    def _work_off(self, feed: _Feed) -> None:
        made = tuple(self._made(change) for change in feed.changes[: self.breaks_off_after])
        feed.state, feed.receipts = JobState.DONE, made
        if self.breaks_off_after is not None:
            feed.state, feed.receipts = JobState.FATAL, self._all(feed, PushOutcome.UNKNOWN)

    def _made(self, change: OfferChange) -> PushReceipt:
        receipt = self.offers._judged(change, PushOutcome.ACCEPTED)
        if receipt.outcome is PushOutcome.ACCEPTED:
            self.offers._submit(change)
        return receipt

    def _all(self, feed: _Feed, outcome: PushOutcome) -> tuple[PushReceipt, ...]:
        now = self.clock.now()
        return tuple(PushReceipt(change=change, outcome=outcome, at=now) for change in feed.changes)


class FakeReports(_Remote):
    """What Amazon reports of one account's orders, which may be less than there are.

    `lacks` are orders left out, `keeps` orders that are named although they are gone meanwhile, `nonsense`
    rows that cannot be understood.
    """

    def __init__(self, orders: FakeAmazonOrders) -> None:
        super().__init__()
        self.orders = orders
        self.lacks: set[str] = set()
        self.keeps: tuple[Order, ...] = ()
        self.nonsense: tuple[str, ...] = ()

    def orders_by_last_update(
        self, since: datetime, until: datetime, *, patience_seconds: float
    ) -> OrderReport:
        self._called("createReport")
        there = {order.order_id: order for order in (*self.keeps, *self.orders.orders.values())}
        spanned = [one for one in there.values() if since <= one.updated_at <= until]
        return OrderReport(
            lines=tuple(
                ReportedOrderLine(
                    account=order.account,
                    order_id=order.order_id,
                    sku=item.sku,
                    created_at=order.created_at,
                    updated_at=order.updated_at,
                    status_text=order.status.value.title().replace("_", ""),
                    units=item.ordered_units,
                    fulfilled_by=order.fulfilled_by,
                )
                for order in spanned
                if order.order_id not in self.lacks
                for item in order.items
            ),
            unreadable=tuple(Unreadable(subject=row, reason="no SKU") for row in self.nonsense),
        )


# --- Amazon's hints ------------------------------------------------------------------------------


@dataclasses.dataclass
class _Message:
    hint: Hint | None
    handle: str
    visible_at: datetime
    deliveries: int = 0


class FakeHints(_Remote):
    """One account's hints; what was handed out and is not done comes again after `hidden_seconds`.

    Each is handed out for as long as it is not done; `None` is a message that is no hint.
    """

    def __init__(self, clock: FakeClock, *, hidden_seconds: float = 120.0) -> None:
        super().__init__()
        self.clock, self.hidden_seconds = clock, hidden_seconds
        self.messages: list[_Message] = []
        self.let_go: set[str] = set()
        self._numbers = itertools.count(1)

    def send(self, *hints: Hint | None) -> None:
        """Let hints wait, each once more if it waits already."""
        for hint in hints:
            handle = f"handle-{next(self._numbers)}"
            self.messages.append(_Message(hint=hint, handle=handle, visible_at=self.clock.now()))

    def receive(self) -> HintBatch:
        self._called("ReceiveMessage")
        here = [one for one in self.messages if one.visible_at <= self.clock.now()][:10]
        waiting: list[WaitingHint] = []
        for message in here:
            if message.hint is None or message.hint.hint_id in self.let_go:
                self.messages.remove(message)
                continue
            message.deliveries += 1
            message.visible_at = self.clock.now() + timedelta(seconds=self.hidden_seconds)
            waiting.append(
                WaitingHint(hint=message.hint, handle=message.handle, deliveries=message.deliveries)
            )
        return HintBatch(hints=tuple(waiting), discarded=len(here) - len(waiting))

    def done(self, hints: Sequence[WaitingHint]) -> None:
        self._called("DeleteMessageBatch")
        handles = {one.handle for one in hints}
        self.messages = [message for message in self.messages if message.handle not in handles]
        self.let_go |= {one.hint.hint_id for one in hints}


# --- the seller and the people -------------------------------------------------------------------


class FakeSupply:
    """The seller's records: whatever `snapshot` is now, or `error`."""

    def __init__(self, snapshot: SupplySnapshot) -> None:
        self.snapshot = snapshot
        self.error: Exception | None = None

    def read(self) -> SupplySnapshot:
        if self.error is not None:
            raise self.error
        return self.snapshot


class FakeNotifier:
    """One channel to people, who remember all they were told."""

    def __init__(self) -> None:
        self.delivered: list[Letter] = []
        self.trouble: deque[BaseException | None] = deque()
        self.broken: DeliveryError | None = None
        self.tries = 0
        self.dies_after_telling = False

    def deliver(self, letter: Letter) -> None:
        self.tries += 1
        error = self.trouble.popleft() if self.trouble else self.broken
        if error is not None:
            raise error
        self.delivered.append(letter)
        if self.dies_after_telling:
            self.dies_after_telling = False
            raise Killed

    def behave(self) -> None:
        """Work again from now on."""
        self.trouble.clear()
        self.broken, self.dies_after_telling = None, False

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was told: kind of step and the alert's key."""
        return [(step.kind.value, step.alert.key) for letter in self.delivered for step in letter.transitions]
