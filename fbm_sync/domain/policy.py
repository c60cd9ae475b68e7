"""A seller's rules for selling ahead of stock, what is weighed by them, and the shape of the answer.

A policy is explicit and belongs to a SKU; without one nothing is ever sold ahead. Gates say whether it may
be (`gates`), caps how many units (`caps`), and `sell_ahead` puts both together with a promise date.
"""

import dataclasses
import enum
from collections.abc import Mapping
from datetime import date

from fbm_sync.domain.arrivals import ReceivedLaw
from fbm_sync.domain.budget import Exposure, LateBudget
from fbm_sync.domain.channel import ALL_OF_IT, Portion
from fbm_sync.domain.history import SupplierRecord
from fbm_sync.domain.leadtime import ArrivalTerms, ExpectedLot, InboundView
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.supply import CatalogEntry, LotStatus

HORIZON_DAYS = 30
"""Amazon shows a back-ordered offer only while its restock date is at most this many days ahead."""


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
    half_life_receipts: int = 100
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
    unproven_units: int = 5
    max_cash_minor: int | None = None
    late_order_cost_minor: int | None = None
    account_risk: float = 0.05
    short_share: float = 0.0
    no_show_share: float = 0.0

    @property
    def arrival_terms(self) -> ArrivalTerms:
        """What this policy says about inbound supply."""
        return ArrivalTerms(
            confidence=self.confidence,
            receiving_days=self.receiving_days,
            past_due_days=self.past_due_days,
            default_slip_days=self.default_slip_days,
            firm_statuses=self.firm_statuses,
            half_life_receipts=self.half_life_receipts,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition for selling ahead, with the value found and the limit it had to meet."""

    name: str
    passed: bool
    value: str
    limit: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit on the units sold ahead: how many it leaves (`None` when it is off), and by which rule."""

    name: str
    units: int | None
    rule: str

    @property
    def passed(self) -> bool:
        """Whether it leaves a unit to sell."""
        return self.units is None or self.units > 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """How many units may be sold ahead: the smallest of several limits, and which one it was.

    `limits` are those in force, by name; `details` are all of them with their rules, also those that
    are off.
    """

    units: int
    binding: str
    limits: Mapping[str, int]
    details: tuple[Limit, ...] = ()


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
    """How many more late and cancelled orders the account can take before Amazon's limits.

    `breached` names the measures over their limit. `on_time_rate` is Amazon's own figure of deliveries on
    time (OTDR), `None` where Amazon has not stated it, `on_time_target` what it must not fall below.
    """

    late_orders: int = 0
    cancelled_orders: int = 0
    breached: tuple[str, ...] = ()
    on_time_rate: float | None = None
    on_time_target: float = 0.9

    @property
    def orders(self) -> int:
        """The tighter of the two."""
        return max(0, min(self.late_orders, self.cancelled_orders))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SellAheadFacts:
    """Everything that is weighed before a SKU may be sold ahead.

    `assigned` are units of each lot that open orders already use, `waiting_orders` this account's orders
    among them that will still be in time. `merely_reserved` means that stock is on the shelf but all of
    it belongs to other channels. `owed_units` are what a count below zero says is missing already: the
    next arrival makes it good before anything of it can be sold. `portion` is the account's part of the
    pool, `received` what part of a lot comes in the end, by supplier. `budget` is what the account's other
    SKUs leave of its headroom (without it, the whole headroom), `budget_price_minor` the price of a late
    order that keeps them all within it. `by_restock_date` says what carries the promise, `restock` what the
    latest order sold so shows of it.
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
    waiting_orders: int = 0
    portion: Portion = ALL_OF_IT
    received: Mapping[str, ReceivedLaw] = dataclasses.field(default_factory=dict)
    budget: LateBudget | None = None
    budget_price_minor: int = 0
    by_restock_date: bool = True
    restock: RestockShown | None = None

    def spare_units(self, lot: ExpectedLot) -> int:
        """Return the units of a lot that no open order uses."""
        return lot.units - self.assigned.get(lot.lot_id, 0)

    @property
    def taken_units(self) -> int:
        """Inbound units that are not free to sell, because somebody waits for them."""
        return sum(self.assigned.values()) + self.owed_units

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

    @property
    def margin_minor(self) -> int:
        """What one unit earns, in minor units; nothing where price or cost is unknown, never less."""
        cost = self.price_minor if self.entry.unit_cost_minor is None else self.entry.unit_cost_minor
        return max(0, self.price_minor - cost)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SellAhead:
    """The answer: whether, up to how many units, with which promise date, and what that puts at risk."""

    accepted: bool
    gates: tuple[Gate, ...]
    promise_on: date | None = None
    cap: Cap | None = None
    exposure: Exposure | None = None
