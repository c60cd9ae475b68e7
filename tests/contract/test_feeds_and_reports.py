"""Feeds and reports at the emulated Amazon: what is handed in happens, and what is reported is so."""

import json
from datetime import date, datetime, timedelta

import pytest

from fbm_sync.adapters.spapi.jobs import JobState
from fbm_sync.adapters.spapi.reports import ReportKind
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.order import Fulfiller, lines_by_order
from fbm_sync.domain.performance import AccountStatus
from fbm_sync.errors import ReportCancelled, RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.ports import ReportSource

from seller import MARKET, START, open_seller

LISTINGS = [
    {"sku": "MUG", "title": 'Mug, 4" high', "quantity": 40, "price": "14.90", "product_type": "DRINKWARE"},
    {"sku": "APRON", "quantity": 7, "price": "27.50", "handling_days": 5, "restock_on": "2026-03-20"},
    {"sku": "Schüssel/1", "title": "Schüssel, grün", "quantity": 4, "price": "9.00"},
    {
        "sku": "THEIRS",
        "merchant": False,
        "channels": [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 3}],
    },
]


@pytest.fixture
def shop(tmp_path):
    with open_seller(tmp_path, listings=LISTINGS) as seller:
        yield seller


@pytest.fixture
def feeds(shop):
    return shop.account.feeds


@pytest.fixture
def reports(shop) -> ReportSource:
    return shop.account.reports


@pytest.fixture
def open_shop(tmp_path):
    def open_shop(**scenario):
        return open_seller(tmp_path, **({"listings": LISTINGS} | scenario))

    return open_shop


def change(shop, sku, **wanted):
    seen = shop.seen(sku)
    before = seen.offer
    wanted = {
        "quantity": before.quantity,
        "handling_days": before.handling_days,
        "restock_on": before.restock_on,
    } | wanted
    return OfferChange(
        account="main", sku=sku, product_type=seen.product_type, before=before, after=Offer(**wanted)
    )


def missing(sku):
    before, after = Offer(quantity=1, handling_days=None), Offer(quantity=0, handling_days=None)
    return OfferChange(account="main", sku=sku, product_type="HOME", before=before, after=after)


def hand_in(shop, *changes):
    ticket = shop.account.feeds.submit(changes)
    assert shop.account.feeds.wait(ticket) is JobState.DONE
    return [receipt.outcome for receipt in shop.account.feeds.receipts(ticket)]


# --- feeds --------------------------------------------------------------------------------------------


def test_changes_in_a_feed_happen_as_single_ones_would(shop, feeds):
    changes = [
        change(shop, "MUG", quantity=0),
        change(shop, "APRON", handling_days=None, restock_on=None),
        change(shop, "Schüssel/1", quantity=9, handling_days=4, restock_on=date(2026, 3, 25)),
    ]
    assert hand_in(shop, *changes) == [PushOutcome.ACCEPTED] * 3
    shop.advance(hours=1)
    assert [shop.seen(one.sku).offer for one in changes] == [one.after for one in changes]


def test_a_feed_leaves_what_it_does_not_name(shop):
    hand_in(shop, change(shop, "APRON", quantity=1))
    shop.advance(hours=1)
    assert shop.seen("APRON").offer == Offer(quantity=1, handling_days=5, restock_on=date(2026, 3, 20))


def test_one_bad_change_costs_the_others_nothing(shop, feeds):
    ticket = feeds.submit([change(shop, "MUG", quantity=5), missing("GONE")])
    feeds.wait(ticket)
    good, bad = feeds.receipts(ticket)
    assert (good.outcome, good.problems) == (PushOutcome.ACCEPTED, ())
    assert bad.outcome is PushOutcome.REJECTED
    assert "GONE" in bad.problems[0]
    shop.advance(hours=1)
    assert shop.seen("MUG").offer.quantity == 5


@pytest.mark.parametrize("trouble", [{"status": 503, "body": "html"}, {"reset": True}, {"cut": True}])
@pytest.mark.parametrize("arrives", [True, False])
def test_whatever_befalls_the_submission_there_is_one_feed(shop, feeds, trouble, arrives):
    shop.fault(operation="createFeed", count=1, after=arrives, **trouble)
    outcome = hand_in(shop, change(shop, "MUG", quantity=5))
    assert outcome == [PushOutcome.ACCEPTED]
    assert len(shop.control("state")["feeds"]) == 1


def test_an_upload_address_may_expire_before_it_is_used(shop, feeds):
    gateway = shop.account.gateway
    call, upload = gateway.call, gateway.documents.upload

    def dawdle(*words):
        gateway.documents.upload = upload
        shop.advance(minutes=6)
        upload(*words)

    gateway.documents.upload = dawdle
    assert hand_in(shop, change(shop, "MUG", quantity=5)) == [PushOutcome.ACCEPTED]
    assert gateway.call == call
    assert gateway.requests["createFeedDocument"] == 2


def test_a_frozen_feed_is_waited_for_only_so_long(shop, feeds):
    shop.control("feeds", {"frozen": True})
    ticket = feeds.submit([change(shop, "MUG", quantity=5)])
    before = shop.now()
    assert feeds.wait(ticket, patience_seconds=600) is JobState.IN_QUEUE
    assert shop.now() - before == timedelta(seconds=600)
    assert feeds.receipts(ticket) == ()
    shop.control("feeds", {"frozen": False})
    assert feeds.wait(ticket) is JobState.DONE


def test_a_feed_cancelled_in_the_queue_changes_nothing(shop, feeds):
    shop.control("feeds", {"frozen": True})
    ticket = feeds.submit([change(shop, "MUG", quantity=5)])
    shop.account.gateway.call("cancelFeed", ticket.feed_id)
    assert feeds.wait(ticket) is JobState.CANCELLED
    assert [receipt.outcome for receipt in feeds.receipts(ticket)] == [PushOutcome.FAILED]
    shop.advance(hours=1)
    assert shop.seen("MUG").offer.quantity == 40


def test_a_feed_amazon_gives_up_on_leaves_its_changes_uncertain(shop, feeds):
    feeds._seller_id = "A1SOMEBODYELSE"
    ticket = feeds.submit([change(shop, "MUG", quantity=5)])
    assert feeds.wait(ticket) is JobState.FATAL
    (receipt,) = feeds.receipts(ticket)
    assert receipt.outcome is PushOutcome.UNKNOWN
    assert len(receipt.problems) == 2  # ours, and Amazon's reason


# --- reports ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("packing", "charset"), [("GZIP", "cp1252"), ("none", "UTF-8")])
def test_listings_are_reported_as_they_are_however_they_are_written(open_shop, packing, charset):
    with open_shop(document_compression=packing, report_charset=charset) as shop:
        shop.edit(sku="APRON", quantity=0)
        found = shop.account.reports.merchant_listings()
        assert found.unreadable == ()
        assert {one.sku: (one.quantity, one.channel, one.marketplace) for one in found.listings} == {
            "MUG": (40, "DEFAULT", MARKET),
            "APRON": (0, "DEFAULT", MARKET),
            "Schüssel/1": (4, "DEFAULT", MARKET),
            "THEIRS": (None, "AMAZON_NA", MARKET),
        }
        assert all(one.status for one in found.listings)
        sold = {one.sku: one.quantity for one in shop.account.reports.open_listings().listings}
        assert sold["MUG"] == 40


def test_orders_are_reported_line_by_line(shop, reports):
    first = shop.sell("MUG", 2)
    (placed,) = shop.control(
        "orders",
        {"place": [{"items": [{"sku": "MUG", "quantity": 1}, {"sku": "Schüssel/1", "quantity": 3}]}]},
    )["place"]
    shop.advance(hours=2)
    start = datetime.fromisoformat(START)
    found = reports.orders_by_last_update(start, shop.now())
    assert found.unreadable == ()
    by_order = lines_by_order(found.lines)
    assert [(line.sku, line.units) for line in by_order[first]] == [("MUG", 2)]
    assert [(line.sku, line.units) for line in by_order[placed["order_id"]]] == [
        ("MUG", 1),
        ("Schüssel/1", 3),
    ]
    for line in found.lines:
        assert line.fulfilled_by is Fulfiller.MERCHANT
        assert start <= line.created_at <= line.updated_at <= shop.now()
    true = {one for one in shop.true_orders() if one in by_order}
    assert true == set(by_order)


def test_amazon_with_nothing_to_report_says_so_by_cancelling(shop, reports):
    until = shop.now() - timedelta(days=1)
    with pytest.raises(ReportCancelled):
        reports.orders_by_last_update(until - timedelta(days=1), until)


def test_the_same_report_too_soon_is_cancelled_and_not_taken_for_an_empty_shop(open_shop):
    with open_shop(report_interval_seconds=3600) as shop:
        assert len(shop.account.reports.merchant_listings().listings) == 4
        with pytest.raises(ReportCancelled):
            shop.account.reports.merchant_listings()
        shop.advance(hours=2)
        assert len(shop.account.reports.merchant_listings().listings) == 4


@pytest.mark.parametrize("trouble", [{"status": 503, "body": "html"}, {"reset": True}])
@pytest.mark.parametrize("arrives", [True, False])
def test_whatever_befalls_the_order_there_is_one_report(shop, reports, trouble, arrives):
    shop.fault(operation="createReport", count=1, after=arrives, **trouble)
    assert len(reports.merchant_listings().listings) == 4
    assert len(shop.control("state")["reports"]) == 1


def test_a_report_that_takes_too_long_is_not_ordered_twice(open_shop):
    with open_shop(report_seconds=3600) as shop:
        with pytest.raises(Unavailable, match="not finished yet"):
            shop.account.reports.merchant_listings(patience_seconds=600)
        assert len(shop.account.reports.merchant_listings(patience_seconds=3600).listings) == 4
        assert len(shop.control("state")["reports"]) == 1


@pytest.mark.parametrize(
    "trouble",
    [{"reset": True}, {"cut": True}, {"gzip": "cut"}, {"status": 503, "body": "html"}, {"redirect": True}],
)
def test_a_document_cut_off_on_its_way_is_fetched_again(shop, reports, trouble):
    shop.fault(operation="downloadDocument", count=1, **trouble)
    assert len(reports.merchant_listings().listings) == 4
    assert shop.account.gateway.requests["downloadDocument"] == 2
    assert shop.account.gateway.requests["getReportDocument"] == 1


def test_a_document_in_another_charset_than_it_says_is_not_garbled(shop, reports):
    shop.fault(operation="downloadDocument", count=1, charset="wrong")
    with pytest.raises(UnexpectedPayload, match="not utf-8 text"):
        reports.merchant_listings()


@pytest.mark.parametrize(
    ("spelling", "word", "status"),
    [
        ("schema", "NORMAL", AccountStatus.NORMAL),
        ("example", "DEACTIVATED", AccountStatus.DEACTIVATED),
    ],
)
def test_amazons_verdict_is_read_in_both_of_its_spellings(open_shop, spelling, word, status):
    with open_shop(performance_spelling=spelling, account_status=word) as shop:
        order_id = shop.sell("MUG")
        shop.advance(days=6)
        shop.do("ship", order_id=order_id)
        shop.advance(hours=1)
        (market,) = shop.account.reports.seller_performance().marketplaces
        assert (market.marketplace, market.status) == (MARKET, status)
        late = market.metric("LSR")
        assert (late.numerator, late.denominator) == (1, 1)
        assert late.rate == 1
        assert late.verdict == "BAD"
        assert late.target is not None
        assert late.since < late.until <= shop.now() + timedelta(days=1)
        assert market.metric("CR").numerator == 0
        assert {"VTR", "OTDR", "ODR", "documentRequests"} <= {one.name for one in market.metrics}
        assert market.rating


def test_a_report_amazon_does_not_know_is_refused(shop):
    with pytest.raises(RequestRejected):
        shop.account.reports.text("no-such-report")


def test_what_is_fetched_is_what_amazon_reports(shop):
    report_id = shop.account.reports.order(ReportKind.SELLER_PERFORMANCE)
    assert shop.account.reports.wait(report_id) is JobState.DONE
    assert set(json.loads(shop.account.reports.text(report_id))) == {"accountStatuses", "performanceMetrics"}
