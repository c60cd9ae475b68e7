"""Amazon's operations that we use: how each is called, what a success contains, how often it may be asked.

Here: facts, one row for each operation. Not here: waiting, retrying (`gateway`, `throttle`), nor what a call
asks or what its answer means (`orders`, `listings`, `feeds`, `reports`, `sellers`, `notifications`).
"""

import dataclasses
from collections.abc import Mapping

PREVIEW = "validationPreview"
"""A patch that Amazon only judges: it counts as a patch and against a limit of its own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: the client that has it, its method there, and what a success must contain.

    `rate` and `burst` are the plan Amazon publishes: requests per second, and how many may come at once.
    `by_marketplace` names the account's marketplaces in the query. `repeatable` means that sending it twice
    does no more than sending it once; others are not sent again when it is unknown whether they arrived.
    `grantless` ones act for the application, not for the seller, and want a token of that kind.
    """

    api: str
    method: str
    rate: float
    burst: float
    answers_with: tuple[str, ...] = ()
    by_marketplace: bool = False
    repeatable: bool = True
    grantless: bool = False


def _orders(method: str, rate: float, burst: float, key: str, *, by_marketplace: bool = False) -> Operation:
    return Operation(
        api="orders",
        method=method,
        rate=rate,
        burst=burst,
        answers_with=(key,),
        by_marketplace=by_marketplace,
    )


def _listings(method: str, burst: float, *keys: str) -> Operation:
    return Operation(
        api="listings", method=method, rate=5, burst=burst, answers_with=keys, by_marketplace=True
    )


def _feeds(method: str, rate: float, burst: float, *keys: str, repeatable: bool = True) -> Operation:
    return Operation(
        api="feeds", method=method, rate=rate, burst=burst, answers_with=keys, repeatable=repeatable
    )


def _reports(method: str, rate: float, burst: float, *keys: str, repeatable: bool = True) -> Operation:
    return Operation(
        api="reports", method=method, rate=rate, burst=burst, answers_with=keys, repeatable=repeatable
    )


def _notifications(method: str, *keys: str, repeatable: bool = True, grantless: bool = False) -> Operation:
    return Operation(
        api="notifications",
        method=method,
        rate=1,
        burst=5,
        answers_with=keys,
        repeatable=repeatable,
        grantless=grantless,
    )


OPERATIONS: Mapping[str, Operation] = {
    "searchOrders": _orders("search_orders", 0.0056, 20, "orders", by_marketplace=True),
    "getOrder": _orders("get_order", 0.5, 30, "order"),
    "searchListingsItems": _listings("search_listings_items", 5, "items"),
    "getListingsItem": _listings("get_listings_item", 10, "sku"),
    "patchListingsItem": _listings("patch_listings_item", 5, "sku", "status"),
    "createFeedDocument": _feeds("create_feed_document", 0.5, 15, "feedDocumentId", "url"),
    # Not the operation's general plan (0.0083, 15): the only feed we send, JSON_LISTINGS_FEED, has its own,
    # five submissions in five minutes.
    "createFeed": _feeds("create_feed", 5 / 300, 5, "feedId", repeatable=False),
    "getFeed": _feeds("get_feed", 2, 15, "feedId", "processingStatus"),
    "getFeeds": _feeds("get_feeds", 0.0222, 10, "feeds"),
    "cancelFeed": _feeds("cancel_feed", 2, 15),
    "getFeedDocument": _feeds("get_feed_document", 0.0222, 10, "feedDocumentId", "url"),
    "createReport": _reports("create_report", 0.0167, 15, "reportId", repeatable=False),
    "getReport": _reports("get_report", 2, 15, "reportId", "processingStatus"),
    "getReports": _reports("get_reports", 0.0222, 10, "reports"),
    "getReportDocument": _reports("get_report_document", 0.0167, 15, "reportDocumentId", "url"),
    "getDestinations": _notifications("get_destinations", "payload", grantless=True),
    "createDestination": _notifications("create_destination", "payload", repeatable=False, grantless=True),
    "getSubscription": _notifications("get_subscription", "payload"),
    "createSubscription": _notifications("create_subscription", "payload", repeatable=False),
    "deleteSubscriptionById": _notifications("delete_subscription_by_id", grantless=True),
    "getMarketplaceParticipations": Operation(
        api="sellers",
        method="get_marketplace_participation",
        rate=0.016,
        burst=15,
        answers_with=("payload",),
    ),
}

PUBLISHED_PLANS: Mapping[str, tuple[float, float]] = {
    **{name: (operation.rate, operation.burst) for name, operation in OPERATIONS.items()},
    PREVIEW: (1, 1),
}
"""Requests per second, and how many may come at once, for everything that has a limit of its own."""
