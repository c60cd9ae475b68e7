"""What a report tells of orders: little, late, and never more than it says."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.order import Fulfiller, OrderStatus, ReportedOrderLine
from fbm_sync.domain.reported import reported_orders, status_in_words

from builders import ACCOUNT, NOW, in_days

LINE = ReportedOrderLine(
    account=ACCOUNT,
    order_id="111-1",
    sku="MUG",
    created_at=in_days(-3),
    updated_at=in_days(-1),
    status_text="Shipped",
    units=2,
    fulfilled_by=Fulfiller.MERCHANT,
)


def a_line(**changes):
    return dataclasses.replace(LINE, **changes)


def test_a_reported_order_names_no_ship_by_and_counts_as_old_as_it_is():
    (order,) = reported_orders([a_line(), a_line(sku="BOWL", units=1)])
    assert (order.ship_by_at, order.deliver_by_at, order.shipments) == (None, None, ())
    assert order.updated_at == order.created_at == in_days(-3)
    assert [(item.sku, item.ordered_units, item.open_units) for item in order.items] == [
        ("MUG", 2, 0),
        ("BOWL", 1, 0),
    ]


def test_what_has_not_left_is_open():
    (order,) = reported_orders([a_line(status_text="Unshipped")])
    assert (order.is_open, order.open_units) == (True, 2)


def test_orders_that_amazon_ships_or_may_ship_are_not_ours():
    assert reported_orders([a_line(fulfilled_by=Fulfiller.AMAZON)]) == ()
    assert reported_orders([a_line(), a_line(sku="BOWL", fulfilled_by=Fulfiller.AMAZON)]) == ()


def test_a_status_that_we_do_not_know_tells_nothing():
    assert reported_orders([a_line(status_text="Beamed")]) == ()


def test_a_line_without_units_tells_nothing_unless_it_was_cancelled():
    assert reported_orders([a_line(units=None)]) == ()
    (order,) = reported_orders([a_line(units=None, status_text="Cancelled")])
    assert (order.status, order.open_units, order.items[0].ordered_units) == (OrderStatus.CANCELLED, 0, 0)


def test_the_latest_line_tells_the_status():
    early, late = a_line(status_text="Unshipped", updated_at=in_days(-2)), a_line(updated_at=NOW)
    for lines in ((early, late), (late, early)):
        (order,) = reported_orders(lines)
        assert order.status is OrderStatus.SHIPPED


def test_amazon_spells_a_status_in_several_ways():
    assert status_in_words("Shipped - Delivered to Buyer") is OrderStatus.SHIPPED
    assert status_in_words("Partially Shipped") is OrderStatus.PARTIALLY_SHIPPED
    assert status_in_words("PARTIALLY_SHIPPED") is OrderStatus.PARTIALLY_SHIPPED
    assert status_in_words("Canceled") is OrderStatus.CANCELLED
    assert status_in_words("") is OrderStatus.UNKNOWN


@given(
    st.lists(
        st.builds(
            a_line,
            order_id=st.sampled_from(["111-1", "111-2", "111-3"]),
            status_text=st.sampled_from(["Shipped", "Unshipped", "Pending", "Cancelled", "?"]),
            units=st.none() | st.integers(min_value=0, max_value=5),
            fulfilled_by=st.sampled_from(Fulfiller),
        ),
        max_size=8,
    )
)
def test_every_line_of_an_order_is_told_or_none_of_it(lines):
    for order in reported_orders(lines):
        own = [line for line in lines if line.order_id == order.order_id]
        assert sorted(item.sku for item in order.items) == sorted(line.sku for line in own)
        assert sum(item.ordered_units for item in order.items) == sum(line.units or 0 for line in own)
        assert len({item.order_item_id for item in order.items}) == len(own)
