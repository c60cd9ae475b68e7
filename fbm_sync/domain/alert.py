"""Finding, alert, transition, notification: the life of a piece of bad news, and of its end.

A finding is what is wrong right now; an alert is its life over time; a transition is a step in that
life worth telling; a notification is one transition on its way to one channel. Identity is account,
kind and subject. Each stage is told once; that it is over is news too.
"""

import dataclasses
import enum
from collections.abc import Iterable
from datetime import datetime, time, timedelta

from fbm_sync.domain.calendar import ShipCalendar


class Severity(enum.StrEnum):
    """How soon a person must act."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A finding that people were told of (or will be): its life over time."""

    finding: Finding
    state: AlertState
    opened_at: datetime
    changed_at: datetime
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told_stages: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The identity under which this trouble is remembered."""
        return self.finding.key


class TransitionKind(enum.StrEnum):
    """What happened to an alert that is worth telling."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RESOLVED = "resolved"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step in an alert's life with its named reason; `not_before` is when it may be told."""

    alert: Alert
    kind: TransitionKind
    reason: str
    at: datetime
    not_before: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One transition on its way to one channel; recorded before it is sent, marked after."""

    notification_id: int
    channel: str
    transition: Transition
    attempts: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """The hours in the seller's own time in which people are left alone; `begin` may be after `end`."""

    begin: time
    end: time

    def holds(self, moment: time) -> bool:
        """Tell whether a wall-clock time lies within them."""
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertUpdate:
    """What follows from the present findings: alerts to record and steps to tell."""

    alerts: tuple[Alert, ...]
    transitions: tuple[Transition, ...]


def update_alerts(
    known: Iterable[Alert],
    findings: Iterable[Finding],
    calendar: ShipCalendar,
    *,
    now: datetime,
    quiet_hours: QuietHours | None = None,
) -> AlertUpdate:
    """Compare the present findings with the open alerts: open, escalate, refresh or resolve each.

    A finding that returns after its alert was resolved opens a new life. An unchanged one is told
    nothing, however often it is found; a stage already told is never told again.
    """
    before = {alert.key: alert for alert in known if alert.state is AlertState.OPEN}
    alerts, steps = [], []
    found = {finding.key: finding for finding in findings}
    for key in sorted(found):
        alert, step = _step(before.get(key), found[key], now)
        alerts.append(alert)
        if step is not None:
            kind, reason = step
            steps.append(_transition(alert, kind, reason, now, calendar, quiet_hours))
    for key in sorted(before.keys() - found.keys()):
        alert = dataclasses.replace(before[key], state=AlertState.RESOLVED, changed_at=now, resolved_at=now)
        alerts.append(alert)
        reason = "the trouble is no longer found"
        steps.append(_transition(alert, TransitionKind.RESOLVED, reason, now, calendar, quiet_hours))
    return AlertUpdate(alerts=tuple(alerts), transitions=tuple(steps))


def _step(
    before: Alert | None, finding: Finding, now: datetime
) -> tuple[Alert, tuple[TransitionKind, str] | None]:
    """Return the alert after this finding and, when something is worth telling, what and why."""
    told = () if finding.stage is None else (finding.stage,)
    if before is None:
        alert = Alert(finding=finding, state=AlertState.OPEN, opened_at=now, changed_at=now, told_stages=told)
        return alert, (TransitionKind.OPENED, "first found")
    worse = _RANK[finding.severity] > _RANK[before.finding.severity]
    new_stage = finding.stage is not None and finding.stage not in before.told_stages
    if not worse and not new_stage:
        return dataclasses.replace(before, finding=finding), None
    alert = dataclasses.replace(
        before,
        finding=finding,
        changed_at=now,
        told_stages=(*before.told_stages, *(stage for stage in told if stage not in before.told_stages)),
    )
    reason = f"stage {finding.stage} reached" if new_stage else f"now {finding.severity.value}"
    return alert, (TransitionKind.ESCALATED, reason)


_RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


def _transition(
    alert: Alert,
    kind: TransitionKind,
    reason: str,
    now: datetime,
    calendar: ShipCalendar,
    quiet_hours: QuietHours | None,
) -> Transition:
    not_before = _told_at(alert, kind, now, calendar, quiet_hours)
    return Transition(alert=alert, kind=kind, reason=reason, at=now, not_before=not_before)


def _told_at(
    alert: Alert,
    kind: TransitionKind,
    now: datetime,
    calendar: ShipCalendar,
    quiet_hours: QuietHours | None,
) -> datetime:
    """Return when to tell: at once, or at the end of quiet hours unless it is critical and bad news."""
    urgent = alert.finding.severity is Severity.CRITICAL and kind is not TransitionKind.RESOLVED
    local = calendar.local(now)
    if quiet_hours is None or urgent or not quiet_hours.holds(local.time()):
        return now
    day = local.date()
    if local.time() >= quiet_hours.end:
        day += timedelta(days=1)
    return calendar.at(day, quiet_hours.end)
