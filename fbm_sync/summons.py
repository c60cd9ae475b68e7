"""What the world asks of the daemon, and what it is told back: signals, the service manager.

Here: SIGTERM and SIGINT ask it to leave, SIGHUP to take up its configuration anew; systemd hears how it is.
Not here: what the daemon does about it (`daemon`).
"""

import dataclasses
import os
import queue
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

_log = structlog.get_logger()


@dataclasses.dataclass(slots=True)
class Summons:
    """What the daemon is asked to do; signals fill it in.

    Flags and a bell only, no events: a signal may come while the main thread holds an event's lock, and
    its handler would wait for that lock for ever.
    """

    leave: bool = False
    reload: bool = False
    bell: "queue.SimpleQueue[None]" = dataclasses.field(default_factory=queue.SimpleQueue)

    def ask_to_leave(self) -> None:
        """End this life and the process."""
        self.leave = True
        self.bell.put(None)

    def ask_to_reload(self) -> None:
        """End this life and begin one with the configuration read anew."""
        self.reload = True
        self.bell.put(None)

    def await_bell(self, seconds: float) -> None:
        """Wait until someone rings, but no longer than that."""
        with suppress(queue.Empty):
            self.bell.get(timeout=seconds)


@contextmanager
def heeding_signals(summons: Summons) -> Iterator[None]:
    """Turn signals into a wish to leave or to reload, for the length of the block."""

    def stop(_number: int, _frame: object) -> None:
        summons.ask_to_leave()

    def hang_up(_number: int, _frame: object) -> None:
        summons.ask_to_reload()

    former = {
        number: signal.signal(number, handler)
        for number, handler in ((signal.SIGTERM, stop), (signal.SIGINT, stop), (signal.SIGHUP, hang_up))
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def notify_supervisor(state: str) -> None:
    """Tell systemd how we are, when it listens; it is no trouble when it does not."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(state.encode(), target)
        except OSError as error:
            _log.warning("supervisor_not_reached", error=str(error))
