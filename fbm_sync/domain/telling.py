"""Whom to tell of a step in an alert's life, and when: routes, quiet hours, the daily digest.

What is grave is news and told soon; what is not waits for the digest. Quiet hours are those of the
account's own time zone and hold back all but what cannot wait. How it is put together is `letters`.
"""

import dataclasses
import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

from fbm_sync.domain.alert import Finding, Life, Reason, Severity, Transition, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars

LOG_CHANNEL = "log"
"""The channel that hears everything at once: a log does not ring."""

CHANNEL_FAILED = "channel_failed"
"""The kind of the finding that a channel does not work; its subject is the channel."""

BUNDLE_WAIT = timedelta(minutes=2)
"""What shares a cause waits this long for the rest of it, so that a burst is one message."""


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

    def over_at(self, at: datetime, calendar: ShipCalendar) -> datetime:
        """Return when an instant's news may be told: at once, or when the quiet hours end.

        Where the clocks leave that end out and it is quiet again by then, they end the day after.
        """
        moment = at
        while self.holds(calendar.local(moment).time()):
            moment = next_at(self.end, moment + timedelta.resolution, calendar)
        return moment


def next_at(moment: time, at: datetime, calendar: ShipCalendar) -> datetime:
    """Return the first instant, not before this one, at which the local clock shows a time of day."""
    day = calendar.local_date(at)
    days = (day + timedelta(days=number) for number in range(3))
    return next(there for there in (calendar.at(one, moment) for one in days) if there >= at)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which channels hear of what: from a severity on, of some kinds and accounts or (empty) of all.

    What nobody has acknowledged `escalate_after` it became critical goes to the channels of `escalate_to`
    too. What is not of any account concerns every account.
    """

    channels: tuple[str, ...]
    kinds: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    least_severity: Severity = Severity.WARNING
    escalate_to: tuple[str, ...] = ()
    escalate_after: timedelta = timedelta(minutes=30)

    def concerns(self, finding: Finding) -> bool:
        """Tell whether it is about such a finding, however grave."""
        known_kind = not self.kinds or finding.kind in self.kinds
        known_account = not self.accounts or finding.account in {"", *self.accounts}
        return known_kind and known_account

    def purpose(self, severity: Severity) -> "Purpose | None":
        """Return how its channels hear of something as grave as this: at once, in the digest, or never."""
        if severity.rank >= self.least_severity.rank:
            return Purpose.NEWS
        digested = severity is Severity.INFO and self.least_severity is Severity.WARNING
        return Purpose.DIGEST if digested else None


class Purpose(enum.StrEnum):
    """In which form a channel hears of a step: soon, in the daily digest, or because nobody reacted."""

    NEWS = "news"
    DIGEST = "digest"
    SECOND = "second"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Whom the seller wants told of what, and when not. Without a digest its news stay in the log."""

    routes: Sequence[Route] = ()
    quiet_hours: QuietHours | None = None
    digest_at: time | None = None

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels that any route names."""
        named = (name for route in self.routes for name in (*route.channels, *route.escalate_to))
        return tuple(dict.fromkeys(named))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Whether people are to be left alone at the moment of sending: news may have been held up till then."""

    manners: Manners = dataclasses.field(default_factory=Manners)
    calendars: ShipCalendars = dataclasses.field(default_factory=lambda: ShipCalendars(house=ShipCalendar()))

    def holds(self, step: Transition, purpose: Purpose, now: datetime) -> bool:
        """Tell whether a step has to wait. A digest that is wanted at night is never held back."""
        quiet, digest_at = self.manners.quiet_hours, self.manners.digest_at
        if quiet is None or step.is_urgent:
            return False
        if purpose is Purpose.DIGEST and digest_at is not None and quiet.holds(digest_at):
            return False
        calendar = self.calendars.of(step.alert.finding.account)
        return quiet.holds(calendar.local(now).time())


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One step for one channel, and the instant before which it is not told."""

    channel: str
    transition: Transition
    purpose: Purpose
    not_before: datetime


def address(
    transitions: Iterable[Transition],
    manners: Manners,
    calendars: ShipCalendars,
    heard: Mapping[Life, Collection[str]],
) -> tuple[Envelope, ...]:
    """Return one envelope for each channel that shall hear of each step; the log hears of all at once.

    That it is over goes to the channels that heard of it, or will (`heard`). It does not where they hear
    at the same time what the trouble turned into.
    """
    steps = tuple(transitions)
    clerk = _Clerk(steps, manners, calendars)
    sent = [envelope for step in steps if not step.is_over for envelope in clerk.of_trouble(step)]
    followed = {
        (one.channel, one.transition.alert.finding.account, one.transition.alert.finding.subject)
        for one in sent
        if one.purpose is Purpose.NEWS and one.transition.kind is TransitionKind.OPENED
    }
    for step in steps:
        if step.is_over:
            channels = sorted(set(heard.get(step.alert.life, ())) - {LOG_CHANNEL})
            finding = step.alert.finding
            told_on = [
                name
                for name in channels
                if step.reason is not Reason.GOES_ON
                or (name, finding.account, finding.subject) not in followed
            ]
            sent.extend(clerk.of_end(step, told_on))
    return (*(_for_the_log(step) for step in steps), *sent)


def _for_the_log(step: Transition) -> Envelope:
    return Envelope(channel=LOG_CHANNEL, transition=step, purpose=Purpose.NEWS, not_before=step.at)


class _Clerk:
    """Addresses the steps of one look for trouble."""

    def __init__(self, steps: Sequence[Transition], manners: Manners, calendars: ShipCalendars) -> None:
        self._manners = manners
        self._calendars = calendars
        self._causes = {step.alert.finding.bundle for step in steps} - {""}

    def of_trouble(self, step: Transition) -> list[Envelope]:
        """Return the envelopes of bad news; where two routes name a channel, the sooner one counts."""
        purposes: dict[str, Purpose] = {}
        for channel, purpose in self._wanted(step.alert.finding):
            if purposes.get(channel) is not Purpose.NEWS:
                purposes[channel] = purpose
        if step.kind is TransitionKind.REMINDED:
            purposes = {name: one for name, one in purposes.items() if one is Purpose.NEWS}
        found = [self._envelope(step, channel, purpose) for channel, purpose in purposes.items()]
        return [one for one in found if one is not None] + self._second(step, purposes)

    def of_end(self, step: Transition, channels: Iterable[str]) -> list[Envelope]:
        """Return the envelopes of good news: in the digest, if it was never more than a note."""
        purpose = Purpose.DIGEST if step.alert.gravest is Severity.INFO else Purpose.NEWS
        found = (self._envelope(step, channel, purpose) for channel in channels)
        return [one for one in found if one is not None]

    def _wanted(self, finding: Finding) -> Iterable[tuple[str, Purpose]]:
        """Yield who shall hear of a finding; that a channel fails goes to every other one."""
        if finding.kind == CHANNEL_FAILED:
            yield from ((name, Purpose.NEWS) for name in self._manners.channels if name != finding.subject)
            return
        for route in self._manners.routes:
            purpose = route.purpose(finding.severity)
            if purpose is not None and route.concerns(finding):
                yield from ((name, purpose) for name in route.channels)

    def _second(self, step: Transition, first: Collection[str]) -> list[Envelope]:
        """Return the envelopes that wait for nobody reacting: once, from when it first became critical."""
        finding = step.alert.finding
        if step.alert.critical_at != step.at or not step.is_urgent or finding.kind == CHANNEL_FAILED:
            return []
        soonest: dict[str, timedelta] = {}
        for route in self._manners.routes:
            if route.concerns(finding):
                for name in (name for name in route.escalate_to if name not in first):
                    soonest[name] = min(route.escalate_after, soonest.get(name, route.escalate_after))
        return [
            Envelope(channel=name, transition=step, purpose=Purpose.SECOND, not_before=step.at + after)
            for name, after in soonest.items()
        ]

    def _envelope(self, step: Transition, channel: str, purpose: Purpose) -> Envelope | None:
        finding = step.alert.finding
        calendar = self._calendars.of(finding.account)
        if purpose is Purpose.DIGEST:
            if self._manners.digest_at is None:
                return None
            not_before = next_at(self._manners.digest_at, step.at, calendar)
        elif step.is_urgent:
            not_before = step.at
        else:
            shares = bool(finding.bundle) or finding.key in self._causes
            shares = shares and step.kind is not TransitionKind.REMINDED
            not_before = step.at + BUNDLE_WAIT if shares else step.at
            if self._manners.quiet_hours is not None:
                not_before = self._manners.quiet_hours.over_at(not_before, calendar)
        return Envelope(channel=channel, transition=step, purpose=purpose, not_before=not_before)
