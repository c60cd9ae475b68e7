"""Amazon's own example orders, served over HTTP and recorded by the real command.

The model is Amazon's file, laid beside the checkout; without it these tests are skipped.
"""

import json

import pytest

from amazon_models import ARE_HERE, WHY_SKIPPED, samples

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)


def examples():
    """Every order in a 200 answer of searchOrders and getOrder, by id; the fullest version of each."""
    found = {}
    for sample in samples("searchOrders", "getOrder"):
        for order in sample.body.get("orders") or [sample.body["order"]]:
            known = found.get(order["orderId"])
            if known is None or len(json.dumps(order)) > len(json.dumps(known)):
                found[order["orderId"]] = order
    return found


def test_every_example_order_is_recorded_and_shown(opened):
    orders = examples()
    assert len(orders) >= 5
    seller = opened({"rate_factor": 100, "listings": []})
    served = ("ATVPDKIKX0DER", "A2Q3Y263D00KWC")  # one account serves one region
    seller.change_config(f'["{served[0]}"]', json.dumps(served))
    answer = seller.amazon("orders", {"raw": list(orders.values())})
    assert all(one["placed"] for one in answer["raw"]), answer
    since = min(order["lastUpdatedTime"] for order in orders.values())

    by_window = seller.json("sync", "--since", since, "--only", "orders")
    assert by_window["failed"] == []
    assert by_window["orders"]["quarantined"] == 0
    ours = {
        name
        for name, order in orders.items()
        if order["fulfillment"]["fulfilledBy"] == "MERCHANT"
        and order["salesChannel"]["marketplaceId"] in served
    }
    assert len(ours) >= 3
    assert {one["order_id"] for one in seller.json("orders", "--all")} == ours

    by_name = seller.json("sync", *(word for one in orders for word in ("--order", one)))
    assert by_name["failed"] == []
    assert by_name["orders"]["pulled"] == len(orders)
    assert by_name["orders"]["new"] == len(orders) - len(ours)

    shown = {one["order_id"]: one for one in seller.json("orders", "--all")}
    assert shown.keys() == orders.keys()
    named = seller.json("orders", *(word for one in orders for word in ("--order", one)))
    assert {one["order_id"]: one for one in named} == shown
    for name, order in orders.items():
        assert shown[name]["status"] == order["fulfillment"]["fulfillmentStatus"]
        assert shown[name]["fulfilled_by"] == order["fulfillment"]["fulfilledBy"]
        lines = [(line["orderItemId"], line["product"]["sellerSku"]) for line in order["orderItems"]]
        assert [(item["order_item_id"], item["sku"]) for item in shown[name]["items"]] == lines
    table = seller.run("orders", "--all", code=0).out
    assert all(name in table for name in orders)
