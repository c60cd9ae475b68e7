"""Programs on other people's clients do their whole work at the emulator, unchanged.

Both clients are used as they come from the package index, through their public parameters only. Where one has
a defect, its test says which and shows it.
"""

import csv
import io

import pytest

# The SDK's source has such sequences; Python says so when an installer has left compiling it to the import.
pytestmark = [
    pytest.mark.filterwarnings(rf"ignore:invalid escape sequence:{category}")
    for category in ("DeprecationWarning", "SyntaxWarning")
]

SINCE = "2026-01-01T00:00:00Z"
EVERY_SECTION = [
    "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX", "PAYMENT",
    "FULFILLMENT_ORDERS",
]  # fmt: skip
JSON = "application/json; charset=UTF-8"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"


def test_a_program_logs_in_once_and_finds_every_order_once_on_three_pages(amazon, client):
    pages = list(client.order_pages(SINCE))
    assert [len(page) for page in pages] == [100, 100, 5]
    assert {order_id for page in pages for order_id in page} == set(amazon.state()["orders"])
    assert amazon.statuses("token") == [200]
    assert amazon.statuses("searchOrders") == [200, 200, 200]


def test_a_program_reads_orders_with_every_section_there_is(client):
    first, *_ = client.order_pages(SINCE, includedData=EVERY_SECTION)
    assert len(first) == 100


def test_a_program_reads_orders_that_hold_only_what_amazon_promises(amazon, client):
    amazon.control("faults", {"operation": "searchOrders", "missing": "optional", "forever": True})
    assert sum(map(len, client.order_pages(SINCE))) == 205


def test_a_program_reads_one_order(amazon, client):
    found = {order_id: client.order(order_id) for order_id in list(amazon.state()["orders"])[:4]}
    assert sorted(status for status, _ in found.values()) == ["CANCELLED", "SHIPPED", "SHIPPED", "UNSHIPPED"]
    assert all(set(items) == {"MUG"} for _, items in found.values())


@pytest.mark.parametrize(("sku", "before"), [("MUG", 40), ("TEA/POT 1", 6)])
def test_a_program_changes_a_quantity_and_sees_it_live_a_little_later(amazon, client, sku, before):
    assert client.quantity(sku) == before
    assert client.merge_quantity(sku, 17) == "ACCEPTED"
    assert client.quantity(sku) == before
    amazon.advance(30)
    assert client.quantity(sku) == 17
    handling_days = {"MUG": 2, "TEA/POT 1": 4}[sku]
    assert amazon.state()["listings"][sku]["effective_handling_days"] == handling_days


def test_a_program_brings_a_listings_feed_to_its_end(amazon, client):
    entry = {"fulfillment_channel_code": "DEFAULT", "quantity": 5}
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": [entry]}]
    message = {"operationType": "PATCH", "productType": "HOME", "patches": patches}
    skus = ["MUG", "TEA/POT 1", "NOT THERE"]
    feed = {
        "header": {"sellerId": amazon.seller_id, "version": "2.0"},
        "messages": [message | {"messageId": number, "sku": sku} for number, sku in enumerate(skus, 1)],
    }
    feed_id = client.submit_feed(feed, JSON)
    seen = []
    while client.feed(feed_id)[0] != "DONE":
        seen.append(client.feed(feed_id)[0])
        amazon.advance(15)
    assert seen == ["IN_QUEUE", "IN_PROGRESS"]
    _, document_id = client.feed(feed_id)
    report = client.processing_report(document_id)
    assert report["header"]["feedId"] == feed_id
    assert (report["summary"]["messagesAccepted"], report["summary"]["messagesInvalid"]) == (2, 1)
    assert [issue["messageId"] for issue in report["issues"]] == [3]
    amazon.advance(30)
    assert [client.quantity(sku) for sku in ("MUG", "TEA/POT 1")] == [5, 5]


def test_a_program_brings_a_report_to_its_end(amazon, client):
    report_id = client.order_report("GET_MERCHANT_LISTINGS_ALL_DATA")
    assert client.report(report_id) == ("IN_QUEUE", None)
    amazon.advance(60)
    status, document_id = client.report(report_id)
    assert status == "DONE"
    table = list(csv.DictReader(io.StringIO(client.report_text(document_id)), delimiter="\t"))
    quantities = {row["seller-sku"]: (row["item-name"], row["quantity"]) for row in table}
    assert quantities == {"MUG": ("Stoneware mug", "40"), "TEA/POT 1": ("Théière", "6")}


def test_a_program_learns_where_its_seller_sells(amazon, client):
    assert client.marketplaces() == [amazon.marketplace_id]


def test_a_program_subscribes_a_queue_to_order_changes(amazon, client):
    """Destinations belong to the application and are asked for without a seller; both clients can do that."""
    destination_id = client.create_destination("orders", QUEUE)
    assert client.destinations() == {destination_id: QUEUE}
    subscription_id = client.subscribe("ORDER_CHANGE", destination_id)
    assert client.subscription("ORDER_CHANGE") == subscription_id
    assert amazon.statuses("token") == [200, 200], "one token for the application, one for the seller"


def test_a_program_that_asks_too_often_is_told_so(amazon, client):
    for _ in range(15):
        client.marketplaces()
    with pytest.raises(client.error) as caught:
        client.marketplaces()
    assert client.status_of(caught.value) == 429
    amazon.advance(63)
    assert client.marketplaces() == [amazon.marketplace_id]


def test_a_program_that_asks_for_something_impossible_is_told_so(amazon, client):
    with pytest.raises(client.error) as caught:
        list(client.order_pages("2099-01-01T00:00:00Z", includedData=["EVERYTHING"]))
    assert client.status_of(caught.value) == 400
    with pytest.raises(client.error) as caught:
        client.quantity("NOT THERE")
    assert client.status_of(caught.value) == 404


def test_a_token_amazon_has_ended_early_is_never_renewed(amazon, client):
    """A defect of both clients: each keeps its token for its promised time, however often it is refused."""
    client.marketplaces()
    amazon.control("tokens", {"expire": True})
    for _ in range(3):
        with pytest.raises(client.error) as caught:
            client.marketplaces()
        assert client.status_of(caught.value) == 403
    assert amazon.statuses("token") == [200]


# --- defects of python-amazon-sp-api


def test_the_community_client_cuts_its_host_header_and_is_served_all_the_same(amazon, community_client):
    """It takes every endpoint for one with https:// and names `27.0.0.1:…` in the Host header.

    The addresses of documents are good nevertheless: they are made from where the request came in.
    """
    from sp_api.api import Sellers

    host = community_client.open(Sellers).headers["host"]
    assert host == amazon.url.removeprefix("http://1")
    assert community_client.submit_feed({}, JSON)
    assert amazon.statuses("uploadDocument") == [200]


def test_the_community_client_takes_an_outage_for_an_empty_success(amazon, community_client):
    """It looks for `errors` in the body only: without them a 503 is an answer with nothing in it."""
    from sp_api.api import Sellers

    amazon.control("faults", {"operation": "getMarketplaceParticipations", "status": 503, "body": "html"})
    assert community_client.open(Sellers).get_marketplace_participation().payload == {}
    assert amazon.statuses("getMarketplaceParticipations") == [503]


def test_the_community_client_cannot_read_a_subscription_by_its_id(amazon, community_client):
    """It asks with the seller's token, where Amazon wants the application's."""
    from sp_api.api import Notifications
    from sp_api.base.exceptions import SellingApiForbiddenException

    destination_id = community_client.create_destination("orders", QUEUE)
    subscription_id = community_client.subscribe("ORDER_CHANGE", destination_id)
    with pytest.raises(SellingApiForbiddenException, match="Access to requested resource is denied"):
        community_client.open(Notifications).get_subscription_by_id("ORDER_CHANGE", subscription_id)


# --- defects of Amazon's SDK


def test_amazons_sdk_asks_again_by_itself_when_told_how_long_to_wait(amazon, amazons_sdk):
    """With Retry-After its HTTP library repeats a request up to three times, unseen by the program."""
    fault = {"operation": "getMarketplaceParticipations", "status": 429, "headers": {"Retry-After": "0"}}
    amazon.control("faults", fault | {"count": 2})
    assert amazons_sdk.marketplaces() == [amazon.marketplace_id]
    assert amazon.statuses("getMarketplaceParticipations") == [429, 429, 200]


def test_amazons_sdk_loses_a_whole_page_over_one_new_word(amazon, amazons_sdk, community_client):
    """A word its release does not know is a ValueError; the page cannot be read at all."""
    amazon.control("faults", {"operation": "searchOrders", "enum": "unknown", "forever": True})
    with pytest.raises(ValueError, match="NOT_KNOWN_YET"):
        list(amazons_sdk.order_pages(SINCE, includedData=["PACKAGES"]))
    assert sum(map(len, community_client.order_pages(SINCE, includedData=["PACKAGES"]))) == 205
