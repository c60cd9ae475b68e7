"""A restock date counts as a promise once an order shows it; until then few units are sold by it."""

from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.policy import Lever
from fbm_sync.domain.restock_proof import DENIED_DAYS, PROVEN_DAYS, RestockShown

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_count,
    a_lot,
    a_policy,
    an_observed_offer,
    in_days,
    shop_facts,
    shop_terms,
    some_receipts,
    the_decision,
)


def shown(off_days, days_ago=0):
    return RestockShown(order_id=OrderId("ORDER-1"), created_at=in_days(-days_ago), off_days=off_days)


def decide(known=None, *, handling=AutomatedHandling.OFF, **policy):
    """A SKU without stock and with forty units on their way, of which five may be sold unproven."""
    facts = shop_facts(
        stock=[a_count(0)],
        lots=[a_lot(quantity=40)],
        receipts=some_receipts(),
        offers=[an_observed_offer(0)],
        restock={} if known is None else {ACCOUNT: {SKU: known}},
    )
    terms = shop_terms(a_policy(**({"unproven_units": 5} | policy)), accounts={ACCOUNT: handling})
    return the_decision(plan_shop(facts, terms, now=NOW, run_id="r"))


def test_few_units_are_sold_by_a_restock_date_that_no_order_has_shown():
    decision = decide()
    assert (decision.desired.quantity, decision.cap.binding) == (5, "unproven_units")
    assert decision.desired.restock_on is not None


def test_the_first_order_due_by_the_restock_date_lets_the_rest_be_sold():
    decision = decide(shown(0))
    assert decision.desired.quantity > 5
    assert "unproven_units" not in decision.cap.limits


def test_a_later_due_date_than_the_restock_date_proves_it_too():
    assert decide(shown(2)).desired.quantity > 5


def test_nothing_is_sold_by_a_restock_date_that_amazon_has_just_ignored():
    decision = decide(shown(-3))
    assert decision.desired.quantity == 0
    assert [gate.name for gate in decision.gates if not gate.passed] == ["restock_date"]
    assert "order ORDER-1 is due before it" in " ".join(decision.rejected)


def test_after_a_week_an_ignored_restock_date_is_tried_again_with_few_units():
    assert decide(shown(-3, DENIED_DAYS)).desired.quantity == 0
    assert decide(shown(-3, DENIED_DAYS + 1)).desired.quantity == 5


def test_a_proof_is_over_once_no_restock_date_of_then_can_be_shown_any_more():
    assert decide(shown(0, PROVEN_DAYS)).desired.quantity > 5
    assert decide(shown(0, PROVEN_DAYS + 1)).desired.quantity == 5


def test_a_promise_that_handling_time_carries_needs_no_proof_of_a_restock_date():
    decision = decide(shown(-3), lever=Lever.HANDLING_TIME)
    assert decision.desired.quantity > 5
    assert decision.desired.restock_on is None


def test_where_amazon_sets_the_handling_time_the_restock_date_is_the_promise_and_needs_its_proof():
    decision = decide(lever=Lever.HANDLING_TIME, handling=AutomatedHandling.UNKNOWN)
    assert decision.desired.quantity == 5


def test_the_limit_can_be_switched_off():
    assert decide(unproven_units=0).desired.quantity > 5


def test_goods_on_the_shelf_need_no_proof():
    facts = shop_facts(
        stock=[a_count(30)], offers=[an_observed_offer(0)], restock={ACCOUNT: {SKU: shown(-3)}}
    )
    terms = shop_terms(a_policy(unproven_units=5))
    assert the_decision(plan_shop(facts, terms, now=NOW, run_id="r")).desired.quantity == 30


@given(off_days=st.integers(-30, 30), days_ago=st.integers(0, 60))
def test_no_order_both_proves_and_denies_a_restock_date(off_days, days_ago):
    known, today = shown(off_days, days_ago), NOW.date()
    assert not (known.proves(today) and known.denies(today))
    assert known.proves(today) == (off_days >= 0 and days_ago <= PROVEN_DAYS)
    assert known.denies(today) == (off_days < 0 and days_ago <= DENIED_DAYS)
