"""Who hears of what, when, and when people are left alone."""

import dataclasses
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fbm_sync.domain.alert import AlertState, Reason, Severity, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.telling import BUNDLE_WAIT, Manners, Purpose, QuietHours, Route, address, next_at

from builders import NOW, a_finding, a_step, an_alert

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
NIGHT = QuietHours(begin=time(22), end=time(7))
EVERYBODY = Manners(routes=(Route(channels=("mail", "phone")),), digest_at=time(8))
UTC_HOUSE = ShipCalendars(house=ShipCalendar(timezone="UTC"))
ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland")
NIGHTS_OF_CLOCK_CHANGES = (
    date(2026, 3, 7),  # Los Angeles springs forward on the 8th
    date(2026, 3, 28),  # Berlin on the 29th
    date(2026, 4, 4),  # Sydney and Auckland fall back on the 5th
    date(2026, 9, 26),  # Auckland springs forward on the 27th
    date(2026, 10, 3),  # Sydney on the 4th
    date(2026, 10, 24),  # Berlin falls back on the 25th
    date(2026, 10, 31),  # Los Angeles on the 1st
)


def in_zone(zone):
    return ShipCalendars(house=ShipCalendar(timezone=zone))


def opened(finding=None, at=NOW, **changes):
    alert = an_alert(finding, opened_at=at, changed_at=at, **changes)
    return a_step(alert, at=at)


def resolved(finding=None, reason=Reason.NO_LONGER_FOUND, **changes):
    alert = an_alert(finding, state=AlertState.RESOLVED, **changes)
    return a_step(alert, TransitionKind.RESOLVED, reason)


def sent(steps, manners=EVERYBODY, calendars=UTC_HOUSE, heard=None):
    """What is addressed to anybody but the log: channel, purpose, when, of what."""
    return [
        (one.channel, one.purpose.value, one.not_before, one.transition.alert.finding.kind)
        for one in address(steps, manners, calendars, heard or {})
        if one.channel != "log"
    ]


def told_at(step, quiet=NIGHT, calendars=UTC_HOUSE):
    manners = Manners(routes=(Route(channels=("phone",)),), quiet_hours=quiet)
    ((_, _, at, _),) = sent([step], manners, calendars, {step.alert.life: ["phone"]})
    return at


# --- quiet hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "moment", "quiet"),
    [
        (NIGHT, time(21, 59), False),
        (NIGHT, time(22), True),
        (NIGHT, time(3), True),
        (NIGHT, time(7), False),
        (QuietHours(begin=time(1), end=time(5)), time(0, 59), False),
        (QuietHours(begin=time(1), end=time(5)), time(1), True),
        (QuietHours(begin=time(1), end=time(5)), time(5), False),
        (QuietHours(begin=time(5), end=time(5)), time(5), False),
    ],
)
def test_quiet_hours_may_span_midnight(hours, moment, quiet):
    assert hours.holds(moment) == quiet


@pytest.mark.parametrize(
    ("zone", "now", "end", "expected"),
    [
        ("Europe/Berlin", "2026-03-02T12:00", time(7), "2026-03-02T12:00"),  # noon
        ("Europe/Berlin", "2026-03-02T22:00", time(7), "2026-03-03T06:00"),  # evening: tomorrow morning
        ("Europe/Berlin", "2026-03-02T03:00", time(7), "2026-03-02T06:00"),  # night: this morning
        ("Europe/Berlin", "2026-03-28T22:00", time(7), "2026-03-29T05:00"),  # the night is an hour shorter
        ("Europe/Berlin", "2026-10-24T21:00", time(7), "2026-10-25T06:00"),  # and longer
        ("Europe/Berlin", "2026-03-29T00:30", time(2, 30), "2026-03-29T01:30"),  # an end the clock leaves out
        ("Europe/Berlin", "2026-10-25T00:10", time(2, 30), "2026-10-25T01:30"),  # an end shown twice
        ("Europe/Berlin", "2026-10-25T01:10", time(2, 30), "2026-10-25T01:30"),
        ("America/Los_Angeles", "2026-03-08T07:00", time(7), "2026-03-08T14:00"),
        ("America/Los_Angeles", "2026-11-01T06:00", time(7), "2026-11-01T15:00"),
        ("Asia/Tokyo", "2026-03-28T14:00", time(7), "2026-03-28T22:00"),
        ("Australia/Sydney", "2026-04-04T12:00", time(7), "2026-04-04T21:00"),
        ("Australia/Sydney", "2026-10-03T13:00", time(7), "2026-10-03T20:00"),
        ("Pacific/Auckland", "2026-04-04T11:00", time(7), "2026-04-04T19:00"),
        ("Pacific/Auckland", "2026-09-26T11:00", time(7), "2026-09-26T18:00"),
    ],
)
def test_people_are_told_when_the_quiet_hours_end_on_the_accounts_clock(zone, now, end, expected):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    at = told_at(opened(at=moment), QuietHours(begin=time(22), end=end), in_zone(zone))
    assert at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_each_account_sleeps_in_its_own_time_zone():
    calendars = ShipCalendars(
        house=ShipCalendar(timezone="America/Los_Angeles"),
        of_accounts={"jp": ShipCalendar(timezone="Asia/Tokyo")},
    )
    at = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 7:00 in Los Angeles, midnight in Tokyo
    assert told_at(opened(a_finding(account="us"), at), NIGHT, calendars) == at
    assert told_at(opened(a_finding(account="jp"), at), NIGHT, calendars) == at + timedelta(hours=7)
    assert told_at(opened(a_finding(account=""), at), NIGHT, calendars) == at


moments_around_clock_changes = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(NIGHTS_OF_CLOCK_CHANGES),
    st.integers(-1440, 3 * 1440),
)
times_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@settings(max_examples=200, deadline=None)
@given(moments_around_clock_changes, times_of_day, times_of_day, st.sampled_from(ZONES))
@example(datetime(2026, 3, 28, 1, 1, tzinfo=UTC), time(2, 1), time(2), "Europe/Berlin")  # 2:00 is left out
def test_held_news_is_told_as_soon_as_people_are_awake_and_never_in_the_past(moment, begin, end, zone):
    quiet, calendar = QuietHours(begin=begin, end=end), ShipCalendar(timezone=zone)
    at = told_at(opened(at=moment), quiet, in_zone(zone))
    assert moment <= at <= moment + timedelta(hours=50)
    if at > moment:
        assert quiet.holds(calendar.local(moment).time())
        assert not quiet.holds(calendar.local(at).time())
    assert (at == moment) == (not quiet.holds(calendar.local(moment).time()))


@settings(max_examples=200, deadline=None)
@given(moments_around_clock_changes, times_of_day, st.sampled_from(ZONES))
def test_the_digest_comes_once_a_day_whatever_the_clocks_do(moment, digest_at, zone):
    calendar = ShipCalendar(timezone=zone)
    at = next_at(digest_at, moment, calendar)
    assert moment <= at <= moment + timedelta(hours=26)
    assert at == calendar.at(calendar.local_date(at), digest_at)
    assert next_at(digest_at, at, calendar) == at
    after = next_at(digest_at, at + timedelta(minutes=1), calendar)
    assert timedelta(hours=22) <= after - at <= timedelta(hours=26)


def test_what_is_critical_disturbs_people_but_reminders_and_its_end_do_not():
    night, morning = datetime(2026, 3, 2, 23, tzinfo=UTC), datetime(2026, 3, 3, 7, tzinfo=UTC)
    first = opened(a_finding(severity=CRITICAL), night)
    assert told_at(first) == night
    assert told_at(dataclasses.replace(first, kind=TransitionKind.ESCALATED)) == night
    assert told_at(dataclasses.replace(first, kind=TransitionKind.REMINDED)) == morning
    assert told_at(dataclasses.replace(first, kind=TransitionKind.RESOLVED)) == morning


# --- routes --------------------------------------------------------------------------------------


def test_the_log_hears_of_everything_at_once():
    steps = [opened(a_finding(severity=INFO)), resolved(reason=Reason.GOES_ON)]
    silent = Manners(quiet_hours=QuietHours(begin=time(0), end=time(23, 59)))
    found = address(steps, silent, UTC_HOUSE, {})
    assert [(one.channel, one.transition, one.not_before) for one in found] == [
        ("log", step, NOW) for step in steps
    ]


def test_everybody_hears_of_warnings_at_once_and_of_notes_in_the_digest():
    tomorrow = datetime(2026, 3, 3, 8, tzinfo=UTC)
    steps = [opened(a_finding("a", severity=INFO)), opened(a_finding("b"))]
    assert sent(steps) == [
        ("mail", "digest", tomorrow, "a"),
        ("phone", "digest", tomorrow, "a"),
        ("mail", "news", NOW, "b"),
        ("phone", "news", NOW, "b"),
    ]


def test_without_a_digest_notes_stay_in_the_log():
    assert sent([opened(a_finding(severity=INFO))], dataclasses.replace(EVERYBODY, digest_at=None)) == []


@pytest.mark.parametrize(
    ("least", "severity", "purpose"),
    [
        (INFO, INFO, "news"),
        (WARNING, INFO, "digest"),
        (WARNING, WARNING, "news"),
        (CRITICAL, INFO, None),
        (CRITICAL, WARNING, None),
        (CRITICAL, CRITICAL, "news"),
    ],
)
def test_a_route_hears_from_its_least_severity_on(least, severity, purpose):
    manners = Manners(routes=(Route(channels=("phone",), least_severity=least),), digest_at=time(8))
    found = [how for _, how, _, _ in sent([opened(a_finding(severity=severity))], manners)]
    assert found == [purpose] * (purpose is not None)


@pytest.mark.parametrize(
    ("route", "heard"),
    [
        ({"kinds": {"oversold"}}, False),
        ({"kinds": {"oversold", "at_risk"}}, True),
        ({"accounts": {"us"}}, True),
        ({"accounts": {"uk"}}, False),
        ({"accounts": {"us"}, "kinds": {"oversold"}}, False),
    ],
)
def test_a_route_may_be_for_some_kinds_and_accounts_only(route, heard):
    wanted = Route(channels=("phone",), **{name: frozenset(values) for name, values in route.items()})
    assert bool(sent([opened(a_finding("at_risk"))], Manners(routes=(wanted,)))) == heard


def test_what_is_of_no_account_concerns_every_account():
    route = Route(channels=("phone",), accounts=frozenset({"uk"}))
    assert sent([opened(a_finding(account=""))], Manners(routes=(route,)))


def test_a_channel_of_two_routes_hears_once_and_the_sooner_way():
    both = (Route(channels=("phone",)), Route(channels=("phone", "mail"), least_severity=INFO))
    for routes in (both, both[::-1]):
        found = sent([opened(a_finding(severity=INFO))], Manners(routes=routes, digest_at=time(8)))
        assert sorted((channel, how) for channel, how, _, _ in found) == [("mail", "news"), ("phone", "news")]


def test_reminders_are_never_in_the_digest():
    step = dataclasses.replace(opened(a_finding(severity=INFO)), kind=TransitionKind.REMINDED)
    assert sent([step]) == []


def test_that_a_channel_fails_is_told_on_every_other_one_whatever_the_routes_are():
    routes = (
        Route(channels=("phone",), least_severity=CRITICAL, escalate_to=("pager",)),
        Route(channels=("mail",), kinds=frozenset({"oversold"})),
    )
    failing = opened(a_finding("channel_failed", "phone", account=""))
    assert [channel for channel, *_ in sent([failing], Manners(routes=routes))] == ["pager", "mail"]


# --- when nobody reacts --------------------------------------------------------------------------

HURRY = Manners(
    routes=(
        Route(channels=("mail",), escalate_to=("pager", "mail"), escalate_after=timedelta(minutes=30)),
        Route(channels=("mail",), escalate_to=("pager", "boss"), escalate_after=timedelta(minutes=20)),
        Route(
            channels=("mail",),
            kinds=frozenset({"other"}),
            escalate_to=("x",),
            escalate_after=timedelta(hours=1),
        ),
    ),
    quiet_hours=QuietHours(begin=time(0), end=time(23, 59)),
)


def test_what_is_critical_goes_to_the_second_channels_once_if_nobody_reacts():
    critical = a_finding(severity=CRITICAL)
    first = opened(critical, critical_at=NOW)
    assert sent([first], HURRY)[1:] == [
        ("pager", "second", NOW + timedelta(minutes=20), "due_soon"),
        ("boss", "second", NOW + timedelta(minutes=20), "due_soon"),
    ]
    turned = dataclasses.replace(HURRY, routes=HURRY.routes[::-1])
    assert ("pager", "second", NOW + timedelta(minutes=20), "due_soon") in sent([first], turned)
    later = a_step(an_alert(critical, critical_at=NOW), TransitionKind.ESCALATED, at=NOW + timedelta(hours=1))
    assert [how for _, how, _, _ in sent([later], HURRY)] == ["news"]
    assert [how for _, how, _, _ in sent([opened(a_finding())], HURRY)] == ["news"]


def test_the_end_goes_to_the_channels_that_heard_of_the_trouble():
    over = resolved(worst=WARNING)
    heard = {over.alert.life: ["pager", "log", "mail"], ("other", NOW): ["phone"]}
    assert sent([over], EVERYBODY, heard=heard) == [
        ("mail", "news", NOW, "due_soon"),
        ("pager", "news", NOW, "due_soon"),
    ]
    assert sent([over]) == []


def test_the_end_of_a_note_is_one_more_note_in_the_digest():
    over = resolved(a_finding(severity=INFO), worst=INFO)
    ((_, how, _, _),) = sent([over], heard={over.alert.life: ["mail"]})
    assert how == "digest"
    grave = resolved(a_finding(severity=INFO), worst=CRITICAL)
    ((_, how, _, _),) = sent([grave], heard={grave.alert.life: ["mail"]})
    assert how == "news"


def test_trouble_that_turned_into_another_has_not_ended_for_whoever_hears_of_that():
    next_one = opened(a_finding("late_certain", severity=CRITICAL))
    over = resolved(a_finding("at_risk"), Reason.GOES_ON)
    found = sent([next_one, over], heard={over.alert.life: ["mail", "phone", "pager"]})
    assert [(channel, kind) for channel, _, _, kind in found] == [
        ("mail", "late_certain"),
        ("phone", "late_certain"),
        ("pager", "at_risk"),
    ]
    plain = dataclasses.replace(over, reason=Reason.NO_LONGER_FOUND)
    assert len(sent([next_one, plain], heard={over.alert.life: ["mail"]})) == 3


# --- a common cause ------------------------------------------------------------------------------


def test_what_shares_a_cause_waits_a_moment_for_the_rest_unless_it_is_critical():
    cause = a_finding("po_late", "PO-7")
    member = a_finding("at_risk", bundle=cause.key)
    grave = a_finding("late_certain", "111-2", CRITICAL, bundle=cause.key)
    alone = a_finding("push_held", "h1")
    steps = [opened(one) for one in (cause, member, grave, alone)]
    manners = Manners(routes=(Route(channels=("phone",)),))
    assert {kind: at - NOW for _, _, at, kind in sent(steps, manners)} == {
        "po_late": BUNDLE_WAIT,
        "at_risk": BUNDLE_WAIT,
        "late_certain": timedelta(0),
        "push_held": timedelta(0),
    }


def test_a_reminder_waits_for_nobody():
    step = dataclasses.replace(opened(a_finding(bundle="x")), kind=TransitionKind.REMINDED)
    assert told_at(step, quiet=None) == NOW


def test_the_wait_for_company_may_end_in_the_quiet_hours():
    dusk = datetime(2026, 3, 2, 21, 59, tzinfo=UTC)
    step = opened(a_finding(bundle="x"), dusk)
    assert told_at(step) == datetime(2026, 3, 3, 7, tzinfo=UTC)


def test_a_purpose_is_chosen_by_how_grave_it_is_only():
    assert Route(channels=()).purpose(WARNING) is Purpose.NEWS
