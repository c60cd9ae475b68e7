"""The law of a delay: what holds for every history, however few or odd the receipts are."""

import math
import random
import statistics
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.delay import (
    Evidence,
    Experience,
    ForecastMethod,
    beyond_experience,
    default_law,
    law_of,
    sum_of,
)
from fbm_sync.domain.history import learn
from fbm_sync.domain.leadtime import forecast_arrival
from fbm_sync.domain.shrinkage import LEAD_TIMES, SLIPS, Sample, population, weigh
from fbm_sync.domain.student import student_quantile
from fbm_sync.domain.supply import Leg, LotStatus

from builders import TODAY, a_calendar, a_lot, a_receipt, arrival_terms, on_day, some_receipts


def some_slips(seed, size):
    """Mostly on time, sometimes a little off, now and then by months: what real slips look like."""
    rng = random.Random(seed)
    return tuple(rng.choice((0, rng.randint(-4, 6), rng.randint(-90, 120))) for _ in range(size))


def pasts_of(least, most):
    """Drawn by seed and size: that is many times as quick as a slip at a time."""
    return st.builds(some_slips, st.integers(0, 2**32), st.integers(least, most))


pasts = pasts_of(0, 30)
confidences = st.floats(0.01, 0.999)
half_lives = st.sampled_from((0, 1, 5, 20, 100))


def a_law(own=(), others=(), half_life=0, on_lane=(), scale=SLIPS):
    """The law of a supplier's next delay; two receipts of a third one make sure that there is a law."""
    known = {"Acme": own, "Bolt": others, "Cobb": (1, 2)}
    return Experience(known, scale, half_life).law("Acme", "ocean", on_lane)


laws = st.builds(a_law, pasts, pasts, half_lives)


def at_the_latest(law, confidence, age=-1000):
    return law.day_at(confidence, since=age)


@settings(max_examples=500, deadline=None)
@given(laws)
def test_a_law_rises_to_certainty(law):
    assert list(law.days) == sorted(set(law.days))
    assert list(law.chances) == sorted(law.chances)
    assert law.chances[0] > 0
    assert law.chances[-1] == 1.0
    assert law.days[-1] <= SLIPS.longest_days


@settings(max_examples=500, deadline=None)
@given(laws, st.integers(-100, 364), confidences, confidences)
def test_neither_being_surer_nor_not_having_come_ever_makes_it_earlier(law, age, one, other):
    if law.is_over(age):
        return
    low, high = sorted((one, other))
    assert age <= at_the_latest(law, low, age) <= at_the_latest(law, high, age)
    for confidence in (low, high):
        assert at_the_latest(law, confidence, age) >= at_the_latest(law, confidence)
        assert law.chance_by(at_the_latest(law, confidence, age), since=age) >= confidence - 1e-9


@settings(max_examples=500, deadline=None)
@given(pasts, pasts, half_lives, st.integers(-20, 60), confidences)
def test_a_lot_that_has_not_come_by_tomorrow_is_never_promised_earlier_than_today(
    own, others, half_life, overdue, confidence
):
    history = learn((*some_receipts(slips=own), *some_receipts("Bolt", others)))
    terms = arrival_terms(confidence=confidence, half_life_receipts=half_life)
    lot = a_lot(promised_on=on_day(-overdue))
    today, tomorrow = (forecast_arrival(lot, history, terms, on_day(later)) for later in (0, 1))
    assert TODAY <= today.arrives_by <= tomorrow.arrives_by


@settings(max_examples=500, deadline=None)
@given(pasts_of(1, 60), pasts, confidences)
def test_while_all_receipts_weigh_alike_it_is_the_classical_order_statistic(own, others, confidence):
    rank = math.ceil((len(own) + 1) * confidence - 1e-9)
    day = at_the_latest(a_law(own, others), confidence)
    if rank <= len(own):
        assert day == sorted(own)[rank - 1]
    else:
        assert day >= max(own)


@settings(max_examples=500, deadline=None)
@given(pasts, pasts, pasts, st.integers(-100, 100), confidences, st.integers(0, 60), st.booleans())
def test_a_receipt_that_came_after_the_promise_never_makes_the_next_one_earlier(
    lane, elsewhere, others, age, confidence, later, on_this_lane
):
    law = a_law((*lane, *elsewhere), others, on_lane=lane)
    if law.is_over(age):
        return
    before = _with_default(law, age).day_at(confidence, since=age)
    slip = min(SLIPS.longest_days, before + later)
    lane = (*lane, slip) if on_this_lane else lane
    elsewhere = elsewhere if on_this_lane else (*elsewhere, slip)
    after = _with_default(a_law((*lane, *elsewhere), others, on_lane=lane), age)
    assert after.day_at(confidence, since=age) >= before


def _with_default(law, age):
    return beyond_experience(law, age + 7, since=age) if age > law.worst_seen else law


@settings(max_examples=200, deadline=None)
@given(pasts, pasts, pasts, half_lives, confidences)
def test_less_knowledge_is_never_bolder_than_the_worst_the_closer_source_has_seen(
    lane, elsewhere, others, half_life, confidence
):
    law = a_law((*lane, *elsewhere), others, half_life, on_lane=lane)
    evidence = law.evidence_for(confidence, since=-1000)
    if evidence.method is ForecastMethod.SUPPLIER and lane:
        assert at_the_latest(law, confidence) >= max(lane)
    if evidence.method is ForecastMethod.SHRUNK:
        assert at_the_latest(law, confidence) >= max((*lane, *elsewhere))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 1095), max_size=20), st.lists(st.integers(1, 1095), max_size=20), confidences)
def test_a_lead_time_is_never_nothing(own, others, confidence):
    law = a_law(own, others, scale=LEAD_TIMES)
    assert 1 <= at_the_latest(law, confidence) <= LEAD_TIMES.longest_days


# --- shrinkage -----------------------------------------------------------------------------------


def everyone(*pasts, half_life=0, scale=SLIPS):
    return population([weigh(past, half_life) for past in pasts], scale)


def test_one_supplier_alone_is_a_normal_sample_of_unknown_spread():
    days = (10, 12, 15, 11, 20)
    law = everyone(days, scale=LEAD_TIMES).predict(weigh(days, 0))
    logs = [math.log(day) for day in days]
    spread = statistics.stdev(logs) * math.sqrt(1 + 1 / 5)
    assert law.mean == pytest.approx(statistics.fmean(logs))
    assert law.spread == pytest.approx(spread)
    assert law.degrees == pytest.approx(4)
    expected = math.exp(statistics.fmean(logs) + spread * student_quantile(0.9, 4))
    assert law.day_at(0.9) == math.ceil(expected)


def test_suppliers_that_differ_no_more_than_by_chance_are_one_population():
    pool = everyone((0, 1, 2, 3), (3, 2, 1, 0))
    assert pool.between == 0
    assert pool.predict(weigh((0, 1), 0)) == pool.predict(Sample())


def test_suppliers_that_differ_are_believed_the_more_the_more_they_have_shown():
    fast, slow = (10, 11, 10, 9, 10, 11), (60, 62, 58, 61, 59, 60)
    pool = everyone(fast, slow, (30, 31, 29), scale=LEAD_TIMES)
    assert pool.between > 0
    new, once, often = (pool.predict(weigh(past, 0)) for past in ((), (60,), slow))
    assert new.mean < once.mean < often.mean
    assert new.spread > once.spread > often.spread
    assert new.day_at(0.95) > 62, "a new supplier may be like the slowest"


def test_no_spread_is_believed_to_be_smaller_than_a_day():
    law = everyone((0, 0), (0, 0, 0)).predict(weigh((0, 0), 0))
    assert law.spread > 0
    assert law.day_at(0.95) == 1


def test_without_two_receipts_no_spread_is_known():
    assert everyone() is None
    assert everyone((), (3,)) is None
    assert everyone((1,), (3,)).within > 0


def test_a_receipt_a_half_life_old_weighs_half():
    sample = weigh((5, 6, 7), 1)
    assert sample.weights == (0.25, 0.5, 1.0)
    assert sample.effective_receipts == 1.75


@pytest.mark.parametrize(("half_life", "reach"), [(20, 0.967), (50, 0.986), (100, 0.993)])
def test_how_sure_the_own_past_can_be_depends_on_how_fast_it_fades(half_life, reach):
    own = a_law([0] * 2000, half_life=half_life).evidence[0]
    assert own.method is ForecastMethod.SUPPLIER
    assert own.reach == pytest.approx(reach, abs=5e-4)


def test_a_tail_that_would_take_for_ever_ends_where_a_date_is_a_mistake():
    law = a_law((-300, 300), (200, -250, 100))
    assert law.days[-1] == SLIPS.longest_days


def test_without_experience_it_is_even_that_the_supplier_keeps_its_word():
    law = default_law(0, 7, 0.95)
    assert [law.chance_by(day, since=0) for day in (-1, 0, 6, 7)] == [0, 0.5, 0.5, 0.95]
    assert law.day_at(0.95, since=0) == 7
    assert default_law(3, 3, 0.95).days == (3,)


# --- legs ----------------------------------------------------------------------------------------

WAY = (
    Leg(name="factory", planned_end_on=on_day(-10)),
    Leg(name="ocean", planned_end_on=on_day(10)),
    Leg(name="customs", planned_end_on=on_day(14)),
    Leg(name="road", planned_end_on=on_day(17)),
)


def leg_receipts(leg, slips, supplier="Acme"):
    return some_receipts(supplier, slips, lane=leg)


def by_legs(status=LotStatus.IN_TRANSIT, legs=WAY, confidence=0.9, today=TODAY, **slips_of_legs):
    lot = a_lot(legs=legs, status=status, promised_on=None)
    receipts = [one for leg, past in slips_of_legs.items() for one in leg_receipts(leg, past)]
    terms = arrival_terms(confidence=confidence)
    return forecast_arrival(lot, learn((*receipts, *some_receipts(slips=(40,) * 20)), [lot]), terms, today)


SHORT = {"factory": (30,) * 20, "ocean": (2,) * 20, "customs": (1,) * 20, "road": (0,) * 20}


def test_the_slips_of_the_legs_ahead_add_up():
    found = by_legs(**SHORT)
    assert found.method is ForecastMethod.LEGS
    assert found.receipts == 20
    assert on_day(17 + 3) <= found.arrives_by <= on_day(17 + 6)
    assert found.probability_by(on_day(17 + 2)) < 0.05


def test_two_lots_on_the_same_way_have_the_same_law():
    ship = [a_lot(name, legs=WAY, status=LotStatus.IN_TRANSIT) for name in ("PO-1", "PO-2")]
    receipts = [one for leg, past in SHORT.items() for one in leg_receipts(leg, past)]
    history = learn(receipts, ship)
    first, second = (forecast_arrival(lot, history, arrival_terms(), TODAY) for lot in ship)
    assert first == second
    late = forecast_arrival(ship[0], history, arrival_terms(), on_day(15))
    assert late.arrives_by > first.arrives_by, "five days late at sea, where two were usual"


@pytest.mark.parametrize(
    ("status", "slip"),
    [(LotStatus.CONFIRMED, 33), (LotStatus.IN_TRANSIT, 3), (LotStatus.CUSTOMS, 1)],
)
def test_what_lies_behind_adds_nothing_more(status, slip):
    found = by_legs(status, confidence=0.5, **SHORT)
    assert found.arrives_by == on_day(17 + slip)


def test_the_leg_under_way_is_not_over_before_today():
    legs = (Leg(name="ocean", planned_end_on=on_day(-5)), Leg(name="road", planned_end_on=on_day(-2)))
    found = by_legs(legs=legs, ocean=(*[0] * 10, *[9] * 10), road=(0,) * 20, confidence=0.5)
    assert found.arrives_by == on_day(-2 + 9)


def test_without_the_history_of_every_leg_ahead_the_whole_way_is_judged():
    found = by_legs(ocean=(2,) * 20, customs=(1,) * 20)
    assert found.method is ForecastMethod.SUPPLIER
    assert found.arrives_by == on_day(17 + 40)
    assert by_legs(ocean=(2,), customs=(1,) * 20, road=(1,) * 20).method is ForecastMethod.SUPPLIER


def test_a_way_without_legs_ahead_is_judged_as_a_whole():
    found = by_legs(legs=WAY[:1], factory=(0,) * 20)
    assert found.method is ForecastMethod.SUPPLIER


def test_a_leg_that_never_took_so_long_is_no_measure_any_more():
    legs = (Leg(name="ocean", planned_end_on=on_day(-300)), Leg(name="road", planned_end_on=on_day(1)))
    assert by_legs(legs=legs, ocean=(0,) * 20, road=(0,) * 20).method is ForecastMethod.SUPPLIER


def test_receipts_of_legs_are_no_deliveries():
    lot = a_lot(legs=WAY)
    receipts = (*leg_receipts("Ocean", (5, 6)), *leg_receipts("ocean", (7,), "Bolt"), a_receipt(lane="air"))
    history = learn(receipts, [lot])
    assert history.record_of("Acme").slips == (0,)
    assert history.record_of("Bolt").slips == (7,), "its lots name no legs, so ocean is a lane of its own"
    assert history.legs["ocean"]["Acme"].slips == (6, 5)


def test_a_lot_with_legs_is_planned_for_the_end_of_the_last():
    assert a_lot(legs=WAY, promised_on=on_day(1)).planned_on == on_day(17)
    assert a_lot(promised_on=on_day(1)).planned_on == on_day(1)
    assert a_lot(legs=WAY[1:], status=LotStatus.CUSTOMS).legs_ahead == WAY[2:]


def a_small_law(days):
    """A law of a few days, each as likely as the next."""
    points = [(day, (place + 1) / len(days)) for place, day in enumerate(sorted(days))]
    return law_of(points, [Evidence(method=ForecastMethod.SUPPLIER, receipts=len(days))], max(days))


def some_legs(seed, count):
    rng = random.Random(seed)
    return [a_small_law(rng.sample(range(-30, 91), rng.randint(1, 8))) for _ in range(count)]


@settings(max_examples=500, deadline=None)
@given(st.builds(some_legs, st.integers(0, 2**32), st.integers(1, 4)), confidences, confidences)
def test_the_sum_of_legs_is_a_law_as_well(legs, one, other):
    parts = [(law, law.days[0]) for law in legs]
    law = sum_of(parts, SLIPS.longest_days)
    assert list(law.days) == sorted(set(law.days))
    assert list(law.chances) == sorted(law.chances)
    assert law.chances[-1] == 1.0
    low, high = sorted((one, other))
    assert at_the_latest(law, low) <= at_the_latest(law, high)
    assert law.worst_seen <= SLIPS.longest_days
    assert _mean(law) == pytest.approx(sum(_mean(part) for part, _ in parts), abs=1e-6)


def _mean(law):
    return sum(day * chance for day, chance in zip(law.days, _odds(law), strict=True))


def _odds(law):
    return [chance - before for before, chance in pairwise((0.0, *law.chances))]


def test_a_sum_of_legs_that_would_be_a_mistake_in_a_date_counts_as_the_longest_that_is_none():
    month = (a_small_law([200, 300]), 0)
    law = sum_of([month, month], SLIPS.longest_days)
    assert law.days == (365,)
    assert law.chances == (1.0,)


def test_units_are_ready_some_ship_days_after_a_weekend():
    from fbm_sync.domain.calendar import ShipCalendar
    from fbm_sync.domain.leadtime import view_inbound

    friday = a_lot(promised_on=on_day(4))
    history = learn(some_receipts(slips=(0,) * 50))
    for calendar, ready in ((ShipCalendar(), on_day(8)), (a_calendar(), on_day(6))):
        (lot,) = view_inbound([friday], history, arrival_terms(receiving_days=2), calendar, TODAY).expected
        assert lot.ready_on == ready
        assert lot.probability_ready_by(ready, calendar) >= 0.95
        assert lot.probability_ready_by(ready - (on_day(1) - TODAY), calendar) < 0.05
