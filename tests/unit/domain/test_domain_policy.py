"""May a SKU be sold ahead, and how many? Every gate passing and failing, every cap binding."""

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.leadtime import DoubtfulLot, InboundView, SupplierRecord
from fbm_sync.domain.policy import (
    BackorderKind,
    DemandRecord,
    Headroom,
    SellAheadFacts,
    _cap,
    arrival_odds,
    decide_sell_ahead,
    first_spare_day,
    sure_units,
)

from builders import SKU, TODAY, a_calendar, a_lot, a_policy, an_entry, an_expected_lot, on_day

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
        ("headroom", {}, {"headroom": Headroom(breached=("LSR", "CR"))}, False),
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
    assert len(answer.gates) == 13
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


def test_a_promise_needs_a_unit_for_each_account_that_shares_the_stock():
    lots = (
        an_expected_lot("A", 2, ready_in=3, chances={3: 0.99}),
        an_expected_lot("B", 9, ready_in=9, chances=SURE),
    )
    assert decide(facts=some_facts(*lots), sharers=1).promise_on == on_day(3)
    assert decide(facts=some_facts(*lots), sharers=2).promise_on == on_day(9)
    assert not decide(facts=some_facts(*lots), sharers=9).accepted


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
NO_ROOM = {"headroom": Headroom()}
TWO_LOTS = {"inbound": InboundView(expected=(an_expected_lot(chances=SURE), RISKY), doubtful=())}


@pytest.mark.parametrize(
    ("policy", "facts", "binding", "units"),
    [
        ({}, {}, "inbound_share", 80),
        ({"inbound_share": 1.0, "late_risk": 0.05}, TWO_LOTS, "late_risk", 100),
        ({"inbound_share": 1.0, "late_risk": 0.005}, {}, "late_risk", 0),
        ({"inbound_share": 1.0, "late_risk": 0.5, "account_risk": 0.0}, {}, "headroom", 5),
        ({"inbound_share": 1.0, "late_risk": 0.5, "account_risk": 0.0}, NO_ROOM, "headroom", 0),
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


LOTS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.floats(0.05, 0.999)), min_size=1, max_size=5
).map(
    lambda drawn: tuple(
        sorted(
            (
                an_expected_lot(
                    f"PO-{number}", units, ready_in=day, chances={day - 1: chance / 2, day: chance}
                )
                for number, (units, day, chance) in enumerate(drawn)
            ),
            key=lambda lot: (lot.ready_on, lot.lot_id),
        )
    )
)


def by_enumeration(lots, on):
    """Each combination of lots in time or late, with its probability."""
    odds = {}
    for arrived in itertools.product((False, True), repeat=len(lots)):
        units, weight = 0, 1.0
        for lot, here in zip(lots, arrived, strict=True):
            chance = lot.probability_ready_by(on, a_calendar())
            weight *= chance if here else 1 - chance
            units += lot.units if here else 0
        odds[units] = odds.get(units, 0.0) + weight
    return odds


@settings(max_examples=100, deadline=None)
@given(LOTS, st.integers(0, 22), st.sampled_from((0.0, 0.3, 0.5, 0.9, 0.95, 1.0)))
def test_the_odds_of_arrival_are_those_of_every_combination_of_lots(lots, day, confidence):
    odds, expected = arrival_odds(lots, on_day(day), a_calendar()), by_enumeration(lots, on_day(day))
    assert sum(odds.values()) == pytest.approx(1)
    for units, weight in expected.items():
        assert odds.get(units, 0.0) == pytest.approx(weight)

    def chance_of(at_least):
        return sum(weight for units, weight in expected.items() if units >= at_least)

    found = sure_units(odds, confidence)
    assert found == 0 or chance_of(found) >= confidence - 1e-9
    assert all(chance_of(more) < confidence + 1e-9 for more in odds if more > found)


def test_more_than_sixteen_lots_never_overstate_what_is_sure():
    lots = [an_expected_lot(f"PO-{number:02}", 1, chances={7: 0.999}) for number in range(20)]
    assert max(arrival_odds(lots, on_day(7), a_calendar())) == 16


def test_nothing_is_sure_beyond_what_can_happen():
    assert sure_units({0: 0.2, 5: 0.3}, 0.9) == 0


CAP_POLICY = a_policy(
    max_cash_minor=20_000, max_units=25, late_order_cost_minor=300, late_risk=0.2, account_risk=0.1
)


@settings(max_examples=100, deadline=None)
@given(LOTS, st.integers(0, 5), st.integers(1, 5), st.integers(1, 20), st.floats(0.05, 0.999))
def test_more_inbound_never_lowers_a_cap_and_more_sold_never_raises_one(lots, taken, more, units, chance):
    def caps(some_lots, used):
        facts = some_facts(
            *some_lots, assigned={lots[0].lot_id: used}, headroom=Headroom(late_orders=2, cancelled_orders=3)
        )
        return _cap(CAP_POLICY, facts, on_day(15), a_calendar()).limits

    before = caps(lots, taken)
    extra = an_expected_lot("PO-X", units, ready_in=15, chances={15: chance})
    richer = tuple(sorted((*lots, extra), key=lambda lot: (lot.ready_on, lot.lot_id)))
    assert all(caps(richer, taken)[name] >= limit for name, limit in before.items())
    assert all(caps(lots, taken + more)[name] <= limit for name, limit in before.items())
    assert min(before.values()) >= 0


def test_the_tighter_of_late_and_cancelled_orders_is_the_room_left():
    assert Headroom(late_orders=3, cancelled_orders=1).orders == 1
    assert Headroom(late_orders=-1, cancelled_orders=1).orders == 0


def test_margin_is_known_only_with_price_and_cost():
    assert some_facts().margin == 0.4
    assert some_facts(entry=an_entry(SKU, price_minor=0, unit_cost_minor=1)).margin is None
    assert some_facts(entry=an_entry(SKU, price_minor=9)).margin is None
