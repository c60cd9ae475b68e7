"""When a purchase order will really arrive: the supplier's word, corrected by what we learned.

The object of learning is the *slip*: received minus confirmed date, in calendar days; only a lot
without a confirmed date falls back to the raw lead time from the day of ordering. A forecast is one law
(`domain.delay`): the order statistics of the supplier's receipts on the lot's lane, then of all its
receipts, as far as they reach; beyond that, and where they are few, the supplier drawn towards all
suppliers (`domain.shrinkage`); for a new supplier all suppliers; without any history the seller's own
`default_slip_days`, and the forecast says so. A lot whose legs are known and learned is as late as its
remaining legs together.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.delay import (
    DelayLaw,
    Experience,
    ForecastMethod,
    beyond_experience,
    default_law,
    sum_of,
)
from fbm_sync.domain.delivery import lead_of, past_deliveries, plain, sequence, slip_of
from fbm_sync.domain.shrinkage import LEAD_TIMES, SLIPS, DelayScale
from fbm_sync.domain.supply import Lot, LotId, LotStatus, Receipt


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
class SupplierRecord:
    """What a supplier's past says, in days, oldest first: slips against the confirmed date, lead times.

    `dropped` counts receipts that were left out for impossible dates.
    """

    slips: tuple[int, ...] = ()
    lead_times: tuple[int, ...] = ()
    dropped: int = 0

    @property
    def on_time_share(self) -> float | None:
        """Share of deliveries no later than confirmed; `None` without any."""
        return sum(slip <= 0 for slip in self.slips) / len(self.slips) if self.slips else None

    @property
    def slip_spread_days(self) -> int | None:
        """Days between the 50 % and the 90 % slip: how unreliable, as opposed to merely slow."""
        if not self.slips:
            return None
        ordered = sorted(self.slips)
        return _nearest_rank(ordered, 0.9) - _nearest_rank(ordered, 0.5)

    def delays(self, scale: DelayScale) -> tuple[int, ...]:
        """Return the delays of one kind."""
        return self.slips if scale is SLIPS else self.lead_times


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimeHistory:
    """Everything learned from past receipts.

    `lanes` are records by supplier and lane. `legs` are those of legs, by the leg's name and then by
    supplier; what taught a leg is in none of the others.
    """

    suppliers: Mapping[str, SupplierRecord]
    pooled: SupplierRecord
    lanes: Mapping[tuple[str, str], SupplierRecord] = dataclasses.field(default_factory=dict)
    legs: Mapping[str, Mapping[str, SupplierRecord]] = dataclasses.field(default_factory=dict)
    # Laws are the same for all lots of a supplier and lane, and take a thousand times longer to make than
    # to read. They follow from the rest, so they are no part of the value.
    _known: dict[tuple[str, str, int], Experience] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _ways: dict[tuple[object, ...], DelayLaw] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def record_of(self, supplier: str) -> SupplierRecord:
        """Return a supplier's past, empty for a new one."""
        return self.suppliers.get(supplier, SupplierRecord())

    @property
    def dropped(self) -> int:
        """How many receipts were left out for impossible dates."""
        return self.pooled.dropped

    def law(self, lot: Lot, scale: DelayScale, half_life: int) -> DelayLaw | None:
        """Return the law of a lot's whole delay; `None` while there are not two receipts in all."""
        lane = plain(lot.lane)
        on_lane = self.lanes.get((lot.supplier, lane), SupplierRecord()) if lane else SupplierRecord()
        return self._experience("", scale, half_life).law(lot.supplier, lane, on_lane.delays(scale))

    def way_law(self, lot: Lot, terms: ArrivalTerms, today: date) -> DelayLaw | None:
        """Return the law of the slips of all legs ahead together; `None` where not all are learned.

        The leg under way is not over before today. What lies behind adds nothing more: the plan of the
        legs ahead is the supplier's newest word.
        """
        laws = [
            self._experience(plain(leg.name), SLIPS, terms.half_life_receipts).law(lot.supplier)
            for leg in lot.legs_ahead
        ]
        learned = [law for law in laws if law is not None]
        if not laws or len(learned) < len(laws):
            return None
        age = max(learned[0].days[0], (today - lot.legs_ahead[0].planned_end_on).days)
        under_way = _not_come_yet(learned[0], age, terms)
        if under_way is None:
            return None
        names = tuple(plain(leg.name) for leg in lot.legs_ahead)
        key = (lot.supplier, names, age, terms.half_life_receipts, terms.default_slip_days)
        if key not in self._ways:
            later = [(law, law.days[0]) for law in learned[1:]]
            self._ways[key] = sum_of([(under_way, age), *later], SLIPS.longest_days)
        return self._ways[key]

    def _experience(self, leg: str, scale: DelayScale, half_life: int) -> Experience:
        key = (leg, scale.name, half_life)
        if key not in self._known:
            records = self.legs.get(leg, {}) if leg else self.suppliers
            delays = {supplier: record.delays(scale) for supplier, record in records.items()}
            self._known[key] = Experience(delays, scale, half_life)
        return self._known[key]


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
    """Return the last day on which goods may arrive and still be ready on or before a date."""
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


def learn(receipts: Iterable[Receipt], lots: Iterable[Lot] = ()) -> LeadTimeHistory:
    """Learn slips and lead times from past receipts, in the sequence in which they came.

    The open `lots` say which lanes are the names of legs; the receipts on those teach the leg only.
    """
    past = past_deliveries(receipts, lots)
    on_lane: dict[tuple[str, str], list[Receipt]] = {}
    for supplier, deliveries in past.whole.items():
        for one in deliveries:
            on_lane.setdefault((supplier, plain(one.lane)), []).append(one)
    everyone = [one for deliveries in past.whole.values() for one in deliveries]
    return LeadTimeHistory(
        suppliers={name: _record(group, past.dropped[name]) for name, group in past.whole.items()},
        pooled=_record(everyone, past.dropped.total()),
        lanes={key: _record(group) for key, group in on_lane.items()},
        legs={
            leg: {name: _record(group) for name, group in groups.items()} for leg, groups in past.legs.items()
        },
    )


def _record(deliveries: Iterable[Receipt], dropped: int = 0) -> SupplierRecord:
    ordered = sorted(deliveries, key=sequence)
    slips, leads = map(slip_of, ordered), map(lead_of, ordered)
    return SupplierRecord(
        slips=tuple(slip for slip in slips if slip is not None),
        lead_times=tuple(lead for lead in leads if lead is not None),
        dropped=dropped,
    )


def _nearest_rank(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


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
    law = history.way_law(lot, terms, today) or history.law(lot, scale, terms.half_life_receipts)
    seen = history.pooled.delays(scale) if law is None else (law.worst_seen,)
    law = law and _not_come_yet(law, age, terms)
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


def _not_come_yet(law: DelayLaw, age: int, terms: ArrivalTerms) -> DelayLaw | None:
    """Return the law of what has not come at an age; `None` where it has nothing to say any more."""
    if law.is_over(age):
        return None
    if age > law.worst_seen:
        return beyond_experience(law, age + terms.default_slip_days, since=age)
    return law


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
