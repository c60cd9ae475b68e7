"""An order's ship-by as it stands at one moment: how near, whether it can be kept, when Amazon cancels."""

import dataclasses
from datetime import date, datetime, timedelta

from fbm_sync.domain.calendar import ShipCalendar

AUTO_CANCEL_DAYS = 7
"""Amazon cancels an unconfirmed order this many business days after ship-by (some pages: calendar days)."""

STAGES = (("T-4", timedelta(hours=4)), ("T-12", timedelta(hours=12)), ("T-24", timedelta(hours=24)))
"""Stages before ship-by, most urgent first; each is told once."""

MOMENT = timedelta.resolution
"""The step from an instant to the next one."""

_AUTO_CANCEL_WARNING = timedelta(days=AUTO_CANCEL_DAYS - 2)
_SATURDAY = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A ship-by and what it means now.

    `last_on` is the last ship day in time; `in_reach` tells whether a parcel can still leave before it.
    From `warn_at` on it is said that Amazon cancels the order at `auto_cancel_at`. `turns_at` is the next
    instant at which its stage changes or it passes; `None` once it has.
    """

    ship_by_at: datetime
    stage: str | None
    passed: bool
    last_on: date
    in_reach: bool
    auto_cancel_at: datetime
    warn_at: datetime
    turns_at: datetime | None


def deadline_at(ship_by_at: datetime, calendar: ShipCalendar, now: datetime) -> Deadline:
    """Return what a ship-by means at a moment."""
    turns = (*(ship_by_at - span for _, span in reversed(STAGES)), ship_by_at + MOMENT)
    return Deadline(
        ship_by_at=ship_by_at,
        stage=stage_of(ship_by_at, now),
        passed=now > ship_by_at,
        last_on=calendar.last_ship_day_for(ship_by_at),
        in_reach=calendar.can_still_leave(ship_by_at, now),
        auto_cancel_at=auto_cancel_at(ship_by_at, calendar),
        warn_at=ship_by_at + _AUTO_CANCEL_WARNING,
        turns_at=next((turn for turn in turns if turn > now), None),
    )


def stage_of(ship_by_at: datetime, now: datetime) -> str | None:
    """Return the most urgent stage that is due before ship-by; `None` while there is time, or after."""
    if now > ship_by_at:
        return None
    left = ship_by_at - now
    return next((name for name, span in STAGES if left <= span), None)


def auto_cancel_at(ship_by_at: datetime, calendar: ShipCalendar) -> datetime:
    """Return when Amazon will cancel the order: the end of the 7th business day after ship-by.

    Monday to Friday and holidays of the seller's calendar are an approximation of Amazon's business
    days; the warning before it goes by calendar days, which come first.
    """
    day = calendar.local_date(ship_by_at)
    left = AUTO_CANCEL_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < _SATURDAY and day not in calendar.holidays
    return calendar.end_of_day(day)
