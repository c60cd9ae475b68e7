"""An emulated shop whose every answer is held against Amazon's models, and good requests to ask it."""

import gzip
import json
from dataclasses import dataclass, field, replace

import tally
from amazon_models import operation_at, operations
from emulated import MARKET, SELLER, Shop

LONG_AGO, YESTERDAY = "2026-01-01T00:00:00Z", "2026-03-01T20:00:00Z"
BY_CREATION = {"createdAfter": LONG_AGO, "createdBefore": YESTERDAY}
BY_UPDATE = {"lastUpdatedAfter": LONG_AGO, "lastUpdatedBefore": YESTERDAY}
ORDER = "111-0000000-0000001"
BUS = {"eventBridge": {"region": "us-east-1", "accountId": "123456789012"}}
QUEUE = "arn:aws:sqs:us-east-1:123456789012:orders"
JSON_TEXT = "application/json; charset=UTF-8"
LISTINGS_FEED = "JSON_LISTINGS_FEED"
ALL_LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
AVAILABILITY = "/attributes/fulfillment_availability"
EVERY_SECTION = (
    "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,"
    "FULFILLMENT,PACKAGES,TAX,PAYMENT,FULFILLMENT_ORDERS"
)
EVERY_SET = (
    "summaries,attributes,issues,offers,fulfillmentAvailability,procurement,relationships,productTypes"
)

CODES = {
    "orders_2026-01-01.json": "InvalidInput",
    "listingsItems_2021-08-01.json": "BAD_REQUEST",
    "feeds_2021-06-30.json": "400",
    "reports_2021-06-30.json": "400",
    "notifications.json": "InvalidInput",
}
"""What each API calls a request that breaks its rules."""


@dataclass(frozen=True)
class Request:
    """A request for one of Amazon's operations, in the words of its model."""

    operation: str
    path: dict = field(default_factory=dict)
    query: dict = field(default_factory=dict)
    body: object = None

    def but(self, *, path=None, body=None, **query):
        """The same with something else; a query parameter of None is left out."""
        merged = {name: value for name, value in (self.query | query).items() if value is not None}
        return replace(self, query=merged, path=self.path | (path or {}), body=body or self.body)


class WitnessedShop(Shop):
    """A shop that fails the test as soon as an answer is not as Amazon's models say."""

    counts_as = tally.RESPONSE

    def ask(self, method, path, **details):
        answer = super().ask(method, path, **details)
        if not answer.request.url.path.startswith(("/_emulator/", "/auth/", "/documents/")):
            self._look_at(answer)
        return answer

    def _look_at(self, answer):
        asked = answer.request.url.raw_path.decode().partition("?")[0]
        operation = operation_at(answer.request.method, asked)
        assert operation is not None, f"Amazon has no {answer.request.method} {asked}"
        status = answer.status_code
        assert status in operation.statuses, f"{operation.name} never answers {status}: {answer.text}"
        named = {name for name in answer.headers if name.startswith("x-amzn-")}
        assert {"x-amzn-requestid"} <= named <= operation.headers(status)
        if operation.schema(status) is None:
            assert answer.content == b""
        else:
            assert answer.headers["content-type"] == "application/json"
            assert operation.faults(operation.schema(status), answer.json()) == []
        if not answer.is_success:
            assert answer.json()["errors"], "a refusal says why"
            assert all(one["code"] and one["message"] for one in answer.json()["errors"])
        tally.count(self.counts_as, operation.name, status)

    def headers_for(self, operation):
        """A token of the kind the operation is open to."""
        if not operations()[operation].is_grantless:
            return self.headers
        form = {"grant_type": "client_credentials", "scope": "sellingpartnerapi::notifications"}
        form |= {"client_id": "c", "client_secret": "s"}
        token = self.ask("POST", "/auth/o2/token", data=form).json()["access_token"]
        return {"x-amz-access-token": token}

    def send(self, request, **details):
        """Send a request the way Amazon's model says that it is sent."""
        operation = operations()[request.operation]
        if "headers" not in details:
            details["headers"] = self.headers_for(request.operation)
        if request.body is not None:
            details["json"] = request.body
        address = operation.address(**request.path)
        return self.ask(operation.method, address, params=request.query, **details)

    def refuses(self, request, **details):
        """Send a request that breaks a rule, which must be refused in the words of its API."""
        answer = self.send(request, **details)
        assert answer.status_code == 400, f"{answer.status_code}: {answer.text}"
        code = CODES[operations()[request.operation].model_name]
        assert [one["code"] for one in answer.json()["errors"]] == [code]
        tally.count(tally.RULE, request.operation)

    def upload(self, content):
        """A feed document with that content; its id."""
        made = self.send(Request("createFeedDocument", body={"contentType": JSON_TEXT})).json()
        text = content if isinstance(content, str) else json.dumps(content)
        put = self.ask("PUT", made["url"], content=text, headers={"Content-Type": JSON_TEXT})
        assert put.status_code == 200, put.text
        return made["feedDocumentId"]

    def feed(self, content):
        """A listings feed with that content, in the queue; its id."""
        document_id = self.upload(content)
        return self.send(create_feed(document_id)).json()["feedId"]

    def report(self, kind=ALL_LISTINGS):
        """A report just ordered; its id."""
        return self.send(create_report(kind)).json()["reportId"]

    def fetch(self, request):
        """The text behind a document's address."""
        answer = self.send(request)
        content = self.ask("GET", answer.json()["url"], headers={}).content
        return gzip.decompress(content).decode()


def create_feed(document_id):
    """The request that submits a feed."""
    body = {"feedType": LISTINGS_FEED, "marketplaceIds": [MARKET], "inputFeedDocumentId": document_id}
    return Request("createFeed", body=body)


def create_report(kind=ALL_LISTINGS):
    """The request that orders a report."""
    body = {"reportType": kind, "marketplaceIds": [MARKET]}
    return Request("createReport", body=body | {"dataStartTime": LONG_AGO, "dataEndTime": YESTERDAY})


def a_feed(*messages):
    """A listings feed with these messages, or with one that changes a quantity."""
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 7}]
    usual = {"messageId": 1, "sku": "MUG", "operationType": "PATCH", "productType": "HOME"}
    usual |= {"patches": [{"op": "merge", "path": AVAILABILITY, "value": value}]}
    return {"header": {"sellerId": SELLER, "version": "2.0"}, "messages": list(messages) or [usual]}


def patch(*, mode="VALIDATION_PREVIEW", sku="MUG", **entry):
    """The request that changes what is on offer."""
    value = [{"fulfillment_channel_code": "DEFAULT"} | (entry or {"quantity": 4})]
    body = {"productType": "HOME", "patches": [{"op": "merge", "path": AVAILABILITY, "value": value}]}
    query = {"marketplaceIds": MARKET, "issueLocale": "en_US"}
    query |= {"mode": mode, "includedData": "identifiers,issues"} if mode else {}
    return Request("patchListingsItem", path={"sellerId": SELLER, "sku": sku}, query=query, body=body)


def destination(resource=None, name="main"):
    """The request that names a place for notifications."""
    resource = {"sqs": {"arn": QUEUE}} if resource is None else resource
    return Request("createDestination", body={"name": name, "resourceSpecification": resource})


def subscription(destination_id, kind="ORDER_CHANGE", version="1.0", **more):
    """The request that subscribes to one type of notification."""
    body = {"payloadVersion": version, "destinationId": destination_id} | more
    return Request("createSubscription", path={"notificationType": kind}, body=body)


def order_changes(**chosen):
    """A directive that narrows down which order changes are told."""
    return {"processingDirective": {"eventFilter": {"eventFilterType": "ORDER_CHANGE"} | chosen}}


def lived_in(**scenario):
    """A shop in which everything exists that a request may ask for, and its good requests.

    Some operations have several of them, as not all of their parameters go together.
    """
    issue = {"code": "1", "message": "m", "severity": "WARNING", "categories": ["MISSING_IMAGE"]}
    by_amazon = [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 2}]
    listings = [
        {"sku": "MUG", "quantity": 10, "price": "9.50", "handling_days": 3, "issues": [issue]},
        {"sku": "BOWL", "quantity": 3, "channels": by_amazon},
    ]
    shop = WitnessedShop(listings=listings, **scenario)
    shop.control("orders", {"place": [{"order_id": ORDER, "items": [{"sku": "MUG", "quantity": 1}]}]})
    done, report = shop.feed(a_feed()), shop.report()
    shop.advance(seconds=60)
    shop.control("feeds", {"frozen": True})
    good = [*_about_orders(), *_about_listings(), Request("getMarketplaceParticipations")]
    good += [*_about_feeds(shop, done), *_about_reports(shop, report), *_about_notifications(shop)]
    return shop, good


def _about_orders():
    filters = {
        "fulfillmentStatuses": "UNSHIPPED,SHIPPED",
        "marketplaceIds": MARKET,
        "fulfilledBy": "MERCHANT",
    }
    filters |= {"maxResultsPerPage": 50, "includedData": EVERY_SECTION}
    yield Request("searchOrders", query=BY_UPDATE | filters)
    yield Request("searchOrders", query=BY_CREATION | filters)
    yield Request("getOrder", path={"orderId": ORDER}, query={"includedData": EVERY_SECTION})


def _about_listings():
    seen = {"marketplaceIds": MARKET, "issueLocale": "en_US", "includedData": EVERY_SET}
    sought = {"withIssueSeverity": "WARNING,ERROR", "withStatus": "BUYABLE", "withoutStatus": "DISCOVERABLE"}
    sought |= {"sortBy": "sku", "sortOrder": "ASC", "pageSize": 5}
    search = Request("searchListingsItems", path={"sellerId": SELLER}, query=seen | sought)
    yield search.but(identifiers="MUG,BOWL", identifiersType="SKU", **BY_CREATION, **BY_UPDATE)
    yield search.but(variationParentSku="MUG")
    yield search.but(packageHierarchySku="MUG")
    yield Request("getListingsItem", path={"sellerId": SELLER, "sku": "MUG"}, query=seen)
    yield patch()


_JOBS = {
    "marketplaceIds": MARKET,
    "pageSize": 10,
    "processingStatuses": "DONE,IN_QUEUE",
    "createdSince": LONG_AGO,
    "createdUntil": YESTERDAY,
}
_UNPACKED = {"enableContentEncodingUrlHeader": "true"}


def _about_feeds(shop, done):
    waiting = shop.feed(a_feed())
    result = shop.send(Request("getFeed", path={"feedId": done})).json()["resultFeedDocumentId"]
    yield Request("createFeedDocument", body={"contentType": JSON_TEXT})
    yield create_feed(shop.upload(a_feed()))
    yield Request("getFeed", path={"feedId": done})
    yield Request("getFeeds", query={"feedTypes": LISTINGS_FEED} | _JOBS)
    yield Request("cancelFeed", path={"feedId": waiting})
    yield Request("getFeedDocument", path={"feedDocumentId": result}, query=_UNPACKED)


def _about_reports(shop, done):
    waiting = shop.report()
    result = shop.send(Request("getReport", path={"reportId": done})).json()["reportDocumentId"]
    yield create_report()
    yield Request("getReport", path={"reportId": done})
    yield Request("getReports", query={"reportTypes": ALL_LISTINGS} | _JOBS)
    yield Request("cancelReport", path={"reportId": waiting})
    yield Request("getReportDocument", path={"reportDocumentId": result}, query=_UNPACKED)


def _about_notifications(shop):
    place = shop.send(destination()).json()["payload"]["destinationId"]
    unused = shop.send(destination(BUS, "bus")).json()["payload"]["destinationId"]
    kind, version = "REPORT_PROCESSING_FINISHED", "2020-09-04"
    made = shop.send(subscription(place, kind, version)).json()["payload"]["subscriptionId"]
    chosen = order_changes(marketplaceIds=[MARKET], orderChangeTypes=["OrderStatusChange"])
    listed = {"notificationTypes": kind, "payloadVersion": version, "pageSize": 30}
    one = {"notificationType": kind, "subscriptionId": made}
    yield destination(name="another")
    yield destination(BUS, "another bus")
    yield Request("getDestinations")
    yield Request("getDestination", path={"destinationId": place})
    yield Request("deleteDestination", path={"destinationId": unused})
    yield subscription(place, **chosen)
    yield Request("getSubscriptions", query=listed)
    yield Request("getSubscription", path={"notificationType": kind}, query={"payloadVersion": version})
    yield Request("getSubscriptionById", path=one)
    yield Request("deleteSubscriptionById", path=one)
