"""The measure of kept promises: it sees no future, and it counts what it says."""

import dataclasses
from datetime import date, timedelta

import pytest
from shop_generator import EARLY_YEARS_SLIPS, draw_deliveries

from fbm_sync.domain.supply import Receipt

from benchmarks.coverage import (
    CONFIDENCES,
    DATA,
    confirmed_alone,
    kupiec,
    latest_lines,
    mean_and_deviations,
    ours,
    ours_without_a_date,
    race,
    read_receipts,
    table,
)

needs_data = pytest.mark.skipif(
    not DATA.exists(), reason="the real purchase orders (../shared/data) are not on this machine"
)
METHODS = {
    "ours": ours(100),
    "confirmed": confirmed_alone,
    "mean": mean_and_deviations,
    "lead time": ours_without_a_date(100),
}


def drawn_receipts(suppliers=6):
    return [
        Receipt(
            po_id=line.po_id,
            delivery_id=line.delivery_id,
            supplier=line.supplier,
            lane=line.mode,
            ordered_on=line.ordered_on,
            promised_on=line.promised_on,
            received_on=line.received_on,
            quantity=1,
        )
        for line in draw_deliveries(1, date(2012, 12, 31), suppliers, slips=EARLY_YEARS_SLIPS)
    ]


@pytest.fixture(scope="module", params=["drawn", pytest.param("real", marks=needs_data)])
def deliveries(request):
    receipts = read_receipts() if request.param == "real" else drawn_receipts()
    return sorted(latest_lines(receipts), key=lambda one: one.received_on)[:150]


def test_no_promise_knows_what_was_received_on_its_day_or_later(deliveries):
    cutoff = deliveries[len(deliveries) // 2].received_on
    spoilt = [
        dataclasses.replace(one, received_on=one.received_on + timedelta(days=200))
        if one.received_on >= cutoff
        else one
        for one in deliveries
    ]

    def promises(receipts):
        verdicts = race(receipts, METHODS, (0.9,))
        return {
            (verdict.method, made.receipt.po_id, made.receipt.ordered_on): made.days
            for verdict in verdicts
            for made in verdict.outcomes
        }

    before, after = promises(deliveries), promises(spoilt)
    early = {key for key in before if key[2] <= cutoff}
    assert len(early) > 60
    assert {key: before[key] for key in early} == {key: after[key] for key in early}
    assert before != after, "what was spoilt is learned later on"


def test_a_receipt_of_the_very_day_of_an_order_is_not_known_yet():
    days = [date(2012, 1, 1) + timedelta(days=number) for number in range(80)]
    first, second = (
        Receipt(
            po_id=str(number),
            delivery_id=str(number),
            supplier="Acme",
            ordered_on=days[ordered],
            promised_on=days[received],
            received_on=days[received],
            quantity=1,
        )
        for number, ordered, received in ((1, 0, 30), (2, 30, 70))
    )
    (verdict,) = race([first, second], {"ours": ours(0)}, (0.9,))
    assert [made.receipts for made in verdict.outcomes] == [0, 0]
    later = dataclasses.replace(second, ordered_on=days[31])
    (verdict,) = race([first, later], {"ours": ours(0)}, (0.9,))
    assert [made.receipts for made in verdict.outcomes] == [0, 1]


@needs_data
def test_real_promises_are_kept_as_often_as_they_say():
    deliveries = sorted(latest_lines(read_receipts()), key=lambda one: one.received_on)[:400]
    for verdict in race(deliveries, {"ours": ours(100)}):
        assert verdict.words in {"within the band", "kept more often"}
        assert verdict.kept >= verdict.confidence


def test_kupiecs_ratio_is_that_of_the_textbook():
    # 255 days at 99 %: up to 6 exceptions pass at the usual limit, 7 do not.
    assert kupiec(255, 6, 0.99) < 3.841 < kupiec(255, 7, 0.99)
    assert kupiec(100, 5, 0.95) == pytest.approx(0.0, abs=1e-12)
    assert kupiec(100, 0, 0.95) == pytest.approx(10.2587, abs=1e-3)


def test_the_table_names_every_method_and_every_confidence(deliveries):
    lines = table(race(deliveries[:40], METHODS))
    assert len(lines) == 2 + len(METHODS) * len(CONFIDENCES)
    assert all(line.count("|") == 8 for line in lines)
