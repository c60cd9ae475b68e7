"""The gate of the emulated Amazon: who may come in, how often, and which operation answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from .clock import format_instant
from .exchange import Answer, Call, Refused, error_answer
from .faults import FaultRule
from .feed_calls import submits_listings
from .limits import LISTINGS_FEED, PREVIEW
from .world import World

Handler = Callable[[World, Call, datetime], Answer]
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
    handler: Handler
    grantless: bool = False
    signed: bool = False


OPERATIONS = (
    Operation(TOKEN, "POST", "/auth/o2/token", lambda world, call, now: world.access.grant(call, now)),
    Operation(
        "searchOrders",
        "GET",
        "/orders/2026-01-01/orders",
        lambda world, call, now: world.order_calls.search(call, now),
    ),
    Operation(
        "getOrder",
        "GET",
        "/orders/2026-01-01/orders/{order_id}",
        lambda world, call, now: world.order_calls.get(call, now),
    ),
    Operation(
        "searchListingsItems",
        "GET",
        "/listings/2021-08-01/items/{seller_id}",
        lambda world, call, now: world.listing_calls.search(call, now),
    ),
    Operation(
        "getListingsItem",
        "GET",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world, call, now: world.listing_calls.get(call, now),
    ),
    Operation(
        "patchListingsItem",
        "PATCH",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world, call, now: world.listing_calls.patch(call, now),
    ),
    Operation(
        "getMarketplaceParticipations",
        "GET",
        "/sellers/v1/marketplaceParticipations",
        lambda world, call, now: world.seller_calls.marketplace_participations(call, now),
    ),
    Operation(
        "createDestination",
        "POST",
        "/notifications/v1/destinations",
        lambda world, call, now: world.notification_calls.create_destination(call, now),
        grantless=True,
    ),
    Operation(
        "getDestinations",
        "GET",
        "/notifications/v1/destinations",
        lambda world, call, now: world.notification_calls.destinations(call, now),
        grantless=True,
    ),
    Operation(
        "getDestination",
        "GET",
        "/notifications/v1/destinations/{destination_id}",
        lambda world, call, now: world.notification_calls.destination(call, now),
        grantless=True,
    ),
    Operation(
        "deleteDestination",
        "DELETE",
        "/notifications/v1/destinations/{destination_id}",
        lambda world, call, now: world.notification_calls.delete_destination(call, now),
        grantless=True,
    ),
    Operation(
        "getSubscriptions",
        "GET",
        "/notifications/v1/subscriptions",
        lambda world, call, now: world.notification_calls.subscriptions(call, now),
    ),
    Operation(
        "createSubscription",
        "POST",
        "/notifications/v1/subscriptions/{kind}",
        lambda world, call, now: world.notification_calls.create_subscription(call, now),
    ),
    Operation(
        "getSubscription",
        "GET",
        "/notifications/v1/subscriptions/{kind}",
        lambda world, call, now: world.notification_calls.subscription(call, now),
    ),
    Operation(
        "getSubscriptionById",
        "GET",
        "/notifications/v1/subscriptions/{kind}/{subscription_id}",
        lambda world, call, now: world.notification_calls.subscription_by_id(call, now),
        grantless=True,
    ),
    Operation(
        "deleteSubscriptionById",
        "DELETE",
        "/notifications/v1/subscriptions/{kind}/{subscription_id}",
        lambda world, call, now: world.notification_calls.delete_subscription(call, now),
        grantless=True,
    ),
    Operation(
        "createFeedDocument",
        "POST",
        "/feeds/2021-06-30/documents",
        lambda world, call, now: world.feed_calls.create_document(call, now),
    ),
    Operation(
        "getFeedDocument",
        "GET",
        "/feeds/2021-06-30/documents/{document_id}",
        lambda world, call, now: world.feed_calls.get_document(call, now),
    ),
    Operation(
        "createFeed",
        "POST",
        "/feeds/2021-06-30/feeds",
        lambda world, call, now: world.feed_calls.create(call, now),
    ),
    Operation(
        "getFeeds",
        "GET",
        "/feeds/2021-06-30/feeds",
        lambda world, call, now: world.feed_calls.search(call, now),
    ),
    Operation(
        "getFeed",
        "GET",
        "/feeds/2021-06-30/feeds/{feed_id}",
        lambda world, call, now: world.feed_calls.get(call, now),
    ),
    Operation(
        "cancelFeed",
        "DELETE",
        "/feeds/2021-06-30/feeds/{feed_id}",
        lambda world, call, now: world.feed_calls.cancel(call, now),
    ),
    Operation(
        "createReport",
        "POST",
        "/reports/2021-06-30/reports",
        lambda world, call, now: world.report_calls.create(call, now),
    ),
    Operation(
        "getReports",
        "GET",
        "/reports/2021-06-30/reports",
        lambda world, call, now: world.report_calls.search(call, now),
    ),
    Operation(
        "getReport",
        "GET",
        "/reports/2021-06-30/reports/{report_id}",
        lambda world, call, now: world.report_calls.get(call, now),
    ),
    Operation(
        "cancelReport",
        "DELETE",
        "/reports/2021-06-30/reports/{report_id}",
        lambda world, call, now: world.report_calls.cancel(call, now),
    ),
    Operation(
        "getReportDocument",
        "GET",
        "/reports/2021-06-30/documents/{document_id}",
        lambda world, call, now: world.report_calls.get_document(call, now),
    ),
    Operation(
        "uploadDocument",
        "PUT",
        "/documents/{document_id}",
        lambda world, call, now: world.documents.upload(call, now),
        signed=True,
    ),
    Operation(
        "downloadDocument",
        "GET",
        "/documents/{document_id}",
        lambda world, call, now: world.documents.download(call, now),
        signed=True,
    ),
)


def _no_operation(world: World, call: Call, now: datetime) -> Answer:
    raise Refused(404, "NotFound", "The emulator has no such operation.", f"{call.method} {call.path}")


NO_OPERATION = Operation(UNKNOWN, "*", "/{path:path}", _no_operation)


def serve_call(world: World, operation: Operation, call: Call, fault: FaultRule | None) -> Answer:
    """Answer one request of a client and write it down; a fault may take the operation's place."""
    with world.lock:
        now = world.tick()
        answer: Answer | None = None
        if fault is not None and fault.expire_tokens:
            world.access.expire_all(now)
        if fault is None or not fault.needs_no_answer:
            answer = _answer(world, operation, call, now)
        if fault is not None:
            answer = fault.spoil(answer)
        final = answer or Answer(body={})
        status = 0 if final.reset else final.status
        world.journal.record(call, status, now, fault.name if fault else "")
        final.headers.setdefault("x-amzn-RequestId", world.new_request_id())
        final.headers.setdefault("Date", http_date(now))
        rate = world.limits.rate_text(_plan(operation, call))
        if rate is not None and final.status in (200, 201, 202, 204, 400, 404):
            final.headers.setdefault("x-amzn-RateLimit-Limit", rate)
        return final


def _answer(world: World, operation: Operation, call: Call, now: datetime) -> Answer:
    try:
        if operation.name != TOKEN and not operation.signed:
            world.access.check(call, now, grantless=operation.grantless)
            _check_quota(world, operation, call, now)
        return operation.handler(world, call, now)
    except Refused as refusal:
        return error_answer(refusal)


def _check_quota(world: World, operation: Operation, call: Call, now: datetime) -> None:
    if operation.name == UNKNOWN:
        return
    buckets = [_plan(operation, call)]
    if operation.name == "patchListingsItem" and call.params.one("mode") == "VALIDATION_PREVIEW":
        buckets.append(PREVIEW)
    if not world.limits.take(buckets, now):
        details = f"{operation.name} at {format_instant(now)}"
        raise Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", details)


def _plan(operation: Operation, call: Call) -> str:
    """The usage plan a call goes by, which one type of feed has for itself."""
    is_listings_feed = operation.name == "createFeed" and submits_listings(call)
    return LISTINGS_FEED if is_listings_feed else operation.name


def http_date(moment: datetime) -> str:
    """The moment as the Date header of HTTP writes it."""
    return format_datetime(moment, usegmt=True)
