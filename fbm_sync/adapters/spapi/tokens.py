"""Login with Amazon: the access token that opens every call, asked for once and shared.

Here: one request at a time for each seller, however many threads want it; expiry by Amazon's own word;
a short memory of refusals, so that revoked credentials are not hammered. Not here: which call needs a
token, or when one is dead (the gateway says so). Tokens and secrets are never logged nor put in errors.
"""

import dataclasses
import ssl
import threading
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx

from fbm_sync.adapters.spapi.wire import connect
from fbm_sync.errors import AccessRefused, RemoteError, Throttled, Unavailable, UnexpectedPayload
from fbm_sync.ports import Clock

OPERATION = "token"

_MARGIN_SECONDS = 60.0
_USUAL_LIFETIME_SECONDS = 3600.0
_REFUSAL_REMEMBERED = timedelta(seconds=60)
_TROUBLE_REMEMBERED = timedelta(seconds=1)
_LONGEST_WORD = 200
_GRANTLESS_SCOPE = "sellingpartnerapi::notifications"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What proves to Amazon that the seller has let us in; never shown when printed.

    `former_client_secret` is tried when the client secret is refused: a new one takes a while to be known
    everywhere at Amazon, and the one before it stays good meanwhile.
    """

    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    refresh_token: str = dataclasses.field(repr=False)
    former_client_secret: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(slots=True)
class _Seller:
    """What is remembered for one pair of client id and refresh token (or scope, without a seller)."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    token: str | None = dataclasses.field(default=None, repr=False)
    good_until: datetime | None = None
    failure: RemoteError | None = None
    failed_until: datetime | None = None


class AccessTokens:
    """The access tokens in use, by client id and refresh token; safe for any number of threads."""

    def __init__(
        self, clock: Clock, endpoint: str, *, verify: ssl.SSLContext, timeout_seconds: float = 10.0
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._client = connect(
            endpoint,
            verify=verify,
            timeout=httpx.Timeout(timeout_seconds),
            longest_seconds=2 * timeout_seconds,
        )
        self._sellers: dict[tuple[str, str], _Seller] = {}
        self._lock = threading.Lock()

    def token(self, credentials: Credentials, *, grantless: bool = False) -> str:
        """Return a token that is good for now, asking Amazon only when there is none.

        A `grantless` one speaks for the application alone, and opens only operations of that kind. Raises
        `AccessRefused` for credentials Amazon does not accept (remembered for a minute), `Unavailable`,
        `Throttled` or `UnexpectedPayload`.
        """
        seller = self._seller(credentials, grantless=grantless)
        with seller.lock:
            now = self._clock.now()
            if seller.token is not None and seller.good_until is not None and now < seller.good_until:
                return seller.token
            if seller.failure is not None and seller.failed_until is not None and now < seller.failed_until:
                # The same refusal again, without the traces of whoever met it before.
                raise seller.failure.with_traceback(None)
            try:
                token, lifetime = self._ask_with_either_secret(credentials, grantless=grantless)
            except RemoteError as error:
                refused = isinstance(error, AccessRefused)
                seller.failure = error
                # Threads that queued up behind a failed request share its outcome instead of each
                # waiting for a time-out of its own.
                seller.failed_until = self._clock.now() + (
                    _REFUSAL_REMEMBERED if refused else _TROUBLE_REMEMBERED
                )
                raise
            seller.token, seller.failure = token, None
            seller.good_until = now + timedelta(seconds=lifetime - min(_MARGIN_SECONDS, lifetime / 2))
            return token

    def drop(self, credentials: Credentials, token: str) -> None:
        """Forget a token that Amazon refused; one renewed in the meantime stays."""
        for grantless in (False, True):
            seller = self._seller(credentials, grantless=grantless)
            with seller.lock:
                if seller.token == token:
                    seller.token = None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _seller(self, credentials: Credentials, *, grantless: bool) -> _Seller:
        owner = _GRANTLESS_SCOPE if grantless else credentials.refresh_token
        with self._lock:
            return self._sellers.setdefault((credentials.client_id, owner), _Seller())

    def _ask_with_either_secret(self, credentials: Credentials, *, grantless: bool) -> tuple[str, float]:
        """Ask with the client secret, and while a new one is not yet known everywhere, with the former."""
        try:
            return self._ask(credentials, credentials.client_secret, grantless=grantless)
        except _SecretRefused:
            if credentials.former_client_secret is None:
                raise
            return self._ask(credentials, credentials.former_client_secret, grantless=grantless)

    def _ask(self, credentials: Credentials, client_secret: str, *, grantless: bool) -> tuple[str, float]:
        grant = (
            {"grant_type": "client_credentials", "scope": _GRANTLESS_SCOPE}
            if grantless
            else {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token}
        )
        form = {**grant, "client_id": credentials.client_id, "client_secret": client_secret}
        try:
            answer = self._client.post(self._endpoint, data=form)
        except httpx.HTTPError as error:
            raise Unavailable(f"no answer ({type(error).__name__}).", operation=OPERATION) from error
        return _read_grant(answer)


class _SecretRefused(AccessRefused):
    """Amazon does not know the application by this secret."""


def _read_grant(answer: httpx.Response) -> tuple[str, float]:
    """Return the token and its life in seconds, or raise the named error."""
    status = answer.status_code
    request_id = answer.headers.get("x-amzn-RequestId")
    try:
        body = answer.json()
    except ValueError:
        body = None
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Throttled("too many token requests.", operation=OPERATION, request_id=request_id)
    if not isinstance(body, dict) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Unavailable(
            "the answer is not Login with Amazon's.",
            operation=OPERATION,
            status=status,
            request_id=request_id,
        )
    if status != HTTPStatus.OK:
        raise _refusal(body, status, request_id)
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        raise UnexpectedPayload(
            "no access token in the answer.", operation=OPERATION, status=status, request_id=request_id
        )
    return token, _lifetime(body.get("expires_in"))


def _refusal(body: dict[str, Any], status: int, request_id: str | None) -> AccessRefused:
    words = [str(body[name])[:_LONGEST_WORD] for name in ("error", "error_description") if body.get(name)]
    kind, next_step = AccessRefused, None
    if body.get("error") == "invalid_client":
        kind = _SecretRefused
        next_step = (
            "Check the client id and secret: a secret expires 180 days after it was made and is renewed "
            "in Amazon's developer console."
        )
    elif body.get("error") == "invalid_grant":
        next_step = "Authorize the application again and store the new refresh token."
    return kind(
        (": ".join(words) or "refused without a reason") + ".",
        operation=OPERATION,
        status=status,
        request_id=request_id,
        next_step=next_step,
    )


def _lifetime(expires_in: object) -> float:
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float) or not expires_in > 0:
        return _USUAL_LIFETIME_SECONDS
    return min(float(expires_in), _USUAL_LIFETIME_SECONDS)
