"""Login with Amazon: access tokens for refresh tokens, and whether a call may come in."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from .exchange import Answer, Call, Refused
from .shop import Credentials


class AccessTokens:
    """Issues access tokens and knows which are still good, by the emulator's clock."""

    def __init__(
        self, new_token: Callable[[], str], lifetime_seconds: int, credentials: Credentials | None
    ) -> None:
        self._new_token = new_token
        self._lifetime = lifetime_seconds
        self._credentials = credentials
        self._expires_at: dict[str, datetime] = {}

    def grant(self, call: Call, now: datetime) -> Answer:
        """Answer a token request; the errors are LWA's own shape, not SP-API's."""
        form = {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        problem = _form_problem(call, form) or self._credential_problem(form)
        if problem is not None:
            status, error, description = problem
            return Answer(status=status, body={"error": error, "error_description": description})
        self._expires_at = {token: at for token, at in self._expires_at.items() if at > now}
        token = "Atza|" + self._new_token()
        self._expires_at[token] = now + timedelta(seconds=self._lifetime)
        return Answer(
            body={
                "access_token": token,
                "refresh_token": form["refresh_token"],
                "token_type": "bearer",
                "expires_in": self._lifetime,
            }
        )

    def _credential_problem(self, form: dict[str, str]) -> tuple[int, str, str] | None:
        known = self._credentials
        if known is None:
            return None
        if not (
            _same(form["client_id"], known.client_id) and _same(form["client_secret"], known.client_secret)
        ):
            return 401, "invalid_client", "Client authentication failed"
        if not _same(form["refresh_token"], known.refresh_token):
            return 400, "invalid_grant", "The refresh token is invalid or revoked"
        return None

    def check(self, call: Call, now: datetime) -> None:
        """Let a call pass, or refuse it the way Amazon does for a missing, unknown or expired token."""
        token = call.headers.get("x-amz-access-token")
        if not token:
            raise _denied("The access token is missing from the request.")
        expires_at = self._expires_at.get(token)
        if expires_at is None:
            raise _denied("The access token is not valid.")
        if now >= expires_at:
            raise _denied("The access token has expired.")


def _form_problem(call: Call, form: dict[str, str]) -> tuple[int, str, str] | None:
    if "application/x-www-form-urlencoded" not in call.headers.get("content-type", ""):
        return 400, "invalid_request", "The request must be form-encoded"
    if "grant_type" not in form:
        return 400, "invalid_request", "The request is missing grant_type"
    if form["grant_type"] != "refresh_token":
        return 400, "unsupported_grant_type", "Only the refresh_token grant is known here"
    for name in ("refresh_token", "client_id", "client_secret"):
        if name not in form:
            return 400, "invalid_request", f"The request is missing {name}"
    return None


def _denied(details: str) -> Refused:
    return Refused(403, "Unauthorized", "Access to requested resource is denied.", details)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
