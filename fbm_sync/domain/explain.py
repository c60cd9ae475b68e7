"""What would change a decision: the gate to open, the cap to raise, the lot that must not slip.

Everything is derived from what was recorded with the decision, so that yesterday's is answered as well
as today's. Words for people are made elsewhere.
"""

import dataclasses
import enum
from collections.abc import Iterator
from datetime import date, datetime

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.awaited import AwaitedLot
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.offer import STALE_RULE
from fbm_sync.domain.policy import Cap
from fbm_sync.domain.risk import OrderOutlook, OrderState


class TurnKind(enum.StrEnum):
    """What would have to happen for a decision to be another one."""

    RECORD = "record"  # what the seller's records or the listing lack
    FRESH_COUNT = "fresh_count"  # the stock list is too old
    STOCK = "stock"  # units on the shelf
    SALES = "sales"  # the free units are sold
    GATE = "gate"  # a condition for selling ahead is met
    CAP = "cap"  # a limit on units sold ahead is raised
    LANDING = "landing"  # the next lot lands
    ARRIVAL = "arrival"  # a lot that an order waits for is here by a day
    SHIPMENT = "shipment"  # the order leaves and that is confirmed
    BUYER = "buyer"  # the buyer takes a wish back
    PAYMENT = "payment"  # the payment goes through, or fails
    DEADLINE = "deadline"  # Amazon says by when it must leave


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing that would change a decision, and what would follow.

    `name` is the gate, cap, lot or SKU in question; `now` how it stands, `needed` what it would take.
    `units` could then be sold (for stock: must be found), `on` is the day, `at` the moment that counts.
    Only when it is `alone` does it suffice without the others of its kind. `kept` tells that an
    arrival is in time as things are, so that only a slip would change something.
    """

    kind: TurnKind
    name: str = ""
    now: str = ""
    needed: str = ""
    units: int | None = None
    on: date | None = None
    at: datetime | None = None
    alone: bool = True
    kept: bool = False


def turns_of_offer(one: OfferDecision) -> tuple[Turn, ...]:
    """Say what would change a SKU's offer, the nearest way back to selling from stock first."""
    if one.desired is None:
        return (Turn(kind=TurnKind.RECORD, now=one.reasons[0] if one.reasons else ""),)
    return tuple(_turns_of_offer(one))


def _turns_of_offer(one: OfferDecision) -> Iterator[Turn]:
    if STALE_RULE in one.rules:
        yield Turn(kind=TurnKind.FRESH_COUNT)
    if one.mode is ListingMode.IN_STOCK:
        yield Turn(kind=TurnKind.SALES, units=one.atp_today)
    elif one.missing_units:
        yield Turn(kind=TurnKind.STOCK, name=one.sku, units=one.missing_units)
    closed = [gate for gate in one.gates if not gate.passed]
    reach = one.cap.units if one.cap else None
    for gate in closed:
        yield Turn(
            kind=TurnKind.GATE,
            name=gate.name,
            now=gate.value,
            needed=gate.limit,
            units=reach,
            alone=len(closed) == 1 and bool(reach),
        )
    if one.cap is not None and (not closed or one.cap.units == 0):
        yield from _turns_of_cap(one.cap)
    if one.next_lot is not None:
        lot = one.next_lot
        yield Turn(kind=TurnKind.LANDING, name=lot.lot, units=lot.units, on=lot.ready_on)


def _turns_of_cap(cap: Cap) -> Iterator[Turn]:
    """Yield the limits that bind; where several do, only all together let the quantity rise."""
    binding = sorted(name for name, units in cap.limits.items() if units == cap.units)
    above = min((units for units in cap.limits.values() if units > cap.units), default=None)
    rules = {limit.name: limit.rule for limit in cap.details}
    for name in binding:
        yield Turn(
            kind=TurnKind.CAP,
            name=name,
            now=rules.get(name, ""),
            units=above,
            alone=len(binding) == 1,
        )


_WISHES = {
    OrderState.CANCEL_REQUESTED: TurnKind.BUYER,
    OrderState.PENDING_STUCK: TurnKind.PAYMENT,
    OrderState.UNKNOWN_DEADLINE: TurnKind.DEADLINE,
}


def turns_of_order(outlook: OrderOutlook, *, pending: bool = False) -> tuple[Turn, ...]:
    """Say what would change how an order stands: units that are missing, lots that must be here by a day.

    `pending` tells that Amazon still checks its payment.
    """
    if pending and outlook.state not in _WISHES:
        return (Turn(kind=TurnKind.PAYMENT),)
    if outlook.state in _WISHES:
        return (Turn(kind=_WISHES[outlook.state]),)
    missing: dict[str, int] = {}
    for item in outlook.items:
        short = sum(part.units for part in item.cover if part.source is CoverSource.SHORTAGE)
        if short:
            missing[item.sku] = missing.get(item.sku, 0) + short
    turns = [
        Turn(kind=TurnKind.STOCK, name=sku, units=units, at=outlook.ship_by_at)
        for sku, units in missing.items()
    ]
    alone = len(turns) + sum(not _in_time(lot) for lot in outlook.awaits) <= 1
    turns.extend(_turn_of_lot(lot, outlook, alone=alone) for lot in outlook.awaits)
    if not turns:
        overdue = outlook.ship_by_at is not None and outlook.judged_at > outlook.ship_by_at
        at = outlook.auto_cancel_at if overdue else outlook.ship_by_at
        return (Turn(kind=TurnKind.SHIPMENT, at=at, kept=not overdue),)
    return tuple(turns)


def _turn_of_lot(lot: AwaitedLot, outlook: OrderOutlook, *, alone: bool) -> Turn:
    """Say by which day a lot must be here; no day at all when even today would be too late."""
    last = lot.last_arrival_on
    too_late = last is not None and last < outlook.judged_at.date()
    return Turn(
        kind=TurnKind.ARRIVAL,
        name=lot.lot,
        now=str(lot.arrives_by),
        on=None if too_late else last,
        at=outlook.ship_by_at,
        alone=alone,
        kept=_in_time(lot),
    )


def _in_time(lot: AwaitedLot) -> bool:
    return lot.last_arrival_on is None or lot.arrives_by <= lot.last_arrival_on
