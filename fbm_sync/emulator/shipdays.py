"""Business days of the marketplace: when a ship-by or deliver-by day begins and ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class ShipDays:
    """Counts Amazon's business days: Monday to Friday, holidays excepted, in the marketplace's time zone."""

    def __init__(self, timezone: str, holidays: frozenset[date]) -> None:
        self._zone = ZoneInfo(timezone)
        self._holidays = holidays

    def local_day(self, moment: datetime) -> date:
        """The calendar day buyers and sellers of the marketplace are living in at that moment."""
        return self.local_time(moment).date()

    def local_time(self, moment: datetime) -> datetime:
        """That moment on the marketplace's clocks."""
        return moment.astimezone(self._zone)

    def is_business_day(self, day: date) -> bool:
        """Whether orders are expected to leave on that day."""
        return day.weekday() < 5 and day not in self._holidays

    def on_or_after(self, day: date) -> date:
        """That day when it is a business day, else the next one."""
        while not self.is_business_day(day):
            day += timedelta(days=1)
        return day

    def add(self, day: date, days: int) -> date:
        """The business day `days` business days after `day`; zero days moves a weekend to its Monday."""
        for _ in range(days):
            day = self.on_or_after(day + timedelta(days=1))
        return self.on_or_after(day)

    def day_start(self, day: date) -> datetime:
        """The first instant of the local day, in UTC."""
        return datetime.combine(day, time.min, self._zone).astimezone(UTC)

    def day_end(self, day: date) -> datetime:
        """The last whole second of the local day, in UTC: where Amazon's windows close."""
        return datetime.combine(day, time(23, 59, 59), self._zone).astimezone(UTC)
