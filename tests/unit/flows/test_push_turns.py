"""A push of thousands takes long: what must go off sale meanwhile goes in between, and proof is sought."""

import pytest

from fbm_sync.domain import proof as proof_rules
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import ReportedListing
from fbm_sync.errors import ReportCancelled, Throttled, Unfinished
from fbm_sync.flows import feeds as feeds_flow
from fbm_sync.flows import proof as proof_flow
from fbm_sync.ports import ListingReport

from builders import ACCOUNT
from fakes import FakeAmazonFeeds

MANY = [f"CUP-{number:02}" for number in range(45)]
TURN = 60.0


class NoneLeft:
    """Amazon lets nothing more in just now."""

    def tokens_left(self):
        return {"patchListingsItem": 0}


class LatelyReport:
    """A report of what is live, which takes some time; each call is counted."""

    def __init__(self, shop):
        self.shop, self.calls, self.is_ready, self.error = shop, 0, True, None

    def merchant_listings(self, *, patience_seconds):
        self.calls += 1
        if self.error is not None:
            raise self.error
        if not self.is_ready:
            raise Unfinished("Not yet.", operation="getReport")
        listings = [
            ReportedListing(
                account=ACCOUNT, sku=sku, marketplace="M", quantity=self.shop.offers.live(sku).quantity
            )
            for sku in MANY
        ]
        return ListingReport(listings=tuple(listings))


@pytest.fixture
def shop(shop):
    shop.limits(max_changed_share=1.0, max_zeroed_share=1.0)
    for sku in (*MANY, "OUT"):
        shop.offers.list(sku, 5)
    return shop


@pytest.fixture
def by_feed(shop, monkeypatch):
    """The same shop; its raises go by feed."""
    terms = feeds_flow.LaneTerms
    slow = {"patch_per_second": 0.001, "patch_burst": 3, "most_in_feed": 25}
    monkeypatch.setattr(feeds_flow, "LaneTerms", lambda **facts: terms(**facts | slow))
    shop.feeds = FakeAmazonFeeds(shop.offers)
    return shop


def decide(shop, **units):
    shop.decide(**(dict.fromkeys(MANY, 9) | {"OUT": 5} | units))


def after_calls(shop, calls, happens):
    """Let something happen when Amazon has been called so often."""
    shop.offers.trouble.extend([None] * calls + [happens])


def sell_out(shop, *skus):
    """Let the shelves be counted anew and another plan be made."""

    def happens():
        shop.clock.advance(seconds=1)
        shop.stock(**(dict.fromkeys(MANY, 9) | {"OUT": 5} | dict.fromkeys(skus, 0)))
        shop.pull_supply()
        shop.plan()

    return happens


def sent(shop):
    return [(change.sku, change.after.quantity) for change in shop.offers.sent]


# --- what becomes urgent meanwhile -----------------------------------------------------------------------


def test_what_a_plan_takes_off_sale_meanwhile_goes_before_all_that_is_left(shop):
    decide(shop)
    after_calls(shop, 5, sell_out(shop, "OUT"))
    pushed = shop.push(apply=True, turn=TURN)
    assert sent(shop).index(("OUT", 0)) == 20, "after the batch that was under way"
    assert (pushed.applied, shop.offers.calls.count("patchListingsItem")) == (46, 46)
    assert "OUT" in {change.sku for change in pushed.changes}


def test_it_goes_in_between_the_looks_for_a_feed(by_feed):
    decide(by_feed)
    by_feed.offers.calls.clear()
    after_calls(by_feed, 1, sell_out(by_feed, "OUT"))
    assert by_feed.push(apply=True, turn=TURN).queued == 45
    assert sent(by_feed) == [("OUT", 0)]
    assert by_feed.offers.calls.index("patchListingsItem") == 2


def test_a_raise_that_is_still_to_be_made_is_not_made_once_the_plan_says_otherwise(shop):
    decide(shop)
    after_calls(shop, 5, sell_out(shop, "CUP-44"))
    pushed = shop.push(apply=True, turn=TURN)
    assert [change for change in sent(shop) if change[0] == "CUP-44"] == [("CUP-44", 0)]
    assert pushed.deferred == 1


def test_a_push_by_hand_makes_what_it_began_with_and_nothing_else(shop):
    decide(shop)
    after_calls(shop, 5, sell_out(shop, "OUT", "CUP-44"))
    pushed = shop.push(apply=True)
    assert ("OUT", 0) not in sent(shop)
    assert (pushed.applied, pushed.deferred, pushed.left) == (44, 1, 0)


def test_a_plan_that_takes_nothing_off_sale_changes_nothing(shop):
    decide(shop)
    after_calls(shop, 5, sell_out(shop))
    assert shop.push(apply=True, turn=TURN).applied == 45


# --- turns -----------------------------------------------------------------------------------------------


def test_a_turn_that_has_lasted_long_enough_leaves_the_rest_to_the_next(shop):
    decide(shop)
    after_calls(shop, 10, lambda: shop.clock.advance(seconds=TURN))
    pushed = shop.push(apply=True, turn=TURN)
    assert 0 < pushed.applied <= 20
    assert pushed.left == 25
    shop.pull()
    for _ in range(2):
        pushed = shop.push(apply=True, turn=TURN)
    assert (len({sku for sku, _ in sent(shop)}), pushed.left) == (45, 0)


def test_a_feed_that_is_begun_is_handed_in_and_the_next_one_left_to_the_next_turn(by_feed):
    decide(by_feed)
    after_calls(by_feed, 0, lambda: by_feed.clock.advance(seconds=TURN))
    pushed = by_feed.push(apply=True, turn=TURN)
    assert (pushed.queued, pushed.left, pushed.under_way) == (25, 20, 25)
    assert by_feed.push(apply=True, turn=TURN).queued == 45
    assert [len(feed.changes) for feed in by_feed.feeds.feeds.values()] == [25, 20]


# --- pauses ----------------------------------------------------------------------------------------------


def test_while_amazon_lets_no_zero_out_in_the_listings_of_the_feed_are_looked_at(by_feed):
    decide(by_feed, **dict.fromkeys(MANY[:3], 0))
    by_feed.offers.calls.clear()
    assert by_feed.push(apply=True, quota=NoneLeft()).queued == 42
    assert by_feed.offers.calls[:4] == ["patchListingsItem", "searchListingsItems"] * 2
    assert len([call for call in by_feed.offers.calls if call == "searchListingsItems"]) == 4, "no look twice"


def test_a_look_in_passing_that_fails_costs_no_zero_out_and_is_done_again(by_feed):
    decide(by_feed, **dict.fromkeys(MANY[:3], 0))
    after_calls(by_feed, 1, Throttled("Over quota.", operation="searchListingsItems"))
    pushed = by_feed.push(apply=True, quota=NoneLeft())
    assert sent(by_feed) == [(sku, 0) for sku in MANY[:3]]
    assert (pushed.queued, pushed.failures) == (42, ())


def test_a_listing_that_is_gone_is_named_once_whenever_it_is_looked_at(by_feed):
    decide(by_feed, **dict.fromkeys(MANY[:3], 0))
    by_feed.offers.delist("CUP-44")
    pushed = by_feed.push(apply=True, quota=NoneLeft())
    assert (pushed.queued, [one.what for one in pushed.failures]) == (41, ["listing CUP-44"])


# --- proof -----------------------------------------------------------------------------------------------


@pytest.fixture
def accepted(shop, monkeypatch):
    """Forty-five changes that Amazon has accepted, more than are read back one by one."""
    monkeypatch.setattr(proof_rules, "MANY", 30)
    monkeypatch.setattr(proof_flow, "_AT_A_GLANCE", 0)
    decide(shop)
    shop.push(apply=True)
    shop.clock.advance(minutes=1)
    shop.offers.calls.clear()
    return shop


def outcomes(shop):
    return [receipt.outcome for receipt in shop.receipts().values()]


def test_many_changes_are_proven_by_one_report(accepted):
    report = LatelyReport(accepted)
    assert accepted.push(apply=True, reports=report).unconfirmed == 0
    assert (report.calls, accepted.offers.calls) == (1, [])
    assert set(outcomes(accepted)) == {PushOutcome.CONFIRMED}


def test_what_a_report_does_not_show_as_written_is_looked_at(accepted):
    accepted.offers.sell("CUP-07", 1)
    assert accepted.push(apply=True, reports=LatelyReport(accepted)).unconfirmed == 0
    assert accepted.offers.calls == ["searchListingsItems"]


def test_while_a_report_is_made_a_turn_reads_back_as_much_as_it_comes_to(accepted):
    report = LatelyReport(accepted)
    report.is_ready = False
    accepted.offers.trouble.append(lambda: accepted.clock.advance(minutes=2))
    pushed = accepted.push(apply=True, reports=report, turn=TURN)
    assert (pushed.unconfirmed, accepted.offers.calls) == (25, ["searchListingsItems"])
    report.is_ready = True
    assert accepted.push(apply=True, reports=report, turn=TURN).unconfirmed == 0


def test_a_push_by_hand_leaves_to_the_report_what_it_will_prove(accepted):
    report = LatelyReport(accepted)
    report.is_ready = False
    assert accepted.push(apply=True, reports=report).unconfirmed == 45
    assert accepted.offers.calls == []


def test_without_a_report_all_is_read_back(accepted):
    report = LatelyReport(accepted)
    report.error = ReportCancelled("Asked too soon.", operation="getReport")
    assert accepted.push(apply=True, reports=report).unconfirmed == 0
    assert accepted.offers.calls == ["searchListingsItems"] * 3


def test_what_never_goes_live_is_not_all_that_is_looked_at(accepted):
    for sku in MANY[:20]:
        accepted.offers.list(sku, 5)
    for _ in range(6):
        accepted.clock.advance(seconds=61)
        accepted.offers.trouble.append(lambda: accepted.clock.advance(minutes=2))
        accepted.push(apply=True, turn=TURN)
        accepted.offers.trouble.clear()
    assert outcomes(accepted).count(PushOutcome.CONFIRMED) == 25
