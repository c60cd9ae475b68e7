"""Telling: each channel for itself, nothing twice, and whoever does not answer is not waited for."""

import dataclasses
import threading
from datetime import time, timedelta

import pytest

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.telling import Route
from fbm_sync.errors import DeliveryError
from fbm_sync.flows.alert import remember
from fbm_sync.flows.notify import Delivery

from builders import a_finding
from fakes import FakeNotifier

CRITICAL = Severity.CRITICAL


@pytest.fixture
def town(shop):
    """Three channels; what is found is what a test says."""
    shop.notifiers["pager"] = FakeNotifier()
    shop.notifiers["mail"] = FakeNotifier()
    shop.alert_terms = dataclasses.replace(
        shop.alert_terms,
        routes=(
            Route(channels=("mail",)),
            Route(channels=("phone",), least_severity=CRITICAL, escalate_to=("pager",)),
        ),
        digest_at=time(12),
        remind_after={Severity.WARNING: timedelta(hours=24), CRITICAL: timedelta(hours=4)},
    )
    return shop


def find(shop, *findings):
    """Look for trouble, and tell it."""
    with shop.ledger.transaction() as books:
        remember(books, findings, shop.terms.calendars, shop.alert_terms, shop.clock.now())
    return shop.notify()


def told(shop, channel):
    return [kind for kind, _ in shop.notifiers[channel].told]


def act(shop, name, key, *arguments):
    with shop.ledger.transaction() as books:
        assert getattr(books.alerts, name)(key, *arguments, shop.clock.now())


def test_each_channel_hears_what_its_routes_say(town):
    find(town, a_finding("a"), a_finding("b", severity=CRITICAL))
    assert [key for _, key in town.notifiers["mail"].told] == ["us:b:111-1", "us:a:111-1"]
    assert [key for _, key in town.phone.told] == ["us:b:111-1"]
    assert told(town, "pager") == []
    assert len(town.log.told) == 2


@pytest.mark.parametrize("known", [True, False])
def test_the_second_channel_hears_of_what_nobody_acknowledged_in_time(town, known):
    grave = a_finding(severity=CRITICAL)
    find(town, grave)
    if known:
        act(town, "acknowledge", grave.key)
    for _ in range(4):
        town.clock.advance(minutes=15)
        find(town, grave)
    assert told(town, "pager") == ([] if known else ["opened"])
    find(town)
    assert told(town, "pager") == ([] if known else ["opened", "resolved"])


def test_notes_come_once_a_day_in_one_message_and_so_does_their_end(town):
    notes = [a_finding(kind, severity=Severity.INFO) for kind in ("a", "b")]
    find(town, *notes)
    assert told(town, "mail") == []
    town.clock.advance(hours=3)  # from nine to twelve
    find(town, notes[0])
    (digest,) = town.notifiers["mail"].delivered
    assert digest.purpose == "digest"
    assert [step.alert.key for step in digest.transitions] == ["us:a:111-1"], "what was over is not told"
    town.clock.advance(minutes=1)
    find(town)
    assert len(town.notifiers["mail"].delivered) == 1
    town.clock.advance(hours=24)
    find(town)
    assert told(town, "mail") == ["opened", "resolved"]


def test_an_acknowledged_alert_is_not_told_again_and_a_snoozed_one_only_when_it_gets_critical(town):
    warning = a_finding()
    find(town, warning)
    town.clock.advance(hours=1)
    act(town, "snooze", warning.key, town.clock.now() + timedelta(hours=48))
    town.clock.advance(hours=24)
    find(town, warning)
    assert told(town, "mail") == ["opened"]
    find(town, a_finding(severity=CRITICAL))
    assert told(town, "mail") == ["opened", "escalated"]
    act(town, "acknowledge", warning.key)
    town.clock.advance(hours=48)
    find(town, a_finding(severity=CRITICAL))
    assert told(town, "mail") == ["opened", "escalated"]


def test_one_cause_is_one_message(town):
    cause = a_finding("po_late", "PO-7")
    orders = [a_finding("at_risk", f"111-{number}", bundle=cause.key) for number in range(30)]
    find(town, cause, *orders[:20])
    assert town.notifiers["mail"].delivered == [], "the rest of it may follow"
    town.clock.advance(minutes=2)
    find(town, cause, *orders)
    (letter,) = town.notifiers["mail"].delivered
    assert letter.transition.alert.key == "us:po_late:PO-7"
    assert len(letter.transitions) == 31


# --- channels that fail --------------------------------------------------------------------------


def test_a_channel_that_fails_for_an_hour_is_told_of_on_another_and_so_is_its_return(town):
    town.notifiers["mail"].broken = DeliveryError("no route", retryable=True)
    trouble = a_finding("stale_orders", severity=CRITICAL)
    for _ in range(8):
        with town.ledger.transaction() as books:
            books.alerts.note("test", [trouble], town.clock.now())
        town.alert()
        town.clock.advance(minutes=10)
    failing = ("opened", ":channel_failed:mail")
    assert failing in town.phone.told
    assert failing in town.notifiers["pager"].told
    town.notifiers["mail"].behave()
    town.alert()
    town.alert()
    assert ("resolved", ":channel_failed:mail") in town.phone.told
    assert "us:stale_orders:111-1" in {key for _, key in town.notifiers["mail"].told}


def test_a_refusal_for_good_is_trouble_at_once(town):
    town.notifiers["mail"].trouble.append(DeliveryError("gone", retryable=False))
    find(town, a_finding())
    town.alert()
    assert ("opened", ":channel_failed:mail") in town.phone.told
    town.alert()
    assert ("resolved", ":channel_failed:mail") in town.phone.told, "the next message arrived"


def test_a_service_that_asks_for_a_pause_gets_it(town):
    town.notifiers["mail"].broken = DeliveryError("slow down", retryable=True, retry_after_seconds=3600)
    find(town, a_finding())
    town.clock.advance(minutes=59)
    town.notify()
    assert town.notifiers["mail"].tries == 1
    town.clock.advance(minutes=1)
    town.notifiers["mail"].behave()
    town.notify()
    assert told(town, "mail") == ["opened"]


# --- several at once -------------------------------------------------------------------------------


class Slow(FakeNotifier):
    """A channel that hangs until a test lets it go."""

    def __init__(self):
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def deliver(self, letter):
        self.begun.set()
        assert self.go_on.wait(30)
        super().deliver(letter)


def test_a_slow_channel_keeps_neither_the_others_nor_the_next_run_waiting(town):
    slow = town.notifiers["mail"] = Slow()
    delivery = Delivery(lambda: town.ledger, town.clock, lambda: town.notifiers)
    with town.ledger.transaction() as books:
        grave = a_finding(severity=CRITICAL)
        remember(books, [grave], town.terms.calendars, town.alert_terms, town.clock.now())
    while told(town, "phone") == [] or not slow.begun.is_set():
        report = delivery.run(wait_seconds=0.05)
        assert "mail" in report.busy
    assert delivery.run(wait_seconds=0.0).sent == 0
    town.notify()
    assert slow.tries == 0, "another process leaves it to the first"
    slow.go_on.set()
    report = delivery.run(wait_seconds=20)
    assert (report.sent, report.busy, slow.tries) == (1, (), 1)
    delivery.close()


def test_after_its_end_no_further_letter_is_sent(town):
    slow = town.notifiers["mail"] = Slow()
    delivery = Delivery(lambda: town.ledger, town.clock, lambda: town.notifiers)
    with town.ledger.transaction() as books:
        found = [a_finding("a"), a_finding("b")]
        remember(books, found, town.terms.calendars, town.alert_terms, town.clock.now())
    delivery.run(wait_seconds=0.0)
    assert slow.begun.wait(20)
    delivery.close(wait_seconds=0.0)
    slow.go_on.set()
    delivery.close(wait_seconds=20)
    assert told(town, "mail") == ["opened"]


def test_two_processes_never_send_the_same(town):
    with town.ledger.transaction() as books:
        found = [a_finding(subject=str(number)) for number in range(20)]
        remember(books, found, town.terms.calendars, town.alert_terms, town.clock.now())
    processes = [threading.Thread(target=town.notify) for _ in range(4)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    town.notify()
    assert sorted(town.notifiers["mail"].told) == sorted(("opened", f"us:due_soon:{n}") for n in range(20))
    assert len(town.log.told) == 20
