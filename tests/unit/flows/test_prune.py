"""Pruning: history goes in bounded steps, by the rule the seller set; nothing else is touched."""

from datetime import timedelta

import pytest

from fbm_sync.flows import prune as prune_flow
from fbm_sync.flows.prune import FEWEST_ORDER_DAYS, horizon_of, prune

from builders import NOW, a_shipped_order, in_days


def pruned(shop, keep_days=90, **wish):
    return prune(shop.ledger, shop.clock, keep_days=keep_days, **wish)


def orders(shop):
    with shop.ledger.transaction() as books:
        return [one.order_id for one in books.orders.every()]


def old_order(order_id, days):
    at = in_days(-days)
    return a_shipped_order(order_id, shipped_at=at, created_at=at, updated_at=at, ship_by_at=at)


@pytest.mark.parametrize(("keep_days", "order_days"), [(1, 60), (60, 60), (90, 90), (365, 365)])
def test_orders_are_kept_for_the_rates_however_short_the_rest_is_kept(keep_days, order_days):
    horizon = horizon_of(keep_days, NOW)
    assert horizon.records == NOW - timedelta(days=keep_days)
    assert horizon.orders == NOW - timedelta(days=order_days)
    assert FEWEST_ORDER_DAYS == 60


def test_zero_days_keep_everything(shop):
    with shop.ledger.transaction() as books:
        books.orders.record([old_order("1", 9_999)])
    assert pruned(shop, 0).horizon is None
    assert orders(shop) == ["1"]


def test_a_dry_run_counts_what_would_go_and_touches_nothing(shop):
    with shop.ledger.transaction() as books:
        books.orders.record([old_order("old", 91), old_order("young", 89)])
    found = pruned(shop, dry_run=True)
    assert found.counts["orders"] == 1
    assert orders(shop) == ["old", "young"]
    assert pruned(shop).counts == found.counts
    assert orders(shop) == ["young"]


def test_much_history_goes_in_steps_that_leave_others_their_turn(shop, monkeypatch):
    monkeypatch.setattr(prune_flow, "_BATCH", 3)
    with shop.ledger.transaction() as books:
        books.orders.record([old_order(str(number), 100 + number) for number in range(7)])
    assert pruned(shop).counts["orders"] == 7
    assert orders(shop) == []


def test_a_shop_at_work_loses_only_what_was_superseded(shop):
    shop.offers.list("CUP", 3)
    shop.decide(CUP=10)
    shop.clock.advance(days=1)
    shop.decide(CUP=12)
    before = shop.clock.now()
    shop.clock.advance(days=91)
    counts = pruned(shop).counts
    assert counts["decisions"] == 1
    with shop.ledger.transaction() as books:
        (decision,) = books.offers.decisions()
        assert decision.desired.quantity == 12
        assert books.offers.decisions(at=before) == (decision,)
        assert books.offers.decisions(at=NOW) == ()
        assert len(books.offers.observed(decision.account)) == 1
