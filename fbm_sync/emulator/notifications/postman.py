"""Delivers notifications to queues in the order they were written, while requests go on being answered."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass

from fbm_sync.emulator.notifications.sqs import Queues, QueueTrouble
from fbm_sync.emulator.shop import JsonObject

# Real seconds between the tries: the network's time, not the emulator's.
PAUSES = (0.05, 0.2)
KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One message and where it goes; without a queue it cannot go anywhere."""

    queue: str
    document: JsonObject
    why_not: str = ""


class Postman:
    """A worker of its own sends what is posted; it lives only while there is something to send."""

    def __init__(self, endpoint: str | None) -> None:
        self._queues = None if endpoint is None else Queues(endpoint)
        self._changed = threading.Condition()
        self._waiting: deque[Letter] = deque()
        self._worker: threading.Thread | None = None
        self._undelivered: deque[JsonObject] = deque(maxlen=KEPT)
        self._counts: Counter[str] = Counter()

    def check(self, queue: str) -> None:
        """Make sure a queue is there, where there is an endpoint to ask; raises `QueueTrouble`."""
        if self._queues is not None:
            self._queues.check(queue)

    def post(self, letter: Letter) -> None:
        """Hand over a message; returns at once."""
        with self._changed:
            if letter.why_not or self._queues is None:
                self._give_up(letter, letter.why_not or "no sqs_endpoint is set")
                return
            self._waiting.append(letter)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="notifications", daemon=True)
                self._worker.start()

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is left to send; False when that took longer than these real seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._worker is None, seconds)

    def state(self) -> JsonObject:
        """How many were sent, wait or could not be delivered, and the latest of the last with the reason."""
        with self._changed:
            return {
                "sent": self._counts["sent"],
                "waiting": len(self._waiting),
                "failed": self._counts["failed"],
                "undelivered": list(self._undelivered),
            }

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._worker = None
                    self._changed.notify_all()
                    return
                letter = self._waiting[0]
            why_not = self._deliver(letter)
            with self._changed:
                self._waiting.popleft()
                if why_not is None:
                    self._counts["sent"] += 1
                else:
                    self._give_up(letter, why_not)

    def _give_up(self, letter: Letter, why: str) -> None:
        self._counts["failed"] += 1
        self._undelivered.append({"queue": letter.queue, "why": why, "message": letter.document})

    def _deliver(self, letter: Letter) -> str | None:
        """Try a few times; answers why the message could not be delivered, or None when it was."""
        body = json.dumps(letter.document)
        why = None
        for pause in (0.0, *PAUSES):
            time.sleep(pause)
            why = self._try(letter.queue, body)
            if why is None:
                return None
        return why

    def _try(self, queue: str, body: str) -> str | None:
        if self._queues is None:
            return "no sqs_endpoint is set"
        try:
            self._queues.send(queue, body)
        except QueueTrouble as error:
            return str(error)
        return None
