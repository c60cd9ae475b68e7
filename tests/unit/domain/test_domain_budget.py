"""An account's late budget: what SKUs may put at risk together, and what a late order is worth."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.budget import (
    Exposure,
    LateBudget,
    Stake,
    most_units,
    ration,
    shadow_price,
    worthwhile_odds,
)
from fbm_sync.domain.channel import Portion

PROPERTY = settings(max_examples=500, deadline=None)


def risk_of(chance, orders):
    return {0: 1 - chance, orders: chance}


def random_risk(rng):
    return risk_of(rng.choice((0.0, 1.0, rng.random(), rng.random())), rng.randint(1, 6))


def random_exposure(rng):
    units = rng.sample(range(31), rng.randint(1, 4))
    weights = [rng.randint(1, 20) for _ in units]
    return Exposure(
        odds={number: weight / sum(weights) for number, weight in zip(units, weights, strict=True)},
        taken=rng.choice((0, rng.randint(0, 10))),
        waiting=rng.choice((0, rng.randint(0, 5))),
        portion=rng.choice((Portion(), Portion(whole=2), Portion(part=3, whole=5))),
    )


def random_stake(rng):
    return Stake(
        exposure=random_exposure(rng),
        units=rng.randint(1, 20),
        margin_minor=rng.choice((0, rng.randint(1, 900))),
        late_cost_minor=rng.choice((None, 0, rng.randint(1, 900), rng.randint(1, 900))),
    )


def drawn(draw, most, least=0):
    """So many of a kind, drawn by a seed."""

    def draw_all(seed, size):
        rng = random.Random(seed)
        return [draw(rng) for _ in range(size)]

    return st.builds(draw_all, st.integers(0, 2**32), st.integers(least, most))


def chance_of_more_than(spare, risks):
    """The chance that risks independent of each other use more than the spare orders, one by one."""
    chance = 0.0
    for drawn in itertools.product(*(risk.items() for risk in risks)):
        if sum(orders for orders, _ in drawn) > spare:
            chance += math.prod(weight for _, weight in drawn)
    return chance


@PROPERTY
@given(st.integers(0, 8), drawn(random_risk, 5, 1))
def test_the_chance_of_a_breach_is_that_of_every_combination(spare, risks):
    *taken, late = risks
    budget = LateBudget(spare_orders=spare).after(*taken)
    assert len(budget.chances) <= spare + 1
    assert budget.breach_chance(late) == pytest.approx(chance_of_more_than(spare, [*taken, late]), abs=1e-9)


def test_one_late_order_breaches_an_account_without_a_spare_one():
    budget = LateBudget(spare_orders=0)
    assert budget.breach_chance(risk_of(0.04, 1)) == pytest.approx(0.04)
    assert budget.after(risk_of(0.04, 1)).breach_chance({0: 1.0}) == pytest.approx(0.04)


def test_late_orders_serve_first_who_waits_already():
    exposure = Exposure(odds={0: 0.1, 4: 0.2, 10: 0.7}, taken=5, waiting=3)
    assert exposure.late_odds(4) == pytest.approx({7: 0.1, 5: 0.2, 0: 0.7})
    assert exposure.expected_late(4) == pytest.approx(4 * 0.3)
    assert exposure.sure_units(0.7) == 5


@PROPERTY
@given(
    drawn(random_exposure, 1, 1),
    st.integers(0, 10),
    drawn(random_risk, 2),
    st.sampled_from((0.0, 0.01, 0.05, 0.2, 0.5, 0.9, 1.0)),
)
def test_the_most_units_are_the_last_number_that_keeps_the_risk(exposures, spare, taken, risk):
    (exposure,) = exposures
    budget = LateBudget(spare_orders=spare).after(*taken)
    most = most_units(exposure, budget, risk)

    def breach(units):
        return budget.breach_chance(exposure.late_odds(units))

    assert most == 0 or breach(most) <= risk + 1e-9
    if risk == 0:
        assert most == max(0, spare - budget.at_stake - max(exposure.late_odds(0)))
        return
    assert risk > 1 - 1e-9 or breach(most + 1) > risk - 1e-9 or most == max(exposure.odds) + spare
    assert breach(most) <= breach(most + 1) + 1e-9


def test_at_no_risk_all_lots_may_be_lost():
    exposure = Exposure(odds={0: 0.01, 100: 0.99})
    assert most_units(exposure, LateBudget(spare_orders=5), 0.0) == 5
    assert most_units(exposure, LateBudget(spare_orders=5).after({3: 1.0}), 0.0) == 2
    sure = Exposure(odds={0: 0.0, 100: 1.0})
    assert most_units(sure, LateBudget(spare_orders=5).after(sure.late_odds(4)), 0.0) == 1


@PROPERTY
@given(drawn(random_exposure, 5), st.integers(0, 10), st.sampled_from((0.0, 0.01, 0.05, 0.3)))
def test_all_skus_together_keep_the_account_within_its_risk(exposures, spare, risk):
    start, sold = LateBudget(spare_orders=spare), {}

    def decide(index, budget):
        sold[index] = most_units(exposures[index], budget, risk)
        return exposures[index].late_odds(sold[index])

    def waiting(index):
        return exposures[index].late_odds(0)

    taken = ration(range(len(exposures)), start, waiting, decide)
    assert list(sold) == list(range(len(exposures)))
    unsold = start.after(*(waiting(index) for index in sold)).breach_chance({0: 1.0})
    assert start.after(*taken).breach_chance({0: 1.0}) <= max(risk, unsold) + 1e-9
    if unsold > risk + 1e-9:
        assert set(sold.values()) <= {0}


# --- the price of a late order -------------------------------------------------------------------


def a_stake(units=10, chance=0.9, margin=400, cost=100):
    return Stake(
        exposure=Exposure(odds={0: 1 - chance, units: chance}),
        units=units,
        margin_minor=margin,
        late_cost_minor=cost,
    )


def test_a_budget_that_is_not_scarce_costs_nothing():
    assert shadow_price([], 0.0) == 0
    assert shadow_price([a_stake()], 1.0) == 0


def test_the_unit_that_earns_least_for_its_risk_goes_first():
    dear, cheap = a_stake(margin=900), a_stake(margin=450)
    price = shadow_price([dear, cheap], 1.5)
    assert (dear.units_at(price), cheap.units_at(price)) == (10, 0)
    assert cheap.units_at(price - 1) == 10
    assert price == 9 * 450 - 100 + 1  # (100 + μ) / (450 + 100 + μ) must pass 90 %
    assert dear.margin_per_late_order == pytest.approx(900 * 10 / 1.0)
    assert a_stake(chance=1.0).margin_per_late_order == math.inf


def test_what_has_no_cost_of_its_own_does_not_follow_the_price():
    free = a_stake(cost=None)
    assert free.units_at(10**6) == 10
    assert shadow_price([free], 0.5) == 2**40


@pytest.mark.parametrize(
    ("margin", "cost", "odds"), [(400, 100, 0.2), (0, 0, 1.0), (-5, 5, 1.0), (400, 0, 0.0)]
)
def test_a_unit_must_be_as_sure_as_its_cost_weighs(margin, cost, odds):
    assert worthwhile_odds(margin, cost) == pytest.approx(odds)


@PROPERTY
@given(drawn(random_stake, 4), st.sampled_from((0.0, 0.05, 0.5, 1.0, 3.0)))
def test_the_price_is_the_lowest_that_keeps_the_budget(stakes, late_orders):
    def expected(price):
        return sum(stake.exposure.expected_late(stake.units_at(price)) for stake in stakes)

    price = shadow_price(stakes, late_orders)
    assert price == 2**40 or expected(price) <= late_orders + 1e-9
    assert price == 0 or expected(price - 1) > late_orders - 1e-9
    assert shadow_price(stakes[::-1], late_orders) == price
