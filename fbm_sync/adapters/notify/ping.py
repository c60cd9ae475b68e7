"""A sign of life to a monitor outside, which rings when it stays away: the dead man's switch.

After each complete reading of orders the monitor's address is asked for once, as healthchecks.io and its
likes want it. The address is a secret: whoever knows it can silence the monitor.
"""

import asyncio
import threading
from collections.abc import Callable

import httpx
import structlog

_log = structlog.get_logger()

DEADLINE_SECONDS = 10.0


class Ping:
    """One monitor; `beat` never waits for it and never fails.

    Whether it answers is logged when that changes, without its address, which errors of the network may show.
    """

    def __init__(self, url: str, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._url, self._deadline_seconds = url, deadline_seconds
        self._busy = threading.Lock()
        self._trouble: str | None = None

    def beat(self) -> None:
        """Give a sign of life, beside whatever else goes on; none while the last one is still on its way."""
        if self._busy.acquire(blocking=False):
            _start(self._give_sign, name="ping")

    def _give_sign(self) -> None:
        try:
            self._note(asyncio.run(self._ask()))
        finally:
            self._busy.release()

    async def _ask(self) -> str | None:
        """Ask for the address; return what went wrong."""
        try:
            async with asyncio.timeout(self._deadline_seconds):
                # A proxy must not read what is not encrypted.
                trusted = self._url.startswith("https:")
                async with (
                    httpx.AsyncClient(timeout=None, trust_env=trusted) as client,  # noqa: S113 - see above
                    client.stream("GET", self._url) as answer,
                ):
                    return None if answer.is_success else f"it answered {answer.status_code}"
        except TimeoutError:
            return f"it gave no answer within {self._deadline_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - its text, which may show the address, goes nowhere
            return f"it cannot be reached ({type(error).__name__})"

    def _note(self, trouble: str | None) -> None:
        """Say so when the monitor begins to fail, fails otherwise, or answers again."""
        if trouble != self._trouble and trouble is not None:
            next_step = "Look at daemon.ping_url and at the monitor; the work goes on."
            _log.warning("ping_failed", why=trouble, next=next_step)
        elif trouble != self._trouble:
            _log.info("ping_answered_again")
        self._trouble = trouble


def _start(work: Callable[[], None], *, name: str) -> None:
    """Work in a thread that the end of the process does not wait for."""
    threading.Thread(target=work, name=name, daemon=True).start()
