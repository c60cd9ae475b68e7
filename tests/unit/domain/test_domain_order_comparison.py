"""Are the orders we know the orders Amazon has?"""

import dataclasses
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.order import Fulfiller, OrderStatus, ReportedOrderLine, Sku
from fbm_sync.domain.order_comparison import (
    OrderFault,
    compare_orders,
    differences,
    doubt_orders,
    expected_open,
)

from builders import ACCOUNT, NOW, SKU, a_shipment, an_item, an_order, in_days, orders

HOUR = timedelta(hours=1)


def by_id(found):
    return {order.order_id: order for order in found}


def later(order, **changes):
    return dataclasses.replace(order, updated_at=order.updated_at + HOUR, **changes)


def faults(ours, theirs, known_up_to=NOW):
    return {one.order_id: one.fault for one in compare_orders(by_id(ours), theirs, known_up_to)}


# --- properties --------------------------------------------------------------------------------------


@given(orders(), st.randoms(use_true_random=False))
def test_equal_stores_differ_in_nothing_whatever_the_sequence(shop, rng):
    there = [*shop, *shop]
    rng.shuffle(there)
    assert compare_orders(by_id(shop), there, NOW) == ()
    assert compare_orders(by_id(shop), there, None) == ()


_WAYS = {
    "state": lambda one: {"status": _another(one.status, OrderStatus.UNSHIPPED, OrderStatus.SHIPPED)},
    "unknown word": lambda _: {"status": OrderStatus.UNKNOWN, "status_text": "ON_THE_MOON"},
    "ship-by": lambda one: {"ship_by_at": in_days(40)},
    "no ship-by": lambda one: {"ship_by_at": None if one.ship_by_at else in_days(1)},
    "deliver-by": lambda one: {"deliver_by_at": in_days(9)},
    "fulfiller": lambda one: {"fulfilled_by": Fulfiller.UNKNOWN},
    "units": lambda one: {
        "items": (_first(one, ordered_units=one.items[0].ordered_units + 1), *one.items[1:])
    },
    "shipped": lambda one: {"items": (_first(one, shipped_units=1, unfulfilled_units=3), *one.items[1:])},
    "SKU": lambda one: {"items": (_first(one, sku=Sku("OTHER")), *one.items[1:])},
    "cancelled": lambda one: {"items": (_first(one, cancelled_by="BUYER"), *one.items[1:])},
    "wish": lambda one: {
        "items": (_first(one, cancel_requested=not one.items[0].cancel_requested), *one.items[1:])
    },
    "another line": lambda one: {"items": (*one.items, an_item("OTHER"))},
    "no lines": lambda one: {"items": ()},
}


def _another(value, usual, else_):
    return else_ if value is usual else usual


def _first(order, **changes):
    return dataclasses.replace(order.items[0], **changes)


@given(orders(), st.sampled_from(sorted(_WAYS)), st.data(), st.randoms(use_true_random=False))
def test_the_one_order_that_changed_is_found_and_nothing_else(shop, way, data, rng):
    if not shop:
        return
    changed = data.draw(st.sampled_from(shop))
    there = [one for one in shop if one is not changed]
    there.append(later(changed, **_WAYS[way](changed)))
    rng.shuffle(there)
    (found,) = compare_orders(by_id(shop), there, NOW)
    assert (found.order_id, found.fault) == (changed.order_id, OrderFault.BEHIND)
    assert found.words
    # The same words of the very same version are no news of Amazon's, but a contradiction.
    twisted = [
        dataclasses.replace(one, updated_at=changed.updated_at) if one.order_id == changed.order_id else one
        for one in there
    ]
    assert faults(shop, twisted) == {changed.order_id: OrderFault.DIFFERENT}


@given(orders(), st.sampled_from(sorted(_WAYS)), st.data())
def test_an_older_word_never_makes_ours_wrong(shop, way, data):
    if not shop:
        return
    changed = data.draw(st.sampled_from(shop))
    older = dataclasses.replace(changed, updated_at=changed.updated_at - HOUR, **_WAYS[way](changed))
    assert compare_orders(by_id(shop), [*shop, older], NOW) == ()
    assert compare_orders(by_id(shop), [older], NOW) == ()


@given(orders(), st.data())
def test_the_one_order_that_is_not_here_is_missing_unless_amazon_ships_it(shop, data):
    if not shop:
        return
    lost = data.draw(st.sampled_from(shop))
    ours = [one for one in shop if one is not lost]
    assert faults(ours, shop) == {lost.order_id: OrderFault.MISSING}
    theirs = [*ours, dataclasses.replace(lost, fulfilled_by=Fulfiller.AMAZON)]
    assert faults(ours, theirs) == {}


# --- examples ----------------------------------------------------------------------------------------


def test_what_came_after_the_last_reading_is_neither_missing_nor_behind():
    order = an_order(updated_at=NOW)
    assert faults([], [order], NOW - HOUR) == {}
    assert (
        faults([dataclasses.replace(order, updated_at=NOW - HOUR, ship_by_at=None)], [order], NOW - HOUR)
        == {}
    )
    assert faults([], [order], NOW) == {"111-1": OrderFault.MISSING}


def test_before_the_first_reading_everything_is_missing():
    assert faults([], [an_order(updated_at=in_days(1))], None) == {"111-1": OrderFault.MISSING}


def test_a_later_version_that_says_the_same_is_no_difference():
    assert faults([an_order()], [later(an_order())]) == {}


def test_what_only_we_know_of_an_order_is_no_difference():
    ours = an_order(units_kept_until=NOW, first_read_at=NOW, shipments=(a_shipment(),), programs=("PRIME",))
    assert differences(ours, an_order()) == ()


def test_the_difference_is_said_with_both_sides():
    ours = an_order(units=2, deliver_by_at=None)
    theirs = later(
        ours,
        status=OrderStatus.PARTIALLY_SHIPPED,
        deliver_by_at=NOW,
        items=(an_item(units=2, shipped_units=1, unfulfilled_units=1, cancel_requested=True), an_item("B")),
    )
    assert differences(ours, theirs) == (
        "state: UNSHIPPED here, PARTIALLY_SHIPPED at Amazon",
        "deliver-by: no here, 2026-03-02 09:00:00Z at Amazon",
        "a line of 1 B only at Amazon",
        f"units shipped of {SKU}: 0 here, 1 at Amazon",
        f"units to ship of {SKU}: 2 here, 1 at Amazon",
        f"buyer's wish to cancel of {SKU}: no here, yes at Amazon",
    )
    assert "a line of 1 B only here" in differences(theirs, ours)


def test_the_list_of_open_orders_must_show_what_was_open_when_it_was_made():
    ours = [
        an_order("1", updated_at=in_days(-1)),
        an_order("2", updated_at=NOW),
        an_order("3", status=OrderStatus.SHIPPED, updated_at=in_days(-1)),
    ]
    assert expected_open(ours, NOW - HOUR) == {"1"}
    assert expected_open(ours, None) == {"1", "2"}


# --- reports -----------------------------------------------------------------------------------------


def a_row(order_id="111-1", **changes):
    facts = {
        "account": ACCOUNT,
        "order_id": order_id,
        "sku": SKU,
        "created_at": in_days(-1),
        "updated_at": NOW,
        "status_text": "Unshipped",
        "units": 1,
        "fulfilled_by": Fulfiller.MERCHANT,
    }
    return ReportedOrderLine(**(facts | changes))


def doubts(ours, rows, known_up_to=NOW, set_aside=()):
    found = doubt_orders(by_id(ours), rows, known_up_to, set_aside)
    return found.missing, found.doubtful


def test_an_order_that_only_the_report_names_is_missing():
    assert doubts([], [a_row(), a_row(sku="B")]) == (("111-1",), ())
    assert doubts([], [a_row()], None) == (("111-1",), ())
    assert doubts([], [a_row()], NOW - HOUR) == ((), ())
    assert doubts([], [a_row()], set_aside={"111-1"}) == ((), ())


def test_of_orders_that_amazon_ships_nothing_is_concluded_and_where_nobody_says_who_it_is_asked():
    assert doubts([], [a_row(fulfilled_by=Fulfiller.AMAZON)]) == ((), ())
    assert doubts([], [a_row(fulfilled_by=Fulfiller.UNKNOWN)]) == ((), ("111-1",))


@pytest.mark.parametrize(
    ("word", "status", "is_doubtful"),
    [
        ("Pending", OrderStatus.PENDING, False),
        ("Pending", OrderStatus.UNSHIPPED, True),
        ("Unshipped", OrderStatus.PARTIALLY_SHIPPED, False),
        ("PartiallyShipped", OrderStatus.UNSHIPPED, True),
        ("Shipped - Delivered to Buyer", OrderStatus.SHIPPED, False),
        ("Shipped", OrderStatus.UNSHIPPED, True),
        ("Canceled", OrderStatus.CANCELLED, False),
        ("Cancelled", OrderStatus.UNSHIPPED, True),
        ("On the moon", OrderStatus.UNSHIPPED, False),
    ],
)
def test_a_state_reported_later_than_ours_makes_it_doubtful_when_it_is_another(word, status, is_doubtful):
    ours = an_order(status=status)
    assert doubts([ours], [a_row(status_text=word)]) == ((), ("111-1",) if is_doubtful else ())
    assert doubts([dataclasses.replace(ours, updated_at=NOW)], [a_row(status_text=word)]) == ((), ())
    assert doubts([ours], [a_row(status_text=word)], NOW - HOUR) == ((), ())


def test_other_units_reported_later_make_an_order_doubtful():
    ours = an_order(units=2)
    assert doubts([ours], [a_row(units=2)]) == ((), ())
    assert doubts([ours], [a_row(), a_row()]) == ((), ()), "two lines of one SKU"
    assert doubts([ours], [a_row(units=3)]) == ((), ("111-1",))
    assert doubts([ours], [a_row(units=None)]) == ((), ()), "a report that leaves units out says nothing"
    assert doubts([ours], [a_row(units=2), a_row(sku="B", units=0)]) == ((), ())
    cancelled = an_order(items=(an_item(units=2), an_item("B", cancelled_by="BUYER")))
    assert doubts([cancelled], [a_row(units=2)]) == ((), ())
    gone = an_order(status=OrderStatus.CANCELLED)
    assert doubts([gone], [a_row(status_text="Cancelled", units=0)]) == ((), ())
