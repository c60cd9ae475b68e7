"""What all work needs: time, a place for what failed, someone who watches."""

import dataclasses
from collections.abc import Callable
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


Progress = Callable[[str, int, int | None], None]
"""Whoever watches long work, such as a progress bar: hears the task, the steps done, the steps in all."""


def unwatched(_task: str, _done: int, _total: int | None) -> None:
    """Stand in for a progress bar where nobody looks."""
