"""Amazon's request limits, kept on our side: one token bucket for each operation of one account.

Here: arithmetic on clock time, so that it holds in a simulation too. Buckets that take long to fill are
remembered in the store: a burst spent before a restart, or by a command run beside the daemon, is spent.
Not here: what to do when Amazon refuses all the same (see `gateway`). Safe for any number of threads;
nobody sleeps, or waits for the store, holding the lock.
"""

import dataclasses
import math
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from fbm_sync.adapters.spapi.operations import PREVIEW, PUBLISHED_PLANS
from fbm_sync.ports import BudgetMemory, Clock, RequestBudget

_SLICE_SECONDS = 1.0
"""No sleep is longer, so that a rate learned meanwhile re-times the wait at once."""

_TRAVEL_SECONDS = 0.02
"""Waited on top, because requests do not travel equally fast and Amazon counts when they arrive."""

_SOON_FULL_SECONDS = 30.0
"""A bucket that fills this fast is full again before a process has started anew: no need to remember it."""

_ROUNDING = 1e-9


@dataclasses.dataclass(slots=True)
class _Bucket:
    """Tokens for one operation; below zero while Amazon has told us to stay away for longer."""

    rate: float
    burst: float
    tokens: float
    filled_at: datetime
    named_rate: float | None = None

    def refill(self, now: datetime) -> None:
        """Add what has flowed in since the last look; a clock that was set back adds nothing."""
        seconds = max(0.0, (now - self.filled_at).total_seconds())
        self.tokens = min(self.burst, self.tokens + seconds * self.rate)
        self.filled_at = now

    def grown(self, budget: RequestBudget, now: datetime) -> float:
        """Return what a budget put down earlier, or by another process, has grown to by now."""
        seconds = max(0.0, (now - budget.at).total_seconds())
        return min(self.burst, budget.tokens + seconds * self.rate)

    def put_down(self, now: datetime) -> RequestBudget:
        """Return what is left, to be remembered."""
        return RequestBudget(tokens=self.tokens, at=now, named_rate=self.named_rate)

    def name_rate(self, rate: float | None) -> bool:
        """Adopt the rate that Amazon named, and tell whether that is news."""
        news = rate is not None and rate != self.named_rate
        if rate is not None:
            self.rate = self.named_rate = rate
        return news

    def seconds_until(self, tokens: float) -> float:
        """How long until that many tokens have come; more than the burst are counted as a debt."""
        return max(0.0, (tokens - self.tokens) / self.rate)


class Throttle:
    """One account's request limits.

    Starts with Amazon's published plan times `rate_factor`; a rate Amazon names in an answer replaces
    it at once. Amazon names the rate only, never the burst, which therefore stays as published. With a
    `memory` it goes on where the account's last process, or one running beside it, has left the limits.
    `on_wait` hears, each second, for which operation and how long a caller waits; zero when it may go on.
    """

    def __init__(self, clock: Clock, *, rate_factor: float = 1.0, memory: BudgetMemory | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._memory = memory
        self.on_wait: Callable[[str, float], None] = _nobody_watches
        self._recalled = memory is None
        now = clock.now()
        self._buckets = {
            name: _Bucket(
                rate * rate_factor, max(1.0, burst * rate_factor), max(1.0, burst * rate_factor), now
            )
            for name, (rate, burst) in PUBLISHED_PLANS.items()
        }
        self._remembered = frozenset(
            name
            for name, (rate, burst) in PUBLISHED_PLANS.items()
            if memory is not None and burst / rate > _SOON_FULL_SECONDS
        )

    def acquire(self, operation: str) -> None:
        """Wait for the right to make one request, and use it up."""
        has_waited = False
        while (wait := self._take(operation)) > 0:
            has_waited = True
            self.on_wait(operation, wait)
            self._clock.sleep(min(wait + _TRAVEL_SECONDS, _SLICE_SECONDS))
        if has_waited:
            self.on_wait(operation, 0.0)

    def leave(self, operation: str, requests: int) -> None:
        """Wait until so many requests would be left to others after one more; it is not used up yet."""
        while (wait := self._seconds_until(operation, requests + 1)) > 0:
            self._clock.sleep(min(wait + _TRAVEL_SECONDS, _SLICE_SECONDS))

    def _seconds_until(self, operation: str, tokens: float) -> float:
        self._recall()
        with self._lock:
            now = self._clock.now()
            buckets = self._buckets_of(operation)
            for bucket in buckets:
                bucket.refill(now)
            return max(bucket.seconds_until(min(tokens, bucket.burst) - _ROUNDING) for bucket in buckets)

    def learn(self, operation: str, rate: float) -> None:
        """Adopt the rate that Amazon named for an operation; nonsense is ignored."""
        if operation not in self._buckets or not math.isfinite(rate) or rate <= 0:
            return
        with self._lock:
            bucket = self._buckets[operation]
            bucket.refill(self._clock.now())
            news = bucket.name_rate(rate)
        if news:
            self._remember(operation)

    def empty(self, operation: str, retry_after_seconds: float | None = None) -> None:
        """Amazon refused for its quota: nothing is left, and nothing comes before `Retry-After`."""
        with self._lock:
            now = self._clock.now()
            for bucket in self._buckets_of(operation):
                bucket.refill(now)
                owed = 1 - (retry_after_seconds or 0.0) * bucket.rate
                bucket.tokens = min(bucket.tokens, 0.0, owed)
        for name in _bucket_names(operation):
            self._remember(name)

    def seconds_for(self, calls: Mapping[str, int]) -> float:
        """Return how long so many calls of each operation take from now on, one operation after another.

        Only the waiting that the limits impose is counted, not Amazon's own time to answer.
        """
        self._recall()
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
        self._recall()
        with self._lock:
            now = self._clock.now()
            for bucket in self._buckets.values():
                bucket.refill(now)
            return {name: max(0, int(bucket.tokens + _ROUNDING)) for name, bucket in self._buckets.items()}

    def rate(self, operation: str) -> float:
        """Return the requests per second now believed in, the slowest where several limits apply."""
        self._recall()
        with self._lock:
            return min(bucket.rate for bucket in self._buckets_of(operation))

    def _take(self, operation: str) -> float:
        """Take one token of each bucket the operation needs, or none and say how long to wait."""
        self._recall()
        with self._lock:
            now = self._clock.now()
            buckets = self._buckets_of(operation)
            for bucket in buckets:
                bucket.refill(now)
            wait = max(bucket.seconds_until(1 - _ROUNDING) for bucket in buckets)
            if wait > 0:
                return wait
            for bucket in buckets:
                bucket.tokens -= 1
        return 0.0 if operation not in self._remembered else self._take_shared(operation)

    def _take_shared(self, operation: str) -> float:
        """Use up one token of the shared budget too; when others were faster, say how long to wait."""
        wait = 0.0

        def take(shared: RequestBudget | None) -> RequestBudget:
            nonlocal wait
            with self._lock:
                now, bucket = self._clock.now(), self._buckets[operation]
                if shared is not None:
                    left = bucket.grown(shared, now) - 1
                    wait = max(0.0, -left / bucket.rate) if left < -_ROUNDING else 0.0
                    bucket.tokens = min(bucket.tokens, left + 1 if wait else left)
                return bucket.put_down(now)

        self._revise(operation, take)
        return wait

    def _remember(self, operation: str) -> None:
        """Put down what is left now, and at which rate it grows."""

        def put_down(shared: RequestBudget | None) -> RequestBudget:
            with self._lock:
                now, bucket = self._clock.now(), self._buckets[operation]
                bucket.refill(now)
                if shared is not None:
                    bucket.tokens = min(bucket.tokens, bucket.grown(shared, now))
                return bucket.put_down(now)

        if operation in self._remembered:
            self._revise(operation, put_down)

    def _revise(self, operation: str, change: Callable[[RequestBudget | None], RequestBudget]) -> None:
        if self._memory is not None:
            self._memory.revise(operation, change)

    def _recall(self) -> None:
        """Take over what was left when the limits were last used, and the rates Amazon named.

        Once is enough, and twice (two threads at the same time) does no harm.
        """
        if self._recalled or self._memory is None:
            return
        budgets = self._memory.recall()
        with self._lock:
            self._recalled = True
            now = self._clock.now()
            for name in self._remembered & budgets.keys():
                bucket = self._buckets[name]
                bucket.name_rate(budgets[name].named_rate)
                bucket.tokens = min(bucket.tokens, bucket.grown(budgets[name], now))

    def _buckets_of(self, operation: str) -> list[_Bucket]:
        return [self._buckets[name] for name in _bucket_names(operation)]


def _nobody_watches(_operation: str, _seconds: float) -> None:
    """Stand in for whoever wants to hear of waits."""


def _bucket_names(operation: str) -> tuple[str, ...]:
    return ("patchListingsItem", PREVIEW) if operation == PREVIEW else (operation,)
