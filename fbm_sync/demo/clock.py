"""Simulated time: to sleep is to let the emulated Amazon's clock run."""

from datetime import datetime, timedelta

from fbm_sync.demo.amazon import Amazon


class SimulatedClock:
    """A clock that stands still until someone sleeps; the emulator keeps the same time."""

    def __init__(self, amazon: Amazon, start_at: datetime) -> None:
        self._amazon = amazon
        self._now = start_at
        self.waited_seconds = 0.0

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let simulated seconds pass, as a wait of the daemon's."""
        self.waited_seconds += seconds
        self.pass_time(timedelta(seconds=seconds))

    def pass_time(self, span: timedelta) -> None:
        """Let simulated time pass."""
        self._now += span
        self._amazon.advance(span.total_seconds())
