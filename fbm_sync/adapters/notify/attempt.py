"""One try to reach a service, within a time limit whatever the service does."""

import threading
from collections.abc import Callable

from fbm_sync.errors import DeliveryError


class Attempts:
    """The tries of one channel: never two at once, and none is waited for longer than its limit.

    A try that takes longer counts as failed, and its late success may tell people twice: better than never.
    """

    def __init__(self, label: str, timeout_seconds: float) -> None:
        self._label, self._timeout_seconds = label, timeout_seconds
        self._sending: threading.Thread | None = None

    def run(self, work: Callable[[], DeliveryError | None]) -> None:
        """Do the work, which returns what went wrong. Raises that, or that it took too long."""
        if self._sending is not None and self._sending.is_alive():
            raise DeliveryError(
                f"{self._label} still hangs on the message before; it is tried again.", retryable=True
            )
        outcome: list[DeliveryError | None] = []

        def guarded() -> None:
            try:
                outcome.append(work())
            except Exception as error:  # noqa: BLE001 (whatever broke, the message did not arrive)
                fault = f"{self._label}: {type(error).__name__}. It is tried again."
                outcome.append(DeliveryError(fault, retryable=True))

        # A thread of its own, and one that does not keep the process alive: some services set no limit
        # on how long they may take.
        self._sending = threading.Thread(target=guarded, name="notify", daemon=True)
        self._sending.start()
        self._sending.join(self._timeout_seconds)
        if self._sending.is_alive():
            raise DeliveryError(
                f"{self._label} did not answer within {self._timeout_seconds:g} s; it is tried again.",
                retryable=True,
            )
        if (error := outcome[0]) is not None:
            raise error
