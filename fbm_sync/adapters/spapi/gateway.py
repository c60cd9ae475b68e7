"""The choke point: every call to Amazon's API passes here, and nowhere else.

Here: limits, access tokens, time-outs, retries, the names of errors, counts and the log line. Not here: what
a call asks or what its answer means (`orders`, `listings` and their neighbours). Retried is only what may be
sent twice: reads, and patches that set a value to what it already is. A clock that refuses to sleep (the
daemon stops) ends a wait at once, because nothing is caught around sleeping.
"""

import dataclasses
import functools
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
import tenacity

from fbm_sync import logs
from fbm_sync.adapters.spapi.answers import Answer, BadAnswer, name_error, require_keys
from fbm_sync.adapters.spapi.documents import Documents
from fbm_sync.adapters.spapi.operations import OPERATIONS, PREVIEW
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.spapi.tokens import AccessTokens, Credentials
from fbm_sync.errors import (
    ConfigError,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)
from fbm_sync.ports import Clock

_MOST_ATTEMPTS = 6
_PATIENCE_SECONDS = 120.0
_CONNECT_SECONDS = 10.0
_PATH_STEPS = frozenset({"", ".", ".."})

_log = structlog.get_logger(__name__)


@functools.cache
def _trusted_authorities() -> ssl.SSLContext:
    """One TLS context for all accounts: each costs forty milliseconds and more than a megabyte."""
    return ssl.create_default_context()


def refuse_environment(environ: Mapping[str, str]) -> None:
    """Refuse to start where the library would silently serve another marketplace than the configured one.

    `SP_API_DEFAULT_MARKETPLACE` outranks the library's explicit argument. Raises `ConfigError`.
    """
    name = "SP_API_DEFAULT_MARKETPLACE"
    if name in environ:
        raise ConfigError(
            [f"environment: {name} is set and would override every account's marketplace"],
            next_step=f"Unset {name} and run again.",
        )


def _check_credentials(account: str, credentials: Credentials) -> None:
    """Refuse an empty credential: the library would fall back on someone else's."""
    given = {field.name: getattr(credentials, field.name) for field in dataclasses.fields(credentials)}
    empty = [name for name, value in given.items() if value is not None and not value.strip()]
    if empty:
        raise ConfigError([f"account {account}: {name} is empty" for name in empty])


class Gateway:
    """One account's way to Amazon's API; safe for any number of threads.

    `requests` counts what was sent, by operation, and `throttled` what Amazon refused for its quota.
    `documents` fetches and stores what Amazon keeps behind addresses of their own.
    """

    def __init__(
        self,
        *,
        account: str,
        endpoint: str,
        token_endpoint: str,
        marketplaces: Sequence[str],
        credentials: Credentials,
        clock: Clock,
        throttle: Throttle,
        timeout_seconds: float = 30.0,
    ) -> None:
        _check_credentials(account, credentials)
        if not marketplaces or not all(marketplaces):
            raise ConfigError([f"account {account}: marketplaces: at least one is needed"])
        # Loads the Amazon library, which takes half a second: only now that an account wants it.
        from fbm_sync.adapters.spapi.clients import make_clients

        verify = _trusted_authorities()
        self.throttle = throttle
        self.requests: Counter[str] = Counter()
        self.throttled = 0
        self._count_lock = threading.Lock()
        self._clock = clock
        self._credentials = credentials
        self.marketplaces = tuple(marketplaces)
        self._tokens = AccessTokens(clock, token_endpoint, verify=verify)
        timeout = httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds))
        self._clients = make_clients(
            endpoint=endpoint.rstrip("/"),
            marketplace_id=self.marketplaces[0],
            credentials=credentials,
            tokens=self._tokens,
            clock=clock,
            verify=verify,
            timeout=timeout,
        )
        self.documents = Documents(
            clock, endpoint=endpoint, verify=verify, timeout=timeout, count=self._count
        )

    def call(
        self,
        operation: str,
        *path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        marketplaces: Sequence[str] = (),
        preview: bool = False,
    ) -> Answer:
        """Send one request, patiently, and return its answer, which has what the operation promises.

        `marketplaces` narrows the account's own. Raises an error of the `RemoteError` family; a `Throttled`
        or `Unavailable` only after several attempts within a deadline. What must not be done twice is sent
        again only when Amazon refused it for its quota; after an `Unavailable` it may have been done.
        """
        spec = OPERATIONS[operation]
        if not _PATH_STEPS.isdisjoint(path):
            # "." and ".." are steps in a path: the request would go to another address than meant.
            raise RequestRejected("'.', '..' and '' cannot be addressed as a SKU or id.", operation=operation)
        limit = PREVIEW if preview else operation
        query = dict(params or {})
        if spec.by_marketplace:
            # Named here in the one spelling Amazon knows; left out, the library adds four.
            query["marketplaceIds"] = ",".join(marketplaces or self.marketplaces)

        def send() -> Answer:
            # Built anew for each attempt: the library takes what it is given apart.
            extra = {} if body is None else {"body": dict(body)}
            answer: Answer = getattr(self._clients[spec.api], spec.method)(*path, **query, **extra)
            return answer

        answer = self._patiently(
            limit, lambda: self._attempt(operation, limit, send), repeatable=spec.repeatable
        )
        require_keys(operation, answer, spec.answers_with)
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._tokens.close()
        self.documents.close()
        for client in self._clients.values():
            client.close()

    def _patiently(self, limit: str, attempt: Callable[[], Answer], *, repeatable: bool) -> Answer:
        """Try again what may succeed later, with growing, jittered pauses, until a deadline."""
        deadline = self._clock.now() + timedelta(seconds=self._patience_seconds(limit))

        def enough(state: tenacity.RetryCallState) -> bool:
            if state.attempt_number >= _MOST_ATTEMPTS:
                return True
            pause = max(state.upcoming_sleep, self.throttle.seconds_for({limit: 1}))
            return self._clock.now() + timedelta(seconds=pause) > deadline

        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=enough,
            wait=tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1),
            retry=tenacity.retry_if_exception_type((Throttled, Unavailable) if repeatable else Throttled),
            reraise=True,
        )
        return retrying(attempt)

    def _patience_seconds(self, limit: str) -> float:
        """How long one call may take: room for a few tokens of its bucket.

        One searchOrders token takes three minutes, and trying sooner is pointless.
        """
        return _PATIENCE_SECONDS + 3 / self.throttle.rate(limit)

    def _attempt(self, operation: str, limit: str, send: Callable[[], Answer]) -> Answer:
        """Send once; when Amazon does not let us in, once more with a fresh token."""
        try:
            return self._send(operation, limit, send)
        except BadAnswer as bad:
            if not bad.denies_access:
                raise self._named(operation, limit, bad) from None
            self._tokens.drop(self._credentials, bad.token)
        try:
            return self._send(operation, limit, send)
        except BadAnswer as bad:
            raise self._named(operation, limit, bad) from None

    def _send(self, operation: str, limit: str, send: Callable[[], Answer]) -> Answer:
        """Send one request within the limits, count it, log it, and learn the rate its answer names."""
        self._wait_for_admission(operation, limit)
        started_at = self._clock.now()
        answer: Answer | None = None
        outcome = "answered"
        try:
            answer = send()
        except BadAnswer as bad:
            answer = bad.answer
            raise
        except RemoteError as error:
            outcome = type(error).__name__
            raise
        except (httpx.HTTPError, OSError) as error:
            outcome = type(error).__name__
            raise Unavailable(f"no answer ({outcome}).", operation=operation) from error
        except Exception as error:
            # The library stumbled over something: one item's trouble, and not the end of the flow.
            outcome = type(error).__name__
            raise UnexpectedPayload(f"the call failed within ({outcome}).", operation=operation) from error
        finally:
            self._note(operation, limit, started_at, answer, outcome)
        return answer

    def _wait_for_admission(self, operation: str, limit: str) -> None:
        """Wait until a request may be sent, unless Amazon told us to stay away for longer than that."""
        if self.throttle.seconds_for({limit: 1}) > self._patience_seconds(limit):
            raise Throttled("the quota is spent for a while.", operation=operation, status=None)
        # The token comes first, so that its own troubles neither count as this call's nor cost its quota.
        self._tokens.token(self._credentials, grantless=OPERATIONS[operation].grantless)
        self.throttle.acquire(limit)
        self._count(operation)

    def _count(self, operation: str) -> None:
        with self._count_lock:
            self.requests[operation] += 1

    def _note(
        self, operation: str, limit: str, started_at: datetime, answer: Answer | None, outcome: str
    ) -> None:
        if answer is not None and answer.rate is not None and limit == operation:
            # For a preview, which counts twice, Amazon does not say which of the two rates it names.
            self.throttle.learn(operation, answer.rate)
        _log.debug(
            logs.REQUEST_SENT,
            operation=operation,
            status=None if answer is None else answer.status,
            outcome=outcome,
            seconds=round((self._clock.now() - started_at).total_seconds(), 3),
            request_id=None if answer is None else answer.request_id,
        )

    def _named(self, operation: str, limit: str, bad: BadAnswer) -> RemoteError:
        error = name_error(operation, bad.answer, self._clock.now())
        if isinstance(error, Throttled):
            with self._count_lock:
                self.throttled += 1
            self.throttle.empty(limit, error.retry_after_seconds)
        return error
