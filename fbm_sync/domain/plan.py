"""The whole shop at one moment: every order served and judged, every offer decided.

This is the join the product exists for: inbound purchase orders and stock on one side, orders and
listings on the other, one consistent answer for both. It only composes the modules to its left, so
that the live daemon, a dry run, `explain` and a replay of history all decide with the same code.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from fbm_sync.domain.account import decide_account, open_risks
from fbm_sync.domain.allocation import Allocation, Assigned, OrderCover, allocate
from fbm_sync.domain.arrivals import received_law, received_shares
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.change import PushLimits, PushReceipt
from fbm_sync.domain.channel import Channel, portions
from fbm_sync.domain.demand import DEMAND_DAYS, demand_records
from fbm_sync.domain.health import SellerPerformance, headroom, with_reported
from fbm_sync.domain.latency import measured_lag
from fbm_sync.domain.leadtime import ExpectedLot, InboundView, LeadTimeHistory, learn, view_inbound
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.offer import AutomatedHandling, OfferDecision, OfferFacts
from fbm_sync.domain.order import Order, OrderId, Sku
from fbm_sync.domain.policy import BackorderPolicy, DemandRecord, Headroom, SellAheadFacts
from fbm_sync.domain.promise import look_ahead_atp
from fbm_sync.domain.risk import OrderOutlook, judge_orders, most_urgent_first, shortages
from fbm_sync.domain.supply import CatalogEntry, Lot, StockCount, SupplySnapshot, sellable_on_hand, why_stale

_Name = TypeVar("_Name", bound=str)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopTerms:
    """The seller's standing rules: policies by name ("default" always), calendar, limits, accounts.

    `late_limit` is the chance of being late from which an order is at risk; `lag_minutes` is the time
    from a buyer's order to our reaction as long as it has not been measured, `turn_minutes` the part of it
    that passes between our look and our write. `channels` says by account from which pool it sells, and
    how much of it; none of them, or all, name a pool. `account_calendars` holds the calendars of accounts
    with a time zone of their own. With `split_shipments` the lines of an order may leave one by one.
    """

    policies: Mapping[str, BackorderPolicy]
    calendar: ShipCalendar
    limits: PushLimits
    accounts: Mapping[str, AutomatedHandling]
    late_limit: float = 0.10
    lag_minutes: float = 15.0
    turn_minutes: float = 10.0
    channels: Mapping[str, Channel] = dataclasses.field(default_factory=dict)
    account_calendars: Mapping[str, ShipCalendar] = dataclasses.field(default_factory=dict)
    split_shipments: bool = False

    @property
    def calendars(self) -> ShipCalendars:
        """The calendar by which the orders of each account are due."""
        return ShipCalendars(house=self.calendar, of_accounts=self.account_calendars)

    def policy_for(self, entry: CatalogEntry) -> BackorderPolicy:
        """Return the policy a catalogue entry names, else the default one."""
        return self.policies[entry.policy or "default"]

    def pool_of(self, account: str) -> str:
        """Return the pool an account sells from; empty where none is named."""
        return self.channels.get(account, Channel()).pool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """What is known at one moment.

    `holding` are orders that hold units; `recent` are orders of the last weeks, the basis of rates;
    `observed` is what Amazon shows, by account and SKU. `demand_factors` are for suppositions: how many
    times as fast as measured a SKU sells. `confirmed` are changes seen live at Amazon, the measure of how
    long one takes; `performance` is Amazon's own word on an account, where it is known. `assigned` is what
    orders were assigned when they were last judged.
    """

    holding: Sequence[Order]
    recent: Sequence[Order]
    supply: SupplySnapshot
    observed: Mapping[str, Mapping[Sku, ObservedOffer]] = dataclasses.field(default_factory=dict)
    demand_factors: Mapping[Sku, float] = dataclasses.field(default_factory=dict)
    confirmed: Sequence[PushReceipt] = ()
    performance: Mapping[str, SellerPerformance] = dataclasses.field(default_factory=dict)
    assigned: Assigned = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderAssessment:
    """Open demand against supply: who is served by what, how each order stands, what is short."""

    allocation: Allocation
    outlooks: tuple[OrderOutlook, ...]
    short: Mapping[tuple[str, str], tuple[int, tuple[OrderId, ...]]]
    inbound: Mapping[Sku, InboundView]
    on_hand: Mapping[Sku, int]
    history: LeadTimeHistory


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopPlan:
    """Every decision of one planning run, and the order assessment it rests on."""

    decisions: tuple[OfferDecision, ...]
    orders: OrderAssessment


def assess_orders(facts: ShopFacts, terms: ShopTerms, now: datetime) -> OrderAssessment:
    """Serve all open demand from stock and inbound and judge each order; needs no listing at all."""
    return _joined([_assess_pool(part, terms, now) for part in _pools(facts, terms)])


def _pools(facts: ShopFacts, terms: ShopTerms) -> list[ShopFacts]:
    """Return the facts of each pool by itself: what lies in one never serves the orders of another.

    As long as no account names a pool, all stock is one. Closed lots and receipts belong to every pool:
    they are experience, not supply.
    """
    accounts = {*terms.accounts, *facts.observed, *(order.account for order in facts.holding)}
    names = sorted({terms.pool_of(account) for account in accounts})
    if names in ([], [""]):
        return [facts]
    return [_of_pool(facts, terms, name) for name in names]


def _of_pool(facts: ShopFacts, terms: ShopTerms, pool: str) -> ShopFacts:
    supply = facts.supply
    return dataclasses.replace(
        facts,
        holding=[order for order in facts.holding if terms.pool_of(order.account) == pool],
        recent=[order for order in facts.recent if terms.pool_of(order.account) == pool],
        supply=dataclasses.replace(
            supply,
            stock=tuple(count for count in supply.stock if count.pool == pool),
            lots=tuple(lot for lot in supply.lots if lot.pool == pool or lot.open_units == 0),
        ),
        observed={
            account: offers for account, offers in facts.observed.items() if terms.pool_of(account) == pool
        },
    )


def _joined(parts: Sequence[OrderAssessment]) -> OrderAssessment:
    """Put the assessments of all pools together; a SKU's units are then those of all of them."""
    if len(parts) == 1:
        return parts[0]
    inbound: dict[Sku, InboundView] = {}
    for sku, view in (entry for part in parts for entry in part.inbound.items()):
        known = inbound.get(sku, InboundView(expected=(), doubtful=()))
        inbound[sku] = InboundView(
            expected=(*known.expected, *view.expected), doubtful=(*known.doubtful, *view.doubtful)
        )
    return OrderAssessment(
        allocation=Allocation(
            orders=tuple(cover for part in parts for cover in part.allocation.orders),
            lot_units=_summed(part.allocation.lot_units for part in parts),
            on_hand_units=_summed(part.allocation.on_hand_units for part in parts),
            short_units=_summed(part.allocation.short_units for part in parts),
        ),
        outlooks=most_urgent_first(outlook for part in parts for outlook in part.outlooks),
        short={key: found for part in parts for key, found in part.short.items()},
        inbound=inbound,
        on_hand=_summed(part.on_hand for part in parts),
        history=parts[0].history,
    )


def _summed(parts: Iterable[Mapping[_Name, int]]) -> Mapping[_Name, int]:
    found: dict[_Name, int] = {}
    for name, units in (entry for part in parts for entry in part.items()):
        found[name] = found.get(name, 0) + units
    return found


def _assess_pool(facts: ShopFacts, terms: ShopTerms, now: datetime) -> OrderAssessment:
    today = terms.calendar.local_date(now)
    entries = {entry.sku: entry for entry in facts.supply.catalog}
    history = learn(facts.supply.receipts, facts.supply.lots)
    lots: dict[Sku, list[Lot]] = {}
    for lot in facts.supply.lots:
        lots.setdefault(lot.sku, []).append(lot)
    inbound = {
        sku: view_inbound(
            group, history, terms.policy_for(_entry(entries, sku)).arrival_terms, terms.calendar, today
        )
        for sku, group in lots.items()
    }
    on_hand = sellable_on_hand(facts.supply.stock, (*facts.recent, *_not_in(facts.holding, facts.recent)))
    expected = {sku: view.expected for sku, view in inbound.items()}
    allocation = allocate(
        facts.holding,
        on_hand,
        expected,
        now=now,
        calendars=terms.calendars,
        assigned=facts.assigned,
        allow_splits=terms.split_shipments,
    )
    by_name: dict[str, ExpectedLot] = {lot.lot_id: lot for group in expected.values() for lot in group}
    outlooks = judge_orders(allocation.orders, by_name, terms.calendars, now=now, late_limit=terms.late_limit)
    return OrderAssessment(
        allocation=allocation,
        outlooks=outlooks,
        short=shortages(allocation.orders),
        inbound=inbound,
        on_hand=on_hand,
        history=history,
    )


def _not_in(orders: Iterable[Order], others: Iterable[Order]) -> list[Order]:
    known = {(order.account, order.order_id) for order in others}
    return [order for order in orders if (order.account, order.order_id) not in known]


def _entry(entries: Mapping[Sku, CatalogEntry], sku: Sku) -> CatalogEntry:
    return entries.get(sku) or CatalogEntry(sku=sku)


def plan_shop(facts: ShopFacts, terms: ShopTerms, *, now: datetime, run_id: str) -> ShopPlan:
    """Decide the offer of every listing of every account, in SKU order.

    Accounts that list the same SKU of a pool sell from one stock: each is given its portion of it, so
    that the sum over accounts never exceeds what there is. The listings of one account are decided
    together, because they share its late budget.
    """
    assessments, decisions = [], []
    for part in _pools(facts, terms):
        assessments.append(_assess_pool(part, terms, now))
        decisions += _Shop(part, terms, assessments[-1], now).decide(run_id)
    decisions.sort(key=lambda decision: (decision.account, decision.sku))
    return ShopPlan(decisions=tuple(decisions), orders=_joined(assessments))


class _Shop:
    """The facts of one pool in one planning run, indexed by SKU once so that each decision is a look-up."""

    def __init__(
        self, facts: ShopFacts, terms: ShopTerms, assessment: OrderAssessment, now: datetime
    ) -> None:
        self.facts, self.terms, self.assessment, self.now = facts, terms, assessment, now
        self.today = terms.calendar.local_date(now)
        self.entries = {entry.sku: entry for entry in facts.supply.catalog}
        self.counts: dict[Sku, list[StockCount]] = {}
        for count in facts.supply.stock:
            self.counts.setdefault(count.sku, []).append(count)
        self.due = _due_demand(assessment.allocation.orders, terms.calendars, self.today)
        sold_out = {sku for sku, units in assessment.on_hand.items() if units <= self._held_units(sku)}
        demand = demand_records(facts.recent, terms.calendar, now, sold_out)
        self.demand = _scaled(demand, facts.demand_factors)
        listed: dict[Sku, list[str]] = {}
        for account, sku in ((account, sku) for account, skus in facts.observed.items() for sku in skus):
            listed.setdefault(sku, []).append(account)
        self.portions = {sku: portions(terms.channels, accounts) for sku, accounts in listed.items()}
        self.received = received_shares(facts.supply.lots, facts.supply.receipts)
        self.stale = why_stale(facts.supply.counted_at, now, max_age_hours=terms.limits.max_supply_age_hours)

    def decide(self, run_id: str) -> list[OfferDecision]:
        """Decide every listing, account by account."""
        return [decision for account in sorted(self.facts.observed) for decision in self._of(account, run_id)]

    def _of(self, account: str, run_id: str) -> tuple[OfferDecision, ...]:
        outlooks, late_limit = self.assessment.outlooks, self.terms.late_limit
        risks = open_risks(outlooks, account, self.now, late_limit)
        orders = [order for order in self.facts.recent if order.account == account]
        room = with_reported(headroom(orders, self.now), self.facts.performance.get(account))
        lag_days = self._lag_days(account, orders)
        offers = [
            self._offer_facts(account, sku, room, lag_days, risks.waiting_orders(sku))
            for sku in sorted(self.facts.observed[account])
        ]
        return decide_account(offers, risks, self.terms.calendar, now=self.now, run_id=run_id)

    def _lag_days(self, account: str, orders: Sequence[Order]) -> float:
        """Return the time from a buyer's order to our reaction: measured, else by the configured rhythm."""
        confirmed = [receipt for receipt in self.facts.confirmed if receipt.change.account == account]
        measured = measured_lag(orders, confirmed, timedelta(minutes=self.terms.turn_minutes))
        return (measured or timedelta(minutes=self.terms.lag_minutes)) / timedelta(days=1)

    def _held_units(self, sku: Sku) -> int:
        return sum(units for _, units in self.due.get(sku, ()))

    def _offer_facts(
        self, account: str, sku: Sku, room: Headroom, lag_days: float, waiting_orders: int
    ) -> OfferFacts:
        """Gather everything the offer of one listing is decided from."""
        entry = _entry(self.entries, sku)
        policy = self.terms.policy_for(entry)
        safety = policy.safety_stock if entry.safety_stock is None else entry.safety_stock
        on_hand = self.assessment.on_hand.get(sku)
        inbound = self.assessment.inbound.get(sku, InboundView(expected=(), doubtful=()))
        due = self.due.get(sku, [])
        # What has not been counted cannot be sold from the shelf: inbound is for tomorrow at the earliest.
        tomorrow = self.today + timedelta(days=1)
        supply = [(max(lot.ready_on, tomorrow), lot.units) for lot in inbound.expected]
        atp = look_ahead_atp((on_hand or 0) - safety, supply, due, self.today)
        counts = self.counts.get(sku, [])
        return OfferFacts(
            account=account,
            sku=sku,
            observed=self.facts.observed[account].get(sku),
            on_hand=on_hand,
            counted_at=min((count.counted_at for count in counts), default=None),
            demand_units=self._held_units(sku),
            safety_stock=safety,
            atp=atp,
            policy=policy,
            ahead=dataclasses.replace(
                self._sell_ahead_facts(sku, entry, policy, inbound, room),
                portion=self.portions[sku][account],
                waiting_orders=waiting_orders,
            ),
            automated_handling=self.terms.accounts.get(account, AutomatedHandling.UNKNOWN),
            lag_days=lag_days,
            stale=self.stale,
        )

    def _sell_ahead_facts(
        self,
        sku: Sku,
        entry: CatalogEntry,
        policy: BackorderPolicy,
        inbound: InboundView,
        room: Headroom,
    ) -> SellAheadFacts:
        counts = self.counts.get(sku, [])
        used = self.assessment.allocation.lot_units
        supplier = inbound.expected[0].lot.supplier if inbound.expected else entry.supplier or ""
        free = sum(count.on_hand - count.damaged - count.quality_hold for count in counts)
        return SellAheadFacts(
            inbound=inbound,
            assigned={lot.lot_id: used.get(lot.lot_id, 0) for lot in inbound.expected},
            supplier=self.assessment.history.record_of(supplier),
            supplier_name=supplier,
            entry=entry,
            demand=self.demand.get(sku, DemandRecord(days=DEMAND_DAYS)),
            headroom=room,
            today=self.today,
            merely_reserved=free > 0 and sum(count.sellable_units for count in counts) <= 0,
            owed_units=max(0, -self.assessment.on_hand.get(sku, 0)),
            received={
                name: received_law(
                    self.received.get(name, ()),
                    short_share=policy.short_share,
                    no_show_share=policy.no_show_share,
                )
                for name in {lot.lot.supplier for lot in inbound.expected}
            },
        )


def _scaled(records: Mapping[Sku, DemandRecord], factors: Mapping[Sku, float]) -> Mapping[Sku, DemandRecord]:
    """Let some SKUs sell so many times as fast; how much their demand swings in proportion stays."""
    faster = {
        sku: dataclasses.replace(records[sku], units_per_day=records[sku].units_per_day * factor)
        for sku, factor in factors.items()
        if sku in records
    }
    return {**records, **faster}


def _due_demand(
    covered: Iterable[OrderCover], calendars: ShipCalendars, today: date
) -> Mapping[Sku, list[tuple[date, int]]]:
    """Return when each SKU's held units are due; an unknown deadline counts as due today."""
    due: dict[Sku, list[tuple[date, int]]] = {}
    for cover in covered:
        ship_by_at = cover.order.ship_by_at
        calendar = calendars.of(cover.order.account)
        on = calendar.last_ship_day_for(ship_by_at) if ship_by_at else today
        for item in cover.items:
            due.setdefault(item.sku, []).append((on, item.open_units))
    return due
