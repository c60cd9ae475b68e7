"""What Amazon works on for a while: starting a feed or a report once, and waiting until it is finished.

Here: how a job stands, how often to look, and what to do when nobody knows whether a job was started. Not
here: what a job is about (`feeds`, `reports`).
"""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import text
from fbm_sync.adapters.spapi.tokens import OPERATION as LOGIN
from fbm_sync.errors import Throttled, Unavailable, UnexpectedPayload
from fbm_sync.ports import Clock, JobState

_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 60.0
_PAUSE_GROWTH = 1.5
_SLICE_SECONDS = 1.0
"""No sleep is longer, so that the word that a job is finished ends the wait at once."""

_MOST_STARTS = 3
_PAUSES_BEFORE_LOOKING = (5.0, 20.0)
"""What was sent may arrive late, and Amazon's lists are not always up to date."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One feed or report; `kind` is Amazon's word, `document_id` names its result, where there is one."""

    job_id: str
    state: JobState
    kind: str | None = None
    document_id: str | None = None


def required(answer: Answer, operation: str, name: str) -> str:
    """Return an id or address that an answer is there for. Raises `UnexpectedPayload` without it."""
    value = text(answer.body or {}, name)
    if value is None:
        raise UnexpectedPayload(
            f"{name} is unusable.", operation=operation, status=answer.status, request_id=answer.request_id
        )
    return value


def read_state(json: Mapping[str, Any]) -> JobState:
    """Return how a feed or report stands."""
    word = text(json, "processingStatus")
    return JobState(word) if word in set(JobState) else JobState.UNKNOWN


class Waiting:
    """Waits for the jobs of one kind; safe for any number of threads.

    `look` asks Amazon, by `operation`, how a job stands.
    """

    def __init__(self, gateway: Gateway, clock: Clock, *, operation: str, look: Callable[[str], Job]) -> None:
        self._gateway = gateway
        self._clock = clock
        self._operation = operation
        self._look = look
        self._lock = threading.Lock()
        self._waits: dict[str, list[threading.Event]] = {}

    def finished(self, job_id: str) -> None:
        """Hear, from any thread, that a job is finished: whoever waits for it looks at once."""
        with self._lock:
            for hint in self._waits.get(job_id, []):
                hint.set()

    def wait(self, job_id: str, patience_seconds: float) -> Job:
        """Return a job when it is finished, or as it stands when the patience is used up.

        Looks at once, then less and less often. Trouble while asking does not end the wait, unless it
        lasts: then it is raised.
        """
        until = self._clock.now() + timedelta(seconds=patience_seconds)
        with self._listening(job_id) as hint:
            pauses = self._pauses()
            while True:
                hint.clear()
                try:
                    job = self._look(job_id)
                    if job.state.is_finished or self._clock.now() >= until:
                        return job
                except (Throttled, Unavailable):
                    if self._clock.now() >= until:
                        raise
                look_at = min(until, self._clock.now() + timedelta(seconds=next(pauses)))
                while not hint.is_set() and (left := (look_at - self._clock.now()).total_seconds()) > 0:
                    self._clock.sleep(min(left, _SLICE_SECONDS))

    def _pauses(self) -> Iterator[float]:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            yield max(pause, 1 / self._gateway.throttle.rate(self._operation))
            pause = min(pause * _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS)

    @contextlib.contextmanager
    def _listening(self, job_id: str) -> Iterator[threading.Event]:
        hint = threading.Event()
        with self._lock:
            self._waits.setdefault(job_id, []).append(hint)
        try:
            yield hint
        finally:
            with self._lock:
                self._waits[job_id].remove(hint)
                if not self._waits[job_id]:
                    del self._waits[job_id]


def start_once(
    clock: Clock, start: Callable[[], str], find: Callable[[], str | None], *, most_starts: int = _MOST_STARTS
) -> str:
    """Start a job and return its id, never twice: where nobody knows whether it was started, look first.

    `find` returns the id of the job that was started after all, `None` when there is none. Raises what
    `start` raised when it failed for good; then no such job was found.
    """
    try:
        return start()
    except (Unavailable, UnexpectedPayload) as error:
        if error.operation == LOGIN:
            raise  # not let in, so nothing was sent
        for pause in _PAUSES_BEFORE_LOOKING:
            clock.sleep(pause)
            found = find()
            if found is not None:
                return found
        if most_starts == 1:
            raise
    return start_once(clock, start, find, most_starts=most_starts - 1)
