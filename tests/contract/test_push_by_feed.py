"""Many changes at once against the emulated Amazon: in a feed, followed to its end whatever happens."""

import contextlib
from datetime import timedelta

import pytest

from fbm_sync.domain.change import PushLimits, PushOutcome
from fbm_sync.flows.push import PushTerms, push

from builders import a_change
from fakes import Killed
from seller import open_seller

SKUS = [f"CUP-{number:02}" for number in range(14)]
LIMITS = {"max_changed": 1000, "max_changed_share": 1.0}


@contextlib.contextmanager
def a_shop(folder, *, in_process=True, **scenario):
    """Fourteen listings with two units each, and ten of each on the shelf; feeds were quick lately."""
    listings = [{"sku": sku, "quantity": 2, "price": "9.00", "handling_days": 2} for sku in SKUS]
    scenario = {"listings": listings, "rate_factor": 100, "in_process": in_process} | scenario
    with open_seller(folder, **scenario) as shop:
        with shop.ledger.transaction() as books:
            number = books.pushes.begin_feed("main", [a_change(sku="OLD")], "run", shop.now())
            books.pushes.feed_submitted(number, "1", shop.now())
            books.pushes.close_feed(number, "DONE", shop.now() + timedelta(seconds=1))
        yield shop


def decide(shop, **units):
    shop.count(**(dict.fromkeys(SKUS, 10) | units))
    shop.advance(minutes=3)
    shop.pull()
    shop.pull_offers()
    shop.plan()


def go(shop, run_id="run", *, feeds=None, wait=0.0):
    terms = PushTerms(limits=PushLimits(**LIMITS), confirm_wait_seconds=wait)
    account = shop.account
    doors = {"feeds": feeds or account.feeds, "reports": account.reports}
    return push("main", account.offers, shop.ledger, shop, terms, run_id=run_id, apply=True, **doors)


def outcomes(shop):
    with shop.ledger.transaction() as books:
        return {receipt.change.sku: receipt.outcome for receipt in books.offers.receipts("main")}


def quantities(shop):
    return {shop.truth(sku)["live_quantity"] for sku in SKUS}


def feeds(shop):
    return [one["status"] for one in shop.control("state")["feeds"].values()]


@pytest.fixture
def shop(tmp_path):
    with a_shop(tmp_path) as shop:
        yield shop


@pytest.mark.parametrize("in_process", [True, False])
def test_many_raises_go_in_one_feed_and_are_proven_like_single_ones(tmp_path, in_process):
    with a_shop(tmp_path, in_process=in_process) as shop:
        decide(shop, **{"CUP-03": 0, "CUP-04": 1})
        pushed = go(shop)
        assert (pushed.queued, pushed.applied, pushed.failures) == (12, 2, ())
        alone = [one["path"].rsplit("/")[-1] for one in shop.requests("patchListingsItem")]
        assert (len(shop.requests("createFeed")), alone) == (1, ["CUP-03", "CUP-04"])
        shop.advance(minutes=2)
        pushed = go(shop)
        assert (pushed.applied, pushed.unconfirmed, pushed.queued) == (12, 0, 0)
        assert set(outcomes(shop).values()) == {PushOutcome.CONFIRMED}
        assert quantities(shop) == {0, 1, 10}


def test_a_stuck_feed_is_withdrawn_when_something_has_to_go_off_sale(shop):
    shop.control("feeds", {"frozen": True})
    decide(shop)
    go(shop)
    shop.advance(minutes=31)
    decide(shop, **{"CUP-03": 0})
    pushed = go(shop)
    assert feeds(shop)[0] == "CANCELLED"
    assert "CUP-03" in {one.change.sku for one in pushed.receipts if one.outcome is PushOutcome.ACCEPTED}
    assert pushed.queued == 13, "the others are handed in once more"
    shop.control("feeds", {"frozen": False})
    for _ in range(3):
        shop.advance(minutes=3)
        go(shop)
    assert shop.truth("CUP-03")["live_quantity"] == 0
    assert shop.truth("CUP-05")["live_quantity"] == 10


def test_what_was_zeroed_beside_a_stuck_feed_is_zeroed_again_when_the_feed_raised_it_after_all(tmp_path):
    with a_shop(tmp_path, feed_seconds=7200) as shop:
        decide(shop)
        go(shop)
        shop.advance(minutes=40)
        decide(shop, **{"CUP-03": 0})
        go(shop)
        shop.advance(minutes=5)
        assert shop.truth("CUP-03")["live_quantity"] == 0
        go(shop)
        assert len(shop.requests("patchListingsItem")) == 1, "once is enough"
        shop.advance(minutes=90)
        assert shop.truth("CUP-03")["live_quantity"] == 10
        shop.pull()
        go(shop)
        shop.advance(minutes=2)
        assert shop.truth("CUP-03")["live_quantity"] == 0
        assert shop.truth("CUP-05")["live_quantity"] == 10


@pytest.mark.parametrize("arrives", [True, False])
def test_a_process_that_dies_while_handing_in_finds_its_feed_again_or_hands_it_in_anew(shop, arrives):
    class Mortal:
        def __getattr__(self, name):
            return getattr(shop.account.feeds, name)

        def submit(self, changes):
            if arrives:
                shop.account.feeds.submit(changes)
            raise Killed

    decide(shop)
    with pytest.raises(Killed):
        go(shop, feeds=Mortal())
    assert go(shop).queued == 14
    for _ in range(1 if arrives else 2):
        shop.advance(minutes=11)
        shop.pull()
        go(shop)
    assert quantities(shop) == {10}
    assert feeds(shop) == ["DONE"]


def test_one_refused_change_of_a_feed_is_told_and_the_others_come_about(shop):
    decide(shop)
    go(shop)
    with shop.ledger.transaction() as books:
        (feed,) = books.pushes.open_feeds("main")
    assert feed.feed_id is not None
    shop.world.catalogue.listings.pop("CUP-07")
    shop.advance(minutes=2)
    pushed = go(shop)
    assert (pushed.applied, pushed.rejected) == (13, 1)
    assert ("push_rejected", "CUP-07") in shop.alert()
