"""Every operation of the emulator, asked well and badly: each answer is one that Amazon's models allow.

`WitnessedShop` holds every single answer against the model of its operation and status, by the strict
reading: known status, known headers, every field known and of its type.
"""

import re

import pytest

from fbm_sync.emulator.gate.limits import PUBLISHED_PLANS
from fbm_sync.emulator.gate.operations import OPERATIONS

import tally
from amazon_models import (
    ARE_HERE,
    WHY_SKIPPED,
    faults_of,
    model,
    operations,
    schema_faults,
)
from emulated import MARKET
from witnessed import (
    EVERY_SECTION,
    EVERY_SET,
    LONG_AGO,
    ORDER,
    Request,
    WitnessedShop,
    a_feed,
    destination,
    lived_in,
    patch,
    subscription,
)

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

WITHOUT_MODEL = {"token", "uploadDocument", "downloadDocument"}
NAMES = [one.name for one in OPERATIONS if one.name not in WITHOUT_MODEL]
SINCE = {"lastUpdatedAfter": LONG_AGO, "includedData": EVERY_SECTION}


@pytest.fixture
def shop(opened):
    return opened[0]


@pytest.fixture
def good(opened):
    return {name: [one for one in opened[1] if one.operation == name] for name in NAMES}


@pytest.fixture(scope="module")
def narrow():
    """A shop that grants each operation one or two requests and no more."""
    return WitnessedShop(rate_factor=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_the_emulator_has_its_operations_where_amazon_has_them(name):
    (ours,) = (one for one in OPERATIONS if one.name == name)
    theirs = operations()[name]
    assert (ours.method, ours.grantless) == (theirs.method, theirs.is_grantless)
    blank = r"\{[^}]*\}"
    assert re.sub(blank, "{}", ours.path) == re.sub(blank, "{}", theirs.path)


def test_rates_and_bursts_are_the_published_ones():
    published = {}
    for operation in operations().values():
        plan = re.search(r"\| *([\d.]+) *\| *([\d.]+) *\|", operation.spec["description"])
        published[operation.name] = tuple(map(float, plan.groups()))
    ours = {name: (plan.rate, plan.burst) for name, plan in PUBLISHED_PLANS.items() if ":" not in name}
    assert ours == {name: published[name] for name in NAMES}


def test_the_strict_reading_of_the_models_notices_a_slip():
    assert faults_of("orders_2026-01-01.json", "Error", {"code": "x", "mesage": "y"})
    late = {"earliestDateTime": "2026-03-02", "latestDateTime": "2026-02-30T00:00:00Z"}
    assert len(faults_of("orders_2026-01-01.json", "DateTimeRange", late)) == 2
    chosen = {"eventFilterType": "ORDER_CHANGE", "marketplaceIds": [], "marketplaces": []}
    assert len(faults_of("notifications.json", "EventFilter", chosen)) == 1
    assert schema_faults("ListingsItemMfnQuantityChange.json", told_of_a_quantity() | {"Novelty": 1})
    search = operations()["searchOrders"]
    query = [("maxResultsPerPage", "ten"), ("fulfilledBy", "MERCHANT,DHL"), ("MarketplaceIds", "A")]
    assert len(search.request_faults(query, None)) == 3
    assert operations()["createFeed"].request_faults([], {"feedType": "F"})


def told_of_a_quantity():
    (shown,) = model("ListingsItemMfnQuantityChange.json")["examples"]
    assert schema_faults("ListingsItemMfnQuantityChange.json", shown) == []
    return shown


@pytest.mark.parametrize("name", NAMES)
def test_a_good_request_is_answered_as_amazon_would(shop, good, name):
    assert good[name]
    for request in good[name]:
        answer = shop.send(request)
        assert answer.is_success, answer.text


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_let_in_without_a_token(shop, good, name):
    assert shop.send(good[name][0], headers={}).status_code == 403


def test_an_expired_token_opens_nothing():
    shop, good = lived_in()
    asked = [(request, shop.headers_for(request.operation)) for request in good]
    shop.control("tokens", {"expire": True})
    for request, headers in asked:
        assert shop.send(request, headers=headers).status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_who_asks_too_often_is_told_so(narrow, good, name):
    assert 429 in [narrow.send(good[name][0]).status_code for _ in range(3)]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (name, status)
        for name in NAMES
        for status in (400, 401, 403, 404, 409, 413, 415, 429, 500, 503)
        if name in operations() and status in operations()[name].statuses
    ],
)
def test_a_trouble_made_to_order_looks_like_one_of_amazons(monkeypatch, shop, good, name, status):
    monkeypatch.setattr(shop, "counts_as", tally.TROUBLE)
    shop.control("faults", {"operation": name, "status": status})
    assert shop.send(good[name][0]).status_code == status


# --- what is not there, or in the way


NOBODY = {
    "getOrder": {"orderId": "111-0000000-9999999"},
    "getListingsItem": {"sku": "NOPE"},
    "getFeed": {"feedId": "12345"},
    "cancelFeed": {"feedId": "12345"},
    "getFeedDocument": {"feedDocumentId": "amzn1.tortuga.4.na.nobody"},
    "getReport": {"reportId": "12345"},
    "cancelReport": {"reportId": "12345"},
    "getReportDocument": {"reportDocumentId": "amzn1.tortuga.4.na.nobody"},
    "getDestination": {"destinationId": "nobody"},
    "deleteDestination": {"destinationId": "nobody"},
    "getSubscription": {"notificationType": "ACCOUNT_STATUS_CHANGED"},
    "getSubscriptionById": {"subscriptionId": "nobody"},
    "deleteSubscriptionById": {"subscriptionId": "nobody"},
}


@pytest.mark.parametrize("name", NOBODY)
def test_what_is_not_there_is_not_found(shop, good, name):
    assert shop.send(good[name][0].but(path=NOBODY[name])).status_code == 404


def test_what_exists_or_is_in_use_is_a_conflict():
    shop, good = lived_in()
    subscribed = next(one for one in good if one.operation == "createSubscription")
    assert shop.send(subscribed).status_code == 200
    assert shop.send(subscribed).status_code == 409
    assert shop.send(destination(name="main")).status_code == 409
    place = Request("deleteDestination", path={"destinationId": subscribed.body["destinationId"]})
    assert shop.send(place).status_code == 409


def test_a_subscription_needs_a_destination_that_is_there():
    assert WitnessedShop().send(subscription("nobody")).status_code == 404


def test_a_patch_of_a_sku_nobody_knows_is_accepted_and_nothing_comes_of_it():
    shop, good = lived_in()
    read = next(one for one in good if one.operation == "getListingsItem")
    for sku in ("NOPE", "A/B"):
        for mode, status in (("VALIDATION_PREVIEW", "VALID"), (None, "ACCEPTED")):
            assert shop.send(patch(mode=mode, sku=sku)).json()["status"] == status
        shop.advance(seconds=60)
        assert shop.send(read.but(path={"sku": sku})).status_code == 404


def test_another_sellers_listings_are_nobodys_business():
    shop, good = lived_in()
    for request in good:
        if "sellerId" in request.path:
            assert shop.send(request.but(path={"sellerId": "A2OTHER"})).status_code == 403


# --- what the answers hold


def test_orders_are_as_the_model_says_in_every_state():
    past = [
        {"created_at": f"2026-02-{day}T10:00:00Z", "items": [{"sku": "MUG", "quantity": 2}], "status": status}
        for day, status in ((23, "shipped"), (24, "cancelled"), (25, "unshipped"))
    ]
    shop = WitnessedShop(orders=past)
    wishes = [{"order_id": f"{ORDER[:-1]}{n}", "items": [{"sku": "MUG", "quantity": 2}]} for n in range(4)]
    wishes[0] |= {"pending_seconds": 86400, "programs": ["PRIME"], "service_level": "EXPEDITED"}
    assert all(one["placed"] for one in shop.control("orders", {"place": wishes})["place"])
    deeds = {
        "ship": [{"order_id": wishes[1]["order_id"], "items": [{"sku": "MUG", "quantity": 1}]}],
        "request_cancel": [{"order_id": wishes[2]["order_id"]}],
        "cancel": [{"order_id": wishes[3]["order_id"], "by": "MERCHANT", "reason": "NO_INVENTORY"}],
    }
    shop.control("orders", deeds)
    shop.control("advance", {"seconds": 300.5})
    states, token = set(), None
    while True:
        search = Request("searchOrders", query=SINCE | {"maxResultsPerPage": 3})
        page = shop.send(search.but(paginationToken=token)).json()
        for order in page["orders"]:
            read = Request(
                "getOrder", path={"orderId": order["orderId"]}, query={"includedData": EVERY_SECTION}
            )
            assert shop.send(read).json()["order"] == order
            states.add(order["fulfillment"]["fulfillmentStatus"])
        token = page.get("pagination", {}).get("nextToken")
        if token is None:
            break
    assert states == {"PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"}


@pytest.fixture(scope="module")
def settled():
    """A shop whose orders are old enough to be found."""
    shop, _ = lived_in()
    shop.advance(minutes=5)
    return shop


@pytest.mark.parametrize("included", [None, *EVERY_SECTION.split(",")])
def test_an_order_is_as_the_model_says_with_any_section(settled, included):
    shop = settled
    assert shop.send(Request("getOrder", path={"orderId": ORDER}).but(includedData=included)).is_success
    found = shop.send(Request("searchOrders", query=SINCE).but(includedData=included)).json()
    assert found["orders"]


@pytest.mark.parametrize("included", [None, *EVERY_SET.split(",")])
def test_a_listing_is_as_the_model_says_with_any_set_of_data(shop, included):
    seller = {"sellerId": shop.world.rules.seller_id}
    query = {"marketplaceIds": MARKET}
    search = Request("searchListingsItems", path=seller, query=query | {"pageSize": 1})
    first = shop.send(search.but(includedData=included)).json()
    token = first["pagination"]["nextToken"]
    second = shop.send(search.but(includedData=included, pageToken=token)).json()
    assert "previousToken" in second["pagination"]
    for page in (first, second):
        read = Request("getListingsItem", path=seller | {"sku": page["items"][0]["sku"]}, query=query)
        assert shop.send(read.but(includedData=included)).json() == page["items"][0]


@pytest.mark.parametrize("mode", ["VALIDATION_PREVIEW", None])
@pytest.mark.parametrize("quantity", [1, -1])
def test_a_verdict_on_a_patch_is_as_the_model_says(shop, quantity, mode):
    answer = shop.send(patch(mode=mode, quantity=quantity)).json()
    expected = {None: "ACCEPTED"}.get(mode, "VALID") if quantity == 1 else "INVALID"
    assert answer["status"] == expected
    assert ("identifiers" in answer) == (mode is not None)


def test_feeds_and_reports_are_as_the_model_says_at_every_step():
    shop = WitnessedShop()
    feed = Request("getFeed", path={"feedId": shop.feed(a_feed())})
    report = Request("getReport", path={"reportId": shop.report()})
    seen = set()
    for _ in range(8):
        seen |= {shop.send(one).json()["processingStatus"] for one in (feed, report)}
        shop.advance(seconds=5)
    assert seen == {"IN_QUEUE", "IN_PROGRESS", "DONE"}
    shop.send(Request("cancelFeed", path={"feedId": shop.feed(a_feed())}))
    shop.feed("not JSON")
    shop.send(Request("cancelReport", path={"reportId": shop.report()}))
    shop.advance(seconds=60)
    for name, types in (("getFeeds", "feedTypes"), ("getReports", "reportTypes")):
        kind = "JSON_LISTINGS_FEED" if name == "getFeeds" else "GET_MERCHANT_LISTINGS_ALL_DATA"
        answer = shop.send(Request(name, query={types: kind, "pageSize": 1})).json()
        statuses, jobs = set(), name.removeprefix("get").lower()
        while True:
            statuses |= {one["processingStatus"] for one in answer[jobs]}
            if "nextToken" not in answer:
                break
            answer = shop.send(Request(name, query={"nextToken": answer["nextToken"]})).json()
        assert statuses == {"DONE", "CANCELLED"} | ({"FATAL"} if name == "getFeeds" else set())


@pytest.mark.parametrize("compression", ["GZIP", "none"])
def test_where_a_document_is_is_told_as_the_model_says(compression):
    shop, good = lived_in(document_compression=compression)
    for request in good:
        if request.operation in {"getFeedDocument", "getReportDocument"}:
            answer = shop.send(request).json()
            assert ("compressionAlgorithm" in answer) == (compression == "GZIP")
