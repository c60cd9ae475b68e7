"""Notify: send what waits in the outbox, each channel in a thread of its own.

Recorded before sent, claimed while on its way, marked after: a crash in between repeats a letter, and
never loses one. A channel that is slow or down keeps neither the others nor the daemon from their work.
"""

import contextvars
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from fbm_sync.domain.delivering import ChannelState, failed
from fbm_sync.domain.letters import Letter, Untold, sort_post
from fbm_sync.domain.telling import LOG_CHANNEL, Silence
from fbm_sync.errors import DeliveryError
from fbm_sync.logs import CHANNEL_UNKNOWN, NOTIFICATION_FAILED
from fbm_sync.ports import Clock, Ledger, Notifier

_log = structlog.get_logger()

LEASE = timedelta(minutes=3)
"""So long a letter is its sender's alone: longer than any channel may take for one."""

_ROWS, _LOG_ROWS = 5_000, 20
"""How much of what waits is looked at together; the log puts nothing together."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NotifyReport:
    """What was told: notifications that arrived, letters that failed, channels still at work."""

    sent: int = 0
    failed: int = 0
    busy: tuple[str, ...] = ()


class Delivery:
    """Sends what waits, from one call to the next; it may be closed while a channel still hangs."""

    def __init__(
        self,
        ledger: Callable[[], Ledger],
        clock: Clock,
        notifiers: Callable[[], Mapping[str, Notifier]],
        silence: Callable[[], Silence] = Silence,
    ) -> None:
        self._ledger, self._clock, self._notifiers = ledger, clock, notifiers
        self._store: Ledger
        self._silence = silence
        self._lock = threading.Lock()
        self._at_work: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()
        self._sent = self._failed = 0
        self._fault: BaseException | None = None

    def run(self, wait_seconds: float) -> NotifyReport:
        """Let every channel with something due send it; wait for them, but no longer than this.

        What they did since the last call is counted, and what broke in one of them is raised.
        """
        self._store = self._ledger()
        with self._store.snapshot() as books:
            due = books.alerts.outbox.channels_due(self._clock.now())
        self._give_up_on([name for name in due if name not in self._notifiers()])
        for channel in due:
            self._begin(channel)
        ends_at = time.monotonic() + wait_seconds
        for thread in list(self._at_work.values()):
            thread.join(max(ends_at - time.monotonic(), 0.0))
        return self._report()

    def close(self, wait_seconds: float = 1.0) -> None:
        """Send no further letter; what is on its way may arrive, but is not waited for any longer."""
        self._stopping.set()
        ends_at = time.monotonic() + wait_seconds
        for thread in list(self._at_work.values()):
            thread.join(max(ends_at - time.monotonic(), 0.0))

    def _report(self) -> NotifyReport:
        with self._lock:
            self._at_work = {name: one for name, one in self._at_work.items() if one.is_alive()}
            report = NotifyReport(sent=self._sent, failed=self._failed, busy=tuple(sorted(self._at_work)))
            self._sent = self._failed = 0
            fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        return report

    def _begin(self, channel: str) -> None:
        """Let a channel work, unless it is still at it."""
        running = self._at_work.get(channel)
        if channel not in self._notifiers() or (running is not None and running.is_alive()):
            return
        work = contextvars.copy_context()
        thread = threading.Thread(target=work.run, args=(self._empty, channel), name=channel, daemon=True)
        self._at_work[channel] = thread
        thread.start()

    def _empty(self, channel: str) -> None:
        """Send the letters of one channel, one after the other, until none is left or one fails."""
        try:
            while not self._stopping.is_set():
                letter = self._next(channel)
                if letter is None or not self._send(letter):
                    return
        except BaseException as fault:  # noqa: BLE001 (raised again where the work was asked for)
            with self._lock:
                self._fault = self._fault or fault

    def _next(self, channel: str) -> Letter | None:
        """Return the most urgent letter of a channel, reserved for us; record what became pointless."""
        now = self._clock.now()
        with self._store.transaction() as books:
            outbox = books.alerts.outbox
            state = outbox.channels().get(channel)
            if state is not None and state.retry_at is not None and now < state.retry_at:
                return None
            tray = outbox.tray(channel, now, _LOG_ROWS if channel == LOG_CHANNEL else _ROWS)
            keys = {one.transition.alert.key for one in tray.waiting}
            post = sort_post(tray, books.alerts.named(keys), now, self._silence())
            outbox.leave_untold(dict(post.untold))
            letter = next(iter(post.letters), None)
            if letter is None or not outbox.claim(letter.ids, now, now + LEASE):
                return None
            return letter

    def _send(self, letter: Letter) -> bool:
        """Send one letter and record how it went; tell whether the channel may be asked for the next."""
        try:
            self._notifiers()[letter.channel].deliver(letter)
        except DeliveryError as error:
            self._note_failure(letter, error)
            return not error.retryable
        now = self._clock.now()
        with self._store.transaction() as books:
            outbox = books.alerts.outbox
            outbox.mark_sent(letter.ids, now)
            state = outbox.channels().get(letter.channel)
            if state is not None and state.failing_since is not None:
                outbox.record_channel(ChannelState(channel=letter.channel))
        with self._lock:
            self._sent += len(letter.ids)
        return True

    def _note_failure(self, letter: Letter, error: DeliveryError) -> None:
        _log.error(NOTIFICATION_FAILED, channel=letter.channel, error=str(error))
        now = self._clock.now()
        with self._store.transaction() as books:
            outbox = books.alerts.outbox
            state = outbox.channels().get(letter.channel, ChannelState(channel=letter.channel))
            state = failed(
                state,
                str(error),
                now,
                retryable=error.retryable,
                asked_seconds=error.retry_after_seconds,
            )
            outbox.record_channel(state)
            outbox.mark_failed(letter.ids, str(error), state.retry_at)
        with self._lock:
            self._failed += 1

    def _give_up_on(self, channels: list[str]) -> None:
        """Let go of what waits for channels that are no longer configured."""
        for channel in channels:
            now = self._clock.now()
            with self._store.transaction() as books:
                waiting = books.alerts.outbox.tray(channel, now).waiting
                pointless = {one.notification_id: Untold.NO_SUCH_CHANNEL for one in waiting}
                books.alerts.outbox.leave_untold(pointless)
            _log.warning(CHANNEL_UNKNOWN, channel=channel, notifications=len(pointless))
