"""The comparison with the real adapter and the emulated Amazon over HTTP, in virtual time."""

from datetime import timedelta

import pytest

from fbm_sync.domain.order_comparison import OrderFault
from fbm_sync.flows.pull.by_id import Tally, record_orders
from fbm_sync.flows.verify import VerifyTerms, verify_offers, verify_orders

from seller import open_seller


@pytest.fixture
def shop(tmp_path):
    many = [{"sku": f"S{number:02}", "quantity": 5, "price": "9.00"} for number in range(45)]
    with open_seller(tmp_path, listings=[*many, {"sku": "MUG", "quantity": 100}]) as seller:
        yield seller


def look_at_orders(shop, *, repair=False):
    return verify_orders(
        shop.name,
        shop.account.spare_orders,
        shop.account.reports,
        shop.ledger,
        shop,
        VerifyTerms(since=shop.now() - timedelta(days=7), repair=repair),
        record=lambda books, orders: record_orders(shop.name, orders, books, Tally(), shop.now()),
    )


def look_at_offers(shop, *, repair=False):
    return verify_offers(shop.name, shop.account.offers, shop.ledger, shop, repair=repair)


def faults(found):
    assert found.doubts == ()
    return {one.order_id: one.fault for one in found.differences}


def test_orders_that_amazon_showed_too_late_are_found_and_read_in(shop):
    known = shop.sell()
    opened = shop.sell(hidden_seconds=3600)
    shipped = shop.sell(hidden_seconds=3600)
    shop.do("ship", order_id=shipped)
    shop.advance(minutes=30)
    shop.pull()
    assert shop.orders().keys() == {known}
    shop.advance(minutes=45)
    assert faults(look_at_orders(shop)) == {opened: OrderFault.MISSING, shipped: OrderFault.MISSING}
    assert look_at_orders(shop, repair=True).read_in == {opened, shipped}
    assert {name: one.status.value for name, one in shop.orders().items()} == {
        name: one["status"] for name, one in shop.true_orders().items()
    }
    assert faults(look_at_orders(shop)) == {}


def test_an_order_that_is_recorded_wrongly_is_found_and_put_right(shop):
    order_id = shop.sell(quantity=3)
    shop.advance(minutes=30)
    shop.pull()
    with shop.ledger.transaction() as books:
        books._connection.exec_driver_sql("UPDATE order_items SET ordered_units = 2")
    found = look_at_orders(shop, repair=True)
    assert faults(found) == {order_id: OrderFault.DIFFERENT}
    assert "units ordered of MUG: 2 here, 3 at Amazon" in found.differences[0].words
    assert shop.orders()[order_id].items[0].ordered_units == 3
    assert faults(look_at_orders(shop)) == {}


def test_a_look_at_a_true_shop_costs_few_requests(shop):
    for _ in range(5):
        shop.sell()
    shop.advance(minutes=30)
    shop.pull()
    shop.pull_offers()
    before = shop.account.gateway.requests.copy()
    assert faults(look_at_orders(shop)) == {}
    found = look_at_offers(shop)
    assert (found.drifts, found.doubts, found.compared) == ((), (), 46)
    cost = shop.account.gateway.requests - before
    assert cost.pop("getReport") <= 6
    # Three pages of listings hold twenty each.
    assert cost == {
        "searchOrders": 1,
        "getReports": 1,
        "createReport": 1,
        "getReportDocument": 1,
        "downloadDocument": 1,
        "searchListingsItems": 3,
    }


def test_the_regular_reading_keeps_its_share_of_order_searches(shop):
    shop.sell()
    shop.advance(minutes=30)
    for _ in range(17):
        shop.pull()
    begun = shop.now()
    assert look_at_orders(shop).doubts == ()
    # Three were left; six must have come together before one is taken.
    assert shop.now() - begun >= timedelta(seconds=3 / 0.0056)
    at = shop.now()
    for _ in range(5):
        shop.pull()
    assert shop.now() - at < timedelta(minutes=1)


def test_a_listing_that_was_edited_by_somebody_else_is_found(shop):
    shop.pull_offers()
    shop.sell(quantity=10)
    shop.advance(hours=1)
    assert look_at_offers(shop).drifts == ()
    shop.edit(sku="MUG", quantity=500)
    shop.edit(sku="S07", quantity=5, handling_days=9)
    (mug, other) = look_at_offers(shop, repair=True).drifts
    assert (mug.sku, mug.was.quantity, mug.shown.quantity) == ("MUG", 100, 500)
    assert (other.sku, other.shown.handling_days) == ("S07", 9)
    assert ("drift", "MUG") in shop.alert()


@pytest.mark.parametrize("trouble", [{"page_token": "repeat"}, {"json": "cut"}, {"status": 403}])
def test_a_broken_sweep_changes_nothing(shop, trouble):
    shop.pull_offers()
    shop.edit(sku="MUG", quantity=500)
    shop.fault(operation="searchListingsItems", skip=1, forever=True, **trouble)
    found = look_at_offers(shop, repair=True)
    assert (found.drifts, found.recorded) == ((), 0)
    assert found.doubts[0].startswith("listings: ")
    with shop.ledger.transaction() as books:
        assert books.offers.observed(shop.name)["MUG"].offer.quantity == 100


@pytest.mark.parametrize("operation", ["createReport", "getReport", "getReportDocument"])
def test_without_the_report_the_open_orders_are_compared_all_the_same(shop, operation):
    missing = shop.sell(hidden_seconds=3600)
    shop.advance(minutes=30)
    shop.pull()
    shop.advance(minutes=45)
    shop.fault(operation=operation, status=403, forever=True)
    found = look_at_orders(shop)
    assert [one.order_id for one in found.differences] == [missing]
    assert [doubt.partition(":")[0] for doubt in found.doubts] == ["report of orders"]
