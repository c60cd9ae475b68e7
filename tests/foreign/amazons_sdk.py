"""Amazon's own SDK as a seller's program uses it: its constructor takes both addresses.

It has no call for documents: uploads and downloads are the program's own HTTP.
"""

import gzip
import json
import logging
from datetime import datetime
from functools import cached_property

LOGGERS = ("", "spapi", "urllib3")


class AmazonsSdk:
    """One seller's program on this client."""

    package = "amzn-sp-api"

    def __init__(self, amazon):
        self.seller_id, self.marketplace_id = amazon.seller_id, amazon.marketplace_id
        self._amazon = amazon
        self._clients = {}

    def __enter__(self):
        # Importing it sets up logging for the whole process, and each client adds handlers of its own.
        loggers = [logging.getLogger(name) for name in LOGGERS]
        self._logging = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
        import spapi

        self.spapi, self.error = spapi, spapi.ApiException
        return self

    def __exit__(self, *_):
        for client in self._clients.values():
            client.rest_client.pool_manager.clear()
        for logger, level, handlers in self._logging:
            logger.setLevel(level)
            logger.handlers[:] = handlers

    def open(self, kind, **grant):
        """A client of one API, on a connection and a token for the seller or for the application."""
        grant = grant or {"refresh_token": self._amazon.refresh_token}
        key = (kind, *grant)
        if key not in self._clients:
            config = self.spapi.SPAPIConfig("client", "secret", **grant)
            self._clients[key] = self.spapi.SPAPIClient(
                config, endpoint=self._amazon.url, oauth_endpoint=f"{self._amazon.url}/auth/o2/token"
            ).api_client
        return kind(self._clients[key])

    @staticmethod
    def status_of(error):
        return error.status

    # --- orders and listings

    def order_pages(self, since, **more):
        orders, token = self.open(self.spapi.SearchOrdersApi), {}
        if "includedData" in more:
            more = {"included_data": more["includedData"]}
        while True:
            page = orders.search_orders(
                last_updated_after=datetime.fromisoformat(since),
                marketplace_ids=[self.marketplace_id],
                **token,
                **more,
            )
            yield [order.order_id for order in page.orders]
            if page.pagination is None:
                return
            token = {"pagination_token": page.pagination.next_token}

    def order(self, order_id):
        order = self.open(self.spapi.GetOrderApi).get_order(order_id, included_data=["FULFILLMENT"]).order
        items = {item.product.seller_sku: item.quantity_ordered for item in order.order_items}
        return order.fulfillment.fulfillment_status, items

    def quantity(self, sku):
        listing = self.open(self.spapi.ListingsApi).get_listings_item(
            self.seller_id, sku, [self.marketplace_id], included_data=["summaries", "fulfillmentAvailability"]
        )
        (channel,) = listing.fulfillment_availability
        return channel.quantity

    def merge_quantity(self, sku, quantity):
        from spapi.models.listings_items_v2021_08_01 import ListingsItemPatchRequest, PatchOperation

        value = [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity}]
        patch = PatchOperation(op="merge", path="/attributes/fulfillment_availability", value=value)
        answer = self.open(self.spapi.ListingsApi).patch_listings_item(
            self.seller_id,
            sku,
            [self.marketplace_id],
            ListingsItemPatchRequest(product_type="HOME", patches=[patch]),
        )
        return answer.status

    # --- feeds and reports

    def submit_feed(self, feed, content_type):
        from spapi.models.feeds_v2021_06_30 import CreateFeedDocumentSpecification, CreateFeedSpecification

        feeds = self.open(self.spapi.FeedsApi)
        document = feeds.create_feed_document(CreateFeedDocumentSpecification(content_type=content_type))
        upload = self._amazon.http.put(
            document.url, content=json.dumps(feed), headers={"Content-Type": content_type}
        )
        assert upload.status_code == 200
        specification = CreateFeedSpecification(
            feed_type="JSON_LISTINGS_FEED",
            marketplace_ids=[self.marketplace_id],
            input_feed_document_id=document.feed_document_id,
        )
        return feeds.create_feed(specification).feed_id

    def feed(self, feed_id):
        feed = self.open(self.spapi.FeedsApi).get_feed(feed_id)
        return feed.processing_status, feed.result_feed_document_id

    def processing_report(self, document_id):
        document = self.open(self.spapi.FeedsApi).get_feed_document(document_id)
        assert document.compression_algorithm == "GZIP"
        return json.loads(gzip.decompress(self._amazon.http.get(document.url).content))

    def order_report(self, report_type):
        from spapi.models.reports_v2021_06_30 import CreateReportSpecification

        specification = CreateReportSpecification(
            report_type=report_type, marketplace_ids=[self.marketplace_id]
        )
        return self.open(self.spapi.ReportsApi).create_report(specification).report_id

    def report(self, report_id):
        report = self.open(self.spapi.ReportsApi).get_report(report_id)
        return report.processing_status, report.report_document_id

    def report_text(self, document_id):
        document = self.open(self.spapi.ReportsApi).get_report_document(
            document_id, enable_content_encoding_url_header=True
        )
        # With that header asked for, any HTTP client unpacks the document by itself.
        return self._amazon.http.get(document.url).text

    # --- the account and its notifications

    def marketplaces(self):
        places = self.open(self.spapi.SellersApi).get_marketplace_participations().payload
        return [place.marketplace.id for place in places]

    @cached_property
    def _notifications(self):
        return self.open(self.spapi.NotificationsApi)

    @cached_property
    def _grantless(self):
        return self.open(self.spapi.NotificationsApi, scope="sellingpartnerapi::notifications")

    def create_destination(self, name, arn):
        from spapi.models.notifications_v1 import (
            CreateDestinationRequest,
            DestinationResourceSpecification,
            SqsResource,
        )

        resource = DestinationResourceSpecification(sqs=SqsResource(arn=arn))
        request = CreateDestinationRequest(name=name, resource_specification=resource)
        return self._grantless.create_destination(request).payload.destination_id

    def destinations(self):
        return {
            one.destination_id: one.resource.sqs.arn for one in self._grantless.get_destinations().payload
        }

    def subscribe(self, kind, destination_id):
        from spapi.models.notifications_v1 import CreateSubscriptionRequest

        request = CreateSubscriptionRequest(payload_version="1.0", destination_id=destination_id)
        return self._notifications.create_subscription(kind, request).payload.subscription_id

    def subscription(self, kind):
        return self._notifications.get_subscription(kind).payload.subscription_id
