"""Many changes by feed: never twice, never in the way of what stops sales, and found again after a crash."""

import dataclasses
from datetime import timedelta

import pytest

from fbm_sync.domain.change import PushLimits, PushOutcome
from fbm_sync.errors import AccessRefused, Throttled, Unavailable
from fbm_sync.flows import feeds as feeds_flow
from fbm_sync.flows import proof as proof_flow

from builders import ACCOUNT
from fakes import FakeAmazonFeeds, Killed

COUNT = 12
SKUS = [f"CUP-{number:02}" for number in range(COUNT)]


@pytest.fixture(autouse=True)
def a_dozen_is_many(monkeypatch):
    """Single changes take their time, so that few of them are worth a feed."""
    terms = feeds_flow.LaneTerms
    slow = {"patch_per_second": 0.001, "patch_burst": 3, "most_in_feed": 100}
    monkeypatch.setattr(feeds_flow, "LaneTerms", lambda **facts: terms(**facts | slow))


@pytest.fixture
def shop(shop):
    shop.feeds = FakeAmazonFeeds(shop.offers)
    shop.limits(max_changed_share=1.0, max_zeroed_share=1.0)
    for sku in SKUS:
        shop.offers.list(sku, 5)
    return shop


def decide(shop, **units):
    shop.decide(**(dict.fromkeys(SKUS, 9) | units))


def alone(shop):
    return [(change.sku, change.after.quantity) for change in shop.offers.sent]


def later(shop, **span):
    shop.clock.advance(**span)
    shop.pull()
    return shop.push(apply=True)


def outcomes(shop):
    return {receipt.outcome for receipt in shop.receipts().values()}


# --- what Amazon says of each change ---------------------------------------------------------------------


def test_amazon_says_of_each_change_of_a_feed_what_became_of_it(shop):
    shop.offers.refusals["CUP-03"] = "Brand not approved."
    decide(shop)
    assert shop.push(apply=True).queued == COUNT
    pushed = later(shop, minutes=2)
    assert (pushed.applied, pushed.rejected, pushed.queued) == (COUNT - 1, 1, 0)
    assert shop.receipts()["CUP-03"].problems == ("Brand not approved.",)
    later(shop, minutes=1)
    assert outcomes(shop) == {PushOutcome.CONFIRMED, PushOutcome.REJECTED}
    assert len(shop.feeds.feeds) == 1, "nothing is sent again"


def test_of_a_feed_that_broke_off_each_listing_is_looked_at_and_what_is_missing_is_made_anew(shop):
    shop.feeds.breaks_off_after = 5
    decide(shop)
    shop.push(apply=True)
    later(shop, minutes=2)
    shop.feeds.breaks_off_after = None
    assert later(shop, minutes=1).under_way == 7, "those that do not show may still come about"
    for _ in range(3):
        later(shop, minutes=5)
    assert outcomes(shop) == {PushOutcome.CONFIRMED}
    assert {shop.offers.live(sku).quantity for sku in SKUS} == {9}
    again = list(shop.feeds.feeds.values())[1:]
    made = [change.sku for feed in again for change in feed.changes] + [sku for sku, _ in alone(shop)]
    assert sorted(made) == SKUS[5:], "the first five are live and stay as they are"


def test_changes_of_several_feeds_are_all_made(shop):
    shop.feeds.most = 5
    decide(shop)
    assert shop.push(apply=True).queued == COUNT
    assert [len(feed.changes) for feed in shop.feeds.feeds.values()] == [5, 5, 2]
    assert later(shop, minutes=2).applied == COUNT


def test_what_has_to_be_lowered_after_all_goes_alone_and_at_once(shop):
    decide(shop)
    shop.offers.sell("CUP-03", 2)
    shop.offers.list("CUP-04", 30)
    shop.push(apply=True)
    (feed,) = shop.feeds.feeds.values()
    quantities = {change.sku: change.after.quantity for change in feed.changes}
    assert quantities["CUP-03"] == 7, "two were sold since the plan"
    assert "CUP-04" not in quantities
    assert alone(shop) == [("CUP-04", 9)], "somebody put more on sale than there is"


# --- crashes and lost answers ----------------------------------------------------------------------------


@pytest.mark.parametrize("arrives", [True, False])
def test_a_process_that_dies_while_it_hands_in_costs_no_change_and_no_second_feed(shop, arrives):
    decide(shop)
    submit = shop.feeds.submit

    def die(changes):
        if arrives:
            submit(changes)
        raise Killed

    shop.feeds.submit = die
    with pytest.raises(Killed):
        shop.push(apply=True)
    shop.feeds.submit = submit
    assert later(shop, minutes=1).queued == COUNT, "nobody knows yet; nothing is sent again"
    for _ in range(4):
        later(shop, minutes=5)
    assert outcomes(shop) == {PushOutcome.CONFIRMED}
    assert (len(shop.feeds.feeds), alone(shop)) == (1, [])


def test_an_answer_that_is_lost_costs_no_second_feed(shop):
    decide(shop)
    shop.feeds.lost_answers = 1
    pushed = shop.push(apply=True)
    assert [failure.what for failure in pushed.failures] == [f"a feed of {COUNT} changes"]
    assert later(shop, minutes=11).applied == COUNT, "it is found and followed"
    assert (len(shop.feeds.feeds), alone(shop)) == (1, [])


def test_a_lost_feed_that_may_be_one_of_two_is_settled_by_a_look_at_the_listings(shop):
    decide(shop)
    shop.feeds.lost_answers = 1
    shop.push(apply=True)
    shop.feeds.feeds["foreign"] = dataclasses.replace(shop.feeds.feeds["feed-1"], changes=())
    shop.clock.advance(minutes=2)
    shop.feeds.settle()
    later(shop, minutes=10)
    later(shop, minutes=1)
    assert outcomes(shop) == {PushOutcome.CONFIRMED}
    assert alone(shop) == []


@pytest.mark.parametrize("error", [Throttled, AccessRefused])
def test_a_feed_that_amazon_refuses_is_as_if_it_had_never_been(shop, error):
    decide(shop)
    shop.feeds.trouble.append(error("No.", operation="createFeed"))
    pushed = shop.push(apply=True)
    assert (pushed.queued, len(pushed.failures)) == (0, 1)
    assert shop.push(apply=True).queued == COUNT


def test_a_feed_that_cannot_be_asked_about_is_asked_about_next_time(shop):
    decide(shop)
    shop.push(apply=True)
    shop.feeds.trouble.append(Unavailable("Gone.", operation="getFeed"))
    assert "feed feed-1" in [failure.what for failure in later(shop, minutes=2).failures]
    assert later(shop, minutes=1).applied == COUNT


def test_listings_that_cannot_be_read_end_the_feed_before_it_begins(shop):
    decide(shop)
    shop.offers.trouble.append(Throttled("Over quota.", operation="searchListingsItems"))
    shop.push(apply=True)
    assert shop.feeds.feeds == {}
    assert later(shop, minutes=1).queued == COUNT


def test_what_another_process_is_writing_to_is_not_handed_in(shop):
    decide(shop)
    with shop.ledger.transaction() as books:
        now = shop.clock.now()
        books.pushes.claim(ACCOUNT, SKUS, "another", now, now + timedelta(minutes=5))
    assert shop.push(apply=True).deferred == COUNT
    assert shop.feeds.feeds == {}


# --- while a feed is on its way --------------------------------------------------------------------------


def test_what_is_in_a_feed_is_not_written_otherwise(shop):
    shop.feeds.stuck = True
    decide(shop)
    shop.push(apply=True)
    shop.feeds.settle()
    shop.clock.advance(minutes=10)
    decide(shop, **{"CUP-03": 0, "CUP-04": 2})
    assert (shop.push(apply=True).queued, alone(shop), len(shop.feeds.feeds)) == (COUNT, [], 1)


# --- what must not wait ----------------------------------------------------------------------------------


def test_a_stuck_feed_does_not_keep_a_listing_on_sale_and_its_late_raise_is_taken_back(shop):
    shop.feeds.stuck = True
    decide(shop)
    shop.push(apply=True)
    shop.feeds.settle()
    shop.clock.advance(minutes=10)
    decide(shop, **{"CUP-03": 0, "CUP-04": 2})
    assert shop.push(apply=True).applied == 0, "it may still be worked off any minute"
    later(shop, minutes=21)
    assert alone(shop) == [("CUP-03", 0)], "only what stops sales"
    shop.feeds.stuck = False
    for _ in range(5):
        later(shop, minutes=1)
    assert (shop.offers.live("CUP-03").quantity, shop.offers.live("CUP-04").quantity) == (0, 2)


def test_what_must_go_off_sale_does_not_wait_until_thousands_of_changes_are_read_back(shop, monkeypatch):
    monkeypatch.setattr(proof_flow, "_AT_A_GLANCE", 5)
    shop.feeds.most = 3
    decide(shop)
    shop.push(apply=True)
    later(shop, minutes=2)
    shop.clock.advance(minutes=1)
    decide(shop, **{"CUP-11": 0})
    shop.offers.calls.clear()
    assert shop.push(apply=True).unconfirmed == 1
    assert shop.offers.calls.index("patchListingsItem") == 1, "one look at what was accepted before it"
    assert shop.offers.calls.count("searchListingsItems") > 1, "the others are read back after it"


def test_limits_count_what_one_push_changes(shop):
    shop.terms = dataclasses.replace(shop.terms, limits=PushLimits(max_changed_share=0.5))
    decide(shop)
    pushed = shop.push(apply=True)
    assert (pushed.held, pushed.queued, shop.feeds.feeds) == (COUNT, 0, {})
