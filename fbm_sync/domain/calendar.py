"""Ship days: which dates a seller ships on, and how promises count them."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

_ONE_DAY = timedelta(days=1)
_LONGEST_CLOSURE_DAYS = 366


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShipCalendar:
    """The days on which parcels leave the seller's building, in the ship-from time zone.

    A *ship day* is a local date on an operating weekday that is no holiday. Amazon counts handling
    time in these days. `weekdays` uses Monday = 0. `cut_off` is the local time until which an order
    still counts for that day. Holidays come from outside (which ones is the seller's choice), so
    that this module stays free of tables that change every year.
    """

    timezone: str = "UTC"
    weekdays: frozenset[int] = frozenset({0, 1, 2, 3, 4})
    holidays: frozenset[date] = frozenset()
    cut_off: time = time(14, 0)

    def __post_init__(self) -> None:
        """Refuse a calendar without any ship day, which would make every promise endless."""
        if not self.weekdays:
            raise ValueError("a ship calendar needs at least one operating weekday")

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def local_date(self, at: datetime) -> date:
        """Return the seller's date at an instant: a US evening is already tomorrow in UTC."""
        return self.local(at).date()

    def is_ship_day(self, on: date) -> bool:
        """Tell whether parcels leave on this date."""
        return on.weekday() in self.weekdays and on not in self.holidays

    def ship_day_on_or_after(self, on: date) -> date:
        """Return the first ship day that is not before this date.

        Raises `ValueError` when a whole year of holidays follows: that is a faulty calendar, not a
        long closure.
        """
        day = on
        for _ in range(_LONGEST_CLOSURE_DAYS):
            if self.is_ship_day(day):
                return day
            day += _ONE_DAY
        raise ValueError(f"no ship day within a year after {on}: check the holidays in the calendar")

    def ship_day_on_or_before(self, on: date) -> date:
        """Return the last ship day that is not after this date: the last chance before a deadline."""
        day = on
        for _ in range(_LONGEST_CLOSURE_DAYS):
            if self.is_ship_day(day):
                return day
            day -= _ONE_DAY
        raise ValueError(f"no ship day within a year before {on}: check the holidays in the calendar")

    def add_ship_days(self, on: date, days: int) -> date:
        """Return the date `days` ship days after `on`; zero moves a closed date to the next ship day."""
        day = self.ship_day_on_or_after(on)
        for _ in range(days):
            day = self.ship_day_on_or_after(day + _ONE_DAY)
        return day

    def ship_days_between(self, start: date, end: date) -> int:
        """Count the ship days after `start` up to `end`; negative when `end` is the earlier one."""
        if end < start:
            return -self.ship_days_between(end, start)
        span = (end - start).days
        return sum(self.is_ship_day(start + timedelta(days=offset)) for offset in range(1, span + 1))

    def start_on(self, at: datetime) -> date:
        """Return the ship day on which work on an order that arrived at this instant begins.

        An order after the cut-off belongs to the next ship day.
        """
        local = self.local(at)
        day = local.date()
        if local.time() >= self.cut_off:
            day += _ONE_DAY
        return self.ship_day_on_or_after(day)

    def last_ship_day_for(self, deadline: datetime) -> date:
        """Return the last ship day on which a parcel can still leave in time for this instant.

        A deadline before the cut-off of its local day leaves no working time on that day, so the ship
        day before it counts: Amazon's day ends at the marketplace's midnight, which may be 3 a.m. here.
        """
        local = self.local(deadline)
        day = local.date()
        if local.time() < self.cut_off:
            day -= _ONE_DAY
        return self.ship_day_on_or_before(day)

    def can_still_leave(self, deadline: datetime, now: datetime) -> bool:
        """Tell whether a parcel can still leave in time: its instant lies ahead, and a ship day before it.

        A deadline tonight is not given up after the cut-off; one on a closed Sunday is, on Saturday.
        """
        next_on = self.ship_day_on_or_after(self.local_date(now))
        return now <= deadline and next_on <= self.local_date(deadline)

    def start_of_day(self, on: date) -> datetime:
        """Return the UTC instant at which a local date begins, through any clock change."""
        return datetime.combine(on, time(0), tzinfo=self._zone).astimezone(UTC)

    def end_of_day(self, on: date) -> datetime:
        """Return the UTC instant of the last second of a local date, through any clock change."""
        return self.start_of_day(on + _ONE_DAY) - timedelta(seconds=1)

    def at(self, on: date, moment: time) -> datetime:
        """Return the UTC instant of a local wall-clock time on a date.

        When the clocks change, a time shown twice means the later one and a time left out the moment
        as much later, so that nothing meant to wait for it comes early.
        """
        local = datetime.combine(on, moment, tzinfo=self._zone)
        return max(local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))

    def local(self, at: datetime) -> datetime:
        """Return an instant as the seller's wall clock shows it."""
        return at.astimezone(self._zone)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShipCalendars:
    """The calendar of each seller account: its own where it has its own time zone, else the house's."""

    house: ShipCalendar
    of_accounts: Mapping[str, ShipCalendar] = dataclasses.field(default_factory=dict)

    def of(self, account: str) -> ShipCalendar:
        """Return the calendar by which an account's orders are due."""
        return self.of_accounts.get(account, self.house)
