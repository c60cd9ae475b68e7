"""The whole shop at one moment: every order served and judged, every offer decided.

This is the join the product exists for: inbound purchase orders and stock on one side, orders and
listings on the other, one consistent answer for both. It only composes the modules to its left, so
that the live daemon, a dry run, `explain` and a replay of history all decide with the same code.

The orders come first, all at once: they compete. Then each listing is decided by itself, so that a large
shop can be gone through some listings at a time; those that hang on inbound wait for the end, because
they share their account's late budget.
"""

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import TypeVar

from fbm_sync.domain.account import decide_account
from fbm_sync.domain.allocation import Allocation, OrderCover, allocate
from fbm_sync.domain.arrivals import received_law
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.channel import Portion, portions
from fbm_sync.domain.decision import OfferDecision, Verdict
from fbm_sync.domain.demand import DEMAND_DAYS, demand_records
from fbm_sync.domain.leadtime import ExpectedLot, InboundView, view_inbound
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.offer import (
    AutomatedHandling,
    OfferFacts,
    decided,
    goes_by_restock_date,
    hangs_on_inbound,
    settle_offer,
)
from fbm_sync.domain.open_risk import OpenRisks, open_risks
from fbm_sync.domain.order import Order, OrderId, Sku
from fbm_sync.domain.outcome import cancel_rates
from fbm_sync.domain.policy import BackorderPolicy, DemandRecord, SellAheadFacts
from fbm_sync.domain.promise import look_ahead_atp
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.risk import OrderOutlook, judge_orders, most_urgent_first, shortages
from fbm_sync.domain.shop import ShopFacts, ShopTerms, ShopTotals, totals_of
from fbm_sync.domain.supply import CatalogEntry, Lot, StockCount, sellable_on_hand

_Name = TypeVar("_Name", bound=str)
_T = TypeVar("_T", StockCount, Lot)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderAssessment:
    """Open demand against supply: who is served by what, how each order stands, what is short."""

    allocation: Allocation
    outlooks: tuple[OrderOutlook, ...]
    short: Mapping[tuple[str, str], tuple[int, tuple[OrderId, ...]]]
    inbound: Mapping[Sku, InboundView]
    on_hand: Mapping[Sku, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShopPlan:
    """Every decision of one planning run, and the order assessment it rests on."""

    decisions: tuple[OfferDecision, ...]
    orders: OrderAssessment


def plan_shop(facts: ShopFacts, terms: ShopTerms, *, now: datetime, run_id: str) -> ShopPlan:
    """Decide the offer of every listing of every account, by account and SKU; the facts are complete."""
    planning = Planning(facts, terms, totals_of(facts, terms, now), now=now, run_id=run_id)
    decisions = [*planning.decide(facts), *planning.decide_the_rest()]
    decisions.sort(key=lambda decision: (decision.account, decision.sku))
    return ShopPlan(decisions=tuple(decisions), orders=planning.orders)


def assess_orders(
    facts: ShopFacts, terms: ShopTerms, now: datetime, totals: ShopTotals | None = None
) -> OrderAssessment:
    """Serve all open demand from stock and inbound and judge each order; needs no listing at all.

    Without `totals` the facts are complete.
    """
    return Planning(facts, terms, totals or totals_of(facts, terms, now), now=now, run_id="").orders


class Planning:
    """One planning run: the orders of a shop, or of some of its SKUs, and then their listings.

    `facts` hold all orders, stock and lots of those SKUs (of SKUs without orders and lots the stock may be
    missing here, and come with their listings).
    """

    def __init__(
        self, facts: ShopFacts, terms: ShopTerms, totals: ShopTotals, *, now: datetime, run_id: str
    ) -> None:
        accounts = {*facts.observed, *(order.account for order in facts.holding)}
        self._pools = [
            _Pool(name, facts.of_pool(name, terms), terms, totals, now, run_id)
            for name in terms.pools(accounts)
        ]
        self._terms = terms
        self.orders = _joined([pool.orders for pool in self._pools])

    def open_risks(self, account: str) -> OpenRisks:
        """Return what all open orders of an account put at risk."""
        name = self._terms.pool_of(account)
        return next(pool.risks[account] for pool in self._pools if pool.name == name)

    def decide(self, facts: ShopFacts) -> Iterator[OfferDecision]:
        """Decide listings, given with their stock and catalogue entries.

        Accounts that list the same SKU of a pool sell from one stock: each is given its portion of it, so
        that the sum over accounts never exceeds what there is. All listings of a SKU come together.
        """
        for pool in self._pools:
            yield from pool.decide(facts.of_pool(pool.name, self._terms))

    def decide_the_rest(self) -> Iterator[OfferDecision]:
        """Decide the listings that were left for the end because they share their account's late budget."""
        for pool in self._pools:
            yield from pool.decide_the_rest()


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
    )


def _summed(parts: Iterable[Mapping[_Name, int]]) -> Mapping[_Name, int]:
    found: dict[_Name, int] = {}
    for name, units in (entry for part in parts for entry in part.items()):
        found[name] = found.get(name, 0) + units
    return found


_NOTHING_INBOUND = InboundView(expected=(), doubtful=())
_NO_DEMAND = DemandRecord(days=DEMAND_DAYS)

# What a catalogue entry says that a verdict may rest on: all of it but the SKU's name.
_said_of = attrgetter(*(field.name for field in dataclasses.fields(CatalogEntry) if field.name != "sku"))


class _Pool:
    """One pool's part of a planning run, indexed by SKU once so that each decision is a look-up."""

    def __init__(
        self, name: str, facts: ShopFacts, terms: ShopTerms, totals: ShopTotals, now: datetime, run_id: str
    ) -> None:
        self.name, self.terms, self.totals, self.now, self.run_id = name, terms, totals, now, run_id
        self.today = terms.calendar.local_date(now)
        self.orders = self._assess(facts)
        self.due = _due_demand(self.orders.allocation.orders, terms.calendars, self.today)
        sold_out = {sku for sku, units in self.orders.on_hand.items() if units <= self._held_units(sku)}
        self.demand = _scaled(
            demand_records(
                facts.recent, terms.calendar, now, sold_out, since=totals.known_since(name, terms)
            ),
            facts.demand_factors,
        )
        self.stale = totals.why_stale(name, terms, now)
        self.lag_days = {
            account: (totals.of(account).lag or timedelta(minutes=terms.lag_minutes)) / timedelta(days=1)
            for account in {*terms.accounts, *facts.observed}
        }
        self.risks = {
            account: open_risks(self.orders.outlooks, account, now, terms.late_limit).joined_by(
                totals.of(account).open_risks
            )
            for account in self.lag_days
        }
        self._verdicts: dict[Hashable, Verdict] = {}
        self._portions: dict[tuple[str, ...], Mapping[str, Portion]] = {}
        self._hanging: dict[str, list[OfferFacts]] = {}

    def _assess(self, facts: ShopFacts) -> OrderAssessment:
        terms, now = self.terms, self.now
        entries = {entry.sku: entry for entry in facts.supply.catalog}
        past = self.totals.past.lead_times
        inbound = {
            sku: view_inbound(
                lots, past, terms.policy_for(_entry(entries, sku)).arrival_terms, terms.calendar, self.today
            )
            for sku, lots in _by_sku(facts.supply.lots).items()
        }
        parcels = (*facts.recent, *_not_in(facts.holding, facts.recent))
        on_hand = sellable_on_hand(facts.supply.stock, parcels)
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
        outlooks = judge_orders(
            allocation.orders,
            by_name,
            terms.calendars,
            now=now,
            late_limit=terms.late_limit,
            rates=cancel_rates(facts.recent, terms.calendar, now),
        )
        return OrderAssessment(
            allocation=allocation,
            outlooks=outlooks,
            short=shortages(outlooks),
            inbound=inbound,
            on_hand=on_hand,
        )

    def decide(self, facts: ShopFacts) -> Iterator[OfferDecision]:
        """Decide the listings of the facts but those that hang on inbound, which are put by."""
        entries = {entry.sku: entry for entry in facts.supply.catalog}
        counts = _by_sku(facts.supply.stock)
        sellers: dict[Sku, list[str]] = {}
        for account, offers in sorted(facts.observed.items()):
            for sku in offers:
                sellers.setdefault(sku, []).append(account)
        for sku, accounts in sellers.items():
            listing = _Listing(self, sku, counts.get(sku, ()), entries.get(sku))
            for account, portion in self._portions_of(tuple(accounts)).items():
                place = _Place(
                    observed=facts.observed[account][sku],
                    portion=portion,
                    restock=facts.restock.get(account, {}).get(sku),
                )
                decision = self._decide(listing, place)
                if decision is not None:
                    yield decision

    def _portions_of(self, accounts: tuple[str, ...]) -> Mapping[str, Portion]:
        if accounts not in self._portions:
            self._portions[accounts] = portions(self.terms.channels, accounts)
        return self._portions[accounts]

    def _decide(self, listing: "_Listing", place: "_Place") -> OfferDecision | None:
        """Decide one listing, unless it hangs on inbound; `None` then: it is put by.

        What is alike in everything that a verdict may rest on gets the same one.
        """
        if listing.sku in self.orders.inbound:
            facts = listing.facts(place)
            if hangs_on_inbound(facts, self.today):
                self._hanging.setdefault(place.observed.account, []).append(facts)
                return None
            verdict, _ = settle_offer(facts, self.terms.calendar, self.today)
        else:
            alike = listing.alike(place)
            known = self._verdicts.get(alike)
            if known is None:
                known, _ = settle_offer(listing.facts(place), self.terms.calendar, self.today)
                self._verdicts[alike] = known
            verdict = known
        return decided(
            place.observed, verdict, counted_at=listing.counted_at, now=self.now, run_id=self.run_id
        )

    def decide_the_rest(self) -> Iterator[OfferDecision]:
        """Decide the listings that hang on inbound, each account's together."""
        for account, hanging in sorted(self._hanging.items()):
            verdicts = decide_account(hanging, self.risks[account], self.terms.calendar, self.today)
            for facts in hanging:
                yield decided(
                    facts.observed,
                    verdicts[facts.sku],
                    counted_at=facts.counted_at,
                    now=self.now,
                    run_id=self.run_id,
                )

    def _held_units(self, sku: Sku) -> int:
        return sum(units for _, units in self.due.get(sku, ()))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One account's listing of a SKU: what it shows, its part of the stock, what orders show of its date."""

    observed: ObservedOffer
    portion: Portion
    restock: RestockShown | None


class _Listing:
    """What is known of one SKU of a pool, the same for all accounts that list it."""

    def __init__(
        self, pool: _Pool, sku: Sku, counts: Sequence[StockCount], entry: CatalogEntry | None
    ) -> None:
        self.pool, self.sku, self.counts = pool, sku, counts
        self.entry = entry or CatalogEntry(sku=sku)
        self.counted_at = min((count.counted_at for count in counts), default=None)
        self.due = pool.due.get(sku, ())
        self.demand = pool.demand.get(sku, _NO_DEMAND)
        # Where nobody orders and nothing comes in, the shelf is all there is.
        known = pool.orders.on_hand.get(sku)
        self.on_hand = sum(count.sellable_units for count in counts) if known is None and counts else known

    @property
    def shelf_units(self) -> int:
        """Units on the shelf that open orders use."""
        return self.pool.orders.allocation.on_hand_units.get(self.sku, 0)

    @property
    def merely_reserved(self) -> bool:
        """Whether there are units on the shelf, and all of them belong to other channels."""
        if self.on_hand is None or self.on_hand > 0:
            return False
        free = sum(count.on_hand - count.damaged - count.quality_hold for count in self.counts)
        return free > 0 and sum(count.sellable_units for count in self.counts) <= 0

    def alike(self, place: _Place) -> Hashable:
        """Return all that a verdict may rest on while nothing is inbound; equal ones have one verdict."""
        observed = place.observed
        return (
            observed.account,
            observed.offer,
            observed.product_type,
            observed.other_channels,
            place.portion,
            place.restock,
            self.on_hand,
            self.shelf_units,
            self.merely_reserved,
            tuple(self.due),
            self.demand,
            _said_of(self.entry),
        )

    def facts(self, place: _Place) -> OfferFacts:
        """Gather everything the offer of one listing is decided from."""
        pool, policy, observed = self.pool, self.pool.terms.policy_for(self.entry), place.observed
        automated = pool.terms.accounts.get(observed.account, AutomatedHandling.UNKNOWN)
        safety = policy.safety_stock if self.entry.safety_stock is None else self.entry.safety_stock
        inbound = pool.orders.inbound.get(self.sku, _NOTHING_INBOUND)
        # What has not been counted cannot be sold from the shelf: inbound is for tomorrow at the earliest.
        tomorrow = pool.today + timedelta(days=1)
        supply = [(max(lot.ready_on, tomorrow), lot.units) for lot in inbound.expected]
        return OfferFacts(
            observed=observed,
            on_hand=self.on_hand,
            counted_at=self.counted_at,
            demand_units=sum(units for _, units in self.due),
            safety_stock=safety,
            atp=look_ahead_atp((self.on_hand or 0) - safety, supply, self.due, pool.today),
            policy=policy,
            ahead=self._sell_ahead_facts(
                place, policy, inbound, by_restock_date=goes_by_restock_date(policy, automated)
            ),
            automated_handling=automated,
            lag_days=pool.lag_days[observed.account],
            stale=pool.stale,
            shelf_units=self.shelf_units,
        )

    def _sell_ahead_facts(
        self, place: _Place, policy: BackorderPolicy, inbound: InboundView, *, by_restock_date: bool
    ) -> SellAheadFacts:
        pool, past, account = self.pool, self.pool.totals.past, place.observed.account
        used = pool.orders.allocation.lot_units
        supplier = inbound.expected[0].lot.supplier if inbound.expected else self.entry.supplier or ""
        return SellAheadFacts(
            inbound=inbound,
            assigned={lot.lot_id: used.get(lot.lot_id, 0) for lot in inbound.expected},
            supplier=past.lead_times.record_of(supplier),
            supplier_name=supplier,
            entry=self.entry,
            demand=self.demand,
            headroom=pool.totals.of(account).headroom,
            today=pool.today,
            merely_reserved=self.merely_reserved,
            owed_units=max(0, -(self.on_hand or 0)),
            waiting_orders=pool.risks[account].waiting_orders(self.sku),
            portion=place.portion,
            by_restock_date=by_restock_date,
            restock=place.restock,
            received={
                name: received_law(
                    past.shares.get(name, ()),
                    short_share=policy.short_share,
                    no_show_share=policy.no_show_share,
                )
                for name in {lot.lot.supplier for lot in inbound.expected}
            },
        )


def _by_sku(values: Iterable[_T]) -> Mapping[Sku, list[_T]]:
    found: dict[Sku, list[_T]] = {}
    for value in values:
        found.setdefault(value.sku, []).append(value)
    return found


def _not_in(orders: Iterable[Order], others: Iterable[Order]) -> list[Order]:
    known = {(order.account, order.order_id) for order in others}
    return [order for order in orders if (order.account, order.order_id) not in known]


def _entry(entries: Mapping[Sku, CatalogEntry], sku: Sku) -> CatalogEntry:
    return entries.get(sku) or CatalogEntry(sku=sku)


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
