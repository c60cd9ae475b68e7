"""The seller performance report of the emulated Amazon, against what really happened to the orders."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.emulator import load_scenario
from fbm_sync.emulator.account.performance import performance_report
from fbm_sync.emulator.orders.order import Order

from amazon_models import model, schema_faults
from emulated import MARKET, NOON, Shop

NOW = datetime(2026, 3, 2, 20, tzinfo=UTC)
SCHEMA = "accountHealthReport-2020-11-18.json"
DAY = timedelta(days=1)


MOMENTS = {"created_at", "ship_by", "shipped_at", "cancelled_at", "deliver_by", "delivered_at"}


def past(**fields):
    """An order of some time ago, its moments told in days before now."""
    moments = {name: (NOW - fields[name] * DAY).isoformat() for name in MOMENTS & fields.keys()}
    return {"items": [{"sku": "MUG", "quantity": 1}]} | fields | moments


def report_on(*orders, **scenario):
    """The report and the shop it tells of, with these past orders."""
    world = load_scenario({"start_at": NOON, "listings": [{"sku": "MUG"}], "orders": list(orders)} | scenario)
    known = [order for order in world.book.orders.values() if isinstance(order, Order)]
    return performance_report(
        known, world.now(), rules=world.rules, days=world.days, account_status=world.account_status
    )


def metric(name, *orders, **scenario):
    return report_on(*orders, **scenario)["performanceMetrics"][0][name]


def counts(told, *names):
    return tuple(told[name] for name in names)


# --- late shipments


def late(*orders):
    return counts(metric("lateShipmentRate", *orders), "lateShipmentCount", "orderCount")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (past(created_at=6, ship_by=3, shipped_at=3), (0, 1)),
        (past(created_at=6, ship_by=3, shipped_at=2.9), (1, 1)),
        (past(created_at=6, ship_by=3), (1, 1)),
        (past(created_at=6, ship_by=-1), (0, 0)),
        (past(created_at=40, ship_by=30, shipped_at=29), (1, 1)),
        (past(created_at=40, ship_by=30.1, shipped_at=29), (0, 0)),
        (past(created_at=6, ship_by=3, status="cancelled", cancelled_at=1), (0, 0)),
        (past(created_at=6, ship_by=3, pending_seconds=1e7), (0, 0)),
    ],
)
def test_an_order_is_late_when_it_was_complete_only_after_its_ship_by(order, expected):
    assert late(order) == expected


def test_an_order_is_complete_with_the_parcel_that_leaves_nothing_open():
    shop = Shop(orders=[past(created_at=6, ship_by=3, order_id="A", items=[{"sku": "MUG", "quantity": 2}])])

    def ship(days):
        moment = (NOW - days * DAY).isoformat()
        parcel = {"order_id": "A", "items": [{"sku": "MUG", "quantity": 1}], "shipped_at": moment}
        assert shop.control("orders", {"ship": [parcel]})["ship"][0]["done"]

    ship(4)
    assert downloaded(shop)["lateShipmentRate"]["lateShipmentCount"] == 1
    ship(3.5)
    assert downloaded(shop)["lateShipmentRate"]["lateShipmentCount"] == 0


def test_four_in_a_hundred_is_too_many():
    on_time = [past(created_at=6, ship_by=3, shipped_at=4)] * 96
    too_late = [past(created_at=6, ship_by=3, shipped_at=2)] * 4
    told = metric("lateShipmentRate", *on_time, *too_late)
    assert counts(told, "rate", "status", "targetValue", "targetCondition") == (
        0.04,
        "BAD",
        0.04,
        "LESS_THAN",
    )
    assert counts(metric("lateShipmentRate", *on_time, *too_late[:3]), "status") == ("GOOD",)


# --- cancellations


def cancelled(order):
    told = metric("preFulfillmentCancellationRate", order)
    return counts(told, "cancellationCount", "orderCount")


@pytest.mark.parametrize(
    ("by", "days_ago", "expected"),
    [
        ("MERCHANT", 5, (1, 1)),
        ("BUYER", 5, (0, 1)),
        ("AMAZON", 5, (0, 1)),
        ("AMAZON", 2, (1, 1)),
    ],
)
def test_the_seller_answers_for_what_the_seller_cancels_and_for_what_amazon_had_to(by, days_ago, expected):
    order = past(created_at=6, ship_by=3, status="cancelled", cancelled_by=by, cancelled_at=days_ago)
    assert cancelled(order) == expected


def test_cancellations_go_by_the_day_an_order_was_created():
    assert cancelled(past(created_at=7, status="cancelled", cancelled_by="MERCHANT")) == (1, 1)
    assert cancelled(past(created_at=7.1, status="cancelled", cancelled_by="MERCHANT")) == (0, 0)
    assert cancelled(past(created_at=1)) == (0, 1)


def test_what_the_buyer_asked_for_is_not_the_sellers_fault():
    shop = Shop(orders=[past(created_at=1, order_id="A"), past(created_at=1, order_id="B")])
    shop.control("orders", {"request_cancel": [{"order_id": "A"}]})
    cancel = [{"order_id": order_id, "by": "MERCHANT"} for order_id in ("A", "B")]
    shop.control("orders", {"cancel": cancel})
    told = downloaded(shop)["preFulfillmentCancellationRate"]
    assert counts(told, "cancellationCount", "orderCount") == (1, 2)


def test_an_order_amazon_gave_up_on_counts_as_cancelled_and_no_longer_as_late():
    shop = Shop()
    order = {"order_id": "A", "items": [{"sku": "MUG", "quantity": 1}]}
    shop.control("orders", {"place": [order | {"ship_by": "2026-03-03T07:59:59Z"}]})
    shop.advance(days=5)
    told = downloaded(shop)
    assert (
        told["lateShipmentRate"]["lateShipmentCount"],
        told["preFulfillmentCancellationRate"]["rate"],
    ) == (1, 0)
    shop.control("orders", {"cancel": [{"order_id": "A", "by": "AMAZON", "reason": "NOT_SHIPPED_IN_TIME"}]})
    told = downloaded(shop)
    assert (told["lateShipmentRate"]["orderCount"], told["preFulfillmentCancellationRate"]["rate"]) == (0, 1)


# --- tracking and delivery


def test_a_parcel_without_a_number_has_no_valid_tracking():
    orders = [past(created_at=6, shipped_at=5), past(created_at=6, shipped_at=5, untracked=True)]
    told = metric("validTrackingRate", *orders, past(created_at=40, shipped_at=30.1))
    assert counts(told, "validTrackingCount", "shipmentCount", "rate", "status") == (1, 2, 0.5, "BAD")


def delivered(*orders, **scenario):
    parcels = metric("onTimeDeliveryRate", *orders, **scenario)
    units = metric("unitOnTimeDeliveryRate", *orders, **scenario)
    return (
        counts(parcels, "onTimeDeliveryCount", "shipmentCountWithValidTracking"),
        counts(units, "unitOnTimeDeliveryCount", "totalUnitCount"),
    )


def parcel(**fields):
    usual = {"created_at": 20, "ship_by": 18, "shipped_at": 18, "deliver_by": 12}
    return past(**(usual | fields)) | {"items": [{"sku": "MUG", "quantity": 3}]}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (parcel(delivered_at=12), ((1, 1), (3, 3))),
        (parcel(delivered_at=11.9), ((0, 1), (0, 3))),
        (parcel(delivered_at=11.9, untracked=True), ((0, 0), (0, 0))),
        (parcel(), ((1, 1), (3, 3))),
        (parcel(shipped_at=13), ((0, 1), (0, 3))),
        (parcel(deliver_by=7, delivered_at=8), ((1, 1), (3, 3))),
        (parcel(deliver_by=6.9, delivered_at=8), ((0, 0), (0, 0))),
        (parcel(created_at=30, ship_by=28, shipped_at=28, deliver_by=21), ((1, 1), (3, 3))),
        (parcel(created_at=30, ship_by=28, shipped_at=28, deliver_by=21.1), ((0, 0), (0, 0))),
    ],
)
def test_a_delivery_is_judged_by_its_deliver_by_once_a_week_has_passed(order, expected):
    assert delivered(order) == expected


def test_units_are_counted_in_the_american_marketplace_alone():
    assert delivered(parcel(), marketplace_id="A1PA6795UKMFR9") == ((1, 1), (0, 0))


def test_a_parcel_shipped_by_hand_may_say_when_it_arrives():
    shop = Shop()
    place = {"order_id": "A", "items": [{"sku": "MUG", "quantity": 1}], "deliver_by": "2026-03-06T20:00:00Z"}
    shop.control("orders", {"place": [place]})
    early = {"order_id": "A", "delivered_at": "2026-03-01T00:00:00Z"}
    assert not shop.control("orders", {"ship": [early]})["ship"][0]["done"]
    shop.control("orders", {"ship": [early | {"delivered_at": "2026-03-08T00:00:00Z"}]})
    shop.advance(days=12)
    told = downloaded(shop)["onTimeDeliveryRate"]
    assert counts(told, "onTimeDeliveryCount", "shipmentCountWithValidTracking") == (0, 1)


# --- the report as a whole


def downloaded(shop):
    """The metrics as a client gets them."""
    return whole_report(shop)["performanceMetrics"][0]


def whole_report(shop):
    body = {"reportType": "GET_V2_SELLER_PERFORMANCE_REPORT", "marketplaceIds": [MARKET]}
    report_id = shop.ask("POST", "/reports/2021-06-30/reports", json=body).json()["reportId"]
    shop.advance(seconds=30)
    report = shop.ask("GET", f"/reports/2021-06-30/reports/{report_id}").json()
    path = f"/reports/2021-06-30/documents/{report['reportDocumentId']}"
    return json.loads(
        gzip.decompress(shop.ask("GET", shop.ask("GET", path).json()["url"], headers={}).content)
    )


def test_without_orders_there_are_no_rates():
    told = downloaded(Shop())
    for name in (
        "lateShipmentRate",
        "preFulfillmentCancellationRate",
        "validTrackingRate",
        "onTimeDeliveryRate",
    ):
        assert counts(told[name], "rate", "status") == (0, "NONE")
    assert told["lateShipmentRate"]["reportingDateRange"] == {
        "reportingDateFrom": "2026-01-31T20:00Z",
        "reportingDateTo": "2026-03-02T20:00Z",
    }


def test_the_report_is_what_amazons_schema_says():
    orders = [past(created_at=6, ship_by=3, shipped_at=2), parcel(), past(created_at=1)]
    assert schema_faults(SCHEMA, whole_report(Shop(orders=orders))) == []


def test_in_the_other_spelling_the_report_has_the_names_of_amazons_example():
    shop = Shop(performance_spelling="example", account_status="DEACTIVATED")
    told = whole_report(shop)
    (example,) = model(SCHEMA)["examples"]
    assert told["accountStatuses"] == [{"marketplaceId": MARKET, "status": "SUSPENDED"}]
    (shown,) = example["performanceMetrics"]
    assert shown.keys() <= told["performanceMetrics"][0].keys()
    for name, value in shown.items():
        if isinstance(value, dict):
            assert value.keys() == told["performanceMetrics"][0][name].keys()


def test_what_amazon_thinks_of_the_account_is_in_the_report_and_is_announced():
    shop, told = Shop(), []
    shop.world.announce = lambda kind, fact, at: told.append((kind, fact))
    assert whole_report(shop)["accountStatuses"][0]["status"] == "NORMAL"
    assert shop.control("account", {"status": "AT_RISK"})["account_status"] == "AT_RISK"
    shop.control("account", {"status": "AT_RISK"})
    report = whole_report(shop)
    assert report["accountStatuses"] == [{"marketplaceId": MARKET, "status": "AT_RISK"}]
    assert report["performanceMetrics"][0]["accountHealthRating"]["accountHealthRatingStatus"] == "WARNED"
    assert shop.state()["account_status"] == "AT_RISK"
    fact = {"previousAccountStatus": "NORMAL", "currentAccountStatus": "AT_RISK"}
    assert told == [("ACCOUNT_STATUS_CHANGED", fact)]


@pytest.mark.parametrize("body", [{}, {"status": "SUSPENDED"}, {"status": "NORMAL", "why": "x"}])
def test_an_unreadable_judgement_is_refused(body):
    assert Shop().ask("POST", "/_emulator/account", json=body).status_code == 400


ORDERS = st.lists(
    st.builds(
        lambda created, ship_by, fate: past(created_at=created, ship_by=ship_by) | fate,
        st.floats(20, 60),
        st.floats(0, 19),
        st.sampled_from(
            [
                {"status": "shipped"},
                {"status": "shipped", "untracked": True},
                {"status": "cancelled", "cancelled_by": "MERCHANT"},
                {"status": "cancelled", "cancelled_by": "AMAZON"},
                {},
            ]
        ),
    ),
    max_size=6,
)


@given(ORDERS)
def test_no_count_is_ever_greater_than_what_it_is_a_part_of(orders):
    told = report_on(*orders)
    assert schema_faults(SCHEMA, told) == []
    pairs = {
        "lateShipmentRate": ("lateShipmentCount", "orderCount"),
        "preFulfillmentCancellationRate": ("cancellationCount", "orderCount"),
        "validTrackingRate": ("validTrackingCount", "shipmentCount"),
        "onTimeDeliveryRate": ("onTimeDeliveryCount", "shipmentCountWithValidTracking"),
        "unitOnTimeDeliveryRate": ("unitOnTimeDeliveryCount", "totalUnitCount"),
    }
    for name, (part, whole) in pairs.items():
        one = told["performanceMetrics"][0][name]
        assert 0 <= one[part] <= one[whole]
        assert one["rate"] == (one[part] / one[whole] if one[whole] else 0)
