"""Pulling the seller's own records: believed unless they look broken."""

from datetime import timedelta

import pytest

from fbm_sync.domain.supply import LotStatus
from fbm_sync.errors import ConfigError

from builders import NOW, a_count, a_lot, a_supply, an_entry


def believed(shop):
    with shop.ledger.transaction() as books:
        return books.supply.reading()


def some_counts(count, *, counted_at=NOW):
    return [a_count(10, f"CUP-{number}", counted_at=counted_at) for number in range(count)]


def test_the_sellers_records_are_read_and_believed(shop):
    lots = [a_lot("PO-1"), a_lot("PO-2", status=LotStatus.RECEIVED)]
    shop.supply.snapshot = a_supply(some_counts(3), lots)
    pulled = shop.pull_supply()
    assert (pulled.skus, pulled.lots, pulled.refused) == (3, 1, ())
    assert believed(shop).snapshot == shop.supply.snapshot
    assert believed(shop).read_at == NOW


@pytest.mark.parametrize(
    ("broken", "doubt"),
    [
        (a_supply(), "empty"),
        (a_supply(some_counts(3)), "3 SKUs where the last one had 10"),
        (a_supply(some_counts(10, counted_at=NOW - timedelta(days=1))), "before the last one"),
        (a_supply(some_counts(10, counted_at=NOW + timedelta(days=1))), "in the future"),
    ],
    ids=["empty", "shrunken", "older", "from the future"],
)
def test_a_suspect_stock_list_is_refused_and_the_old_one_kept(shop, broken, doubt):
    good = a_supply(some_counts(10))
    shop.supply.snapshot = good
    shop.pull_supply()
    shop.supply.snapshot = broken
    shop.clock.advance(hours=1)
    pulled = shop.pull_supply()
    assert any(doubt in reason for reason in pulled.refused)
    reading = believed(shop)
    assert (reading.snapshot, reading.read_at, reading.doubts) == (good, NOW, pulled.refused)
    assert reading.doubted_at == shop.clock.now()


def test_a_good_stock_list_ends_the_doubts(shop):
    shop.supply.snapshot = a_supply(some_counts(10))
    shop.pull_supply()
    shop.supply.snapshot = a_supply()
    shop.pull_supply()
    shop.supply.snapshot = a_supply(some_counts(10))
    assert shop.pull_supply().refused == ()
    assert believed(shop).doubts == ()


def test_a_person_may_raise_the_limit_for_a_real_sell_out(shop):
    shop.supply.snapshot = a_supply(some_counts(10))
    shop.pull_supply()
    shop.supply.snapshot = a_supply(some_counts(2))
    assert shop.pull_supply(max_shrink_share=0.9).refused == ()


def test_a_policy_nobody_defined_is_named_with_its_sku_and_nothing_is_recorded(shop):
    catalog = [an_entry("CUP-1", policy="vip"), an_entry("CUP-2", policy="slow"), an_entry("CUP-3")]
    shop.supply.snapshot = a_supply(some_counts(3), catalog=catalog)
    with pytest.raises(ConfigError) as caught:
        shop.pull_supply(policies=("default", "slow"))
    assert caught.value.problems == (
        "catalog.csv, SKU CUP-1, column policy: there is no [policy.vip] (known: default, slow)",
    )
    assert believed(shop) is None


def test_faulty_files_change_nothing(shop):
    shop.supply.snapshot = a_supply(some_counts(3))
    shop.pull_supply()
    before = believed(shop)
    shop.supply.error = ConfigError(["stock.csv line 2, column on_hand: 'many' is not a number"])
    with pytest.raises(ConfigError):
        shop.pull_supply()
    assert believed(shop) == before
