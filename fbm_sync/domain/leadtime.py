"""When a purchase order will really arrive: the supplier's word, corrected by what we learned.

A forecast is one law, counted from the day the supplier confirmed, or from the day of ordering where none
is (`domain.history`): the order statistics of the supplier's receipts on the lot's lane, then of all its
receipts, as far as they reach; beyond that, and where they are few, the supplier drawn towards all
suppliers (`domain.shrinkage`); for a new supplier all suppliers; without any history the seller's own
`default_slip_days`, and the forecast says so.
"""

import dataclasses
from collections.abc import Iterable
from datetime import date, timedelta

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.delay import DelayLaw, ForecastMethod, default_law, not_come_yet
from fbm_sync.domain.history import LeadTimeHistory
from fbm_sync.domain.shrinkage import LEAD_TIMES, SLIPS
from fbm_sync.domain.supply import Lot, LotId, LotStatus


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalTerms:
    """A policy's view on inbound: how sure to be, what to believe, how long receiving takes.

    `receiving_days` are ship days from arrival to shippable; `past_due_days` and
    `default_slip_days` are calendar days. A receipt that is `half_life_receipts` deliveries older than
    another weighs half as much; 0: all weigh alike.
    """

    confidence: float
    receiving_days: int
    past_due_days: int
    default_slip_days: int
    firm_statuses: frozenset[LotStatus]
    half_life_receipts: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalForecast:
    """When a lot will be here: `arrives_by` at the asked confidence, and the whole law behind it.

    The law's days count from `base`, the day that was planned (or of ordering); it is `age` days after
    that and the lot has not come. `receipts` are those of the source that answered, `effective_receipts`
    what they weigh when recent ones count more; `dropped` of that source had impossible dates.
    """

    arrives_by: date
    confidence: float
    method: ForecastMethod
    receipts: int
    law: DelayLaw
    base: date
    age: int
    effective_receipts: float = 0.0
    dropped: int = 0

    @property
    def steps(self) -> tuple[tuple[date, float], ...]:
        """The law by dates from today on: (date, probability of having arrived by it), both rising."""
        steps = self.law.steps(since=self.age)
        return tuple((self.base + timedelta(days=day), chance) for day, chance in steps)

    @property
    def basis(self) -> str:
        """Whose experience it rests on, in words."""
        if self.method is ForecastMethod.DEFAULT:
            return f"{self.method.value}: no receipt is like it"
        weight = round(self.effective_receipts)
        weighed = f" that weigh like {weight} of today" if weight != self.receipts else ""
        dropped = f"; {self.dropped} with impossible dates left out" if self.dropped else ""
        return f"{self.method.value}: {self.receipts}{weighed}{dropped}"

    def probability_by(self, on: date) -> float:
        """Return the probability that the lot is here on or before a date."""
        return self.law.chance_by((on - self.base).days, since=self.age)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedLot:
    """A lot we believe in: how many units, when they can ship, and how sure that is."""

    lot: Lot
    forecast: ArrivalForecast
    ready_on: date
    receiving_days: int

    @property
    def lot_id(self) -> LotId:
        """The lot's name."""
        return self.lot.lot_id

    @property
    def units(self) -> int:
        """Units still to come."""
        return self.lot.open_units

    def probability_ready_by(self, on: date, calendar: ShipCalendar) -> float:
        """Return the probability that its units can ship on or before a date."""
        return self.forecast.probability_by(last_arrival(on, self.receiving_days, calendar))


def last_arrival(ready_on: date, receiving_days: int, calendar: ShipCalendar) -> date:
    """Return the last day on which goods may arrive and still be ready to ship on or before a date."""
    day = calendar.ship_day_on_or_before(ready_on)
    for _ in range(receiving_days):
        day = calendar.ship_day_on_or_before(day - timedelta(days=1))
    return day


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DoubtfulLot:
    """A lot that does not count as supply, and why."""

    lot: Lot
    why: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class InboundView:
    """All open lots of a SKU, split into those believed and those not."""

    expected: tuple[ExpectedLot, ...]
    doubtful: tuple[DoubtfulLot, ...]


def forecast_arrival(
    lot: Lot, history: LeadTimeHistory, terms: ArrivalTerms, today: date
) -> ArrivalForecast | None:
    """Forecast a lot's arrival; `None` when it has no date from which anything could follow.

    That is also so for a lot without any planned date that is out longer than any receipt ever was.

    All is on the condition that it has not come before today. A lot that is later than anything its
    sources have seen is never promised sooner than the default slip from today.
    """
    planned = lot.planned_on is not None
    base, scale = (lot.planned_on, SLIPS) if planned else (lot.ordered_on, LEAD_TIMES)
    if base is None:
        return None
    age = (today - base).days
    law = history.way_law(lot, terms.half_life_receipts, terms.default_slip_days, today)
    law = law or history.law(lot, scale, terms.half_life_receipts)
    seen = history.pooled.delays(scale) if law is None else (law.worst_seen,)
    law = law and not_come_yet(law, terms.default_slip_days, since=age)
    if law is None:
        usual = max(seen, default=0)
        if not planned and (not seen or usual < age):
            return None
        usual = max(0, age, usual)
        law = default_law(usual, usual + terms.default_slip_days, terms.confidence)
    evidence = law.evidence_for(terms.confidence, since=age)
    of_supplier = evidence.method in {ForecastMethod.LANE, ForecastMethod.SUPPLIER}
    return ArrivalForecast(
        arrives_by=base + timedelta(days=law.day_at(terms.confidence, since=age)),
        confidence=terms.confidence,
        method=evidence.method,
        receipts=evidence.receipts,
        effective_receipts=evidence.effective_receipts,
        dropped=(history.record_of(lot.supplier) if of_supplier else history.pooled).dropped,
        law=law,
        base=base,
        age=age,
    )


def view_inbound(
    lots: Iterable[Lot], history: LeadTimeHistory, terms: ArrivalTerms, calendar: ShipCalendar, today: date
) -> InboundView:
    """Sort a SKU's open lots into believed ones, earliest first, and doubtful ones with the reason.

    Only firm lots count. A lot overdue by more than `past_due_days` without a new date is not
    believed at all: it would carry promises on hope.
    """
    expected, doubtful = [], []
    for lot in lots:
        if lot.open_units == 0:
            continue
        why = _why_not_believed(lot, terms, today)
        forecast = None if why else forecast_arrival(lot, history, terms, today)
        if forecast is None:
            doubtful.append(
                DoubtfulLot(lot=lot, why=why or "it has no confirmed date and is not like any past receipt")
            )
            continue
        ready_on = calendar.add_ship_days(forecast.arrives_by, terms.receiving_days)
        expected.append(
            ExpectedLot(lot=lot, forecast=forecast, ready_on=ready_on, receiving_days=terms.receiving_days)
        )
    expected.sort(key=lambda one: (one.ready_on, one.lot_id))
    doubtful.sort(key=lambda one: one.lot.lot_id)
    return InboundView(expected=tuple(expected), doubtful=tuple(doubtful))


def _why_not_believed(lot: Lot, terms: ArrivalTerms, today: date) -> str | None:
    if lot.status not in terms.firm_statuses:
        return f"its status is {lot.status.value}, which does not count as firm"
    if lot.planned_on is None:
        return None
    late = (today - lot.planned_on).days
    if late > terms.past_due_days:
        return f"it is {late} days overdue without a new date (believed up to {terms.past_due_days})"
    if -late > LEAD_TIMES.longest_days:
        return f"its date {lot.planned_on} is so far away that it is a mistake or a placeholder"
    return None
