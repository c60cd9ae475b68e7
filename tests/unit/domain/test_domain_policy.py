"""May a SKU be sold ahead, and how many? Every gate passing and failing, every cap binding."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.arrivals import ReceivedLaw
from fbm_sync.domain.budget import LateBudget
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.caps import cap_units, expose
from fbm_sync.domain.channel import Portion
from fbm_sync.domain.history import SupplierRecord
from fbm_sync.domain.leadtime import DoubtfulLot, InboundView
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.policy import BackorderKind, DemandRecord, Headroom, SellAheadFacts
from fbm_sync.domain.restock_proof import RestockShown
from fbm_sync.domain.sell_ahead import decide_sell_ahead, first_spare_day

from builders import (
    SKU,
    SUPPLIER,
    TODAY,
    a_calendar,
    a_lot,
    a_policy,
    an_entry,
    an_expected_lot,
    expected_lots,
    in_days,
    on_day,
)

GOOD_SUPPLIER = SupplierRecord(slips=(0,) * 20)
SURE = {7: 0.99}


def some_facts(*lots, **changes):
    """A SKU with one sure lot of 100 units, a good supplier and an account with room."""
    fields = {
        "inbound": InboundView(expected=lots or (an_expected_lot(chances=SURE),), doubtful=()),
        "assigned": {},
        "supplier": GOOD_SUPPLIER,
        "supplier_name": "Acme",
        "entry": an_entry(price_minor=1000, unit_cost_minor=600),
        "demand": DemandRecord(days=30, orders=20, units_per_day=1.0, variation=1.0, cancelled_orders=1),
        "headroom": Headroom(late_orders=5, cancelled_orders=5),
        "today": TODAY,
    }
    return SellAheadFacts(**(fields | changes))


def shown_by_an_order(off_days, days_ago=0):
    """What the latest order sold by a restock date shows of it."""
    return RestockShown(order_id=OrderId("ORDER-1"), created_at=in_days(-days_ago), off_days=off_days)


def decide(policy=None, facts=None, calendar=None, **asked):
    return decide_sell_ahead(policy or a_policy(), facts or some_facts(), calendar or a_calendar(), **asked)


def gate(answer, name):
    return next(one for one in answer.gates if one.name == name)


def demand(**changes):
    return dataclasses.replace(some_facts().demand, **changes)


PREORDER = {"backorder": BackorderKind.PREORDER}


def released(days):
    return {"entry": an_entry(release_on=None if days is None else on_day(days))}


def slips(*values):
    return {"supplier": SupplierRecord(slips=tuple(sorted(values)))}


@pytest.mark.parametrize(
    ("name", "policy", "facts", "passes"),
    [
        ("policy", {"backorder": BackorderKind.NEVER}, {}, False),
        ("policy", {"backorder": BackorderKind.BACKORDER}, {}, True),
        ("policy", PREORDER, released(10), True),
        ("policy", PREORDER, released(0), False),
        ("policy", PREORDER, released(None), False),
        ("firm_inbound", {}, {}, True),
        ("firm_inbound", {}, {"assigned": {"PO-1/1": 99}}, True),
        ("firm_inbound", {}, {"assigned": {"PO-1/1": 100}}, False),
        (
            "firm_inbound",
            {},
            {"inbound": InboundView(expected=(), doubtful=(DoubtfulLot(lot=a_lot(), why="-"),))},
            False,
        ),
        ("supplier_receipts", {}, slips(*[0] * 5), True),
        ("supplier_receipts", {}, slips(*[0] * 4), False),
        ("supplier_receipts", {"min_receipts": 0}, slips(), True),
        ("slip_spread", {}, slips(0, 0, 0, 0, 21), True),
        ("slip_spread", {}, slips(0, 0, 0, 0, 22), False),
        ("slip_spread", {"max_slip_spread_days": 0}, slips(0, 0, 0, 0, 99), True),
        ("slip_spread", {}, slips(), True),
        ("supplier_on_time", {}, slips(*[0] * 7, *[1] * 3), True),
        ("supplier_on_time", {}, slips(*[0] * 6, *[1] * 4), False),
        ("supplier_on_time", {"min_supplier_on_time": 0.0}, slips(1, 1), True),
        ("supplier_on_time", {}, slips(), False),
        ("demand_variation", {}, {"demand": demand(variation=3.0)}, True),
        ("demand_variation", {}, {"demand": demand(variation=3.1)}, False),
        ("demand_variation", {"max_demand_cv": 0.0}, {"demand": demand(variation=9.0)}, True),
        ("demand_variation", {}, {"demand": demand(variation=None)}, True),
        ("demand_variation", {}, {"demand": demand(orders=9, variation=5.4)}, True),
        ("margin", {"min_margin": 0.4}, {}, True),
        ("margin", {"min_margin": 0.41}, {}, False),
        ("margin", {"min_margin": 0.1}, {"entry": an_entry(price_minor=1000)}, False),
        ("margin", {"min_margin": 0.0}, {"entry": an_entry()}, True),
        ("cancel_rate", {}, {"demand": demand(cancelled_orders=1)}, True),
        ("cancel_rate", {}, {"demand": demand(cancelled_orders=2)}, False),
        ("cancel_rate", {}, {"demand": demand(orders=9, cancelled_orders=9)}, True),
        ("cancel_rate", {"max_cancel_rate": 0.0}, {"demand": demand(cancelled_orders=20)}, True),
        ("prime_template", {}, {}, True),
        ("prime_template", {}, {"entry": an_entry(prime_template=True)}, False),
        ("category", {}, {}, True),
        ("category", {}, {"entry": an_entry(category="Kitchen")}, True),
        ("category", {}, {"entry": an_entry(category=" Music ")}, False),
        ("category", {"excluded_categories": frozenset()}, {"entry": an_entry(category="music")}, True),
        ("headroom", {}, {}, True),
        ("headroom", {}, {"headroom": Headroom()}, True),
        ("headroom", {}, {"headroom": Headroom(breached=("LSR", "CR"))}, False),
        ("on_time_delivery", {}, {}, True),
        ("on_time_delivery", {}, {"headroom": Headroom(on_time_rate=0.9)}, True),
        ("on_time_delivery", {}, {"headroom": Headroom(on_time_rate=0.899)}, False),
        ("on_time_delivery", {}, {"headroom": Headroom(on_time_rate=0.94, on_time_target=0.95)}, False),
        ("restock_date", {}, {"restock": shown_by_an_order(0)}, True),
        ("restock_date", {}, {"restock": shown_by_an_order(-1)}, False),
        ("restock_date", {}, {"restock": shown_by_an_order(-1, days_ago=8)}, True),
        ("restock_date", {}, {"restock": shown_by_an_order(-1), "by_restock_date": False}, True),
        ("reserved_elsewhere", {}, {}, True),
        ("reserved_elsewhere", {}, {"merely_reserved": True}, False),
    ],
)
def test_each_gate_passes_and_fails_by_its_own_number(name, policy, facts, passes):
    answer = decide(a_policy(**policy), some_facts(**facts))
    found = gate(answer, name)
    assert found.passed == passes
    assert found.value
    assert found.limit
    if not passes:
        assert not answer.accepted
    elif all(one.passed for one in answer.gates):
        assert answer.accepted == (answer.cap.units > 0)


def test_every_gate_is_reported_even_when_the_first_has_failed():
    answer = decide(a_policy(backorder=BackorderKind.NEVER))
    assert len(answer.gates) == 15
    assert [one.name for one in answer.gates if not one.passed] == ["policy"]


@pytest.mark.parametrize(("days", "accepted"), [(29, True), (30, True), (31, False)])
def test_nothing_is_promised_more_than_thirty_days_ahead(days, accepted):
    answer = decide(facts=some_facts(an_expected_lot(ready_in=days, chances={days: 0.99})))
    assert answer.accepted == accepted
    assert gate(answer, "promise_horizon").passed == accepted


def test_without_spare_inbound_there_is_no_promise_at_all():
    answer = decide(facts=some_facts(assigned={"PO-1/1": 100}))
    assert not answer.accepted
    assert answer.promise_on is None
    assert answer.cap is None
    assert gate(answer, "promise_horizon").value == "no date"


# --- the promise ---------------------------------------------------------------------------------


def test_the_first_lot_with_units_to_spare_carries_the_promise():
    lots = (
        an_expected_lot("A", 10, ready_in=3, chances={3: 0.99}),
        an_expected_lot("B", 10, ready_in=9, chances=SURE),
    )
    assert decide(facts=some_facts(*lots)).promise_on == on_day(3)
    assert decide(facts=some_facts(*lots, assigned={"A/1": 10})).promise_on == on_day(9)


def test_when_the_first_lot_is_as_good_as_sold_the_next_one_carries_the_promise():
    lots = (
        an_expected_lot("A", 10, ready_in=3, chances={3: 0.99}),
        an_expected_lot("B", 90, ready_in=9, chances=SURE),
    )
    answer = decide(facts=some_facts(*lots, assigned={"A/1": 8}))
    assert answer.promise_on == on_day(9)
    assert answer.cap.units == 72
    shown = decide(facts=some_facts(*lots, assigned={"A/1": 8}), shown=on_day(4))
    assert shown.promise_on == on_day(9)


def test_a_promise_needs_a_unit_for_the_account_that_shows_it():
    lots = (
        an_expected_lot("A", 2, ready_in=3, chances={3: 0.99}),
        an_expected_lot("B", 9, ready_in=9, chances=SURE),
    )

    def shared(whole):
        return decide(facts=some_facts(*lots, portion=Portion(whole=whole)))

    assert shared(1).promise_on == on_day(3)
    assert shared(2).promise_on == on_day(9)
    assert not shared(9).accepted


def test_a_date_that_is_not_sure_enough_moves_to_the_day_that_is():
    lot = an_expected_lot(ready_in=3, chances={3: 0.9, 5: 0.93, 8: 0.97, 45: 0.99})
    answer = decide(facts=some_facts(lot))
    assert (answer.accepted, answer.promise_on) == (True, on_day(8))
    assert decide(facts=some_facts(lot), shown=on_day(5)).promise_on == on_day(8)
    assert decide(facts=some_facts(lot), shown=on_day(12)).promise_on == on_day(12)


def test_no_day_beyond_the_horizon_is_searched():
    lot = an_expected_lot(ready_in=3, chances={3: 0.9, 31: 0.99})
    answer = decide(facts=some_facts(lot))
    assert (answer.accepted, answer.promise_on, answer.cap.binding) == (False, on_day(3), "late_risk")


def test_a_closed_gate_keeps_the_first_day_for_an_answer():
    lot = an_expected_lot(ready_in=3, chances={3: 0.9, 8: 0.97})
    answer = decide(a_policy(backorder=BackorderKind.NEVER), some_facts(lot))
    assert (answer.accepted, answer.promise_on) == (False, on_day(3))


def test_when_no_lot_leaves_a_unit_the_first_one_explains_why():
    lots = (
        an_expected_lot("A", 1, ready_in=3, chances={3: 0.99}),
        an_expected_lot("B", 1, ready_in=9, chances=SURE),
    )
    answer = decide(a_policy(inbound_share=0.4), some_facts(*lots))
    assert (answer.accepted, answer.promise_on, answer.cap.binding) == (False, on_day(3), "inbound_share")


def test_a_promise_already_shown_is_kept():
    answer = decide(shown=on_day(12))
    assert answer.promise_on == on_day(12)
    assert answer.accepted


def test_an_overdue_lot_is_promised_for_tomorrow_at_the_earliest():
    facts = some_facts(an_expected_lot(ready_in=-3, chances={-3: 0.99}))
    assert first_spare_day(a_policy(), facts, a_calendar()) == on_day(1)


def test_a_promise_is_a_ship_day():
    facts = some_facts(an_expected_lot(ready_in=5))
    assert first_spare_day(a_policy(), facts, ShipCalendar()) == on_day(7)


def test_a_preorder_never_ships_before_its_release():
    facts = some_facts(**released(20))
    assert first_spare_day(a_policy(**PREORDER), facts, a_calendar()) == on_day(20)
    assert first_spare_day(a_policy(), facts, a_calendar()) == on_day(7)
    assert first_spare_day(a_policy(**PREORDER), some_facts(**released(None)), a_calendar()) == on_day(7)


# --- the caps ------------------------------------------------------------------------------------

RISKY = an_expected_lot("B", 50, ready_in=7, chances={7: 0.6})
OFTEN_GONE = ReceivedLaw(steps=((0, 0.2), (100, 0.8)))
NO_ROOM = {"headroom": Headroom()}
EIGHT_LIMITS = (
    "inbound_share",
    "late_risk",
    "headroom",
    "max_cash",
    "profit",
    "max_units",
    "unproven_units",
    "max_listed",
)
TWO_LOTS = {"inbound": InboundView(expected=(an_expected_lot(chances=SURE), RISKY), doubtful=())}


@pytest.mark.parametrize(
    ("policy", "facts", "binding", "units"),
    [
        ({}, {}, "inbound_share", 80),
        ({"inbound_share": 1.0, "late_risk": 0.05}, TWO_LOTS, "late_risk", 100),
        ({"inbound_share": 1.0, "late_risk": 0.005}, {}, "late_risk", 0),
        ({"inbound_share": 1.0, "late_risk": 0.5, "account_risk": 0.0}, {}, "headroom", 5),
        ({"inbound_share": 1.0, "late_risk": 0.5, "account_risk": 0.0}, NO_ROOM, "headroom", 0),
        ({"inbound_share": 1.0, "account_risk": 0.005}, {}, "headroom", 5),
        ({"inbound_share": 1.0, "account_risk": 0.011}, {}, "inbound_share", 100),
        ({"account_risk": 0.0}, {"budget": LateBudget(spare_orders=5).after({2: 1.0})}, "headroom", 3),
        ({"account_risk": 0.0}, {"budget": LateBudget(spare_orders=5).after({6: 0.1})}, "headroom", 0),
        (
            {"account_risk": 0.01},
            {"budget": LateBudget(spare_orders=5, chances=(0.9,))},
            "headroom",
            0,
        ),
        ({"account_risk": 0.0}, {"waiting_orders": 2, "assigned": {"PO-1/1": 9}}, "headroom", 3),
        ({"account_risk": 1.0}, {}, "inbound_share", 80),
        ({}, {"portion": Portion(part=3, whole=5)}, "inbound_share", 48),
        ({}, {"portion": Portion(reserve_units=70)}, "inbound_share", 10),
        ({"max_units": 7}, {"portion": Portion(whole=2)}, "max_units", 3),
        ({"max_listed": 4}, {"portion": Portion(whole=2)}, "max_listed", 4),
        ({}, {"received": {SUPPLIER: ReceivedLaw(steps=((50, 1.0),))}}, "inbound_share", 40),
        (
            {"late_risk": 0.1},
            {"received": {SUPPLIER: ReceivedLaw(steps=((0, 0.2), (100, 0.8)))}},
            "late_risk",
            0,
        ),
        ({}, {"entry": an_entry(max_listed=3)}, "max_listed", 3),
        ({"max_listed": 4}, {}, "max_listed", 4),
        ({"max_units": 7}, {}, "max_units", 7),
        ({"max_units": 7}, {"assigned": {"PO-1/1": 3}}, "max_units", 4),
        ({"max_cash_minor": 12_999}, {}, "max_cash", 12),
        ({"max_cash_minor": 12_999}, {"assigned": {"PO-1/1": 3}}, "max_cash", 9),
        ({"max_cash_minor": 12_999}, {"entry": an_entry()}, "max_cash", 0),
        ({"late_order_cost_minor": 100_000}, {}, "profit", 0),
        ({"late_order_cost_minor": 10_000}, {}, "inbound_share", 80),
        ({}, {"assigned": {"PO-1/1": 30}}, "inbound_share", 50),
        ({}, {"owed_units": 30}, "inbound_share", 50),
        ({"max_units": 5}, {"owed_units": 9}, "max_units", 0),
    ],
)
def test_the_smallest_cap_binds_and_is_named(policy, facts, binding, units):
    cap = decide(a_policy(**policy), some_facts(**facts)).cap
    assert (cap.binding, cap.units) == (binding, units)
    assert cap.limits[binding] == min(cap.limits.values()) == units
    assert [one.name for one in cap.details] == list(EIGHT_LIMITS)
    assert {one.name: one.units for one in cap.details if one.units is not None} == cap.limits
    for one in cap.details:
        assert (one.rule == "off") == (one.units is None)
        assert one.passed == (one.units is None or one.units > 0)


@pytest.mark.parametrize(
    ("entry", "cost", "units"),
    [
        (an_entry(price_minor=1000, unit_cost_minor=600), 550, 150),  # 550 / (400 + 550) = 58 %
        (an_entry(price_minor=1000, unit_cost_minor=600), 600, 100),  # 60 %, and both lots come with 59 %
        (an_entry(price_minor=1000, unit_cost_minor=0), 1400, 150),  # a gift: all of the price is margin
        (an_entry(price_minor=1000), 500, 0),  # an unknown cost earns nothing for sure
        (an_entry(), 0, 0),
        (an_entry(price_minor=1000, unit_cost_minor=1200), 1, 0),
        (an_entry(price_minor=1000, unit_cost_minor=600), 0, 150),
    ],
)
def test_a_unit_is_worth_selling_when_its_margin_outweighs_the_chance_of_being_late(entry, cost, units):
    facts = some_facts(an_expected_lot(chances={7: 0.99}), RISKY, entry=entry)
    policy = a_policy(late_order_cost_minor=cost, late_risk=0.5, account_risk=0.5)
    assert decide(policy, facts).cap.limits["profit"] == units


LOTS = expected_lots()


def test_a_scarce_late_budget_asks_for_surer_units():
    facts = some_facts(an_expected_lot(chances={7: 0.99}), RISKY)
    policy = a_policy(late_order_cost_minor=550, late_risk=0.5, account_risk=0.5)
    dear = dataclasses.replace(facts, budget_price_minor=60)  # (550 + 60) / (400 + 550 + 60) = 60 %
    limits = {one.name: one for one in decide(policy, dear).cap.details}
    assert limits["profit"].units == 100
    assert limits["profit"].rule.endswith("costs 5.50 and 0.60 of the account's late budget")
    assert decide(policy, facts).cap.limits["profit"] == 150


ALL_CAPS = {"max_cash_minor": 20_000, "max_units": 25, "late_order_cost_minor": 300}
SHARES = st.sampled_from((0.0, 0.01, 0.05, 0.2, 0.5, 1.0))
MONOTONE = settings(max_examples=500, deadline=None)


def caps(lots, policy=None, **changes):
    fields = {"headroom": Headroom(late_orders=2, cancelled_orders=3)}
    policy = policy or a_policy(**ALL_CAPS, late_risk=0.2, account_risk=0.1)
    facts = some_facts(*lots, **(fields | changes))
    exposure = expose(facts, on_day(15), a_calendar())
    return cap_units(policy, facts, on_day(15), exposure).limits


def no_higher(limits, others):
    assert limits.keys() == others.keys()
    return all(units <= others[name] for name, units in limits.items())


@MONOTONE
@given(LOTS, st.integers(0, 5), st.integers(0, 5), st.integers(1, 20), st.floats(0.05, 0.999), SHARES)
def test_more_inbound_never_lowers_a_cap(lots, taken, waiting, units, chance, risk):
    policy = a_policy(**ALL_CAPS, late_risk=risk, account_risk=risk)
    used = {"assigned": {lots[0].lot_id: taken}, "waiting_orders": waiting}
    extra = an_expected_lot("PO-X", units, ready_in=15, chances={15: chance})
    richer = tuple(sorted((*lots, extra), key=lambda lot: (lot.ready_on, lot.lot_id)))
    before = caps(lots, policy, **used)
    assert no_higher(before, caps(richer, policy, **used))
    assert min(before.values()) >= 0


@MONOTONE
@given(LOTS, st.integers(0, 5), st.integers(1, 5))
def test_more_units_sold_already_never_raise_a_cap(lots, taken, more):
    assert no_higher(
        caps(lots, assigned={lots[0].lot_id: taken + more}), caps(lots, assigned={lots[0].lot_id: taken})
    )


@MONOTONE
@given(LOTS, SHARES, SHARES, st.sampled_from(("late_risk", "account_risk")))
def test_asking_for_more_certainty_never_raises_a_cap(lots, one, other, name):
    strict, lax = (a_policy(**(ALL_CAPS | {name: risk})) for risk in sorted((one, other)))
    assert no_higher(caps(lots, strict), caps(lots, lax))


@MONOTONE
@given(LOTS, st.integers(0, 9))
def test_a_later_ready_day_at_higher_confidence_never_raises_a_cap(lots, days):
    later = tuple(
        dataclasses.replace(lot, ready_on=on_day((lot.ready_on - TODAY).days + days)) for lot in lots
    )
    assert no_higher(caps(later), caps(lots))


@MONOTONE
@given(LOTS, st.integers(0, 30), st.integers(0, 30), SHARES)
def test_more_headroom_never_lowers_a_cap(lots, orders, more, risk):
    policy = a_policy(**ALL_CAPS, late_risk=risk, account_risk=risk)

    def with_room(spare):
        return caps(lots, policy, headroom=Headroom(late_orders=spare, cancelled_orders=spare))

    assert no_higher(with_room(orders), with_room(orders + more))


@MONOTONE
@given(LOTS, st.integers(0, 5000), st.integers(0, 5000))
def test_a_dearer_late_budget_never_raises_a_cap(lots, price, more):
    assert no_higher(caps(lots, budget_price_minor=price + more), caps(lots, budget_price_minor=price))


SHUT = {
    "supplier_receipts": {"min_receipts": 99},
    "slip_spread": {"max_slip_spread_days": 1},
    "supplier_on_time": {"min_supplier_on_time": 1.0},
    "demand_variation": {"max_demand_cv": 0.1},
    "margin": {"min_margin": 1.0},
    "cancel_rate": {"max_cancel_rate": 0.0001},
    "category": {"excluded_categories": frozenset({"home"})},
    "policy": {"backorder": BackorderKind.NEVER},
}


@MONOTONE
@given(st.sets(st.sampled_from(sorted(SHUT))), st.sampled_from(sorted(SHUT)), st.booleans())
def test_no_gate_depends_on_what_became_of_another(shut, name, prime):
    facts = some_facts(
        supplier=SupplierRecord(slips=(0,) * 15 + (9,) * 5),
        entry=an_entry(category="home", prime_template=prime),
    )

    def judged(names):
        limits = {key: value for one in names for key, value in SHUT[one].items()}
        return {one.name: one for one in decide(a_policy(**limits), facts).gates}

    without, with_it = judged(shut - {name}), judged(shut | {name})
    assert {key for key in without if without[key] != with_it[key]} == {name}
    assert (without[name].passed, with_it[name].passed) == (True, False)


def test_the_tighter_of_late_and_cancelled_orders_is_the_room_left():
    assert Headroom(late_orders=3, cancelled_orders=1).orders == 1
    assert Headroom(late_orders=-1, cancelled_orders=1).orders == 0


def test_margin_is_known_only_with_price_and_cost():
    assert some_facts().margin == 0.4
    assert some_facts(entry=an_entry(SKU, price_minor=0, unit_cost_minor=1)).margin is None
    assert some_facts(entry=an_entry(SKU, price_minor=9)).margin is None
