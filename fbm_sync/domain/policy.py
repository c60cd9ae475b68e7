"""May a SKU be sold ahead of its stock, and how many units? Every gate and cap, with its numbers.

A policy is explicit and belongs to a SKU; without one nothing is ever sold ahead. All gates are
always judged and reported, also when an earlier one has failed: a seller who fixes one thing wants
to know what else stands in the way.
"""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import chain, dropwhile

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.leadtime import ArrivalTerms, ExpectedLot, InboundView, SupplierRecord
from fbm_sync.domain.supply import CatalogEntry, LotStatus

HORIZON_DAYS = 30
"""Amazon shows a back-ordered offer only while its restock date is at most this many days ahead."""

_FEW_ORDERS = 10
_POOLED_LOTS = 16


class BackorderKind(enum.StrEnum):
    """Whether a SKU may be sold ahead of its stock at all; `NEVER` is the default."""

    NEVER = "never"
    BACKORDER = "backorder"
    PREORDER = "preorder"


class Lever(enum.StrEnum):
    """How a later promise is told to Amazon."""

    RESTOCK_DATE = "restock_date"
    HANDLING_TIME = "handling_time"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackorderPolicy:
    """A seller's explicit rules for a group of SKUs; the meaning of each is in `config/fbm_sync.toml`.

    Days are calendar days except `handling_days` and `receiving_days` (ship days); money is in minor
    units; shares and probabilities are fractions. A gate whose limit is 0 (or an empty list) is off.
    """

    name: str = "default"
    backorder: BackorderKind = BackorderKind.NEVER
    lever: Lever = Lever.RESTOCK_DATE
    confidence: float = 0.95
    handling_days: int = 2
    receiving_days: int = 1
    past_due_days: int = 14
    default_slip_days: int = 7
    firm_statuses: frozenset[LotStatus] = frozenset(
        {LotStatus.CONFIRMED, LotStatus.IN_TRANSIT, LotStatus.CUSTOMS}
    )
    safety_stock: int = 0
    reopen_units: int = 1
    max_listed: int = 1_000_000
    latency_risk: float = 0.01
    min_receipts: int = 5
    max_slip_spread_days: int = 21
    min_supplier_on_time: float = 0.7
    max_demand_cv: float = 3.0
    min_margin: float = 0.0
    max_cancel_rate: float = 0.05
    excluded_categories: frozenset[str] = frozenset({"music", "video", "dvd"})
    inbound_share: float = 0.8
    late_risk: float = 0.05
    max_units: int | None = None
    max_cash_minor: int | None = None
    late_order_cost_minor: int | None = None
    account_risk: float = 0.05

    @property
    def arrival_terms(self) -> ArrivalTerms:
        """What this policy says about inbound supply."""
        return ArrivalTerms(
            confidence=self.confidence,
            receiving_days=self.receiving_days,
            past_due_days=self.past_due_days,
            default_slip_days=self.default_slip_days,
            firm_statuses=self.firm_statuses,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition for selling ahead, with the value found and the limit it had to meet."""

    name: str
    passed: bool
    value: str
    limit: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """How many units may be sold ahead: the smallest of several limits, and which one it was."""

    units: int
    binding: str
    limits: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemandRecord:
    """A SKU's own sales over `days` days: units a day, their coefficient of variation, cancellations."""

    days: int
    orders: int = 0
    units_per_day: float = 0.0
    variation: float | None = None
    cancelled_orders: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """How many more late and cancelled orders the account can take before Amazon's limits."""

    late_orders: int = 0
    cancelled_orders: int = 0
    breached: tuple[str, ...] = ()

    @property
    def orders(self) -> int:
        """The tighter of the two."""
        return max(0, min(self.late_orders, self.cancelled_orders))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SellAheadFacts:
    """Everything that is weighed before a SKU may be sold ahead.

    `assigned` are units of each lot that open orders already use. `merely_reserved` means that stock
    is on the shelf but all of it belongs to other channels. `owed_units` are what a count below zero
    says is missing already: the next arrival makes it good before anything of it can be sold.
    """

    inbound: InboundView
    assigned: Mapping[str, int]
    supplier: SupplierRecord
    supplier_name: str
    entry: CatalogEntry
    demand: DemandRecord
    headroom: Headroom
    today: date
    merely_reserved: bool = False
    owed_units: int = 0

    @property
    def price_minor(self) -> int:
        """Price in minor units; 0 where the catalogue does not say."""
        return self.entry.price_minor or 0

    @property
    def margin(self) -> float | None:
        """Margin as a share of the price; `None` where price or cost is unknown."""
        if not self.entry.price_minor or self.entry.unit_cost_minor is None:
            return None
        return (self.entry.price_minor - self.entry.unit_cost_minor) / self.entry.price_minor


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SellAhead:
    """The answer: whether, up to how many units, and with which promise date."""

    accepted: bool
    gates: tuple[Gate, ...]
    promise_on: date | None = None
    cap: Cap | None = None


def decide_sell_ahead(
    policy: BackorderPolicy,
    facts: SellAheadFacts,
    calendar: ShipCalendar,
    *,
    shown: date | None = None,
    sharers: int = 1,
) -> SellAhead:
    """Decide whether a SKU without stock may be sold, until how many units, promised for when.

    `shown` is a promise date still feasible and already told to buyers, which is then kept while the
    caps leave a unit for each of the `sharers`, the accounts that sell from the same stock. The promise
    is the first ready day, at the policy's confidence, for which they do: when the first lot is as good
    as sold, the next one carries the promise.
    """
    days = _ready_days(policy, facts, calendar)
    if shown is not None:
        days = [shown, *(day for day in days if day > shown)]
    promises = ((day, _cap(policy, facts, day, calendar)) for day in days)
    first = next(promises, None)
    if first is None:
        return SellAhead(accepted=False, gates=_gates(policy, facts, None))
    promise_on, cap = next((one for one in chain([first], promises) if one[1].units >= sharers), first)
    gates = _gates(policy, facts, promise_on)
    accepted = all(gate.passed for gate in gates) and cap.units >= sharers
    return SellAhead(accepted=accepted, gates=gates, promise_on=promise_on, cap=cap)


def first_spare_day(policy: BackorderPolicy, facts: SellAheadFacts, calendar: ShipCalendar) -> date | None:
    """Return the first ship day on which inbound has units no open order uses; `None` without any."""
    return next(iter(_ready_days(policy, facts, calendar)), None)


def _ready_days(policy: BackorderPolicy, facts: SellAheadFacts, calendar: ShipCalendar) -> list[date]:
    """Return the ship days on which lots get ready, from the first lot with units to spare on.

    A preorder never ships before its release date.
    """
    earliest = facts.today + timedelta(days=1)
    if policy.backorder is BackorderKind.PREORDER and facts.entry.release_on is not None:
        earliest = max(earliest, facts.entry.release_on)
    lots = dropwhile(lambda lot: _spare(lot, facts) <= 0, facts.inbound.expected)
    return sorted({calendar.ship_day_on_or_after(max(lot.ready_on, earliest)) for lot in lots})


def _spare(lot: ExpectedLot, facts: SellAheadFacts) -> int:
    return lot.units - facts.assigned.get(lot.lot_id, 0)


def _gates(policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date | None) -> tuple[Gate, ...]:
    return (
        _kind_gate(policy, facts),
        _inbound_gate(facts),
        *_reliability_gates(policy, facts),
        *_sales_gates(policy, facts),
        _listing_gate(facts),
        _category_gate(policy, facts),
        _horizon_gate(facts, promise_on),
        _headroom_gate(facts),
        _reserved_gate(facts),
    )


def _kind_gate(policy: BackorderPolicy, facts: SellAheadFacts) -> Gate:
    released = facts.entry.release_on
    if policy.backorder is BackorderKind.PREORDER:
        ahead = released is not None and released > facts.today
        value = f"preorder, release {released or 'unknown'}"
        return Gate(name="policy", passed=ahead, value=value, limit="a release date in the future")
    passed = policy.backorder is BackorderKind.BACKORDER
    return Gate(name="policy", passed=passed, value=policy.backorder.value, limit="backorder or preorder")


def _inbound_gate(facts: SellAheadFacts) -> Gate:
    spare = sum(max(0, _spare(lot, facts)) for lot in facts.inbound.expected)
    return Gate(name="firm_inbound", passed=spare > 0, value=f"{spare} units to spare", limit="at least 1")


def _reliability_gates(policy: BackorderPolicy, facts: SellAheadFacts) -> tuple[Gate, ...]:
    """Judge the supplier by its own past: enough of it, not too erratic, mostly on time."""
    count = len(facts.supplier.slips)
    spread, on_time = facts.supplier.slip_spread_days, facts.supplier.on_time_share
    return (
        Gate(
            name="supplier_receipts",
            passed=count >= policy.min_receipts,
            value=f"{count} receipts of {facts.supplier_name or 'an unnamed supplier'}",
            limit=f"at least {policy.min_receipts}",
        ),
        Gate(
            name="slip_spread",
            passed=policy.max_slip_spread_days == 0 or (spread or 0) <= policy.max_slip_spread_days,
            value="unknown" if spread is None else f"{spread} days",
            limit=_at_most(policy.max_slip_spread_days, "days"),
        ),
        Gate(
            name="supplier_on_time",
            passed=policy.min_supplier_on_time == 0 or (on_time or 0.0) >= policy.min_supplier_on_time,
            value="unknown" if on_time is None else f"{on_time:.0%}",
            limit=f"at least {policy.min_supplier_on_time:.0%}",
        ),
    )


def _sales_gates(policy: BackorderPolicy, facts: SellAheadFacts) -> tuple[Gate, ...]:
    """Judge the SKU by its own sales: steady enough, worth it, not cancelled too often."""
    demand, margin = facts.demand, facts.margin
    known = demand.orders >= _FEW_ORDERS  # a slow seller's first sale is no sign of volatile demand
    variation = demand.variation if known else None
    cancel_rate = demand.cancelled_orders / demand.orders if known else None
    too_few = f"fewer than {_FEW_ORDERS} orders"
    return (
        Gate(
            name="demand_variation",
            passed=policy.max_demand_cv == 0 or (variation or 0.0) <= policy.max_demand_cv,
            value=too_few if variation is None else f"{variation:.1f}",
            limit=_at_most(policy.max_demand_cv, "(standard deviation over mean, by day)"),
        ),
        Gate(
            name="margin",
            passed=policy.min_margin == 0 or (margin is not None and margin >= policy.min_margin),
            value="unknown" if margin is None else f"{margin:.0%}",
            limit=f"at least {policy.min_margin:.0%}",
        ),
        Gate(
            name="cancel_rate",
            passed=policy.max_cancel_rate == 0 or (cancel_rate or 0.0) <= policy.max_cancel_rate,
            value=too_few if cancel_rate is None else f"{cancel_rate:.1%}",
            limit="off" if policy.max_cancel_rate == 0 else f"at most {policy.max_cancel_rate:.1%}",
        ),
    )


def _listing_gate(facts: SellAheadFacts) -> Gate:
    prime = facts.entry.prime_template
    return Gate(name="prime_template", passed=not prime, value="yes" if prime else "no", limit="no")


def _category_gate(policy: BackorderPolicy, facts: SellAheadFacts) -> Gate:
    category = (facts.entry.category or "").strip().lower()
    excluded = ", ".join(sorted(policy.excluded_categories)) or "nothing"
    passed = category not in policy.excluded_categories
    return Gate(name="category", passed=passed, value=category or "unknown", limit=f"not in {excluded}")


def _horizon_gate(facts: SellAheadFacts, promise_on: date | None) -> Gate:
    if promise_on is None:
        return Gate(
            name="promise_horizon", passed=False, value="no date", limit=f"within {HORIZON_DAYS} days"
        )
    days = (promise_on - facts.today).days
    value = f"{promise_on} ({days} days)"
    return Gate(
        name="promise_horizon", passed=days <= HORIZON_DAYS, value=value, limit=f"within {HORIZON_DAYS} days"
    )


def _headroom_gate(facts: SellAheadFacts) -> Gate:
    breached = facts.headroom.breached
    value = " and ".join(breached) + " over the limit" if breached else f"{facts.headroom.orders} orders"
    return Gate(name="headroom", passed=not breached, value=value, limit="LSR and CR inside Amazon's limits")


def _reserved_gate(facts: SellAheadFacts) -> Gate:
    value = "all stock reserved elsewhere" if facts.merely_reserved else "no"
    return Gate(
        name="reserved_elsewhere",
        passed=not facts.merely_reserved,
        value=value,
        limit="stock really used up, not merely reserved",
    )


def _at_most(limit: float, unit: str) -> str:
    return f"at most {limit:g} {unit}" if limit else "off"


def _cap(policy: BackorderPolicy, facts: SellAheadFacts, promise_on: date, calendar: ShipCalendar) -> Cap:
    """Return the smallest of the caps in force, none below zero."""
    lots = facts.inbound.expected
    taken = sum(facts.assigned.values()) + facts.owed_units
    arrivals = arrival_odds(lots, promise_on, calendar)
    counted = sum(lot.units for lot in lots if lot.ready_on <= promise_on)
    headroom = facts.headroom.orders
    limits = {
        "inbound_share": int(policy.inbound_share * counted) - taken,
        "late_risk": sure_units(arrivals, 1 - policy.late_risk) - taken,
        "headroom": sure_units(arrivals, 1 - policy.account_risk) + headroom - taken,
        "max_listed": policy.max_listed if facts.entry.max_listed is None else facts.entry.max_listed,
    }
    if policy.max_units is not None:
        limits["max_units"] = policy.max_units - taken
    if policy.max_cash_minor is not None:
        price = facts.price_minor
        limits["max_cash"] = policy.max_cash_minor // price - taken if price else 0
    if policy.late_order_cost_minor is not None:
        limits["profit"] = sure_units(arrivals, _profit_odds(policy, facts)) - taken
    limits = {name: max(0, units) for name, units in limits.items()}
    binding = min(limits, key=lambda name: (limits[name], name))
    return Cap(units=limits[binding], binding=binding, limits=limits)


def _profit_odds(policy: BackorderPolicy, facts: SellAheadFacts) -> float:
    """Return how sure a unit must be to be worth selling: c / (m + c), newsvendor on the supply side."""
    cost = policy.late_order_cost_minor or 0
    unit_cost = facts.price_minor if facts.entry.unit_cost_minor is None else facts.entry.unit_cost_minor
    margin_minor = max(0, facts.price_minor - unit_cost)
    return cost / (margin_minor + cost) if margin_minor + cost else 1.0


def arrival_odds(lots: Sequence[ExpectedLot], by: date, calendar: ShipCalendar) -> Mapping[int, float]:
    """Return the probability of each possible total of inbound units ready by a date.

    Lots are pooled: each arrives in time or not, independently of the others, and whichever does
    serves whoever is first. Only the earliest lots are pooled (the number of totals may double with
    each one); leaving the others out never overstates what will be there.
    """
    odds = {0: 1.0}
    for lot in lots[:_POOLED_LOTS]:
        chance = lot.probability_ready_by(by, calendar)
        if chance == 0:
            continue
        grown: dict[int, float] = {}
        for units, weight in odds.items():
            grown[units] = grown.get(units, 0.0) + weight * (1 - chance)
            grown[units + lot.units] = grown.get(units + lot.units, 0.0) + weight * chance
        odds = grown
    return odds


def sure_units(odds: Mapping[int, float], confidence: float) -> int:
    """Return the most units available with at least this probability."""
    tail = 0.0
    for units in sorted(odds, reverse=True):
        tail += odds[units]
        if tail >= confidence - 1e-12:
            return units
    return 0
