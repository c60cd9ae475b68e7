"""The emulator's own time, and what is due to happen in it."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

Action = Callable[[datetime], None]


class Clock:
    """Tells the emulator's time: a start, plus what was advanced, plus real time multiplied by a speed.

    Speed 0 stands still until advanced, so that a test sees the same instants on every run. Moments are
    whole milliseconds, the finest Amazon prints, so what is compared is exactly what was shown.
    """

    def __init__(self, *, start_at: datetime | None = None, speed: float | None = None) -> None:
        self.speed = (1.0 if start_at is None else 0.0) if speed is None else speed
        self._base = start_at or datetime.now(UTC)
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The present moment, UTC."""
        moment = self._base + timedelta(seconds=(time.monotonic() - self._started) * self.speed)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def advance(self, seconds: float) -> None:
        """Move time forward by this much at once."""
        self._base += timedelta(seconds=seconds)


class Agenda:
    """Keeps what will happen later, and lets it happen in time order, each at its own moment."""

    def __init__(self) -> None:
        self._due: list[tuple[datetime, int, Action]] = []
        self._sequence = count()

    def schedule(self, at: datetime, action: Action) -> None:
        """Have `action` called with `at` once the clock has reached it; equal moments keep their order."""
        heapq.heappush(self._due, (at, next(self._sequence), action))

    def run_until(self, now: datetime) -> None:
        """Let everything due up to and including `now` happen, with what it sets off in turn."""
        while self._due and self._due[0][0] <= now:
            at, _, action = heapq.heappop(self._due)
            action(at)


def format_instant(moment: datetime) -> str:
    """An instant as Amazon prints it: UTC, `Z`, milliseconds only where there are any."""
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def parse_instant(text: str) -> datetime:
    """Read an ISO 8601 instant; one without a zone is a `ValueError`, as it names no moment."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone, e.g. a closing Z")
    return moment.astimezone(UTC)
