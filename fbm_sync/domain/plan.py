"""The whole shop at one moment: every order served and judged, every offer decided.

This is the join the product exists for: inbound purchase orders and stock on one side, orders and
listings on the other, one consistent answer for both. It only composes the modules to its left, so
that the live daemon, a dry run, `explain` and a replay of history all decide with the same code.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.allocation import Allocation, OrderCover, allocate
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.health import headroom
from fbm_sync.domain.leadtime import ExpectedLot, InboundView, LeadTimeHistory, learn, view_inbound
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.offer import AutomatedHandling, OfferDecision, OfferFacts, decide_offer
from fbm_sync.domain.order import Fulfiller, Order, OrderId, OrderStatus, Sku
from fbm_sync.domain.policy import BackorderPolicy, DemandRecord, Headroom, SellAheadFacts
from fbm_sync.domain.promise import look_ahead_atp
from fbm_sync.domain.risk import OrderOutlook, judge_orders, shortages
from fbm_sync.domain.supply import CatalogEntry, Lot, StockCount, SupplySnapshot, sellable_on_hand, why_stale

DEMAND_DAYS = 30
"""How far back a SKU's own sales are looked at."""

_TELLING_DAYS = 14


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopTerms:
    """The seller's standing rules: policies by name ("default" always), calendar, limits, accounts.

    `late_limit` is the chance of being late from which an order is at risk; `lag_minutes` is the time
    from a buyer's order to our reaction.
    """

    policies: Mapping[str, BackorderPolicy]
    calendar: ShipCalendar
    limits: PushLimits
    accounts: Mapping[str, AutomatedHandling]
    late_limit: float = 0.10
    lag_minutes: float = 15.0

    def policy_for(self, entry: CatalogEntry) -> BackorderPolicy:
        """Return the policy a catalogue entry names, else the default one."""
        return self.policies[entry.policy or "default"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopFacts:
    """What is known at one moment.

    `holding` are orders that hold units; `recent` are orders of the last weeks, the basis of rates;
    `observed` is what Amazon shows, by account and SKU.
    """

    holding: Sequence[Order]
    recent: Sequence[Order]
    supply: SupplySnapshot
    observed: Mapping[str, Mapping[Sku, ObservedOffer]] = dataclasses.field(default_factory=dict)


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
    today = terms.calendar.local_date(now)
    entries = {entry.sku: entry for entry in facts.supply.catalog}
    history = learn(facts.supply.receipts)
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
    allocation = allocate(facts.holding, on_hand, expected, now=now, today=today)
    by_name: dict[str, ExpectedLot] = {lot.lot_id: lot for group in expected.values() for lot in group}
    outlooks = judge_orders(allocation.orders, by_name, terms.calendar, now=now, late_limit=terms.late_limit)
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

    Accounts that list the same SKU sell from one stock: each is given an equal whole share of it, so
    that the sum over accounts never exceeds what there is.
    """
    assessment = assess_orders(facts, terms, now)
    shop = _Shop(facts, terms, assessment, now)
    decisions = [
        decide_offer(shop.offer_facts(account, sku), terms.calendar, now=now, run_id=run_id)
        for account in sorted(facts.observed)
        for sku in sorted(facts.observed[account])
    ]
    return ShopPlan(decisions=tuple(decisions), orders=assessment)


class _Shop:
    """The facts of one planning run, indexed by SKU once so that each decision is a look-up."""

    def __init__(
        self, facts: ShopFacts, terms: ShopTerms, assessment: OrderAssessment, now: datetime
    ) -> None:
        self.facts, self.terms, self.assessment, self.now = facts, terms, assessment, now
        self.today = terms.calendar.local_date(now)
        self.entries = {entry.sku: entry for entry in facts.supply.catalog}
        self.counts: dict[Sku, list[StockCount]] = {}
        for count in facts.supply.stock:
            self.counts.setdefault(count.sku, []).append(count)
        self.demand = demand_records(facts.recent, terms.calendar, now)
        self.due = _due_demand(assessment.allocation.orders, terms.calendar, self.today)
        self.headroom = {account: _headroom_of(facts.recent, account, now) for account in facts.observed}
        listed = [sku for skus in facts.observed.values() for sku in skus]
        self.shared_by = dict.fromkeys(listed, 0)
        for sku in listed:
            self.shared_by[sku] += 1
        self.stale = why_stale(facts.supply.counted_at, now, max_age_hours=terms.limits.max_supply_age_hours)

    def offer_facts(self, account: str, sku: Sku) -> OfferFacts:
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
            demand_units=sum(units for _, units in due),
            safety_stock=safety,
            atp=atp,
            policy=policy,
            ahead=self._sell_ahead_facts(account, sku, entry, inbound, counts),
            automated_handling=self.terms.accounts.get(account, AutomatedHandling.UNKNOWN),
            shared_by=self.shared_by[sku],
            lag_days=self.terms.lag_minutes / 1440,
            stale=self.stale,
        )

    def _sell_ahead_facts(
        self, account: str, sku: Sku, entry: CatalogEntry, inbound: InboundView, counts: Sequence[StockCount]
    ) -> SellAheadFacts:
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
            headroom=self.headroom[account],
            today=self.today,
            merely_reserved=free > 0 and sum(count.sellable_units for count in counts) <= 0,
            owed_units=max(0, -self.assessment.on_hand.get(sku, 0)),
        )


def _headroom_of(orders: Iterable[Order], account: str, now: datetime) -> Headroom:
    return headroom((order for order in orders if order.account == account), now)


def _due_demand(
    covered: Iterable[OrderCover], calendar: ShipCalendar, today: date
) -> Mapping[Sku, list[tuple[date, int]]]:
    """Return when each SKU's held units are due; an unknown deadline counts as due today."""
    due: dict[Sku, list[tuple[date, int]]] = {}
    for cover in covered:
        ship_by_at = cover.order.ship_by_at
        on = calendar.last_ship_day_for(ship_by_at) if ship_by_at else today
        for item in cover.items:
            due.setdefault(item.sku, []).append((on, item.open_units))
    return due


def demand_records(
    orders: Iterable[Order], calendar: ShipCalendar, now: datetime
) -> Mapping[Sku, DemandRecord]:
    """Measure each SKU's sales from our own orders, over `DEMAND_DAYS` or as long as the shop is known.

    Days on which the SKU was sold out count as days without demand, so a rate can only be too low. How
    much demand varies is not said before two weeks are known: a new shop would look erratic.
    """
    since = now - timedelta(days=DEMAND_DAYS)
    known = [one for one in orders if one.created_at >= since and one.fulfilled_by is not Fulfiller.AMAZON]
    first = min((order.created_at for order in known), default=now)
    span = (calendar.local_date(now) - calendar.local_date(first)).days + 1
    span = max(1, min(DEMAND_DAYS, span))  # an order may be dated tomorrow: clocks differ
    daily: dict[Sku, dict[date, int]] = {}
    seen: dict[Sku, list[bool]] = {}
    for order in known:
        day = calendar.local_date(order.created_at)
        for item in order.items:
            units = daily.setdefault(item.sku, {})
            units[day] = units.get(day, 0) + item.ordered_units
            seen.setdefault(item.sku, []).append(order.status is OrderStatus.CANCELLED)
    return {
        sku: DemandRecord(
            days=span,
            orders=len(seen[sku]),
            units_per_day=sum(units.values()) / span,
            variation=_variation(list(units.values()), span) if span >= _TELLING_DAYS else None,
            cancelled_orders=sum(seen[sku]),
        )
        for sku, units in daily.items()
    }


def _variation(units_on_selling_days: Sequence[int], days: int) -> float | None:
    """Return the coefficient of variation of daily units, days without a sale included."""
    total = sum(units_on_selling_days)
    if total == 0:
        return None
    mean = total / days
    squares = sum(units * units for units in units_on_selling_days) / days
    return math.sqrt(max(0.0, squares - mean * mean)) / mean
