"""How Amazon measures a seller: the measures, their windows and targets, and where an account stands in one.

Everything is integer arithmetic on orders, parcels or units: `100 · late ≥ 4 · orders` is a breach, and
where there is nothing to count there is no rate.
"""

import dataclasses
import enum
from datetime import datetime, timedelta
from typing import NamedTuple


class Metric(enum.StrEnum):
    """Amazon's measures of a seller: late shipments, cancellations, deliveries on time, valid tracking."""

    LSR = "LSR"
    CR = "CR"
    OTDR = "OTDR"
    VTR = "VTR"

    @property
    def counts(self) -> str:
        """What is counted."""
        return _COUNTED.get(self, "orders")


_COUNTED = {Metric.OTDR: "units", Metric.VTR: "parcels"}


class Rule(enum.StrEnum):
    """How a rate is compared with its target: bad ones stay below it, good ones reach or exceed it."""

    BELOW = "BELOW"
    AT_LEAST = "AT_LEAST"
    ABOVE = "ABOVE"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What Amazon asks for, as `part` of `whole`."""

    part: int
    whole: int
    rule: Rule

    def first_breach(self, count: int) -> int:
        """Return the fewest bad ones of so many with which the target is missed."""
        if self.rule is Rule.BELOW:
            return -(-self.part * count // self.whole)
        spare = (self.whole - self.part) * count
        return spare // self.whole + 1 if self.rule is Rule.AT_LEAST else -(-spare // self.whole)


class Tally(NamedTuple):
    """What is counted in one span of time: bad orders of all, or good units (parcels) of all."""

    numerator: int
    denominator: int


NOTHING = Tally(0, 0)


class Span(NamedTuple):
    """A stretch of time that one measure counts, both ends included; of one marketplace, or of all."""

    metric: Metric
    since: datetime
    until: datetime
    marketplace: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One measure now: `numerator` of `denominator`, compared with the share `limit` by a `rule`.

    LSR and CR count the bad ones, OTDR and VTR the good ones.
    """

    metric: Metric
    window_days: int
    numerator: int
    denominator: int
    limit: tuple[int, int]
    rule: Rule = Rule.BELOW

    @property
    def target(self) -> Target:
        """What Amazon asks for."""
        return Target(part=self.limit[0], whole=self.limit[1], rule=self.rule)

    @property
    def bad(self) -> int:
        """How many count against the seller."""
        return self.numerator if self.rule is Rule.BELOW else self.denominator - self.numerator

    @property
    def rate(self) -> float | None:
        """The rate as Amazon writes it; `None` where there is nothing to count."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def breached(self) -> bool:
        """Whether Amazon's target is missed; never where there is nothing to count."""
        return self.denominator > 0 and self.bad >= self.target.first_breach(self.denominator)

    @property
    def headroom_orders(self) -> int:
        """How many more bad ones (orders, units, parcels) the account can take; never negative."""
        return max(0, self.target.first_breach(self.denominator) - 1 - self.bad)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One measure as Amazon takes it: over how many days, which end some days ago, against which target."""

    metric: Metric
    days: int
    target: Target
    lag_days: int = 0

    def span(self, now: datetime, *, ahead_days: int = 0) -> Span:
        """Return what it counts at a moment, or some days later."""
        until = now + timedelta(days=ahead_days - self.lag_days)
        return Span(self.metric, until - timedelta(days=self.days), until)

    def standing(self, tally: Tally, target: Target | None = None) -> Standing:
        """Return where the account stands with this count; Amazon's own target wins over the usual one."""
        asked = target or self.target
        return Standing(
            metric=self.metric,
            window_days=self.days,
            numerator=tally.numerator,
            denominator=tally.denominator,
            limit=(asked.part, asked.whole),
            rule=asked.rule,
        )


_FEW_LATE = Target(part=4, whole=100, rule=Rule.BELOW)
LSR_10 = Window(metric=Metric.LSR, days=10, target=_FEW_LATE)
LSR_30 = Window(metric=Metric.LSR, days=30, target=_FEW_LATE)
CR_7 = Window(metric=Metric.CR, days=7, target=Target(part=25, whole=1000, rule=Rule.BELOW))
OTDR_14 = Window(
    metric=Metric.OTDR, days=14, lag_days=7, target=Target(part=90, whole=100, rule=Rule.AT_LEAST)
)
VTR_30 = Window(metric=Metric.VTR, days=30, target=Target(part=95, whole=100, rule=Rule.AT_LEAST))
WINDOWS = (LSR_10, LSR_30, CR_7, OTDR_14, VTR_30)
"""All that is measured, in the order in which it is shown."""


class Basis(enum.StrEnum):
    """Which moment of an order puts it into a window; what is over without a parcel counts as left then."""

    SHIP_BY = "ship_by"
    CREATED = "created"
    SHIPPED = "shipped"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HealthTerms:
    """How the account's health is measured, and from which chance of a breach on it is news."""

    lsr_by: Basis = Basis.SHIP_BY
    cr_by: Basis = Basis.CREATED
    breach_probability: float = 0.05

    def basis(self, metric: Metric) -> Basis:
        """Return the moment that counts for late shipments, or for cancellations."""
        return self.lsr_by if metric is Metric.LSR else self.cr_by
