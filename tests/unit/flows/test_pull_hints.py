"""Hints: each leads to one look at Amazon at most, and what is seen is recorded before it is let go."""

from datetime import timedelta

import pytest
import structlog

from fbm_sync.domain.order import Fulfiller, OrderId, OrderStatus, Sku
from fbm_sync.errors import AccessRefused, RequestRejected, Throttled, Unavailable
from fbm_sync.flows.pull import HintTerms, pull_hints
from fbm_sync.ports import (
    AccountStatusChanged,
    Hint,
    HintBatch,
    JobFinished,
    JobKind,
    ListingChanged,
    OrderChanged,
)

from builders import ACCOUNT, NOW, an_order, in_days
from fakes import FakeHints, Killed

SELLER, MARKET = "A1EXAMPLE", "ATVPDKIKX0DER"
JUST_NOW = NOW - timedelta(minutes=1)


class Hinted:
    """A shop with hints, and what it does with them."""

    def __init__(self, shop):
        self.shop = shop
        self.hints = FakeHints(shop.clock)
        self.numbers = iter(range(1, 10_000))

    def tell(self, news, **changes):
        number = next(self.numbers)
        fields = {"hint_id": f"hint-{number}", "announced_at": NOW, "seller_id": SELLER} | changes
        hint = Hint(news=news, **fields)
        self.hints.send(hint)
        return hint

    def tell_of_order(
        self, order_id, changed_at=JUST_NOW, *, by=Fulfiller.MERCHANT, market=MARKET, **changes
    ):
        news = OrderChanged(
            order_id=OrderId(order_id), changed_at=changed_at, marketplace=market, fulfilled_by=by
        )
        return self.tell(news, **changes)

    def tell_of_listing(self, sku, changed_at=JUST_NOW, **changes):
        return self.tell(ListingChanged(sku=Sku(sku), changed_at=changed_at), **changes)

    def look(self, **terms):
        shop = self.shop
        usual = {"seller_id": SELLER, "marketplaces": [MARKET]}
        return pull_hints(
            ACCOUNT,
            self.hints,
            shop.orders,
            shop.offers,
            shop.ledger,
            shop.clock,
            HintTerms(**usual | terms),
        )

    def observed(self):
        with self.shop.ledger.transaction() as books:
            return {sku: seen.offer.quantity for sku, seen in books.offers.observed(ACCOUNT).items()}

    @property
    def waiting(self):
        return len(self.hints.messages)

    @property
    def orders_read(self):
        return self.shop.orders.calls.count("getOrder")


@pytest.fixture
def hinted(shop):
    return Hinted(shop)


# --- orders


def test_an_order_that_was_just_placed_is_recorded_at_once(shop, hinted):
    shop.orders.put(an_order("111-1"))
    hinted.tell_of_order("111-1")
    pulled = hinted.look()
    assert shop.recorded() == shop.orders.orders
    assert (pulled.received, pulled.orders, pulled.left, pulled.failures) == (1, 1, 0, ())
    assert pulled.latest_at == NOW
    assert hinted.waiting == 0


def test_what_amazon_shows_is_recorded_and_not_what_the_hint_says(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=JUST_NOW, status=OrderStatus.CANCELLED))
    hinted.tell_of_order("111-1")
    hinted.look()
    assert shop.recorded()["111-1"].status is OrderStatus.CANCELLED


def test_ten_hints_at_one_order_cost_one_look(shop, hinted):
    shop.orders.put(an_order("111-1"))
    for minute in range(10):
        hinted.tell_of_order("111-1", NOW - timedelta(minutes=minute))
    pulled = hinted.look()
    assert (hinted.orders_read, pulled.orders, hinted.waiting) == (1, 1, 0)


def test_hints_of_many_batches_are_taken_together(shop, hinted):
    shop.orders.put(an_order("111-1"), an_order("111-2"))
    for number in range(25):
        hinted.tell_of_order(f"111-{number % 2 + 1}")
    assert hinted.look().received == 25
    assert (hinted.orders_read, hinted.waiting) == (2, 0)


def test_a_hint_older_than_what_is_known_costs_no_look(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=JUST_NOW))
    hinted.tell_of_order("111-1", JUST_NOW)
    hinted.look()
    hinted.tell_of_order("111-1", JUST_NOW)
    hinted.tell_of_order("111-1", in_days(-1))
    pulled = hinted.look()
    assert (pulled.known, pulled.orders, hinted.orders_read, hinted.waiting) == (2, 0, 1, 0)


def test_one_newer_hint_among_old_ones_is_worth_a_look(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=JUST_NOW))
    hinted.tell_of_order("111-1")
    hinted.look()
    hinted.tell_of_order("111-1", in_days(-1))
    hinted.tell_of_order("111-1", NOW)
    assert hinted.look().orders == 1
    assert hinted.waiting == 0


def test_a_hint_without_a_time_is_worth_a_look(shop, hinted):
    shop.orders.put(an_order("111-1"))
    hinted.tell_of_order("111-1", None)
    hinted.look()
    hinted.tell_of_order("111-1", None)
    assert hinted.look().orders == 1


def test_an_order_that_cannot_be_understood_waits_in_quarantine_and_its_hint_is_done(shop, hinted):
    shop.orders.put(an_order("111-1"), an_order("111-2"))
    shop.orders.poison.add("111-1")
    hinted.tell_of_order("111-1")
    hinted.tell_of_order("111-2")
    pulled = hinted.look()
    assert shop.quarantined() == ["111-1"]
    assert [failure.what for failure in pulled.failures] == ["order 111-1"]
    assert (pulled.orders, pulled.left, hinted.waiting) == (1, 0, 0)


def test_an_order_amazon_does_not_show_yet_leaves_only_its_own_hint_waiting(shop, hinted):
    shop.orders.put(an_order("111-2"))
    hinted.tell_of_order("111-1")
    hinted.tell_of_order("111-2")
    pulled = hinted.look()
    assert (pulled.orders, pulled.left, hinted.waiting) == (1, 1, 1)
    assert hinted.look().received == 0, "it is not handed out again at once"
    shop.orders.put(an_order("111-1"))
    shop.clock.advance(minutes=3)
    assert hinted.look().orders == 1
    assert hinted.waiting == 0


def test_an_order_amazon_never_shows_is_given_up_in_the_end(hinted, shop):
    hinted.tell_of_order("111-1")
    with structlog.testing.capture_logs() as told:
        for _ in range(20):
            assert hinted.waiting == 1
            hinted.look()
            shop.clock.advance(minutes=3)
    assert hinted.waiting == 0
    assert [(line["event"], line["count"]) for line in told] == [("hints_given_up", 1)]


def test_a_spent_quota_ends_the_looking_and_the_rest_waits(shop, hinted):
    shop.orders.put(*(an_order(f"111-{number}") for number in range(5)))
    for number in range(5):
        hinted.tell_of_order(f"111-{number}")
    shop.orders.trouble.extend([None, Throttled("Over quota.", operation="getOrder")])
    pulled = hinted.look()
    assert (pulled.orders, pulled.left, hinted.orders_read, hinted.waiting) == (1, 4, 2, 4)
    assert len(pulled.failures) == 1


def test_no_round_spends_more_of_the_quota_than_it_may(shop, hinted):
    shop.orders.put(*(an_order(f"111-{number}") for number in range(5)))
    for number in range(5):
        hinted.tell_of_order(f"111-{number}")
    pulled = hinted.look(most_orders=3)
    assert (pulled.orders, pulled.left, pulled.failures) == (3, 2, ())
    shop.clock.advance(minutes=3)
    assert hinted.look(most_orders=3).orders == 2
    assert shop.recorded() == shop.orders.orders


def test_no_round_takes_more_hints_than_it_may(shop, hinted):
    shop.orders.put(an_order("111-1"))
    for _ in range(40):
        hinted.tell_of_order("111-1")
    assert hinted.look(most_hints=15).received == 20, "whole batches of ten"
    assert hinted.waiting == 20


def test_what_a_sweep_has_found_meanwhile_lets_the_waiting_hints_go(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=NOW - timedelta(minutes=10)))
    hinted.tell_of_order("111-1", NOW - timedelta(minutes=10))
    shop.orders.broken = Unavailable("Down.", operation="getOrder")
    assert hinted.look().left == 1
    shop.orders.behave()
    shop.pull()
    shop.clock.advance(minutes=3)
    pulled = hinted.look()
    assert (pulled.known, pulled.orders, hinted.waiting) == (1, 0, 0)


def test_a_hint_that_was_lost_is_found_by_the_sweep(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=NOW - timedelta(minutes=10)))
    assert hinted.look().received == 0
    shop.pull()
    assert shop.recorded() == shop.orders.orders


# --- whose hints


def test_another_sellers_hints_are_let_go_unread_and_counted(shop, hinted):
    shop.orders.put(an_order("111-1"))
    hinted.tell_of_order("111-1", seller_id="A9SOMEONE")
    hinted.tell_of_order("111-1", seller_id="A9SOMEONE")
    with structlog.testing.capture_logs() as told:
        pulled = hinted.look()
    assert (pulled.received, pulled.ignored, pulled.orders, hinted.waiting) == (2, 2, 0, 0)
    assert [(line["event"], line["log_level"], line["count"]) for line in told] == [
        ("hints_of_others", "warning", 2)
    ]


def test_hints_that_name_no_seller_count_as_ours(shop, hinted):
    shop.orders.put(an_order("111-1"))
    hinted.tell_of_order("111-1", seller_id=None)
    assert hinted.look().orders == 1


def test_orders_the_sweep_would_not_read_are_let_go_unread(hinted):
    hinted.tell_of_order("111-1", by=Fulfiller.AMAZON)
    hinted.tell_of_order("111-2", market="A1F83G8C2ARO7P")
    pulled = hinted.look()
    assert (pulled.ignored, hinted.orders_read, hinted.waiting) == (2, 0, 0)


def test_messages_that_are_no_hints_do_not_end_the_round(shop, hinted):
    shop.orders.put(an_order("111-1"))
    hinted.hints.send(*[None] * 10)
    hinted.tell_of_order("111-1")
    pulled = hinted.look()
    assert (pulled.received, pulled.ignored, pulled.orders) == (1, 10, 1)


def test_a_queue_full_of_nonsense_does_not_hold_a_round_for_ever(hinted):
    hinted.hints.send(*[None] * 500)
    assert hinted.look().ignored == 100
    assert hinted.waiting == 400


# --- listings


def test_a_listing_that_changed_is_looked_at_once(shop, hinted):
    shop.offers.list("MUG", 7)
    shop.offers.list("BOWL", 3)
    for _ in range(3):
        hinted.tell_of_listing("MUG")
    pulled = hinted.look()
    assert hinted.observed() == {"MUG": 7}
    assert (pulled.listings, len(shop.offers.calls), hinted.waiting) == (1, 1, 0)


def test_a_listing_seen_since_costs_no_look_once_its_change_had_time_to_settle(shop, hinted):
    shop.offers.list("MUG", 7)
    shop.pull_offers()
    before = len(shop.offers.calls)
    hinted.tell_of_listing("MUG", NOW - timedelta(minutes=2))
    assert hinted.look().known == 1
    assert len(shop.offers.calls) == before
    hinted.tell_of_listing("MUG", NOW - timedelta(seconds=30))
    assert hinted.look().listings == 1


def test_a_listing_that_is_gone_leaves_no_hint_behind(shop, hinted):
    hinted.tell_of_listing("GONE")
    pulled = hinted.look()
    assert (pulled.listings, pulled.left, hinted.waiting) == (0, 0, 0)


def test_a_listing_that_cannot_be_read_leaves_only_its_own_hint_waiting(shop, hinted):
    shop.offers.list("MUG", 7)
    hinted.tell_of_listing("BAD")
    hinted.tell_of_listing("MUG")
    shop.offers.trouble.append(RequestRejected("No.", operation="getListingsItem", status=400))
    pulled = hinted.look()
    assert [failure.what for failure in pulled.failures] == ["listing BAD"]
    assert hinted.observed() == {"MUG": 7}
    assert hinted.waiting == 1


@pytest.mark.parametrize("error", [Throttled, AccessRefused])
def test_a_closed_door_ends_the_looking_at_listings(shop, hinted, error):
    for sku in ("A", "B", "C"):
        shop.offers.list(sku, 1)
        hinted.tell_of_listing(sku)
    shop.offers.broken = error("No.", operation="getListingsItem")
    pulled = hinted.look()
    assert (len(shop.offers.calls), pulled.left, len(pulled.failures)) == (1, 3, 1)


def test_no_round_looks_at_more_listings_than_it_may(shop, hinted):
    for number in range(5):
        shop.offers.list(f"SKU-{number}", number)
        hinted.tell_of_listing(f"SKU-{number}")
    assert hinted.look(most_listings=2).listings == 2
    assert hinted.waiting == 3


# --- what is only passed on


def test_the_accounts_state_is_passed_on_by_its_newest_hint_in_whichever_order_they_come(hinted):
    hinted.tell(AccountStatusChanged(status="AT_RISK"), announced_at=NOW)
    hinted.tell(AccountStatusChanged(status="NORMAL"), announced_at=in_days(-1))
    hinted.tell(AccountStatusChanged(status="DEACTIVATED"), announced_at=None)
    pulled = hinted.look()
    assert pulled.account_status == AccountStatusChanged(status="AT_RISK")
    assert hinted.waiting == 0
    assert hinted.look().account_status is None


def test_finished_jobs_are_passed_on_once_each(hinted):
    feed, report = JobFinished(kind=JobKind.FEED, job_id="1"), JobFinished(kind=JobKind.REPORT, job_id="1")
    for job in (feed, report, feed):
        hinted.tell(job)
    assert hinted.look().finished == (feed, report)
    assert hinted.waiting == 0


# --- when the queue or the process fails


def test_a_queue_that_cannot_be_asked_is_said_so(hinted):
    hinted.hints.broken = Unavailable("Down.", operation="sqs:ReceiveMessage")
    with pytest.raises(Unavailable):
        hinted.look()


def test_a_queue_that_fails_midway_loses_nothing_of_what_it_gave(shop, hinted):
    shop.orders.put(an_order("111-1"))
    for _ in range(12):
        hinted.tell_of_order("111-1")
    hinted.hints.trouble.extend([None, Unavailable("Down.", operation="sqs:ReceiveMessage")])
    pulled = hinted.look()
    assert (pulled.received, pulled.orders, hinted.waiting) == (10, 1, 2)
    assert [failure.what for failure in pulled.failures] == ["hints"]


def test_hints_that_cannot_be_let_go_come_again_and_cost_nothing(shop, hinted):
    shop.orders.put(an_order("111-1", updated_at=JUST_NOW))
    hinted.tell_of_order("111-1")
    hinted.hints.trouble.extend([None, None, Unavailable("Down.", operation="sqs:DeleteMessageBatch")])
    pulled = hinted.look()
    assert (pulled.orders, len(pulled.failures), hinted.waiting) == (1, 1, 1)
    shop.clock.advance(minutes=3)
    pulled = hinted.look()
    assert (pulled.known, hinted.orders_read, hinted.waiting) == (1, 1, 0)


@pytest.mark.parametrize("step", ["the order is read", "the hint is let go"])
def test_a_process_that_dies_on_the_way_loses_no_hint(shop, hinted, step):
    shop.orders.put(an_order("111-1", updated_at=JUST_NOW))
    hinted.tell_of_order("111-1")
    dies = Killed()
    if step == "the order is read":
        shop.orders.trouble.append(dies)
    else:
        hinted.hints.trouble.extend([None, None, dies])
    with pytest.raises(Killed):
        hinted.look()
    assert hinted.waiting == 1
    shop.clock.advance(minutes=3)
    hinted.look()
    assert shop.recorded() == shop.orders.orders
    assert hinted.waiting == 0


def test_nothing_is_asked_of_amazon_while_no_hint_waits(shop, hinted):
    pulled = hinted.look()
    assert (pulled.received, pulled.latest_at) == (0, None)
    assert shop.orders.calls == shop.offers.calls == []
    assert hinted.hints.calls == ["ReceiveMessage"]


def test_a_batch_knows_whether_anything_was_there():
    assert HintBatch().is_empty
    assert not HintBatch(discarded=1).is_empty
