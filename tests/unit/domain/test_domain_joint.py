"""How many orders go wrong together: by counting every outcome, and by SciPy's laws."""

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, poisson_binom

from fbm_sync.domain.joint import (
    NONE_BAD,
    Joined,
    Law,
    chance_of_at_least,
    chances_at_most,
    late_together,
    together,
)

CHANCES = st.sampled_from((0.0, 0.01, 0.05, 0.3, 0.5, 0.9, 1.0)) | st.floats(0, 1)
LOTS = st.lists(st.lists(CHANCES, min_size=1, max_size=4), max_size=4).filter(
    lambda lots: sum(map(len, lots)) <= 8
)


def of_groups(groups, cap):
    joined = Joined(len(groups), cap)
    joined.change({number: late_together(group, cap) for number, group in enumerate(groups)})
    return joined.law


def at_least(count, law):
    return chance_of_at_least(count, law, [1.0] * max(0, count))


def counted_out(groups):
    """The chance of every number of late ones, by going through all that may happen to every lot.

    One lot is drawn once: it comes between two chances, and all orders with a larger one are late.
    """
    outcomes = []
    for group in groups:
        steps = sorted({0.0, 1.0, *(chance for chance, _ in group)})
        outcomes.append(
            [
                (high - low, sum(weight for chance, weight in group if chance >= high))
                for low, high in itertools.pairwise(steps)
            ]
        )
    law = {}
    for drawn in itertools.product(*outcomes):
        chance, late = 1.0, 0
        for likely, orders in drawn:
            chance *= likely
            late += orders
        law[late] = law.get(late, 0.0) + chance
    return law


@settings(max_examples=120, deadline=None)
@given(LOTS, st.integers(0, 9), st.integers(1, 12))
@example([[1.0, 1.0], [0.5]], 2, 2)
def test_every_outcome_of_every_lot_gives_the_same_chances(lots, count, cap):
    groups = [[(chance, 1) for chance in lot] for lot in lots]
    law, wanted = of_groups(groups, max(cap, count)), counted_out(groups)
    expected = sum(chance for late, chance in wanted.items() if late >= count)
    assert at_least(count, law) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.tuples(CHANCES, st.integers(1, 5)), min_size=1, max_size=3), min_size=1, max_size=3),
    st.integers(0, 20),
)
def test_units_count_as_many_times_as_they_are(groups, count):
    law, wanted = of_groups(groups, 50), counted_out(groups)
    expected = sum(chance for late, chance in wanted.items() if late >= count)
    assert at_least(count, law) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("orders", "largest"), [(5, 1.0), (60, 0.2), (300, 0.05)])
def test_orders_of_different_lots_follow_the_poisson_binomial_law(orders, largest):
    rng = random.Random(orders)
    chances = [rng.uniform(0, largest) for _ in range(orders)]
    law = of_groups([[(chance, 1)] for chance in chances], orders + 1)
    counts = range(0, orders + 1, max(1, orders // 40))
    exact = poisson_binom(chances).sf([count - 1 for count in counts])
    assert [at_least(count, law) for count in counts] == pytest.approx(list(exact), abs=1e-11)


def test_orders_of_one_lot_are_late_together_so_a_breach_is_likelier_at_the_same_mean():
    chances = [0.05] * 40
    one_lot, own_lots = late_together([(one, 1) for one in chances], 50), of_groups([[(0.05, 1)]] * 40, 50)
    for law in (one_lot, own_lots):
        mean = sum(number * chance for number, chance in enumerate(law.chances, start=law.least))
        assert mean == pytest.approx(2.0)
    assert at_least(8, one_lot) == pytest.approx(0.05)
    assert at_least(8, own_lots) < 0.001


@settings(max_examples=30, deadline=None)
@given(LOTS, LOTS, st.integers(1, 9))
def test_a_group_that_changes_leaves_the_others_as_they_were(before, after, cap):
    size = max(len(before), len(after), 1)
    groups = [[[(one, 1) for one in lot] for lot in lots] for lots in (before, after)]
    joined = Joined(size, cap)
    joined.change({number: late_together(group, cap) for number, group in enumerate(groups[0])})
    fresh = dict.fromkeys(range(size), NONE_BAD)
    joined.change(fresh | {number: late_together(group, cap) for number, group in enumerate(groups[1])})
    expected = of_groups(groups[1], cap)
    for count in range(cap + 1):
        assert at_least(count, joined.law) == pytest.approx(at_least(count, expected), abs=1e-12)


def test_what_lies_beyond_the_cap_is_counted_as_beyond_it():
    law = late_together([(0.5, 3), (0.5, 3)], 4)
    assert law == Law(0, (0.5,)) or list(law.chances) == [0.5]
    assert law.below(4) == 0.5
    both = together(law, late_together([(0.2, 1)], 4), 4)
    assert both.below(1) == pytest.approx(0.4)
    assert at_least(4, both) == pytest.approx(0.5)


@pytest.mark.parametrize(("trials", "bad", "good"), [(0, 0, 0), (1, 0, 3), (30, 2, 98), (5000, 40, 2000)])
def test_new_orders_go_wrong_as_often_as_former_ones_and_as_surely_as_these_are_many(trials, bad, good):
    exact = betabinom(trials, bad + 0.5, good + 0.5)
    found = chances_at_most(trials, bad, good, 60)
    assert list(found) == pytest.approx(list(exact.cdf(range(60))), abs=1e-9)


def test_nothing_is_needed_for_what_is_broken_already():
    assert chance_of_at_least(0, NONE_BAD, []) == 1.0
    assert chance_of_at_least(-3, NONE_BAD, []) == 1.0
    assert chance_of_at_least(1, NONE_BAD, [1.0]) == 0.0
