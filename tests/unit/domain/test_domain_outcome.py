"""How will each order end: in time, late, cancelled by Amazon, or given up by its buyer?"""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import allocate
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.outcome import (
    CancelRate,
    cancel_rates,
    chance_of_giving_up,
    last_day_before_cancelling,
    outcome_odds,
)
from fbm_sync.domain.plan import assess_orders
from fbm_sync.domain.risk import judge_orders

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_calendar,
    a_count,
    an_expected_lot,
    an_item,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    shops,
)

CALENDAR = a_calendar()
HALF = {SKU: CancelRate(orders=50, cancelled=49)}
GIVEN_UP = {
    "status": OrderStatus.CANCELLED,
    "items": (an_item(cancelled_by="BUYER", cancel_requested=True),),
}


def odds_of(order, on_hand=0, lots=(), rates=None, late_limit=0.1):
    facts_lots = {lot.lot_id: lot for lot in lots}
    calendars = ShipCalendars(house=CALENDAR)
    covers = allocate([order], {SKU: on_hand}, {SKU: lots}, now=NOW, calendars=calendars).orders
    (outlook,) = judge_orders(
        covers, facts_lots, calendars, now=NOW, late_limit=late_limit, rates=rates or {}
    )
    return outlook.odds


def parts(odds):
    return [round(part, 6) for part in dataclasses.astuple(odds)]


def test_an_order_on_the_shelf_leaves_in_time_unless_its_buyer_gives_up():
    assert parts(odds_of(an_order(), on_hand=1)) == [0.98, 0, 0, 0.02]


def test_what_is_overdue_and_on_the_shelf_is_late_but_not_cancelled_yet():
    assert parts(odds_of(an_order(ship_by_at=in_days(-1)), on_hand=1, rates=HALF)) == [0, 0.5, 0, 0.5]


def test_what_nothing_covers_is_cancelled_by_amazon_and_not_late():
    assert parts(odds_of(an_order(), rates=HALF)) == [0, 0, 0.5, 0.5]


def test_a_lot_that_may_come_before_amazon_cancels_makes_the_order_late():
    lot = an_expected_lot(ready_in=5, chances={2: 0.5, 5: 0.9})
    assert parts(odds_of(an_order(), lots=[lot], rates=HALF)) == [0.25, 0.2, 0.05, 0.5]


def test_a_wish_to_cancel_is_how_the_order_ends():
    order = an_order(items=(an_item(cancel_requested=True),))
    assert parts(odds_of(order, on_hand=1)) == [0, 0, 0, 1]


def test_without_a_deadline_nobody_can_tell():
    assert odds_of(an_order(ship_by_at=None), on_hand=1) is None


def test_of_several_skus_the_one_most_often_given_up_speaks():
    order = an_order(items=(an_item("A"), an_item("B")))
    rates = {"A": CancelRate(orders=50, cancelled=9), "B": CancelRate(orders=50, cancelled=19)}
    assert chance_of_giving_up(order, rates) == 0.2
    assert chance_of_giving_up(order, {}) == 0.02


def test_only_what_buyers_gave_up_lately_counts():
    orders = [
        an_order("1"),
        an_order("2", **GIVEN_UP),
        an_order("3", status=OrderStatus.CANCELLED, items=(an_item(cancelled_by="MERCHANT"),)),
        an_order("4", status=OrderStatus.CANCELLED, items=(an_item(cancelled_by="AMAZON"),)),
        an_order(
            "5",
            status=OrderStatus.CANCELLED,
            items=(an_item(cancelled_by="MERCHANT", cancel_requested=True),),
        ),
        an_order("6", items=(an_item(cancel_requested=True),)),
        an_order("7", status=OrderStatus.SHIPPED, items=(an_item(shipped_units=1, cancel_requested=True),)),
        an_order("8", **GIVEN_UP, fulfilled_by=Fulfiller.AMAZON),
        an_order("9", **GIVEN_UP, units_kept_until=in_days(1)),
        an_order("10", status=OrderStatus.PENDING),
        an_order("11", **GIVEN_UP, created_at=in_days(-30)),
        an_order("12", **GIVEN_UP, created_at=CALENDAR.start_of_day(on_day(-29))),
        an_order("13", items=(an_item("OTHER", cancelled_by="BUYER"), an_item())),
    ]
    assert cancel_rates(orders, CALENDAR, NOW) == {
        SKU: CancelRate(orders=9, cancelled=4),
        "OTHER": CancelRate(orders=1, cancelled=1),
    }


def test_the_rates_of_a_shop_are_part_of_its_outlooks():
    given_up = [an_order(f"9-{number}", **GIVEN_UP) for number in range(49)]
    terms = shop_terms()
    facts = shop_facts([an_order()], [a_count(5)], recent=[an_order(), *given_up])
    (outlook,) = assess_orders(facts, terms, NOW).outlooks
    assert parts(outlook.odds) == [0.5, 0, 0, 0.5]


@pytest.mark.parametrize(("days", "found"), [(0, 0), (1, 1), (-1, None)])
def test_the_day_on_which_amazon_cancels_is_the_last_to_ship(days, found):
    last_on = last_day_before_cancelling(CALENDAR.end_of_day(on_day(days)), CALENDAR, NOW)
    assert last_on == (None if found is None else on_day(found))


def test_what_amazon_should_have_cancelled_long_ago_is_given_up_for_lost():
    assert parts(odds_of(an_order(ship_by_at=in_days(-20)), on_hand=1)) == [0, 0, 0.98, 0.02]


CHANCES = st.floats(min_value=0, max_value=1)


@given(CHANCES, CHANCES, CHANCES)
def test_the_four_ends_of_an_order_add_up_to_one(in_time, at_all, given_up):
    odds = outcome_odds(ready_in_time=in_time, ready_at_all=at_all, given_up=given_up)
    assert sum(dataclasses.astuple(odds)) == pytest.approx(1, abs=1e-12)
    assert all(0 <= part <= 1 for part in dataclasses.astuple(odds))


@settings(max_examples=60, deadline=None)
@given(shops())
def test_in_any_shop_the_ends_add_up_and_agree_with_the_chance_of_being_late(shop):
    facts, terms = shop
    for outlook in assess_orders(facts, terms, NOW).outlooks:
        assert (outlook.odds is None) == (outlook.late_probability is None)
        if outlook.odds is not None:
            odds = outlook.odds
            assert sum(dataclasses.astuple(odds)) == pytest.approx(1, abs=1e-9)
            assert all(0 <= part <= 1 + 1e-12 for part in dataclasses.astuple(odds))
            kept = 1 - odds.buyer_cancelled
            assert odds.on_time == pytest.approx(kept * (1 - outlook.late_probability), abs=1e-9)


def test_a_later_lot_never_makes_an_order_end_better():
    order = an_order(account=ACCOUNT, ship_by_at=in_days(5))
    ends = [odds_of(order, lots=[an_expected_lot(ready_in=day)]).on_time for day in range(1, 12)]
    assert ends == sorted(ends, reverse=True)
