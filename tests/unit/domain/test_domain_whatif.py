"""What if: suppositions are read, applied to the shop, and only what they change is told."""

import dataclasses
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.order import OrderId, OrderStatus
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.supply import Leg, LotStatus
from fbm_sync.domain.supposition import (
    CountChange,
    DemandChange,
    LotChange,
    PolicyChange,
    parse,
    suppose,
)
from fbm_sync.domain.whatif import Room, is_late, what_if

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    TODAY,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    a_shipped_order,
    an_item,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    shops,
)

WHOLE_SHOPS = settings(max_examples=100, deadline=None)


def supposed(facts, *texts, terms=None, policies=None):
    """The shop as these texts suppose it; they must all be fine."""
    parsed = parse(texts)
    assert parsed.faults == ()
    found = suppose(facts, terms or shop_terms(), parsed.suppositions, now=NOW, policies=policies)
    assert found.faults == ()
    return found


def difference(facts, *texts, terms=None, policies=None):
    terms = terms or shop_terms()
    found = supposed(facts, *texts, terms=terms, policies=policies)
    return what_if(facts, terms, found, now=NOW, run_id="r")


def faults(facts, *texts):
    parsed = parse(texts)
    assert parsed.faults == ()
    return suppose(facts, shop_terms(), parsed.suppositions, now=NOW).faults


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("po:PO-17 +9d", LotChange(name="PO-17", days=9)),
        ("po:PO-17/1   -3d", LotChange(name="PO-17/1", days=-3)),
        ("po:PO 17/A on 2026-04-01", LotChange(name="PO 17/A", on=date(2026, 4, 1))),
        ("po:PO-17 quantity 50", LotChange(name="PO-17", units=50)),
        ("po:PO-17/1 cancelled", LotChange(name="PO-17/1", cancelled=True)),
        ("sku:ABC on_hand 40", CountChange(sku="ABC", units=40)),
        ("sku:Big cup, blue on_hand 0 in west", CountChange(sku="Big cup, blue", units=0, pool="west")),
        ("sku:ABC demand x2", DemandChange(sku="ABC", factor=2.0)),
        ("sku:ABC demand x0.5", DemandChange(sku="ABC", factor=0.5)),
        (
            "policy:default backorder=backorder",
            PolicyChange(policy="default", key="backorder", value="backorder"),
        ),
        (
            'policy:imported excluded_categories = ["music", "dvd"]',
            PolicyChange(policy="imported", key="excluded_categories", value='["music", "dvd"]'),
        ),
    ],
)
def test_a_supposition_is_read(text, change):
    (found,) = parse([text]).suppositions
    assert (found.change, found.text, found.place) == (change, text, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with none of po:, sku:, policy:"),
        ("PO-17 +9d", "begins with none of"),
        ("order:1 cancelled", "begins with none of"),
        ("po:PO-17", "write it like po:PO-17 +9d"),
        ("po:PO-17 9d", "write it like po:"),
        ("po: +9d", "write it like po:"),
        ("po:PO-17 +9999d", "write it like po:"),
        ("po:PO-17 on 2026-02-30", "there is no day 2026-02-30"),
        ("sku:ABC on_hand -4", "write it like sku:ABC on_hand 40"),
        ("sku:ABC demand 2", "write it like sku:"),
        ("policy:default", "write it like policy:default confidence=0.9"),
        ("policy:default confidence=", "write it like policy:"),
    ],
)
def test_a_text_that_supposes_nothing_is_refused_with_its_place_and_what_may_be_written(text, why):
    parsed = parse(["sku:ABC demand x2", text, "nonsense"])
    assert [one.place for one in parsed.suppositions] == [1]
    first, second = parsed.faults
    assert first.startswith(f"--what-if number 2 ({text!r}): ")
    assert why in first
    assert second.startswith("--what-if number 3 ('nonsense'): ")


# --- supposing -----------------------------------------------------------------------------------


def test_all_lines_of_a_purchase_order_move_or_only_the_one_that_is_named():
    facts = shop_facts(lots=[a_lot("PO-1"), a_lot("PO-1", line="2"), a_lot("PO-2")])

    def dates(text):
        return [(lot.promised_on - on_day(7)).days for lot in supposed(facts, text).facts.supply.lots]

    assert dates("po:PO-1 +9d") == [9, 9, 0]
    assert dates("po:PO-1/2 -3d") == [0, -3, 0]
    assert dates(f"po:PO-2 on {on_day(20)}") == [0, 0, 13]


def test_a_lot_without_a_confirmed_date_moves_with_its_day_of_ordering():
    facts = shop_facts(lots=[a_lot(promised_on=None)])
    (lot,) = supposed(facts, "po:PO-1 +9d").facts.supply.lots
    assert (lot.promised_on, lot.ordered_on) == (None, on_day(-21))
    undated = shop_facts(lots=[a_lot(promised_on=None, ordered_on=None)])
    (fault,) = faults(undated, "po:PO-1 +9d")
    assert "PO-1/1 has no date that could move" in fault
    (lot,) = supposed(undated, f"po:PO-1 on {on_day(4)}").facts.supply.lots
    assert lot.promised_on == on_day(4)


@pytest.mark.parametrize(
    ("status", "days"),
    [
        (LotStatus.CONFIRMED, (9, 9, 9)),
        (LotStatus.IN_TRANSIT, (0, 9, 9)),
        (LotStatus.CUSTOMS, (0, 0, 9)),
    ],
)
def test_of_a_lot_under_way_only_the_legs_that_lie_ahead_move(status, days):
    names = ("factory", "ocean", "customs")
    legs = tuple(
        Leg(name=name, planned_end_on=on_day(day)) for name, day in zip(names, (1, 5, 7), strict=True)
    )
    facts = shop_facts(lots=[a_lot(legs=legs, status=status)])
    for text in ("po:PO-1 +9d", f"po:PO-1 on {on_day(16)}"):
        (lot,) = supposed(facts, text).facts.supply.lots
        moved = zip(lot.legs, legs, strict=True)
        assert tuple((new.planned_end_on - old.planned_end_on).days for new, old in moved) == days
        assert lot.promised_on == on_day(16)


def test_a_lot_that_is_at_its_last_leg_moves_with_it():
    (leg,) = legs = (Leg(name="factory", planned_end_on=on_day(2)),)
    facts = shop_facts(lots=[a_lot(legs=legs, promised_on=None, status=LotStatus.IN_TRANSIT)])
    (lot,) = supposed(facts, "po:PO-1 +3d").facts.supply.lots
    assert (lot.planned_on, lot.promised_on) == (leg.planned_end_on + timedelta(days=3), None)


def test_a_lot_may_fail_or_bring_other_units():
    facts = shop_facts(lots=[a_lot(quantity=100, received_units=30)])
    (cancelled,) = supposed(facts, "po:PO-1 cancelled").facts.supply.lots
    assert (cancelled.status, cancelled.open_units) == (LotStatus.CANCELLED, 0)
    (smaller,) = supposed(facts, "po:PO-1 quantity 50").facts.supply.lots
    assert smaller.open_units == 50


def test_suppositions_are_applied_one_after_the_other():
    facts = shop_facts(lots=[a_lot()])
    (lot,) = supposed(facts, "po:PO-1 +9d", "po:PO-1/1 -2d", "po:PO-1 quantity 5").facts.supply.lots
    assert (lot.promised_on, lot.open_units) == (on_day(14), 5)
    (fault,) = faults(facts, "po:PO-1 cancelled", "po:PO-1 +2d")
    assert "number 2" in fault
    assert "no purchase order PO-1 is open (open are none)" in fault


def test_another_count_is_what_is_on_the_shelf_now_and_as_old_as_the_last_one():
    left = a_shipped_order(units=4, shipped_at=in_days(-1 / 48))
    facts = shop_facts(
        stock=[a_count(10, reserved_elsewhere=2), a_count(3, "BOWL")],
        recent=[left],
        offers=[an_observed_offer()],
    )
    found = supposed(facts, f"sku:{SKU} on_hand 40")
    assert found.facts.supply.counted_at == facts.supply.counted_at
    plan = plan_shop(found.facts, shop_terms(), now=NOW, run_id="r")
    assert plan.orders.on_hand == {SKU: 38, "BOWL": 3}


def test_a_sku_counted_in_several_pools_needs_the_pool():
    facts = shop_facts(stock=[a_count(1, pool="east"), a_count(2, pool="west"), a_count(3, "BOWL")])
    found = supposed(facts, f"sku:{SKU} on_hand 9 in west")
    assert [count.on_hand for count in found.facts.supply.stock] == [1, 9, 3]
    (fault,) = faults(facts, f"sku:{SKU} on_hand 9")
    assert "counted in several pools (east, west); write 'in' and the pool" in fault
    (fault,) = faults(facts, "sku:BOWL on_hand 9 in west")
    assert "not counted in the pool west (counted in the one without a name)" in fault


def test_a_listing_that_was_never_counted_may_be_counted():
    facts = shop_facts(offers=[an_observed_offer()])
    (count,) = supposed(facts, f"sku:{SKU} on_hand 9").facts.supply.stock
    assert (count.sku, count.on_hand, count.counted_at) == (SKU, 9, NOW)


def test_a_supposition_about_what_the_shop_does_not_have_is_a_fault():
    facts = shop_facts(lots=[a_lot(f"PO-{number}") for number in range(9)])
    found = faults(facts, "po:PO-99 +1d", "sku:NOPE on_hand 3", "sku:NOPE demand x2")
    assert [fault.partition(":")[0] for fault in found] == [
        "--what-if number 1 ('po",
        "--what-if number 2 ('sku",
        "--what-if number 3 ('sku",
    ]
    assert "open are PO-0, PO-1, PO-2, PO-3, PO-4, PO-5, PO-6, PO-7, …" in found[0]


@given(
    units=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    factor=st.sampled_from((1.25, 1.5, 2.0, 3.0)),
)
@settings(max_examples=200, deadline=None)
def test_more_demand_brings_the_units_that_come_on_top_as_orders_of_their_own(units, factor):
    orders = [an_order(str(number), units=count) for number, count in enumerate(units)]
    found = supposed(shop_facts(orders), f"sku:{SKU} demand x{factor}").facts
    company = found.holding[len(orders) :]
    assert found.holding[: len(orders)] == tuple(orders)
    assert abs(sum(one.open_units for one in company) - sum(units) * (factor - 1)) <= 0.5
    by_id = {order.order_id: order for order in orders}
    for one in company:
        original = by_id[one.order_id.removesuffix(" (supposed)")]
        assert (one.ship_by_at, one.is_open, one.created_at) == (original.ship_by_at, True, NOW)
    assert found.demand_factors == {SKU: factor}


def test_less_demand_leaves_the_orders_that_are_there_and_factors_multiply():
    facts = shop_facts([an_order(units=4)])
    found = supposed(facts, f"sku:{SKU} demand x0.5", f"sku:{SKU} demand x0.5").facts
    assert found.holding == facts.holding
    assert found.demand_factors == {SKU: 0.25}


def test_only_the_sku_in_question_gets_company():
    pair = an_order("1", items=(an_item(SKU, 2), an_item("BOWL", 5)))
    pending = an_order("2", units=3, status=OrderStatus.PENDING)
    found = supposed(shop_facts([pair, pending]), f"sku:{SKU} demand x2").facts
    assert [(one.order_id, one.open_units) for one in found.holding[2:]] == [
        ("1 (supposed)", 2),
        ("2 (supposed)", 3),
    ]


# --- what differs --------------------------------------------------------------------------------


def test_a_slip_makes_the_orders_late_that_wait_for_it():
    waiting, safe = an_order("late", ship_by_at=in_days(10)), an_order("safe", sku="BOWL")
    facts = shop_facts([waiting, safe], [a_count(0), a_count(5, "BOWL")], [a_lot()], recent=a_good_past())
    found = difference(facts, "po:PO-1 +9d")
    assert [one.order_id for one in found.newly_late] == ["late"]
    assert found.newly_late[0].promise_on > on_day(10)
    assert found.no_longer_late == ()
    assert found.shortages == ()
    before, after = found.rooms[ACCOUNT]
    assert (after.late_orders, after.cancelled_orders) == (before.late_orders - 1, before.cancelled_orders)
    back = difference(supposed(facts, "po:PO-1 +9d").facts, "po:PO-1 -9d")
    assert [one.order_id for one in back.no_longer_late] == ["late"]


def test_a_lot_that_fails_leaves_its_orders_short():
    facts = shop_facts(
        [an_order(units=3)], [a_count(1)], [a_lot(promised_on=on_day(1))], recent=a_good_past()
    )
    found = difference(facts, "po:PO-1 cancelled")
    (shortage,) = found.shortages
    assert (shortage.account, shortage.sku) == (ACCOUNT, SKU)
    assert (shortage.before, shortage.after, shortage.orders) == (0, 2, ("111-1",))
    before, after = found.rooms[ACCOUNT]
    assert (after.late_orders, after.cancelled_orders) == (before.late_orders, before.cancelled_orders - 1)


def test_an_order_overdue_already_takes_no_more_room():
    past = a_good_past()
    overdue = an_order("old", created_at=in_days(-6), ship_by_at=in_days(-1))
    facts = shop_facts([overdue], [a_count(1)], recent=(*past, overdue))
    untouched = difference(facts, "sku:" + SKU + " on_hand 5")
    assert untouched.rooms[ACCOUNT] == (Room(late_orders=3, cancelled_orders=2),) * 2
    assert untouched.newly_late == untouched.no_longer_late == ()


def test_a_policy_that_sells_ahead_opens_a_listing():
    never = a_policy(backorder=BackorderKind.NEVER)
    facts = shop_facts(lots=[a_lot()], stock=[a_count(0)], offers=[an_observed_offer()], recent=a_good_past())
    found = difference(
        facts,
        "policy:default backorder=backorder",
        terms=shop_terms(never),
        policies={"default": a_policy()},
    )
    ((old, new),) = found.offers
    assert (old.mode, new.mode) == (ListingMode.SOLD_OUT, ListingMode.BACKORDER)
    assert new.desired.quantity > 0


def test_demand_moves_the_buffer_for_orders_that_are_on_their_way():
    past = [
        a_shipped_order(str(number), units=30, created_at=in_days(-1 - number), shipped_at=in_days(-1))
        for number in range(20)
    ]
    facts = shop_facts(stock=[a_count(200)], offers=[an_observed_offer()], recent=past)
    terms = shop_terms(a_policy(latency_risk=0.01), lag_minutes=600.0)
    ((old, new),) = difference(facts, f"sku:{SKU} demand x3", terms=terms).offers
    assert new.desired.quantity < old.desired.quantity


def test_an_order_to_be_cancelled_or_without_a_deadline_is_never_called_late():
    wished = an_order("1", items=(an_item(cancel_requested=True),), ship_by_at=in_days(-1))
    unknown = an_order("2", ship_by_at=None)
    plan = plan_shop(shop_facts([wished, unknown]), shop_terms(), now=NOW, run_id="r")
    assert [is_late(one) for one in plan.orders.outlooks] == [False, False]


# --- whatever the shop -----------------------------------------------------------------------------


@WHOLE_SHOPS
@given(shops())
def test_supposing_nothing_changes_nothing(shop):
    facts, terms = shop
    found = difference(facts, terms=terms)
    assert (found.offers, found.newly_late, found.no_longer_late, found.shortages) == ((), (), (), ())
    assert all(before == after for before, after in found.rooms.values())


@WHOLE_SHOPS
@given(shops(), st.integers(1, 30))
def test_there_and_back_changes_nothing(shop, days):
    facts, terms = shop
    dated = [lot for lot in facts.supply.lots if lot.open_units and (lot.promised_on or lot.ordered_on)]
    texts = [text for lot in dated for text in (f"po:{lot.lot_id} +{days}d", f"po:{lot.lot_id} -{days}d")]
    found = supposed(facts, *texts, terms=terms)
    assert found.facts == facts


@WHOLE_SHOPS
@given(shops(), st.integers(1, 60))
def test_a_slip_of_every_purchase_order_covers_nothing_that_was_short(shop, days):
    facts, terms = shop
    dated = tuple(
        dataclasses.replace(lot, promised_on=max(lot.promised_on, TODAY))
        for lot in facts.supply.lots
        if lot.promised_on is not None
    )
    facts = dataclasses.replace(facts, supply=dataclasses.replace(facts.supply, lots=dated))
    names = sorted({lot.po_id for lot in dated if lot.open_units})
    found = difference(facts, *(f"po:{name} +{days}d" for name in names), terms=terms)
    assert found.shortages == ()


def test_the_shop_itself_is_never_touched():
    facts = shop_facts([an_order()], [a_count(3)], [a_lot()], offers=[an_observed_offer()])
    kept = dataclasses.replace(facts)
    difference(facts, "po:PO-1 +9d", f"sku:{SKU} on_hand 1", f"sku:{SKU} demand x2")
    assert facts == kept
    assert OrderId("111-1") in {one.order_id for one in facts.holding}
    assert facts.supply.lots[0].promised_on == NOW.date() + timedelta(days=7)
