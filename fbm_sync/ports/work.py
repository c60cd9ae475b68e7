"""What all work needs: time, a place for what failed, someone who watches."""

import dataclasses
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the daemon lives it; in a simulation sleeping moves the simulated world instead."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that did not work in a run: what, why, and what happens or helps next."""

    what: str
    why: str
    next: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What work waits for: so many seconds until Amazon's quota lets the operation go on."""

    operation: str
    seconds: float


class Progress(Protocol):
    """Whoever watches long work, such as a progress bar."""

    def __call__(
        self,
        task: str,
        done: int,
        total: int | None,
        /,
        *,
        left_seconds: float | None = None,
        wait: Wait | None = None,
    ) -> None:
        """Hear the task, the steps done, the steps in all, where they are known.

        `left_seconds` is how long what is known to be left takes at the account's limits; `wait` says what
        the task waits for.
        """


def unwatched(
    _task: str, _done: int, _total: int | None, *, left_seconds: float | None = None, wait: Wait | None = None
) -> None:
    """Stand in for a progress bar where nobody looks."""
