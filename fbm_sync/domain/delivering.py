"""A channel that fails: when it is tried again, and when that is trouble of its own."""

import dataclasses
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.risk import span_words
from fbm_sync.domain.telling import CHANNEL_FAILED

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10))
"""Pause after each failure in a row; the last one repeats: news is never lost, and never much delayed."""

LONGEST_PAUSE = timedelta(hours=6)
"""A service may ask for a longer pause, but not for one in which a deadline passes unheard."""

PATIENCE = timedelta(hours=1)
"""So long a channel may fail before it is reported: most troubles of a mail server are over by then."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a channel does: since when it fails (`None` while it works), how often, when it is tried again.

    `refused_at` is when it last refused a message for good; nothing but a success makes up for that.
    """

    channel: str
    failing_since: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    refused_at: datetime | None = None
    error: str = ""


def pause_after(failures: int, asked_seconds: float | None = None) -> timedelta:
    """Return the pause after so many failures in a row: ours, or a longer one the service asked for."""
    ours = PAUSES[min(max(failures, 1), len(PAUSES)) - 1]
    if asked_seconds is None:
        return ours
    return max(ours, min(timedelta(seconds=asked_seconds), LONGEST_PAUSE))


def failed(
    state: ChannelState, error: str, now: datetime, *, retryable: bool, asked_seconds: float | None = None
) -> ChannelState:
    """Return a channel's state after a failure; after a refusal for good the next message may go at once."""
    return ChannelState(
        channel=state.channel,
        failing_since=state.failing_since or now,
        failures=state.failures + 1,
        retry_at=now + pause_after(state.failures + 1, asked_seconds) if retryable else None,
        refused_at=state.refused_at if retryable else now,
        error=error,
    )


def channel_findings(
    states: Iterable[ChannelState], configured: Collection[str], now: datetime
) -> list[Finding]:
    """Return the findings that channels refuse what they are sent, or have failed for too long."""
    found = []
    for state in states:
        if state.channel not in configured or state.failing_since is None:
            continue
        span = now - state.failing_since
        if state.refused_at is not None:
            what = "refused a message for good"
        elif span >= PATIENCE:
            what = f"has failed for {span_words(span)}"
        else:
            continue
        found.append(
            Finding(
                account="",
                kind=CHANNEL_FAILED,
                subject=state.channel,
                severity=Severity.WARNING,
                text=f"The channel {state.channel} {what}; alerts do not arrive there: {state.error}",
                action=f"Correct it, then run 'fbm-sync alerts --test {state.channel}'.",
            )
        )
    return found
