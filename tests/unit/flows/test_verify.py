"""Is what we know true? What is missing or has drifted is found, and strange answers change nothing."""

import dataclasses
import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbm_sync.domain.listing import Offer
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.order_comparison import OrderFault
from fbm_sync.errors import ReportCancelled, RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.flows.pull import PullTerms, pull_orders
from fbm_sync.flows.pull.by_id import Tally, record_orders
from fbm_sync.flows.verify import VerifyTerms, verify_offers, verify_orders

from builders import ACCOUNT, NOW, SKU, a_shipped_order, an_observed_offer, an_order, in_days
from fakes import FakeAmazonOrders, FakeReports

HOUR = timedelta(hours=1)


class Truth:
    """The shop's orders and listings, held against its Amazon."""

    def __init__(self, shop):
        self.shop = shop
        self.reports = FakeReports(shop.orders)
        self.steps = []

    def orders(self, **terms):
        shop = self.shop

        def record(books, orders):
            record_orders(ACCOUNT, orders, books, Tally(), shop.clock.now())

        usual = {"since": shop.clock.now() - timedelta(days=7)}
        return verify_orders(
            ACCOUNT,
            shop.orders,
            self.reports,
            shop.ledger,
            shop.clock,
            VerifyTerms(**(usual | terms)),
            record=record,
            progress=lambda *step: self.steps.append(step),
        )

    def offers(self, **wish):
        return verify_offers(ACCOUNT, self.shop.offers, self.shop.ledger, self.shop.clock, **wish)

    def faults(self, **terms):
        found = self.orders(**terms)
        assert found.doubts == ()
        return {one.order_id: one.fault for one in found.differences}


@pytest.fixture
def truth(shop):
    return Truth(shop)


def put_behind(shop, *orders):
    """Let Amazon show orders that the last pull should have seen, and did not."""
    shop.pull()
    shop.orders.put(*orders)


def some_open(count, **changes):
    return [an_order(f"o{number:03}", **changes) for number in range(count)]


def reasons(found):
    """The first sentences of what could not be compared; what is told to do next differs."""
    return [doubt.partition(". ")[0] for doubt in found.doubts]


def asked(shop):
    return shop.orders.calls.count("getOrder")


# --- orders ------------------------------------------------------------------------------------------


def test_what_was_just_read_is_true(shop, truth):
    shop.orders.put(an_order("1"), an_order("2", units=3), a_shipped_order("3"))
    shop.pull()
    before = shop.recorded()
    found = truth.orders(repair=True)
    assert (found.differences, found.doubts, found.read_in, found.compared) == ((), (), frozenset(), 3)
    assert (asked(shop), shop.recorded()) == (0, before)


def test_nothing_known_and_nothing_there_is_true(truth):
    assert truth.faults() == {}


def test_an_open_order_that_nobody_knew_of_is_missing_until_it_is_read_in(shop, truth):
    put_behind(shop, an_order("9"))
    assert truth.faults() == {"9": OrderFault.MISSING}
    assert shop.recorded() == {}, "a look alone records nothing"
    found = truth.orders(repair=True)
    assert found.read_in == {"9"}
    assert shop.recorded()["9"].items == an_order("9").items
    assert asked(shop) == 0, "the list of open orders has shown all of it"
    assert truth.faults() == {}


def test_an_order_that_is_open_no_more_is_found_by_the_report_alone(shop, truth):
    put_behind(shop, a_shipped_order("9", updated_at=in_days(-1)))
    assert truth.faults() == {"9": OrderFault.MISSING}
    assert asked(shop) == 0
    assert truth.orders(repair=True).read_in == {"9"}
    assert shop.recorded()["9"].status is OrderStatus.SHIPPED
    assert truth.faults() == {}


def test_an_order_that_amazon_ships_is_not_missed(shop, truth):
    put_behind(shop, an_order("9", fulfilled_by=Fulfiller.AMAZON))
    assert truth.faults() == {}


def test_a_change_that_we_have_not_noticed_is_told_with_both_sides_and_mended(shop, truth):
    order = an_order("1", updated_at=in_days(-1))
    shop.orders.put(order)
    put_behind(shop, a_shipped_order("1"))
    (found,) = truth.orders().differences
    assert found.fault is OrderFault.BEHIND
    assert "state: UNSHIPPED here, SHIPPED at Amazon" in found.words
    assert asked(shop) == 1, "it is open here and not on the list: only its own answer decides"
    assert shop.recorded()["1"].status is OrderStatus.UNSHIPPED
    assert truth.orders(repair=True).read_in == {"1"}
    assert shop.recorded()["1"].status is OrderStatus.SHIPPED


def test_an_order_that_amazon_does_not_know_is_told_and_stays(shop, truth):
    shop.orders.put(an_order("1"), an_order("2"))
    shop.pull()
    before = shop.recorded()
    del shop.orders.orders["1"]
    for repair in (False, True):
        assert truth.faults(repair=repair) == {"1": OrderFault.UNKNOWN_THERE}
    shop.orders.put(an_order("1"))
    assert shop.recorded() == before


def test_what_has_changed_since_the_last_reading_is_nobodys_fault(shop, truth):
    shop.orders.put(an_order("1"))
    shop.pull()
    shop.clock.advance(hours=1)
    shop.orders.put(an_order("2", updated_at=shop.clock.now() - timedelta(minutes=5)))
    shop.orders.change("1", status=OrderStatus.CANCELLED)
    assert truth.faults() == {}


_numbers = itertools.count(1)
_FATES = {
    "same": None,
    "lost": OrderFault.MISSING,
    "shipped": OrderFault.BEHIND,
    "later": OrderFault.BEHIND,
    "new": None,
    "vanished": OrderFault.UNKNOWN_THERE,
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(sorted(_FATES)), max_size=8), data=st.data())
def test_each_order_with_something_wrong_is_found_and_no_other_and_all_is_mended(shop, fates, data):
    account = f"shop-{next(_numbers)}"
    source = FakeAmazonOrders(shop.clock, account=account, page_size=data.draw(st.integers(1, 3)))
    ids = [f"{number}" for number in range(len(fates))]
    orders = {name: an_order(name, account=account) for name in ids}
    fate_of = dict(zip(ids, fates, strict=True))
    source.put(*(orders[name] for name in ids if fate_of[name] not in ("lost", "new")))
    pull_orders(account, source, shop.ledger, shop.clock, PullTerms(), run_id="run")
    for name, fate in fate_of.items():
        if fate == "vanished":
            del source.orders[name]
        elif fate == "shipped":
            source.put(a_shipped_order(name, account=account, updated_at=NOW - HOUR / 2))
        elif fate == "later":
            source.put(dataclasses.replace(orders[name], ship_by_at=in_days(9), updated_at=NOW - HOUR / 2))
        elif fate in ("lost", "new"):
            source.put(
                dataclasses.replace(orders[name], updated_at=NOW - (HOUR if fate == "lost" else -HOUR))
            )

    def look(*, repair=False):
        return verify_orders(
            account,
            source,
            FakeReports(source),
            shop.ledger,
            shop.clock,
            VerifyTerms(since=in_days(-7), repair=repair),
            record=lambda books, some: record_orders(account, some, books, Tally(), NOW),
        )

    expected = {name: _FATES[fate] for name, fate in fate_of.items() if _FATES[fate]}
    for repair in (False, True):
        found = look(repair=repair)
        assert {one.order_id: one.fault for one in found.differences} == expected
        assert found.doubts == ()
    vanished = {name for name, fate in fate_of.items() if fate == "vanished"}
    assert found.read_in == expected.keys() - vanished
    assert {one.order_id for one in look().differences} == vanished


# --- answers too strange to be believed --------------------------------------------------------------


def test_a_list_of_open_orders_that_lacks_most_of_them_is_not_believed(shop, truth):
    shop.orders.put(*some_open(40))
    shop.pull()
    before = shop.recorded()
    for number in range(15):
        del shop.orders.orders[f"o{number:03}"]
    found = truth.orders(repair=True)
    assert "Amazon's open orders show only 25 of the 40 known here" in found.doubts
    assert (found.differences, asked(shop)) == ((), 0)
    shop.orders.put(*some_open(40))
    assert shop.recorded() == before


@pytest.mark.parametrize("way", ["repeats", "stands_still"])
def test_pages_that_lead_back_are_not_believed(shop, truth, way):
    put_behind(shop, *some_open(7))
    setattr(shop.orders, way, True)
    found = truth.orders()
    (reason,) = reasons(found)
    assert reason.startswith("open orders: searchOrders: Amazon's pages repeat themselves after")
    assert len(found.differences) == 7, "the report has its say all the same"


def test_a_report_that_lacks_most_of_what_is_known_is_not_believed(shop, truth):
    shop.orders.put(*some_open(40, updated_at=in_days(-1)))
    put_behind(shop, a_shipped_order("9", updated_at=in_days(-1)))
    truth.reports.lacks = {f"o{number:03}" for number in range(30)}
    found = truth.orders()
    assert found.doubts == ("Amazon's report of orders show only 10 of the 40 known here",)
    assert found.differences == ()
    truth.reports.lacks = set(shop.orders.orders)
    assert truth.orders().doubts == ("Amazon's report of orders show none of the 40 known here",)


def test_a_report_that_lags_behind_is_no_reason_for_doubt(shop, truth):
    shop.orders.put(*some_open(40, updated_at=NOW - HOUR))
    shop.pull()
    truth.reports.lacks = set(shop.orders.orders)
    assert truth.faults() == {}


def test_a_cancelled_report_is_a_doubt_only_where_it_should_name_something(shop, truth):
    truth.reports.broken = ReportCancelled("It was cancelled.", operation="getReport")
    assert truth.orders().doubts == ()
    shop.orders.put(an_order("1", updated_at=in_days(-1)))
    shop.pull()
    assert reasons(truth.orders()) == ["report of orders: getReport: It was cancelled"]


def test_trouble_with_one_witness_leaves_the_other(shop, truth):
    put_behind(shop, an_order("1"), a_shipped_order("2", updated_at=in_days(-1)))
    shop.orders.trouble.append(Unavailable("Nobody there.", operation="searchOrders"))
    found = truth.orders()
    assert reasons(found) == ["open orders: searchOrders: Nobody there"]
    assert {one.order_id for one in found.differences} == {"1", "2"}
    truth.reports.broken = Unavailable("Nobody there.", operation="createReport")
    found = truth.orders()
    assert reasons(found) == ["report of orders: createReport: Nobody there"]
    assert {one.order_id for one in found.differences} == {"1"}


def test_only_so_many_orders_are_read_by_id_and_what_is_left_is_said(shop, truth):
    put_behind(shop, *(a_shipped_order(f"{n}", updated_at=in_days(-1)) for n in range(5)))
    found = truth.orders(repair=True, most_asked=3)
    assert found.read_in == {"0", "1", "2"}
    assert len(found.differences) == 5
    assert found.doubts == ("2 more doubtful orders: run again to look at them",)
    assert truth.steps[-1] == ("doubtful", 3, 5)
    assert truth.orders(repair=True, most_asked=3).read_in == {"3", "4"}


def test_trouble_while_orders_are_read_by_id_keeps_what_was_read(shop, truth):
    put_behind(shop, *(a_shipped_order(f"{n}", updated_at=in_days(-1)) for n in range(3)))
    shop.orders.trouble.extend([None, None, Unavailable("Nobody there.", operation="getOrder")])
    found = truth.orders(repair=True)
    assert found.read_in == {"0"}
    assert reasons(found) == ["2 doubtful orders, the first is 1: getOrder: Nobody there"]
    shop.orders.trouble.extend([None, RequestRejected("No.", operation="getOrder", status=400)])
    assert reasons(truth.orders(repair=True)) == [
        "2 doubtful orders, the first is 1: getOrder answered 400: No"
    ]


def test_an_order_that_cannot_be_read_is_set_aside_when_mending(shop, truth):
    put_behind(shop, an_order("1"))
    shop.orders.poison.add("1")
    found = truth.orders()
    assert found.doubts == ("open orders: 1 could not be read, the first is 1",)
    assert shop.quarantined() == []
    truth.orders(repair=True)
    assert shop.quarantined() == ["1"]
    assert truth.orders().differences == (), "it is told where it waits"


def test_an_order_of_the_report_that_cannot_be_read_by_id_is_set_aside(shop, truth):
    put_behind(shop, a_shipped_order("1", updated_at=in_days(-1)))
    shop.orders.poison.add("1")
    found = truth.orders(repair=True)
    assert reasons(found) == ["order 1: getOrder answered 200: orderItems is missing"]
    assert (found.read_in, shop.quarantined()) == (frozenset(), ["1"])


def test_a_look_alone_sets_nothing_aside(shop, truth):
    shop.orders.put(an_order("1"))
    shop.pull()
    shop.orders.put(a_shipped_order("1"))
    shop.orders.poison.add("1")
    assert reasons(truth.orders()) == ["order 1: getOrder answered 200: orderItems is missing"]
    assert shop.quarantined() == []


def test_an_order_that_the_report_names_and_amazon_does_not_know_is_doubtful(shop, truth):
    put_behind(shop, a_shipped_order("1", updated_at=in_days(-1)))
    truth.reports.keeps = tuple(shop.orders.orders.values())
    del shop.orders.orders["1"]
    found = truth.orders(repair=True)
    assert found.doubts == ("order 1: Amazon's report names it, and Amazon does not know it",)
    assert found.read_in == frozenset()


def test_rows_of_the_report_that_make_no_sense_are_counted(truth):
    truth.reports.nonsense = ("line 7", "line 9")
    assert truth.orders().doubts == ("report of orders: 2 could not be read, the first is line 7",)


# --- offers ------------------------------------------------------------------------------------------


def drifted(found):
    assert found.doubts == ()
    return {one.sku: (one.was.quantity, one.shown.quantity) for one in found.drifts}


def known_listings(shop, count=1, quantity=5):
    for number in range(count):
        shop.offers.list(f"S{number:03}", quantity)
    shop.pull_offers()


def test_listings_that_were_just_read_are_true_and_what_buyers_took_is_no_drift(shop, truth):
    known_listings(shop, 25)
    shop.clock.advance(hours=1)
    shop.offers.sell("S003", 4)
    found = truth.offers()
    assert (drifted(found), found.compared, found.gone, found.recorded) == ({}, 25, (), 0)


def test_a_listing_that_nobody_has_read_yet_is_news_and_no_drift(shop, truth):
    shop.offers.list("NEW", 5)
    assert drifted(truth.offers()) == {}
    assert truth.offers(repair=True).recorded == 1


def test_a_sold_out_listing_that_came_back_to_life_is_found_and_mended_by_plan_and_push(shop, truth):
    shop.offers.list(SKU, 3)
    shop.decide(**{SKU: 0})
    shop.push(apply=True, wait=60)
    assert shop.offers.live(SKU).quantity == 0
    shop.pull_offers()
    shop.clock.advance(hours=2)
    assert drifted(truth.offers()) == {}
    shop.offers.list(SKU, 8)
    found = truth.offers()
    assert drifted(found) == {SKU: (0, 8)}
    assert found.wanted[SKU].quantity == 0
    with shop.ledger.transaction() as books:
        assert books.offers.observed(ACCOUNT)[SKU].offer.quantity == 0, "a look alone records nothing"
        assert books.watch.drifts() == ()
    assert truth.offers(repair=True).recorded == 1
    with shop.ledger.transaction() as books:
        ((drift, now_shown),) = books.watch.drifts()
    assert (drift.was.quantity, drift.shown, now_shown) == (0, drift.shown, drift.shown)
    shop.plan()
    shop.push(apply=True, wait=60)
    assert shop.offers.live(SKU).quantity == 0
    shop.clock.advance(hours=1)
    assert drifted(truth.offers(repair=True)) == {}


def test_a_listing_that_came_back_before_anybody_looked_is_told_by_what_was_written(shop, truth):
    shop.offers.list(SKU, 3)
    shop.decide(**{SKU: 0})
    shop.push(apply=True, wait=60)
    shop.clock.advance(days=2)
    shop.offers.list(SKU, 3)
    with shop.ledger.transaction() as books:
        # The last look is of before the write and shows just the same: it alone would tell nothing.
        books.offers.record_observed([an_observed_offer(3, observed_at=shop.clock.now())])
    shop.clock.advance(hours=1)
    assert drifted(truth.offers()) == {SKU: (0, 3)}


@pytest.mark.parametrize("terms", [{"handling_days": 7}, {"restock_on": in_days(9).date()}])
def test_a_promise_that_somebody_moved_is_found(shop, truth, terms):
    known_listings(shop)
    shop.clock.advance(hours=1)
    shop.offers.list("S000", 5, **terms)
    assert drifted(truth.offers()) == {"S000": (5, 5)}


@pytest.mark.parametrize(("left", "words"), [(25, "show only 25 of the 40"), (0, "show none of the 40")])
def test_a_sweep_that_lacks_most_listings_is_not_believed_and_changes_nothing(shop, truth, left, words):
    known_listings(shop, 40)
    shop.clock.advance(hours=1)
    for number in range(left, 40):
        shop.offers.delist(f"S{number:03}")
    for number in range(left):
        shop.offers.list(f"S{number:03}", 99)
    found = truth.offers(repair=True)
    assert found.doubts == (f"Amazon's listings {words} known here",)
    assert (found.drifts, found.gone, found.recorded) == ((), (), 0)
    with shop.ledger.transaction() as books:
        assert {one.offer.quantity for one in books.offers.observed(ACCOUNT).values()} == {5}


def test_a_listing_gone_for_a_day_that_should_sell_is_told_as_gone(shop, truth):
    known_listings(shop, 15)
    shop.decide(S000=5, S001=0, **{f"S{n:03}": 5 for n in range(2, 15)})
    shop.offers.delist("S000")
    shop.offers.delist("S001")
    shop.clock.advance(hours=2)
    shop.pull_offers()
    assert truth.offers().gone == (), "it may come back"
    shop.clock.advance(hours=23)
    shop.pull_offers()
    found = truth.offers()
    assert (found.gone, found.doubts) == (("S000",), ()), "what is not to sell anything is nobody's loss"


def test_a_shop_that_shrank_long_ago_is_believed_again(shop, truth):
    known_listings(shop, 40)
    for number in range(25, 40):
        shop.offers.delist(f"S{number:03}")
    shop.pull_offers()
    assert truth.offers().doubts != ()
    shop.clock.advance(days=1)
    shop.pull_offers()
    assert truth.offers().doubts == ()


def test_a_listing_that_the_sweep_left_out_is_looked_at_by_itself(shop, truth):
    known_listings(shop, 3)
    shop.clock.advance(hours=1)
    shop.offers.list("S001", 9)
    shop.offers.hides = {"S001"}
    assert drifted(truth.offers()) == {"S001": (5, 9)}


def test_only_so_many_listings_are_looked_at_one_by_one(shop, truth, monkeypatch):
    monkeypatch.setattr("fbm_sync.flows.verify.offers._MOST_ASKED", 2)
    known_listings(shop, 12)
    shop.offers.hides = {f"S{number:03}" for number in range(5)}
    assert truth.offers().doubts == ("3 more listings that were not shown",)


def test_listings_that_cannot_be_read_are_a_doubt_and_not_gone(shop, truth):
    known_listings(shop, 3)
    shop.offers.unreadable = {"S001"}
    shop.clock.advance(days=2)
    found = truth.offers()
    assert (found.doubts, found.gone) == (("1 listings that cannot be read: S001",), ())


@pytest.mark.parametrize("page", [0, 1])
def test_a_sweep_that_breaks_off_tells_nothing(shop, truth, page):
    known_listings(shop, 25)
    shop.clock.advance(hours=1)
    shop.offers.list("S000", 9)
    shop.offers.trouble.extend([None] * page + [UnexpectedPayload("No.", operation="searchListingsItems")])
    found = truth.offers(repair=True)
    assert reasons(found) == ["listings: searchListingsItems: No"]
    assert (found.drifts, found.recorded) == ((), 0)


def test_what_was_decided_and_is_shown_is_no_drift_whoever_wrote_it(shop, truth):
    shop.offers.list(SKU, 3)
    shop.decide(**{SKU: 9})
    shop.clock.advance(hours=1)
    shop.offers.list(SKU, 9)
    assert drifted(truth.offers()) == {}
    shop.offers.list(SKU, 10)
    assert truth.offers().drifts[0].shown == Offer(quantity=10, handling_days=2)
