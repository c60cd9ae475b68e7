"""The emulated Amazon's answers against Amazon's own model definitions, where those are at hand."""

from __future__ import annotations

import re

import pytest

from fbm_sync.emulator.limits import PUBLISHED_PLANS

from amazon_models import faults_of, model
from emulated import MARKET, SELLER, Shop

ORDERS_MODEL = "orders_2026-01-01.json"
LISTINGS_MODEL = "listingsItems_2021-08-01.json"
ORDERS = "/orders/2026-01-01/orders"
ITEMS = f"/listings/2021-08-01/items/{SELLER}"
EVERY_SECTION = "PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS"
EVERY_SET = (
    "summaries,attributes,issues,offers,fulfillmentAvailability,procurement,relationships,productTypes"
)
SINCE = {"lastUpdatedAfter": "2026-01-01T00:00:00Z"}


def busy_shop():
    """One order in every state a seller meets."""
    history = [
        {"created_at": f"2026-02-{day}T10:00:00Z", "items": [{"sku": "MUG", "quantity": 2}], "status": status}
        for day, status in ((23, "shipped"), (24, "cancelled"), (25, "unshipped"))
    ]
    shop = Shop(orders=history)
    wishes = [
        {"order_id": f"111-0000000-000000{number}", "items": [{"sku": "MUG", "quantity": 2}]}
        for number in range(4)
    ]
    wishes[0] |= {"pending_seconds": 86400, "programs": ["PRIME"], "service_level": "EXPEDITED"}
    placed = shop.control("orders", {"place": wishes})["place"]
    assert all(outcome["placed"] for outcome in placed)
    deeds = {
        "ship": [{"order_id": "111-0000000-0000001", "items": [{"sku": "MUG", "quantity": 1}]}],
        "request_cancel": [{"order_id": "111-0000000-0000002"}],
        "cancel": [{"order_id": "111-0000000-0000003", "by": "MERCHANT", "reason": "NO_INVENTORY"}],
    }
    shop.control("orders", deeds)
    shop.control("advance", {"seconds": 300.5})
    return shop


def test_the_strict_reading_of_the_models_notices_a_slip():
    assert faults_of(ORDERS_MODEL, "Error", {"code": "x", "mesage": "y"})


@pytest.mark.parametrize("included", ["", EVERY_SECTION])
def test_a_page_of_orders_is_what_amazons_model_says(included):
    params = SINCE | {"includedData": included, "maxResultsPerPage": 5}
    answer = busy_shop().ask("GET", ORDERS, params=params).json()
    assert (len(answer["orders"]), "pagination" in answer) == (5, True)
    assert faults_of(ORDERS_MODEL, "SearchOrdersResponse", answer) == []


def test_every_order_by_id_is_what_amazons_model_says():
    shop = busy_shop()
    statuses = set()
    for order_id in shop.state()["orders"]:
        answer = shop.ask("GET", f"{ORDERS}/{order_id}", params={"includedData": EVERY_SECTION}).json()
        statuses.add(answer["order"]["fulfillment"]["fulfillmentStatus"])
        assert faults_of(ORDERS_MODEL, "GetOrderResponse", answer) == []
    assert statuses == {"PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"}


@pytest.mark.parametrize("included", ["summaries", EVERY_SET])
def test_listings_are_what_amazons_model_says(included):
    shop = Shop(listings=[{"sku": f"S{n}", "price": 3} for n in range(12)])
    params = {"marketplaceIds": MARKET, "includedData": included}
    page = shop.ask("GET", ITEMS, params=params).json()
    assert faults_of(LISTINGS_MODEL, "ItemSearchResults", page) == []
    one = shop.ask("GET", f"{ITEMS}/S3", params=params).json()
    assert faults_of(LISTINGS_MODEL, "Item", one) == []


@pytest.mark.parametrize(("quantity", "mode"), [(1, None), (-1, None), (1, "preview"), (-1, "preview")])
def test_what_a_patch_is_told_is_what_amazons_model_says(quantity, mode):
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    body = {"productType": "HOME", "patches": patches}
    assert faults_of(LISTINGS_MODEL, "ListingsItemPatchRequest", body) == []
    params = {"marketplaceIds": MARKET, "includedData": "identifiers,issues"}
    params |= {"mode": "VALIDATION_PREVIEW"} if mode else {}
    answer = Shop().ask("PATCH", f"{ITEMS}/MUG", params=params, json=body).json()
    assert faults_of(LISTINGS_MODEL, "ListingsItemSubmissionResponse", answer) == []


def test_refusals_are_what_amazons_models_say():
    shop = Shop()
    refusals = [
        (ORDERS_MODEL, shop.ask("GET", ORDERS)),
        (ORDERS_MODEL, shop.ask("GET", f"{ORDERS}/111-0000000-0000000")),
        (ORDERS_MODEL, shop.ask("GET", ORDERS, headers={})),
        (LISTINGS_MODEL, shop.ask("GET", ITEMS)),
        (LISTINGS_MODEL, shop.ask("GET", f"{ITEMS}/NOPE", params={"marketplaceIds": MARKET})),
    ]
    assert [answer.status_code for _, answer in refusals] == [400, 404, 403, 400, 404]
    for name, answer in refusals:
        assert faults_of(name, "ErrorList", answer.json()) == []


def test_rates_and_bursts_are_the_published_ones():
    published = {}
    others = ("notifications.json", "sellers.json", "feeds_2021-06-30.json", "reports_2021-06-30.json")
    for name in (ORDERS_MODEL, LISTINGS_MODEL, *others):
        for path in model(name)["paths"].values():
            for operation in path.values():
                if isinstance(operation, dict) and "operationId" in operation:
                    plan = re.search(r"\| *([\d.]+) *\| *([\d.]+) *\|", operation["description"])
                    published[operation["operationId"]] = tuple(map(float, plan.groups()))
    ours = {name: (plan.rate, plan.burst) for name, plan in PUBLISHED_PLANS.items() if ":" not in name}
    assert ours == {name: published[name] for name in ours}
