"""How sure it is that an order is complete in time, held against looking at every way the lots may come."""

import math
import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import allocate
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.readiness import ReadyOdds

from builders import NOW, SKU, a_calendar, an_expected_lot, an_item, an_order, in_days, on_day

CALENDARS = ShipCalendars(house=a_calendar())


def a_shop(seed):
    """Orders of one or two SKUs that wait for lots, some of which may never come."""
    rng = random.Random(seed)
    lots = [
        an_expected_lot(
            f"PO-{number}",
            rng.randint(1, 6),
            sku=rng.choice("AB"),
            ready_in=rng.randint(0, 6),
            chances={3: rng.random() / 2, 6: 0.5 + rng.random() / 2},
        )
        for number in range(rng.randint(0, 5))
    ]
    orders = [
        an_order(
            f"{number}",
            items=tuple(an_item(sku, rng.randint(1, 4)) for sku in rng.sample("AB", rng.choice((1, 1, 2)))),
            ship_by_at=in_days(rng.randint(1, 9)),
        )
        for number in range(rng.randint(1, 4))
    ]
    by_sku = {sku: [lot for lot in lots if lot.lot.sku == sku] for sku in "AB"}
    shelf = {sku: rng.randint(0, 3) for sku in "AB"}
    covered = allocate(orders, shelf, by_sku, now=NOW, calendars=CALENDARS).orders
    return covered, lots, rng.randint(0, 8)


def by_looking_at_all(covered, lots, on):
    """For each way the lots may come: is there enough for an order and all that are served before it?

    And have its own lots come?
    """
    chances = [lot.probability_ready_by(on, CALENDARS.house) for lot in lots]
    pooled, fixed = (dict.fromkeys((cover.order.order_id for cover in covered), 0.0) for _ in range(2))
    for here in product((False, True), repeat=len(lots)):
        weight = math.prod(p if came else 1 - p for came, p in zip(here, chances, strict=True))
        brought = {
            sku: sum(lot.units for lot, came in zip(lots, here, strict=True) if came and lot.lot.sku == sku)
            for sku in "AB"
        }
        for cover in covered:
            if all(item.awaited_units <= brought[item.sku] for item in cover.items):
                pooled[cover.order.order_id] += weight
            missing = {lot.lot_id for lot, came in zip(lots, here, strict=True) if not came}
            if missing.isdisjoint(part.lot for part in cover.covers):
                fixed[cover.order.order_id] += weight
    return pooled, fixed


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32))
def test_whichever_lots_come_serve_whoever_is_first(seed):
    covered, lots, day = a_shop(seed)
    odds = ReadyOdds({lot.lot_id: lot for lot in lots}, CALENDARS.house)
    pooled, fixed = by_looking_at_all(covered, lots, on_day(day))
    for cover in covered:
        chance = odds.ready_by(cover, on_day(day))
        short = any(part.lot is None and part.ready_on is None for part in cover.covers)
        assert chance.pooled == pytest.approx(0.0 if short else pooled[cover.order.order_id])
        assert chance.fixed == pytest.approx(0.0 if short else fixed[cover.order.order_id])


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32))
def test_nobody_waits_for_more_inbound_than_stands_before_and_in_it(seed):
    covered, _, _ = a_shop(seed)
    items = [item for cover in covered for item in cover.items]
    for sku in "AB":
        waiting = [item for item in items if item.sku == sku and item.awaited_units]
        used = sum(part.units for item in items if item.sku == sku for part in item.cover if part.lot)
        assert max((item.awaited_units for item in waiting), default=0) == used
        assert len({item.awaited_units for item in waiting}) == len(waiting)
        for item in waiting:
            assert item.awaited_units >= sum(part.units for part in item.cover if part.lot)


def test_two_lines_of_one_sku_wait_for_the_later_place_once():
    lines = (an_item(SKU, 1, order_item_id="a"), an_item(SKU, 2, order_item_id="b"))
    lot = an_expected_lot(units=3, ready_in=1, chances={1: 0.5})
    (cover,) = allocate([an_order(items=lines)], {}, {SKU: [lot]}, now=NOW, calendars=CALENDARS).orders
    odds = ReadyOdds({lot.lot_id: lot}, CALENDARS.house)
    assert odds.ready_by(cover, on_day(2)) == (0.5, 0.5)
    assert odds.ready_by(cover, on_day(0)) == (0.0, 0.0)


def test_what_is_on_the_shelf_is_ready_and_what_nobody_believes_in_is_not():
    lot = an_expected_lot(units=3, ready_in=1)
    orders = [an_order("1"), an_order("2", ship_by_at=in_days(4))]
    shelf, waits = allocate(orders, {SKU: 1}, {SKU: [lot]}, now=NOW, calendars=CALENDARS).orders
    nothing = ReadyOdds({}, CALENDARS.house)
    assert nothing.ready_by(shelf, on_day(0)) == (1.0, 1.0)
    assert nothing.ready_by(waits, on_day(9)) == (0.0, 0.0)
