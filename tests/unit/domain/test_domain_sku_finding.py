"""Which SKUs sell too fast, eat into what was withheld, or are sold beyond what comes?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.decision import Worry, WorryKind
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.sku_finding import (
    Burst,
    Worried,
    chance_of_at_least,
    hours_left,
    is_spike,
    spike_findings,
    worry_findings,
)
from fbm_sync.domain.worry import worries_of

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    the_decision,
)

BREACHED, OVERCOMMITTED = WorryKind


def a_burst(orders=14, before=36, *, units=None, days=30, available=21):
    return Burst(
        account=ACCOUNT,
        sku=SKU,
        units=units or (1,) * orders,
        orders_before=before,
        known_days=days,
        available=available,
    )


def test_a_sku_that_suddenly_sells_is_told_with_the_hours_of_stock_left():
    (finding,) = spike_findings([a_burst()])
    assert (finding.key, finding.severity) == (f"us:demand_spike:{SKU}", Severity.INFO)
    assert finding.text == (
        f"14 orders of {SKU} in the last 24 h, 1.2 a day in the 30 days before. "
        "21 units can still be promised from stock: 36 h of it left at this pace."
    )
    (finding,) = spike_findings([a_burst(available=1)])
    assert finding.severity is Severity.WARNING
    assert finding.text.endswith("1 unit can still be promised from stock: 1 h of it left at this pace.")


def test_without_stock_or_without_knowing_it_the_words_say_so():
    (gone,) = spike_findings([a_burst(available=0)])
    assert gone.text.endswith("No unit can be promised from stock any more: 0 h of stock left.")
    (unknown,) = spike_findings([a_burst(available=None)])
    assert (unknown.severity, unknown.text[-24:]) == (Severity.INFO, " Its stock is not known.")


@pytest.mark.parametrize(
    ("burst", "spike"),
    [
        (a_burst(5, 0), True),
        (a_burst(4, 0), False),
        (a_burst(14, 36), True),
        (a_burst(3, 36), False),
        (a_burst(200, 3000), False),
        (a_burst(400, 3000), True),
        (a_burst(290, 3000), False),
        (a_burst(units=(50,)), False),
        (a_burst(14, 2, days=2), False),
        (a_burst(5, 30), False),
        (a_burst(8, 30), True),
    ],
)
def test_only_far_more_orders_than_ever_are_a_spike(burst, spike):
    assert is_spike(burst) is spike
    assert bool(spike_findings([burst])) is spike


def test_one_large_order_is_not_the_pace():
    assert hours_left(a_burst(units=(1, 1, 1, 1, 1, 50), available=12)) == 48
    assert hours_left(a_burst(units=(0,) * 6, available=12)) == 288


@given(st.integers(0, 40), st.floats(min_value=0, max_value=30))
def test_the_chance_is_that_of_poisson(orders, usual):
    terms = (
        math.exp(-usual + k * math.log(usual) - math.lgamma(k + 1)) if usual else k == 0
        for k in range(orders)
    )
    assert chance_of_at_least(orders, usual) == pytest.approx(max(0.0, 1 - math.fsum(terms)), abs=1e-9)


def test_where_thousands_are_the_rule_twice_as_many_are_no_chance():
    assert chance_of_at_least(5000, 2000.0) == 0.0
    assert chance_of_at_least(3000, 2000.0) == 1.0


@given(st.integers(0, 60), st.integers(0, 600), st.integers(1, 30), st.integers(0, 50))
def test_fewer_orders_before_never_make_a_spike_look_usual(orders, before, days, fewer):
    if is_spike(a_burst(units=(1,) * orders or None, orders=0, before=before, days=days)) and orders:
        assert is_spike(a_burst(units=(1,) * orders, before=max(0, before - fewer), days=days))
        assert is_spike(a_burst(units=(1,) * (orders + 1), before=before, days=days))


# --- worries of who decides --------------------------------------------------------------------------


def worried(policy=None, offer=None, **facts):
    """The worries that come with the decision about the one listing of a shop."""
    shop = shop_facts(offers=[offer or an_observed_offer()], recent=a_good_past(), **facts)
    plan = plan_shop(shop, shop_terms(policy or a_policy()), now=NOW, run_id="r")
    return the_decision(plan).verdict.worries


def test_orders_that_use_what_is_withheld_are_a_worry():
    orders = [an_order("1", units=8)]
    policy = a_policy(safety_stock=5)
    assert worried(policy, orders=orders, stock=[a_count(10)]) == (Worry(kind=BREACHED, units=3, of_units=5),)
    assert worried(policy, orders=orders, stock=[a_count(13)]) == ()
    assert worried(a_policy(), orders=orders, stock=[a_count(8)]) == ()


def test_offers_beyond_what_comes_are_a_worry():
    orders = [an_order("1", units=8, ship_by_at=in_days(12))]
    ahead = an_observed_offer(5, restock_on=on_day(10))
    assert worried(offer=ahead, orders=orders, stock=[a_count(0)], lots=[a_lot(quantity=10)]) == (
        Worry(kind=OVERCOMMITTED, units=3, of_units=10, taken=8, offered=5),
    )
    assert worried(offer=ahead, orders=orders, stock=[a_count(0)], lots=[a_lot(quantity=13)]) == ()
    assert worried(offer=ahead, stock=[a_count(0)]) == (
        Worry(kind=OVERCOMMITTED, units=5, of_units=0, taken=0, offered=5),
    )


def test_where_nothing_is_offered_nothing_is_over_committed():
    orders_alone = {"on_hand": 0, "safety_stock": 0, "shelf_units": 0, "taken": 9, "expected": 5}
    assert worries_of(**orders_alone, offered=0) == ()
    assert worries_of(**orders_alone, offered=1) != ()


def test_what_the_shelf_covers_is_not_sold_ahead():
    ahead = an_observed_offer(5, restock_on=on_day(10))
    assert worried(offer=ahead, stock=[a_count(5)]) == ()
    assert worried(offer=an_observed_offer(5), stock=[a_count(0)]) == ()


def test_listings_that_are_not_ours_to_decide_carry_no_worry():
    ahead = an_observed_offer(5, restock_on=on_day(10), other_channels=("AMAZON_NA",))
    assert worried(offer=ahead, stock=[a_count(0)]) == ()
    assert worried(offer=an_observed_offer(5, restock_on=on_day(10))) == ()


def test_worries_are_told_by_sku_with_their_numbers():
    worries = [
        Worry(kind=BREACHED, units=3, of_units=5),
        Worry(kind=OVERCOMMITTED, units=3, of_units=10, taken=8, offered=5),
    ]
    one = Worried(account=ACCOUNT, sku=SKU, worries=worries)
    breached, beyond = worry_findings([one])
    assert (breached.key, breached.severity) == (f"us:safety_stock_breached:{SKU}", Severity.INFO)
    assert breached.text == (f"Open orders use 3 of the 5 units of {SKU} that are withheld as safety stock.")
    assert (beyond.key, beyond.severity) == (f"us:inbound_overcommitted:{SKU}", Severity.CRITICAL)
    assert beyond.text == (
        f"{SKU} is sold beyond inbound by 3 units: open orders take 8 from inbound and 5 more are offered "
        "ahead, of 10 units expected."
    )
    assert all(finding.action for finding in (breached, beyond))
    assert worry_findings([one], outdated={(ACCOUNT, SKU)}) == [breached]


UNITS = st.integers(0, 30)


@given(UNITS, UNITS, UNITS, UNITS, UNITS, UNITS)
def test_worries_never_count_more_than_there_is(on_hand, safety, shelf, taken, offered, expected):
    shelf = min(shelf, on_hand)
    found = worries_of(
        on_hand=on_hand,
        safety_stock=safety,
        shelf_units=shelf,
        taken=taken,
        offered=offered,
        expected=expected,
    )
    by_kind = {worry.kind: worry for worry in found}
    assert (BREACHED in by_kind) == (shelf > max(0, on_hand - safety))
    if BREACHED in by_kind:
        assert 0 < by_kind[BREACHED].units <= min(safety, on_hand, shelf)
    assert (OVERCOMMITTED in by_kind) == (offered > 0 and taken + offered > expected)
