"""The door to the store: what is recorded, book by book, one transaction at a time."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol

from fbm_sync.domain.alert import Alert, Finding, Life
from fbm_sync.domain.allocation import Assigned
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.delivering import ChannelState
from fbm_sync.domain.guard import OnSale
from fbm_sync.domain.hold import DroppedChange, Hold
from fbm_sync.domain.latency import FirstRead
from fbm_sync.domain.letters import Notification, Tray, Untold
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.open_risk import OpenRisks
from fbm_sync.domain.order import Order, OrderId, Sku
from fbm_sync.domain.performance import SellerPerformance
from fbm_sync.domain.projection import OpenOrder, Pace
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.standing import HealthTerms, Span, Tally
from fbm_sync.domain.supply import SnapshotSummary, SupplySnapshot
from fbm_sync.domain.telling import Envelope
from fbm_sync.ports.amazon import RequestBudget, Unreadable
from fbm_sync.ports.catch_up import CatchUpBook, PageCursor
from fbm_sync.ports.pushing import PushBook
from fbm_sync.ports.truth import TruthBook
from fbm_sync.ports.watch import WatchBook


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedItem:
    """Something unreadable that waits for another try."""

    account: str
    subject: str
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime


class OrderBook(Protocol):
    """What is recorded of orders."""

    def record(self, orders: Sequence[Order]) -> None:
        """Record orders with their items and shipments; an older version never replaces a newer one."""

    def known(self, account: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Order]:
        """Return those of the given orders that are recorded."""

    def find(self, order_ids: Sequence[OrderId]) -> tuple[Order, ...]:
        """Return recorded orders by id, of any account and state."""

    def holding_units(self, now: datetime) -> tuple[Order, ...]:
        """Return every order that takes units away from sale now: open ones and those cooling off."""

    def touched_since(self, since: datetime) -> tuple[Order, ...]:
        """Return orders created, due or shipped since an instant: the basis of rates and metrics."""

    def current(
        self, now: datetime, since: datetime, skus: Collection[Sku] | None = None
    ) -> tuple[Order, ...]:
        """Return orders that hold units now or were touched since an instant; with `skus` theirs only."""

    def tied_to(self, skus: Collection[Sku], now: datetime) -> frozenset[Sku]:
        """Return the SKUs that share an order holding units with one of these, these included."""

    def skus_turning(self, since: datetime, until: datetime) -> frozenset[Sku]:
        """Return the SKUs of orders that time alone has changed in between: due, let go, judged till then."""

    def latest_first_reads(self, account: str, before: datetime, limit: int) -> tuple[FirstRead, ...]:
        """Return when the latest orders that were first read before an instant came to be, newest first."""

    def first_created(self, account: str, since: datetime) -> datetime | None:
        """Return when the account's first order since an instant was placed, those Amazon ships left out."""

    def tallies(
        self, account: str, spans: Sequence[Span], now: datetime, terms: HealthTerms
    ) -> tuple[Tally, ...]:
        """Return what `domain.health` counts over each of these spans, counted by the database."""

    def open_orders(self, account: str) -> tuple[OpenOrder, ...]:
        """Return what the account's rates may still get from its paid open orders, as last judged."""

    def pace(self, account: str, now: datetime) -> Pace:
        """Return how fast new orders come, and how soon they are due, by those of the last weeks."""

    def open_risks(
        self, account: str, now: datetime, late_limit: float, without: Collection[Sku] = ()
    ) -> OpenRisks:
        """Return what open orders put at risk, as last judged; of other SKUs than these."""

    def every(self) -> tuple[Order, ...]:
        """Return every recorded order, whatever its state."""

    def set_aside(self, account: str, unreadable: Sequence[Unreadable], now: datetime) -> None:
        """Quarantine what could not be read; the first sighting is kept."""

    def readmit(self, account: str, subjects: Sequence[str]) -> None:
        """Take out of quarantine what has been read after all."""

    def quarantined(self) -> tuple[QuarantinedItem, ...]:
        """Return all that waits in quarantine."""

    def watermark(self, account: str) -> datetime | None:
        """Return the instant up to which orders are known; `None` before the first complete pull."""

    def placed_up_to(self, account: str) -> datetime | None:
        """Return the instant up to which all orders placed are known; those that just changed may hide."""

    def advance_watermark(self, account: str, to: datetime) -> None:
        """Move the watermark forward; a value behind the present one changes nothing."""

    def cursor(self, account: str) -> PageCursor | None:
        """Return where an unfinished pull stands."""

    def save_cursor(self, account: str, cursor: PageCursor | None) -> None:
        """Remember where the pull stands; `None` when it is complete."""

    def record_outlooks(
        self, outlooks: Sequence[OrderOutlook], now: datetime, skus: Collection[Sku] | None = None
    ) -> None:
        """Replace all outlooks by these, or those of orders for some SKUs; history keeps the former."""

    def worrying(self) -> tuple[OrderOutlook, ...]:
        """Return the outlooks of orders that are not on track or that something is short for."""

    def assigned(self, skus: Collection[Sku] | None = None) -> Assigned:
        """Return what open orders were assigned when last judged, of all or of orders for some SKUs."""

    def outlooks(
        self, *, order_ids: Sequence[OrderId] = (), at: datetime | None = None
    ) -> tuple[OrderOutlook, ...]:
        """Return the outlook of each order (all open ones when none is named), as last judged.

        With `at`, the one in force at that instant, as it was when the order was first judged so: state,
        stage, promise and the lot to blame still held, odds and hours left may have moved a little.
        """


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplyReading:
    """The supply we believe: the last accepted snapshot, when it was read, and any doubt since.

    `doubts` say why newer readings were refused; empty when the last reading was accepted.
    """

    snapshot: SupplySnapshot
    read_at: datetime
    doubts: tuple[str, ...] = ()
    doubted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplyState:
    """How old the believed supply is: the newest count by pool, what was learned from, and any doubts.

    `past` changes whenever there is something new to learn from.
    """

    counted_at: Mapping[str, datetime] = dataclasses.field(default_factory=dict)
    past: str = ""
    doubts: tuple[str, ...] = ()


class SupplyBook(Protocol):
    """What is recorded of the seller's supply."""

    def summary(self) -> SnapshotSummary | None:
        """Return what is needed to doubt the next snapshot; `None` before the first."""

    def record(self, snapshot: SupplySnapshot, now: datetime) -> None:
        """Replace the believed supply by this snapshot and forget doubts. Receipts accumulate."""

    def record_doubts(self, doubts: Sequence[str], now: datetime) -> None:
        """Remember that a newer snapshot was refused, and why."""

    def reading(self) -> SupplyReading | None:
        """Return the believed supply; `None` before the first accepted snapshot."""

    def state(self) -> SupplyState:
        """Return how old the believed supply is and what is doubted, without reading the lists."""

    def part(self, skus: Collection[Sku]) -> SupplySnapshot:
        """Return the counts, lots and catalogue entries of some SKUs."""

    def locked(self) -> frozenset[Sku]:
        """Return the SKUs that the seller's catalogue locks: nothing of them is ever written."""

    def skus_with_lots(self) -> frozenset[Sku]:
        """Return the SKUs that any lot brings."""

    def past(self) -> SupplySnapshot:
        """Return all receipts, and the lots that tell of the past: closed ones and those with legs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCensus:
    """How many decisions are in force, how many ask for a change, and how many leave a listing alone."""

    listings: int = 0
    changes: int = 0
    untouched: int = 0


class OfferBook(Protocol):
    """What is recorded of offers: seen, decided, pushed, held."""

    def record_observed(self, offers: Sequence[ObservedOffer]) -> None:
        """Remember what Amazon showed; an older look never replaces a newer one."""

    def observed(self, account: str, skus: Sequence[Sku] = ()) -> Mapping[Sku, ObservedOffer]:
        """Return what Amazon last showed, by SKU; of all listings when none is named."""

    def on_sale(self, account: str) -> OnSale:
        """Count an account's listings, and the units on sale on them, as Amazon last showed them."""

    def listed(self) -> tuple[Sku, ...]:
        """Return the SKUs of all listings, sorted."""

    def record_decisions(self, decisions: Sequence[OfferDecision]) -> int:
        """Record decisions; one equal to the SKU's last only renews its date, where its facts are newer.

        Returns how many differ from the decision before.
        """

    def decisions(self, *, skus: Sequence[Sku] = (), at: datetime | None = None) -> tuple[OfferDecision, ...]:
        """Return the decision in force for each SKU (all when none is named), now or at an instant."""

    def asking(
        self, account: str, skus: Sequence[Sku] = (), *, but_in_feeds: bool = False
    ) -> tuple[OfferDecision, ...]:
        """Return the account's decisions in force that ask for a change, of some SKUs only when named.

        With them those of SKUs of which something is new since the last plan: they may ask for one now. With
        `but_in_feeds` those are left out that an unfinished feed has.
        """

    def decided_since(self, account: str, since: datetime) -> tuple[Sku, ...]:
        """Return the SKUs of which something was decided after an instant that asks for a change."""

    def count_decided(self, account: str, skus: Sequence[Sku] = ()) -> int:
        """Count the account's decisions in force that say what is to be shown; of some SKUs when named."""

    def desired(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, Offer]:
        """Return the offers that were decided for these SKUs, where any was."""

    def unexplained(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, int]:
        """Return the units that left these listings and that no order read so far explains."""

    def census(self) -> DecisionCensus:
        """Count the decisions in force."""

    def sharing_budget(self, account: str) -> frozenset[Sku]:
        """Return the SKUs for which the account's spare orders were weighed when they were last decided."""

    def record_receipt(self, receipt: PushReceipt, run_id: str) -> None:
        """Record Amazon's answer to a change; each SKU's newest answer is the one in force."""

    def record_receipts(self, receipts: Sequence[PushReceipt], run_id: str) -> None:
        """Record Amazon's answers to changes of different SKUs, as one by one."""

    def receipts(
        self, account: str, outcomes: Sequence[PushOutcome] = (), *, most: int | None = None
    ) -> tuple[PushReceipt, ...]:
        """Return each SKU's newest answer, of the given outcomes only when any are named, by SKU."""

    def count_receipts(
        self, account: str, outcomes: Sequence[PushOutcome], *, since: datetime | None = None
    ) -> int:
        """Count the SKUs whose newest answer is one of these outcomes, and no older than an instant."""

    def receipt_of(self, account: str, sku: Sku) -> PushReceipt | None:
        """Return a SKU's newest answer; `None` if there never was one."""

    def answers(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, PushReceipt]:
        """Return the newest answers about some SKUs, where there are any."""

    def answered_to_others(
        self, account: str, skus: Collection[Sku], run_id: str, after: datetime
    ) -> frozenset[Sku]:
        """Return those of the SKUs that another run has changed, or tried to, after an instant."""

    def latest_confirmed(self, account: str, before: datetime, limit: int) -> tuple[PushReceipt, ...]:
        """Return the latest changes that were seen live before an instant, newest first."""

    def record_hold(self, hold: Hold) -> None:
        """Remember a hold as it is now."""

    def holds(self, account: str | None = None) -> tuple[Hold, ...]:
        """Return the holds in force, released ones too, the oldest first."""

    def end_holds(self, account: str, *, but: Collection[str] = ()) -> None:
        """End the holds of an account, all but these."""

    def drop(self, changes: Sequence[DroppedChange]) -> None:
        """Remember changes that a person said no to; a SKU has one at most."""

    def dropped(self, account: str) -> Mapping[Sku, DroppedChange]:
        """Return the changes of an account that are not to be made, by SKU."""

    def take_up(self, account: str, skus: Collection[Sku]) -> None:
        """Forget what was said no to of some SKUs: something else has been decided for them."""


class Outbox(Protocol):
    """Notifications on their way: recorded before they are sent, claimed while they are, marked after."""

    def enqueue(self, envelopes: Sequence[Envelope]) -> None:
        """Put one notification for each envelope into the outbox."""

    def due(self, now: datetime, limit: int = 100) -> tuple[Notification, ...]:
        """Return unsent notifications whose time has come and that nobody is sending, oldest first."""

    def channels_due(self, now: datetime) -> tuple[str, ...]:
        """Return the channels that anything is due for."""

    def tray(self, channel: str, now: datetime, limit: int = 5_000) -> Tray:
        """Return what waits for a channel, first what is due, then the oldest; with what it heard before."""

    def hearing(self, keys: Collection[str]) -> Mapping[Life, frozenset[str]]:
        """Return which channels heard of these alerts, may have, or will; by life."""

    def claim(self, notification_ids: Collection[int], now: datetime, until: datetime) -> bool:
        """Reserve notifications for one sender; false, and nothing done, if another has any of them."""

    def mark_sent(self, notification_ids: Collection[int], now: datetime) -> None:
        """Record that notifications arrived."""

    def mark_failed(self, notification_ids: Collection[int], error: str, retry_at: datetime | None) -> None:
        """Record a failed attempt; without `retry_at` the notifications are given up for good."""

    def leave_untold(self, reasons: Mapping[int, Untold]) -> None:
        """Record which notifications are not to be sent any more, and why."""

    def channels(self) -> Mapping[str, ChannelState]:
        """Return how the channels do that have failed at any time."""

    def record_channel(self, state: ChannelState) -> None:
        """Remember how a channel does."""


class AlertBook(Protocol):
    """What is recorded of alerts and of the notifications on their way."""

    @property
    def outbox(self) -> Outbox:
        """Notifications on their way."""

    def alerts(self, *, open_only: bool = True) -> tuple[Alert, ...]:
        """Return alerts, newest change first."""

    def named(self, keys: Collection[str]) -> Mapping[str, Alert]:
        """Return alerts by key, open or not."""

    def record(self, alerts: Sequence[Alert]) -> None:
        """Record alerts by key, replacing the former state of each."""

    def note(self, source: str, findings: Sequence[Finding], now: datetime) -> None:
        """Note what somebody found who looks for it rarely; it replaces what the same source noted before."""

    def noted(self) -> tuple[Finding, ...]:
        """Return what all sources found when each of them last looked."""

    def noted_at(self, source: str) -> datetime | None:
        """Return when a source last looked; `None` if it never did."""

    def acknowledge(self, key: str, now: datetime) -> bool:
        """Note that a person knows of an alert, and of those it explains; false when no such one is open."""

    def snooze(self, key: str, until: datetime, now: datetime) -> bool:
        """Note that a person wants silence of an alert, and of those it explains; false when none is open."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The kill switch is on: nothing is raised."""

    reason: str
    since: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The SKUs of which something has changed since the last plan; `up_to` numbers the last change."""

    skus: frozenset[Sku]
    up_to: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlanBasis:
    """What the last plan rested on beyond single SKUs, as digests: the shop as a whole, and each account."""

    planned_at: datetime
    shop: str
    accounts: Mapping[str, str]


class PlanBook(Protocol):
    """What is recorded so that a plan need not go through the whole shop."""

    def news(self) -> News:
        """Return what has changed since the last plan."""

    def changed(self, skus: Collection[Sku]) -> frozenset[Sku]:
        """Return those of the SKUs of which something has changed since the last plan."""

    def basis(self) -> PlanBasis | None:
        """Return what the last plan rested on; `None` before the first."""

    def settle(self, news: News, basis: PlanBasis) -> None:
        """Note that a plan has taken these news into account; what came in meanwhile stays news."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ToldStatus:
    """The account's status as Amazon last announced it, in Amazon's own words."""

    status: str
    told_at: datetime
    former: str | None = None


class HealthBook(Protocol):
    """What is recorded of Amazon's word on the account."""

    def record_performance(self, performance: SellerPerformance, now: datetime) -> None:
        """Keep Amazon's report of the day (UTC); it replaces an earlier one of the same day."""

    def performance(self, account: str) -> SellerPerformance | None:
        """Return the newest report; `None` before the first."""

    def performances(self, account: str, since: date) -> tuple[SellerPerformance, ...]:
        """Return the reports since a day, oldest first."""

    def record_status(self, account: str, told: ToldStatus) -> None:
        """Remember which status Amazon announced; older news never replace newer ones."""

    def status(self, account: str) -> ToldStatus | None:
        """Return the status that was announced last; `None` if none ever was."""


class RunBook(Protocol):
    """What is recorded of the daemon's own work."""

    def succeeded(self, flow: str, account: str, run_id: str, now: datetime) -> None:
        """Note that a flow did its whole work for an account."""

    def last_success(self, flow: str, account: str) -> datetime | None:
        """Return when a flow last did its whole work for an account."""

    def pause(self, reason: str, now: datetime) -> None:
        """Switch raises off for every account."""

    def resume(self) -> None:
        """Switch raises on again."""

    def paused(self) -> Pause | None:
        """Return the pause in force."""

    def budgets(self, account: str) -> Mapping[str, RequestBudget]:
        """Return what an account has left of Amazon's request limits, by operation, as last recorded."""

    def record_budget(self, account: str, operation: str, budget: RequestBudget) -> None:
        """Remember what is left of one limit."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How far back the past is kept: records of what was over before, and orders that ended before."""

    records: datetime
    orders: datetime


class HistoryBook(Protocol):
    """What is only history: nothing in force, nothing still open, nothing on its way is ever part of it.

    Counts are by kind: superseded decisions, outlooks that ended, answers that a newer one replaced,
    resolved alerts, delivered notifications, orders that are shipped or cancelled.
    """

    def count(self, horizon: Horizon) -> Mapping[str, int]:
        """Return how much of each kind lies beyond the horizon."""

    def drop(self, horizon: Horizon, *, limit: int) -> Mapping[str, int]:
        """Forget at most `limit` of each kind, the oldest first; return how many are gone."""


class Books(Protocol):
    """The ledger opened in one transaction: everything written through it is kept, or nothing is."""

    @property
    def orders(self) -> OrderBook:
        """Orders."""

    @property
    def catch_ups(self) -> CatchUpBook:
        """Catch-ups."""

    @property
    def supply(self) -> SupplyBook:
        """Supply."""

    @property
    def offers(self) -> OfferBook:
        """Offers."""

    @property
    def alerts(self) -> AlertBook:
        """Alerts."""

    @property
    def plans(self) -> PlanBook:
        """Plans."""

    @property
    def pushes(self) -> PushBook:
        """Changes on their way to Amazon."""

    @property
    def runs(self) -> RunBook:
        """Runs."""

    @property
    def watch(self) -> WatchBook:
        """What was so before."""

    @property
    def history(self) -> HistoryBook:
        """History."""

    @property
    def truth(self) -> TruthBook:
        """The store under doubt."""

    @property
    def health(self) -> HealthBook:
        """Amazon's word on the account."""


class Ledger(Protocol):
    """The store, where the flows meet. Transactions are short: none stays open during a network call."""

    def snapshot(self) -> AbstractContextManager[Books]:
        """Open the books for reading only, all as they were at one moment; others may write meanwhile.

        Raises `StoreError` when the database cannot be used.
        """

    def transaction(self) -> AbstractContextManager[Books]:
        """Open the books for reading and writing; an exception inside undoes everything.

        Raises `StoreError` when the database cannot be used.
        """
