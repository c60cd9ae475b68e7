"""When purchase orders really arrive: learning from receipts, forecasting lots, believing them or not."""

import dataclasses
import math
import random
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.delay import ForecastMethod
from fbm_sync.domain.history import SupplierRecord, learn
from fbm_sync.domain.leadtime import forecast_arrival, view_inbound
from fbm_sync.domain.supply import LotStatus

from builders import (
    TODAY,
    a_calendar,
    a_lot,
    a_receipt,
    an_expected_lot,
    arrival_terms,
    histories,
    on_day,
    random_lots,
    some_receipts,
)

NOTHING = learn([])
SEEDS = st.integers(0, 2**32)
A_LOT = st.builds(random_lots, SEEDS, st.just(1))


def shuffled(receipts, seed):
    return random.Random(seed).sample(receipts, len(receipts))


def forecast(lot=None, slips=(), confidence=0.95, others=(), today=TODAY, **terms):
    history = learn((*some_receipts(slips=slips), *some_receipts("Bolt", others)))
    return forecast_arrival(lot or a_lot(), history, arrival_terms(confidence=confidence, **terms), today)


def test_a_supplier_is_known_by_its_slips_and_lead_times():
    record = learn(reversed(some_receipts(slips=(3, -1, 0, 10)))).record_of("Acme")
    assert record.slips == (10, 0, -1, 3), "in the sequence in which they came, the oldest first"
    assert record.lead_times == (30, 30, 30, 30)
    assert record.on_time_share == 0.5
    assert record.slip_spread_days == 7


def test_a_new_supplier_has_no_record():
    record = NOTHING.record_of("Nobody")
    assert record == SupplierRecord()
    assert record.on_time_share is None
    assert record.slip_spread_days is None


def test_lines_of_one_delivery_count_once_by_the_latest():
    lines = [a_receipt(slip, delivery_id="D-1", po_id=f"P{slip}") for slip in (2, 9, 4)]
    undated = a_receipt(delivery_id="D-1", promised_on=None)
    assert learn([undated, *lines, undated]).pooled.slips == (9,)


def test_receipts_with_impossible_dates_are_dropped_and_counted():
    early = a_receipt(ordered_on=on_day(-59))
    same_day = a_receipt(ordered_on=on_day(-60))
    ancient = a_receipt(ordered_on=on_day(-60 - 3 * 365 - 1))
    absurd = a_receipt(366, po_id="P")
    fine = a_receipt(365, po_id="Q", ordered_on=None)
    history = learn([early, same_day, ancient, absurd, fine])
    assert history.dropped == history.record_of("Acme").dropped == 4
    assert history.pooled.slips == (365,)
    assert history.pooled.lead_times == ()


@settings(max_examples=500, deadline=None)
@given(histories(), SEEDS)
def test_the_order_of_receipts_teaches_nothing(receipts, seed):
    assert learn(shuffled(receipts, seed)) == learn(receipts)


@settings(max_examples=500, deadline=None)
@given(SEEDS, st.integers(0, 5))
def test_the_order_of_lines_in_a_delivery_teaches_nothing(seed, size):
    rng = random.Random(seed)
    lines = [(rng.choice((None, *range(-3, 4))), rng.choice((None, 20, 21, 22))) for _ in range(size)]
    receipts = [
        a_receipt(
            delivery_id="D",
            promised_on=None if slip is None else on_day(-60 - slip),
            ordered_on=None if lead is None else on_day(-60 - lead),
        )
        for slip, lead in lines
    ]
    assert learn(shuffled(receipts, seed)) == learn(receipts)


@pytest.mark.parametrize(
    ("count", "confidence", "rank"),
    [(19, 0.95, 19), (20, 0.95, 20), (39, 0.95, 38), (4, 0.8, 4), (9, 0.5, 5)],
)
def test_the_promise_is_the_conformal_order_statistic(count, confidence, rank):
    slips = tuple(range(count))
    found = forecast(slips=slips, confidence=confidence)
    assert found.method is ForecastMethod.SUPPLIER
    assert found.receipts == count
    assert rank == math.ceil((count + 1) * confidence)
    assert found.arrives_by == on_day(7 + slips[rank - 1])


def test_what_the_supplier_has_too_few_receipts_for_is_drawn_towards_all_suppliers():
    found = forecast(slips=(1,) * 18, others=(1, 2, 3) * 10)
    assert found.method is ForecastMethod.SHRUNK
    assert found.receipts == 18
    assert found.effective_receipts == 18
    assert found.arrives_by > on_day(8), "it is not surer than the worst of eighteen"
    assert forecast(slips=(1,) * 18, confidence=0.9).method is ForecastMethod.SUPPLIER


def test_a_new_supplier_is_expected_to_be_like_all_suppliers():
    found = forecast(others=(*range(39),), confidence=0.95)
    assert found.method is ForecastMethod.ALL_SUPPLIERS
    assert found.receipts == 39
    assert found.arrives_by == on_day(7 + 37)


def test_all_suppliers_never_promise_earlier_than_the_worst_this_one_has_shown():
    assert forecast(slips=(12,) * 3, others=(0,) * 90).arrives_by >= on_day(19)


def test_a_supplier_with_a_bad_start_is_promised_later_than_one_with_a_good_start():
    many = (*[0] * 25, 2, 5, 9, 20, -3)
    assert forecast(slips=(9, 14), others=many).arrives_by > forecast(slips=(0, 0), others=many).arrives_by


def test_a_lot_on_a_lane_follows_the_receipts_on_that_lane_first():
    receipts = (
        *some_receipts(slips=(0,) * 40, lane="Air"),
        *some_receipts(slips=(20,) * 20, lane="ocean", delivery_id=""),
    )
    receipts = [dataclasses.replace(one, po_id=f"{one.lane} {one.po_id}") for one in receipts]
    by_lane = {
        lane: forecast_arrival(a_lot(lane=lane), learn(receipts), arrival_terms(), TODAY)
        for lane in ("air ", "Ocean", "road", "")
    }
    assert [by_lane[lane].arrives_by for lane in by_lane] == [on_day(7), on_day(27), on_day(27), on_day(27)]
    assert [by_lane[lane].method for lane in by_lane] == [
        *[ForecastMethod.LANE] * 2,
        *[ForecastMethod.SUPPLIER] * 2,
    ]
    assert by_lane["air "].receipts == 40


def test_recent_receipts_weigh_more():
    improved = some_receipts(slips=(*[0] * 40, *[30] * 10))  # the oldest last
    dates = {
        half_life: forecast_arrival(
            a_lot(), learn(improved), arrival_terms(confidence=0.9, half_life_receipts=half_life), TODAY
        )
        for half_life in (0, 10)
    }
    assert dates[0].arrives_by == on_day(37)
    assert dates[10].arrives_by == on_day(7)
    assert dates[0].effective_receipts == 50
    assert 13 < dates[10].effective_receipts < 15


def test_a_forecast_says_what_it_rests_on():
    wrong = a_receipt(ordered_on=on_day(-59), po_id="WRONG")
    receipts = [*some_receipts(slips=(0,) * 60), wrong]
    found = forecast_arrival(a_lot(), learn(receipts), arrival_terms(half_life_receipts=20), TODAY)
    assert found.basis == (
        "this supplier's receipts: 60 that weigh like 26 of today; 1 with impossible dates left out"
    )
    assert forecast(slips=(0,) * 30).basis == "this supplier's receipts: 30"
    assert forecast().basis == "the default slip: no receipt is like it"


def test_without_any_history_the_sellers_default_slip_is_used_and_said():
    found = forecast()
    assert found.method is ForecastMethod.DEFAULT
    assert found.receipts == 0
    assert found.arrives_by == on_day(14)
    assert found.probability_by(on_day(6)) == 0.0
    assert found.probability_by(on_day(13)) == 0.5, "an even chance that the supplier keeps its word"
    assert found.probability_by(on_day(14)) == 0.95


def test_a_default_slip_of_nothing_takes_the_suppliers_word():
    found = forecast(default_slip_days=0)
    assert found.steps == ((on_day(7), 0.95),)


def test_a_late_lot_without_history_counts_from_today():
    assert forecast(a_lot(promised_on=on_day(-3))).arrives_by == on_day(7)


def test_a_late_lot_is_judged_on_not_having_come_yet():
    slips = (*range(10), *range(20, 30))
    on_time = forecast(slips=slips, confidence=0.5)
    late = forecast(a_lot(promised_on=on_day(-15)), slips=slips, confidence=0.5)
    assert on_time.arrives_by == on_day(7 + 20)
    assert late.arrives_by == on_day(-15 + 25)
    assert late.probability_by(on_day(-1)) == 0.0


def test_a_lot_later_than_anything_seen_is_never_promised_before_the_default_slip():
    found = forecast(a_lot(promised_on=on_day(-9)), slips=(1,) * 30)
    assert found.method is ForecastMethod.DEFAULT
    assert found.arrives_by == on_day(7)
    assert found.probability_by(on_day(6)) <= 0.5
    assert forecast(a_lot(promised_on=on_day(-1)), slips=(1,) * 30).method is ForecastMethod.SUPPLIER


def test_a_lot_a_little_later_than_anything_seen_is_at_least_the_default_slip_away():
    found = forecast(a_lot(promised_on=on_day(-2)), slips=(1,) * 30)
    assert found.arrives_by == on_day(7)
    assert found.method is ForecastMethod.DEFAULT
    assert forecast(a_lot(promised_on=on_day(-2)), slips=(1,) * 30, confidence=0.5).arrives_by == TODAY


def test_an_overdue_lot_of_a_punctual_supplier_is_not_promised_for_next_year():
    others = (*[0] * 180, *[-5] * 10, 3, 5, 9, 14, 20, 40, 60, 90, 150, 200)
    found = forecast(a_lot(promised_on=on_day(-10)), slips=(*[0] * 29, 1), others=others)
    assert found.method is ForecastMethod.SHRUNK
    assert on_day(7) <= found.arrives_by <= on_day(60)


def test_one_receipt_is_not_enough_to_know_a_spread():
    found = forecast(slips=(3,))
    assert found.method is ForecastMethod.DEFAULT
    assert found.arrives_by == on_day(7 + 3 + 7)
    assert forecast(slips=(3,), confidence=0.5).arrives_by == on_day(7 + 3)


def test_one_receipt_each_of_many_suppliers_is_enough():
    receipts = [a_receipt(slip, supplier=f"S{slip}", po_id=f"P{slip}") for slip in range(19)]
    found = forecast_arrival(a_lot(supplier="S3"), learn(receipts), arrival_terms(), TODAY)
    assert found.method is ForecastMethod.SHRUNK
    assert found.receipts == 1
    assert on_day(7 + 18) < found.arrives_by < on_day(7 + 120)


def test_a_lot_without_confirmed_date_follows_the_lead_time():
    found = forecast(a_lot(promised_on=None, ordered_on=on_day(-10)), slips=(5,) * 20)
    assert found.arrives_by == on_day(20)


@pytest.mark.parametrize(
    "lot", [a_lot(promised_on=None), a_lot(promised_on=None, ordered_on=None)], ids=["no history", "no date"]
)
def test_a_lot_from_which_no_date_follows_has_no_forecast(lot):
    assert forecast(lot) is None


def test_a_lot_out_for_longer_than_any_receipt_has_no_forecast():
    forgotten = a_lot(promised_on=None, ordered_on=on_day(-700))
    assert forecast(forgotten, slips=(0,) * 20) is None
    view = view_inbound([forgotten], learn(some_receipts()), arrival_terms(), a_calendar(), TODAY)
    assert view.expected == ()
    assert "no confirmed date" in view.doubtful[0].why


def test_a_lead_time_seen_once_is_stretched_by_the_default_slip():
    assert forecast(a_lot(promised_on=None, ordered_on=on_day(-28)), slips=(0,)).arrives_by == on_day(9)
    assert forecast(a_lot(promised_on=None, ordered_on=on_day(-31)), slips=(0,)) is None


def test_few_lead_times_are_stretched_by_what_two_can_not_tell():
    assert on_day(30) < forecast(a_lot(promised_on=None, ordered_on=TODAY), slips=(0, 0)).arrives_by


@settings(max_examples=500, deadline=None)
@given(A_LOT, histories(), st.floats(0.01, 0.999), st.floats(0.01, 0.999))
def test_a_forecast_keeps_the_confidence_it_names_and_being_surer_never_makes_it_earlier(
    drawn, receipts, one, other
):
    history = learn(receipts)
    lax, sure = (
        forecast_arrival(drawn[0], history, arrival_terms(confidence=confidence), TODAY)
        for confidence in sorted((one, other))
    )
    if lax is None or sure is None:
        assert lax is sure
        return
    assert TODAY <= lax.arrives_by <= sure.arrives_by
    for found in (lax, sure):
        assert found.probability_by(found.arrives_by) >= found.confidence - 1e-9
        days, chances = zip(*found.steps, strict=True)
        assert list(days) == sorted(set(days))
        assert list(chances) == sorted(chances)
        assert days[0] >= TODAY
        assert 0 < chances[0] <= chances[-1] <= 1


@pytest.mark.parametrize(("confidence", "count"), [(0.8, 9), (0.9, 19), (0.95, 25)])
def test_nine_of_ten_promises_at_ninety_percent_are_kept(confidence, count):
    rng = random.Random(20260302)
    trials, kept = 500, 0
    for _ in range(trials):
        *past, future = (round(rng.lognormvariate(1.5, 1.0) - 3) for _ in range(count + 1))
        history = learn(some_receipts(slips=[min(slip, 365) for slip in past], ordered_on=None))
        found = forecast_arrival(
            a_lot(promised_on=on_day(40)), history, arrival_terms(confidence=confidence), TODAY
        )
        assert found.method is ForecastMethod.SUPPLIER
        kept += on_day(40 + min(future, 365)) <= found.arrives_by
    assert kept / trials >= confidence - 0.025


# --- which lots are believed ---------------------------------------------------------------------


def believe(*some_lots, receipts=(), calendar=None, **terms):
    return view_inbound(some_lots, learn(receipts), arrival_terms(**terms), calendar or a_calendar(), TODAY)


@pytest.mark.parametrize("status", LotStatus)
def test_only_firm_lots_count(status):
    view = believe(a_lot(status=status))
    firm = status in (LotStatus.CONFIRMED, LotStatus.IN_TRANSIT, LotStatus.CUSTOMS)
    assert len(view.expected) == firm
    assert [doubt.why for doubt in view.doubtful] == (
        ["its status is planned, which does not count as firm"] if status is LotStatus.PLANNED else []
    )


@pytest.mark.parametrize(("overdue", "believed"), [(-7, 1), (14, 1), (15, 0)])
def test_a_lot_two_weeks_overdue_without_a_new_date_is_not_believed(overdue, believed):
    view = believe(a_lot(promised_on=on_day(-overdue)))
    assert len(view.expected) == believed
    assert all("15 days overdue" in doubt.why for doubt in view.doubtful)


@pytest.mark.parametrize(("year", "believed"), [(2028, 1), (9999, 0)])
def test_a_date_in_the_far_future_is_a_placeholder(year, believed):
    view = believe(a_lot(promised_on=date(year, 12, 31)))
    assert len(view.expected) == believed
    assert all("a placeholder" in doubt.why for doubt in view.doubtful)


def test_a_lot_is_ready_after_receiving_on_a_ship_day():
    friday_lot = a_lot(promised_on=on_day(4))
    (lot,) = believe(friday_lot, receipts=some_receipts(), receiving_days=1, calendar=ShipCalendar()).expected
    assert lot.forecast.arrives_by == on_day(4)
    assert lot.ready_on == on_day(7)
    assert lot.units == 100


def test_believed_lots_come_earliest_first_and_doubtful_ones_by_name():
    view = believe(
        a_lot("C", promised_on=on_day(1)),
        a_lot("B", promised_on=on_day(1)),
        a_lot("A", promised_on=on_day(9)),
        a_lot("Z", status=LotStatus.PLANNED),
        a_lot("Y", status=LotStatus.PLANNED),
    )
    assert [lot.lot_id for lot in view.expected] == ["B/1", "C/1", "A/1"]
    assert [doubt.lot.po_id for doubt in view.doubtful] == ["Y", "Z"]


def test_units_are_ready_when_they_have_arrived_and_been_received():
    lot = an_expected_lot(chances={1: 0.5, 3: 0.9}, receiving_days=2)
    chances = [lot.probability_ready_by(on_day(day), a_calendar()) for day in range(7)]
    assert chances == [0, 0, 0, 0.5, 0.5, 0.9, 0.9]


def test_a_forecast_answers_for_any_day():
    law = an_expected_lot(chances={1: 0.5, 3: 0.9}).forecast
    assert [law.probability_by(TODAY + timedelta(days=day)) for day in range(5)] == [0, 0.5, 0.5, 0.9, 0.9]
