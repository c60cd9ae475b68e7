"""What is wrong right now, what people are told of it, and when they are left alone."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.alert import (
    AlertState,
    Finding,
    Notification,
    QuietHours,
    Severity,
    TransitionKind,
    update_alerts,
)
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt
from fbm_sync.domain.deadline import STAGES
from fbm_sync.domain.finding import (
    credential_finding,
    hold_finding,
    order_findings,
    oversold_findings,
    push_findings,
    quarantine_finding,
    stale_orders_finding,
    supply_findings,
)
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.risk import WORRYING, OrderOutlook, OrderState

from builders import ACCOUNT, NOW, SKU, a_calendar, a_change, in_days

STAGE_NAMES = [name for name, _ in STAGES]
NIGHT = QuietHours(begin=time(22), end=time(7))


def a_finding(kind="due_soon", subject="111-1", severity=Severity.WARNING, **changes):
    fields = {
        "account": ACCOUNT,
        "kind": kind,
        "subject": subject,
        "severity": severity,
        "text": "-",
        "action": "-",
    }
    return Finding(**(fields | changes))


def update(known, findings, now=NOW, quiet_hours=None, calendar=None):
    return update_alerts(known, findings, calendar or a_calendar(), now=now, quiet_hours=quiet_hours)


def told(update_):
    return [(step.kind, step.reason) for step in update_.transitions]


# --- the life of an alert ------------------------------------------------------------------------


def test_new_trouble_is_told():
    first = update([], [a_finding(stage="T-24")])
    assert told(first) == [(TransitionKind.OPENED, "first found")]
    (alert,) = first.alerts
    assert (alert.state, alert.opened_at, alert.told_stages, alert.key) == (
        AlertState.OPEN,
        NOW,
        ("T-24",),
        "us:due_soon:111-1",
    )


def test_unchanged_trouble_is_not_told_again():
    first = update([], [a_finding()])
    again = update(first.alerts, [a_finding(text="still there")], in_days(1))
    assert again.transitions == ()
    assert again.alerts[0].finding.text == "still there"
    assert again.alerts[0].changed_at == NOW


def test_the_next_stage_is_told():
    first = update([], [a_finding(stage="T-24")])
    second = update(first.alerts, [a_finding(stage="T-12")], in_days(0.5))
    assert told(second) == [(TransitionKind.ESCALATED, "stage T-12 reached")]
    assert second.alerts[0].told_stages == ("T-24", "T-12")
    assert second.alerts[0].opened_at == NOW


def test_getting_worse_is_told_even_within_a_stage():
    first = update([], [a_finding(stage="T-24")])
    worse = update(first.alerts, [a_finding(stage="T-24", severity=Severity.CRITICAL)])
    assert told(worse) == [(TransitionKind.ESCALATED, "now critical")]
    assert worse.alerts[0].told_stages == ("T-24",)
    plain = update(update([], [a_finding()]).alerts, [a_finding(severity=Severity.CRITICAL)])
    assert told(plain) == [(TransitionKind.ESCALATED, "now critical")]


def test_that_it_is_over_is_news_too():
    first = update([], [a_finding(), a_finding(subject="111-2")])
    second = update(first.alerts, [a_finding()], in_days(1))
    assert told(second) == [(TransitionKind.RESOLVED, "the trouble is no longer found")]
    gone = second.alerts[-1]
    assert (gone.finding.subject, gone.state, gone.resolved_at) == ("111-2", AlertState.RESOLVED, in_days(1))


def test_trouble_that_comes_back_opens_a_new_life():
    first = update([], [a_finding(stage="T-4")])
    over = update(first.alerts, [], in_days(1))
    back = update(over.alerts, [a_finding(stage="T-4")], in_days(2))
    assert told(back) == [(TransitionKind.OPENED, "first found")]
    assert back.alerts[0].opened_at == in_days(2)
    assert update(over.alerts, [], in_days(3)).alerts == ()


FINDINGS = st.lists(
    st.builds(
        a_finding,
        subject=st.sampled_from(("1", "2")),
        severity=st.sampled_from(Severity),
        stage=st.sampled_from((None, *STAGE_NAMES)),
    ),
    max_size=2,
    unique_by=lambda finding: finding.key,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(FINDINGS, st.integers(1, 600)), max_size=8), st.sampled_from((None, NIGHT)))
def test_a_stage_is_told_once_and_an_unchanged_finding_never(rounds, quiet_hours):
    book, lives, before, now = {}, {}, {}, NOW
    for findings, minutes in rounds:
        now += timedelta(minutes=minutes)
        result = update(book.values(), findings, now, quiet_hours)
        book |= {alert.key: alert for alert in result.alerts}
        by_key = {finding.key: finding for finding in findings}
        steps = {step.alert.key: step for step in result.transitions}
        assert len(steps) == len(result.transitions)
        for key, step in steps.items():
            assert step.not_before >= now
            if step.kind is TransitionKind.RESOLVED:
                assert key not in by_key
                lives.pop(key)
                continue
            assert before.get(key) != by_key[key]
            assert (step.kind is TransitionKind.OPENED) == (key not in lives)
            stages = lives.setdefault(key, [])
            if step.reason.startswith("stage") or step.kind is TransitionKind.OPENED:
                assert by_key[key].stage not in stages
                stages.append(by_key[key].stage)
        assert {key for key, alert in book.items() if alert.state is AlertState.OPEN} == by_key.keys()
        assert lives.keys() == by_key.keys()
        for key, finding in by_key.items():
            assert finding.stage is None or finding.stage in book[key].told_stages
        before = by_key


def test_a_notification_starts_without_an_attempt():
    (step,) = update([], [a_finding()]).transitions
    assert Notification(notification_id=1, channel="log", transition=step).attempts == 0


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


BERLIN = ShipCalendar(timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "end", "told_at"),
    [
        ("2026-03-02T12:00", time(7), "2026-03-02T12:00"),  # noon
        ("2026-03-02T22:00", time(7), "2026-03-03T06:00"),  # evening: tomorrow morning
        ("2026-03-02T03:00", time(7), "2026-03-02T06:00"),  # night: this morning
        ("2026-03-28T22:00", time(7), "2026-03-29T05:00"),  # the night is an hour shorter
        ("2026-10-24T21:00", time(7), "2026-10-25T06:00"),  # and longer
        ("2026-03-29T00:30", time(2, 30), "2026-03-29T01:30"),  # an end the clock leaves out
        ("2026-10-25T00:10", time(2, 30), "2026-10-25T01:30"),  # an end the clock shows twice
        ("2026-10-25T01:10", time(2, 30), "2026-10-25T01:30"),
    ],
)
def test_people_are_told_when_the_quiet_hours_end_on_the_sellers_clock(now, end, told_at):
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    (step,) = update([], [a_finding()], moment, QuietHours(begin=time(22), end=end), BERLIN).transitions
    assert step.not_before == datetime.fromisoformat(told_at).replace(tzinfo=UTC)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from((datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC))),
    st.integers(0, 4 * 1440),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(("Europe/Berlin", "America/New_York", "Australia/Sydney", "UTC")),
)
def test_held_news_is_told_within_a_day_and_never_in_the_past(night, minutes, begin, end, zone):
    moment = night + timedelta(minutes=minutes)
    quiet = QuietHours(begin=time(*divmod(begin, 60)), end=time(*divmod(end, 60)))
    calendar = ShipCalendar(timezone=zone)
    (step,) = update([], [a_finding()], moment, quiet, calendar).transitions
    assert moment <= step.not_before <= moment + timedelta(hours=26)
    if step.not_before > moment:
        assert quiet.holds(calendar.local(moment).time())
        assert not quiet.holds(calendar.local(step.not_before).time())


def test_what_is_critical_disturbs_people_but_its_end_does_not():
    night = datetime(2026, 3, 2, 23, tzinfo=UTC)
    first = update([], [a_finding(severity=Severity.CRITICAL)], night, NIGHT)
    assert first.transitions[0].not_before == night
    over = update(first.alerts, [], night, NIGHT)
    assert over.transitions[0].not_before == datetime(2026, 3, 3, 7, tzinfo=UTC)


# --- findings ------------------------------------------------------------------------------------


def an_outlook(state, stage=None):
    return OrderOutlook(
        account=ACCOUNT,
        order_id=OrderId("111-1"),
        state=state,
        reason="why",
        action="do",
        judged_at=NOW,
        stage=stage,
        ship_by_at=in_days(1),
    )


@pytest.mark.parametrize("state", OrderState)
def test_every_order_that_is_not_on_track_is_a_finding(state):
    found = order_findings([an_outlook(state)])
    assert len(found) == (state in WORRYING)
    for finding in found:
        assert (finding.kind, finding.subject, finding.orders) == (state, "111-1", ("111-1",))
        assert (finding.text, finding.action, finding.due_at) == ("why", "do", in_days(1))


@pytest.mark.parametrize(
    ("state", "stage", "severity", "kept"),
    [
        ("due_soon", "T-24", "info", "T-24"),
        ("due_soon", "T-12", "warning", "T-12"),
        ("due_soon", "T-4", "critical", "T-4"),
        ("at_risk", None, "warning", None),
        ("at_risk", "T-24", "warning", "T-24"),
        ("at_risk", "T-4", "critical", "T-4"),
        ("late_certain", "T-24", "critical", None),
        ("cancel_requested", "T-4", "warning", None),
    ],
)
def test_a_finding_grows_more_urgent_with_its_stage(state, stage, severity, kept):
    (finding,) = order_findings([an_outlook(OrderState(state), stage)])
    assert (finding.severity, finding.stage) == (severity, kept)


def test_what_was_sold_beyond_all_supply_is_one_finding_for_each_sku():
    short = {("us", "B"): (2, (OrderId("1"), OrderId("2"))), ("uk", "A"): (1, (OrderId("3"),))}
    found = oversold_findings(short)
    assert [(finding.account, finding.subject) for finding in found] == [("uk", "A"), ("us", "B")]
    assert found[1].text == "2 of B sold beyond stock and believed inbound; orders hit: 2."
    assert found[1].orders == ("1", "2")


def test_records_that_are_old_or_look_broken_are_findings():
    assert supply_findings(None, ()) == []
    stale, suspect = supply_findings("counted long ago.", ("empty", "odd"))
    assert (stale.kind, stale.severity) == ("stale_supply", Severity.WARNING)
    assert (suspect.kind, suspect.severity) == ("suspect_snapshot", Severity.CRITICAL)
    assert "empty; odd" in suspect.text


@pytest.mark.parametrize(
    ("outcome", "hours", "kind"),
    [
        (PushOutcome.REJECTED, 0, "push_rejected"),
        (PushOutcome.ACCEPTED, 5, None),
        (PushOutcome.ACCEPTED, 6, None),
        (PushOutcome.ACCEPTED, 6.1, "push_unconfirmed"),
        (PushOutcome.CONFIRMED, 9, None),
        (PushOutcome.VALID, 9, None),
    ],
)
def test_refused_and_unconfirmed_changes_are_findings(outcome, hours, kind):
    receipt = PushReceipt(
        change=a_change(),
        outcome=outcome,
        at=NOW - timedelta(hours=hours),
        problems=("bad",) * (kind != "push_unconfirmed"),
    )
    found = push_findings([receipt], NOW, PushLimits())
    assert [finding.kind for finding in found] == ([kind] if kind else [])
    assert all(finding.subject == SKU for finding in found)


def test_a_refusal_without_words_says_so():
    receipt = PushReceipt(change=a_change(), outcome=PushOutcome.REJECTED, at=NOW)
    (finding,) = push_findings([receipt], NOW, PushLimits())
    assert finding.text.endswith("no reason given")


def test_held_raises_and_quarantined_things_are_findings():
    held = hold_finding(ACCOUNT, "h1", ("too many", "too much"), 7)
    assert held.key == "us:push_held:h1"
    assert "7 changes wait for a person: too many; too much." in held.text
    assert quarantine_finding(ACCOUNT, "111-1", "no items").key == "us:quarantined:111-1"


@pytest.mark.parametrize(
    ("last", "words"), [(None, "never"), (in_days(-1), "1 day ago"), (NOW - timedelta(minutes=60), None)]
)
def test_orders_not_read_for_too_long_are_a_finding(last, words):
    finding = stale_orders_finding(ACCOUNT, last, NOW, 60)
    assert (finding is None) == (words is None)
    assert finding is None or words in finding.text


@pytest.mark.parametrize(
    ("age", "severity", "words"),
    [
        (149, None, None),
        (150, Severity.WARNING, "expires in 30 days, on 2026-08-29"),
        (172, Severity.WARNING, "expires in 8 days"),
        (173, Severity.CRITICAL, "expires in 7 days"),
        (179, Severity.CRITICAL, "expires in 1 day,"),
        (180, Severity.CRITICAL, "has expired, on 2026-08-29"),
        (400, Severity.CRITICAL, "has expired"),
    ],
)
def test_a_client_secret_is_told_of_a_month_before_it_ends_and_again_in_its_last_week(age, severity, words):
    created_on = date(2026, 3, 2)
    finding = credential_finding(ACCOUNT, created_on, created_on + timedelta(days=age))
    assert (finding and finding.severity) == severity
    assert words is None or words in finding.text
