"""Ship days, cut-offs and deadlines, on both sides of the date line and through clock changes."""

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars

ZONES = ("America/Los_Angeles", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney")
MARKETPLACES = ("America/Los_Angeles", "Europe/London", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney")
DAYS = st.integers(min_value=0, max_value=1000).map(lambda days: date(2025, 1, 1) + timedelta(days=days))


def a_random_calendar(seed: int) -> ShipCalendar:
    """Any operating days, some forty holidays within three years."""
    rng = random.Random(seed)
    return ShipCalendar(
        timezone=rng.choice(ZONES),
        weekdays=frozenset(rng.sample(range(7), rng.randint(1, 7))),
        holidays=frozenset(date(2025, 1, 1) + timedelta(days=rng.randint(-60, 1200)) for _ in range(40)),
        cut_off=rng.choice((time(0), time(9, 30), time(14), time(23, 59))),
    )


CALENDARS = st.integers(min_value=0, max_value=2**32).map(a_random_calendar)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_calendar_without_any_operating_day_is_refused():
    with pytest.raises(ValueError, match="operating weekday"):
        ShipCalendar(weekdays=frozenset())


def test_a_whole_year_of_holidays_is_a_faulty_calendar():
    closed = frozenset(date(2026, 1, 1) + timedelta(days=day) for day in range(-400, 400))
    with pytest.raises(ValueError, match="within a year after"):
        ShipCalendar(holidays=closed).ship_day_on_or_after(date(2026, 1, 1))
    with pytest.raises(ValueError, match="within a year before"):
        ShipCalendar(holidays=closed).ship_day_on_or_before(date(2026, 1, 1))


def test_nothing_leaves_on_weekends_and_holidays():
    calendar = ShipCalendar(holidays=frozenset({date(2026, 3, 3)}))
    assert calendar.is_ship_day(date(2026, 3, 2))
    assert not calendar.is_ship_day(date(2026, 3, 3))
    assert not calendar.is_ship_day(date(2026, 3, 7))


def test_two_ship_days_after_friday_is_tuesday():
    assert ShipCalendar().add_ship_days(date(2026, 3, 6), 2) == date(2026, 3, 10)


def test_zero_ship_days_after_a_closed_day_is_the_next_open_one():
    assert ShipCalendar().add_ship_days(date(2026, 3, 7), 0) == date(2026, 3, 9)


def test_ship_days_are_counted_without_the_first_and_with_the_last_day():
    calendar = ShipCalendar()
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    assert calendar.ship_days_between(friday, monday) == 1
    assert calendar.ship_days_between(monday, friday) == -1
    assert calendar.ship_days_between(monday, monday) == 0


@settings(max_examples=500, deadline=None)
@given(CALENDARS, DAYS, st.integers(min_value=0, max_value=40))
def test_counting_ship_days_undoes_adding_them(calendar, day, days):
    start = calendar.ship_day_on_or_after(day)
    end = calendar.add_ship_days(day, days)
    assert calendar.is_ship_day(end)
    assert calendar.ship_days_between(start, end) == days
    assert calendar.ship_days_between(end, start) == -days


@settings(max_examples=500, deadline=None)
@given(CALENDARS, DAYS, st.integers(0, 200))
def test_counting_ship_days_agrees_with_looking_at_each_day(calendar, low, length):
    high = low + timedelta(days=length)
    span = [low + timedelta(days=day) for day in range(1, length + 1)]
    count = sum(calendar.is_ship_day(day) for day in span)
    assert calendar.ship_days_between(low, high) == count
    assert calendar.ship_days_between(high, low) == -count


@settings(max_examples=500, deadline=None)
@given(CALENDARS, DAYS)
def test_the_next_and_the_last_ship_day_skip_only_closed_days(calendar, day):
    after, before = calendar.ship_day_on_or_after(day), calendar.ship_day_on_or_before(day)
    assert before <= day <= after
    between = (before + timedelta(days=offset) for offset in range(1, (after - before).days))
    assert not any(calendar.is_ship_day(one) for one in between)


@pytest.mark.parametrize(
    ("zone", "on", "last_second"),
    [
        ("Europe/Berlin", date(2026, 1, 15), "2026-01-15T22:59:59"),
        ("Europe/Berlin", date(2026, 7, 15), "2026-07-15T21:59:59"),
        ("Europe/Berlin", date(2026, 3, 28), "2026-03-28T22:59:59"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-29T21:59:59"),  # 23 hours long
        ("Europe/Berlin", date(2026, 10, 25), "2026-10-25T22:59:59"),  # 25 hours long
        ("America/Los_Angeles", date(2026, 1, 15), "2026-01-16T07:59:59"),
        ("America/Los_Angeles", date(2026, 3, 7), "2026-03-08T07:59:59"),
        ("America/Los_Angeles", date(2026, 3, 8), "2026-03-09T06:59:59"),
        ("America/Los_Angeles", date(2026, 11, 1), "2026-11-02T07:59:59"),
        ("America/New_York", date(2026, 1, 15), "2026-01-16T04:59:59"),
        ("America/New_York", date(2026, 3, 8), "2026-03-09T03:59:59"),
        ("Asia/Tokyo", date(2026, 1, 15), "2026-01-15T14:59:59"),
        ("Australia/Sydney", date(2026, 1, 15), "2026-01-15T12:59:59"),
        ("Australia/Sydney", date(2026, 4, 5), "2026-04-05T13:59:59"),
        ("America/Santiago", date(2026, 9, 5), "2026-09-06T03:59:59"),  # the next day has no midnight
    ],
)
def test_a_day_ends_at_the_sellers_midnight_through_clock_changes(zone, on, last_second):
    assert ShipCalendar(timezone=zone).end_of_day(on) == utc(last_second)


@pytest.mark.parametrize(
    ("zone", "on", "first_instant"),
    [
        ("America/Los_Angeles", date(2026, 3, 8), "2026-03-08T08:00:00"),  # the night has 23 hours
        ("America/Los_Angeles", date(2026, 3, 9), "2026-03-09T07:00:00"),
        ("America/Los_Angeles", date(2026, 11, 2), "2026-11-02T08:00:00"),  # and this one 25
        ("Europe/London", date(2026, 10, 25), "2026-10-24T23:00:00"),
        ("Australia/Sydney", date(2026, 10, 5), "2026-10-04T13:00:00"),
        ("America/Santiago", date(2026, 9, 6), "2026-09-06T04:00:00"),  # midnight is left out: 1 a.m.
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00"),  # midnight comes twice: the first
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00"),  # the day before it was left out
    ],
)
def test_a_day_begins_at_the_first_instant_of_its_date(zone, on, first_instant):
    calendar = ShipCalendar(timezone=zone)
    assert calendar.start_of_day(on) == utc(first_instant)
    assert calendar.local_date(utc(first_instant)) == on
    assert calendar.local_date(utc(first_instant) - timedelta.resolution) < on


MONTH_ENDS = (
    (date(2026, 1, 30), date(2026, 2, 2)),  # the 31st is a Saturday
    (date(2026, 2, 27), date(2026, 3, 2)),  # 28 days, the last a Saturday
    (date(2028, 2, 29), date(2028, 3, 1)),  # a leap year
    (date(2026, 4, 30), date(2026, 5, 1)),
    (date(2026, 12, 31), date(2027, 1, 1)),
)


@pytest.mark.parametrize("zone", MARKETPLACES)
@pytest.mark.parametrize(("last_day", "next_day"), MONTH_ENDS)
def test_after_the_last_ship_day_of_a_month_comes_the_first_of_the_next(zone, last_day, next_day):
    calendar = ShipCalendar(timezone=zone)
    midnight = calendar.start_of_day(last_day.replace(day=1) + timedelta(days=31))
    midnight = calendar.start_of_day(calendar.local_date(midnight).replace(day=1))
    last_second = midnight - timedelta(seconds=1)
    assert calendar.local_date(last_second).month == last_day.month
    assert calendar.last_ship_day_for(last_second) == last_day
    assert calendar.add_ship_days(last_day, 1) == next_day
    assert calendar.ship_days_between(last_day, next_day) == 1
    assert calendar.start_on(calendar.end_of_day(last_day)) == next_day, "after the cut-off"
    assert calendar.start_on(calendar.at(last_day, time(13, 59))) == last_day


@pytest.mark.parametrize("zone", MARKETPLACES)
@pytest.mark.parametrize(
    "night", [date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 4), date(2026, 10, 25)]
)
def test_a_night_in_which_clocks_change_moves_no_cut_off(zone, night):
    calendar = ShipCalendar(timezone=zone, weekdays=frozenset(range(7)))
    cut_off = calendar.at(night, time(14))
    assert calendar.local(cut_off).time() == time(14)
    assert calendar.start_on(cut_off - timedelta.resolution) == night
    assert calendar.start_on(cut_off) == night + timedelta(days=1)
    day = calendar.start_of_day(night + timedelta(days=1)) - calendar.start_of_day(night)
    assert day in (timedelta(hours=23), timedelta(hours=24), timedelta(hours=25))
    assert calendar.local_date(calendar.end_of_day(night)) == night


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(ZONES), DAYS)
def test_the_last_second_of_a_day_belongs_to_it_and_the_next_does_not(zone, on):
    calendar = ShipCalendar(timezone=zone)
    end = calendar.end_of_day(on)
    assert calendar.local_date(end) == on
    assert calendar.local_date(end + timedelta(seconds=1)) == on + timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "ship_by", "last_day"),
    [
        ("Europe/Berlin", "2026-03-05T22:59:59", date(2026, 3, 5)),  # a German order at a German seller
        ("Europe/Berlin", "2026-07-15T21:59:59", date(2026, 7, 15)),
        (
            "America/Los_Angeles",
            "2026-03-06T07:59:59",
            date(2026, 3, 5),
        ),  # tomorrow in UTC, today in California
        ("America/Los_Angeles", "2026-03-10T06:59:59", date(2026, 3, 9)),
        (
            "America/New_York",
            "2026-03-06T07:59:59",
            date(2026, 3, 5),
        ),  # 2:59 a.m. here: yesterday was the day
        ("Asia/Tokyo", "2026-03-06T07:59:59", date(2026, 3, 6)),  # 16:59 in Tokyo
        ("Australia/Sydney", "2026-03-06T07:59:59", date(2026, 3, 6)),
        ("Europe/Berlin", "2026-03-06T07:59:59", date(2026, 3, 5)),
        ("Europe/Berlin", "2026-03-08T22:59:59", date(2026, 3, 6)),  # a Sunday deadline means Friday
    ],
)
def test_a_deadline_means_the_last_ship_day_with_working_time_before_it(zone, ship_by, last_day):
    assert ShipCalendar(timezone=zone).last_ship_day_for(utc(ship_by)) == last_day


def test_a_deadline_at_the_cut_off_still_has_its_day():
    calendar = ShipCalendar(cut_off=time(14))
    assert calendar.last_ship_day_for(utc("2026-03-05T14:00:00")) == date(2026, 3, 5)
    assert calendar.last_ship_day_for(utc("2026-03-05T13:59:59")) == date(2026, 3, 4)


def test_an_order_after_the_cut_off_belongs_to_the_next_ship_day():
    calendar = ShipCalendar(timezone="America/New_York", cut_off=time(14))
    assert calendar.start_on(utc("2026-03-06T18:59:59")) == date(2026, 3, 6)
    assert calendar.start_on(utc("2026-03-06T19:00:00")) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("zone", "local_day"),
    [("America/Los_Angeles", date(2026, 3, 1)), ("Asia/Tokyo", date(2026, 3, 2)), ("UTC", date(2026, 3, 2))],
)
def test_a_us_evening_is_already_tomorrow_in_utc(zone, local_day):
    assert ShipCalendar(timezone=zone).local_date(utc("2026-03-02T05:00:00")) == local_day


@pytest.mark.parametrize(
    ("on", "moment", "expected"),
    [
        (date(2026, 3, 29), time(2, 30), "2026-03-29T01:30:00"),  # left out: as much later
        (date(2026, 10, 25), time(2, 30), "2026-10-25T01:30:00"),  # shown twice: the later one
        (date(2026, 10, 26), time(7), "2026-10-26T06:00:00"),
    ],
)
def test_a_wall_clock_time_is_never_early_when_the_clocks_change(on, moment, expected):
    assert ShipCalendar(timezone="Europe/Berlin").at(on, moment) == utc(expected)


def test_the_wall_clock_is_the_sellers():
    calendar = ShipCalendar(timezone="Asia/Tokyo")
    assert calendar.local(utc("2026-03-02T20:00:00")) == datetime(
        2026, 3, 3, 5, tzinfo=ZoneInfo("Asia/Tokyo")
    )


@pytest.mark.parametrize(
    ("zone", "marketplace_midnight", "last_day"),
    [
        # The last second of Friday 2026-03-06 in each marketplace, and the last ship day of a seller there:
        ("America/Los_Angeles", "2026-03-07T07:59:59", date(2026, 3, 6)),  # US, Pacific time
        ("Europe/London", "2026-03-06T23:59:59", date(2026, 3, 6)),
        ("Europe/Berlin", "2026-03-06T22:59:59", date(2026, 3, 6)),
        ("Asia/Tokyo", "2026-03-06T14:59:59", date(2026, 3, 6)),
        ("Australia/Sydney", "2026-03-06T12:59:59", date(2026, 3, 6)),
        # The Sunday on which clocks change, and the Monday after it:
        ("America/Los_Angeles", "2026-03-09T06:59:59", date(2026, 3, 6)),
        ("America/Los_Angeles", "2026-03-10T06:59:59", date(2026, 3, 9)),
        ("Europe/London", "2026-03-29T22:59:59", date(2026, 3, 27)),
        ("Europe/London", "2026-03-30T22:59:59", date(2026, 3, 30)),
        ("Europe/Berlin", "2026-10-25T22:59:59", date(2026, 10, 23)),
        ("Europe/Berlin", "2026-10-26T22:59:59", date(2026, 10, 26)),
        ("Asia/Tokyo", "2026-03-09T14:59:59", date(2026, 3, 9)),  # Tokyo's clocks never change
        ("Australia/Sydney", "2026-04-05T13:59:59", date(2026, 4, 3)),
        ("Australia/Sydney", "2026-04-06T13:59:59", date(2026, 4, 6)),
    ],
)
def test_a_marketplaces_midnight_is_the_last_ship_day_of_a_seller_in_its_zone(
    zone, marketplace_midnight, last_day
):
    assert ShipCalendar(timezone=zone).last_ship_day_for(utc(marketplace_midnight)) == last_day


@pytest.mark.parametrize(
    ("zone", "last_day"),
    [
        ("America/Los_Angeles", date(2026, 3, 4)),  # 6:59 a.m. there: too early to ship that day
        ("Europe/London", date(2026, 3, 5)),
        ("Europe/Berlin", date(2026, 3, 5)),
        ("Asia/Tokyo", date(2026, 3, 5)),
        ("Australia/Sydney", date(2026, 3, 5)),  # almost 2 a.m. of the 6th: the 5th was the last day
        ("Pacific/Kiritimati", date(2026, 3, 5)),  # 4:59 a.m. of the 6th
        ("Pacific/Pago_Pago", date(2026, 3, 4)),  # 3:59 a.m. of the 5th, across the date line from there
    ],
)
def test_one_instant_is_another_last_ship_day_on_either_side_of_the_date_line(zone, last_day):
    assert ShipCalendar(timezone=zone).last_ship_day_for(utc("2026-03-05T14:59:59")) == last_day


@pytest.mark.parametrize(
    ("now", "deadline", "can"),
    [
        ("2026-03-05T09:00:00", "2026-03-05T23:59:59", True),
        ("2026-03-05T15:00:00", "2026-03-05T23:59:59", True),  # after the cut-off: not given up
        ("2026-03-05T09:00:00", "2026-03-05T10:00:00", True),  # before the cut-off: it may be ready
        ("2026-03-05T10:00:00", "2026-03-05T10:00:00", True),
        ("2026-03-05T10:00:01", "2026-03-05T10:00:00", False),
        ("2026-03-07T09:00:00", "2026-03-08T23:59:59", False),  # Saturday; nothing leaves before Monday
        ("2026-03-07T09:00:00", "2026-03-09T00:00:01", True),
        ("2026-03-06T20:00:00", "2026-03-08T23:59:59", True),  # Friday evening: somebody may still pack it
    ],
)
def test_a_parcel_can_still_leave_while_a_ship_day_lies_before_its_deadline(now, deadline, can):
    assert ShipCalendar().can_still_leave(utc(deadline), utc(now)) is can


@settings(max_examples=500, deadline=None)
@given(CALENDARS, DAYS, st.integers(-40, 400), st.integers(0, 24 * 60 - 1))
def test_what_still_has_a_whole_ship_day_can_still_leave(calendar, day, hours, minutes):
    now = datetime.combine(day, time(0), tzinfo=UTC) + timedelta(minutes=minutes)
    deadline = now + timedelta(hours=hours)
    if calendar.last_ship_day_for(deadline) > calendar.local_date(now):
        assert calendar.can_still_leave(deadline, now)
    if deadline < now:
        assert not calendar.can_still_leave(deadline, now)


def test_an_account_without_a_clock_of_its_own_goes_by_the_houses():
    house, tokyo = ShipCalendar(timezone="America/Los_Angeles"), ShipCalendar(timezone="Asia/Tokyo")
    calendars = ShipCalendars(house=house, of_accounts={"japan": tokyo})
    assert calendars.of("japan") is tokyo
    assert calendars.of("america") is house
