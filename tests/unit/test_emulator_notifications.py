"""The emulated Notifications API: destinations, subscriptions, and messages in real queues."""

from __future__ import annotations

import sys
import threading

import httpx
import pytest

from fbm_sync.emulator import CONTROL_HELP, ScenarioError, load_scenario, running
from fbm_sync.emulator.notifications.shapes import KINDS

from amazon_models import faults_of, schema_faults
from emulated import MARKET, NOON, SELLER, Shop
from queues import bad_line, new_queue, running_sqs

DESTINATIONS = "/notifications/v1/destinations"
SUBSCRIPTIONS = "/notifications/v1/subscriptions"
NOWHERE = "arn:aws:sqs:us-east-1:123456789012:no-such-queue"
BUS = {"eventBridge": {"region": "us-east-1", "accountId": "123456789012"}}
ONE_MUG = [{"sku": "MUG", "quantity": 1}]
ORDER = "111-0000000-0000001"


@pytest.fixture(scope="module")
def sqs():
    with running_sqs() as endpoint:
        yield endpoint


def ask_grantless_token(shop, **form):
    usual = {"grant_type": "client_credentials", "scope": "sellingpartnerapi::notifications"}
    usual |= {"client_id": "c", "client_secret": "s"}
    return shop.ask("POST", "/auth/o2/token", data=usual | form)


def as_application(shop):
    """Headers of the application itself, which no seller has authorized."""
    return {"x-amz-access-token": ask_grantless_token(shop).json()["access_token"]}


def create_destination(shop, resource, name="mine"):
    body = {"name": name, "resourceSpecification": resource}
    return shop.ask("POST", DESTINATIONS, json=body, headers=as_application(shop))


def subscribe(shop, kind, destination_id, version="1.0", **more):
    body = {"payloadVersion": version, "destinationId": destination_id} | more
    return shop.ask("POST", f"{SUBSCRIPTIONS}/{kind}", json=body)


def subscribed(shop, kind, resource, version="1.0", **more):
    """The shop, with a subscription of that type to a destination of its own."""
    destination = create_destination(shop, resource, name=f"{kind} {version}")
    assert destination.status_code == 200, destination.text
    answer = subscribe(shop, kind, destination.json()["payload"]["destinationId"], version, **more)
    assert answer.status_code == 200, answer.text
    return shop


def flushed(shop):
    return shop.control("notifications", {"flush": True})


def to_queue(queue):
    return {"sqs": {"arn": queue.arn}}


# --- whose token opens what


def test_the_application_gets_a_token_of_its_own_without_any_seller():
    answer = ask_grantless_token(Shop()).json()
    assert (answer["token_type"], answer["expires_in"], "refresh_token" in answer) == ("bearer", 10**9, False)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"refresh_token": "r"}, "invalid_request"),
        ({"scope": ""}, "invalid_request"),
        ({"scope": "sellingpartnerapi::everything"}, "invalid_scope"),
        ({"grant_type": "refresh_token", "refresh_token": "r"}, "invalid_request"),
    ],
)
def test_a_scope_and_a_refresh_token_never_go_together(form, error):
    answer = ask_grantless_token(Shop(), **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    ("method", "path", "grantless"),
    [
        ("POST", DESTINATIONS, True),
        ("GET", DESTINATIONS, True),
        ("GET", f"{DESTINATIONS}/x", True),
        ("DELETE", f"{DESTINATIONS}/x", True),
        ("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE/x", True),
        ("DELETE", f"{SUBSCRIPTIONS}/ORDER_CHANGE/x", True),
        ("GET", SUBSCRIPTIONS, False),
        ("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE", False),
        ("POST", f"{SUBSCRIPTIONS}/ORDER_CHANGE", False),
        ("GET", "/orders/2026-01-01/orders", False),
    ],
)
def test_each_operation_opens_only_to_its_own_kind_of_token(method, path, grantless):
    shop = Shop()
    seller, application = shop.headers, as_application(shop)
    right, wrong = (application, seller) if grantless else (seller, application)
    assert shop.ask(method, path, headers=right).status_code in (200, 400, 404)
    refused = shop.ask(method, path, headers=wrong)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "Unauthorized")


def test_all_tokens_can_be_made_to_expire_at_once():
    shop = Shop()
    application = as_application(shop)
    shop.control("tokens", {"expire": True})
    assert shop.ask("GET", SUBSCRIPTIONS).status_code == 403
    assert shop.ask("GET", DESTINATIONS, headers=application).status_code == 403
    assert shop.ask("GET", DESTINATIONS, headers=as_application(shop)).status_code == 200


def test_during_a_rotation_both_client_secrets_are_good_and_afterwards_only_the_new_one():
    named = {"client_id": "c", "client_secret": "s", "refresh_token": "r", "former_client_secret": "old"}
    shop = Shop(credentials=named)

    def statuses():
        return [ask_grantless_token(shop, client_secret=one).status_code for one in ("old", "s", "new")]

    assert statuses() == [200, 200, 401]
    shop.control("tokens", {"end_rotation": True})
    assert statuses() == [401, 200, 401]
    shop.control("tokens", {"new_client_secret": "new"})
    assert statuses() == [401, 200, 200]
    shop.control("tokens", {"end_rotation": True})
    assert statuses() == [401, 401, 200]
    assert ask_grantless_token(shop, client_secret="s").json()["error"] == "invalid_client"


@pytest.mark.parametrize("body", [{}, {"new_client_secret": "x"}, {"end_rotation": True}, {"expires": True}])
def test_a_token_control_that_means_nothing_here_is_refused(body):
    assert Shop().ask("POST", "/_emulator/tokens", json=body).status_code == 400


# --- destinations


def test_a_destination_is_made_listed_read_and_deleted(sqs):
    shop, queue = Shop(sqs_endpoint=sqs), new_queue(sqs)
    made = create_destination(shop, to_queue(queue)).json()
    assert made["payload"]["resource"] == {"sqs": {"arn": queue.arn}}
    headers, one = as_application(shop), f"{DESTINATIONS}/{made['payload']['destinationId']}"
    assert shop.ask("GET", one, headers=headers).json() == made
    assert shop.ask("GET", DESTINATIONS, headers=headers).json() == {"payload": [made["payload"]]}
    assert faults_of("notifications.json", "CreateDestinationResponse", made) == []
    assert shop.ask("DELETE", one, headers=headers).json() == {}
    assert shop.ask("GET", one, headers=headers).status_code == 404


def test_a_bus_is_named_after_the_account_and_the_application():
    resource = create_destination(Shop(), BUS).json()["payload"]["resource"]["eventBridge"]
    start = "aws.partner/sellingpartnerapi.amazon.com/123456789012/amzn1.sellerapps.app."
    assert resource["name"].startswith(start)
    assert (resource["region"], resource["accountId"]) == ("us-east-1", "123456789012")


@pytest.mark.parametrize(
    "resource",
    [
        None,
        {},
        {"sqs": {"arn": NOWHERE}} | BUS,
        {"sqs": {}},
        {"sqs": "queue"},
        {"sqs": {"arn": "arn:aws:sns:us-east-1:123456789012:topic"}},
        {"sqs": {"arn": f"{NOWHERE}.fifo"}},
        {"eventBridge": {"region": "us-east-1"}},
        {"eventBridge": {"region": "", "accountId": "123456789012"}},
        {"eventBridge": {"region": "us-east-1", "accountId": "mine"}},
        {"kafka": {"topic": "x"}},
    ],
)
def test_a_destination_is_exactly_one_queue_or_one_bus(resource):
    answer = create_destination(Shop(), resource)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize("name", ["", "x" * 257, None, 3])
def test_a_destination_needs_a_name_of_decent_length(name):
    assert create_destination(Shop(), BUS, name).status_code == 400


def test_a_name_is_given_to_one_destination_only():
    shop = Shop()
    assert create_destination(shop, BUS, "x" * 256).status_code == 200
    assert create_destination(shop, BUS, "x" * 256).status_code == 409


def test_a_queue_that_does_not_exist_is_no_destination(sqs):
    answer = create_destination(Shop(sqs_endpoint=sqs), {"sqs": {"arn": NOWHERE}})
    assert (answer.status_code, "does not exist" in answer.text) == (400, True)


def test_an_endpoint_that_does_not_answer_is_said_to_be_the_trouble():
    shop = Shop(sqs_endpoint="http://127.0.0.1:9")
    answer = create_destination(shop, {"sqs": {"arn": NOWHERE}})
    assert (answer.status_code, "http://127.0.0.1:9" in answer.text) == (400, True)


def test_a_destination_in_use_cannot_be_deleted():
    shop = subscribed(Shop(), "LISTINGS_ITEM_ISSUES_CHANGE", BUS)
    destination = shop.state()["notifications"]["destinations"][0]["destinationId"]
    answer = shop.ask("DELETE", f"{DESTINATIONS}/{destination}", headers=as_application(shop))
    assert answer.status_code == 409


# --- subscriptions


def test_a_subscription_is_made_found_in_three_ways_and_deleted():
    shop = Shop()
    destination = create_destination(shop, {"sqs": {"arn": NOWHERE}}).json()["payload"]["destinationId"]
    made = subscribe(shop, "ORDER_CHANGE", destination).json()
    assert faults_of("notifications.json", "CreateSubscriptionResponse", made) == []
    assert shop.ask("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE").json() == made
    listed = shop.ask("GET", SUBSCRIPTIONS, params={"notificationTypes": "ORDER_CHANGE"}).json()
    assert listed == {"payload": {"subscriptions": [made["payload"]]}}
    path = f"{SUBSCRIPTIONS}/ORDER_CHANGE/{made['payload']['subscriptionId']}"
    headers = as_application(shop)
    assert shop.ask("GET", path, headers=headers).json() == made
    other = path.replace("ORDER_CHANGE", "FEED_PROCESSING_FINISHED")
    assert shop.ask("GET", other, headers=headers).status_code == 404
    assert shop.ask("DELETE", path, headers=headers).json() == {}
    assert shop.ask("GET", f"{SUBSCRIPTIONS}/ORDER_CHANGE").status_code == 404


def test_a_type_is_subscribed_to_once_per_payload_version():
    shop = subscribed(Shop(), "LISTINGS_ITEM_ISSUES_CHANGE", BUS)
    destination = shop.state()["notifications"]["destinations"][0]["destinationId"]
    kind = "LISTINGS_ITEM_ISSUES_CHANGE"
    assert subscribe(shop, kind, destination).status_code == 409
    assert subscribe(shop, kind, destination, "2023-12-13").status_code == 200
    latest = shop.ask("GET", f"{SUBSCRIPTIONS}/{kind}").json()["payload"]
    first = shop.ask("GET", f"{SUBSCRIPTIONS}/{kind}", params={"payloadVersion": "1.0"}).json()["payload"]
    assert (latest["payloadVersion"], first["payloadVersion"]) == ("2023-12-13", "1.0")


@pytest.mark.parametrize(
    ("kind", "resource", "version", "directive"),
    [
        ("ORDER_CHANGE", BUS, "1.0", None),
        ("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", None),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, "2.0", None),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, None, None),
        ("ORDER_STATUS_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", None),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", {"filter": 1}),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", {"eventFilter": {}}),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", {"filterExpression": "x" * 257}),
        ("ORDER_CHANGE", {"sqs": {"arn": NOWHERE}}, "1.0", {"filterExpression": "x == 1"}),
        (
            "ORDER_CHANGE",
            {"sqs": {"arn": NOWHERE}},
            "1.0",
            {"eventFilter": {"eventFilterType": "ORDER_CHANGE"}, "filterExpression": "x == 1"},
        ),
        (
            "ORDER_CHANGE",
            {"sqs": {"arn": NOWHERE}},
            "1.0",
            {"eventFilter": {"eventFilterType": "ORDER_CHANGE", "orderChangeTypes": ["Gone"]}},
        ),
        (
            "FEED_PROCESSING_FINISHED",
            {"sqs": {"arn": NOWHERE}},
            "1.0",
            {"eventFilter": {"eventFilterType": "ORDER_CHANGE"}},
        ),
    ],
)
def test_a_subscription_that_amazon_would_not_take_is_refused(kind, resource, version, directive):
    shop = Shop()
    destination = create_destination(shop, resource).json()["payload"]["destinationId"]
    more = {} if directive is None else {"processingDirective": directive}
    assert subscribe(shop, kind, destination, version, **more).status_code == 400


def test_a_subscription_to_a_destination_that_is_not_there_is_refused():
    assert subscribe(Shop(), "ORDER_CHANGE", "nobody").status_code == 404


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"notificationTypes": "ORDER_CHANGE,FEED_PROCESSING_FINISHED"},
        {"notificationTypes": "ORDER_CHANGE", "pageSize": 29},
        {"notificationTypes": "ORDER_CHANGE", "nextToken": "x"},
    ],
)
def test_a_list_of_subscriptions_is_asked_for_by_exactly_one_type(params):
    assert Shop().ask("GET", SUBSCRIPTIONS, params=params).status_code == 400


# --- what arrives


def place(shop, **wish):
    placed = shop.control("orders", {"place": [{"items": ONE_MUG, "order_id": ORDER} | wish]})["place"]
    assert placed[0]["placed"], placed


def changes(messages):
    """Type, status and reason of each order change, in the order of arrival."""
    found = [message["Payload"]["OrderChangeNotification"] for message in messages]
    return [(one["OrderChangeType"], one["Summary"]["OrderStatus"]) for one in found]


def test_an_order_is_told_about_at_every_step_of_its_life(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    place(shop, pending_seconds=600)
    shop.advance(minutes=10)
    shop.control("orders", {"request_cancel": [{"order_id": ORDER}]})
    shop.control("orders", {"ship": [{"order_id": ORDER}]})
    assert flushed(shop)["flushed"]
    messages = queue.take()
    assert changes(messages) == [
        ("OrderStatusChange", "Pending"),
        ("OrderStatusChange", "Unshipped"),
        ("BuyerRequestedChange", "Unshipped"),
        ("OrderStatusChange", "Shipped"),
    ]
    for message in messages:
        assert schema_faults("OrderChangeNotification.json", message) == []
    ids = {message["NotificationMetadata"]["NotificationId"] for message in messages}
    assert len(ids) == 4


def test_an_order_change_tells_the_deadlines_and_never_where_the_buyer_lives(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    place(shop, programs=["PRIME"])
    flushed(shop)
    (message,) = queue.take()
    told, order = message["Payload"]["OrderChangeNotification"], shop.state()["orders"][ORDER]
    assert (told["SellerId"], told["AmazonOrderId"]) == (SELLER, ORDER)
    summary = told["Summary"]
    assert (summary["LatestShipDate"], summary["LatestDeliveryDate"]) == (
        order["ship_by"],
        order["deliver_by"],
    )
    assert (summary["MarketplaceId"], summary["DestinationPostalCode"]) == (MARKET, None)
    assert (summary["OrderPrograms"], summary["OrderType"]) == (["Prime"], "StandardOrder")
    (item,) = summary["OrderItems"]
    assert (item["SellerSKU"], item["Quantity"], item["IsBuyerRequestedCancel"]) == ("MUG", 1, False)
    assert message["EventTime"] == NOON


def test_a_back_ordered_unit_is_called_a_back_order(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    shop.control("listings", {"sku": "MUG", "restock_on": "2026-03-12"})
    place(shop)
    flushed(shop)
    assert queue.take()[0]["Payload"]["OrderChangeNotification"]["Summary"]["OrderType"] == "BackOrder"


def test_amazons_own_cancellation_is_told_with_the_moment_it_happened(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    place(shop)
    queue.take()
    shop.advance(days=30)
    flushed(shop)
    message = queue.take()[-1]
    assert changes([message]) == [("OrderStatusChange", "Canceled")]
    assert message["EventTime"] == shop.state()["orders"][ORDER]["updated_at"] < "2026-03-20"


@pytest.mark.parametrize(
    ("chosen", "arriving"),
    [
        ({"orderChangeTypes": ["BuyerRequestedChange"]}, ["BuyerRequestedChange"]),
        ({"marketplaceIds": ["A1PA6795UKMFR9"]}, []),
        ({"marketplaceIds": [MARKET]}, ["OrderStatusChange", "BuyerRequestedChange"]),
    ],
)
def test_a_filter_lets_through_only_what_was_asked_for(sqs, chosen, arriving):
    queue = new_queue(sqs)
    chosen = {"eventFilter": {"eventFilterType": "ORDER_CHANGE"} | chosen}
    shop = Shop(sqs_endpoint=sqs)
    subscribed(shop, "ORDER_CHANGE", to_queue(queue), processingDirective=chosen)
    place(shop)
    shop.control("orders", {"request_cancel": [{"order_id": ORDER}]})
    flushed(shop)
    assert [change for change, _ in changes(queue.take())] == arriving


def bridged(sqs, kind, version="1.0", **scenario):
    """A shop whose bus ends in a queue, and that queue."""
    queue = new_queue(sqs)
    shop = Shop(sqs_endpoint=sqs, event_bridge_queue=queue.name, **scenario)
    return subscribed(shop, kind, BUS, version), queue


def test_every_change_of_a_live_quantity_comes_over_the_bus(sqs):
    shop, queue = bridged(sqs, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", apply_seconds=60)
    place(shop)
    shop.control("orders", {"cancel": [{"order_id": ORDER}]})
    shop.control("listings", {"sku": "MUG", "quantity": 4})
    shop.control("listings", {"sku": "MUG", "handling_days": 4})
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 7}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    body = {"productType": "HOME", "patches": patches}
    path = f"/listings/2021-08-01/items/{SELLER}/MUG"
    assert shop.ask("PATCH", path, params={"marketplaceIds": MARKET}, json=body).status_code == 200
    shop.advance(minutes=2)
    flushed(shop)
    events = queue.take()
    payloads = [event["detail"]["Payload"] for event in events]
    assert [one["Quantity"] for one in payloads] == [9, 10, 4, 7]
    assert payloads[0] == {
        "SellerId": SELLER,
        "FulfillmentChannelCode": "DEFAULT",
        "Sku": "MUG",
        "Quantity": 9,
    }
    assert events[-1]["detail"]["EventTime"] == "2026-03-02T20:01:00Z"
    for event in events:
        assert schema_faults("ListingsItemMfnQuantityChange.json", event["detail"]) == []


def test_an_event_of_the_bus_is_wrapped_as_eventbridge_does(sqs):
    shop, queue = bridged(sqs, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE")
    shop.control("listings", {"sku": "MUG", "quantity": 4})
    flushed(shop)
    (event,) = queue.take()
    source = shop.state()["notifications"]["destinations"][0]["resource"]["eventBridge"]["name"]
    assert (event["version"], event["detail-type"]) == ("0", "LISTINGS_ITEM_MFN_QUANTITY_CHANGE")
    assert (event["source"], event["account"], event["region"]) == (source, "123456789012", "us-east-1")
    assert (event["time"], event["resources"]) == (NOON, [])


FOUND_FAULT = {
    "code": "1",
    "message": "Bad picture",
    "severity": "ERROR",
    "categories": ["INVALID_IMAGE"],
    "enforcements": {
        "actions": [{"action": "SEARCH_SUPPRESSED"}, {"action": "LISTING_SUPPRESSED"}],
        "exemption": {"status": "NOT_EXEMPT"},
    },
}


@pytest.mark.parametrize(
    ("version", "schema", "actions"),
    [
        ("1.0", "ListingsItemIssuesChangeNotification.json", ["SEARCH_SUPPRESSED"]),
        (
            "2023-12-13",
            "ListingsItemIssuesChangeNotification_2023-12-13.json",
            ["LISTING_SUPPRESSED", "SEARCH_SUPPRESSED"],
        ),
    ],
)
def test_issues_that_come_and_go_are_told_by_their_severity(sqs, version, schema, actions):
    shop, queue = bridged(sqs, "LISTINGS_ITEM_ISSUES_CHANGE", version)
    for issues in ([FOUND_FAULT], [FOUND_FAULT], []):
        assert shop.control("listings", {"sku": "MUG", "issues": issues})["listings"][0]["done"]
    flushed(shop)
    details = [event["detail"] for event in queue.take()]
    told = [(one["Payload"]["Severities"], one["Payload"]["EnforcementActions"]) for one in details]
    assert told == [(["ERROR"], actions), (["NONE"], [])]
    assert [one["PayloadVersion"] for one in details] == [version] * 2
    for one in details:
        assert schema_faults(schema, one) == []


def test_finding_fault_with_a_listing_leaves_its_offer_alone():
    shop = Shop()
    before = shop.state()["listings"]["MUG"]
    shop.control("listings", {"sku": "MUG", "issues": [FOUND_FAULT]})
    assert shop.state()["listings"]["MUG"] == before
    path = f"/listings/2021-08-01/items/{SELLER}/MUG"
    answer = shop.ask("GET", path, params={"marketplaceIds": MARKET, "includedData": "issues"})
    assert answer.json()["issues"] == [FOUND_FAULT]


@pytest.mark.parametrize(
    ("kind", "schema", "fact", "section"),
    [
        (
            "FEED_PROCESSING_FINISHED",
            "FeedProcessingFinishedNotification.json",
            {"feedId": "1", "feedType": "JSON_LISTINGS_FEED", "processingStatus": "DONE"},
            "feedProcessingFinishedNotification",
        ),
        (
            "REPORT_PROCESSING_FINISHED",
            "ReportProcessingFinishedNotification.json",
            {
                "reportId": "1",
                "reportType": "GET_V2_SELLER_PERFORMANCE_REPORT",
                "processingStatus": "CANCELLED",
                "reportDocumentId": None,
            },
            "reportProcessingFinishedNotification",
        ),
        (
            "ACCOUNT_STATUS_CHANGED",
            None,
            {"previousAccountStatus": "NORMAL", "currentAccountStatus": "AT_RISK"},
            "accountStatusChangeNotification",
        ),
    ],
)
def test_what_a_feed_a_report_or_the_account_comes_to_is_told_in_camel_case(sqs, kind, schema, fact, section):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), kind, to_queue(queue))
    shop.world.announce(kind, fact)
    flushed(shop)
    (message,) = queue.take()
    assert message["notificationType"] == kind
    given = {name: value for name, value in fact.items() if value is not None}
    assert given.items() <= message["payload"][section].items()
    assert None not in message["payload"][section].values()
    if schema is not None:
        assert schema_faults(schema, message) == []
        assert message["payload"][section]["sellerId"] == SELLER


# --- how it arrives


def test_nothing_arrives_before_its_delay_has_passed(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs, notification_seconds=300), "ORDER_CHANGE", to_queue(queue))
    place(shop)
    shop.advance(seconds=299)
    flushed(shop)
    assert queue.take() == []
    shop.advance(seconds=1)
    flushed(shop)
    (message,) = queue.take()
    published = message["NotificationMetadata"]["PublishTime"]
    assert (message["EventTime"], published) == (NOON, "2026-03-02T20:05:00Z")


def edits(shop, times):
    for quantity in range(1, times + 1):
        shop.control("listings", {"sku": "BOWL", "quantity": 100 + quantity})
    return flushed(shop)["notifications"]


def test_some_notifications_get_lost_and_always_the_same_ones_for_a_seed(sqs):
    arrived = []
    for _ in range(2):
        shop, queue = bridged(sqs, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", notifications_lost=0.5, seed=3)
        counts = edits(shop, 20)
        arrived.append([event["detail"]["Payload"]["Quantity"] for event in queue.take()])
        assert counts["announced"] == 20 == counts["lost"] + len(arrived[-1])
    assert arrived[0] == arrived[1]
    assert 0 < len(arrived[0]) < 20


def test_a_notification_may_arrive_twice_under_one_id(sqs):
    shop, queue = bridged(sqs, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", notifications_duplicated=1)
    assert edits(shop, 2)["sent"] == 4
    ids = [event["detail"]["NotificationMetadata"]["NotificationId"] for event in queue.take()]
    assert [ids.count(one) for one in ids] == [2] * 4


def test_without_an_endpoint_nothing_leaves_and_the_state_shows_what_would_have():
    shop = subscribed(Shop(), "ORDER_CHANGE", {"sqs": {"arn": NOWHERE}})
    place(shop)
    (kept,) = shop.state()["undelivered"]
    assert (kept["queue"], kept["why"]) == (NOWHERE, "no sqs_endpoint is set")
    assert changes([kept["message"]]) == [("OrderStatusChange", "Unshipped")]


def test_a_bus_that_leads_nowhere_is_shown_too(sqs):
    shop = subscribed(Shop(sqs_endpoint=sqs), "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", BUS)
    edits(shop, 1)
    assert [one["why"] for one in shop.state()["undelivered"]] == ["no event_bridge_queue is set"]


def test_a_queue_that_went_away_holds_up_no_request_and_is_given_up(sqs):
    queue, other = new_queue(sqs), new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    subscribed(shop, "FEED_PROCESSING_FINISHED", to_queue(other))
    queue.client.delete_queue(QueueUrl=queue.url)
    place(shop)
    shop.world.announce("FEED_PROCESSING_FINISHED", {"feedId": "1"})
    state = flushed(shop)
    assert (state["notifications"]["sent"], state["notifications"]["failed"]) == (1, 1)
    assert "does not exist" in state["undelivered"][0]["why"]
    assert len(other.take()) == 1


def test_a_message_that_does_not_get_through_is_sent_again_before_the_next(sqs):
    queue = new_queue(sqs)
    with bad_line(sqs) as line:
        shop = subscribed(Shop(sqs_endpoint=line.address), "ORDER_CHANGE", to_queue(queue))
        line.failures = 2
        place(shop)
        shop.control("orders", {"ship": [{"order_id": ORDER}]})
        assert flushed(shop)["undelivered"] == []
        assert [status for _, status in changes(queue.take())] == ["Unshipped", "Shipped"]
        assert line.sends == 4


def test_a_message_is_given_up_after_the_third_try(sqs):
    queue = new_queue(sqs)
    with bad_line(sqs) as line:
        shop = subscribed(Shop(sqs_endpoint=line.address), "ORDER_CHANGE", to_queue(queue))
        line.failures = 3
        place(shop)
        shop.control("orders", {"ship": [{"order_id": ORDER}]})
        (kept,) = flushed(shop)["undelivered"]
        assert changes([kept["message"]]) == [("OrderStatusChange", "Unshipped")]
        assert changes(queue.take()) == [("OrderStatusChange", "Shipped")]


def test_requests_are_answered_while_a_queue_is_not(sqs):
    queue = new_queue(sqs)
    with bad_line(sqs) as line:
        shop = subscribed(Shop(sqs_endpoint=line.address), "ORDER_CHANGE", to_queue(queue))
        line.free.clear()
        place(shop)
        answer = shop.control("notifications", {"flush": True, "within_seconds": 0.01})
        assert (answer["flushed"], answer["notifications"]["waiting"]) == (False, 1)
        assert shop.ask("GET", f"/orders/2026-01-01/orders/{ORDER}").status_code == 200
        line.free.set()
        assert flushed(shop)["flushed"]
        assert len(queue.take()) == 1


def test_a_deleted_subscription_is_told_nothing_more(sqs):
    queue = new_queue(sqs)
    shop = subscribed(Shop(sqs_endpoint=sqs), "ORDER_CHANGE", to_queue(queue))
    subscription = shop.state()["notifications"]["subscriptions"][0]["subscriptionId"]
    path = f"{SUBSCRIPTIONS}/ORDER_CHANGE/{subscription}"
    assert shop.ask("DELETE", path, headers=as_application(shop)).status_code == 200
    place(shop)
    assert flushed(shop)["notifications"]["announced"] == 0
    assert queue.take() == []


def test_on_a_running_clock_a_delayed_notification_needs_no_request_to_be_sent(sqs):
    queue = new_queue(sqs)
    listings = [{"sku": "MUG", "quantity": 10}]
    scenario = {"sqs_endpoint": sqs, "notification_seconds": 3600, "speed": 36_000, "rate_factor": 1000}
    world = load_scenario(scenario | {"listings": listings})
    shop = Shop.__new__(Shop)
    with running(world) as address, httpx.Client(base_url=address) as client:
        shop.ask, shop.headers = client.request, {}
        form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
        token = client.post("/auth/o2/token", data=form).json()["access_token"]
        client.headers["x-amz-access-token"] = token
        subscribed(shop, "ORDER_CHANGE", to_queue(queue))
        place(shop)
        requests = world.journal.last
        received = queue.client.receive_message(QueueUrl=queue.url, WaitTimeSeconds=10)
        assert len(received["Messages"]) == 1
        assert world.journal.last == requests
    assert not [one for one in threading.enumerate() if one.name == "amazon-emulator-time"]


# --- the scenario


def test_the_reference_names_every_type_and_control():
    for word in (*KINDS, "/_emulator/tokens", "/_emulator/notifications", "former_client_secret"):
        assert word in CONTROL_HELP


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        ({"sqs_endpoint": "localhost:9324"}, "sqs_endpoint"),
        ({"notifications_lost": 1.5}, "notifications_lost"),
        ({"notifications_duplicated": -1}, "notifications_duplicated"),
        ({"notification_seconds": "soon"}, "notification_seconds"),
    ],
)
def test_a_scenario_about_notifications_that_makes_no_sense_is_refused(scenario, place):
    with pytest.raises(ScenarioError, match=place):
        load_scenario(scenario)


def test_an_endpoint_needs_the_library_for_aws(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    load_scenario({})
    with pytest.raises(ScenarioError, match=r"fbm-sync\[notifications\]"):
        load_scenario({"sqs_endpoint": "http://127.0.0.1:1"})


@pytest.mark.parametrize("body", [{}, {"flush": False}, {"flush": True, "soon": 1}])
def test_a_notification_control_can_only_flush(body):
    assert Shop().ask("POST", "/_emulator/notifications", json=body).status_code == 400
