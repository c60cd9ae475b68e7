"""What one channel is told at once, and what it is spared."""

import dataclasses
from datetime import time, timedelta

import pytest

from fbm_sync.domain.alert import AlertState, Reason, Severity, TransitionKind
from fbm_sync.domain.delivering import (
    LONGEST_PAUSE,
    PATIENCE,
    PAUSES,
    ChannelState,
    channel_findings,
    failed,
    pause_after,
)
from fbm_sync.domain.letters import MOST_LETTERS, Tray, Untold, sort_post
from fbm_sync.domain.telling import LOG_CHANNEL, Manners, Purpose, QuietHours, Silence

from builders import NOW, a_finding, a_notification, a_step, an_alert

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
OPENED, ESCALATED = TransitionKind.OPENED, TransitionKind.ESCALATED
REMINDED, RESOLVED = TransitionKind.REMINDED, TransitionKind.RESOLVED
HOUR = timedelta(hours=1)


def note(number, alert=None, kind=OPENED, at=NOW, **changes):
    reason = Reason.NO_LONGER_FOUND if kind is RESOLVED else Reason.FIRST_FOUND
    return a_notification(number, a_step(alert, kind, reason, at=at), **changes)


def over(alert):
    return dataclasses.replace(alert, state=AlertState.RESOLVED)


def sort(*waiting, alerts=None, heard=(), busy=(), uncertain=(), channel="phone", now=NOW, silence=None):
    """The letters, each as the numbers of its notifications, and what is not sent any more."""
    known = [one.transition.alert for one in waiting] if alerts is None else alerts
    lives = {"heard": frozenset(heard), "busy": frozenset(busy), "uncertain": frozenset(uncertain)}
    tray = Tray(channel=channel, waiting=waiting, **lives)
    post = sort_post(tray, {one.key: one for one in known}, now, silence or Silence())
    assert all(step.alert.key for letter in post.letters for step in letter.transitions)
    return [one.ids for one in post.letters], dict(post.untold)


# --- only the newest -----------------------------------------------------------------------------


def test_news_that_is_due_is_told_and_other_news_waits():
    assert sort(note(1), note(2, an_alert(a_finding("x")), not_before=NOW + HOUR)) == ([(1,)], {})


def test_of_each_alert_only_the_newest_step_is_told():
    steps = note(1), note(2, kind=ESCALATED), note(3, kind=ESCALATED)
    assert sort(*steps) == ([(3,)], {1: Untold.NEWER_NEWS, 2: Untold.NEWER_NEWS})


def test_an_urgent_step_makes_the_one_that_waits_for_the_morning_pointless():
    assert sort(note(1, not_before=NOW + HOUR), note(2, kind=ESCALATED)) == ([(2,)], {1: Untold.NEWER_NEWS})


def test_a_step_that_waits_does_not_hold_back_the_one_before():
    assert sort(note(1), note(2, kind=ESCALATED, not_before=NOW + HOUR)) == ([(1,)], {})


def test_what_was_over_before_anybody_heard_of_it_is_not_told():
    alert = an_alert()
    rows = note(1, alert), note(2, alert, RESOLVED)
    never = Untold.OVER_BEFORE_TOLD
    assert sort(*rows, alerts=[over(alert)]) == ([], {1: never, 2: never})
    assert sort(*rows, alerts=[]) == ([], {1: never, 2: never})


def test_who_heard_of_the_trouble_hears_of_its_end_and_nothing_in_between():
    alert = an_alert()
    rows = note(1, alert, ESCALATED), note(2, alert, RESOLVED)
    assert sort(*rows, alerts=[over(alert)], heard=[alert.life]) == ([(2,)], {1: Untold.NEWER_NEWS})


def test_who_may_have_heard_before_a_sender_died_hears_of_the_end():
    alert = an_alert()
    rows = note(1, alert), note(2, alert, RESOLVED)
    found = sort(*rows, alerts=[over(alert)], uncertain=[alert.life])
    assert found == ([(2,)], {1: Untold.NEWER_NEWS})
    second = note(1, an_alert(a_finding(severity=CRITICAL)), purpose=Purpose.SECOND)
    life = second.transition.alert.life
    assert sort(second, uncertain=[life]) == ([(1,)], {}), "and what is still open is told again"


def test_a_letter_on_its_way_is_waited_for_before_its_end_is_told():
    alert = an_alert()
    assert sort(note(2, alert, RESOLVED), alerts=[over(alert)], busy=[alert.life]) == ([], {})


def test_trouble_that_is_back_before_its_end_was_told_has_not_ended():
    old, new = an_alert(), an_alert(opened_at=NOW + HOUR)
    rows = note(1, old, RESOLVED), note(2, new)
    assert sort(*rows, alerts=[new], heard=[old.life]) == ([(2,)], {1: Untold.NEWER_NEWS})
    assert sort(rows[0], alerts=[new], heard=[old.life, new.life]) == ([], {1: Untold.NEWER_NEWS})
    assert sort(rows[0], alerts=[new], heard=[old.life], busy=[new.life]) == ([], {1: Untold.NEWER_NEWS})
    digest = note(2, new, purpose=Purpose.DIGEST, not_before=NOW + HOUR)
    assert sort(rows[0], digest, alerts=[new], heard=[old.life]) == ([(1,)], {})


# --- reminders, acknowledgements, second channels ------------------------------------------------


def test_what_was_never_told_is_news_and_not_a_reminder():
    assert sort(note(1), note(2, kind=REMINDED)) == ([(1,)], {2: Untold.NEWER_NEWS})
    assert sort(note(2, kind=REMINDED), note(3, kind=REMINDED)) == ([(3,)], {2: Untold.NEWER_NEWS})


def test_an_acknowledgement_stops_reminders_but_not_the_next_stage():
    known = an_alert(acknowledged_at=NOW)
    assert sort(note(1, known, REMINDED)) == ([], {1: Untold.ACKNOWLEDGED})
    assert sort(note(1, known, ESCALATED)) == ([(1,)], {})


@pytest.mark.parametrize(
    ("severity", "changes", "heard", "why"),
    [
        (CRITICAL, {}, False, None),
        (CRITICAL, {"acknowledged_at": NOW}, False, Untold.ACKNOWLEDGED),
        (CRITICAL, {}, True, Untold.HEARD_ALREADY),
        (WARNING, {}, False, Untold.CALMED_DOWN),
    ],
)
def test_second_channels_hear_only_of_what_is_still_critical_and_known_to_nobody(
    severity, changes, heard, why
):
    alert = an_alert(a_finding(severity=severity), **changes)
    letters, untold = sort(note(1, alert, purpose=Purpose.SECOND), heard=[alert.life] if heard else ())
    assert (letters, untold) == (([], {1: why}) if why else ([(1,)], {}))


# --- snooze --------------------------------------------------------------------------------------

SNOOZE = {"snoozed_at": NOW, "snoozed_until": NOW + 4 * HOUR}


@pytest.mark.parametrize(
    ("severity", "kind", "at", "told"),
    [
        (WARNING, ESCALATED, NOW + HOUR, False),
        (CRITICAL, ESCALATED, NOW + HOUR, True),
        (CRITICAL, ESCALATED, NOW, False),
        (CRITICAL, OPENED, NOW + HOUR, False),
        (CRITICAL, REMINDED, NOW + HOUR, False),
    ],
)
def test_a_snoozed_alert_is_silent_unless_it_gets_critical(severity, kind, at, told):
    alert = an_alert(a_finding(severity=severity), **SNOOZE)
    assert sort(note(1, alert, kind, at), now=NOW + 2 * HOUR) == ([(1,)] * told, {})
    assert sort(note(1, alert, kind, at), now=NOW + 4 * HOUR) == ([(1,)], {}), "then it is told"


def test_a_snooze_holds_back_the_end_too_but_not_another_life():
    alert = an_alert(**SNOOZE)
    end = note(1, alert, RESOLVED)
    assert sort(end, alerts=[over(alert)], heard=[alert.life]) == ([], {})
    old = an_alert(opened_at=NOW - HOUR)
    assert sort(note(1, old, RESOLVED), alerts=[alert], heard=[old.life]) == ([(1,)], {})


# --- what is told together -----------------------------------------------------------------------

CAUSE = a_finding("po_late", "PO-7", WARNING)


def member(number, subject, severity=WARNING, **changes):
    alert = an_alert(a_finding("at_risk", subject, severity, bundle=CAUSE.key, orders=(subject,)))
    return note(number, alert, **changes)


def test_what_shares_a_cause_is_one_letter_led_by_the_cause():
    rows = member(1, "111-1"), member(2, "111-2", CRITICAL), note(3, an_alert(CAUSE))
    assert sort(*rows) == ([(3, 2, 1)], {})
    assert sort(*rows[:2]) == ([(2, 1)], {}), "without the cause the gravest leads"


def test_a_letter_that_may_go_takes_along_what_only_waits_for_company():
    cause = note(3, an_alert(CAUSE), not_before=NOW + HOUR)
    assert sort(member(1, "111-1", CRITICAL), cause) == ([(3, 1)], {})
    digest = member(2, "111-2", INFO, purpose=Purpose.DIGEST, not_before=NOW + HOUR)
    assert sort(member(1, "111-1"), digest) == ([(1,)], {})


def test_good_news_never_leads_a_letter_with_bad_news():
    ended = an_alert(CAUSE)
    rows = note(1, ended, RESOLVED), member(2, "111-2")
    alerts = [over(ended), rows[1].transition.alert]
    assert sort(*rows, alerts=alerts, heard=[ended.life]) == ([(2, 1)], {})


def test_the_digest_is_one_letter():
    rows = [
        note(number, an_alert(a_finding(f"k{number}", severity=INFO)), purpose=Purpose.DIGEST)
        for number in (1, 2, 3)
    ]
    late = note(4, an_alert(a_finding("k4")), purpose=Purpose.DIGEST, not_before=NOW + HOUR)
    assert sort(*rows, late) == ([(1, 2, 3)], {})


def test_all_reminders_are_one_letter_the_gravest_first_unless_there_is_news_of_their_cause():
    cause = a_finding("cause")
    rows = (
        note(1, an_alert(a_finding("a")), REMINDED),
        note(2, an_alert(a_finding("b", severity=CRITICAL)), REMINDED),
        note(3, an_alert(a_finding("c", bundle=cause.key)), REMINDED),
        note(4, an_alert(a_finding("d")), REMINDED),
        note(5, an_alert(cause)),
    )
    assert sort(*rows) == ([(2, 1, 4), (5, 3)], {})
    assert sort(*rows[:4]) == ([(2, 1, 3, 4)], {})
    failing = note(6, an_alert(a_finding("e")), REMINDED, attempts=4)
    assert sort(*rows[:4], failing) == ([(2, 1, 3, 4), (6,)], {})


def test_more_letters_than_anybody_reads_are_one_unless_they_are_urgent():
    rows = [note(number, an_alert(a_finding(f"k{number:02}"))) for number in range(1, MOST_LETTERS + 2)]
    urgent = note(50, an_alert(a_finding("urgent", severity=CRITICAL)))
    stuck = note(51, an_alert(a_finding("stuck")), attempts=4)
    assert len(sort(*rows[1:], urgent, stuck)[0]) == MOST_LETTERS + 2
    letters, _ = sort(*rows, urgent, stuck)
    assert letters == [(50,), tuple(range(1, MOST_LETTERS + 2)), (51,)]
    tray = Tray(channel="phone", waiting=tuple(rows))
    alerts = {one.transition.alert.key: one.transition.alert for one in rows}
    (letter,) = sort_post(tray, alerts, NOW, Silence()).letters
    assert not letter.has_one_cause
    assert letter.transition == letter.transitions[0]


def test_the_gravest_letter_goes_first_then_the_oldest_and_what_failed_before_waits():
    rows = (
        note(1, an_alert(a_finding("a"))),
        note(2, an_alert(a_finding("b", severity=CRITICAL)), attempts=1),
        note(3, an_alert(a_finding("c", severity=CRITICAL))),
        note(4, an_alert(a_finding("d"))),
    )
    assert sort(*rows)[0] == [(3,), (1,), (4,), (2,)]
    ended = an_alert(a_finding("e", severity=CRITICAL))
    alerts = [over(ended), *(one.transition.alert for one in rows)]
    found, _ = sort(*rows, note(5, ended, RESOLVED), alerts=alerts, heard=[ended.life])
    assert found == [(3,), (1,), (4,), (5,), (2,)], "good news can wait, but not for what fails"


def test_the_log_takes_every_step_by_itself_and_in_turn():
    alert = an_alert(acknowledged_at=NOW)
    rows = note(1, alert), note(2, alert, REMINDED), note(3, alert, RESOLVED, not_before=NOW + HOUR)
    assert sort(*rows, channel=LOG_CHANNEL, alerts=[]) == ([(1,), (2,)], {})


# --- quiet hours at the moment of sending ---------------------------------------------------------


def asleep(digest_at=None):
    quiet = QuietHours(begin=time(8), end=time(10))  # it is nine
    return Silence(manners=Manners(quiet_hours=quiet, digest_at=digest_at))


def test_news_that_was_held_up_until_people_sleep_waits_for_the_morning():
    assert sort(note(1), silence=asleep()) == ([], {})
    assert sort(note(1), note(2, kind=ESCALATED), silence=asleep()) == ([], {1: Untold.NEWER_NEWS})
    assert sort(note(1, an_alert(a_finding(severity=CRITICAL))), silence=asleep()) == ([(1,)], {})
    rows = member(1, "111-1", CRITICAL), member(2, "111-2")
    assert sort(*rows, silence=asleep()) == ([(1, 2)], {}), "whoever is woken is told all of it"
    assert sort(note(1), channel=LOG_CHANNEL, silence=asleep()) == ([(1,)], {})


def test_a_digest_that_is_late_waits_for_the_morning_and_one_that_is_wanted_at_night_comes():
    row = note(1, purpose=Purpose.DIGEST)
    assert sort(row, silence=asleep(time(7))) == ([], {})
    assert sort(row, silence=asleep(time(9))) == ([(1,)], {})


# --- channels that fail --------------------------------------------------------------------------


def test_a_channel_that_fails_is_tried_again_after_growing_pauses():
    state, pauses = ChannelState(channel="phone"), []
    for number in range(6):
        at = NOW + number * HOUR
        state = failed(state, f"down {number}", at, retryable=True)
        pauses.append(state.retry_at - at)
    assert pauses == [*PAUSES, PAUSES[-1], PAUSES[-1]]
    assert (state.failing_since, state.failures, state.error) == (NOW, 6, "down 5")
    assert pause_after(0) == PAUSES[0]


@pytest.mark.parametrize(
    ("asked", "pause"), [(None, PAUSES[0]), (5, PAUSES[0]), (3600, HOUR), (10**9, LONGEST_PAUSE)]
)
def test_a_service_may_ask_for_a_longer_pause_within_reason(asked, pause):
    assert pause_after(1, asked) == pause
    assert (
        failed(ChannelState(channel="x"), "", NOW, retryable=True, asked_seconds=asked).retry_at
        == NOW + pause
    )


def test_a_refusal_for_good_is_remembered_and_the_next_message_may_go_at_once():
    state = failed(ChannelState(channel="phone"), "gone", NOW, retryable=False)
    assert (state.retry_at, state.refused_at) == (None, NOW)
    again = failed(state, "down", NOW + HOUR, retryable=True)
    assert (again.refused_at, again.failing_since) == (NOW, NOW)


def test_a_channel_is_trouble_once_it_refused_or_failed_for_an_hour():
    works, fails = ChannelState(channel="a"), failed(ChannelState(channel="b"), "down", NOW, retryable=True)
    refused = failed(ChannelState(channel="c"), "gone", NOW, retryable=False)
    states, names = (works, fails, refused), ("a", "b", "c")
    early = channel_findings(states, names, NOW + PATIENCE - timedelta(seconds=1))
    assert [(one.key, one.severity) for one in early] == [(":channel_failed:c", WARNING)]
    assert "refused a message for good" in early[0].text
    late = channel_findings(states, names, NOW + PATIENCE)
    assert [one.subject for one in late] == ["b", "c"]
    assert "has failed for 1 h 0 min; alerts do not arrive there: down" in late[0].text
    assert "alerts --test b" in late[0].action
    assert channel_findings(states, ("a",), NOW + PATIENCE) == [], "one that is no longer configured"
