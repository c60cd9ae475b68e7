"""Every answer Amazon shows for the operations we use, over real HTTP through our own doors, read right.

And what we send on the way: each request goes where Amazon has the operation, with its parameters only.
`test_orders_examples` and `test_listings_examples` look at every field of the two that matter most.
"""

import json
from datetime import UTC, date, datetime

import pytest

from fbm_sync.adapters.spapi.jobs import JobState, required
from fbm_sync.adapters.spapi.notifications import Standing, Wanted
from fbm_sync.adapters.spapi.operations import OPERATIONS
from fbm_sync.adapters.spapi.reports import ReportKind
from fbm_sync.domain.change import FeedTicket, PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.errors import RequestRejected
from fbm_sync.ports import OrderWindow

import tally
from amazon_models import (
    ARE_HERE,
    WHY_SKIPPED,
    operation_at,
    operations,
    path_values,
    samples,
)
from misbehaving import START, Reply

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

NOT_FOUND = Reply(status=404, body={"errors": [{"code": "NotFound", "message": "There is none."}]})
KINDS_TO_QUEUE = 4
CHANGE = OfferChange(
    account="main",
    sku="GM-ZDPI-9B4E",
    product_type="LUGGAGE",
    before=Offer(quantity=100, handling_days=None),
    after=Offer(quantity=5, handling_days=3, restock_on=date(2026, 3, 20)),
)
TICKET = FeedTicket(feed_id="FeedId1", submitted_at=START, changes=(CHANGE,))


# --- what each of them must be read as


def search_orders(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    page = account.orders.page(OrderWindow(since=datetime(2024, 12, 20, tzinfo=UTC)))
    assert page.unreadable == ()
    assert [one.order_id for one in page.orders] == [one["orderId"] for one in sample.body["orders"]]
    token = sample.body.get("pagination", {}).get("nextToken")
    assert (page.next_token is None) == (token is None)
    if token is not None:
        assert page.next_token.endswith(token)
    bound = sample.body.get("lastUpdatedBefore")
    assert page.read_up_to == (bound and datetime.fromisoformat(bound))


def get_order(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    shown = sample.body["order"]
    order = account.orders.order(shown["orderId"])
    assert order.order_id == shown["orderId"]
    assert order.status == shown["fulfillment"]["fulfillmentStatus"]
    lines = [(one.order_item_id, one.ordered_units) for one in order.items]
    assert lines == [(one["orderItemId"], one["quantityOrdered"]) for one in shown["orderItems"]]


def get_listing(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    sku = sample.body["sku"]
    ((found, seen),) = account.offers.observe([sku]).items()
    assert (found, seen.title) == (sku, sample.body["summaries"][0]["itemName"])


def search_listings(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    page = next(account.offers.sweep())
    assert page.unreadable == ()
    assert [one.sku for one in page.offers] == [one["sku"] for one in sample.body["items"]]
    assert page.expected_total == sample.body["numberOfResults"]


def patch(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    is_preview = sample.body["status"] == "VALID" or sample.request.get("mode") == "VALIDATION_PREVIEW"
    receipt = (account.offers.preview if is_preview else account.offers.apply)(CHANGE)
    outcomes = {
        "ACCEPTED": PushOutcome.ACCEPTED,
        "VALID": PushOutcome.VALID,
        "INVALID": PushOutcome.REJECTED,
    }
    assert receipt.outcome is outcomes[sample.body["status"]]
    assert receipt.submission_id == sample.body["submissionId"]
    for problem, issue in zip(receipt.problems, sample.body["issues"], strict=True):
        assert problem.startswith(f"{issue['code']}: {issue['message']}".rstrip("."))


def create_feed_document(amazon, account, sample):
    amazon.answer(Reply(status=201, body=sample.body))
    answer = account.gateway.call("createFeedDocument", body={"contentType": "application/json"})
    assert required(answer, sample.operation, "feedDocumentId") == sample.body["feedDocumentId"]
    assert required(answer, sample.operation, "url").startswith("https://")


def create_feed(amazon, account, sample):
    place = {"feedDocumentId": "document", "url": f"{amazon.url}/documents/1"}
    amazon.answer(Reply(status=201, body=place), Reply(), Reply(status=202, body=sample.body))
    ticket = account.feeds.submit([CHANGE])
    assert (ticket.feed_id, ticket.changes) == (sample.body["feedId"], (CHANGE,))


def get_feed(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    assert account.feeds.state(TICKET) is JobState(sample.body["processingStatus"])


def get_feeds(amazon, account, sample):
    """Asked when nobody knows whether a feed was made; the one shown is of another type, so not ours."""
    place = {"feedDocumentId": "document", "url": f"{amazon.url}/documents/1"}
    broken = Reply(status=503, body="<html>")
    amazon.answer(Reply(status=201, body=place), Reply(), broken)
    amazon.answer(Reply(body=sample.body), Reply(body=sample.body), Reply(status=202, body={"feedId": "new"}))
    assert account.feeds.submit([CHANGE]).feed_id == "new"


def cancel_feed(amazon, account, sample):
    assert sample.body is None
    amazon.answer(Reply())
    assert account.gateway.call("cancelFeed", sample.request["feedId"]).status == 200


def get_document(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    (name,) = (key for key in sample.body if key.endswith("DocumentId"))
    answer = account.gateway.call(sample.operation, sample.body[name])
    assert required(answer, sample.operation, name) == sample.body[name]
    assert required(answer, sample.operation, "url").startswith("https://")


def create_report(amazon, account, sample):
    amazon.answer(Reply(status=202, body=sample.body))
    kind = ReportKind(sample.request["body"]["reportType"])
    since = datetime.fromisoformat(sample.request["body"]["dataStartTime"])
    assert account.reports.order(kind, since) == sample.body["reportId"]


def get_report(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    assert account.reports.state("ID323") is JobState(sample.body["processingStatus"])


def get_reports(amazon, account, sample):
    """Asked when nobody knows whether a report was ordered; the one shown is another."""
    broken = Reply(status=503, body="<html>")
    amazon.answer(broken, Reply(body=sample.body), Reply(body=sample.body))
    amazon.answer(Reply(status=202, body={"reportId": "new"}))
    assert account.reports.order(ReportKind.OPEN_LISTINGS) == "new"


def participations(amazon, account, sample):
    amazon.answer(Reply(body=sample.body))
    (found,) = account.participations()
    (shown,) = sample.body["payload"]
    place, part = shown["marketplace"], shown["participation"]
    assert (found.marketplace, found.country) == (place["id"], place["countryCode"])
    assert (found.sells, found.suspended) == (part["isParticipating"], part["hasSuspendedListings"])


QUEUE = "arn:aws:sqs:us-east-2:444455556666:queue1"
WANTED = Wanted(queue_arn=QUEUE)


def place(destination_id="mine"):
    return {"destinationId": destination_id, "name": "mine", "resource": {"sqs": {"arn": QUEUE}}}


def get_destinations(amazon, account, sample):
    amazon.answer(Reply(body=sample.body), *[NOT_FOUND] * KINDS_TO_QUEUE)
    found, *others = account.subscriptions.status(WANTED)
    assert (found.standing, found.detail) == (Standing.PRESENT, "SQSDestination")
    assert {one.standing for one in others} == {Standing.MISSING}


def create_destination(amazon, account, sample):
    subscribed = Reply(
        body={"payload": {"subscriptionId": "s", "destinationId": "d", "payloadVersion": "1.0"}}
    )
    amazon.answer(Reply(body={"payload": []}), Reply(body=sample.body))
    amazon.answer(*[NOT_FOUND, subscribed] * KINDS_TO_QUEUE)
    made, *_ = account.subscriptions.setup(WANTED)
    assert (made.standing, made.detail) == (Standing.MADE, "SQSDestination")
    sent = [json.loads(seen.body) for seen in amazon.calls if seen.path.endswith("_CHANGE") and seen.body]
    assert [one["destinationId"] for one in sent] == [sample.body["payload"]["destinationId"]]


def get_subscription(amazon, account, sample):
    payload = sample.body["payload"]
    there = Reply(body={"payload": [place(payload["destinationId"])]})
    amazon.answer(there, *[Reply(body=sample.body)] * KINDS_TO_QUEUE)
    _, *found = account.subscriptions.status(WANTED)
    assert {one.standing for one in found} == {Standing.PRESENT}
    assert {one.detail for one in found} == {f"version {payload['payloadVersion']}"}
    amazon.answer(Reply(body={"payload": [place()]}), *[Reply(body=sample.body)] * KINDS_TO_QUEUE)
    _, *found = account.subscriptions.status(WANTED)
    assert {one.detail for one in found} == {f"goes to destination {payload['destinationId']}"}


def create_subscription(amazon, account, sample):
    amazon.answer(Reply(body={"payload": [place()]}))
    amazon.answer(*[NOT_FOUND, Reply(body=sample.body)] * KINDS_TO_QUEUE)
    _, *made = account.subscriptions.setup(WANTED)
    assert {one.standing for one in made} == {Standing.MADE}


def delete_subscription(amazon, account, sample):
    elsewhere = {"subscriptionId": "theirs", "destinationId": "theirs", "payloadVersion": "1.0"}
    made = Reply(body={"payload": elsewhere | {"destinationId": "mine"}})
    amazon.answer(Reply(body={"payload": [place()]}))
    amazon.answer(*[Reply(body={"payload": elsewhere}), Reply(body=sample.body), made] * KINDS_TO_QUEUE)
    _, *found = account.subscriptions.setup(WANTED, replace=True)
    assert {one.standing for one in found} == {Standing.MADE}
    ended = [seen for seen in amazon.calls if seen.method == "DELETE"]
    named = [path_values(operations()[sample.operation], seen.path)["subscriptionId"] for seen in ended]
    assert named == ["theirs"] * KINDS_TO_QUEUE


READERS = {
    "searchOrders": search_orders,
    "getOrder": get_order,
    "getListingsItem": get_listing,
    "searchListingsItems": search_listings,
    "patchListingsItem": patch,
    "createFeedDocument": create_feed_document,
    "createFeed": create_feed,
    "getFeed": get_feed,
    "getFeeds": get_feeds,
    "cancelFeed": cancel_feed,
    "getFeedDocument": get_document,
    "createReport": create_report,
    "getReport": get_report,
    "getReports": get_reports,
    "getReportDocument": get_document,
    "getDestinations": get_destinations,
    "createDestination": create_destination,
    "getSubscription": get_subscription,
    "createSubscription": create_subscription,
    "deleteSubscriptionById": delete_subscription,
    "getMarketplaceParticipations": participations,
}


@pytest.mark.parametrize("sample", samples(*READERS), ids=str)
def test_what_amazon_shows_is_read_right(amazon, account, sample):
    if sample.body is not None:
        operation = operations()[sample.operation]
        assert operation.faults(operation.schema(sample.status), sample.body) == []
    READERS[sample.operation](amazon, account, sample)
    asked = {operation_at(seen.method, seen.path) for seen in amazon.calls}
    assert operations()[sample.operation] in asked
    tally.count(tally.EXAMPLE, sample.operation, sample.status)


def test_every_operation_we_use_is_shown_by_amazon_and_read_here():
    assert set(OPERATIONS) == set(READERS)
    assert {sample.operation for sample in samples(*READERS)} == set(READERS)


# --- what is refused


REFUSALS = [sample for name in READERS if name in operations() for sample in operations()[name].samples(400)]


@pytest.mark.parametrize("sample", REFUSALS, ids=str)
def test_a_refusal_amazon_shows_becomes_an_error_that_says_why(amazon, account, sample):
    amazon.answer(Reply(status=400, body=sample.body))
    path = {
        one: "A" for one, spec in operations()[sample.operation].parameters.items() if spec["in"] == "path"
    }
    body = {} if operations()[sample.operation].body_schema else None
    with pytest.raises(RequestRejected) as caught:
        account.gateway.call(sample.operation, *path.values(), body=body)
    (error,) = sample.body["errors"]
    assert caught.value.status == 400
    assert f"{error['code']}: {error['message']}" in str(caught.value)
    amazon.calls.clear()  # what the sandbox wants to be asked is not what Amazon's model allows
    tally.count(tally.EXAMPLE, sample.operation, sample.status)
