"""Amazon's operations as the emulator has them: how each is reached, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fbm_sync.emulator.gate.exchange import Answer, Call, Refused
from fbm_sync.emulator.world import World

Handler = Callable[[Call, datetime], Answer]
TOKEN = "token"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One of Amazon's operations: its name there, how it is reached, what answers it.

    A grantless one is open to the application itself, without any seller's authorization; a signed one to
    whoever has its address, without any token or limit.
    """

    name: str
    method: str
    path: str
    handler: Callable[[World], Handler]
    grantless: bool = False
    signed: bool = False


OPERATIONS = (
    Operation(TOKEN, "POST", "/auth/o2/token", lambda world: world.access.grant),
    Operation("searchOrders", "GET", "/orders/2026-01-01/orders", lambda world: world.order_calls.search),
    Operation("getOrder", "GET", "/orders/2026-01-01/orders/{order_id}", lambda world: world.order_calls.get),
    Operation(
        "searchListingsItems",
        "GET",
        "/listings/2021-08-01/items/{seller_id}",
        lambda world: world.listing_calls.search,
    ),
    Operation(
        "getListingsItem",
        "GET",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world: world.listing_calls.get,
    ),
    Operation(
        "patchListingsItem",
        "PATCH",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world: world.listing_calls.patch,
    ),
    Operation(
        "getMarketplaceParticipations",
        "GET",
        "/sellers/v1/marketplaceParticipations",
        lambda world: world.seller_calls.marketplace_participations,
    ),
    Operation(
        "createDestination",
        "POST",
        "/notifications/v1/destinations",
        lambda world: world.notification_calls.create_destination,
        grantless=True,
    ),
    Operation(
        "getDestinations",
        "GET",
        "/notifications/v1/destinations",
        lambda world: world.notification_calls.destinations,
        grantless=True,
    ),
    Operation(
        "getDestination",
        "GET",
        "/notifications/v1/destinations/{destination_id}",
        lambda world: world.notification_calls.destination,
        grantless=True,
    ),
    Operation(
        "deleteDestination",
        "DELETE",
        "/notifications/v1/destinations/{destination_id}",
        lambda world: world.notification_calls.delete_destination,
        grantless=True,
    ),
    Operation(
        "getSubscriptions",
        "GET",
        "/notifications/v1/subscriptions",
        lambda world: world.notification_calls.subscriptions,
    ),
    Operation(
        "createSubscription",
        "POST",
        "/notifications/v1/subscriptions/{kind}",
        lambda world: world.notification_calls.create_subscription,
    ),
    Operation(
        "getSubscription",
        "GET",
        "/notifications/v1/subscriptions/{kind}",
        lambda world: world.notification_calls.subscription,
    ),
    Operation(
        "getSubscriptionById",
        "GET",
        "/notifications/v1/subscriptions/{kind}/{subscription_id}",
        lambda world: world.notification_calls.subscription_by_id,
        grantless=True,
    ),
    Operation(
        "deleteSubscriptionById",
        "DELETE",
        "/notifications/v1/subscriptions/{kind}/{subscription_id}",
        lambda world: world.notification_calls.delete_subscription,
        grantless=True,
    ),
    Operation(
        "createFeedDocument",
        "POST",
        "/feeds/2021-06-30/documents",
        lambda world: world.feed_calls.create_document,
    ),
    Operation(
        "getFeedDocument",
        "GET",
        "/feeds/2021-06-30/documents/{document_id}",
        lambda world: world.feed_calls.get_document,
    ),
    Operation("createFeed", "POST", "/feeds/2021-06-30/feeds", lambda world: world.feed_calls.create),
    Operation("getFeeds", "GET", "/feeds/2021-06-30/feeds", lambda world: world.feed_calls.search),
    Operation("getFeed", "GET", "/feeds/2021-06-30/feeds/{feed_id}", lambda world: world.feed_calls.get),
    Operation(
        "cancelFeed", "DELETE", "/feeds/2021-06-30/feeds/{feed_id}", lambda world: world.feed_calls.cancel
    ),
    Operation("createReport", "POST", "/reports/2021-06-30/reports", lambda world: world.report_calls.create),
    Operation("getReports", "GET", "/reports/2021-06-30/reports", lambda world: world.report_calls.search),
    Operation(
        "getReport", "GET", "/reports/2021-06-30/reports/{report_id}", lambda world: world.report_calls.get
    ),
    Operation(
        "cancelReport",
        "DELETE",
        "/reports/2021-06-30/reports/{report_id}",
        lambda world: world.report_calls.cancel,
    ),
    Operation(
        "getReportDocument",
        "GET",
        "/reports/2021-06-30/documents/{document_id}",
        lambda world: world.report_calls.get_document,
    ),
    Operation(
        "uploadDocument", "PUT", "/documents/{document_id}", lambda world: world.documents.upload, signed=True
    ),
    Operation(
        "downloadDocument",
        "GET",
        "/documents/{document_id}",
        lambda world: world.documents.download,
        signed=True,
    ),
)


def _no_operation(call: Call, _now: datetime) -> Answer:
    raise Refused(404, "NotFound", "The emulator has no such operation.", f"{call.method} {call.path}")


NO_OPERATION = Operation(UNKNOWN, "*", "/{path:path}", lambda _world: _no_operation)
