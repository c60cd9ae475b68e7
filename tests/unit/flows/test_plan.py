"""Planning: every listing gets a decision that can be explained later."""

import contextlib

import pytest

from fbm_sync.domain.listing import ListingMode, Offer
from fbm_sync.domain.risk import OrderState
from fbm_sync.flows.plan import plan

from builders import NOW, a_count, a_supply, an_order, in_days


@pytest.fixture
def open_shop(shop):
    shop.orders.put(an_order("111-1", sku="CUP", units=4, updated_at=in_days(-0.1)))
    shop.offers.list("CUP", 3)
    shop.offers.list("BOWL", 5)
    return shop


def decisions(shop, **wish):
    with shop.ledger.transaction() as books:
        return {one.sku: one for one in books.offers.decisions(**wish)}


def test_every_decision_is_recorded_with_its_reasons(open_shop):
    planned = open_shop.decide(CUP=10, BOWL=5)
    assert (planned.skus, planned.changed) == (2, 1)
    recorded = decisions(open_shop)
    assert recorded["CUP"].desired == Offer(quantity=6, handling_days=2)
    assert recorded["CUP"].observed == Offer(quantity=3, handling_days=2)
    for one in recorded.values():
        assert one.reasons
        assert one.rules
        assert one.facts
        assert one.mode is ListingMode.IN_STOCK


def test_planning_twice_records_no_new_decision(open_shop):
    open_shop.decide(CUP=10, BOWL=5)
    with open_shop.ledger.transaction() as books:
        first = books.offers.decisions()
    open_shop.clock.advance(minutes=5)
    open_shop.plan()
    with open_shop.ledger.transaction() as books:
        again = books.offers.decisions()
        assert books.offers.record_decisions(again) == 0
        assert books.offers.decisions(at=NOW)[0].decided_at == first[0].decided_at
    assert [one.desired for one in again] == [one.desired for one in first]
    assert again == first


def test_a_new_fact_makes_a_new_decision_and_the_old_one_can_still_be_explained(open_shop):
    open_shop.decide(CUP=10, BOWL=5)
    open_shop.clock.advance(hours=1)
    open_shop.decide(CUP=20, BOWL=5)
    assert decisions(open_shop)["CUP"].desired.quantity == 16
    assert decisions(open_shop, at=NOW)["CUP"].desired.quantity == 6


def test_every_open_order_is_judged_with_the_plan(open_shop):
    open_shop.decide(CUP=3, BOWL=5)
    with open_shop.ledger.transaction() as books:
        (outlook,) = books.orders.outlooks()
    assert (outlook.order_id, outlook.state) == ("111-1", OrderState.LATE_CERTAIN)


def test_only_what_has_changed_is_decided_anew_unless_the_whole_shop_is_asked_for(open_shop):
    assert open_shop.decide(CUP=10, BOWL=5).anew == 2
    planned = open_shop.decide(CUP=10, BOWL=7)
    assert (planned.skus, planned.anew, planned.changed) == (2, 1, 2)
    planned = open_shop.plan(whole=True)
    assert (planned.skus, planned.anew, planned.changed) == (2, 2, 2)


def test_without_any_stock_list_nothing_is_decided_about_a_listing(open_shop):
    open_shop.pull()
    open_shop.pull_offers()
    planned = open_shop.plan()
    assert (planned.skus, planned.changed, planned.untouched) == (2, 0, 2)
    assert all(one.desired is None for one in decisions(open_shop).values())


def test_a_plan_is_a_success_of_the_flow(open_shop):
    open_shop.supply.snapshot = a_supply([a_count(1, "CUP")])
    open_shop.plan()
    assert open_shop.last_success("plan") == NOW


class Overtaken:
    """A ledger in which something else happens as soon as a plan has read its facts, a few times over."""

    def __init__(self, ledger, happens, times):
        self.ledger, self.happens, self.times = ledger, happens, times

    @contextlib.contextmanager
    def snapshot(self):
        with self.ledger.snapshot() as books:
            yield books
        if self.times:
            self.times -= 1
            self.happens()

    def transaction(self):
        return self.ledger.transaction()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_plan_that_another_one_overtakes_never_puts_older_decisions_in_its_place(open_shop, times):
    open_shop.decide(CUP=10, BOWL=5)
    units = iter(range(20, 40))

    def another_plan():
        open_shop.clock.advance(minutes=1)
        open_shop.decide(CUP=next(units), BOWL=5)

    slow = Overtaken(open_shop.ledger, another_plan, times)
    open_shop.clock.advance(minutes=1)
    plan(slow, open_shop.clock, open_shop.terms, run_id="slow", whole=True)
    assert decisions(open_shop)["CUP"].desired.quantity == next(units) - 1 - 4
