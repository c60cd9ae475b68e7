"""How many inbound units will be there: lots pooled, short deliveries and no-shows included."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.arrivals import (
    WHOLE,
    ReceivedLaw,
    arrival_odds,
    chance_of,
    received_law,
    received_shares,
    sure_units,
)
from fbm_sync.domain.order import Sku
from fbm_sync.domain.supply import Leg, LotStatus

from builders import SUPPLIER, a_calendar, a_lot, a_receipt, an_expected_lot, expected_lots, on_day

PROPERTY = settings(max_examples=500, deadline=None)
LAWS = st.sampled_from(
    (WHOLE, ReceivedLaw(steps=((0, 0.1), (100, 0.9))), ReceivedLaw(steps=((0, 0.05), (50, 0.2), (95, 0.75))))
)


def by_enumeration(lots, on, law):
    """Each combination of what the lots bring, with its probability."""
    odds = {}
    outcomes = [(False, 1.0, 0)] + [(True, chance, percent) for percent, chance in law.steps]
    for brought in itertools.product(outcomes, repeat=len(lots)):
        units, weight = 0, 1.0
        for lot, (here, share, percent) in zip(lots, brought, strict=True):
            chance = lot.probability_ready_by(on, a_calendar())
            weight *= chance * share if here else 1 - chance
            units += lot.units * percent // 100 if here else 0
        odds[units] = odds.get(units, 0.0) + weight
    return odds


@PROPERTY
@given(expected_lots(3), st.integers(0, 22), LAWS, st.sampled_from((0.0, 0.3, 0.5, 0.9, 0.95, 1.0)))
def test_the_odds_of_arrival_are_those_of_every_combination_of_lots(lots, day, law, confidence):
    odds = arrival_odds(lots, on_day(day), a_calendar(), {SUPPLIER: law})
    expected = by_enumeration(lots, on_day(day), law)
    assert sum(odds.values()) == pytest.approx(1)
    for units, weight in expected.items():
        assert odds.get(units, 0.0) == pytest.approx(weight)

    def expected_chance(at_least):
        return sum(weight for units, weight in expected.items() if units >= at_least)

    found = sure_units(odds, confidence)
    assert found == 0 or expected_chance(found) >= confidence - 1e-9
    assert all(expected_chance(more) < confidence + 1e-9 for more in odds if more > found)
    assert chance_of(odds, found) == pytest.approx(expected_chance(found))


def test_without_experience_of_a_supplier_its_lots_come_whole():
    odds = arrival_odds([an_expected_lot(chances={7: 1.0})], on_day(7), a_calendar())
    assert odds[100] == 1


def test_however_many_lots_there_are_each_counts():
    lots = [an_expected_lot(f"PO-{number:02}", 1, chances={7: 0.999}) for number in range(40)]
    assert max(arrival_odds(lots, on_day(7), a_calendar())) == 40


def test_large_numbers_are_rounded_down_but_hardly():
    lots = [an_expected_lot(f"PO-{n:02}", 100_003 + 7 * n, chances={7: 0.99}) for n in range(25)]
    odds = arrival_odds(lots, on_day(7), a_calendar())
    total = sum(lot.units for lot in lots)
    assert len(odds) < 10_000
    assert 0.97 * total < max(odds) <= total


@PROPERTY
@given(st.integers(0, 2**32))
def test_rounding_large_numbers_never_makes_any_of_them_surer(seed):
    rng = random.Random(seed)
    lots = [
        an_expected_lot(f"PO-{number}", rng.randint(1, rng.choice((9, 2000, 60_000))), chances={7: 0.7})
        for number in range(rng.randint(1, 5))
    ]
    odds, exact = arrival_odds(lots, on_day(7), a_calendar()), by_enumeration(lots, on_day(7), WHOLE)
    for level in {*odds, *exact}:
        assert chance_of(odds, level) <= chance_of(exact, level) + 1e-9


@PROPERTY
@given(st.integers(0, 2**32))
def test_a_lot_more_never_makes_any_number_of_units_less_sure(seed):
    rng = random.Random(seed)
    sizes = [rng.randint(1, rng.choice((9, 60_000))) for _ in range(rng.randint(2, 5))]
    richer = [an_expected_lot(f"PO-{number}", one, chances={7: 0.7}) for number, one in enumerate(sizes)]
    lots = list(richer)
    lots.pop(rng.randrange(len(lots)))
    before, after = (arrival_odds(some, on_day(7), a_calendar()) for some in (lots, richer))
    assert all(chance_of(after, level) >= chance_of(before, level) - 1e-9 for level in before)


def test_nothing_is_sure_beyond_what_can_happen():
    assert sure_units({0: 0.2, 5: 0.3}, 0.9) == 0


# --- short deliveries and no-shows ---------------------------------------------------------------


def closed(quantity=100, received=0, status=LotStatus.RECEIVED, **changes):
    return a_lot(quantity=quantity, received_units=received, status=status, **changes)


@pytest.mark.parametrize(
    ("lot", "shares"),
    [
        (closed(received=100), (100,)),
        (closed(received=98), (95,)),
        (closed(received=130), (100,)),
        (closed(received=3), (0,)),
        (closed(), ()),  # nobody wrote down how many came
        (closed(status=LotStatus.CANCELLED), (0,)),
        (closed(status=LotStatus.CANCELLED, received=60), (60,)),
        (closed(status=LotStatus.CANCELLED, promised_on=None), ()),  # never confirmed: our own change of mind
        (closed(status=LotStatus.CONFIRMED, received=60), ()),  # the rest may still come
        (closed(quantity=0, received=1), ()),
    ],
)
def test_a_closed_lot_tells_what_part_of_it_came(lot, shares):
    assert received_shares([lot], []).get(SUPPLIER, ()) == shares


def test_what_came_may_stand_in_the_receipts():
    receipts = [
        a_receipt(po_id="PO-1", sku=Sku("CUP-BLUE"), quantity=40),
        a_receipt(po_id="PO-1", sku=Sku("CUP-BLUE"), quantity=25),
        a_receipt(po_id="PO-1", sku=Sku("OTHER"), quantity=99),
    ]
    assert received_shares([closed()], receipts) == {SUPPLIER: (65,)}


def test_the_end_of_a_leg_brings_no_units():
    ship = Leg(name="Ocean", planned_end_on=on_day(3))
    receipts = [
        a_receipt(po_id="PO-1", sku=Sku("CUP-BLUE"), quantity=100, lane="ocean"),
        a_receipt(po_id="PO-1", sku=Sku("CUP-BLUE"), quantity=40, lane="sea"),
    ]
    assert received_shares([closed(), a_lot("PO-2", legs=(ship,))], receipts) == {SUPPLIER: (40,)}
    others = a_lot("PO-2", legs=(ship,), supplier="Bolt")
    assert received_shares([closed(), others], receipts) == {SUPPLIER: (100,)}, "only its own lots tell"


def test_each_supplier_has_its_own_past():
    lots = [closed(received=50), closed(10, 10, supplier="Bolt"), closed(received=20)]
    assert received_shares(lots, []) == {SUPPLIER: (20, 50), "Bolt": (100,)}


def test_what_is_assumed_weighs_as_much_as_ten_lots():
    law = received_law((0, 50, 100, 100), short_share=0.1, no_show_share=0.2)
    assert law.lots == 4
    assert dict(law.steps) == pytest.approx({0: 3 / 14, 50: 1 / 14, 90: 8 / 14, 100: 2 / 14})
    assert law.mean_share == pytest.approx((50 + 90 * 8 + 200) / 1400)


def test_without_a_past_and_without_an_assumption_everything_comes():
    assert received_law((), short_share=0.0, no_show_share=0.0) == WHOLE


@PROPERTY
@given(st.integers(0, 2**32), st.sampled_from((0.0, 0.03, 1.0)), st.sampled_from((0.0, 0.03, 1.0)))
def test_what_part_of_a_lot_comes_is_a_proper_law(seed, short, no_show):
    rng = random.Random(seed)
    shares = sorted(rng.choices(range(0, 101, 5), k=rng.randint(0, 20)))
    law = received_law(tuple(shares), short_share=short, no_show_share=no_show)
    assert sum(chance for _, chance in law.steps) == pytest.approx(1)
    assert [percent for percent, _ in law.steps] == sorted({percent for percent, _ in law.steps})
    assert all(0 <= percent <= 100 and chance > 0 for percent, chance in law.steps)
    assert 0 <= law.mean_share <= 1 + 1e-9
