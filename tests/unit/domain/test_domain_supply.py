"""The seller's own records: what is on the shelf, what is coming, and when a new list is not believed."""

from datetime import timedelta

import pytest
from hypothesis import given, settings

from fbm_sync.domain.order import Fulfiller
from fbm_sync.domain.supply import LotStatus, SnapshotSummary, doubts_about, sellable_on_hand, why_stale

from builders import (
    NOW,
    SKU,
    a_count,
    a_lot,
    a_shipment,
    a_shipped_order,
    a_supply,
    an_order,
    counts,
    in_days,
    orders,
)

FULL = SnapshotSummary(counted_at=in_days(-1), skus=10, on_hand_units=100)


def a_list(skus=10, units=10, **changes):
    return a_supply([a_count(units, f"S{number}", **changes) for number in range(skus)])


def doubts(snapshot, previous=FULL):
    return doubts_about(snapshot, previous, now=NOW, max_shrink_share=0.5)


def test_only_free_units_are_sellable():
    assert a_count(10, damaged=1, quality_hold=2, reserved_elsewhere=3).sellable_units == 4
    assert a_count(1, reserved_elsewhere=3).sellable_units == -2


@pytest.mark.parametrize("status", LotStatus)
def test_a_lot_expects_what_has_not_come_yet(status):
    gone = status in (LotStatus.RECEIVED, LotStatus.CANCELLED)
    assert a_lot(quantity=10, received_units=4, status=status).open_units == (0 if gone else 6)


def test_more_received_than_ordered_expects_nothing():
    assert a_lot(quantity=10, received_units=12).open_units == 0


def test_a_lot_is_blamed_by_order_and_line():
    assert a_lot("PO-7", line="3").lot_id == "PO-7/3"


def test_a_snapshot_is_as_fresh_as_its_newest_count():
    snapshot = a_supply([a_count(3, "A", counted_at=in_days(-2)), a_count(4, "B", counted_at=in_days(-1))])
    assert snapshot.counted_at == in_days(-1)
    assert snapshot.on_hand_units == 7
    assert a_supply().counted_at is None


def test_each_pool_is_as_fresh_as_its_own_newest_count():
    ages = (("east", -3), ("east", -1), ("west", -2))
    snapshot = a_supply([a_count(3, f"S{age}", pool=pool, counted_at=in_days(age)) for pool, age in ages])
    assert snapshot.counted_by_pool == {"east": in_days(-1), "west": in_days(-2)}


def test_a_normal_list_is_believed():
    assert doubts(a_list()) == ()


def test_the_first_list_is_believed_even_when_empty():
    assert doubts(a_supply(), None) == ()
    assert doubts(a_supply(), SnapshotSummary(counted_at=None, skus=0, on_hand_units=0)) == ()


def test_a_list_counted_in_the_future_is_doubted():
    (doubt,) = doubts(a_list(counted_at=NOW + timedelta(minutes=11)), None)
    assert "in the future" in doubt
    assert doubts(a_list(counted_at=NOW + timedelta(minutes=10)), None) == ()


def test_an_empty_list_after_a_full_one_is_doubted():
    (doubt,) = doubts(a_supply())
    assert "empty" in doubt


def test_a_list_older_than_the_last_one_is_doubted():
    (doubt,) = doubts(a_list(counted_at=in_days(-1.5)))
    assert "before the last one" in doubt
    assert doubts(a_list(counted_at=in_days(-1))) == ()


@pytest.mark.parametrize(
    ("skus", "units", "doubted"), [(5, 10, 0), (4, 20, 1), (10, 5, 0), (10, 4, 1), (4, 4, 2)]
)
def test_a_list_shrunken_by_more_than_half_is_doubted(skus, units, doubted):
    assert len(doubts(a_list(skus, units))) == doubted


def test_without_a_date_only_the_shrinking_can_be_doubted():
    assert doubts(a_list(), SnapshotSummary(counted_at=None, skus=10, on_hand_units=100)) == ()


@pytest.mark.parametrize(
    ("counted_at", "stale"),
    [(None, True), (NOW, False), (in_days(-26 / 24), False), (in_days(-27 / 24), True)],
)
def test_a_list_goes_stale_after_its_time(counted_at, stale):
    assert (why_stale(counted_at, NOW, max_age_hours=26) is not None) == stale


def test_a_stale_list_is_named_by_the_time_of_its_count_not_by_its_age():
    said = why_stale(in_days(-3), NOW, max_age_hours=26)
    assert said == "the stock list was counted at 2026-02-27 09:00Z, more than 26 h ago."
    assert why_stale(in_days(-3), in_days(5), max_age_hours=26) == said


def test_units_that_left_after_the_count_come_off():
    counted = a_count(10, counted_at=in_days(-1))
    before, after = (
        a_shipped_order("1", shipped_at=in_days(-2)),
        a_shipped_order("2", shipped_at=NOW, units=3),
    )
    assert sellable_on_hand([counted], [before, after]) == {SKU: 7}


def test_units_that_left_at_the_moment_of_the_count_are_in_it():
    assert sellable_on_hand([a_count(10, counted_at=NOW)], [a_shipped_order(shipped_at=NOW)]) == {SKU: 10}


def test_what_amazon_ships_and_what_is_not_counted_does_not_touch_the_shelf():
    amazons = a_shipped_order("1", fulfilled_by=Fulfiller.AMAZON)
    unknown = an_order("2", shipments=(a_shipment("OTHER", shipped_at=NOW),))
    assert sellable_on_hand([a_count(10)], [amazons, unknown]) == {SKU: 10}


def test_counts_of_several_pools_add_up_and_the_oldest_dates_them():
    pools = [a_count(4, pool="east", counted_at=in_days(-1)), a_count(5, pool="west", counted_at=in_days(-3))]
    assert sellable_on_hand(pools, [a_shipped_order(shipped_at=in_days(-2), units=2)]) == {SKU: 7}


@settings(max_examples=100, deadline=None)
@given(counts(), orders())
def test_open_orders_never_change_what_is_on_the_shelf(stock, demand):
    assert sellable_on_hand(stock, demand) == {count.sku: count.sellable_units for count in stock}
