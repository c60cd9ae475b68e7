"""Amazon's request limits, kept on our side: one token bucket for each operation of one account.

Here: arithmetic on clock time, so that it holds in a simulation too. Not here: what to do when Amazon
refuses all the same (see `gateway`). Safe for any number of threads; nobody sleeps holding the lock.
"""

import dataclasses
import math
import threading
from collections.abc import Mapping
from datetime import datetime

from fbm_sync.ports import Clock

PREVIEW = "validationPreview"
"""A patch that Amazon only judges: it counts as a patch and against a limit of its own."""

PUBLISHED_PLANS: Mapping[str, tuple[float, float]] = {
    "searchOrders": (0.0056, 20),
    "getOrder": (0.5, 30),
    "getListingsItem": (5, 10),
    "searchListingsItems": (5, 5),
    "patchListingsItem": (5, 5),
    PREVIEW: (1, 1),
}
"""What Amazon publishes: requests per second, and how many may come at once."""

_SLICE_SECONDS = 1.0
"""No sleep is longer, so that a rate learned meanwhile re-times the wait at once."""

_TRAVEL_SECONDS = 0.02
"""Waited on top, because requests do not travel equally fast and Amazon counts when they arrive."""

_ROUNDING = 1e-9


@dataclasses.dataclass(slots=True)
class _Bucket:
    """Tokens for one operation; below zero while Amazon has told us to stay away for longer."""

    rate: float
    burst: float
    tokens: float
    filled_at: datetime

    def refill(self, now: datetime) -> None:
        """Add what has flowed in since the last look; a clock that was set back adds nothing."""
        seconds = max(0.0, (now - self.filled_at).total_seconds())
        self.tokens = min(self.burst, self.tokens + seconds * self.rate)
        self.filled_at = now

    def seconds_until(self, tokens: float) -> float:
        """How long until that many tokens have come; more than the burst are counted as a debt."""
        return max(0.0, (tokens - self.tokens) / self.rate)


class Throttle:
    """One account's request limits.

    Starts with Amazon's published plan times `rate_factor`; a rate Amazon names in an answer replaces
    it at once. Amazon names the rate only, never the burst, which therefore stays as published.
    """

    def __init__(self, clock: Clock, *, rate_factor: float = 1.0) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.now()
        self._buckets = {
            name: _Bucket(
                rate * rate_factor, max(1.0, burst * rate_factor), max(1.0, burst * rate_factor), now
            )
            for name, (rate, burst) in PUBLISHED_PLANS.items()
        }

    def acquire(self, operation: str) -> None:
        """Wait for the right to make one request, and use it up."""
        while (wait := self._take(operation)) > 0:
            self._clock.sleep(min(wait + _TRAVEL_SECONDS, _SLICE_SECONDS))

    def learn(self, operation: str, rate: float) -> None:
        """Adopt the rate that Amazon named for an operation; nonsense is ignored."""
        if operation not in self._buckets or not math.isfinite(rate) or rate <= 0:
            return
        with self._lock:
            bucket = self._buckets[operation]
            bucket.refill(self._clock.now())
            bucket.rate = rate

    def empty(self, operation: str, retry_after_seconds: float | None = None) -> None:
        """Amazon refused for its quota: nothing is left, and nothing comes before `Retry-After`."""
        with self._lock:
            now = self._clock.now()
            for bucket in self._buckets_of(operation):
                bucket.refill(now)
                owed = 1 - (retry_after_seconds or 0.0) * bucket.rate
                bucket.tokens = min(bucket.tokens, 0.0, owed)

    def seconds_for(self, calls: Mapping[str, int]) -> float:
        """Return how long so many calls of each operation take from now on, one operation after another.

        Only the waiting that the limits impose is counted, not Amazon's own time to answer.
        """
        with self._lock:
            now = self._clock.now()
            for bucket in self._buckets.values():
                bucket.refill(now)
            plan = {name: dataclasses.replace(bucket) for name, bucket in self._buckets.items()}
        total = 0.0
        for operation, count in calls.items():
            buckets = [plan[name] for name in _bucket_names(operation)]
            seconds = max(bucket.seconds_until(count) for bucket in buckets)
            for bucket in plan.values():
                used = count if bucket in buckets else 0
                # What is used in the course of the wait makes room, so the burst caps what is left.
                bucket.tokens = min(bucket.burst, bucket.tokens + seconds * bucket.rate - used)
            total += seconds
        return total

    def tokens_left(self) -> dict[str, int]:
        """Return how many requests of each operation may be made right now."""
        with self._lock:
            now = self._clock.now()
            for bucket in self._buckets.values():
                bucket.refill(now)
            return {name: max(0, int(bucket.tokens + _ROUNDING)) for name, bucket in self._buckets.items()}

    def rate(self, operation: str) -> float:
        """Return the requests per second now believed in, the slowest where several limits apply."""
        with self._lock:
            return min(bucket.rate for bucket in self._buckets_of(operation))

    def _take(self, operation: str) -> float:
        """Take one token of each bucket the operation needs, or none and say how long to wait."""
        with self._lock:
            now = self._clock.now()
            buckets = self._buckets_of(operation)
            for bucket in buckets:
                bucket.refill(now)
            wait = max(bucket.seconds_until(1 - _ROUNDING) for bucket in buckets)
            if wait <= 0:
                for bucket in buckets:
                    bucket.tokens -= 1
            return wait

    def _buckets_of(self, operation: str) -> list[_Bucket]:
        return [self._buckets[name] for name in _bucket_names(operation)]


def _bucket_names(operation: str) -> tuple[str, ...]:
    return ("patchListingsItem", PREVIEW) if operation == PREVIEW else (operation,)
