"""All offers of one account: its open orders and every SKU sold ahead use the same few spare orders."""

import pytest

from fbm_sync.domain.allocation import Cover, CoverSource, ItemCover
from fbm_sync.domain.open_risk import NO_RISK, OpenRisk, open_risks
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.risk import OrderOutlook, OrderState

from builders import (
    ACCOUNT,
    NOW,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    an_entry,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    some_receipts,
)

ON_HAND = Cover(source=CoverSource.ON_HAND, units=1)
SHORT = Cover(source=CoverSource.SHORTAGE, units=1)


def from_lot(name):
    return Cover(source=CoverSource.LOT, units=1, lot=name)


def an_item_of(sku, *cover):
    return ItemCover(order_item_id=sku, sku=Sku(sku), open_units=1, cover=cover)


def an_outlook(chance=0.05, *items, **changes):
    fields = {
        "account": ACCOUNT,
        "order_id": OrderId("1"),
        "state": OrderState.ON_TRACK,
        "reason": "",
        "judged_at": NOW,
        "ship_by_at": in_days(5),
        "late_probability": chance,
        "blamed_lot": "PO-1/1",
        "items": items or (an_item_of("A", from_lot("PO-1/1")),),
    }
    return OrderOutlook(**(fields | changes))


def risks(*outlooks):
    return open_risks(outlooks, ACCOUNT, NOW, 0.1)


def test_orders_that_wait_for_a_sku_are_late_together_with_the_worst_chance_of_any():
    found = risks(an_outlook(0.02), an_outlook(0.05), an_outlook(0.0))
    assert found.waiting == {"A": OpenRisk(orders=3, chance=0.05)}
    assert found.waiting["A"].late_odds == pytest.approx({0: 0.95, 3: 0.05})
    assert (found.waiting_orders("A"), found.waiting_orders("B")) == (3, 0)
    assert NO_RISK.late_odds == {0: 1.0}


def test_orders_at_risk_are_kept_apart_from_those_that_only_wait():
    found = risks(an_outlook(0.05), an_outlook(0.1), an_outlook(1.0))
    assert found.waiting == {"A": OpenRisk(orders=1, chance=0.05)}
    assert found.doubtful == {"A": OpenRisk(orders=2, chance=1.0)}


@pytest.mark.parametrize(
    "outlook",
    [
        an_outlook(0.0, blamed_lot=None),
        an_outlook(None, ship_by_at=None),
        an_outlook(1.0, ship_by_at=in_days(-1)),
        an_outlook(account="elsewhere"),
    ],
    ids=["on the shelf", "no deadline", "late already", "another account's"],
)
def test_orders_that_put_nothing_more_at_risk_are_left_out(outlook):
    found = risks(outlook)
    assert (found.waiting, found.doubtful) == ({}, {})


@pytest.mark.parametrize(
    ("items", "sku"),
    [
        ((an_item_of("A", ON_HAND), an_item_of("B", from_lot("PO-1/1"))), "B"),
        ((an_item_of("A", from_lot("PO-2/1")), an_item_of("B", ON_HAND, from_lot("PO-1/1"))), "B"),
        ((an_item_of("A", ON_HAND), an_item_of("B", ON_HAND, SHORT)), "B"),
        ((an_item_of("A", ON_HAND), an_item_of("B", ON_HAND)), "A"),
    ],
)
def test_an_order_counts_once_for_the_sku_it_waits_for_longest(items, sku):
    assert set(risks(an_outlook(0.05, *items)).waiting) == {sku}


# --- the account's SKUs together -----------------------------------------------------------------


def sold_ahead(orders=(), skus=("A", "B"), lots=None, catalog=(), **policy):
    """What an account with two spare orders sells ahead."""
    facts = shop_facts(
        orders,
        stock=[a_count(0, sku) for sku in skus],
        lots=[a_lot(f"PO-{sku}", 20, sku) for sku in skus] if lots is None else lots,
        offers=[an_observed_offer(sku=sku) for sku in skus],
        catalog=catalog,
        recent=(*a_good_past(), *orders),
    )
    plan = plan_shop(facts, shop_terms(a_policy(**policy)), now=NOW, run_id="r")
    return {decision.sku: decision.desired.quantity for decision in plan.decisions}


def test_an_order_that_waits_for_a_sku_takes_of_the_room_of_every_other():
    waiting = an_order("1", sku="A", ship_by_at=in_days(20))
    assert sold_ahead([waiting], account_risk=0.0) == {"A": 1, "B": 0}
    assert sold_ahead([waiting], account_risk=0.0, lots=[a_lot("PO-B", 20, "B"), a_lot("PO-A", 1, "A")]) == {
        "A": 0,
        "B": 1,
    }


def test_orders_that_are_lost_leave_no_room():
    lost = [an_order(f"{number}", sku="C", ship_by_at=in_days(5)) for number in range(3)]
    assert sold_ahead(lost) == {"A": 0, "B": 0}
    assert sold_ahead(lost[:2], account_risk=0.0) == {"A": 0, "B": 0}
    assert sold_ahead(lost[:1], account_risk=0.0) == {"A": 1, "B": 0}


def test_a_stricter_policy_is_served_before_a_laxer_one():
    catalog = [an_entry("A", policy="lax"), an_entry("B", policy="strict")]
    facts = shop_facts(
        stock=[a_count(0, sku) for sku in "AB"],
        lots=[a_lot(f"PO-{sku}", 20, sku) for sku in "AB"],
        offers=[an_observed_offer(sku=sku) for sku in "AB"],
        catalog=catalog,
        recent=a_good_past(),
    )
    policies = {
        "default": a_policy(),
        "lax": a_policy(account_risk=0.05),
        "strict": a_policy(account_risk=0.0),
    }
    plan = plan_shop(facts, shop_terms(policies=policies), now=NOW, run_id="r")
    assert {decision.sku: decision.desired.quantity for decision in plan.decisions} == {"A": 16, "B": 2}


def test_a_scarce_budget_asks_for_a_surer_date_where_little_is_earned():
    costs = {"A": 1900, "B": 200, "C": 300}
    catalog = [an_entry(sku, price_minor=2000, unit_cost_minor=cost) for sku, cost in costs.items()]

    def dates(units):
        facts = shop_facts(
            stock=[a_count(0, sku) for sku in costs],
            lots=[a_lot(f"PO-{sku}", units, sku) for sku in costs],
            offers=[an_observed_offer(sku=sku) for sku in costs],
            catalog=catalog,
            recent=a_good_past(),
            receipts=some_receipts(slips=(*[0] * 38, 5)),
        )
        policy = a_policy(late_order_cost_minor=1, account_risk=0.3)
        plan = plan_shop(facts, shop_terms(policy), now=NOW, run_id="r")
        return {decision.sku: decision.desired.restock_on for decision in plan.decisions}

    assert set(dates(10).values()) == {on_day(7)}
    scarce = dates(40)
    assert scarce["B"] == on_day(7)
    assert min(scarce["A"], scarce["C"]) > on_day(7)
