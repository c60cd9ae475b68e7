"""What may still be promised, and from which day: look-ahead ATP and the promise date of an order."""

import dataclasses
from collections.abc import Iterable
from datetime import date

from fbm_sync.domain.allocation import CoverSource, OrderCover
from fbm_sync.domain.calendar import ShipCalendar


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AvailableToPromise:
    """Units that may be newly promised for each day, never taking what a later commitment needs.

    `steps` are (date, units) with both rising; the units hold from that date on. `short_units` are missing
    on the worst day to come: so many must be found before the first one can be promised.
    """

    steps: tuple[tuple[date, int], ...]
    short_units: int = 0

    def units_on(self, on: date) -> int:
        """Return the units that may be promised to ship on a date; 0 before the first step."""
        return max((units for day, units in self.steps if day <= on), default=0)


def look_ahead_atp(
    on_hand: int,
    supply: Iterable[tuple[date, int]],
    demand: Iterable[tuple[date, int]],
    today: date,
) -> AvailableToPromise:
    """Compute ATP with look-ahead, carrying backorders.

    `net(s) = on hand + supply ready by s − demand due by s`, and `ATP(t) = max(0, min over s ≥ t of
    net(s))`. Whatever is dated before today counts today. A shortage is carried on: a rule
    that forgets it would sell the missing units a second time.
    """
    moves: dict[date, int] = {today: on_hand}
    for day, units in supply:
        when = max(day, today)
        moves[when] = moves.get(when, 0) + units
    for day, units in demand:
        when = max(day, today)
        moves[when] = moves.get(when, 0) - units
    net, running = [], 0
    for day in sorted(moves):
        running += moves[day]
        net.append((day, running))
    steps, lowest = [], net[-1][1]
    for day, level in reversed(net):
        lowest = min(lowest, level)
        steps.append((day, max(0, lowest)))
    return AvailableToPromise(steps=tuple(reversed(steps)), short_units=max(0, -lowest))


def promise_of(order: OrderCover, calendar: ShipCalendar, earliest: date) -> date | None:
    """Return the ship day on which the whole order can leave; `None` when part of it has no supply.

    An order ships complete, so it is as late as its latest unit. `earliest` is the first ship day on
    which work can still be done.
    """
    latest = earliest
    for cover in order.covers:
        if cover.source is CoverSource.SHORTAGE or cover.ready_on is None:
            return None
        latest = max(latest, cover.ready_on)
    return calendar.ship_day_on_or_after(latest)


def keep_promise(shown: date | None, feasible: date, today: date) -> date:
    """Return the date to show: the one already shown while it can be kept, else the feasible one.

    Buyers have read the shown date; moving it for small gains makes promises flap.
    """
    if shown is not None and today < shown and feasible <= shown:
        return shown
    return feasible
