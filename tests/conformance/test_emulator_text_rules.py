"""What Amazon's models say in their text is insisted on: what breaks it is refused.

One table, each rule in words beside a request that breaks it; under it what takes more than one request.
"""

import copy
from dataclasses import replace

import pytest

from amazon_models import ARE_HERE, WHY_SKIPPED
from emulated import MARKET, SELLER
from witnessed import (
    AVAILABILITY,
    BUS,
    LONG_AGO,
    QUEUE,
    YESTERDAY,
    Request,
    a_feed,
    create_feed,
    create_report,
    destination,
    lived_in,
    order_changes,
    patch,
    subscription,
)

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

SEARCH = Request("searchOrders", query={"lastUpdatedAfter": LONG_AGO})
JUST_NOW = "2026-03-02T19:59:01Z"  # two minutes before the shop's time, less a second
ITEMS = Request("searchListingsItems", path={"sellerId": SELLER}, query={"marketplaceIds": MARKET})
ITEM = Request("getListingsItem", path={"sellerId": SELLER, "sku": "MUG"}, query={"marketplaceIds": MARKET})
FEEDS = Request("getFeeds", query={"feedTypes": "JSON_LISTINGS_FEED"})
REPORTS = Request("getReports", query={"reportTypes": "GET_MERCHANT_LISTINGS_ALL_DATA"})
LISTED = Request("getSubscriptions", query={"notificationTypes": "ORDER_CHANGE"})
BY_SKU = {"identifiers": "MUG", "identifiersType": "SKU"}
SQS = {"sqs": {"arn": QUEUE}}


def report(**fields):
    made = create_report()
    return replace(made, body=made.body | fields)


def nested():
    wrong = copy.deepcopy(patch())
    wrong.body["patches"][0]["path"] = f"{AVAILABILITY}/0/quantity"
    return wrong


def elsewhere():
    wrong = copy.deepcopy(patch())
    wrong.body["patches"][0]["path"] = "/summaries"
    return wrong


def unselected():
    wrong = copy.deepcopy(patch())
    wrong.body["patches"][0]["value"] = [{"quantity": 1}]
    return wrong


def expression(text):
    return subscription("any", processingDirective={"filterExpression": text})


RULES = {
    "orders are asked for from some time on": SEARCH.but(lastUpdatedAfter=None),
    "either by creation or by update, not both": SEARCH.but(createdAfter=LONG_AGO),
    "createdAfter excludes lastUpdatedBefore": SEARCH.but(
        lastUpdatedAfter=None, createdAfter=LONG_AGO, lastUpdatedBefore=YESTERDAY
    ),
    "createdBefore excludes lastUpdatedAfter": SEARCH.but(createdBefore=YESTERDAY),
    "createdBefore does not come alone": SEARCH.but(lastUpdatedAfter=None, createdBefore=YESTERDAY),
    "lastUpdatedBefore does not come alone": SEARCH.but(lastUpdatedAfter=None, lastUpdatedBefore=YESTERDAY),
    "both ends of the wrong kinds are no range": SEARCH.but(
        lastUpdatedAfter=None, createdBefore=YESTERDAY, lastUpdatedBefore=YESTERDAY
    ),
    "createdBefore is not before createdAfter": SEARCH.but(
        lastUpdatedAfter=None, createdAfter=YESTERDAY, createdBefore=LONG_AGO
    ),
    "lastUpdatedBefore is not before lastUpdatedAfter": SEARCH.but(
        lastUpdatedAfter=YESTERDAY, lastUpdatedBefore=LONG_AGO
    ),
    "createdBefore is two minutes old": SEARCH.but(
        lastUpdatedAfter=None, createdAfter=LONG_AGO, createdBefore=JUST_NOW
    ),
    "lastUpdatedBefore is two minutes old": SEARCH.but(lastUpdatedBefore=JUST_NOW),
    "a page of orders has one at least": SEARCH.but(maxResultsPerPage=0),
    "a page of orders has a hundred at most": SEARCH.but(maxResultsPerPage=101),
    "a token for orders was handed out by Amazon": SEARCH.but(paginationToken="made up"),
    "an order id has the form of one": Request("getOrder", path={"orderId": "TEST"}),
    "a marketplace is the seller's own (listing)": ITEM.but(marketplaceIds="invalid"),
    "a marketplace is the seller's own (listings)": ITEMS.but(marketplaceIds="invalid"),
    "a marketplace is the seller's own (patch)": patch().but(marketplaceIds="invalid"),
    "identifiers come with their type": ITEMS.but(identifiers="MUG"),
    "a type of identifiers comes with some": ITEMS.but(identifiersType="SKU"),
    "identifiers exclude variationParentSku": ITEMS.but(**BY_SKU, variationParentSku="MUG"),
    "identifiers exclude packageHierarchySku": ITEMS.but(**BY_SKU, packageHierarchySku="MUG"),
    "variationParentSku excludes packageHierarchySku": ITEMS.but(
        variationParentSku="MUG", packageHierarchySku="MUG"
    ),
    "a page of listings has one at least": ITEMS.but(pageSize=0),
    "a token for listings was handed out by Amazon": ITEMS.but(pageToken="made up"),
    "only top-level attributes can be patched": nested(),
    "only attributes can be patched": elsewhere(),
    "a merge says into which entry": unselected(),
    "identifiers are told with a preview only": patch(mode=None).but(includedData="identifiers"),
    "a feed has a document": create_feed("amzn1.tortuga.4.na.nobody"),
    "feeds are asked for by type or token": FEEDS.but(feedTypes=None),
    "a token for feeds comes alone": FEEDS.but(nextToken="made up"),
    "a token for feeds was handed out by Amazon": Request("getFeeds", query={"nextToken": "made up"}),
    "only a feed in the queue can be cancelled": "a finished feed",
    "a feed id has the form of one": Request("getFeed", path={"feedId": "badFeedId1"}),
    "a report is of a known type": report(reportType="BAD_FEE_DISCOUNTS_REPORT"),
    "a report does not begin in the future": report(dataStartTime="2027-01-01T00:00:00Z", dataEndTime=None),
    "a report does not end in the future": report(dataEndTime="2027-01-01T00:00:00Z"),
    "a report ends after it begins": report(dataStartTime=YESTERDAY, dataEndTime=LONG_AGO),
    "options of a report are texts": report(reportOptions={"custom": True}),
    "reports are asked for by type or token": REPORTS.but(reportTypes=None),
    "a token for reports comes alone": REPORTS.but(nextToken="made up"),
    "a token for reports was handed out by Amazon": Request("getReports", query={"nextToken": "made up"}),
    "only a report in the queue can be cancelled": "a finished report",
    "a report id has the form of one": Request("getReport", path={"reportId": "badReportId1"}),
    "a destination is one resource, not two": destination(SQS | BUS, "both"),
    "a destination is one resource, not none": destination({}, "none"),
    "a destination has a name": destination(name=""),
    "a destination's name is at most 256 characters long": destination(name="x" * 257),
    "a bus is in a region": destination({"eventBridge": {"accountId": "123456789012"}}, "bus"),
    "a bus is in an account": destination({"eventBridge": {"region": "us-east-1"}}, "bus"),
    "subscriptions are listed for one type": LISTED.but(
        notificationTypes="ORDER_CHANGE,ACCOUNT_STATUS_CHANGED"
    ),
    "a token for subscriptions was handed out by Amazon": LISTED.but(nextToken="made up"),
    "a subscription is to a known type": subscription("any", "NO_SUCH_CHANGE"),
    "a subscription that is read is to a known type": Request(
        "getSubscription", path={"notificationType": "NO_SUCH_CHANGE"}
    ),
    "a subscription is to a known version": subscription("any", "ORDER_CHANGE", "9.0"),
    "a filter excludes an expression": subscription(
        "any",
        processingDirective=order_changes()["processingDirective"] | {"filterExpression": "x == 1"},
    ),
    "an expression has something in it": expression(""),
    "an expression is at most 256 characters long": expression("x" * 257),
    "a filter says of which type it is": subscription(
        "any", processingDirective={"eventFilter": {"marketplaceIds": [MARKET]}}
    ),
    "a filter is of the type subscribed to": subscription(
        "any", **order_changes(eventFilterType="ANY_OFFER_CHANGED")
    ),
    "changes of orders go to a queue": "ORDER_CHANGE to a bus",
    "changes of listings go to a bus": "LISTINGS_ITEM_ISSUES_CHANGE to a queue",
}


def in_this_shop(shop, good, wanted):
    """A request of the table, for those whose ids are known only in the shop."""
    if isinstance(wanted, Request):
        return wanted
    if wanted.startswith("a finished"):
        kind = wanted.rpartition(" ")[2]
        done = next(one for one in good if one.operation == f"get{kind.title()}")
        return replace(done, operation=f"cancel{kind.title()}")
    places = shop.state()["notifications"]["destinations"]
    kind, _, channel = wanted.partition(" to a ")
    by = {"bus": "eventBridge", "queue": "sqs"}[channel]
    place = next(one["destinationId"] for one in places if by in one["resource"])
    return subscription(place, kind)


@pytest.mark.parametrize("words", RULES)
def test_what_the_text_asks_for_is_insisted_on(unmoved, opened, words):
    unmoved.refuses(in_this_shop(unmoved, opened[1], RULES[words]))


def test_a_fifo_queue_is_no_destination(unmoved):
    unmoved.refuses(destination({"sqs": {"arn": f"{QUEUE}.fifo"}}, "fifo"))


def test_a_deactivated_seller_submits_no_feed():
    shop, good = lived_in()
    shop.control("account", {"status": "DEACTIVATED"})
    shop.refuses(next(one for one in good if one.operation == "createFeed"))


# --- page tokens


def test_a_token_for_orders_lives_for_a_day():
    shop, _ = lived_in()
    wishes = [{"items": [{"sku": "MUG", "quantity": 1}]} for _ in range(3)]
    shop.control("orders", {"place": wishes})
    shop.advance(minutes=5)
    first = SEARCH.but(maxResultsPerPage=1, includedData="FULFILLMENT")
    token = shop.send(first).json()["pagination"]["nextToken"]
    # The size and the sections may change along the way, and nothing else.
    following = SEARCH.but(maxResultsPerPage=2, paginationToken=token)
    assert len(shop.send(following).json()["orders"]) == 2
    for changed in ({"fulfilledBy": "MERCHANT"}, {"lastUpdatedAfter": YESTERDAY}, {"marketplaceIds": MARKET}):
        shop.refuses(following.but(**changed))
    shop.advance(hours=24)
    assert shop.send(following).status_code == 200
    shop.advance(seconds=1)
    shop.refuses(following)


def test_a_token_is_for_its_own_list():
    shop, _ = lived_in()
    shop.feed(a_feed())
    shop.report()
    feeds = shop.send(FEEDS.but(pageSize=1)).json()["nextToken"]
    reports = shop.send(REPORTS.but(pageSize=1)).json()["nextToken"]
    items = shop.send(ITEMS.but(pageSize=1)).json()["pagination"]["nextToken"]
    for request in (
        Request("getFeeds", query={"nextToken": reports}),
        Request("getReports", query={"nextToken": feeds}),
        Request("getFeeds", query={"nextToken": feeds, "pageSize": "1"}),
        Request("getReports", query={"nextToken": reports, "pageSize": "1"}),
        SEARCH.but(paginationToken=items),
        ITEMS.but(pageToken=items, sortBy="sku"),
    ):
        shop.refuses(request)
    assert shop.send(Request("getFeeds", query={"nextToken": feeds})).status_code == 200
    assert shop.send(Request("getReports", query={"nextToken": reports})).status_code == 200
