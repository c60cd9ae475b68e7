"""When a purchase order will really arrive: the supplier's word, corrected by what we learned.

The object of learning is the *slip*: received minus confirmed date, in calendar days; only a lot
without a confirmed date falls back to the raw lead time from the day of ordering. From n
past receipts the arrival at confidence q is the conformal order statistic number ⌈(n+1)·q⌉: it holds
for any distribution as long as the next receipt resembles the past ones, and it needs
n ≥ ⌈q/(1−q)⌉ (19 receipts for 95 %). With fewer, all suppliers together speak; without any history
the seller's own `default_slip_days` does, and the forecast says so.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import chain

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.supply import Lot, LotId, LotStatus, Receipt

_ABSURD_DAYS = 365
_EVEN = 0.5


class ForecastMethod(enum.StrEnum):
    """Whose experience a forecast rests on."""

    SUPPLIER = "this supplier's receipts"
    ALL_SUPPLIERS = "all suppliers' receipts"
    DEFAULT = "the default slip"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalTerms:
    """A policy's view on inbound: how sure to be, what to believe, how long receiving takes.

    `receiving_days` are ship days from arrival to shippable; `past_due_days` and
    `default_slip_days` are calendar days.
    """

    confidence: float
    receiving_days: int
    past_due_days: int
    default_slip_days: int
    firm_statuses: frozenset[LotStatus]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplierRecord:
    """What a supplier's past says, in days, sorted: slips against the confirmed date, raw lead times."""

    slips: tuple[int, ...] = ()
    lead_times: tuple[int, ...] = ()

    @property
    def on_time_share(self) -> float | None:
        """Share of deliveries no later than confirmed; `None` without any."""
        return sum(slip <= 0 for slip in self.slips) / len(self.slips) if self.slips else None

    @property
    def slip_spread_days(self) -> int | None:
        """Days between the 50 % and the 90 % slip: how unreliable, as opposed to merely slow."""
        if not self.slips:
            return None
        return _nearest_rank(self.slips, 0.9) - _nearest_rank(self.slips, 0.5)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimeHistory:
    """Everything learned from past receipts; `dropped` counts receipts with impossible dates."""

    suppliers: Mapping[str, SupplierRecord]
    pooled: SupplierRecord
    dropped: int = 0

    def record_of(self, supplier: str) -> SupplierRecord:
        """Return a supplier's past, empty for a new one."""
        return self.suppliers.get(supplier, SupplierRecord())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalForecast:
    """When a lot will be here: `arrives_by` at the asked confidence, and the whole law behind it.

    `steps` are (date, probability of having arrived by it), both rising; what is missing to 1 is the
    chance that it takes longer than anything seen.
    """

    arrives_by: date
    confidence: float
    method: ForecastMethod
    receipts: int
    steps: tuple[tuple[date, float], ...]

    def probability_by(self, on: date) -> float:
        """Return the probability that the lot is here on or before a date."""
        return max((chance for day, chance in self.steps if day <= on), default=0.0)


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
        ready = 0.0
        for day, chance in self.forecast.steps:
            if calendar.add_ship_days(day, self.receiving_days) > on:
                break
            ready = chance
        return ready


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


def learn(receipts: Iterable[Receipt]) -> LeadTimeHistory:
    """Learn slips and lead times from past receipts.

    Lines of one delivery are late together (intra-class correlation 0.77 in real data), so a
    delivery counts once, by its latest line. Receipts with impossible dates are dropped and counted.
    """
    deliveries: dict[tuple[str, str], Receipt] = {}
    dropped = 0
    for receipt in receipts:
        if _has_impossible_dates(receipt):
            dropped += 1
            continue
        key = (receipt.supplier, receipt.delivery_id or f"{receipt.po_id} {receipt.received_on}")
        known = deliveries.get(key)
        if known is None or _lateness(receipt) > _lateness(known):
            deliveries[key] = receipt
    by_supplier: dict[str, list[Receipt]] = {}
    for receipt in deliveries.values():
        by_supplier.setdefault(receipt.supplier, []).append(receipt)
    return LeadTimeHistory(
        suppliers={supplier: _record(group) for supplier, group in by_supplier.items()},
        pooled=_record(list(chain.from_iterable(by_supplier.values()))),
        dropped=dropped,
    )


def _has_impossible_dates(receipt: Receipt) -> bool:
    if receipt.ordered_on is not None:
        lead = (receipt.received_on - receipt.ordered_on).days
        if lead <= 0 or lead > 3 * _ABSURD_DAYS:
            return True
    return (
        receipt.promised_on is not None
        and abs((receipt.received_on - receipt.promised_on).days) > _ABSURD_DAYS
    )


def _lateness(receipt: Receipt) -> tuple[int, int]:
    """Return slip and lead time, by which the latest line of a delivery is found in any input order."""
    slip = (
        -_ABSURD_DAYS - 1 if receipt.promised_on is None else (receipt.received_on - receipt.promised_on).days
    )
    lead = 0 if receipt.ordered_on is None else (receipt.received_on - receipt.ordered_on).days
    return slip, lead


def _record(receipts: Sequence[Receipt]) -> SupplierRecord:
    return SupplierRecord(
        slips=tuple(
            sorted((r.received_on - r.promised_on).days for r in receipts if r.promised_on is not None)
        ),
        lead_times=tuple(
            sorted((r.received_on - r.ordered_on).days for r in receipts if r.ordered_on is not None)
        ),
    )


def _nearest_rank(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def forecast_arrival(
    lot: Lot, history: LeadTimeHistory, terms: ArrivalTerms, today: date
) -> ArrivalForecast | None:
    """Forecast a lot's arrival; `None` when it has no date from which anything could follow.

    That is also so for a lot without a confirmed date that is out longer than any receipt ever was.

    A lot that is already late is judged on the condition that it has not come yet. When the better
    source is too short for the asked confidence the next one answers, but never with an earlier day
    than the worst the better source has seen: less knowledge must not make a promise bolder.
    """
    record, pooled = history.record_of(lot.supplier), history.pooled
    if lot.promised_on is not None:
        base, own, every = lot.promised_on, record.slips, pooled.slips
    elif lot.ordered_on is not None and pooled.lead_times:
        base, own, every = lot.ordered_on, record.lead_times, pooled.lead_times
    else:
        return None
    floor, possible = today, lot.promised_on is not None
    for method, delays in ((ForecastMethod.SUPPLIER, own), (ForecastMethod.ALL_SUPPLIERS, every)):
        steps = _arrival_law(base, delays, today)
        by = next((day for day, chance in steps if chance >= terms.confidence), None)
        if by is not None:
            return ArrivalForecast(
                arrives_by=max(by, floor),
                confidence=terms.confidence,
                method=method,
                receipts=len(delays),
                steps=steps,
            )
        possible = possible or bool(steps)
        floor = max([floor, *(day for day, _ in steps)])
    if not possible:
        return None
    return _default_forecast(lot, terms, today, floor)


def _arrival_law(base: date, delays: Sequence[int], today: date) -> tuple[tuple[date, float], ...]:
    """Spread n past delays over dates; each has weight 1/(n+1), the rest is "longer than ever seen".

    Dates before today cannot be any more, so the law is conditioned on an arrival from today on.
    """
    overdue = (today - base).days
    past = sum(delay < overdue for delay in delays)
    ahead = [delay for delay in delays if delay >= overdue]
    weight = 1 / (len(delays) + 1 - past)
    steps: dict[date, float] = {}
    for rank, delay in enumerate(ahead, start=1):
        steps[base + timedelta(days=delay)] = rank * weight
    return tuple(steps.items())


def _default_forecast(lot: Lot, terms: ArrivalTerms, today: date, floor: date) -> ArrivalForecast:
    """Forecast without usable history: the confirmed date, or today when it has passed, plus the default.

    For the chance of being late it is taken as even that the supplier keeps its word: without any
    experience neither is certain.
    """
    confirmed = max(lot.promised_on or today, today)
    arrives_by = max(confirmed + timedelta(days=terms.default_slip_days), floor)
    sure = (arrives_by, terms.confidence)
    kept_word = (confirmed, min(_EVEN, terms.confidence))
    return ArrivalForecast(
        arrives_by=arrives_by,
        confidence=terms.confidence,
        method=ForecastMethod.DEFAULT,
        receipts=0,
        steps=(kept_word, sure) if confirmed < arrives_by else (sure,),
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
    if lot.promised_on is not None and (today - lot.promised_on).days > terms.past_due_days:
        late = (today - lot.promised_on).days
        return f"it is {late} days overdue without a new date (believed up to {terms.past_due_days})"
    return None
