"""The classes of python-amazon-sp-api that we use, with the few of its internals that we replace.

Here: the only import of `sp_api` (slow, so the gateway loads this module when the first account is made).
The library decides whether a call failed by looking for a JSON key, so a 503 page reads as an empty
success; and it cuts the Host header of an `http://` address. Both are overridden below, the connection is
one of our own making, and a contract test pins all three to the release they were written for. Where a
method of the library sends more than it was given (stray keys in a body, four spellings of a marketplace)
or downloads through a connection without time-outs, a method of the same name stands in for it.
"""

import logging
import ssl
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from sp_api.api.feeds.feeds_2021_06_30 import FeedsV20210630
from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801
from sp_api.api.notifications.notifications import Notifications
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.api.reports.reports import Reports
from sp_api.api.sellers.sellers import Sellers
from sp_api.base._transport_httpx import HttpxTransport
from sp_api.base.credential_provider import FromCodeCredentialProvider
from sp_api.base.helpers import fill_query_params

from fbm_sync.adapters.spapi.answers import Answer, BadAnswer
from fbm_sync.adapters.spapi.tokens import AccessTokens, Credentials
from fbm_sync.adapters.spapi.wire import connect
from fbm_sync.ports import Clock

_TOKEN_HEADER = "x-amz-access-token"
_READS_LONGEST = 4
"""A whole answer may take as long as so many of its reads; the largest page has some hundred kilobytes."""

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
    grantless_token: Callable[[], str]
    clock: Clock
    _request: Callable[..., Answer]

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return self._headers_with(self.access_token())

    def _headers_with(self, token: str) -> dict[str, str]:
        return {
            "host": httpx.URL(self.endpoint).netloc.decode("ascii"),
            "user-agent": self.user_agent,
            _TOKEN_HEADER: token,
            "x-amz-date": self.clock.now().strftime("%Y%m%dT%H%M%SZ"),
            "content-type": "application/json",
            "accept": "application/json",
        }

    def _ask(
        self,
        method: str,
        template: str,
        *path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        grantless: bool = False,
    ) -> Answer:
        """Send exactly this and nothing else, which the library's own methods do not always do."""
        return self._request(
            fill_query_params(template, *path),
            params={"method": method, **(params or {})},
            data=dict(body or {}),
            headers=self._headers_with(self.grantless_token()) if grantless else None,
            add_marketplace=False,
        )

    def _check_response(self, res: httpx.Response, *_: object, **__: object) -> Answer:
        """Return a success, or raise `BadAnswer` for everything else."""
        try:
            body = res.json()
        except (ValueError, RecursionError):
            body = None
        headers = {name.lower(): value for name, value in res.headers.items()}
        if res.request.method == "DELETE" and res.is_success and not res.content:
            body = {}  # what was deleted has nothing to say
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


class FeedsClient(_Strict, FeedsV20210630):
    """Feeds API, version 2021-06-30."""

    def create_feed_document(self, *, body: Mapping[str, Any]) -> Answer:
        """Ask for an address to upload to."""
        return self._ask("POST", "/feeds/2021-06-30/documents", body=body)

    def create_feed(self, *, body: Mapping[str, Any]) -> Answer:
        """Submit an uploaded document."""
        return self._ask("POST", "/feeds/2021-06-30/feeds", body=body)

    def get_feeds(self, **params: str) -> Answer:
        """List feeds."""
        return self._ask("GET", "/feeds/2021-06-30/feeds", params=params)

    def cancel_feed(self, feed_id: str) -> Answer:
        """Withdraw a feed that still waits in the queue."""
        return self._ask("DELETE", "/feeds/2021-06-30/feeds/{}", feed_id)

    def get_feed_document(self, document_id: str) -> Answer:
        """Ask where a result is, without fetching it."""
        return self._ask("GET", "/feeds/2021-06-30/documents/{}", document_id)


class ReportsClient(_Strict, Reports):
    """Reports API, version 2021-06-30."""

    def create_report(self, *, body: Mapping[str, Any]) -> Answer:
        """Order a report."""
        return self._ask("POST", "/reports/2021-06-30/reports", body=body)

    def get_reports(self, **params: str) -> Answer:
        """List reports."""
        return self._ask("GET", "/reports/2021-06-30/reports", params=params)

    def get_report(self, report_id: str) -> Answer:
        """Ask how a report stands."""
        return self._ask("GET", "/reports/2021-06-30/reports/{}", report_id)

    def get_report_document(self, document_id: str) -> Answer:
        """Ask where a report is, without fetching it."""
        return self._ask("GET", "/reports/2021-06-30/documents/{}", document_id)


class NotificationsClient(_Strict, Notifications):
    """Notifications API, version 1."""

    def get_destinations(self) -> Answer:
        """List where notifications may be sent."""
        return self._ask("GET", "/notifications/v1/destinations", grantless=True)

    def create_destination(self, *, body: Mapping[str, Any]) -> Answer:
        """Name a place where notifications may be sent."""
        return self._ask("POST", "/notifications/v1/destinations", body=body, grantless=True)

    def get_subscription(self, kind: str, **params: str) -> Answer:
        """Ask for the seller's subscription of one kind."""
        return self._ask("GET", "/notifications/v1/subscriptions/{}", kind, params=params)

    def create_subscription(self, kind: str, *, body: Mapping[str, Any]) -> Answer:
        """Subscribe the seller to one kind."""
        return self._ask("POST", "/notifications/v1/subscriptions/{}", kind, body=body)

    def delete_subscription_by_id(self, kind: str, subscription_id: str) -> Answer:
        """End a subscription."""
        template = "/notifications/v1/subscriptions/{}/{}"
        return self._ask("DELETE", template, kind, subscription_id, grantless=True)


class SellersClient(_Strict, Sellers):
    """Sellers API, version 1."""


def make_clients(
    *,
    endpoint: str,
    marketplace_id: str,
    credentials: Credentials,
    tokens: AccessTokens,
    clock: Clock,
    verify: ssl.SSLContext,
    timeout: httpx.Timeout,
) -> Mapping[str, Any]:
    """Return the clients of one account, by the name of their API.

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
    clients: dict[str, Any] = {
        "orders": OrdersClient(**options),
        "listings": ListingsClient(**options),
        "feeds": FeedsClient(**options),
        "reports": ReportsClient(**options),
        "notifications": NotificationsClient(**options),
        "sellers": SellersClient(**options),
    }
    # One connection pool for all: they talk to the same host.
    transport = HttpxTransport(
        client=connect(
            endpoint,
            verify=verify,
            timeout=timeout,
            longest_seconds=_READS_LONGEST * (timeout.read or 0),
            check=_refuse_spellings,
        )
    )
    for client in clients.values():
        client.access_token = lambda: tokens.token(credentials)
        client.grantless_token = lambda: tokens.token(credentials, grantless=True)
        client.clock = clock
        client.close()
        client._transport = transport  # noqa: SLF001  (pinned by the contract test)
    return clients


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
