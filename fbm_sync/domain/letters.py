"""What one channel is told at once: its waiting notifications put together, and what became pointless.

A notification is one step on its way to one channel; a letter is all that is told together. Of each
alert only the newest step is told; what was over before anybody heard of it is not told at all.
"""

import dataclasses
import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from fbm_sync.domain.alert import Alert, AlertState, Life, Severity, Transition, TransitionKind
from fbm_sync.domain.telling import LOG_CHANNEL, Purpose, Silence

MOST_LETTERS = 10
"""More than so many letters at once become one, unless they are urgent: nobody reads fifty."""

_REMINDERS = "reminders"
_TRIES_TOGETHER = 4
"""What failed this often goes by itself: one that no service takes must not hold back the others."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One step on its way to one channel; recorded before it is sent, marked after."""

    notification_id: int
    channel: str
    transition: Transition
    not_before: datetime
    purpose: Purpose = Purpose.NEWS
    attempts: int = 0


class Untold(enum.StrEnum):
    """Why a notification was never sent: each is recorded."""

    OVER_BEFORE_TOLD = "over_before_told"
    NEWER_NEWS = "newer_news"
    ACKNOWLEDGED = "acknowledged"
    CALMED_DOWN = "calmed_down"
    HEARD_ALREADY = "heard_already"
    NO_SUCH_CHANNEL = "no_such_channel"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one channel is told at once, the cause or else the gravest first."""

    channel: str
    notifications: tuple[Notification, ...]
    purpose: Purpose = Purpose.NEWS

    @property
    def transition(self) -> Transition:
        """The step that leads."""
        return self.notifications[0].transition

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """All steps told."""
        return tuple(one.transition for one in self.notifications)

    @property
    def has_one_cause(self) -> bool:
        """Whether all of it has the same cause; else it was only too much for letters of their own."""
        return len({_group_of(one) for one in self.notifications}) == 1

    @property
    def ids(self) -> tuple[int, ...]:
        """The notifications told."""
        return tuple(one.notification_id for one in self.notifications)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tray:
    """All that waits for one channel. `busy` lives are just being told of, `heard` ones have been.

    Of `uncertain` ones a letter was on its way when its sender died: it may have arrived, whatever has
    become of it since.
    """

    channel: str
    waiting: tuple[Notification, ...]
    busy: frozenset[Life] = frozenset()
    heard: frozenset[Life] = frozenset()
    uncertain: frozenset[Life] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The letters to send now, the most urgent first, and what is not to be sent any more."""

    letters: tuple[Letter, ...] = ()
    untold: tuple[tuple[int, Untold], ...] = ()


def sort_post(tray: Tray, alerts: Mapping[str, Alert], now: datetime, silence: Silence) -> Post:
    """Put together what a channel is to be told now, in view of what has become of each alert since.

    Steps that share a bundle are one letter, and one that may already be told takes along those that only
    wait, be it for the morning. Reminders are one letter, and so are the digest and more letters than
    anybody reads. A snoozed alert is silent, unless it gets critical in the meantime. The log takes every
    step by itself, in turn.
    """
    if tray.channel == LOG_CHANNEL:
        due = [one for one in tray.waiting if one.not_before <= now]
        return Post(letters=tuple(_letter(tray.channel, [one]) for one in due))
    lives: dict[Life, list[Notification]] = {}
    for one in sorted(tray.waiting, key=lambda one: one.notification_id):
        lives.setdefault(one.transition.alert.life, []).append(one)
    ready: list[Notification] = []
    later: list[Notification] = []
    untold: list[tuple[int, Untold]] = []
    for life, rows in lives.items():
        if life in tray.busy:
            continue
        past = _Past(
            heard=life in tray.heard,
            maybe_heard=life in tray.heard | tray.uncertain,
            followed=_is_followed(life, tray),
        )
        choice = _choose(rows, alerts.get(life[0]), past, now)
        untold.extend(choice.untold)
        if (told := choice.told) is not None:
            waits = told.not_before > now or silence.holds(told.transition, told.purpose, now)
            (later if waits else ready).append(told)
    letters = [_letter(tray.channel, group) for group in _rounded_up(_groups(ready, later))]
    return Post(letters=tuple(sorted(letters, key=_turn)), untold=tuple(untold))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The one step of a life that is to be told, now or when its time comes, and those that never are."""

    told: Notification | None
    untold: tuple[tuple[int, Untold], ...]


class _Past(NamedTuple):
    """Whether the channel heard of a life, or may have, and whether it hears that it is back."""

    heard: bool
    maybe_heard: bool
    followed: bool


def _is_followed(life: Life, tray: Tray) -> bool:
    """Tell whether the channel heard, or hears soon, of a later life of the same trouble."""
    waiting = {one.transition.alert.life for one in tray.waiting if one.purpose is Purpose.NEWS}
    return any(key == life[0] and at > life[1] for key, at in waiting | tray.heard | tray.busy)


def _choose(rows: Sequence[Notification], alert: Alert | None, past: _Past, now: datetime) -> _Choice:
    """Choose among the steps of one life that wait for one channel, oldest first."""
    reasons = {one.notification_id: _why_pointless(one, rows, alert, past) for one in rows}
    left = [one for one in rows if reasons[one.notification_id] is None]
    free = [one for one in left if not _is_silenced(one, alert, now)]
    due = [one for one in free if one.not_before <= now]
    told = due[-1] if due else free[-1] if free else None
    if due:
        older = (one.notification_id for one in left if one.notification_id < due[-1].notification_id)
        reasons.update(dict.fromkeys(older, Untold.NEWER_NEWS))
    return _Choice(
        told=told, untold=tuple((number, why) for number, why in reasons.items() if why is not None)
    )


def _why_pointless(
    one: Notification, rows: Sequence[Notification], alert: Alert | None, past: _Past
) -> Untold | None:
    """Say why a step need not be told any more."""
    step = one.transition
    is_present = alert is not None and alert.opened_at == step.alert.opened_at
    if alert is None or not is_present or alert.state is AlertState.RESOLVED:
        if not past.maybe_heard:
            return Untold.OVER_BEFORE_TOLD
        return None if step.is_over and not past.followed else Untold.NEWER_NEWS
    if one.purpose is Purpose.SECOND:
        if past.heard:
            return Untold.HEARD_ALREADY
        if alert.acknowledged_at is not None:
            return Untold.ACKNOWLEDGED
        return None if alert.finding.severity is Severity.CRITICAL else Untold.CALMED_DOWN
    if step.kind is TransitionKind.REMINDED:
        if alert.acknowledged_at is not None:
            return Untold.ACKNOWLEDGED
        # What was never told is news, not a reminder.
        fresh = any(other.transition.kind is not TransitionKind.REMINDED for other in rows)
        return Untold.NEWER_NEWS if fresh else None
    return None


def _is_silenced(one: Notification, alert: Alert | None, now: datetime) -> bool:
    """Tell whether a snooze holds a step back; what got critical after it began is told all the same."""
    if alert is None or alert.snoozed_at is None or not alert.is_snoozed(now):
        return False
    if alert.opened_at != one.transition.alert.opened_at:
        return False
    worse = one.transition.is_urgent and one.transition.kind is TransitionKind.ESCALATED
    return not (worse and one.transition.at > alert.snoozed_at)


def _groups(ready: Iterable[Notification], later: Iterable[Notification]) -> list[list[Notification]]:
    """Return what is told together: by cause; all of the digest; with what only waits for company.

    Reminders go with news of the same cause, or else all together: nothing in them is new.
    """
    groups: dict[tuple[Purpose, str], list[Notification]] = {}
    for one in sorted(ready, key=_is_reminder):
        group = _group_of(one)
        if group not in groups and _is_reminder(one):
            group = (one.purpose, _REMINDERS)
        groups.setdefault(group, []).append(one)
    for one in later:
        if one.purpose is Purpose.NEWS and _group_of(one) in groups:
            groups[_group_of(one)].append(one)
    return list(groups.values())


def _rounded_up(groups: list[list[Notification]]) -> list[list[Notification]]:
    """Put what would be too many letters into one; what is urgent keeps its own."""
    calm = [group for group in groups if all(map(_is_calm, group))]
    if len(calm) <= MOST_LETTERS:
        return groups
    rest = [group for group in groups if not all(map(_is_calm, group))]
    return [*rest, [one for group in calm for one in group]]


def _is_calm(one: Notification) -> bool:
    is_news = one.purpose is Purpose.NEWS and not one.transition.is_urgent
    return is_news and one.attempts < _TRIES_TOGETHER


def _is_reminder(one: Notification) -> bool:
    return _is_calm(one) and one.transition.kind is TransitionKind.REMINDED


def _group_of(one: Notification) -> tuple[Purpose, str]:
    finding = one.transition.alert.finding
    return one.purpose, "" if one.purpose is Purpose.DIGEST else finding.bundle or finding.key


def _letter(channel: str, group: Sequence[Notification]) -> Letter:
    causes = {one.transition.alert.finding.bundle for one in group}
    in_turn = sorted(group, key=lambda one: _standing(one, causes))
    return Letter(channel=channel, notifications=tuple(in_turn), purpose=in_turn[0].purpose)


_FAR = datetime.max.replace(tzinfo=UTC)


def _standing(one: Notification, causes: Collection[str]) -> tuple[bool, bool, int, datetime, str]:
    """Sort key within a letter: bad news first, of these the cause, then the gravest and most pressing."""
    step = one.transition
    finding = step.alert.finding
    due_at = finding.due_at or _FAR
    return step.is_over, finding.key not in causes, -finding.severity.rank, due_at, finding.key


def _turn(letter: Letter) -> tuple[int, bool, int, int]:
    """Sort key of letters: what failed before waits behind the rest, then the gravest, then the oldest."""
    attempts = max(one.attempts for one in letter.notifications)
    grave = -letter.transition.alert.finding.severity.rank
    return attempts, letter.transition.is_over, grave, min(letter.ids)
