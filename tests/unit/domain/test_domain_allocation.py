"""Who gets which unit, and what may still be promised to others."""

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import CoverSource, allocate, service_rank
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import OrderStatus, demand_units
from fbm_sync.domain.promise import AvailableToPromise, keep_promise, look_ahead_atp, promise_of

from builders import (
    NOW,
    SKU,
    TODAY,
    a_calendar,
    an_expected_lot,
    an_item,
    an_order,
    in_days,
    on_day,
    orders,
)

SHELVES = st.dictionaries(st.sampled_from("ABC"), st.integers(min_value=-5, max_value=20))


@st.composite
def inbound(draw):
    drawn = draw(
        st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 15), st.integers(-3, 30)), max_size=6)
    )
    found = {}
    for number, (sku, units, day) in enumerate(drawn):
        found.setdefault(sku, []).append(an_expected_lot(f"PO-{number}", units, sku=sku, ready_in=day))
    return {sku: sorted(group, key=lambda lot: (lot.ready_on, lot.lot_id)) for sku, group in found.items()}


def serve(some_orders, on_hand=None, lots=()):
    by_sku = {}
    for lot in lots:
        by_sku.setdefault(lot.lot.sku, []).append(lot)
    return allocate(some_orders, on_hand or {}, by_sku, now=NOW, today=TODAY)


def covers(allocation):
    return {
        one.order.order_id: [(part.source, part.units, part.lot) for part in one.covers]
        for one in allocation.orders
    }


def who_gets_it(allocation):
    """Order ids served from the shelf."""
    return [one.order.order_id for one in allocation.orders if one.covers[0].source is CoverSource.ON_HAND]


def test_earliest_ship_by_gets_the_last_unit():
    late, soon = an_order("1", ship_by_at=in_days(5)), an_order("2", ship_by_at=in_days(1))
    assert who_gets_it(serve([late, soon], {SKU: 1})) == ["2"]


def test_of_two_equal_deadlines_the_older_order_gets_the_last_unit():
    young, old = an_order("1"), an_order("2", created_at=in_days(-2))
    assert who_gets_it(serve([young, old], {SKU: 1})) == ["2"]


def test_of_two_equal_orders_the_smaller_id_gets_the_last_unit():
    assert who_gets_it(serve([an_order("2"), an_order("1")], {SKU: 1})) == ["1"]


def test_an_order_partly_shipped_is_finished_first():
    prime = an_order("1", programs=("PRIME",), ship_by_at=in_days(1))
    begun = an_order("2", status=OrderStatus.PARTIALLY_SHIPPED, ship_by_at=in_days(9))
    assert who_gets_it(serve([prime, begun], {SKU: 1})) == ["2"]


@pytest.mark.parametrize(
    "express",
    [{"programs": ("PRIME",)}, {"programs": ("PREMIUM", "X")}, {"service_level": "EXPEDITED"}],
)
def test_expedited_orders_go_before_ordinary_ones(express):
    assert who_gets_it(serve([an_order("1"), an_order("2", ship_by_at=in_days(9), **express)], {SKU: 1})) == [
        "2"
    ]


def test_an_order_the_buyer_wants_cancelled_gets_what_is_left():
    leaving = an_order("1", items=(an_item(cancel_requested=True),), programs=("PRIME",))
    assert service_rank(leaving) == 3
    assert who_gets_it(serve([leaving, an_order("2", ship_by_at=None)], {SKU: 1})) == ["2"]


def test_each_unit_names_its_source():
    lots = [an_expected_lot("A", 3, ready_in=2), an_expected_lot("B", 3, ready_in=5)]
    allocation = serve([an_order(units=10)], {SKU: 2}, lots)
    assert covers(allocation)["111-1"] == [
        (CoverSource.ON_HAND, 2, None),
        (CoverSource.LOT, 3, "A/1"),
        (CoverSource.LOT, 3, "B/1"),
        (CoverSource.SHORTAGE, 2, None),
    ]
    assert allocation.lot_units == {"A/1": 3, "B/1": 3}
    assert allocation.on_hand_units == {SKU: 2}
    assert allocation.short_units == {SKU: 2}
    assert [part.ready_on for part in allocation.orders[0].covers] == [TODAY, on_day(2), on_day(5), None]


def test_a_lot_overdue_since_yesterday_is_ready_today_at_best():
    allocation = serve([an_order()], {}, [an_expected_lot(ready_in=-1)])
    assert allocation.orders[0].covers[0].ready_on == TODAY


def test_a_shelf_below_zero_serves_nobody():
    assert serve([an_order()], {SKU: -3}).short_units == {SKU: 1}


def test_an_order_that_holds_nothing_is_not_served():
    assert serve([an_order(status=OrderStatus.SHIPPED)], {SKU: 5}).orders == ()


@settings(max_examples=120, deadline=None)
@given(orders(), SHELVES, inbound(), st.integers(0, 2**32))
def test_every_unit_is_served_once_and_the_order_of_the_input_does_not_matter(some, shelf, lots, seed):
    allocation = allocate(some, shelf, lots, now=NOW, today=TODAY)
    for item in (item for one in allocation.orders for item in one.items):
        assert sum(part.units for part in item.cover) == item.open_units
        assert all(part.units > 0 for part in item.cover)
    units = {lot.lot_id: lot.units for group in lots.values() for lot in group}
    assert all(used <= units[lot] for lot, used in allocation.lot_units.items())
    for sku, wanted in demand_units(some, NOW).items():
        shelf_units = allocation.on_hand_units.get(sku, 0)
        lot_units = sum(allocation.lot_units.get(lot.lot_id, 0) for lot in lots.get(sku, ()))
        short = allocation.short_units.get(sku, 0)
        assert shelf_units <= max(0, shelf.get(sku, 0))
        assert shelf_units + lot_units + short == wanted
        assert short == max(
            0, wanted - max(0, shelf.get(sku, 0)) - sum(lot.units for lot in lots.get(sku, ()))
        )
    shuffled = list(some)
    random.Random(seed).shuffle(shuffled)
    assert allocate(shuffled, shelf, lots, now=NOW, today=TODAY) == allocation


def short_orders(allocation):
    return {
        one.order.order_id
        for one in allocation.orders
        if any(part.source is CoverSource.SHORTAGE for part in one.covers)
    }


@settings(max_examples=120, deadline=None)
@given(orders(), SHELVES, inbound(), st.sampled_from("ABC"), st.integers(1, 10), st.integers(0, 30))
def test_more_supply_never_leaves_another_order_short(some, shelf, lots, sku, units, day):
    before = short_orders(allocate(some, shelf, lots, now=NOW, today=TODAY))
    fuller = shelf | {sku: shelf.get(sku, 0) + units}
    assert short_orders(allocate(some, fuller, lots, now=NOW, today=TODAY)) <= before
    extra = an_expected_lot("PO-X", units, sku=sku, ready_in=day)
    more = lots | {sku: sorted([*lots.get(sku, ()), extra], key=lambda lot: (lot.ready_on, lot.lot_id))}
    assert short_orders(allocate(some, shelf, more, now=NOW, today=TODAY)) <= before


# --- what may still be promised ------------------------------------------------------------------

MOVES = st.lists(st.tuples(st.integers(-5, 20).map(on_day), st.integers(0, 15)), max_size=6)


def brute_force_atp(on_hand, supply, demand, on):
    """`max(0, min over s ≥ t of (on hand + supply ready ≤ s − demand due ≤ s))`, each day looked at."""

    def net(day):
        arrived = sum(units for ready, units in supply if ready <= day)
        return on_hand + arrived - sum(units for due, units in demand if due <= day)

    return max(0, min(net(on_day(day)) for day in range((on - TODAY).days, 25)))


@settings(max_examples=150, deadline=None)
@given(st.integers(-10, 30), MOVES, MOVES)
def test_atp_is_the_lowest_future_balance(on_hand, supply, demand):
    atp = look_ahead_atp(on_hand, supply, demand, TODAY)
    for day in range(24):
        assert atp.units_on(on_day(day)) == brute_force_atp(on_hand, supply, demand, on_day(day))
    dates, units = zip(*atp.steps, strict=True)
    assert list(dates) == sorted(set(dates))
    assert list(units) == sorted(units)


def test_stock_that_a_later_order_needs_is_not_sold():
    assert look_ahead_atp(10, [], [(on_day(9), 8)], TODAY).units_on(TODAY) == 2


def test_a_shortage_is_carried_into_the_next_delivery():
    atp = look_ahead_atp(0, [(on_day(5), 10)], [(TODAY, 4)], TODAY)
    assert [atp.units_on(on_day(day)) for day in (0, 4, 5)] == [0, 0, 6]


def test_nothing_can_be_promised_before_the_first_step():
    assert AvailableToPromise(steps=((TODAY, 3),)).units_on(on_day(-1)) == 0


def test_an_order_is_as_late_as_its_latest_unit():
    lots = [an_expected_lot("A", 1, ready_in=2), an_expected_lot("B", 1, ready_in=4)]
    (cover,) = serve([an_order(units=3)], {SKU: 1}, lots).orders
    assert promise_of(cover, a_calendar(), TODAY) == on_day(4)
    assert promise_of(cover, a_calendar(), on_day(6)) == on_day(6)
    assert promise_of(cover, ShipCalendar(holidays=frozenset({on_day(4)})), TODAY) == on_day(7)


def test_an_order_without_supply_has_no_promise():
    (cover,) = serve([an_order()]).orders
    assert promise_of(cover, a_calendar(), TODAY) is None


@pytest.mark.parametrize(
    ("shown", "feasible", "kept"),
    [(None, 5, 5), (7, 5, 7), (5, 5, 5), (4, 5, 5), (0, -1, -1), (1, 0, 1)],
)
def test_a_shown_promise_stays_while_it_can_be_kept(shown, feasible, kept):
    on: date | None = None if shown is None else on_day(shown)
    assert keep_promise(on, on_day(feasible), TODAY) == on_day(kept)
