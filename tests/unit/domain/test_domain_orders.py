"""What an order still wants, and what only its own past can tell."""

import dataclasses
from datetime import timedelta

import pytest

from fbm_sync.domain.order import (
    PENDING_COOL_OFF,
    Fulfiller,
    OrderStatus,
    carry_over,
    demand_units,
    held_units,
    urgency,
)

from builders import NOW, a_shipment, a_shipped_order, an_item, an_order, in_days

OPEN = (
    OrderStatus.PENDING_AVAILABILITY,
    OrderStatus.PENDING,
    OrderStatus.UNSHIPPED,
    OrderStatus.PARTIALLY_SHIPPED,
    OrderStatus.UNKNOWN,
)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_holds_units_exactly_while_it_is_open(status):
    order = an_order(status=status, units=3)
    assert order.is_open == (status in OPEN)
    assert sum(held_units(order, NOW).values()) == (3 if status in OPEN else 0)


@pytest.mark.parametrize("fulfiller", Fulfiller)
def test_only_what_the_merchant_ships_is_demand_on_the_merchants_stock(fulfiller):
    assert an_order(fulfilled_by=fulfiller).is_open == (fulfiller is not Fulfiller.AMAZON)


@pytest.mark.parametrize("status", OrderStatus)
def test_a_pending_order_is_one_whose_payment_is_not_settled(status):
    pending = status in (OrderStatus.PENDING, OrderStatus.PENDING_AVAILABILITY)
    assert an_order(status=status).is_pending == pending


@pytest.mark.parametrize(
    ("item", "units"),
    [
        (an_item(units=5), 5),
        (an_item(units=5, shipped_units=2), 3),
        (an_item(units=5, shipped_units=7), 0),
        (an_item(units=5, shipped_units=2, unfulfilled_units=1), 1),  # Amazon's own count wins
        (an_item(units=5, unfulfilled_units=-1), 0),
        (an_item(units=5, cancelled_by="BUYER"), 0),
    ],
)
def test_open_units_are_what_still_has_to_leave(item, units):
    assert item.open_units == units


def test_an_order_with_nothing_left_to_ship_is_not_open():
    assert not an_order(items=(an_item(cancelled_by="MERCHANT"),)).is_open


def test_the_shipped_part_of_an_order_is_no_demand_any_more():
    items = (an_item("A", 4, shipped_units=3), an_item("B", 2, shipped_units=2))
    order = an_order(status=OrderStatus.PARTIALLY_SHIPPED, items=items)
    assert held_units(order, NOW) == {items[0]: 1}
    assert demand_units([order, an_order("2", sku="A", units=5)], NOW) == {"A": 6}


def test_a_cancel_request_counts_only_while_something_can_still_be_stopped():
    assert an_order(items=(an_item(cancel_requested=True),)).cancel_requested
    assert not an_order(items=(an_item(cancel_requested=True, shipped_units=1),)).cancel_requested


def test_an_order_left_when_its_last_parcel_left():
    parcels = (a_shipment(shipped_at=in_days(-2)), a_shipment(shipped_at=in_days(-1)))
    assert a_shipped_order(shipments=parcels).shipped_at == in_days(-1)
    assert an_order().shipped_at is None


def test_a_vanished_pending_order_keeps_its_units_for_four_hours():
    pending = an_order(status=OrderStatus.PENDING, items=(an_item(units=3),))
    gone = an_order(
        status=OrderStatus.CANCELLED, items=(an_item(units=3, cancelled_by="AMAZON"),), updated_at=NOW
    )
    kept = carry_over(pending, gone)
    assert kept.units_kept_until == NOW + PENDING_COOL_OFF
    assert sum(held_units(kept, NOW + timedelta(hours=3, minutes=59)).values()) == 3
    assert not held_units(kept, NOW + timedelta(hours=4))
    assert not kept.is_open


def test_reading_the_vanished_order_again_does_not_prolong_its_cool_off():
    pending = an_order(status=OrderStatus.PENDING)
    kept = carry_over(pending, an_order(status=OrderStatus.CANCELLED, updated_at=NOW))
    again = carry_over(kept, an_order(status=OrderStatus.CANCELLED, updated_at=NOW + timedelta(hours=3)))
    assert again.units_kept_until == NOW + PENDING_COOL_OFF


def test_units_that_left_are_not_kept_by_a_cool_off():
    items = (an_item("A", 2, shipped_units=2), an_item("B", 3, shipped_units=1))
    kept = an_order(status=OrderStatus.CANCELLED, items=items, units_kept_until=in_days(1))
    assert held_units(kept, NOW) == {items[1]: 2}


def test_an_order_amazon_ships_never_keeps_our_units():
    gone = an_order(status=OrderStatus.CANCELLED, fulfilled_by=Fulfiller.AMAZON, units_kept_until=in_days(1))
    assert not held_units(gone, NOW)


def test_an_order_whose_payment_came_after_all_has_nothing_kept_back():
    kept = an_order(status=OrderStatus.CANCELLED, units_kept_until=in_days(1))
    paid = carry_over(kept, an_order(status=OrderStatus.UNSHIPPED))
    assert paid.units_kept_until is None
    cancelled = carry_over(paid, an_order(status=OrderStatus.CANCELLED))
    assert cancelled.units_kept_until is None


@pytest.mark.parametrize("before", [None, an_order(), an_order(status=OrderStatus.PENDING)])
def test_nothing_else_of_an_order_is_carried_over(before):
    current = an_order(status=OrderStatus.SHIPPED)
    assert carry_over(before, current) == current


def test_a_parcel_does_not_leave_later_because_its_order_was_updated_again():
    left, reported_again = in_days(-2), in_days(-1)
    before = an_order(shipments=(a_shipment(shipped_at=left),))
    later = an_order(shipments=(a_shipment(shipped_at=reported_again), a_shipment(shipment_id="p2")))
    kept = carry_over(before, later)
    assert [parcel.shipped_at for parcel in kept.shipments] == [left, later.shipments[1].shipped_at]


def test_an_unpaid_cancelled_order_never_seen_before_keeps_nothing():
    current = an_order(status=OrderStatus.CANCELLED)
    assert carry_over(None, current) == current
    assert carry_over(an_order(), current) == current


def test_an_unknown_deadline_waits_behind_every_known_one():
    unknown = an_order("1", ship_by_at=None, created_at=in_days(-9))
    late, soon = an_order("2", ship_by_at=in_days(9)), an_order("3", ship_by_at=in_days(1))
    older = dataclasses.replace(soon, order_id="4", created_at=in_days(-2))
    twin = dataclasses.replace(soon, order_id="5")
    assert sorted([unknown, late, twin, soon, older], key=urgency) == [older, soon, twin, late, unknown]


ON_ITS_WAY = a_shipment(tracked=True)
ARRIVED = a_shipment(tracked=True, delivered=True)


def first_seen_delivered(before, after, **later):
    read_at = later.pop("read_at", in_days(2))
    previous = None if before is None else an_order(shipments=(before,), updated_at=NOW)
    fields = {"updated_at": NOW, "deliver_by_at": in_days(1)} | later
    return (
        carry_over(previous, an_order(shipments=(after,), **fields), read_at=read_at)
        .shipments[0]
        .delivered_at
    )


def test_a_parcel_arrived_with_the_update_that_shows_it():
    assert first_seen_delivered(ON_ITS_WAY, ARRIVED, updated_at=in_days(1)) == in_days(1)
    assert first_seen_delivered(ON_ITS_WAY, ARRIVED) == in_days(2), "shown without an update: when we saw it"
    assert first_seen_delivered(ON_ITS_WAY, ON_ITS_WAY, updated_at=in_days(1)) is None


def test_the_time_a_parcel_was_first_seen_delivered_is_kept():
    known = a_shipment(tracked=True, delivered=True, delivered_at=in_days(-1))
    assert first_seen_delivered(known, ARRIVED, updated_at=in_days(3)) == in_days(-1)


def test_when_a_parcel_arrived_that_had_done_so_before_we_looked_is_not_known():
    assert first_seen_delivered(None, ARRIVED) is None
    assert first_seen_delivered(None, ARRIVED, read_at=in_days(0.5)) == in_days(0.5), "in time even now"
    assert first_seen_delivered(None, ARRIVED, deliver_by_at=None) is None
    assert first_seen_delivered(None, ARRIVED, read_at=None) is None
    assert first_seen_delivered(None, ON_ITS_WAY, read_at=in_days(0.5)) is None
    assert first_seen_delivered(ARRIVED, ARRIVED, updated_at=in_days(3)) is None
    of_an_older_release = a_shipment(tracked=None)
    assert first_seen_delivered(of_an_older_release, ARRIVED, updated_at=in_days(3)) is None
