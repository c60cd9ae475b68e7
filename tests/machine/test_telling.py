"""Whatever comes and goes, and however often the process dies: people hear what they must, and once.

Troubles come, get worse, calm down and end; people acknowledge and silence them; it is night; channels
are down; the process dies between recording, sending and marking, and two of them may run at once. In the
end everybody knows what is open, nobody was told a stage twice, and nothing that counts was lost.
"""

import contextlib
import shutil
import tempfile
import threading
from collections import Counter
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.alert import AlertState, Reason, Severity, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.telling import LOG_CHANNEL, Purpose, QuietHours, Route, Silence
from fbm_sync.errors import DeliveryError
from fbm_sync.flows.alert import AlertTerms, remember
from fbm_sync.flows.notify import LEASE, Delivery

from builders import a_finding
from fakes import FakeClock, Killed

pytestmark = pytest.mark.timeout(600)  # a failure is worth the time to find its shortest story

CALENDARS = ShipCalendars(house=ShipCalendar(timezone="America/Los_Angeles"))
QUIET = QuietHours(begin=time(22), end=time(7))
TERMS = AlertTerms(
    routes=(Route(channels=("phone",), escalate_to=("pager",), escalate_after=timedelta(minutes=30)),),
    quiet_hours=QUIET,
    digest_at=time(8),
    remind_after={Severity.WARNING: timedelta(hours=24), Severity.CRITICAL: timedelta(hours=4)},
)
SILENCE = Silence(manners=TERMS.manners, calendars=CALENDARS)
STAGES = (None, "T-24", "T-12", "T-4")
KINDS = ("due_soon", "at_risk")
subject = st.sampled_from(("1", "2", "3"))
kind = st.sampled_from(KINDS)
FRESH = (TransitionKind.OPENED, TransitionKind.ESCALATED)

_folder = tempfile.TemporaryDirectory()
_TEMPLATE = Path(_folder.name) / "template.db"


def _store(path):
    if not _TEMPLATE.exists():
        open_ledger(f"sqlite:///{_TEMPLATE}", create=True).close()
    shutil.copy(_TEMPLATE, path)
    return open_ledger(f"sqlite:///{path}")


class Mortal:
    """The ledger of a process that dies in or after one of its transactions."""

    def __init__(self, real):
        self.real, self.left, self.keeps = real, None, False

    def snapshot(self):
        return self.real.snapshot()

    @contextlib.contextmanager
    def transaction(self):
        dies = self.left == 0
        self.left = None if self.left is None else self.left - 1
        with self.real.transaction() as books:
            yield books
            if dies and not self.keeps:
                raise Killed
        if dies:
            raise Killed


class Ear:
    """A channel that remembers what was told and when; it may be down, or the last the process sees."""

    def __init__(self, clock):
        self.clock, self.told = clock, []
        self.down = self.kills = False
        self.lock = threading.Lock()

    def deliver(self, letter):
        if self.down:
            raise DeliveryError("It is down.", retryable=True)
        with self.lock:
            self.told.append((self.clock.now(), letter))
        if self.kills:
            self.kills = False
            raise Killed

    def news(self):
        """Every notification once, in the sequence of being told first."""
        return list(
            {one.notification_id: one for _, letter in self.told for one in letter.notifications}.values()
        )


class Telling(RuleBasedStateMachine):
    """Troubles, people, channels and processes."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.ledger = Mortal(_store(f"{self.folder.name}/telling.db"))
        self.ears = {name: Ear(self.clock) for name in (LOG_CHANNEL, "phone", "pager")}
        self.present, self.deaths, self.steps = {}, 0, []
        self.acknowledged, self.snoozes = {}, {}

    # --- troubles

    @rule(
        kind=kind,
        subject=subject,
        severity=st.sampled_from(Severity),
        stage=st.sampled_from(STAGES),
        bundle=st.sampled_from(("", "us:at_risk:1")),
    )
    def turn_up(self, kind, subject, severity, stage, bundle):
        finding = a_finding(kind, subject, severity, stage=stage, orders=(subject,), bundle=bundle)
        self.present[finding.key] = finding

    @rule(kind=kind, subject=subject)
    def end(self, kind, subject):
        self.present.pop(f"us:{kind}:{subject}", None)

    @rule(minutes=st.sampled_from((1, 3, 20, 45, 240, 700)))
    def pass_time(self, minutes):
        self.clock.advance(minutes=minutes)

    # --- people

    @rule(kind=kind, subject=subject)
    def acknowledge(self, kind, subject):
        key, now = f"us:{kind}:{subject}", self.clock.now()
        with self.ledger.real.transaction() as books:
            books.alerts.acknowledge(key, now)
            for alert in books.alerts.alerts():
                if alert.acknowledged_at == now:
                    self.acknowledged.setdefault(alert.life, (now, self._counts()))

    @rule(kind=kind, subject=subject, hours=st.sampled_from((1, 6, 30)))
    def snooze(self, kind, subject, hours):
        key, now = f"us:{kind}:{subject}", self.clock.now()
        with self.ledger.real.transaction() as books:
            until = now + timedelta(hours=hours)
            books.alerts.snooze(key, until, now)
            for alert in books.alerts.alerts():
                if (alert.snoozed_at, alert.snoozed_until) == (now, until):
                    self.snoozes.setdefault(alert.life, []).append((now, until, self._counts()))

    def _counts(self):
        return {name: len(ear.told) for name, ear in self.ears.items()}

    # --- processes

    @rule()
    def look(self):
        self._look()

    @rule()
    def send(self):
        self._send()

    @rule()
    def look_and_send(self):
        self._look()
        self._send()

    @rule()
    def two_processes_send(self):
        sending = [threading.Thread(target=self._send) for _ in range(2)]
        for thread in sending:
            thread.start()
        for thread in sending:
            thread.join()

    @rule(keeps=st.booleans())
    def die_while_looking(self, keeps):
        self.ledger.left, self.ledger.keeps = 0, keeps
        self._look()

    @rule(after=st.integers(0, 4), keeps=st.booleans())
    def die_while_sending(self, after, keeps):
        self.ledger.left, self.ledger.keeps = after, keeps
        self._send()

    @rule(channel=st.sampled_from(("phone", "pager")))
    def die_after_telling(self, channel):
        self.ears[channel].kills = True
        self._send()

    @rule(channel=st.sampled_from(("phone", "pager")), down=st.booleans())
    def break_or_mend(self, channel, down):
        self.ears[channel].down = down

    def _look(self):
        now = self.clock.now()
        try:
            with self.ledger.transaction() as books:
                steps = remember(books, list(self.present.values()), CALENDARS, TERMS, now)
        except Killed:
            self.deaths += 1
            if not self.ledger.keeps:
                return
        self.ledger.left = None
        self.steps.extend(steps)

    def _send(self):
        delivery = Delivery(lambda: self.ledger, self.clock, lambda: self.ears, lambda: SILENCE)
        try:
            assert delivery.run(wait_seconds=20).busy == ()
        except Killed:
            self.deaths += 1
        self.ledger.left = None

    # --- in the end

    def teardown(self):
        if not hasattr(self, "folder"):
            return
        try:
            self._live_on()
            self._check()
        finally:
            self.ledger.real.close()
            self.folder.cleanup()

    def _live_on(self):
        """Everything works again, for as long as anything may take to be told."""
        for ear in self.ears.values():
            ear.down = ear.kills = False
        self.clock.advance(seconds=LEASE.total_seconds())
        for _ in range(8):
            self._look()
            self._send()
            self.clock.advance(hours=6)
        self._send()

    def _check(self):
        with self.ledger.real.transaction() as books:
            alerts = {one.key: one for one in books.alerts.alerts(open_only=False)}
        assert {key for key, one in alerts.items() if one.state is AlertState.OPEN} == self.present.keys()
        self._check_log()
        for name in ("phone", "pager"):
            self._check_nothing_twice(self.ears[name])
        self._check_nothing_lost(alerts)
        self._check_manners()

    def _check_log(self):
        """The log has every step that was recorded."""
        told = Counter(_name(one.transition) for one in self.ears[LOG_CHANNEL].news())
        assert told == Counter(map(_name, self.steps))

    def _check_nothing_twice(self, ear):
        """Each notification once, but for crashes; each stage and severity once in a life."""
        copies = Counter(one.notification_id for _, letter in ear.told for one in letter.notifications)
        letters = Counter(letter.ids for _, letter in ear.told)
        assert sum(letters.values()) - len(letters) <= self.deaths
        assert set(copies) == {one.notification_id for one in ear.news()}
        fresh = [one.transition for one in ear.news() if one.transition.kind in FRESH]
        assert set(Counter(map(_name, fresh)).values()) <= {1}
        for _, letter in ear.told:
            lives = [step.alert.life for step in letter.transitions]
            assert len(lives) == len(set(lives))

    def _check_nothing_lost(self, alerts):
        """Whoever should know that something is open, or has ended, does."""
        last = {}
        for one in self.ears["phone"].news():
            last[one.transition.alert.key] = one.transition
        for key, alert in alerts.items():
            news = [step for step in self.steps if step.alert.life == alert.life and step.kind in FRESH]
            loud = [step for step in news if step.alert.finding.severity is not Severity.INFO]
            step = last.get(key)
            if alert.state is AlertState.OPEN:
                assert step is not None, "every open trouble was told, if only in the digest"
                assert step.alert.life == alert.life
                assert not step.is_over
                told = {_name(one.transition) for one in self.ears["phone"].news()}
                assert not loud or _name(loud[-1]) in told or _superseded(loud[-1], news, told)
            elif step is not None and step.alert.life == alert.life:
                goes_on = any(
                    one.reason is Reason.GOES_ON for one in self.steps if one.alert.life == alert.life
                )
                assert step.is_over or goes_on

    def _check_manners(self):
        """Nobody is woken for what can wait, and what people say is heeded."""
        for name in ("phone", "pager"):
            for number, (at, letter) in enumerate(self.ears[name].told):
                urgent = any(step.is_urgent for step in letter.transitions)
                if not urgent:
                    assert not QUIET.holds(CALENDARS.house.local(at).time())
                for step in letter.transitions:
                    self._check_heeded(name, number, at, letter, step)

    def _check_heeded(self, name, number, at, letter, step):
        known = self.acknowledged.get(step.alert.life)
        if known is not None and number >= known[1][name]:
            assert step.kind is not TransitionKind.REMINDED
            assert letter.purpose is not Purpose.SECOND or step.is_over
        silences = self.snoozes.get(step.alert.life, [])
        if silences and not step.is_over:
            begun = [one for one in silences if one[2][name] <= number]
            if begun and at < begun[-1][1]:
                assert step.is_urgent
                assert step.kind is TransitionKind.ESCALATED


def _name(step):
    return (step.kind, step.reason, step.alert.life, step.alert.finding.stage, step.at)


def _superseded(step, news, told):
    """A newer step was told in its place: one that got into the digest, for it is less grave."""
    return any(_name(other) in told for other in news[news.index(step) + 1 :])


TestTelling = Telling.TestCase
TestTelling.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
