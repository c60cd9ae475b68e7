"""Who gets which unit: as few orders late as can be, and nothing taken away without a gain."""

import dataclasses
import random
from collections import Counter
from datetime import time
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import CoverSource, allocate
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.claims import LEAVING, service_rank
from fbm_sync.domain.order import OrderStatus, demand_units, held_units

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
)

EVERY = settings(max_examples=500, deadline=None)
SEEDS = st.integers(0, 2**32)
CALENDARS = ShipCalendars(house=a_calendar())
SIZES = st.integers(0, 7)


class Shop:
    """Up to seven orders of one to three lines, a shelf and some lots; drawn by seed and size."""

    def __init__(self, seed, size):
        self.seed = seed
        rng = random.Random(seed)
        self.orders = [a_random_order(rng, f"{number}") for number in range(size)]
        self.shelf = {sku: rng.choice((0, rng.randint(-3, 12))) for sku in "ABC" if rng.random() < 0.8}
        self.lots = {}
        for number in range(rng.randint(0, 6)):
            self.expect(f"PO-{number}", rng.choice("ABC"), rng.randint(1, 10), rng.randint(-3, 16))

    def expect(self, po_id, sku, units, day):
        group = [*self.lots.get(sku, ()), an_expected_lot(po_id, units, sku=sku, ready_in=day)]
        self.lots[sku] = sorted(group, key=lambda lot: (lot.ready_on, lot.lot_id))

    def allocate(self, **changes):
        given = {"now": NOW, "calendars": CALENDARS} | changes
        return allocate(self.orders, self.shelf, self.lots, **given)

    def __repr__(self):
        lots = [(lot.lot_id, lot.units, lot.ready_on) for group in self.lots.values() for lot in group]
        return f"Shop({self.seed}: {self.orders}, {self.shelf}, {lots})"


def a_random_order(rng, order_id):
    """An order of any class and state, due from yesterday to two weeks ahead; some dates are unknown."""
    wish = rng.random() < 0.07
    skus = rng.sample("ABC", rng.choice((1, 1, 2, 3)))
    return an_order(
        order_id,
        account=rng.choice(("us", "uk")),
        items=tuple(an_item(sku, rng.randint(1, 6), cancel_requested=wish) for sku in skus),
        status=rng.choice((*[OrderStatus.UNSHIPPED] * 6, OrderStatus.PENDING, OrderStatus.PARTIALLY_SHIPPED)),
        programs=rng.choice(((), (), ("PRIME",))),
        ship_by_at=None if rng.random() < 0.1 else in_days(rng.choice((rng.uniform(-1, 14), 2, 3.3))),
        created_at=in_days(-rng.randint(1, 9)),
    )


SHOPS = st.builds(Shop, SEEDS, SIZES)


def serve(some_orders, on_hand=None, lots=(), **changes):
    by_sku = {}
    for lot in lots:
        by_sku.setdefault(lot.lot.sku, []).append(lot)
    given = {"now": NOW, "calendars": CALENDARS} | changes
    return allocate(some_orders, on_hand or {}, by_sku, **given)


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


# --- as few late orders as possible --------------------------------------------------------------


def last_day(order):
    """The number of the last day on which it ships in time; -1 for what is on the shelf now, -2 for never."""
    if order.ship_by_at is None:
        return None
    if order.ship_by_at < NOW:
        return -2
    day = (order.ship_by_at.date() - TODAY).days
    return max(-1, day if order.ship_by_at.time() >= time(14) else day - 1)


def is_late(cover, items=None):
    """Whether some unit of an order, or of some of its lines, comes too late or not at all."""
    last = last_day(cover.order)
    if last is None:
        return False
    parts = [part for item in items or cover.items for part in item.cover]
    return last == -2 or any(
        part.source is CoverSource.SHORTAGE
        or (part.source is CoverSource.LOT and (part.ready_on - TODAY).days > last)
        for part in parts
    )


def late_by_class(allocation):
    return Counter(service_rank(cover.order) for cover in allocation.orders if is_late(cover))


def in_sequence(late):
    return [late[rank] for rank in range(LEAVING + 1)]


DAYS = range(-2, 20)


def supply_by_day(shop):
    """What is there of each SKU on each day: nothing on the first, the shelf on the second, then lots too."""
    return {
        sku: {
            day: (day > -2) * max(0, shop.shelf.get(sku, 0))
            + sum(lot.units for lot in shop.lots.get(sku, ()) if max(0, (lot.ready_on - TODAY).days) <= day)
            for day in DAYS
        }
        for sku in "ABC"
    }


def wanted_by_day(orders, sku, *, at_once=False):
    """Units that orders want of a SKU up to each day; what has no deadline waits for no later class."""
    wanted = Counter()
    for order in orders:
        last = last_day(order)
        for item, units in held_units(order, NOW).items():
            wanted[-2 if at_once or last is None else last] += units * (item.sku == sku)
    return {day: sum(units for due, units in wanted.items() if due <= day) for day in DAYS}


def fit(orders, room):
    wanted = {sku: wanted_by_day(orders, sku) for sku in room}
    return all(wanted[sku][day] <= room[sku][day] for sku in room for day in DAYS)


def fewest_late_by_class(shop):
    """The rule, by looking at every possibility: class by class, and what a class leaves to the next."""
    room, late = supply_by_day(shop), Counter()
    for rank in range(LEAVING + 1):
        group = [order for order in shop.orders if service_rank(order) == rank]
        dated = [order for order in group if last_day(order) is not None]
        most = max(
            size
            for size in range(len(dated) + 1)
            if any(fit(chosen, room) for chosen in combinations(dated, size))
        )
        late[rank] = len(dated) - most
        for sku in room:
            wanted = wanted_by_day(group, sku, at_once=rank == 0)
            balance = {day: room[sku][day] - wanted[day] for day in DAYS}
            room[sku] = {day: max(0, min(balance[later] for later in DAYS if later >= day)) for day in DAYS}
            room[sku][-2] = 0
    return late


@EVERY
@given(SHOPS)
def test_in_each_class_as_few_orders_are_late_as_can_be(shop):
    assert in_sequence(late_by_class(shop.allocate())) == in_sequence(fewest_late_by_class(shop))


@EVERY
@given(SHOPS)
def test_every_unit_is_served_once_and_the_first_units_first(shop):
    allocation = shop.allocate()
    handed_out = Counter()
    for item in (item for one in allocation.orders for item in one.items):
        assert sum(part.units for part in item.cover) == item.open_units
        assert all(part.units > 0 for part in item.cover)
        for part in item.cover:
            handed_out[part.lot or (part.source, item.sku)] += part.units
    for sku, wanted in demand_units(shop.orders, NOW).items():
        left = wanted
        shelf = min(left, max(0, shop.shelf.get(sku, 0)))
        assert handed_out[CoverSource.ON_HAND, sku] == allocation.on_hand_units.get(sku, 0) == shelf
        left -= shelf
        for lot in sorted(shop.lots.get(sku, ()), key=lambda one: (max(one.ready_on, TODAY), one.ready_on)):
            used = allocation.lot_units.get(lot.lot_id, 0)
            assert handed_out[lot.lot_id] == used == min(left, lot.units) <= lot.units
            left -= min(left, lot.units)
        assert handed_out[CoverSource.SHORTAGE, sku] == allocation.short_units.get(sku, 0) == left


@EVERY
@given(SHOPS, SEEDS)
def test_the_order_of_the_input_does_not_matter(shop, seed):
    rng = random.Random(seed)
    expected = shop.allocate(), shop.allocate(allow_splits=True)
    rng.shuffle(shop.orders)
    shop.lots = {sku: rng.sample(group, len(group)) for sku, group in reversed(shop.lots.items())}
    assert (shop.allocate(), shop.allocate(allow_splits=True)) == expected


@EVERY
@given(SHOPS, st.sampled_from("ABC"), st.integers(1, 10), st.integers(-1, 15))
def test_more_supply_never_makes_more_orders_late(shop, sku, units, day):
    before = late_by_class(shop.allocate())
    if day < 0:
        shop.shelf[sku] = shop.shelf.get(sku, 0) + units
    else:
        shop.expect("PO-X", sku, units, day)
    after = late_by_class(shop.allocate())
    assert all(after[rank] <= before[rank] for rank in after)


@EVERY
@given(SHOPS)
def test_lines_that_may_leave_by_themselves_are_late_by_themselves(shop):
    """Each line then is an order of its own."""
    allocation = shop.allocate(allow_splits=True)
    late = sum(is_late(cover, [item]) for cover in allocation.orders for item in cover.items)
    shop.orders = [
        dataclasses.replace(order, order_id=f"{order.order_id}-{item.sku}", items=(item,))
        for order in shop.orders
        for item in order.items
    ]
    assert late == sum(late_by_class(shop.allocate()).values())


def test_a_large_order_gives_way_when_two_small_ones_can_then_be_in_time():
    large = an_order("1", units=3, ship_by_at=in_days(1))
    small = [an_order("2", units=2, ship_by_at=in_days(2)), an_order("3", ship_by_at=in_days(2))]
    allocation = serve([large, *small], {SKU: 3}, [an_expected_lot(units=9, ready_in=5)])
    assert [one.order.order_id for one in allocation.orders if is_late(one)] == ["1"]
    assert covers(allocation)["1"] == [(CoverSource.LOT, 3, "PO-1/1")]


def test_an_order_that_can_wait_leaves_the_shelf_to_one_that_is_late_already():
    late, later = an_order("1", ship_by_at=in_days(-1)), an_order("2", ship_by_at=in_days(9))
    allocation = serve([late, later], {SKU: 1}, [an_expected_lot(ready_in=5)])
    assert covers(allocation) == {
        "1": [(CoverSource.ON_HAND, 1, None)],
        "2": [(CoverSource.LOT, 1, "PO-1/1")],
    }


def test_an_order_that_cannot_wait_is_not_made_late_for_one_that_is_late_already():
    late, soon = an_order("1", ship_by_at=in_days(-1)), an_order("2", ship_by_at=in_days(1))
    assert who_gets_it(serve([late, soon], {SKU: 1}, [an_expected_lot(ready_in=5)])) == ["2"]


def test_an_expedited_order_that_can_wait_leaves_the_shelf_to_an_ordinary_one_that_cannot():
    prime = an_order("1", programs=("PRIME",), ship_by_at=in_days(9))
    soon = an_order("2", ship_by_at=in_days(1))
    assert who_gets_it(serve([prime, soon], {SKU: 1}, [an_expected_lot(ready_in=5)])) == ["2"]


def test_what_is_in_picking_keeps_the_shelf():
    begun = an_order("1", status=OrderStatus.PARTIALLY_SHIPPED, ship_by_at=in_days(9))
    soon = an_order("2", ship_by_at=in_days(1))
    assert who_gets_it(serve([begun, soon], {SKU: 1}, [an_expected_lot(ready_in=5)])) == ["1"]


def test_orders_share_what_picking_leaves_of_the_shelf():
    begun = an_order("1", units=2, status=OrderStatus.PARTIALLY_SHIPPED, ship_by_at=in_days(9))
    large = an_order("2", units=2, ship_by_at=in_days(1), created_at=in_days(-2))
    small = an_order("3", ship_by_at=in_days(1))
    allocation = serve([begun, large, small], {SKU: 3}, [an_expected_lot(ready_in=5)])
    assert [one.order.order_id for one in allocation.orders if is_late(one)] == ["2"]


def test_an_order_due_before_the_cut_off_today_is_saved_by_the_shelf_alone():
    """Nothing that arrives today is packed in time for it, but what stands there may be."""
    soon = an_order("1", ship_by_at=in_days(1 / 24))
    later = an_order("2", ship_by_at=in_days(1), created_at=in_days(-9))
    assert who_gets_it(serve([soon, later], {SKU: 1})) == ["1"]
    assert who_gets_it(serve([soon, later], {SKU: 1}, [an_expected_lot(ready_in=0)])) == ["1"]


def test_an_order_without_deadline_waits_for_those_that_have_one():
    undated = an_order("1", ship_by_at=None, created_at=in_days(-9))
    late, later = an_order("2", ship_by_at=in_days(-1)), an_order("3", ship_by_at=in_days(9))
    lots = [an_expected_lot("A", 1, ready_in=5), an_expected_lot("B", 1, ready_in=6)]
    assert covers(serve([undated, late, later], {SKU: 1}, lots)) == {
        "2": [(CoverSource.ON_HAND, 1, None)],
        "3": [(CoverSource.LOT, 1, "A/1")],
        "1": [(CoverSource.LOT, 1, "B/1")],
    }


def test_an_order_ships_complete_so_it_leaves_the_shelf_to_one_that_the_shelf_completes():
    waits, leaves = (
        an_order("1", units=3, ship_by_at=in_days(8)),
        an_order("2", units=2, ship_by_at=in_days(9)),
    )
    lots = [an_expected_lot("A", 3, ready_in=5)]
    assert covers(serve([waits, leaves], {SKU: 2}, lots)) == {
        "1": [(CoverSource.LOT, 3, "A/1")],
        "2": [(CoverSource.ON_HAND, 2, None)],
    }


def test_an_order_late_in_one_sku_does_not_make_another_late():
    """Its other line cannot save it, so an order that can be saved gets those units."""
    both = an_order("1", items=(an_item("A"), an_item("B")), ship_by_at=in_days(1))
    one = an_order("2", sku="B", ship_by_at=in_days(2))
    allocation = serve([both, one], {"B": 1}, [an_expected_lot(sku="B", ready_in=5)])
    assert [cover.order.order_id for cover in allocation.orders if not is_late(cover)] == ["2"]


def test_what_leaves_line_by_line_need_not_wait_for_its_other_line():
    both = an_order("1", items=(an_item("A"), an_item("B")), ship_by_at=in_days(1))
    one = an_order("2", sku="B", ship_by_at=in_days(2))
    lots = [an_expected_lot(sku="B", ready_in=5)]
    first = serve([both, one], {"B": 1}, lots, allow_splits=True).orders[0]
    assert [item.cover[0].source for item in first.items] == [CoverSource.SHORTAGE, CoverSource.ON_HAND]


def test_orders_are_due_by_the_clock_of_their_own_account():
    """A Friday midnight in Tokyo is Friday morning in Los Angeles, before the cut-off: so Thursday there."""
    tokyo = ShipCalendar(timezone="Asia/Tokyo")
    calendars = ShipCalendars(
        house=ShipCalendar(timezone="America/Los_Angeles"), of_accounts={"japan": tokyo}
    )
    deadline = tokyo.end_of_day(on_day(4))
    lots = [an_expected_lot(units=2, ready_in=4)]
    american, japanese = (
        an_order("1", ship_by_at=deadline),
        an_order("2", account="japan", ship_by_at=deadline),
    )
    found = serve([american, japanese], {SKU: 1}, lots, calendars=calendars)
    assert who_gets_it(found) == ["1"]
    assert calendars.of("us").last_ship_day_for(deadline) == on_day(3)
    assert calendars.of("japan").last_ship_day_for(deadline) == on_day(4)


# --- what was assigned before --------------------------------------------------------------------


def as_assigned(allocation):
    return {(one.order.account, one.order.order_id): one.items for one in allocation.orders}


@EVERY
@given(SHOPS, st.booleans())
def test_planning_twice_changes_nothing(shop, splits):
    first = shop.allocate(allow_splits=splits)
    assert shop.allocate(allow_splits=splits, assigned=as_assigned(first)) == first


def some_days_before(shop, seed):
    """Return the same shop as it was: some orders not there yet or of other units, other shelf and lots."""
    rng, past = random.Random(seed), Shop(shop.seed, 0)
    past.orders = [
        order if rng.random() < 0.8 else dataclasses.replace(order, items=(an_item("A", 2),))
        for order in shop.orders
        if rng.random() < 0.7
    ]
    past.shelf = {
        sku: units if rng.random() < 0.6 else rng.randint(0, 12) for sku, units in shop.shelf.items()
    }
    past.lots = {}
    for lot in (lot for group in shop.lots.values() for lot in group):
        day = (lot.ready_on - TODAY).days if rng.random() < 0.6 else rng.randint(0, 16)
        past.expect(lot.lot.po_id, lot.lot.sku, lot.units + rng.choice((0, 0, 3)), day)
    past.expect("PO-GONE", rng.choice("ABC"), rng.randint(1, 6), rng.randint(0, 5))
    return past


@EVERY
@given(SHOPS, SEEDS)
def test_what_was_assigned_is_kept_only_while_no_class_is_served_worse_for_it(shop, seed):
    kept = shop.allocate(assigned=as_assigned(some_days_before(shop, seed).allocate()))
    fresh = shop.allocate()
    assert in_sequence(late_by_class(kept)) <= in_sequence(late_by_class(fresh))
    for total in ("on_hand_units", "lot_units", "short_units"):
        assert getattr(kept, total) == getattr(fresh, total)
    again = shop.allocate(assigned=as_assigned(kept))
    assert again == kept


def what_is_left(shop, allocation):
    """The same shop without its orders, and without what they were assigned."""
    rest = Shop(shop.seed, 0)
    rest.shelf = {
        sku: max(0, units) - allocation.on_hand_units.get(sku, 0) for sku, units in shop.shelf.items()
    }
    rest.lots = {}
    for lot in (lot for group in shop.lots.values() for lot in group):
        units = lot.units - allocation.lot_units.get(lot.lot_id, 0)
        rest.expect(lot.lot.po_id, lot.lot.sku, units, (lot.ready_on - TODAY).days)
    return rest


@EVERY
@given(SHOPS, SEEDS)
def test_new_orders_take_nothing_from_others_where_as_few_are_late_with_what_those_leave(shop, seed):
    orders, rng = shop.orders, random.Random(seed)
    shop.orders = [order for order in orders if rng.random() < 0.6]
    before = shop.allocate()
    alone = what_is_left(shop, before)
    alone.orders = [order for order in orders if order not in shop.orders]
    late = late_by_class(before) + late_by_class(alone.allocate())
    shop.orders = orders
    after = shop.allocate(assigned=as_assigned(before))
    if in_sequence(late) == in_sequence(late_by_class(shop.allocate())):
        assert covers(before).items() <= covers(after).items()


def test_a_new_order_takes_no_lot_from_another_unless_one_is_late_otherwise():
    first, lots = an_order("1", ship_by_at=in_days(9)), [an_expected_lot(ready_in=5)]
    assigned = as_assigned(serve([first], {SKU: 1}, lots))
    patient, urgent = an_order("2", ship_by_at=in_days(8)), an_order("3", ship_by_at=in_days(2))
    assert who_gets_it(serve([first, patient], {SKU: 1}, lots)) == ["2"]
    assert who_gets_it(serve([first, patient], {SKU: 1}, lots, assigned=assigned)) == ["1"]
    assert who_gets_it(serve([first, urgent], {SKU: 1}, lots, assigned=assigned)) == ["3"]


def test_an_order_gives_up_its_lot_so_that_fewer_are_late_though_not_all_can_be_in_time():
    lots = [an_expected_lot(ready_in=5)]
    large, small = an_order("1", units=2, ship_by_at=in_days(3)), an_order("2", ship_by_at=in_days(2))
    assigned = as_assigned(serve([large], {SKU: 2}, lots))
    third = an_order("3", ship_by_at=in_days(2))
    assert who_gets_it(serve([large, small], {SKU: 2}, lots, assigned=assigned)) == ["1"]
    assert who_gets_it(serve([large, small, third], {SKU: 2}, lots, assigned=assigned)) == ["2", "3"]


def test_an_order_takes_a_place_on_the_shelf_that_nobody_has():
    lots = [an_expected_lot(ready_in=5)]
    assigned = as_assigned(serve([an_order(units=2)], {SKU: 1}, lots))
    found = covers(serve([an_order(units=2)], {SKU: 2}, lots, assigned=assigned))
    assert found == {"111-1": [(CoverSource.ON_HAND, 2, None)]}


def test_a_line_that_changed_is_assigned_anew_and_so_is_what_a_vanished_lot_should_have_served():
    lots = [an_expected_lot("A", 4, ready_in=2), an_expected_lot("B", 4, ready_in=9)]
    changing, waiting = (
        an_order("1", units=4, ship_by_at=in_days(8)),
        an_order("2", units=4, ship_by_at=in_days(9)),
    )
    assigned = as_assigned(serve([changing, waiting], {}, lots))
    less = an_order("1", units=1, ship_by_at=in_days(8))
    found = covers(serve([less, waiting], {SKU: 1}, lots[1:], assigned=assigned))
    assert found == {"1": [(CoverSource.ON_HAND, 1, None)], "2": [(CoverSource.LOT, 4, "B/1")]}


def test_inbound_is_awaited_up_to_ones_own_place_in_the_queue():
    lots = [an_expected_lot("A", 3, ready_in=2), an_expected_lot("B", 9, ready_in=5)]
    waiting = [an_order(f"{number}", units=2, ship_by_at=in_days(5 + number)) for number in range(4)]
    found = serve(waiting, {SKU: 2}, lots)
    assert [one.items[0].awaited_units for one in found.orders] == [0, 2, 4, 6]
