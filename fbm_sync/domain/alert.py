"""Finding, alert, transition: the life of a piece of bad news, and of its end.

A finding is what is wrong right now; an alert is its life over time; a transition is a step in that
life worth telling. Identity is account, kind and subject. Each stage is told once, a severity only when
it is worse than any before; that it is over is news too. Whom to tell, and when, is `telling`.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.deadline import STAGES


class Severity(enum.StrEnum):
    """How soon a person must act."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The higher, the sooner."""
        return list(Severity).index(self)


class AlertState(enum.StrEnum):
    """Whether the trouble is still there."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong right now. Its identity is account, kind and subject, never a row number.

    `stage` orders the urgency within one kind (T-24, T-12, T-4). `text` says what is wrong in one
    or two plain sentences, `action` the least bad next step. `bundle` is the key of a finding that explains
    this one: whoever is told of both at once gets one message.
    """

    account: str
    kind: str
    subject: str
    severity: Severity
    text: str
    action: str
    stage: str | None = None
    orders: tuple[str, ...] = ()
    due_at: datetime | None = None
    bundle: str = ""

    @property
    def key(self) -> str:
        """The identity under which this trouble is remembered."""
        return f"{self.account}:{self.kind}:{self.subject}"

    @property
    def is_order(self) -> bool:
        """Whether it is about one order, which is always in one state of several."""
        return self.orders == (self.subject,)


Life = tuple[str, datetime]
"""One life of a trouble: its key, and when this life began. What comes back has a new life."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding that people were told of (or will be): its life over time.

    `told_stages` holds the stages told and those they overtook, `worst` the worst severity of this life
    (`None` in records of old: then the present one). `critical_at` is when it first became critical,
    `reminded_at` when people were last reminded of it.
    """

    finding: Finding
    state: AlertState
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told_stages: tuple[str, ...] = ()
    worst: Severity | None = None
    critical_at: datetime | None = None
    reminded_at: datetime | None = None
    snoozed_at: datetime | None = None
    snoozed_until: datetime | None = None

    @property
    def key(self) -> str:
        """The identity under which this trouble is remembered."""
        return self.finding.key

    @property
    def life(self) -> Life:
        """Which life of this trouble it is."""
        return self.key, self.opened_at

    @property
    def gravest(self) -> Severity:
        """The worst it has been in this life."""
        return max(self.worst or self.finding.severity, self.finding.severity, key=lambda one: one.rank)

    def is_snoozed(self, now: datetime) -> bool:
        """Tell whether a person asked for silence until later."""
        return self.snoozed_until is not None and now < self.snoozed_until


class TransitionKind(enum.StrEnum):
    """What happened to an alert that is worth telling."""

    OPENED = "opened"
    ESCALATED = "escalated"
    REMINDED = "reminded"
    RESOLVED = "resolved"


class Reason(enum.StrEnum):
    """Why a step is told: each has its own words, and its own name for programs."""

    FIRST_FOUND = "first_found"
    STAGE_REACHED = "stage_reached"
    GOT_WORSE = "got_worse"
    STILL_OPEN = "still_open"
    SNOOZE_OVER = "snooze_over"
    NO_LONGER_FOUND = "no_longer_found"
    GOES_ON = "goes_on"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step in an alert's life with its named reason; `alert` is as it was after the step."""

    alert: Alert
    kind: TransitionKind
    reason: Reason
    at: datetime

    @property
    def is_over(self) -> bool:
        """Whether the trouble has ended."""
        return self.kind is TransitionKind.RESOLVED

    @property
    def is_urgent(self) -> bool:
        """Whether it may wake people: critical, and something they have not heard before."""
        fresh = self.kind in (TransitionKind.OPENED, TransitionKind.ESCALATED)
        return fresh and self.alert.finding.severity is Severity.CRITICAL


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertUpdate:
    """What follows from the present findings: alerts to record and steps to tell."""

    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]


def update_alerts(
    known: Iterable[Alert],
    findings: Iterable[Finding],
    *,
    now: datetime,
    remind_after: Mapping[Severity, timedelta] | None = None,
) -> AlertUpdate:
    """Compare the present findings with the open alerts: open, escalate, remind, refresh or resolve each.

    A finding that returns after its alert was resolved opens a new life. An unchanged one is told again
    only as a reminder, first after as long as `remind_after` says for its severity, then more and more
    rarely, and not once somebody has acknowledged it; without an entry there is none. A stage already told
    is never told again.
    """
    before = {alert.key: alert for alert in known if alert.state is AlertState.OPEN}
    found = {finding.key: finding for finding in findings}
    pauses = remind_after or {}
    alerts, steps = [], []
    for key in sorted(found):
        alert, step = _step(before.get(key), found[key], now, pauses)
        alerts.append(alert)
        if step is not None:
            kind, reason = step
            steps.append(Transition(alert=alert, kind=kind, reason=reason, at=now))
    fresh = [finding for key, finding in found.items() if key not in before]
    for key in sorted(before.keys() - found.keys()):
        alert = dataclasses.replace(before[key], state=AlertState.RESOLVED, changed_at=now, resolved_at=now)
        alerts.append(alert)
        reason = Reason.GOES_ON if _goes_on(alert.finding, fresh) else Reason.NO_LONGER_FOUND
        steps.append(Transition(alert=alert, kind=TransitionKind.RESOLVED, reason=reason, at=now))
    return AlertUpdate(alerts=tuple(alerts), transitions=tuple(steps))


_LONGEST_PAUSE = timedelta(days=1)

_Step = tuple[TransitionKind, Reason]


def _step(
    before: Alert | None, finding: Finding, now: datetime, pauses: Mapping[Severity, timedelta]
) -> tuple[Alert, _Step | None]:
    """Return the alert after this finding and, when something is worth telling, what and why."""
    critical_at = now if finding.severity is Severity.CRITICAL else None
    if before is None:
        alert = Alert(
            finding=finding,
            state=AlertState.OPEN,
            opened_at=now,
            changed_at=now,
            told_stages=_overtaken(finding.stage),
            worst=finding.severity,
            critical_at=critical_at,
        )
        return alert, (TransitionKind.OPENED, Reason.FIRST_FOUND)
    worst = before.gravest
    worse = finding.severity.rank > worst.rank
    new_stage = finding.stage is not None and finding.stage not in before.told_stages
    if not worse and not new_stage:
        return _reminded(dataclasses.replace(before, finding=finding, worst=worst), now, pauses)
    told = tuple(stage for stage in _overtaken(finding.stage) if stage not in before.told_stages)
    alert = dataclasses.replace(
        before,
        finding=finding,
        changed_at=now,
        told_stages=before.told_stages + told,
        worst=finding.severity if worse else worst,
        critical_at=before.critical_at or critical_at,
    )
    return alert, (TransitionKind.ESCALATED, Reason.STAGE_REACHED if new_stage else Reason.GOT_WORSE)


def _overtaken(stage: str | None) -> tuple[str, ...]:
    """Return a stage with the less urgent ones before it, which are not told after it."""
    if stage is None:
        return ()
    names = [name for name, _ in sorted(STAGES, key=lambda entry: entry[1], reverse=True)]
    return tuple(names[: names.index(stage) + 1]) if stage in names else (stage,)


def _reminded(
    alert: Alert, now: datetime, pauses: Mapping[Severity, timedelta]
) -> tuple[Alert, _Step | None]:
    """Remind people of what nobody has acknowledged: after a while, and when a snooze is over."""
    severity = alert.finding.severity
    if alert.acknowledged_at is not None or severity is Severity.INFO or alert.is_snoozed(now):
        return alert, None
    told_at = max(alert.changed_at, alert.reminded_at or alert.changed_at)
    pause = _pause(pauses.get(severity), told_at - alert.changed_at)
    if alert.snoozed_until is not None and told_at < alert.snoozed_until:
        reason = Reason.SNOOZE_OVER
    elif pause is not None and now - told_at >= pause:
        reason = Reason.STILL_OPEN
    else:
        return alert, None
    return dataclasses.replace(alert, reminded_at=now), (TransitionKind.REMINDED, reason)


def _pause(first: timedelta | None, reminded_for: timedelta) -> timedelta | None:
    """Return how long to wait for the next reminder: as long as for all before it together, a day at most.

    Who has not reacted to three messages does not read the tenth.
    """
    return None if first is None else max(first, min(reminded_for, _LONGEST_PAUSE))


def _goes_on(gone: Finding, fresh: Iterable[Finding]) -> bool:
    """Tell whether an order's trouble did not end but turned into another one, no less urgent."""
    return gone.is_order and any(
        (one.account, one.subject) == (gone.account, gone.subject) and one.severity.rank >= gone.severity.rank
        for one in fresh
    )
