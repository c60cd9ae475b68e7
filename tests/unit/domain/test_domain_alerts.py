"""What is wrong right now, what becomes of it, and which steps of that are worth telling."""

import dataclasses
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.alert import (
    AlertState,
    Reason,
    Severity,
    TransitionKind,
    update_alerts,
)
from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt
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

from builders import ACCOUNT, NOW, SKU, a_change, a_finding, in_days

STAGE_NAMES = ["T-24", "T-12", "T-4"]
PAUSES = {Severity.WARNING: timedelta(hours=24), Severity.CRITICAL: timedelta(hours=4)}
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def update(known, findings, now=NOW, remind_after=None):
    return update_alerts(known, findings, now=now, remind_after=remind_after)


def told(update_):
    return [(step.kind.value, step.reason.value) for step in update_.transitions]


# --- the life of an alert ------------------------------------------------------------------------


def test_new_trouble_is_told():
    first = update([], [a_finding(stage="T-24")])
    assert told(first) == [("opened", "first_found")]
    (alert,) = first.alerts
    assert (alert.state, alert.opened_at, alert.told_stages, alert.key) == (
        AlertState.OPEN,
        NOW,
        ("T-24",),
        "us:due_soon:111-1",
    )
    assert (alert.worst, alert.critical_at) == (WARNING, None)


def test_unchanged_trouble_is_not_told_again():
    first = update([], [a_finding()])
    again = update(first.alerts, [a_finding(text="still there")], in_days(1))
    assert again.transitions == ()
    assert again.alerts[0].finding.text == "still there"
    assert again.alerts[0].changed_at == NOW


def test_the_next_stage_is_told():
    first = update([], [a_finding(stage="T-24")])
    second = update(first.alerts, [a_finding(stage="T-12")], in_days(0.5))
    assert told(second) == [("escalated", "stage_reached")]
    assert second.alerts[0].told_stages == ("T-24", "T-12")
    assert second.alerts[0].opened_at == NOW


def test_a_stage_that_was_overtaken_is_never_told():
    first = update([], [a_finding(stage="T-4")])
    assert first.alerts[0].told_stages == ("T-24", "T-12", "T-4")
    assert told(update(first.alerts, [a_finding(stage="T-12")], in_days(1))) == []


def test_a_stage_of_another_kind_of_trouble_is_told_once_too():
    first = update([], [a_finding(stage="week-1")])
    second = update(first.alerts, [a_finding(stage="week-2")])
    assert told(second) == [("escalated", "stage_reached")]
    assert told(update(second.alerts, [a_finding(stage="week-1")])) == []


def test_getting_worse_is_told_even_within_a_stage():
    first = update([], [a_finding(stage="T-24")])
    worse = update(first.alerts, [a_finding(stage="T-24", severity=CRITICAL)], in_days(1))
    assert told(worse) == [("escalated", "got_worse")]
    assert worse.alerts[0].told_stages == ("T-24",)
    assert worse.alerts[0].critical_at == in_days(1)


def test_it_became_critical_when_it_first_did():
    known = update([], [a_finding(stage="T-12", severity=CRITICAL)]).alerts
    second = update(known, [a_finding(stage="T-4", severity=CRITICAL)], in_days(1))
    assert told(second) == [("escalated", "stage_reached")]
    assert second.alerts[0].critical_at == NOW


def test_a_severity_that_goes_up_and_down_is_told_once():
    known = update([], [a_finding()]).alerts
    steps = []
    for severity in (CRITICAL, WARNING, CRITICAL, INFO, WARNING, CRITICAL):
        result = update(known, [a_finding(severity=severity)], in_days(1))
        known = result.alerts
        steps += told(result)
    assert steps == [("escalated", "got_worse")]
    assert known[0].critical_at == in_days(1)


def test_an_alert_of_old_is_as_bad_as_it_was_recorded():
    old = dataclasses.replace(update([], [a_finding(severity=CRITICAL)]).alerts[0], worst=None)
    assert told(update([old], [a_finding(severity=CRITICAL)])) == []
    assert update([old], [a_finding()]).alerts[0].worst is CRITICAL


def test_that_it_is_over_is_news_too():
    first = update([], [a_finding(), a_finding(subject="111-2")])
    second = update(first.alerts, [a_finding()], in_days(1))
    assert told(second) == [("resolved", "no_longer_found")]
    gone = second.alerts[-1]
    assert (gone.finding.subject, gone.state, gone.resolved_at) == ("111-2", AlertState.RESOLVED, in_days(1))


@pytest.mark.parametrize(
    ("before", "after", "orders", "reason"),
    [
        (WARNING, CRITICAL, ("111-1",), "goes_on"),
        (WARNING, WARNING, ("111-1",), "goes_on"),
        (CRITICAL, WARNING, ("111-1",), "no_longer_found"),
        (WARNING, CRITICAL, ("111-1", "111-2"), "no_longer_found"),
    ],
)
def test_an_orders_trouble_that_turns_into_a_worse_one_has_not_ended(before, after, orders, reason):
    first = update([], [a_finding("at_risk", severity=before, orders=orders)])
    second = update(first.alerts, [a_finding("late_certain", severity=after, orders=orders)], in_days(1))
    assert told(second) == [("opened", "first_found"), ("resolved", reason)]
    elsewhere = [a_finding("late_certain", "111-9", severity=after, orders=("111-9",))]
    assert ("resolved", "no_longer_found") in told(update(first.alerts, elsewhere))


def test_trouble_that_comes_back_opens_a_new_life():
    first = update([], [a_finding(stage="T-4")])
    over = update(first.alerts, [], in_days(1))
    back = update(over.alerts, [a_finding(stage="T-4")], in_days(2))
    assert told(back) == [("opened", "first_found")]
    assert back.alerts[0].opened_at == in_days(2)
    assert back.alerts[0].life != first.alerts[0].life
    assert update(over.alerts, [], in_days(3)).alerts == ()


# --- reminders -----------------------------------------------------------------------------------


def reminders(alert, finding, hours, **changes):
    """The hours in which people are reminded, looking once an hour."""
    known, found = dataclasses.replace(alert, **changes), []
    for hour in range(1, hours + 1):
        now = NOW + timedelta(hours=hour)
        result = update([known], [finding], now, PAUSES)
        (known,) = result.alerts
        found += [(hour, reason) for kind, reason in told(result) if kind == "reminded"]
    return found


@pytest.mark.parametrize(
    ("severity", "hours"), [(INFO, []), (WARNING, [24, 48]), (CRITICAL, [4, 8, 16, 32, 56])]
)
def test_people_are_reminded_of_what_nobody_acknowledged_more_and_more_rarely(severity, hours):
    finding = a_finding(severity=severity)
    (alert,) = update([], [finding]).alerts
    span = 60
    assert reminders(alert, finding, span) == [(hour, "still_open") for hour in hours]
    assert reminders(alert, finding, span, acknowledged_at=NOW) == []


def test_a_pause_begins_anew_when_there_was_news():
    finding = a_finding(stage="T-24")
    known = update([], [finding]).alerts
    known = update(known, [a_finding(stage="T-12")], NOW + timedelta(hours=20), PAUSES).alerts
    quiet = update(known, [a_finding(stage="T-12")], NOW + timedelta(hours=43), PAUSES)
    assert told(quiet) == []
    due = update(quiet.alerts, [a_finding(stage="T-12")], NOW + timedelta(hours=44), PAUSES)
    assert told(due) == [("reminded", "still_open")]


def test_without_a_pause_nobody_is_reminded():
    known = update([], [a_finding()]).alerts
    assert told(update(known, [a_finding()], in_days(9), {CRITICAL: timedelta(hours=4)})) == []


def test_when_a_snooze_is_over_people_are_told_once_that_the_trouble_is_still_there():
    finding = a_finding(severity=CRITICAL)
    (alert,) = update([], [finding]).alerts
    snoozed = {"snoozed_at": NOW, "snoozed_until": NOW + timedelta(hours=6)}
    assert reminders(alert, finding, 12, **snoozed) == [(6, "snooze_over"), (12, "still_open")]
    assert reminders(alert, finding, 11, **snoozed, acknowledged_at=NOW) == []
    calm = update([dataclasses.replace(alert, **snoozed)], [finding], NOW + timedelta(hours=6))
    assert told(calm) == [("reminded", "snooze_over")], "a person asked for it: even without reminders"


@pytest.mark.parametrize(
    ("severity", "kind", "urgent"),
    [
        (CRITICAL, "opened", True),
        (CRITICAL, "escalated", True),
        (CRITICAL, "reminded", False),
        (CRITICAL, "resolved", False),
        (WARNING, "opened", False),
    ],
)
def test_only_critical_news_may_wake_people(severity, kind, urgent):
    (step,) = update([], [a_finding(severity=severity)]).transitions
    assert dataclasses.replace(step, kind=TransitionKind(kind)).is_urgent is urgent


# --- whatever happens ----------------------------------------------------------------------------

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
@given(st.lists(st.tuples(FINDINGS, st.integers(1, 600)), max_size=8), st.sampled_from((None, PAUSES)))
def test_a_stage_is_told_once_and_an_unchanged_finding_only_as_a_reminder(rounds, pauses):
    book, lives, before, now = {}, {}, {}, NOW
    for findings, minutes in rounds:
        now += timedelta(minutes=minutes)
        result = update(book.values(), findings, now, pauses)
        book |= {alert.key: alert for alert in result.alerts}
        by_key = {finding.key: finding for finding in findings}
        steps = {step.alert.key: step for step in result.transitions}
        assert len(steps) == len(result.transitions)
        for key, step in steps.items():
            if step.kind is TransitionKind.RESOLVED:
                assert key not in by_key
                lives.pop(key)
                continue
            if step.kind is TransitionKind.REMINDED:
                assert pauses[by_key[key].severity] <= now - book[key].changed_at
                continue
            assert before.get(key) != by_key[key]
            assert (step.kind is TransitionKind.OPENED) == (key not in lives)
            stages, ranks = lives.setdefault(key, ([], []))
            severity, stage = by_key[key].severity, by_key[key].stage
            if step.reason is not Reason.GOT_WORSE:
                urgency = STAGE_NAMES.index(stage) if stage else -1
                assert all(urgency > earlier for earlier in stages)
                stages.append(urgency)
            else:
                assert all(severity.rank > rank for rank in ranks)
            ranks.append(severity.rank)
            assert book[key].gravest.rank == max(ranks)
        assert {key for key, alert in book.items() if alert.state is AlertState.OPEN} == by_key.keys()
        assert lives.keys() == by_key.keys()
        before = by_key


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
