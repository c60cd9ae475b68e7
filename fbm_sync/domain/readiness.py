"""How sure it is that all units of an order are here by a day: by its own lots alone, or by any."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import accumulate
from math import prod
from typing import NamedTuple, TypeAlias

from fbm_sync.domain.allocation import CoverSource, OrderCover
from fbm_sync.domain.arrivals import arrival_odds
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Sku

_Tail: TypeAlias = tuple[Sequence[int], Sequence[float]]


class ReadyChance(NamedTuple):
    """The chance that an order can leave complete by a day.

    `fixed` takes it that only its own lots can serve it. `pooled` is what happens in the yard: units
    serve whoever is first, whichever lot brings them, so a lot that overtakes another helps the front of
    the queue, and an order waits until enough has come for those before it too. SKUs, and lots, are
    independent of each other.
    """

    fixed: float
    pooled: float


class ReadyOdds:
    """The odds of what the believed lots bring by which day, each worked out once.

    `lots` are by name; the calendar is that of the place where they are received.
    """

    def __init__(self, lots: Mapping[str, ExpectedLot], calendar: ShipCalendar) -> None:
        self._lots, self._calendar = lots, calendar
        self._of_sku: dict[Sku, list[ExpectedLot]] = {}
        for lot in lots.values():
            self._of_sku.setdefault(lot.lot.sku, []).append(lot)
        self._tails: dict[tuple[Sku, date], _Tail] = {}
        self._alone: dict[tuple[str, date], float] = {}

    def ready_by(self, order: OrderCover, by: date) -> ReadyChance:
        """Return the chance that an order is complete by a ship day; none while units of it are short."""
        if any(part.source is CoverSource.SHORTAGE for part in order.covers):
            return ReadyChance(fixed=0.0, pooled=0.0)
        awaited: dict[Sku, int] = {}
        for item in order.items:
            awaited[item.sku] = max(item.awaited_units, awaited.get(item.sku, 0))
        return ReadyChance(
            fixed=prod(self._lot_ready(name, by) for name in {part.lot for part in order.covers if part.lot}),
            pooled=prod(self._units_ready(sku, units, by) for sku, units in awaited.items() if units),
        )

    def _lot_ready(self, name: str, by: date) -> float:
        if name not in self._lots:
            return 0.0
        if (name, by) not in self._alone:
            self._alone[name, by] = self._lots[name].probability_ready_by(by, self._calendar)
        return self._alone[name, by]

    def _units_ready(self, sku: Sku, units: int, by: date) -> float:
        """Return the chance that at least so many units of a SKU have come."""
        if (sku, by) not in self._tails:
            odds = arrival_odds(self._of_sku.get(sku, ()), by, self._calendar)
            totals = sorted(odds)
            tail = list(accumulate(odds[total] for total in reversed(totals)))
            self._tails[sku, by] = totals, tail[::-1]
        known, chances = self._tails[sku, by]
        place = bisect_left(known, units)
        return min(1.0, chances[place]) if place < len(known) else 0.0
