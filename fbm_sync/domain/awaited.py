"""A lot that somebody waits for: when it should be here, how sure that is, until when it is in time."""

import dataclasses
from datetime import date

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.leadtime import ExpectedLot, last_arrival


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AwaitedLot:
    """What was known of a believed lot when a decision was taken, so that it can be told later.

    `units` are still to come. `planned_on` is the day on which the last leg of its way should end, or
    else `promised_on`, the day the supplier confirmed. `arrives_by` is the day by which it is here with
    the probability `confidence`, learned from `receipts` past deliveries; `basis` says in words whose they
    are, what they weigh and how many were left out. `last_arrival_on` is the last day
    on which it may arrive and whoever waits for it is still served in time; `None` where nothing is due.
    """

    lot: str
    units: int
    supplier: str
    promised_on: date | None
    ordered_on: date | None
    arrives_by: date
    confidence: float
    basis: str
    receipts: int
    ready_on: date
    planned_on: date | None = None
    last_arrival_on: date | None = None


def await_lot(
    expected: ExpectedLot, calendar: ShipCalendar | None = None, deadline_on: date | None = None
) -> AwaitedLot:
    """Write down what is known of a lot; with a calendar also until when it may come for a ship day."""
    lot, forecast = expected.lot, expected.forecast
    last_arrival_on = None
    if calendar is not None and deadline_on is not None:
        last_arrival_on = last_arrival(deadline_on, expected.receiving_days, calendar)
    return AwaitedLot(
        lot=expected.lot_id,
        units=expected.units,
        supplier=lot.supplier,
        promised_on=lot.promised_on,
        ordered_on=lot.ordered_on,
        arrives_by=forecast.arrives_by,
        confidence=forecast.confidence,
        basis=forecast.basis,
        receipts=forecast.receipts,
        ready_on=expected.ready_on,
        planned_on=lot.planned_on,
        last_arrival_on=last_arrival_on,
    )


def describe_lot(lot: AwaitedLot) -> str:
    """Say in words what is known of a lot."""
    dated = f"confirmed for {lot.promised_on}" if lot.promised_on else f"ordered on {lot.ordered_on}"
    if lot.planned_on != lot.promised_on:
        dated += f", due on {lot.planned_on} by the legs of its way"
    units = "1 unit" if lot.units == 1 else f"{lot.units} units"
    return (
        f"{units} from {lot.supplier or 'an unnamed supplier'}, {dated}; here by {lot.arrives_by} with "
        f"{lot.confidence:.0%} probability, ready to ship {lot.ready_on} (learned from {lot.basis})"
    )
