"""Quiet hours, 22:00 to 7:00 on the seller's own clock, in five marketplaces and through hard nights.

Worked out by hand, as the tables in `test_domain_time_tables` are: what each clock shows, with its distance
from UTC.
"""

from datetime import UTC, datetime, time

import pytest

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.telling import QuietHours

LA, LONDON, BERLIN = "America/Los_Angeles", "Europe/London", "Europe/Berlin"
TOKYO, SYDNEY = "Asia/Tokyo", "Australia/Sydney"


QUIET = [
    # zone, found, told
    (LA, "2026-03-07T21:59:59-08:00", "2026-03-07T21:59:59-08:00"),
    (LA, "2026-03-07T22:00:00-08:00", "2026-03-08T07:00:00-07:00"),  # eight hours on: the night is short
    (LA, "2026-03-08T03:00:00-07:00", "2026-03-08T07:00:00-07:00"),  # the first instant after the gap
    (LA, "2026-03-08T07:00:00-07:00", "2026-03-08T07:00:00-07:00"),
    (LA, "2026-10-31T22:00:00-07:00", "2026-11-01T07:00:00-08:00"),  # ten hours on
    (LA, "2026-11-01T01:30:00-07:00", "2026-11-01T07:00:00-08:00"),  # half past one comes twice
    (LA, "2026-11-01T01:30:00-08:00", "2026-11-01T07:00:00-08:00"),
    (LA, "2026-11-01T06:59:59-08:00", "2026-11-01T07:00:00-08:00"),
    (LONDON, "2026-03-28T22:00:00+00:00", "2026-03-29T07:00:00+01:00"),
    (LONDON, "2026-10-24T23:30:00+01:00", "2026-10-25T07:00:00+00:00"),
    (LONDON, "2026-10-25T07:00:00+00:00", "2026-10-25T07:00:00+00:00"),
    (BERLIN, "2026-02-28T23:00:00+01:00", "2026-03-01T07:00:00+01:00"),
    (BERLIN, "2026-12-31T23:59:59+01:00", "2027-01-01T07:00:00+01:00"),
    (BERLIN, "2027-01-01T00:00:00+01:00", "2027-01-01T07:00:00+01:00"),
    (TOKYO, "2026-03-07T22:00:00+09:00", "2026-03-08T07:00:00+09:00"),  # nothing changes there
    (TOKYO, "2028-02-28T22:00:00+09:00", "2028-02-29T07:00:00+09:00"),
    (TOKYO, "2026-04-30T06:00:00+09:00", "2026-04-30T07:00:00+09:00"),
    (SYDNEY, "2026-04-04T22:00:00+11:00", "2026-04-05T07:00:00+10:00"),
    (SYDNEY, "2026-10-03T22:00:00+10:00", "2026-10-04T07:00:00+11:00"),
    (SYDNEY, "2026-12-31T22:00:00+11:00", "2027-01-01T07:00:00+11:00"),
]


# An end that the clock leaves out means as much later; one that it shows twice, the later one.
CHANGED_HOUR = [
    # zone, quiet until, found, told
    (LA, time(2, 30), "2026-03-08T00:10:00-08:00", "2026-03-08T03:30:00-07:00"),
    (LA, time(1, 30), "2026-11-01T00:10:00-07:00", "2026-11-01T01:30:00-08:00"),
    (LA, time(1, 30), "2026-11-01T01:10:00-08:00", "2026-11-01T01:30:00-08:00"),
    (LONDON, time(1, 30), "2026-03-29T00:10:00+00:00", "2026-03-29T02:30:00+01:00"),
    (LONDON, time(1, 30), "2026-10-25T00:10:00+01:00", "2026-10-25T01:30:00+00:00"),
    (TOKYO, time(2, 30), "2026-03-08T00:10:00+09:00", "2026-03-08T02:30:00+09:00"),
    (SYDNEY, time(2, 30), "2026-10-04T00:10:00+10:00", "2026-10-04T03:30:00+11:00"),
    (SYDNEY, time(2, 30), "2026-04-05T00:10:00+11:00", "2026-04-05T02:30:00+10:00"),
]


@pytest.mark.parametrize(
    ("zone", "until", "found", "told"),
    [(zone, time(7), found, told) for zone, found, told in QUIET] + CHANGED_HOUR,
)
def test_news_of_the_night_is_told_when_it_ends_on_the_sellers_clock(zone, until, found, told):
    calendar, quiet = ShipCalendar(timezone=zone), QuietHours(begin=time(22), end=until)
    at = quiet.over_at(datetime.fromisoformat(found).astimezone(UTC), calendar)
    assert at.tzinfo is UTC
    assert calendar.local(at).isoformat() == told
