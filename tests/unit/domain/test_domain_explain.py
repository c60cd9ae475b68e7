"""What would change a decision follows from its record: apply it, and the decision changes."""

import dataclasses

import pytest
from hypothesis import given, settings

from fbm_sync.domain.channel import Portion
from fbm_sync.domain.explain import TurnKind, turns_of_offer, turns_of_order
from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.plan import assess_orders, plan_shop
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.risk import OrderState

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    an_entry,
    an_item,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    shops,
    some_receipts,
    the_decision,
)


def decide(*, policy=None, offer=None, **facts):
    """The decision about one listing of a shop in good standing."""
    shop = shop_facts(offers=[offer or an_observed_offer()], recent=a_good_past(), **facts)
    return the_decision(plan_shop(shop, shop_terms(policy or a_policy()), now=NOW, run_id="r"))


def turns(kind, found):
    return [turn for turn in found if turn.kind is kind]


def judge(order, **facts):
    """How one order stands, in a shop with these supplies."""
    (outlook,) = assess_orders(shop_facts([order], **facts), shop_terms(), NOW).outlooks
    return outlook


# --- offers --------------------------------------------------------------------------------------


def test_a_sku_in_stock_changes_when_its_free_units_are_sold():
    decision = decide(stock=[a_count(7)], lots=[a_lot()])
    (sales,) = turns(TurnKind.SALES, turns_of_offer(decision))
    assert sales.units == 7
    (landing,) = turns(TurnKind.LANDING, turns_of_offer(decision))
    assert (landing.name, landing.units, landing.on) == ("PO-1/1", 100, on_day(7))
    assert turns(TurnKind.STOCK, turns_of_offer(decision)) == []


def test_a_sold_out_sku_names_the_one_gate_in_its_way_and_what_could_be_sold_then():
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(backorder=BackorderKind.NEVER))
    assert decision.mode is ListingMode.SOLD_OUT
    (gate,) = turns(TurnKind.GATE, turns_of_offer(decision))
    assert (gate.name, gate.now, gate.needed, gate.alone) == (
        "policy",
        "never",
        "backorder or preorder",
        True,
    )
    allowed = decide(stock=[a_count(0)], lots=[a_lot()])
    assert allowed.desired.quantity == gate.units > 0


def test_several_closed_gates_are_all_named_and_none_is_enough():
    policy = a_policy(backorder=BackorderKind.NEVER, min_receipts=99)
    found = turns_of_offer(decide(stock=[a_count(0)], lots=[a_lot()], policy=policy))
    gates = turns(TurnKind.GATE, found)
    assert [gate.name for gate in gates] == ["policy", "supplier_receipts"]
    assert not any(gate.alone for gate in gates)
    assert turns(TurnKind.CAP, found) == []


def test_without_inbound_a_gate_promises_nothing():
    found = turns_of_offer(decide(stock=[a_count(0)], policy=a_policy(backorder=BackorderKind.NEVER)))
    assert {gate.units for gate in turns(TurnKind.GATE, found)} == {None}
    assert turns(TurnKind.LANDING, found) == []


def test_a_sku_sold_ahead_names_the_binding_cap_and_how_far_the_next_one_reaches():
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(max_units=10))
    (cap,) = turns(TurnKind.CAP, turns_of_offer(decision))
    assert (cap.name, cap.alone) == ("max_units", True)
    raised = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(max_units=10_000))
    assert raised.desired.quantity == cap.units > 10


def test_caps_that_bind_together_must_be_raised_together():
    catalog = [an_entry(max_listed=10)]
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(max_units=10), catalog=catalog)
    caps = turns(TurnKind.CAP, turns_of_offer(decision))
    assert [cap.name for cap in caps] == ["max_listed", "max_units"]
    assert not any(cap.alone for cap in caps)


def test_a_cap_of_nothing_is_named_beside_a_closed_gate():
    policy = a_policy(max_units=0, min_receipts=99)
    found = turns_of_offer(decide(stock=[a_count(0)], lots=[a_lot()], policy=policy))
    (gate,), (cap,) = turns(TurnKind.GATE, found), turns(TurnKind.CAP, found)
    assert (gate.alone, gate.units) == (False, 0)
    assert cap.name == "max_units"
    assert cap.units > 0


def test_a_cap_with_none_above_it_would_set_no_limit():
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(max_units=10))
    same = dict.fromkeys(decision.cap.limits, 10)
    cap = dataclasses.replace(decision.cap, limits=same)
    level = dataclasses.replace(decision, verdict=dataclasses.replace(decision.verdict, cap=cap))
    assert {cap.units for cap in turns(TurnKind.CAP, turns_of_offer(level))} == {None}


def test_a_listing_that_is_not_ours_to_decide_on_says_what_is_in_the_way():
    (record,) = turns_of_offer(decide(stock=[]))
    assert record.kind is TurnKind.RECORD
    assert "stock list does not know" in record.now
    decision = decide(stock=[])
    silent = dataclasses.replace(decision, verdict=dataclasses.replace(decision.verdict, reasons=()))
    assert turns_of_offer(silent)[0].now == ""


def test_stale_supply_asks_for_a_fresh_count():
    old = [a_count(50, counted_at=in_days(-9))]
    found = turns_of_offer(decide(stock=old, offer=an_observed_offer(3)))
    assert found[0].kind is TurnKind.FRESH_COUNT


@settings(max_examples=100, deadline=None)
@given(shops(max_orders=4, max_lots=3))
def test_the_missing_units_on_the_shelf_let_it_sell_from_stock_and_one_less_does_not(shop):
    facts, terms = shop
    terms = without_buffer(terms)
    decisions = plan_shop(facts, terms, now=NOW, run_id="r").decisions
    decision = next((one for one in decisions if one.missing_units is not None), None)
    if decision is None:
        return
    pool = terms.channels[decision.account].pool if decision.account in terms.channels else ""
    for units, sells in ((decision.missing_units, True), (decision.missing_units - 1, False)):
        more = a_count(units, decision.sku, pool=pool, counted_at=facts.supply.counted_at)
        supply = dataclasses.replace(facts.supply, stock=(*facts.supply.stock, more))
        plan = plan_shop(dataclasses.replace(facts, supply=supply), terms, now=NOW, run_id="r")
        found = the_decision(plan, decision.sku, decision.account)
        assert (found.mode is ListingMode.IN_STOCK) is sells


def without_buffer(terms):
    """The terms with no units kept back: how fast a SKU sells is measured anew once it is in stock."""
    policies = {
        name: dataclasses.replace(policy, latency_risk=0.0) for name, policy in terms.policies.items()
    }
    return dataclasses.replace(terms, policies=policies)


# --- orders --------------------------------------------------------------------------------------


def test_an_order_on_the_shelf_needs_only_to_leave_in_time():
    (turn,) = turns_of_order(judge(an_order(), stock=[a_count(3)]))
    assert (turn.kind, turn.at, turn.kept) == (TurnKind.SHIPMENT, in_days(3), True)


def test_an_overdue_order_needs_its_shipment_confirmed_before_amazon_cancels_it():
    outlook = judge(an_order(ship_by_at=in_days(-1)), stock=[a_count(3)])
    (turn,) = turns_of_order(outlook)
    assert (turn.kind, turn.at, turn.kept) == (TurnKind.SHIPMENT, outlook.auto_cancel_at, False)


def test_a_lot_that_is_in_time_must_not_slip_beyond_a_day():
    outlook = judge(an_order(ship_by_at=in_days(10.3)), stock=[a_count(0)], lots=[a_lot()])
    (turn,) = turns_of_order(outlook)
    assert (turn.kind, turn.name, turn.kept) == (TurnKind.ARRIVAL, "PO-1/1", True)
    assert turn.on == outlook.awaits[0].last_arrival_on > outlook.awaits[0].arrives_by


@pytest.mark.parametrize(("slip", "late"), [(0, False), (1, True)])
def test_until_that_day_the_order_leaves_in_time_and_a_day_later_it_does_not(slip, late):
    order = an_order(ship_by_at=in_days(10.3))
    (turn,) = turns_of_order(judge(order, stock=[a_count(0)], lots=[a_lot()]))
    (days,) = {(turn.on - on_day(7)).days + slip}
    moved = judge(order, stock=[a_count(0)], lots=[a_lot(promised_on=on_day(7 + days))])
    assert (moved.slack_days < 0) is late


def test_a_late_lot_must_be_here_by_a_day():
    outlook = judge(an_order(ship_by_at=in_days(5.3)), stock=[a_count(0)], lots=[a_lot()])
    (turn,) = turns_of_order(outlook)
    assert (turn.kind, turn.kept, turn.alone) == (TurnKind.ARRIVAL, False, True)
    assert turn.on < outlook.awaits[0].arrives_by
    assert turn.now == str(outlook.awaits[0].arrives_by)


def test_when_it_is_too_late_for_any_arrival_no_day_is_named():
    outlook = judge(an_order(ship_by_at=in_days(-2)), stock=[a_count(0)], lots=[a_lot()])
    (turn,) = turns_of_order(outlook)
    assert (turn.kind, turn.on, turn.kept) == (TurnKind.ARRIVAL, None, False)


def test_units_that_nothing_covers_are_counted_for_each_sku():
    items = (an_item(SKU, 5), an_item(SKU, 1, order_item_id="again"), an_item("BOWL", 2))
    found = turns_of_order(judge(an_order(items=items), stock=[a_count(0), a_count(2, "BOWL")]))
    assert [(turn.kind, turn.name, turn.units) for turn in found] == [(TurnKind.STOCK, SKU, 6)]


def test_a_shortage_and_a_late_lot_must_both_be_mended():
    items = (an_item(SKU, 5), an_item("BOWL", 2))
    outlook = judge(an_order(items=items, ship_by_at=in_days(5.3)), stock=[a_count(0)], lots=[a_lot()])
    stock, arrival = turns_of_order(outlook)
    assert (stock.kind, stock.name, stock.units) == (TurnKind.STOCK, "BOWL", 2)
    assert (arrival.kind, arrival.alone) == (TurnKind.ARRIVAL, False)


@pytest.mark.parametrize(
    ("changes", "state", "kind"),
    [
        (
            {"items": (an_item(cancel_requested=True),)},
            OrderState.CANCEL_REQUESTED,
            TurnKind.BUYER,
        ),
        ({"ship_by_at": None}, OrderState.UNKNOWN_DEADLINE, TurnKind.DEADLINE),
        (
            {"status": OrderStatus.PENDING, "created_at": in_days(-22)},
            OrderState.PENDING_STUCK,
            TurnKind.PAYMENT,
        ),
    ],
)
def test_what_only_others_can_change_is_said_to_be_so(changes, state, kind):
    outlook = judge(an_order(**changes), stock=[a_count(3)])
    assert outlook.state is state
    assert [turn.kind for turn in turns_of_order(outlook)] == [kind]


def test_a_pending_order_waits_for_its_payment():
    outlook = judge(an_order(status=OrderStatus.PENDING), stock=[a_count(3)])
    assert [turn.kind for turn in turns_of_order(outlook, pending=True)] == [TurnKind.PAYMENT]
    stuck = dataclasses.replace(outlook, state=OrderState.CANCEL_REQUESTED)
    assert [turn.kind for turn in turns_of_order(stuck, pending=True)] == [TurnKind.BUYER]


def test_a_sku_that_may_never_be_listed_is_not_helped_by_stock():
    found = turns_of_offer(decide(stock=[a_count(0)], catalog=[an_entry(max_listed=0)]))
    assert turns(TurnKind.STOCK, found) == []


@pytest.mark.parametrize(
    "portion",
    [
        Portion(),
        Portion(part=2, whole=5),
        Portion(part=1, whole=3, reserve_units=4),
        Portion(reserve_units=2),
    ],
)
def test_a_part_of_the_pool_is_reached_with_just_so_many_units(portion):
    for units in range(1, 20):
        least = portion.least_for(units)
        assert portion.of(least) >= units > portion.of(least - 1)
    assert Portion(part=0).least_for(1) is None


def test_an_order_without_a_ship_by_but_with_a_lot_in_view_has_no_last_day():
    outlook = judge(an_order(ship_by_at=None), stock=[a_count(0)], lots=[a_lot()])
    unjudged = dataclasses.replace(outlook, state=OrderState.ON_TRACK)
    (turn,) = turns_of_order(unjudged)
    assert (turn.kind, turn.on, turn.kept) == (TurnKind.ARRIVAL, None, True)


def test_every_open_order_has_something_that_would_change_it():
    facts = shop_facts(
        [an_order("1"), an_order("2", sku="BOWL", units=3)],
        [a_count(1)],
        [a_lot(sku="BOWL", promised_on=on_day(1))],
        receipts=some_receipts(slips=(0, 1, 2) * 8),
    )
    for outlook in assess_orders(facts, shop_terms(), NOW).outlooks:
        assert outlook.account == ACCOUNT
        assert turns_of_order(outlook)
