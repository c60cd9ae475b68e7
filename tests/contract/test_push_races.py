"""Two who push at the same time, facts that change meanwhile, processes that die: one writer for each SKU."""

import collections
import contextlib
import itertools
import threading
from datetime import timedelta

import pytest

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.flows.plan import plan
from fbm_sync.flows.push import PushTerms, push

from builders import (
    ACCOUNT,
    NOW,
    a_count,
    a_policy,
    a_supply,
    an_observed_offer,
    an_order,
    shop_terms,
)
from fakes import FakeAmazonOffers, FakeClock

LATER = NOW + timedelta(minutes=5)
SKUS = [f"CUP-{number:02}" for number in range(5)]


class TickingClock(FakeClock):
    """A millisecond passes with every look at it."""

    def now(self):
        self.moment += timedelta(milliseconds=1)
        return self.moment


class BusyAmazon(FakeAmazonOffers):
    """Notices when a SKU is written by two at once."""

    def __init__(self, clock):
        super().__init__(clock)
        self.lock, self.writing = threading.Lock(), collections.Counter()
        self.collisions, self.meeting = [], threading.Barrier(2)

    def apply(self, change):
        with self.lock:
            self.writing[change.sku] += 1
            if self.writing[change.sku] > 1:
                self.collisions.append(change.sku)
        with contextlib.suppress(threading.BrokenBarrierError):
            self.meeting.wait(timeout=0.02)
        with self.lock:
            self.writing[change.sku] -= 1
            return super().apply(change)


@pytest.fixture
def decided(ledger_url):
    """A shop in which every listing is to be lowered."""
    clock = TickingClock()
    with open_ledger(ledger_url, create=True) as ledger:
        with ledger.transaction() as books:
            books.supply.record(a_supply([a_count(4, sku) for sku in SKUS]), clock.now())
            books.offers.record_observed([an_observed_offer(9, sku) for sku in SKUS])
        plan(ledger, clock, shop_terms(a_policy(latency_risk=0.0)), run_id="plan")
    return clock


def test_two_processes_never_write_a_sku_at_once_nor_one_after_the_other(decided, ledger_url):
    amazon, errors, numbers = BusyAmazon(decided), [], itertools.count(1)
    for sku in SKUS:
        amazon.list(sku, 9)

    def work():
        try:
            with open_ledger(ledger_url) as ledger:
                terms = PushTerms(limits=shop_terms().limits)
                push(ACCOUNT, amazon, ledger, decided, terms, run_id=f"run-{next(numbers)}", apply=True)
        except BaseException as error:  # noqa: BLE001  a thread's failure must reach the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (errors, amazon.collisions) == ([], [])
    assert sorted(one.sku for one in amazon.sent) == SKUS


def test_an_order_lowers_what_its_listing_is_remembered_to_show_once(ledger_url):
    order = an_order(sku="CUP", units=2, created_at=LATER, updated_at=LATER)
    with open_ledger(ledger_url, create=True) as ledger, ledger.transaction() as books:
        books.offers.record_observed([an_observed_offer(9, "CUP", observed_at=NOW)])
        for _ in range(2):
            books.orders.record([order])
            assert books.offers.observed(ACCOUNT)["CUP"].offer.quantity == 7
        assert "CUP" in books.plans.changed(["CUP", "BOWL"])
        books.offers.record_observed([an_observed_offer(8, "CUP", observed_at=LATER)])
        assert books.offers.observed(ACCOUNT)["CUP"].offer.quantity == 8, "a later look replaces it"


def test_units_that_left_count_as_sold_until_orders_are_known_that_far(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger, ledger.transaction() as books:
        books.offers.record_observed([an_observed_offer(9, "CUP", observed_at=NOW)])
        books.offers.record_observed([an_observed_offer(6, "CUP", observed_at=LATER)])
        assert books.offers.unexplained(ACCOUNT, ["CUP"]) == {"CUP": 3}
        for minutes, left in ((0, {"CUP": 3}), (1, {"CUP": 3}), (2, {})):
            books.orders.advance_watermark(ACCOUNT, LATER + timedelta(minutes=minutes))
            assert books.offers.unexplained(ACCOUNT, ["CUP"]) == left, "an order may have changed just then"


def test_orders_placed_are_known_as_far_as_the_reading_that_was_two_minutes_shorter(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger, ledger.transaction() as books:
        assert books.orders.placed_up_to(ACCOUNT) is None
        for minutes, known in ((0, None), (1, None), (2, 0), (3, 0), (4, 2), (9, 4), (14, 9)):
            books.orders.advance_watermark(ACCOUNT, NOW + timedelta(minutes=minutes))
            wanted = None if known is None else NOW + timedelta(minutes=known)
            assert books.orders.placed_up_to(ACCOUNT) == wanted
        assert books.orders.placed_up_to("other") is None
