"""python-amazon-sp-api as a seller's program uses it: only its public parameters point it anywhere."""

import io
import json
from types import SimpleNamespace

from sp_api.api import Notifications, Reports, Sellers
from sp_api.api.feeds.feeds_2021_06_30 import FeedsV20210630
from sp_api.api.listings_items.listings_items_2021_08_01 import ListingsItemsV20210801
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.auth import AccessTokenClient
from sp_api.base.exceptions import SellingApiException


class PythonAmazonSpApi:
    """One seller's program on this client."""

    package = "python-amazon-sp-api"
    error = SellingApiException

    def __init__(self, amazon):
        self.seller_id, self.marketplace_id = amazon.seller_id, amazon.marketplace_id
        self._apis, self._logins = {}, []
        self._account = {
            "marketplace": SimpleNamespace(
                endpoint=amazon.url, marketplace_id=amazon.marketplace_id, region="us-east-1"
            ),
            # Nothing is encrypted here, and loading certificates takes its time.
            "verify": False,
            "auth_token_client_class": _login_at(amazon.url, self._logins),
            "credentials": {
                "lwa_app_id": "client",
                "lwa_client_secret": "secret",
                "refresh_token": amazon.refresh_token,
            },
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (*self._apis.values(), *self._logins):
            one.close()

    def open(self, kind):
        """A client of one API; closed with the program."""
        if kind not in self._apis:
            self._apis[kind] = kind(**self._account)
        return self._apis[kind]

    @staticmethod
    def status_of(error):
        return error.code

    # --- orders and listings

    def order_pages(self, since, **more):
        orders, token = self.open(OrdersV20260101), {}
        while True:
            page = orders.search_orders(
                lastUpdatedAfter=since, marketplaceIds=[self.marketplace_id], **token, **more
            )
            yield [order["orderId"] for order in page.payload["orders"]]
            if page.next_token is None:
                return
            token = {"paginationToken": page.next_token}

    def order(self, order_id):
        order = self.open(OrdersV20260101).get_order(order_id, includedData="FULFILLMENT").payload["order"]
        items = {item["product"]["sellerSku"]: item["quantityOrdered"] for item in order["orderItems"]}
        return order["fulfillment"]["fulfillmentStatus"], items

    def quantity(self, sku):
        listing = self.open(ListingsItemsV20210801).get_listings_item(
            self.seller_id, sku, includedData=["summaries", "fulfillmentAvailability"]
        )
        (channel,) = listing.payload["fulfillmentAvailability"]
        return channel["quantity"]

    def merge_quantity(self, sku, quantity):
        value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
        patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
        answer = self.open(ListingsItemsV20210801).patch_listings_item(
            self.seller_id, sku, body={"productType": "HOME", "patches": patches}
        )
        return answer.payload["status"]

    # --- feeds and reports

    def submit_feed(self, feed, content_type):
        feeds = self.open(FeedsV20210630)
        document = feeds.create_feed_document(io.StringIO(json.dumps(feed)), content_type).payload
        return feeds.create_feed("JSON_LISTINGS_FEED", document["feedDocumentId"]).payload["feedId"]

    def feed(self, feed_id):
        feed = self.open(FeedsV20210630).get_feed(feed_id).payload
        return feed["processingStatus"], feed.get("resultFeedDocumentId")

    def processing_report(self, document_id):
        return json.loads(self.open(FeedsV20210630).get_feed_document(document_id))

    def order_report(self, report_type):
        return self.open(Reports).create_report(reportType=report_type).payload["reportId"]

    def report(self, report_id):
        report = self.open(Reports).get_report(report_id).payload
        return report["processingStatus"], report.get("reportDocumentId")

    def report_text(self, document_id):
        found = self.open(Reports).get_report_document(document_id, download=True)
        return found.payload["document"]

    # --- the account and its notifications

    def marketplaces(self):
        places = self.open(Sellers).get_marketplace_participation().payload
        return [place["marketplace"]["id"] for place in places]

    def create_destination(self, name, arn):
        return self.open(Notifications).create_destination(name, arn=arn).payload["destinationId"]

    def destinations(self):
        found = self.open(Notifications).get_destinations().payload
        return {one["destinationId"]: one["resource"]["sqs"]["arn"] for one in found}

    def subscribe(self, kind, destination_id):
        answer = self.open(Notifications).create_subscription(kind, destination_id=destination_id)
        return answer.payload["subscriptionId"]

    def subscription(self, kind):
        return self.open(Notifications).get_subscription(kind).payload["subscriptionId"]


def _login_at(url, logins):
    class Login(AccessTokenClient):
        scheme, host = "http://", url.removeprefix("http://")

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            logins.append(self)

        def close(self):
            # Closing a client of an API leaves the connection of its login open.
            self._transport.close()

    return Login
