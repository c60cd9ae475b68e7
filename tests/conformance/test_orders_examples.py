"""Amazon's own examples of the Orders API 2026-01-01, read by us without loss.

The models are Amazon's files, laid beside the checkout in `../shared/spapi-models`; without them these tests
are skipped.
"""

from datetime import datetime
from decimal import Decimal

import pytest

from fbm_sync.adapters.spapi.orders import read_order
from fbm_sync.adapters.spapi.reading import NotUnderstood
from fbm_sync.domain.order import Fulfiller, OrderStatus

from amazon_models import ARE_HERE, WHY_SKIPPED, model, samples

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

SEARCHES = [sample.body for sample in samples("searchOrders")]
ORDERS = [order for answer in SEARCHES for order in answer["orders"]]
ORDERS += [sample.body["order"] for sample in samples("getOrder")]


def definitions():
    return model("orders_2026-01-01.json")["definitions"]


def test_there_are_examples():
    assert len(SEARCHES) == 4
    assert len(ORDERS) >= 8


@pytest.mark.parametrize("shown", ORDERS, ids=lambda order: order["orderId"])
class TestEveryOrder:
    def test_keeps_its_id_times_state_and_place(self, shown):
        order = read_order(shown, "main")
        assert order.order_id == shown["orderId"]
        assert order.created_at == datetime.fromisoformat(shown["createdTime"])
        assert order.updated_at == datetime.fromisoformat(shown["lastUpdatedTime"])
        assert order.status == shown["fulfillment"]["fulfillmentStatus"]
        assert order.fulfilled_by == shown["fulfillment"]["fulfilledBy"]
        assert order.marketplace == shown["salesChannel"]["marketplaceId"]
        assert order.service_level == shown["fulfillment"].get("fulfillmentServiceLevel")
        assert list(order.programs) == shown.get("programs", [])

    def test_keeps_its_deadlines(self, shown):
        order = read_order(shown, "main")
        for found, window in ((order.ship_by_at, "shipByWindow"), (order.deliver_by_at, "deliverByWindow")):
            latest = shown["fulfillment"].get(window, {}).get("latestDateTime")
            assert found == (latest and datetime.fromisoformat(latest))

    def test_keeps_every_line_with_its_units_and_price(self, shown):
        order = read_order(shown, "main")
        assert len(order.items) == len(shown["orderItems"])
        for item, line in zip(order.items, shown["orderItems"], strict=True):
            assert item.order_item_id == line["orderItemId"]
            assert item.sku == line["product"]["sellerSku"]
            assert item.ordered_units == line["quantityOrdered"]
            assert item.shipped_units == line["fulfillment"]["quantityFulfilled"]
            assert item.unfulfilled_units == line["fulfillment"]["quantityUnfulfilled"]
            price = line["product"].get("price", {}).get("unitPrice")
            if price is not None:
                exponent = 0 if price["currencyCode"] == "JPY" else 2
                assert item.unit_price_minor == Decimal(price["amount"]) * 10**exponent
                assert item.currency == price["currencyCode"]

    def test_keeps_who_asked_to_cancel_and_who_did(self, shown):
        for item, line in zip(read_order(shown, "main").items, shown["orderItems"], strict=True):
            cancellation = line.get("cancellation", {})
            assert item.cancel_requested == ("cancellationRequest" in cancellation)
            assert item.cancelled_by == cancellation.get("cancellationExecution", {}).get("cancelledBy")

    def test_keeps_every_unit_that_left_and_when(self, shown):
        order = read_order(shown, "main")
        for item in order.items:
            left = [one for one in order.shipments if one.order_item_id == item.order_item_id]
            assert sum(one.units for one in left) == item.shipped_units
            assert {one.sku for one in left} <= {item.sku}
        times = {package.get("shipTime") or package["createdTime"] for package in shown.get("packages", [])}
        if times:
            assert {one.shipped_at for one in order.shipments} <= {
                *map(datetime.fromisoformat, times),
                order.updated_at,
            }
            assert order.shipments

    def test_keeps_nothing_of_the_buyer(self, shown):
        kept = repr(read_order(shown, "main"))
        for value in words_of(shown.get("buyer", {})) | words_of(shown.get("recipient", {})):
            assert value not in kept

    def test_bears_the_loss_of_any_one_field(self, shown):
        essential = {
            ("orderId",),
            ("createdTime",),
            ("lastUpdatedTime",),
            ("orderItems",),
            ("orderItems", "orderItemId"),
            ("orderItems", "quantityOrdered"),
            ("packages", "packageItems", "quantity"),
        }
        for names, smaller in without_each_field(shown):
            if names in essential:
                continue
            assert read_order(smaller, "main").order_id == shown["orderId"], names


def words_of(json_value):
    """Texts long enough not to occur by chance."""
    if isinstance(json_value, dict):
        return set().union(*map(words_of, json_value.values()))
    if isinstance(json_value, list):
        return set().union(*map(words_of, json_value))
    return {json_value} if isinstance(json_value, str) and len(json_value) > 4 else set()


def without_each_field(json_value, names=()):
    """The value again and again, each time with one field less, and the names that lead to it."""
    if isinstance(json_value, dict):
        for key, inner in json_value.items():
            yield (*names, key), {other: value for other, value in json_value.items() if other != key}
            for path, smaller in without_each_field(inner, (*names, key)):
                yield path, json_value | {key: smaller}
    if isinstance(json_value, list):
        for index, inner in enumerate(json_value):
            for path, smaller in without_each_field(inner, names):
                yield path, [*json_value[:index], smaller, *json_value[index + 1 :]]


def test_we_know_every_state_that_amazon_documents():
    documented = set(definitions()["FulfillmentStatus"]["enum"])
    assert documented == set(OrderStatus) - {"UNKNOWN"}
    assert {"MERCHANT", "AMAZON"} <= set(Fulfiller)


def test_what_amazon_requires_of_an_order_is_all_that_we_require():
    required = {name: set(one.get("required", ())) for name, one in definitions().items()}
    assert {"orderId", "createdTime", "lastUpdatedTime", "orderItems"} <= required["Order"]
    assert {"orderItemId", "quantityOrdered"} <= required["OrderItem"]
    bare = {
        "orderId": "111-1",
        "createdTime": "2026-03-01T00:00:00Z",
        "lastUpdatedTime": "2026-03-01T00:00:00Z",
        "salesChannel": {"channelName": "AMAZON"},
        "orderItems": [{"orderItemId": "1", "quantityOrdered": 1, "product": {}}],
    }
    assert read_order(bare, "main").items[0].open_units == 1
    with pytest.raises(NotUnderstood):
        read_order({}, "main")
