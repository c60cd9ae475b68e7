"""What each open order claims and until when it may wait for it: orders and supplies put side by side.

A claim is what must leave together: an order, or one line of it where orders may be split. Supplies of a
SKU stand in a row, the shelf first, then lots as they get ready; a line's *slot* is the number of them
that are ready for the last ship day before ship-by.
"""

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.fewest_late import Need, Wish
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Order, OrderItem, OrderStatus, Sku, urgency
from fbm_sync.domain.supply import LotId

IN_PICKING, EXPEDITED, ORDINARY, LEAVING = range(4)
"""Classes of service, served one after the other; the last is for orders that their buyers want cancelled."""

_FAST_PROGRAMS = frozenset({"PRIME", "PREMIUM"})
_FAST_SERVICE = frozenset({"EXPEDITED", "NEXT_DAY", "PRIORITY", "SAME_DAY", "SECOND_DAY"})


def service_rank(order: Order) -> int:
    """Rank orders by what may not wait: in picking, expedited, ordinary, to be cancelled."""
    if order.cancel_requested:
        return LEAVING
    if order.status is OrderStatus.PARTIALLY_SHIPPED:
        return IN_PICKING
    if _FAST_PROGRAMS.intersection(order.programs) or order.service_level in _FAST_SERVICE:
        return EXPEDITED
    return ORDINARY


@dataclasses.dataclass(frozen=True, slots=True)
class SupplyRow:
    """All supply of one SKU in the sequence in which it can ship; the first is the shelf.

    `lots` names the supplies, `None` for the shelf; `ready_on` are their ship days, none before today.
    """

    lots: tuple[LotId | None, ...]
    ready_on: tuple[date, ...]
    units: tuple[int, ...]

    def slot_for(self, due_on: date) -> int:
        """Return how many supplies are ready by a day; the shelf is, also for a deadline early today."""
        return max(1, bisect_right(self.ready_on, due_on))


def supply_row(on_hand: int, lots: Iterable[ExpectedLot], today: date) -> SupplyRow:
    """Put a SKU's supply into a row; a shelf below zero is empty, and no lot is ready before today."""
    row = sorted(lots, key=lambda lot: (lot.ready_on, lot.lot_id))
    return SupplyRow(
        lots=(None, *(lot.lot_id for lot in row)),
        ready_on=(today, *(max(lot.ready_on, today) for lot in row)),
        units=(max(0, on_hand), *(lot.units for lot in row)),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Units of one SKU that an order wants, from the first `slot` supplies if it is to be in time."""

    number: int
    item: OrderItem
    units: int
    slot: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What must leave together.

    `number` counts claims by class and then by ship-by, created, id; `place` by the latter alone.
    `due_on` is the last ship day in time, `None` when there is none left or none known; only a `dated`
    claim can be late.
    """

    number: int
    place: int
    rank: int
    order: Order
    dated: bool
    due_on: date | None
    lines: tuple[Line, ...]

    @property
    def wish(self) -> Wish:
        """What it needs of each SKU to be in time."""
        needs: dict[Sku, Need] = {}
        for line in self.lines:
            known = needs.get(line.item.sku)
            units = line.units + (known.units if known else 0)
            needs[line.item.sku] = Need(line.slot, units)
        return needs


def claims_of(
    holding: Iterable[tuple[Order, Mapping[OrderItem, int]]],
    rows: Mapping[Sku, SupplyRow],
    *,
    now: datetime,
    calendars: ShipCalendars,
    allow_splits: bool,
) -> list[Claim]:
    """Return the claims of orders and the units they hold, first come first; `rows` has all their SKUs."""
    by_urgency = sorted(holding, key=lambda held: (*urgency(held[0]), held[0].account))
    ranked = sorted((service_rank(held[0]), place) for place, held in enumerate(by_urgency))
    claims: list[Claim] = []
    lines = 0
    due: dict[tuple[str, datetime | None], date | None] = {}
    for rank, place in ranked:
        order, units_of = by_urgency[place]
        deadline = (order.account, order.ship_by_at)
        if deadline not in due:
            due[deadline] = _last_ship_day(order, calendars, now)
        due_on = due[deadline]
        found = []
        for item, units in units_of.items():
            slot = 0 if due_on is None else rows[item.sku].slot_for(due_on)
            found.append(Line(number=lines, item=item, units=units, slot=slot))
            lines += 1
        for together in [(line,) for line in found] if allow_splits else [tuple(found)]:
            claims.append(
                Claim(
                    number=len(claims),
                    place=place,
                    rank=rank,
                    order=order,
                    dated=order.ship_by_at is not None,
                    due_on=due_on,
                    lines=together,
                )
            )
    return claims


def _last_ship_day(order: Order, calendars: ShipCalendars, now: datetime) -> date | None:
    """Return the last ship day in time; `None` without a deadline, or when no parcel can leave before it."""
    if order.ship_by_at is None:
        return None
    calendar = calendars.of(order.account)
    if not calendar.can_still_leave(order.ship_by_at, now):
        return None
    return calendar.last_ship_day_for(order.ship_by_at)
