"""The wire to Amazon: connections that come to an end, whatever the other side does.

Here: how a connection is made, and how long an answer may take to come in. Not here: what is sent, or what
an answer means.
"""

import ssl
import time
from collections.abc import Callable, Iterator

import httpx


def connect(
    endpoint: str,
    *,
    verify: ssl.SSLContext,
    timeout: httpx.Timeout,
    longest_seconds: float,
    check: Callable[[httpx.Request], None] | None = None,
) -> httpx.Client:
    """Return a connection to an endpoint, made with the shared TLS context and never without time-outs.

    The machine's proxy settings are for the world outside: an `http://` endpoint is on this machine.
    `longest_seconds` is how long one answer may take to come in once it has begun: `timeout` alone is met
    by a server that sends a byte now and then, for ever. `check` sees each request before it leaves.
    """

    def bound(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Ending(response.stream, longest_seconds, response.request)

    return httpx.Client(
        verify=verify,
        timeout=timeout,
        trust_env=httpx.URL(endpoint).scheme == "https",
        event_hooks={"request": [check] if check else [], "response": [bound]},
    )


class _Ending(httpx.SyncByteStream):
    """The bytes of an answer, until it has taken too long."""

    def __init__(self, stream: httpx.SyncByteStream, seconds: float, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request
        self._until = time.monotonic() + seconds

    def __iter__(self) -> Iterator[bytes]:
        """Hand over what comes. Raises `httpx.ReadTimeout` when the time is up."""
        for chunk in self._stream:
            if time.monotonic() > self._until:
                raise httpx.ReadTimeout("the answer does not come to an end", request=self._request)
            yield chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._stream.close()
