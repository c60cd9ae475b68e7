"""How a SKU sells, measured from our own orders."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.demand import demand_records
from fbm_sync.domain.order import Fulfiller, OrderStatus

from builders import NOW, SKU, SKUS, a_calendar, an_order, in_days, orders


def sales(*orders, sold_out=()):
    return demand_records(orders, a_calendar(), NOW, sold_out)


def test_sales_are_measured_over_thirty_days_with_days_without_a_sale():
    other = an_order("0", sku="OTHER", created_at=in_days(-29))
    first, second = (an_order(f"{n}", units=3, created_at=in_days(-n)) for n in (1, 2))
    record = sales(other, first, second)[SKU]
    assert record.days == 30
    assert record.units_per_day == 0.2
    assert record.orders == 2
    assert record.variation is not None
    assert round(record.variation, 3) == round((30 / 2 - 1) ** 0.5, 3)


def test_a_new_shop_is_measured_over_the_days_it_is_known():
    record = sales(
        an_order("1", units=3, created_at=in_days(-1)), an_order("2", units=3, created_at=in_days(-2))
    )[SKU]
    assert (record.days, record.units_per_day, record.variation) == (3, 2.0, None)


def test_an_order_dated_tomorrow_is_a_day_of_sales():
    assert sales(an_order(units=3, created_at=in_days(1)))[SKU].units_per_day == 3.0


@pytest.mark.parametrize(("created", "counted"), [("2026-02-01T08:00", True), ("2026-02-01T07:59", False)])
def test_the_first_of_the_thirty_days_begins_at_the_sellers_midnight(created, counted):
    sale = an_order(created_at=datetime.fromisoformat(created).replace(tzinfo=UTC))
    records = demand_records([sale], ShipCalendar(timezone="America/Los_Angeles"), NOW)
    assert (SKU in records) == counted


@settings(max_examples=500, deadline=None)
@given(
    sold=orders(),
    sold_out=st.sets(st.sampled_from(SKUS)),
    zone=st.sampled_from(("America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney", "UTC")),
    moments=st.tuples(*[st.timedeltas(timedelta(0), timedelta(hours=24, microseconds=-1))] * 2),
)
def test_nothing_but_news_changes_a_rate_inside_a_day(sold, sold_out, zone, moments):
    calendar = ShipCalendar(timezone=zone)
    midnight = calendar.start_of_day(calendar.local_date(NOW))
    early, late = (demand_records(sold, calendar, midnight + moment, sold_out) for moment in moments)
    assert early == late


def test_old_orders_and_those_amazon_ships_are_no_sales_of_ours():
    old = an_order("1", created_at=in_days(-30))
    assert sales(old, an_order("2", fulfilled_by=Fulfiller.AMAZON)) == {}


def test_cancelled_orders_are_counted():
    assert sales(an_order("1"), an_order("2", status=OrderStatus.CANCELLED))[SKU].cancelled_orders == 1


def test_orders_of_nothing_have_no_variation():
    assert sales(an_order(units=0, created_at=in_days(-29)))[SKU].variation is None


def test_days_since_the_last_sale_of_a_sold_out_sku_are_no_days_without_demand():
    other = an_order("0", sku="OTHER", created_at=in_days(-29))
    sold = [an_order(f"{n}", units=2, created_at=in_days(-n)) for n in range(12, 27)]
    open_shelf = sales(other, *sold)[SKU]
    empty_shelf = sales(other, *sold, sold_out={SKU})[SKU]
    assert (open_shelf.days, empty_shelf.days) == (30, 18)
    assert empty_shelf.units_per_day == pytest.approx(30 / 18)
    assert empty_shelf.variation < open_shelf.variation
    assert sales(other, *sold, sold_out={SKU})["OTHER"].days == 30


def test_a_sold_out_sku_keeps_the_days_until_its_last_sale():
    assert sales(an_order(created_at=in_days(1)), sold_out={SKU})[SKU].days == 1
    assert sales(an_order(created_at=in_days(-9)), sold_out={SKU})[SKU].days == 1
