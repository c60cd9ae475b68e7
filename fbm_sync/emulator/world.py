"""The emulated Amazon as a whole: one account, its clock, listings, orders, limits and troubles."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fbm_sync.emulator.account.access import AccessTokens
from fbm_sync.emulator.account.sellers import SellerCalls
from fbm_sync.emulator.clock import Agenda, Clock, format_instant
from fbm_sync.emulator.gate.journal import Journal
from fbm_sync.emulator.gate.limits import RateLimits
from fbm_sync.emulator.gate.pages import PageTokens
from fbm_sync.emulator.jobs.documents import Documents
from fbm_sync.emulator.jobs.feed_calls import FeedCalls
from fbm_sync.emulator.jobs.feeds import Feeds
from fbm_sync.emulator.jobs.job import job_states
from fbm_sync.emulator.jobs.listing_feeds import ListingsFeedProcessor
from fbm_sync.emulator.jobs.report_calls import ReportCalls
from fbm_sync.emulator.jobs.report_contents import ReportContents
from fbm_sync.emulator.jobs.reports import Reports
from fbm_sync.emulator.listings.calls import ListingCalls
from fbm_sync.emulator.listings.catalogue import Catalogue, Listing
from fbm_sync.emulator.notifications.calls import NotificationCalls
from fbm_sync.emulator.notifications.notices import Notices
from fbm_sync.emulator.notifications.postman import Postman
from fbm_sync.emulator.notifications.subscriptions import Directory
from fbm_sync.emulator.orders.book import OrderBook, OrderIds
from fbm_sync.emulator.orders.calls import OrderCalls
from fbm_sync.emulator.orders.order import AnyOrder, RawOrder
from fbm_sync.emulator.shipdays import ShipDays
from fbm_sync.emulator.shop import JsonObject, ShopRules
from fbm_sync.emulator.troubles.faults import Faults


class World:
    """Everything the emulator knows. Hold `lock` and call `tick` before looking at or changing any of it.

    All ids and tokens come from the seed, each kind from its own stream, so the same requests always
    meet the same world.
    """

    def __init__(self, rules: ShopRules | None = None, clock: Clock | None = None) -> None:
        self.lock = threading.RLock()
        self.rules = rules or ShopRules()
        self.clock = clock or Clock()
        self.agenda = Agenda()
        self.days = ShipDays(self.rules.timezone, self.rules.holidays)
        self.journal = Journal()
        self.faults = Faults()
        self.limits = RateLimits(self.rules.rate_factor, self.clock.now())
        self._streams = {
            name: random.Random(f"{self.rules.seed}/{name}")
            for name in (
                *("order", "item", "submission", "access", "page", "request", "subscription", "notice"),
                *("document", "signature", "feed", "report"),
            )
        }
        self.access = AccessTokens(
            lambda: self._token("access"), self.rules.token_seconds, self.rules.credentials
        )
        directory, postman = Directory(), Postman(self.rules.notices.sqs_endpoint)
        self.notices = Notices(self.rules, directory, postman, self.agenda, lambda: self._uuid("notice"))
        self.catalogue = Catalogue(self.rules, self.agenda, lambda: self._uuid("submission"), self.announce)
        self.book = OrderBook(
            self.rules,
            self.days,
            self.catalogue,
            self.agenda,
            OrderIds(self._order_id, self._item_id),
            self.announce,
        )
        pages = PageTokens(lambda: self._token("page"))
        self._open_feeds_and_reports(pages)
        self.order_calls = OrderCalls(self.book, pages)
        self.listing_calls = ListingCalls(self.rules, self.catalogue, pages)
        self.seller_calls = SellerCalls(self.rules)
        self.notification_calls = NotificationCalls(
            directory, self.notices.application_id, lambda: self._uuid("subscription"), postman.check
        )

    def _open_feeds_and_reports(self, pages: PageTokens) -> None:
        rules = self.rules
        self.account_status = rules.account_status
        self.documents = Documents(
            lambda: f"amzn1.tortuga.4.na.{self._uuid('document')}",
            self._token("signature"),
            compressed=rules.jobs.compressed,
        )
        processor = ListingsFeedProcessor(rules, self.catalogue)
        self.feeds = Feeds(
            rules, self.agenda, self.documents, processor, self.announce, lambda: self._job_id("feed")
        )
        contents = ReportContents(rules, self.catalogue, self.book, self.days, lambda: self.account_status)
        self.reports = Reports(
            rules.jobs, self.agenda, self.documents, contents, self.announce, lambda: self._job_id("report")
        )
        self.feed_calls = FeedCalls(rules, self.feeds, self.documents, pages, lambda: self.account_status)
        self.report_calls = ReportCalls(rules, self.reports, self.documents, pages)

    def judge_account(self, status: str, now: datetime) -> None:
        """Let Amazon think better or worse of the account; subscribers are told when that is news."""
        before, self.account_status = self.account_status, status
        if status != before:
            fact = {"previousAccountStatus": before, "currentAccountStatus": status}
            self.announce("ACCOUNT_STATUS_CHANGED", fact, now)

    def now(self) -> datetime:
        """The emulator's time, once everything due by then has happened."""
        with self.lock:
            return self.tick()

    def tick(self) -> datetime:
        """Let everything happen that is due, and answer the present moment."""
        now = self.clock.now()
        self.agenda.run_until(now)
        return now

    def advance(self, seconds: float) -> datetime:
        """Move time forward; what falls due in between happens in order, each at its own moment."""
        with self.lock:
            self.tick()
            self.clock.advance(seconds)
            return self.tick()

    def announce(self, kind: str, fact: Mapping[str, Any], at: datetime | None = None) -> None:
        """Tell every subscriber of that type of notification what happened, at `at` or just now.

        `fact` holds the payload's own fields as Amazon spells them; who the seller is gets added.
        """
        now = self.clock.now()
        self.notices.announce(kind, fact, at or now, now)

    def new_request_id(self) -> str:
        """The id of one request, as in the answer's header."""
        return self._uuid("request")

    def _uuid(self, stream: str) -> str:
        return str(UUID(int=self._streams[stream].getrandbits(128), version=4))

    def _token(self, stream: str) -> str:
        return f"{self._streams[stream].getrandbits(256):064x}"

    def _job_id(self, stream: str) -> str:
        return str(self._streams[stream].randrange(10**10, 10**11))

    def _order_id(self) -> str:
        draw = self._streams["order"].randrange
        return f"{draw(111, 115)}-{draw(10**7):07d}-{draw(10**7):07d}"

    def _item_id(self) -> str:
        return f"{self._streams['item'].randrange(10**13, 10**14)}"

    def state(self) -> JsonObject:
        """The whole world as a plain document, for tests and demos."""
        with self.lock:
            now = self.tick()
            by_status: dict[str, int] = {}
            for order in self.book.orders.values():
                by_status[order.status] = by_status.get(order.status, 0) + 1
            listings = self.catalogue.listings
            return {
                "now": format_instant(now),
                "seller_id": self.rules.seller_id,
                "marketplace_id": self.rules.marketplace_id,
                "counts": {
                    "listings": len(listings),
                    "orders": len(self.book.orders),
                    "by_status": by_status,
                    "in_flight": sum(len(listing.in_flight) for listing in listings.values()),
                    "requests": self.journal.last,
                },
                "listings": {sku: self._listing_state(listing) for sku, listing in listings.items()},
                "orders": {order_id: _order_state(order) for order_id, order in self.book.orders.items()},
                "account_status": self.account_status,
                "feeds": job_states(self.feeds.feeds),
                "reports": job_states(self.reports.reports),
                "faults": self.faults.listing(),
                **self.notices.state(),
            }

    def _listing_state(self, listing: Listing) -> JsonObject:
        live = listing.merchant
        restock_on = live.restock_on if live else None
        return {
            "product_type": listing.product_type,
            "submitted": listing.submitted,
            "live_quantity": live.quantity if live else None,
            "effective_handling_days": self.catalogue.handling_days(live),
            "listing_handling_days": live.handling_days if live else None,
            "effective_restock_on": restock_on.isoformat() if restock_on else None,
            "in_flight": [
                {
                    "submission_id": submission.submission_id,
                    "due_at": format_instant(submission.due_at) if submission.due_at else None,
                    "changes": {change.channel: change.fields for change in submission.changes},
                }
                for submission in listing.in_flight
            ],
        }


def _order_state(order: AnyOrder) -> JsonObject:
    state: JsonObject = {
        "status": order.status,
        "created_at": format_instant(order.created_at),
        "updated_at": format_instant(order.updated_at),
        "raw": isinstance(order, RawOrder),
    }
    if isinstance(order, RawOrder):
        return state
    execution = order.items[0].cancel_execution or {}
    return state | {
        "ship_by": format_instant(order.promise.ship_by_at),
        "deliver_by": format_instant(order.promise.deliver_by_at),
        "cancel_requested": any(item.cancel_request for item in order.items),
        "cancelled_by": execution.get("cancelledBy"),
        "cancel_reason": execution.get("cancelReason"),
        "items": [
            {
                "order_item_id": item.order_item_id,
                "sku": item.sku,
                "quantity": item.quantity,
                "shipped": item.shipped,
            }
            for item in order.items
        ],
    }
