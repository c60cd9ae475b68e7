"""What we write is as Amazon's models say; documents and notifications Amazon shows are read right."""

import json
from datetime import date, timedelta

import pytest

from fbm_sync.adapters.spapi.feeds import read_report, receipts_of, write_feed
from fbm_sync.adapters.spapi.hints import read_hint
from fbm_sync.adapters.spapi.jobs import JobState
from fbm_sync.adapters.spapi.listings import patch_for
from fbm_sync.adapters.spapi.performance import read_performance
from fbm_sync.adapters.spapi.reports import ReportKind
from fbm_sync.domain.change import FeedTicket
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.ports import JobFinished, ListingChanged, OrderChanged, OrderWindow

import tally
from amazon_models import ARE_HERE, MODELS, WHY_SKIPPED, model, operations, schema_faults
from misbehaving import START, Reply

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

CHANGE = OfferChange(
    account="main",
    sku="GM-ZDPI-9B4E",
    product_type="LUGGAGE",
    before=Offer(quantity=100, handling_days=None),
    after=Offer(quantity=5, handling_days=3, restock_on=date(2026, 3, 20)),
)
TICKET = FeedTicket(feed_id="FeedId1", submitted_at=START, changes=(CHANGE,))
CHANGES = [
    CHANGE,
    OfferChange(
        account="main",
        sku="A/B 1",
        product_type="PRODUCT",
        before=Offer(quantity=3, handling_days=2, restock_on=date(2026, 3, 20)),
        after=Offer(quantity=0, handling_days=None, restock_on=None),
    ),
    OfferChange(
        account="main",
        sku="Teekanne, groß",
        product_type="HOME",
        before=Offer(quantity=3, handling_days=2),
        after=Offer(quantity=4, handling_days=2),
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.sku)
def test_our_patches_are_as_amazons_model_says(change):
    operation = operations()["patchListingsItem"]
    assert operation.faults(operation.body_schema, patch_for(change)) == []
    tally.count(tally.DOCUMENT, "our patches")


def test_our_feeds_are_as_amazons_schemas_say():
    feed = json.loads(write_feed(CHANGES, "A1SELLER"))
    assert schema_faults("listings-feed-schema-v2.json", feed) == []
    for message in feed["messages"]:
        assert schema_faults("listings-feed-message-schema-v2.json", message) == []
        tally.count(tally.DOCUMENT, "messages of our feeds")
    tally.count(tally.DOCUMENT, "our feeds")


@pytest.mark.parametrize("kind", ReportKind)
def test_our_orders_of_reports_are_as_amazons_model_says(amazon, account, kind):
    amazon.answer(Reply(status=202, body={"reportId": "1"}))
    assert account.reports.order(kind, START - timedelta(days=1), START) == "1"


def test_many_listings_are_asked_for_as_amazons_model_says(amazon, account):
    amazon.answer(*[Reply(body={"numberOfResults": 0, "items": []})] * 2)
    assert account.offers.observe([f"SKU-{number}" for number in range(21)]) == {}


def test_an_order_page_is_asked_for_as_amazons_model_says(amazon, account):
    amazon.answer(Reply(body={"orders": [], "pagination": {"nextToken": "more"}}), Reply(body={"orders": []}))
    window = OrderWindow(since=START - timedelta(days=1), until=START - timedelta(hours=1))
    account.orders.page(window, account.orders.page(window).next_token)


# --- documents and notifications Amazon shows


def test_amazons_processing_report_is_read_right():
    told = json.loads((MODELS / "listings-feed-processing-report-schema-v2.example.json").read_text())
    assert schema_faults("listings-feed-processing-report-schema-v2.json", told) == []
    report = read_report(json.dumps(told), told["header"]["feedId"])
    receipts = receipts_of(TICKET, JobState.DONE, report, START)
    assert [one.change for one in receipts] == [CHANGE]
    tally.count(tally.EXAMPLE, "feed processing report")


def test_amazons_account_health_report_is_read_right_although_its_schema_is_not_kept_by_it():
    (shown,) = model("accountHealthReport-2020-11-18.json")["examples"]
    assert schema_faults("accountHealthReport-2020-11-18.json", shown)
    read = read_performance(json.dumps(shown), "main")
    assert [one.marketplace for one in read.marketplaces] == [
        one["marketplaceId"] for one in shown["accountStatuses"]
    ]
    (figures,) = shown["performanceMetrics"]
    rates = {one.name: one.rate for one in read.marketplaces[0].metrics}
    assert float(rates["LSR"]) == figures["lateShipmentRate"]["rate"]
    assert float(rates["CR"]) == figures["prefulfillmentCancelRate"]["rate"]
    tally.count(tally.EXAMPLE, "account health report")


def notifications():
    names = [
        "OrderChangeNotification",
        "ListingsItemMfnQuantityChange",
        "ListingsItemIssuesChangeNotification",
    ]
    names += ["ListingsItemIssuesChangeNotification_2023-12-13"]
    names += ["FeedProcessingFinishedNotification", "ReportProcessingFinishedNotification"]
    found = []
    for name in names if ARE_HERE else ():
        for number, shown in enumerate(model(f"{name}.json")["examples"], start=1):
            found.append(pytest.param(f"{name}.json", shown, id=f"{name} {number}"))
    return found


@pytest.mark.parametrize(("name", "shown"), notifications())
def test_a_notification_amazon_shows_is_read_right(name, shown):
    assert schema_faults(name, shown) == []
    hint = read_hint(shown)
    assert hint is not None
    written = json.dumps(shown)
    ids = {OrderChanged: "order_id", ListingChanged: "sku", JobFinished: "job_id"}
    assert json.dumps(getattr(hint.news, ids[type(hint.news)])) in written
    assert json.dumps(hint.hint_id) in written
    tally.count(tally.EXAMPLE, hint.news.__class__.__name__)
