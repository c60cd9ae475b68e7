"""The two classes of python-amazon-sp-api that we use, with the few of its internals that we replace.

Here: the only import of `sp_api` (slow, so the gateway loads this module when the first account is made).
The library decides whether a call failed by looking for a JSON key, so a 503 page reads as an empty
success; and it cuts the Host header of an `http://` address. Both are overridden below, the connection is
one of our own making, and a contract test pins all three to the release they were written for.
"""

import logging
import ssl
from collections.abc import Callable
from typing import Any

import httpx
from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.base._transport_httpx import HttpxTransport
from sp_api.base.credential_provider import FromCodeCredentialProvider

from fbm_sync.adapters.spapi.answers import Answer, BadAnswer
from fbm_sync.adapters.spapi.tokens import AccessTokens, Credentials, connect
from fbm_sync.ports import Clock

_TOKEN_HEADER = "x-amz-access-token"
_WRONG_SPELLINGS = frozenset({"MarketplaceId", "MarketplaceIds", "marketplace_ids"})


class _Shop:
    """The three things the library wants to know of a marketplace."""

    def __init__(self, endpoint: str, marketplace_id: str) -> None:
        self.endpoint = endpoint
        self.marketplace_id = marketplace_id
        self.region = ""


class _Strict:
    """Judges answers by their HTTP status, and sends the headers of this account."""

    user_agent = "fbm_sync (Language=Python)"
    endpoint: str
    access_token: Callable[[], str]
    clock: Clock

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {
            "host": httpx.URL(self.endpoint).netloc.decode("ascii"),
            "user-agent": self.user_agent,
            _TOKEN_HEADER: self.access_token(),
            "x-amz-date": self.clock.now().strftime("%Y%m%dT%H%M%SZ"),
            "content-type": "application/json",
            "accept": "application/json",
        }

    def _check_response(self, res: httpx.Response, *_: object, **__: object) -> Answer:
        """Return a success, or raise `BadAnswer` for everything else."""
        try:
            body = res.json()
        except (ValueError, RecursionError):
            body = None
        headers = {name.lower(): value for name, value in res.headers.items()}
        is_object = isinstance(body, dict)
        answer = Answer(status=res.status_code, headers=headers, body=body if is_object else None)
        # JSON that is not an object is an answer all the same, and the gateway misses its key in it.
        if not res.is_success or body is None:
            raise BadAnswer(answer, res.request.headers.get(_TOKEN_HEADER, ""))
        return answer


class OrdersClient(_Strict, OrdersV20260101):
    """Orders API, version 2026-01-01."""


class ListingsClient(_Strict, ListingsItemsV20210801):
    """Listings Items API, version 2021-08-01."""


def make_clients(
    *,
    endpoint: str,
    marketplace_id: str,
    credentials: Credentials,
    tokens: AccessTokens,
    clock: Clock,
    verify: ssl.SSLContext,
    timeout: httpx.Timeout,
) -> tuple[OrdersClient, ListingsClient]:
    """Return the clients of one account.

    The library would look for credentials in the environment when one is empty, so it is given the one
    provider that does not, and a time-out always: its own default is not the same everywhere.
    """
    _quieten()

    class Login:
        """Stands in for the library's own token client, whose cache mixes up accounts."""

        def __init__(self, **_: object) -> None:
            """The library hands over what we already have."""

    options: dict[str, Any] = {
        "marketplace": _Shop(endpoint, marketplace_id),
        "credentials": {
            "lwa_app_id": credentials.client_id,
            "lwa_client_secret": credentials.client_secret,
            "refresh_token": credentials.refresh_token,
        },
        "credential_providers": [FromCodeCredentialProvider],
        "auth_token_client_class": Login,
        "verify": verify,
        "timeout": timeout,
    }
    orders, listings = OrdersClient(**options), ListingsClient(**options)
    for client in (orders, listings):
        client.access_token = lambda: tokens.token(credentials)
        client.clock = clock
        client.close()
        client._transport = HttpxTransport(  # noqa: SLF001  (pinned by the contract test)
            client=connect(endpoint, verify=verify, timeout=timeout, check=_refuse_spellings)
        )
    return orders, listings


def _refuse_spellings(request: httpx.Request) -> None:
    """Stop a request that names its marketplace in any spelling but Amazon's, before it is sent."""
    stray = _WRONG_SPELLINGS.intersection(request.url.params)
    if stray:
        raise ValueError(f"the library added {', '.join(sorted(stray))} to {request.url.path}")


def _quieten() -> None:
    """Hold three loggers that print access tokens (sp_api, httpcore) or whole URLs (httpx) above that."""
    for name in ("sp_api", "sp_api.base.client", "httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
