"""A small shop for the flows: Amazon in memory, the real ledger in a temporary file."""

import dataclasses
import shutil
import types

import pytest

from fbm_sync.adapters.store.ledger import SqlLedger, open_ledger
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.telling import LOG_CHANNEL, Silence
from fbm_sync.flows.alert import AlertTerms, alert
from fbm_sync.flows.notify import Delivery
from fbm_sync.flows.plan import plan
from fbm_sync.flows.pull import PullTerms, pull_offers, pull_orders, pull_supply
from fbm_sync.flows.push import PushTerms, push

from builders import ACCOUNT, a_count, a_policy, a_supply, shop_terms
from fakes import FakeAmazonFeeds, FakeAmazonOffers, FakeAmazonOrders, FakeClock, FakeNotifier, FakeSupply


@dataclasses.dataclass
class Shop:
    """Everything a flow needs, and the flows with it filled in."""

    ledger: SqlLedger
    clock: FakeClock
    orders: FakeAmazonOrders
    offers: FakeAmazonOffers
    supply: FakeSupply
    terms: ShopTerms
    alert_terms: AlertTerms
    notifiers: dict
    feeds: FakeAmazonFeeds | None = None
    runs: int = 0

    def run_id(self):
        self.runs += 1
        return f"run-{self.runs}"

    def pull(self, window=None, **terms):
        return pull_orders(
            ACCOUNT,
            self.orders,
            self.ledger,
            self.clock,
            PullTerms(**terms),
            run_id=self.run_id(),
            window=window,
        )

    def pull_offers(self):
        return pull_offers(ACCOUNT, self.offers, self.ledger, self.clock, run_id=self.run_id())

    def pull_supply(self, *, policies=("default",), max_shrink_share=0.5):
        return pull_supply(
            self.supply, self.ledger, self.clock, policies=policies, max_shrink_share=max_shrink_share
        )

    def plan(self, **wish):
        return plan(self.ledger, self.clock, self.terms, run_id=self.run_id(), **wish)

    def push(self, *, wait=0.0, previews=20, turn=None, **wish):
        terms = PushTerms(
            limits=self.terms.limits,
            validated_previews=previews,
            confirm_wait_seconds=wait,
            turn_seconds=turn,
        )
        wish = {"run_id": self.run_id(), "feeds": self.feeds} | wish
        return push(ACCOUNT, self.offers, self.ledger, self.clock, terms, **wish)

    def alert(self):
        """Look for trouble and tell it; the report is of both."""
        found = alert(self.ledger, self.clock, self.terms, self.alert_terms)
        told = self.notify()
        return types.SimpleNamespace(
            **{name: getattr(found, name) for name in ("opened", "escalated", "resolved", "transitions")},
            sent=told.sent,
            failed=told.failed,
        )

    def notify(self):
        silence = Silence(manners=self.alert_terms.manners, calendars=self.terms.calendars)
        delivery = Delivery(lambda: self.ledger, self.clock, lambda: self.notifiers, lambda: silence)
        return delivery.run(wait_seconds=10)

    def limits(self, **limits):
        self.terms = dataclasses.replace(self.terms, limits=PushLimits(**limits))

    def stock(self, **units):
        """The seller counts the shelf."""
        counts = [a_count(on_hand, sku, counted_at=self.clock.now()) for sku, on_hand in units.items()]
        self.supply.snapshot = a_supply(counts)

    def decide(self, **units):
        """Count, read everything, and plan."""
        self.stock(**units)
        self.pull_supply()
        self.pull()
        self.pull_offers()
        return self.plan()

    @property
    def log(self):
        return self.notifiers[LOG_CHANNEL]

    @property
    def phone(self):
        return self.notifiers["phone"]

    def recorded(self):
        """All recorded orders that Amazon has, by id."""
        with self.ledger.transaction() as books:
            return dict(books.orders.known(ACCOUNT, list(self.orders.orders)))

    def watermark(self):
        with self.ledger.transaction() as books:
            return books.orders.watermark(ACCOUNT)

    def cursor(self):
        with self.ledger.transaction() as books:
            return books.orders.cursor(ACCOUNT)

    def quarantined(self):
        with self.ledger.transaction() as books:
            return [item.subject for item in books.orders.quarantined()]

    def last_success(self, flow):
        with self.ledger.transaction() as books:
            return books.runs.last_success(flow, ACCOUNT)

    def receipts(self):
        with self.ledger.transaction() as books:
            return {receipt.change.sku: receipt for receipt in books.offers.receipts(ACCOUNT)}

    def holds(self):
        with self.ledger.transaction() as books:
            return books.offers.holds(ACCOUNT)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store with its schema and nothing in it: to copy it is much faster than to make it."""
    file = tmp_path_factory.mktemp("empty") / "shop.db"
    open_ledger(f"sqlite:///{file}", create=True).close()
    return file


@pytest.fixture
def shop(tmp_path, empty_store):
    shutil.copy(empty_store, tmp_path / "shop.db")
    clock = FakeClock()
    with open_ledger(f"sqlite:///{tmp_path}/shop.db", create=True) as ledger:
        yield Shop(
            ledger=ledger,
            clock=clock,
            orders=FakeAmazonOrders(clock),
            offers=FakeAmazonOffers(clock),
            supply=FakeSupply(a_supply()),
            terms=shop_terms(a_policy(backorder=BackorderKind.NEVER)),
            alert_terms=AlertTerms(channels=("phone",)),
            notifiers={LOG_CHANNEL: FakeNotifier(), "phone": FakeNotifier()},
        )
