"""What the emulator writes of its own: processing reports, the account health report, notifications.

Each is held against Amazon's schema of it, by the strict reading: every field known, and of its type.
"""

import json
from datetime import timedelta

import pytest

import tally
from amazon_models import ARE_HERE, MODELS, WHY_SKIPPED, operations, schema_faults
from witnessed import (
    BUS,
    EVERY_SET,
    ORDER,
    Request,
    WitnessedShop,
    a_feed,
    create_report,
    destination,
    subscription,
)

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

ISSUES_CHANGE = "LISTINGS_ITEM_ISSUES_CHANGE"
QUANTITY_CHANGE = "LISTINGS_ITEM_MFN_QUANTITY_CHANGE"
SCHEMAS = {
    ("ORDER_CHANGE", "1.0"): "OrderChangeNotification.json",
    (QUANTITY_CHANGE, "1.0"): "ListingsItemMfnQuantityChange.json",
    (ISSUES_CHANGE, "1.0"): "ListingsItemIssuesChangeNotification.json",
    (ISSUES_CHANGE, "2023-12-13"): "ListingsItemIssuesChangeNotification_2023-12-13.json",
    ("FEED_PROCESSING_FINISHED", "2020-09-04"): "FeedProcessingFinishedNotification.json",
    ("REPORT_PROCESSING_FINISHED", "2020-09-04"): "ReportProcessingFinishedNotification.json",
}
AN_EVENT = {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}

AVAILABLE = [{"fulfillment_channel_code": "DEFAULT", "quantity": 5, "lead_time_to_ship_max_days": 2}]
MESSAGES = {
    "patch": {"operationType": "PATCH", "productType": "HOME", "patches": a_feed()["messages"][0]["patches"]},
    "update": {
        "operationType": "UPDATE",
        "productType": "HOME",
        "requirements": "LISTING_OFFER_ONLY",
        "attributes": {"fulfillment_availability": AVAILABLE, "condition_type": [{"value": "new_new"}]},
    },
    "partial update": {
        "operationType": "PARTIAL_UPDATE",
        "productType": "HOME",
        "attributes": {"fulfillment_availability": AVAILABLE},
    },
    "delete": {"operationType": "DELETE"},
}


def report_on(feed):
    """What the emulator reports on a feed; held against Amazon's schema."""
    shop = WitnessedShop()
    feed_id = shop.feed(feed)
    shop.advance(seconds=60)
    result = shop.send(Request("getFeed", path={"feedId": feed_id})).json()["resultFeedDocumentId"]
    told = json.loads(shop.fetch(Request("getFeedDocument", path={"feedDocumentId": result})))
    assert schema_faults("listings-feed-processing-report-schema-v2.json", told) == []
    tally.count(tally.DOCUMENT, "feed processing report")
    return told


@pytest.mark.parametrize("included", [None, ["summaries"], EVERY_SET.split(",")], ids=["plain", "one", "all"])
@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_processing_report_is_as_its_schema_says(message, included):
    feed = a_feed({"messageId": 1, "sku": "MUG"} | message, {"messageId": 2, "sku": "BOWL"} | message)
    if included:
        feed["header"]["report"] = {"includedData": included, "apiVersion": "2021-08-01"}
    assert schema_faults("listings-feed-schema-v2.json", feed) == []
    told = report_on(feed)
    assert told["summary"]["messagesAccepted"] == 2
    for item in told.get("items", []):
        assert operations()["getListingsItem"].faults({"$ref": "#/definitions/Item"}, item) == []


@pytest.mark.parametrize(
    "feed",
    [
        a_feed({"messageId": 1, "sku": "MUG", "operationType": "PATCH"}),
        a_feed({"messageId": 1, "sku": "MUG", "operationType": "EAT"}),
        a_feed({"messageId": 1, "sku": "", "operationType": "DELETE"}),
        a_feed({"messageId": 1, "sku": "NOPE", "operationType": "DELETE"}),
        a_feed({"messageId": 0, "sku": "MUG", "operationType": "DELETE"}),
        a_feed({"messageId": 1, "sku": "MUG"} | MESSAGES["partial update"] | {"productType": "SHOES"}),
        a_feed() | {"header": {"sellerId": "A2OTHER", "version": "1.0"}},
        a_feed() | {"messages": []},
        {},
        "not JSON",
    ],
    ids=[
        "no patches",
        "no deed",
        "no sku",
        "nobody",
        "id 0",
        "type",
        "seller",
        "empty",
        "nothing",
        "no JSON",
    ],
)
def test_a_processing_report_of_a_bad_feed_is_as_its_schema_says(feed):
    told = report_on(feed)
    assert told["summary"]["errors"] == len(told["issues"]) > 0


@pytest.mark.parametrize("busy", [False, True])
def test_the_account_health_report_is_as_its_schema_says(busy):
    order = {"created_at": "2026-02-20T10:00:00Z", "items": [{"sku": "MUG", "quantity": 2}]}
    fates = [{"status": "shipped"}, {"status": "cancelled", "cancelled_by": "MERCHANT"}, {}]
    shop = WitnessedShop(orders=[order | fate for fate in fates] if busy else [])
    report_id = shop.send(create_report("GET_V2_SELLER_PERFORMANCE_REPORT")).json()["reportId"]
    shop.advance(seconds=60)
    written = shop.send(Request("getReport", path={"reportId": report_id})).json()["reportDocumentId"]
    told = json.loads(shop.fetch(Request("getReportDocument", path={"reportDocumentId": written})))
    assert schema_faults("accountHealthReport-2020-11-18.json", told) == []
    tally.count(tally.DOCUMENT, "account health report")


# --- what is told of its own accord


def told(kind, version, happen, resource=None):
    """The notifications of one type that something brings about, as they would have been sent."""
    shop = WitnessedShop(orders=[])
    place = shop.send(destination(resource)).json()["payload"]["destinationId"]
    assert shop.send(subscription(place, kind, version)).status_code == 200
    happen(shop)
    return [one["message"] for one in shop.state()["undelivered"]]


def the_life_of_an_order(shop):
    wish = {"order_id": ORDER, "items": [{"sku": "MUG", "quantity": 2}], "pending_seconds": 60}
    shop.control("orders", {"place": [wish | {"programs": ["PRIME", "AMAZON_BUSINESS"]}]})
    shop.advance(seconds=60)
    shop.control("orders", {"request_cancel": [{"order_id": ORDER}]})
    shop.control("orders", {"ship": [{"order_id": ORDER, "items": [{"sku": "MUG", "quantity": 1}]}]})
    shop.control("orders", {"ship": [{"order_id": ORDER}]})
    shop.control("listings", {"sku": "BOWL", "restock_on": "2026-03-20"})
    shop.control("orders", {"place": [{"items": [{"sku": "BOWL", "quantity": 1}]}]})
    shop.advance(seconds=timedelta(days=60).total_seconds())


def a_change_of_quantity(shop):
    shop.control("listings", {"sku": "MUG", "quantity": 3})
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 1}]}]})


def issues_come_and_go(shop):
    issue = {"code": "1", "message": "m", "severity": "ERROR", "categories": []}
    enforced = {"actions": [{"action": "LISTING_SUPPRESSED"}, {"action": "SEARCH_SUPPRESSED"}]}
    shop.control("listings", {"sku": "MUG", "issues": [issue | {"enforcements": enforced}]})
    shop.control("listings", {"sku": "MUG", "issues": []})


def feeds_end(shop):
    shop.feed(a_feed())
    shop.feed("not JSON")
    shop.send(Request("cancelFeed", path={"feedId": shop.feed(a_feed())}))
    shop.advance(seconds=120)


def reports_end(shop):
    shop.report()
    shop.send(Request("cancelReport", path={"reportId": shop.report()}))
    shop.advance(seconds=60)


@pytest.mark.parametrize(
    ("kind", "version", "happen", "times"),
    [
        ("ORDER_CHANGE", "1.0", the_life_of_an_order, 7),
        (QUANTITY_CHANGE, "1.0", a_change_of_quantity, 2),
        (ISSUES_CHANGE, "1.0", issues_come_and_go, 2),
        (ISSUES_CHANGE, "2023-12-13", issues_come_and_go, 2),
        ("FEED_PROCESSING_FINISHED", "2020-09-04", feeds_end, 3),
        ("REPORT_PROCESSING_FINISHED", "2020-09-04", reports_end, 2),
    ],
)
def test_every_notification_is_as_its_schema_says(kind, version, happen, times):
    by_bus = kind.startswith("LISTINGS_")
    messages = told(kind, version, happen, BUS if by_bus else None)
    assert len(messages) == times
    for message in messages:
        if by_bus:
            assert message["detail-type"] == kind
            assert message.keys() == AN_EVENT
        assert schema_faults(SCHEMAS[kind, version], message["detail"] if by_bus else message) == []
        tally.count(tally.NOTIFICATION, kind, version)


def test_every_schema_of_a_notification_at_hand_is_held_against_one():
    at_hand = {path.name for path in MODELS.glob("*Notification*.json")} | {
        path.name for path in MODELS.glob("*Change.json")
    }
    assert at_hand == set(SCHEMAS.values())


def test_a_change_of_the_accounts_status_has_no_schema_but_its_documented_fields():
    def judged(shop):
        shop.control("account", {"status": "AT_RISK"})

    (message,) = told("ACCOUNT_STATUS_CHANGED", "2021-01-01", judged)
    assert message["payload"] == {
        "accountStatusChangeNotification": {
            "previousAccountStatus": "NORMAL",
            "currentAccountStatus": "AT_RISK",
        }
    }
