"""Every error of fbm_sync, drawn as a tree.

```
FbmSyncError
├── ConfigError            the input is wrong: every problem with its place          exit 2
├── RemoteError            Amazon did not do what was asked
│   ├── Throttled          over quota: wait, then retry; after N the tick is skipped
│   ├── Unavailable        5xx, HTML instead of JSON, resets, time-outs: retry with backoff
│   │   └── Unfinished         Amazon still works on what was ordered: look again later
│   ├── AccessRefused      401/403 or no token: stop the flows that need it, tell a person
│   ├── RequestRejected    4xx: ours to fix; record it and go on with the next item
│   │   └── ReportCancelled    Amazon had nothing to report, or was asked again too soon
│   └── UnexpectedPayload  the contract changed: quarantine the item, tell a person, go on
├── DeliveryError          a notification did not reach its channel
└── StoreError             the database failed: stop; the supervisor restarts the process
```

Every message ends with what to do next.
"""

from collections.abc import Sequence


class FbmSyncError(Exception):
    """Something went wrong that a person can understand from its message."""


class ConfigError(FbmSyncError):
    """The configuration or an input file cannot be used: every problem is listed with its place.

    `problems` holds one sentence for each, beginning with the place (`fbm_sync.toml: store.url`,
    `inbound.csv line 7, column quantity`).
    """

    def __init__(self, problems: Sequence[str], *, next_step: str = "Correct them and run again.") -> None:
        self.problems = tuple(problems)
        self.next_step = next_step
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{heading}; nothing was changed.\n{lines}\n{next_step}")


class RemoteError(FbmSyncError):
    """Amazon did not do what was asked; holds the operation, the true status and the request id.

    Never holds a response body: bodies may carry buyer data.
    """

    default_next_step = "Run again later."

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int | None = None,
        request_id: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.operation = operation
        self.status = status
        self.request_id = request_id
        self.next_step = next_step or self.default_next_step
        where = operation if status is None else f"{operation} answered {status}"
        trace = f" (request {request_id})" if request_id else ""
        super().__init__(f"{where}{trace}: {message} {self.next_step}")


class Throttled(RemoteError):
    """Amazon refused because the quota is spent; `retry_after_seconds` is Amazon's word, if it gave one."""

    default_next_step = "The next run continues where this one stopped."

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int | None = 429,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, operation=operation, status=status, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(RemoteError):
    """Amazon could not be reached or answered nonsense for a while; nothing is known about the request."""

    default_next_step = "Amazon or the network is in trouble; the next run tries again."


class Unfinished(Unavailable):
    """Amazon still works on what was ordered; nothing is wrong."""

    default_next_step = "The next run goes on waiting for it."


class AccessRefused(RemoteError):
    """Amazon does not let us in: wrong, expired or revoked credentials, or a missing role."""

    default_next_step = (
        "Check the client id, client secret and refresh token, and the roles of the application."
    )


class RequestRejected(RemoteError):
    """Amazon understood the request and refuses it: repeating it unchanged is pointless."""

    default_next_step = "It is not repeated unchanged; see the reason."


class ReportCancelled(RequestRejected):
    """Amazon cancelled a report: it had nothing to say, or was asked for the same too soon.

    Which of the two it was, Amazon does not tell; so this never means "no orders" or "no listings".
    """

    default_next_step = (
        "Nothing is concluded from it. It is ordered again later; should it be cancelled every time, see in "
        "Seller Central whether there is nothing to report."
    )


class UnexpectedPayload(RemoteError):
    """Amazon's answer does not have the shape its own documentation promises."""

    default_next_step = "The item is quarantined and tried again later; please report it."


class DeliveryError(FbmSyncError):
    """A notification did not reach its channel; `retryable` says whether trying again can help.

    `retry_after_seconds` is how long the service asked us to wait, if it did.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds


class StoreError(FbmSyncError):
    """The database cannot be used; the process stops rather than work on facts it cannot record."""
