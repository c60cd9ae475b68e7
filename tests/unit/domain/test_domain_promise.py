"""What may still be promised, and from which day, without breaking what is promised already."""

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import allocate
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.promise import AvailableToPromise, keep_promise, look_ahead_atp, promise_of

from builders import NOW, SKU, TODAY, a_calendar, an_expected_lot, an_order, on_day

EVERY = settings(max_examples=500, deadline=None)
SEEDS = st.integers(0, 2**32)


def some_moves(seed):
    """Stock (below zero too), supply and demand by day, some of it dated before today."""
    rng = random.Random(seed)
    supply, demand = (
        [(on_day(rng.randint(-5, 20)), rng.randint(0, 15)) for _ in range(rng.randint(0, 6))]
        for _ in range(2)
    )
    return rng.randint(-10, 30), supply, demand


def balance(on_hand, supply, demand, on):
    arrived = sum(units for ready, units in supply if ready <= on)
    return on_hand + arrived - sum(units for due, units in demand if due <= on)


def worst_from(moves, day):
    """The lowest balance from a day on, each day looked at."""
    return min(balance(*moves, on_day(later)) for later in range(day, 25))


@EVERY
@given(SEEDS)
def test_atp_is_the_lowest_future_balance(seed):
    moves = some_moves(seed)
    atp = look_ahead_atp(*moves, TODAY)
    for day in range(24):
        assert atp.units_on(on_day(day)) == max(0, worst_from(moves, day))
    assert atp.short_units == max(0, -worst_from(moves, 0))
    dates, units = zip(*atp.steps, strict=True)
    assert list(dates) == sorted(set(dates))
    assert list(units) == sorted(units)


@EVERY
@given(SEEDS, st.integers(0, 22))
def test_what_may_be_promised_breaks_no_earlier_promise_and_one_unit_more_would(seed, day):
    on_hand, supply, demand = some_moves(seed)
    units = look_ahead_atp(on_hand, supply, demand, TODAY).units_on(on_day(day))
    sold = [*demand, (on_day(day), units)]
    short_before = min(0, worst_from((on_hand, supply, demand), day))
    assert min(0, worst_from((on_hand, supply, sold), day)) == short_before
    assert worst_from((on_hand, supply, [*sold, (on_day(day), 1)]), day) < 0
    assert look_ahead_atp(on_hand, supply, sold, TODAY).units_on(on_day(day)) == 0


@EVERY
@given(st.integers(-5, 40), st.integers(-5, 40), st.integers(-5, 40))
def test_a_promise_is_moved_only_when_it_cannot_be_kept_any_more(shown, feasible, later):
    """Nor does it come back when things get better again."""
    kept = keep_promise(on_day(shown), on_day(feasible), TODAY)
    assert kept >= on_day(feasible)
    assert kept == on_day(shown) or shown <= 0 or feasible > shown
    if later <= (kept - TODAY).days and kept > TODAY:
        assert keep_promise(kept, on_day(later), TODAY) == kept


def test_stock_that_a_later_order_needs_is_not_sold():
    assert look_ahead_atp(10, [], [(on_day(9), 8)], TODAY).units_on(TODAY) == 2


def test_a_shortage_is_carried_into_the_next_delivery():
    atp = look_ahead_atp(0, [(on_day(5), 10)], [(TODAY, 4)], TODAY)
    assert [atp.units_on(on_day(day)) for day in (0, 4, 5)] == [0, 0, 6]


def test_nothing_can_be_promised_before_the_first_step():
    assert AvailableToPromise(steps=((TODAY, 3),)).units_on(on_day(-1)) == 0


def serve(order, on_hand=0, lots=()):
    """The cover of one order."""
    calendars = ShipCalendars(house=a_calendar())
    (cover,) = allocate([order], {SKU: on_hand}, {SKU: lots}, now=NOW, calendars=calendars).orders
    return cover


def test_an_order_is_as_late_as_its_latest_unit():
    lots = [an_expected_lot("A", 1, ready_in=2), an_expected_lot("B", 1, ready_in=4)]
    cover = serve(an_order(units=3), 1, lots)
    assert promise_of(cover, a_calendar(), TODAY) == on_day(4)
    assert promise_of(cover, a_calendar(), on_day(6)) == on_day(6)
    assert promise_of(cover, ShipCalendar(holidays=frozenset({on_day(4)})), TODAY) == on_day(7)


def test_an_order_without_supply_has_no_promise():
    assert promise_of(serve(an_order()), a_calendar(), TODAY) is None


@pytest.mark.parametrize(
    ("shown", "feasible", "kept"),
    [(None, 5, 5), (7, 5, 7), (5, 5, 5), (4, 5, 5), (0, -1, -1), (1, 0, 1)],
)
def test_a_shown_promise_stays_while_it_can_be_kept(shown, feasible, kept):
    on: date | None = None if shown is None else on_day(shown)
    assert keep_promise(on, on_day(feasible), TODAY) == on_day(kept)
