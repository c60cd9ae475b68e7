"""Time tables of five marketplaces: stages, cancellations and promises around hard nights.

Every expectation was worked out by hand, from a wall calendar and the law on each place's clock, and is
written as the local clock shows it with its distance from UTC; none comes from the code under test:

- Los Angeles is 8 h behind UTC, 7 h from 8 March 2026, 2:00 to 1 November 2026, 2:00.
- London is at UTC, 1 h ahead from 29 March to 25 October 2026; Berlin is always 1 h ahead of London. Both
  change their clocks at 1:00 UTC.
- Tokyo is 9 h ahead and never changes.
- Sydney is 11 h ahead, 10 h from 5 April 2026, 3:00 to 4 October 2026, 2:00.

1 January 2026 is a Thursday, 1 March a Sunday, 1 October a Thursday, 31 December a Thursday; 29 February
2028 is a Tuesday.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from fbm_sync.domain.allocation import allocate
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.deadline import deadline_at
from fbm_sync.domain.risk import judge_orders

from builders import SKU, TODAY, an_expected_lot, an_order

LA, LONDON, BERLIN = "America/Los_Angeles", "Europe/London", "Europe/Berlin"
TOKYO, SYDNEY = "Asia/Tokyo", "Australia/Sydney"
MOMENT = timedelta.resolution


def utc(text):
    """The instant that a local clock shows, which says how far from UTC it is."""
    at = datetime.fromisoformat(text)
    assert at.tzinfo is not None, text
    return at.astimezone(UTC)


def shown(zone, at):
    """What the clock on the wall shows, with its distance from UTC."""
    return ShipCalendar(timezone=zone).local(at).isoformat()


# --- stages: hours that pass, not hours on the clock --------------------------------------------------
# 24 hours before the last second of a day of 23 hours is an hour earlier on the clock the evening before;
# of a day of 25 hours, an hour later on the same day.

STAGES = [
    # zone, ship-by, T-24 begins, T-12 begins, T-4 begins
    (LA, "2026-03-08T23:59:59-07:00", "2026-03-07T22:59:59-08:00", "11:59:59-07:00", "19:59:59-07:00"),
    (LA, "2026-03-09T23:59:59-07:00", "2026-03-08T23:59:59-07:00", "11:59:59-07:00", "19:59:59-07:00"),
    (LA, "2026-11-01T23:59:59-08:00", "2026-11-01T00:59:59-07:00", "11:59:59-08:00", "19:59:59-08:00"),
    (LA, "2026-12-31T23:59:59-08:00", "2026-12-30T23:59:59-08:00", "11:59:59-08:00", "19:59:59-08:00"),
    (LONDON, "2026-03-29T23:59:59+01:00", "2026-03-28T22:59:59+00:00", "11:59:59+01:00", "19:59:59+01:00"),
    (LONDON, "2026-10-25T23:59:59+00:00", "2026-10-25T00:59:59+01:00", "11:59:59+00:00", "19:59:59+00:00"),
    (LONDON, "2028-02-29T23:59:59+00:00", "2028-02-28T23:59:59+00:00", "11:59:59+00:00", "19:59:59+00:00"),
    (BERLIN, "2026-03-29T23:59:59+02:00", "2026-03-28T22:59:59+01:00", "11:59:59+02:00", "19:59:59+02:00"),
    (BERLIN, "2026-10-25T23:59:59+01:00", "2026-10-25T00:59:59+02:00", "11:59:59+01:00", "19:59:59+01:00"),
    (TOKYO, "2026-03-01T23:59:59+09:00", "2026-02-28T23:59:59+09:00", "11:59:59+09:00", "19:59:59+09:00"),
    (TOKYO, "2027-01-01T23:59:59+09:00", "2026-12-31T23:59:59+09:00", "11:59:59+09:00", "19:59:59+09:00"),
    (SYDNEY, "2026-04-05T23:59:59+10:00", "2026-04-05T00:59:59+11:00", "11:59:59+10:00", "19:59:59+10:00"),
    (SYDNEY, "2026-10-04T23:59:59+11:00", "2026-10-03T22:59:59+10:00", "11:59:59+11:00", "19:59:59+11:00"),
]


@pytest.mark.parametrize(("zone", "ship_by", "t_24", "t_12", "t_4"), STAGES)
def test_the_stages_before_ship_by_begin_by_hours_that_pass_through_any_night(zone, ship_by, t_24, t_12, t_4):
    calendar, ship_by_at, today = ShipCalendar(timezone=zone), utc(ship_by), ship_by[:11]
    begins = {"T-24": t_24, "T-12": today + t_12, "T-4": today + t_4}
    before = None
    for stage, local in begins.items():
        at = utc(local)
        assert shown(zone, at) == local
        assert deadline_at(ship_by_at, calendar, at - MOMENT).stage == before
        assert deadline_at(ship_by_at, calendar, at - MOMENT).turns_at == at
        assert deadline_at(ship_by_at, calendar, at).stage == stage
        before = stage
    at_last, over = (deadline_at(ship_by_at, calendar, ship_by_at + span) for span in (timedelta(0), MOMENT))
    assert (at_last.stage, at_last.passed, at_last.turns_at) == ("T-4", False, ship_by_at + MOMENT)
    assert (over.stage, over.passed, over.turns_at) == (None, True, None)


# --- auto-cancel: the last second of the 7th business day after the local day of the ship-by ----------
# Count seven working days on the calendar, closed days left out; the end of that day has the distance from
# UTC that is in force then. The warning comes five days of 24 hours after ship-by.

CANCELLED = [
    # zone, ship-by, closed days, warned from, cancelled
    # 2 3 4 5 6 | 9 10 March
    (LA, "2026-02-27T23:59:59-08:00", (), "2026-03-04T23:59:59-08:00", "2026-03-10T23:59:59-07:00"),
    # 9 … 13 | 16 17 March, and the clock changes on the way
    (LA, "2026-03-06T23:59:59-08:00", (), "2026-03-12T00:59:59-07:00", "2026-03-17T23:59:59-07:00"),
    # 26 … 30 October | 2 3 November
    (LA, "2026-10-23T23:59:59-07:00", (), "2026-10-28T23:59:59-07:00", "2026-11-03T23:59:59-08:00"),
    (LA, "2026-10-30T23:59:59-07:00", (), "2026-11-04T22:59:59-08:00", "2026-11-10T23:59:59-08:00"),
    # 24 | 28 29 30 31 December | 4 5 January; Christmas and New Year are Fridays
    (
        LA,
        "2026-12-23T23:59:59-08:00",
        (date(2026, 12, 25), date(2027, 1, 1)),
        "2026-12-28T23:59:59-08:00",
        "2027-01-05T23:59:59-08:00",
    ),
    # 25 26 27 | 30 31 March 1 2 April
    (LONDON, "2026-03-24T23:59:59+00:00", (), "2026-03-30T00:59:59+01:00", "2026-04-02T23:59:59+01:00"),
    # 27 | 30 31 March 1 2 April | 7 8 April: Good Friday and Easter Monday are closed
    (
        LONDON,
        "2026-03-26T23:59:59+00:00",
        (date(2026, 4, 3), date(2026, 4, 6)),
        "2026-04-01T00:59:59+01:00",
        "2026-04-08T23:59:59+01:00",
    ),
    # 19 … 23 | 26 27 October
    (LONDON, "2026-10-16T23:59:59+01:00", (), "2026-10-21T23:59:59+01:00", "2026-10-27T23:59:59+00:00"),
    # 23 | 26 … 30 October | 2 November
    (BERLIN, "2026-10-22T23:59:59+02:00", (), "2026-10-27T22:59:59+01:00", "2026-11-02T23:59:59+01:00"),
    # 31 December | 4 … 8 | 11 January
    (
        BERLIN,
        "2026-12-30T23:59:59+01:00",
        (date(2027, 1, 1),),
        "2027-01-04T23:59:59+01:00",
        "2027-01-11T23:59:59+01:00",
    ),
    # 25 28 29 February 1 2 3 | 6 March 2028: 25 is a Friday, 3 March too
    (BERLIN, "2028-02-24T23:59:59+01:00", (), "2028-02-29T23:59:59+01:00", "2028-03-06T23:59:59+01:00"),
    # 30 April 1 May | 7 8 May | 11 12 13 May: the closed days of Golden Week between
    (
        TOKYO,
        "2026-04-28T23:59:59+09:00",
        (date(2026, 4, 29), date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 6)),
        "2026-05-03T23:59:59+09:00",
        "2026-05-13T23:59:59+09:00",
    ),
    # 31 March 1 2 April | 7 8 9 10 April
    (
        SYDNEY,
        "2026-03-30T23:59:59+11:00",
        (date(2026, 4, 3), date(2026, 4, 6)),
        "2026-04-04T23:59:59+11:00",
        "2026-04-10T23:59:59+10:00",
    ),
    # 1 2 | 5 … 9 October
    (SYDNEY, "2026-09-30T23:59:59+10:00", (), "2026-10-06T00:59:59+11:00", "2026-10-09T23:59:59+11:00"),
    # Midnight in California is a Saturday afternoon in Tokyo: 9 … 13 | 16 17 March.
    (TOKYO, "2026-03-07T16:59:59+09:00", (), "2026-03-12T16:59:59+09:00", "2026-03-17T23:59:59+09:00"),
]


@pytest.mark.parametrize(("zone", "ship_by", "closed", "warned", "cancelled"), CANCELLED)
def test_amazon_cancels_when_seven_working_days_have_passed_and_it_is_said_before(
    zone, ship_by, closed, warned, cancelled
):
    calendar = ShipCalendar(timezone=zone, holidays=frozenset(closed))
    assert shown(zone, utc(ship_by)) == ship_by
    deadline = deadline_at(utc(ship_by), calendar, utc(ship_by))
    assert shown(zone, deadline.auto_cancel_at) == cancelled
    assert shown(zone, deadline.warn_at) == warned


# --- promise days: Monday to Friday, cut-off 14:00 on the seller's own clock ---------------------------
# What is on the shelf leaves today before the cut-off, else on the next ship day; what waits for inbound, on
# the first ship day on or after it is ready. Slack counts the ship days from there to the last one in time.

PROMISES = [
    # zone, now, inbound ready on, ship-by, closed days, promise, slack
    (LA, "2026-03-06T13:59:59-08:00", None, "2026-03-09T23:59:59-07:00", (), "2026-03-06", 1),
    (LA, "2026-03-06T14:00:00-08:00", None, "2026-03-09T23:59:59-07:00", (), "2026-03-09", 0),
    (LA, "2026-03-08T01:59:59-08:00", None, "2026-03-10T23:59:59-07:00", (), "2026-03-09", 1),
    (LA, "2026-03-08T03:00:00-07:00", None, "2026-03-10T23:59:59-07:00", (), "2026-03-09", 1),
    (LA, "2026-10-30T14:00:00-07:00", None, "2026-11-02T23:59:59-08:00", (), "2026-11-02", 0),
    (LA, "2026-11-01T01:30:00-08:00", None, "2026-11-03T23:59:59-08:00", (), "2026-11-02", 1),
    (LONDON, "2026-03-27T13:59:59+00:00", None, "2026-03-30T23:59:59+01:00", (), "2026-03-27", 1),
    (LONDON, "2026-03-30T13:59:59+01:00", None, "2026-03-30T23:59:59+01:00", (), "2026-03-30", 0),
    (LONDON, "2026-03-30T14:00:00+01:00", None, "2026-03-30T23:59:59+01:00", (), "2026-03-31", -1),
    (LONDON, "2026-10-23T13:00:00+01:00", None, "2026-10-27T23:59:59+00:00", (), "2026-10-23", 2),
    (LONDON, "2028-02-28T15:00:00+00:00", None, "2028-02-29T23:59:59+00:00", (), "2028-02-29", 0),
    (LONDON, "2028-02-29T15:00:00+00:00", None, "2028-03-02T23:59:59+00:00", (), "2028-03-01", 1),
    (
        *(BERLIN, "2026-12-31T13:00:00+01:00", None, "2027-01-04T23:59:59+01:00"),
        *((date(2027, 1, 1),), "2026-12-31", 1),
    ),
    (
        *(BERLIN, "2026-12-31T14:00:00+01:00", None, "2027-01-04T23:59:59+01:00"),
        *((date(2027, 1, 1),), "2027-01-04", 0),
    ),
    # Inbound ready on the Saturday before the clocks change, and on the Sunday:
    (BERLIN, "2026-03-25T10:00:00+01:00", "2026-03-28", "2026-03-31T23:59:59+02:00", (), "2026-03-30", 1),
    (BERLIN, "2026-10-21T10:00:00+02:00", "2026-10-25", "2026-10-26T23:59:59+01:00", (), "2026-10-26", 0),
    # One instant, Sunday evening in UTC: Monday before dawn in Tokyo, Sunday noon in Los Angeles.
    (TOKYO, "2026-03-02T05:00:00+09:00", None, "2026-03-03T23:59:59+09:00", (), "2026-03-02", 1),
    (LA, "2026-03-01T12:00:00-08:00", None, "2026-03-03T23:59:59-08:00", (), "2026-03-02", 1),
    (TOKYO, "2026-01-30T14:00:00+09:00", None, "2026-02-02T23:59:59+09:00", (), "2026-02-02", 0),
    (TOKYO, "2026-01-28T10:00:00+09:00", "2026-01-31", "2026-02-04T23:59:59+09:00", (), "2026-02-02", 2),
    (SYDNEY, "2026-04-03T13:00:00+11:00", None, "2026-04-06T23:59:59+10:00", (), "2026-04-03", 1),
    (SYDNEY, "2026-10-02T14:00:00+10:00", None, "2026-10-05T23:59:59+11:00", (), "2026-10-05", 0),
    # Midnight in California is the next morning in Europe, before the cut-off: the day before was the last.
    (LONDON, "2026-03-05T13:00:00+00:00", None, "2026-03-06T07:59:59+00:00", (), "2026-03-05", 0),
    (LONDON, "2026-03-05T14:00:00+00:00", None, "2026-03-06T07:59:59+00:00", (), "2026-03-06", -1),
    # California is on summer time already and Europe is not, so that its midnight comes at 7 and not at 8:
    (LONDON, "2026-03-09T13:00:00+00:00", None, "2026-03-10T06:59:59+00:00", (), "2026-03-09", 0),
    (BERLIN, "2026-03-09T14:00:00+01:00", None, "2026-03-10T07:59:59+01:00", (), "2026-03-10", -1),
    # Midnight of a Californian Friday is Saturday evening in Sydney: Friday was the last ship day there.
    (SYDNEY, "2026-03-06T13:00:00+11:00", None, "2026-03-07T18:59:59+11:00", (), "2026-03-06", 0),
    (SYDNEY, "2026-03-06T15:00:00+11:00", None, "2026-03-07T18:59:59+11:00", (), "2026-03-09", -1),
]


@pytest.mark.parametrize(("zone", "now", "ready_on", "ship_by", "closed", "promise", "slack"), PROMISES)
def test_a_promise_is_a_ship_day_on_the_sellers_calendar_through_any_night(
    zone, now, ready_on, ship_by, closed, promise, slack
):
    assert (shown(zone, utc(now)), shown(zone, utc(ship_by))) == (now, ship_by)
    calendars = ShipCalendars(house=ShipCalendar(timezone=zone, holidays=frozenset(closed)))
    order = an_order(created_at=utc(now) - timedelta(days=1), ship_by_at=utc(ship_by))
    lots = []
    if ready_on is not None:
        lots = [an_expected_lot(units=5, ready_in=(date.fromisoformat(ready_on) - TODAY).days)]
    covered = allocate(
        [order], {SKU: 0 if lots else 5}, {SKU: lots}, now=utc(now), calendars=calendars
    ).orders
    (outlook,) = judge_orders(
        covered, {lot.lot_id: lot for lot in lots}, calendars, now=utc(now), late_limit=0.1
    )
    assert outlook.promise_on == date.fromisoformat(promise)
    assert outlook.slack_days == slack
