"""Login with Amazon: access tokens for refresh tokens, and whether a call may come in."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from fbm_sync.emulator.gate.exchange import Answer, Call, Refused
from fbm_sync.emulator.shop import Credentials

SELLER_GRANT = "refresh_token"
GRANTLESS = "client_credentials"
NOTIFICATIONS_SCOPE = "sellingpartnerapi::notifications"


@dataclass(frozen=True, slots=True)
class _Issued:
    """What one access token opens, and until when: a seller's account, or the application's own things."""

    grantless: bool
    expires_at: datetime


class AccessTokens:
    """Issues access tokens and knows which are still good, by the emulator's clock.

    While a client secret is being rotated both the new and the former one are accepted.
    """

    def __init__(
        self, new_token: Callable[[], str], lifetime_seconds: int, credentials: Credentials | None
    ) -> None:
        self._new_token = new_token
        self._lifetime = lifetime_seconds
        self._credentials = credentials
        secrets = (credentials.client_secret, credentials.former_client_secret) if credentials else ()
        self._secrets = [secret for secret in secrets if secret is not None]
        self._issued: dict[str, _Issued] = {}

    def grant(self, call: Call, now: datetime) -> Answer:
        """Answer a token request; the errors are LWA's own shape, not SP-API's."""
        form = {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        problem = _form_problem(call, form) or self._credential_problem(form)
        if problem is not None:
            status, error, description = problem
            return Answer(status=status, body={"error": error, "error_description": description})
        self._issued = {token: issued for token, issued in self._issued.items() if issued.expires_at > now}
        grantless = form["grant_type"] == GRANTLESS
        token = ("Atc|" if grantless else "Atza|") + self._new_token()
        self._issued[token] = _Issued(grantless, now + timedelta(seconds=self._lifetime))
        body = {"access_token": token, "token_type": "bearer", "expires_in": self._lifetime}
        return Answer(body=body if grantless else body | {"refresh_token": form["refresh_token"]})

    def _credential_problem(self, form: dict[str, str]) -> tuple[int, str, str] | None:
        known = self._credentials
        if known is None:
            return None
        is_known_secret = any(_same(form["client_secret"], secret) for secret in self._secrets)
        if not (_same(form["client_id"], known.client_id) and is_known_secret):
            return 401, "invalid_client", "Client authentication failed"
        if form["grant_type"] == SELLER_GRANT and not _same(form["refresh_token"], known.refresh_token):
            return 400, "invalid_grant", "The refresh token is invalid or revoked"
        return None

    def expire_all(self, now: datetime) -> None:
        """End the life of every access token handed out so far."""
        self._issued = {token: _Issued(issued.grantless, now) for token, issued in self._issued.items()}

    @property
    def are_named(self) -> bool:
        """Whether the scenario names the credentials, so that there is a secret to rotate."""
        return self._credentials is not None

    def rotate(self, new_secret: str) -> None:
        """Give the application a new client secret; the one it had is accepted until the rotation ends."""
        self._secrets = [new_secret, *self._secrets[:1]]

    def end_rotation(self) -> None:
        """Accept the newest client secret only."""
        del self._secrets[1:]

    def check(self, call: Call, now: datetime, *, grantless: bool = False) -> None:
        """Let a call pass, or refuse it the way Amazon does for a missing, unknown or expired token.

        A grantless operation wants the application's own token, every other one a seller's.
        """
        token = call.headers.get("x-amz-access-token")
        if not token:
            raise _denied("The access token is missing from the request.")
        issued = self._issued.get(token)
        if issued is None:
            raise _denied("The access token is not valid.")
        if now >= issued.expires_at:
            raise _denied("The access token has expired.")
        if issued.grantless != grantless:
            wanted = "a grantless token" if grantless else "the seller's authorization"
            raise _denied(f"This operation needs {wanted}.")


def _form_problem(call: Call, form: dict[str, str]) -> tuple[int, str, str] | None:
    if "application/x-www-form-urlencoded" not in call.headers.get("content-type", ""):
        return 400, "invalid_request", "The request must be form-encoded"
    if "grant_type" not in form:
        return 400, "invalid_request", "The request is missing grant_type"
    wanted = {SELLER_GRANT: "refresh_token", GRANTLESS: "scope"}.get(form["grant_type"])
    if wanted is None:
        return 400, "unsupported_grant_type", f"Only {SELLER_GRANT} and {GRANTLESS} are known here"
    for name in (wanted, "client_id", "client_secret"):
        if name not in form:
            return 400, "invalid_request", f"The request is missing {name}"
    if "refresh_token" in form and "scope" in form:
        return 400, "invalid_request", "A refresh_token and a scope exclude each other"
    if form.get("scope", NOTIFICATIONS_SCOPE) != NOTIFICATIONS_SCOPE:
        return 400, "invalid_scope", f"Only the scope {NOTIFICATIONS_SCOPE} is known here"
    return None


def _denied(details: str) -> Refused:
    return Refused(403, "Unauthorized", "Access to requested resource is denied.", details)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
