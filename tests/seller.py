"""A seller at work: an account at the emulated Amazon over HTTP, a ledger in a file, the flows between."""

import contextlib
import json
import urllib.request
from datetime import timedelta

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.emulator import load_scenario, running
from fbm_sync.flows.alert import AlertTerms, alert
from fbm_sync.flows.plan import plan
from fbm_sync.flows.pull import PullTerms, pull_named_orders, pull_offers, pull_orders
from fbm_sync.flows.push import PushTerms, push
from fbm_sync.wiring import SharedBudget

from builders import a_count, a_policy, a_supply, shop_terms
from in_process import ORIGIN, command, connected_to

START = "2026-03-02T17:00:00Z"  # a Monday morning in Los Angeles
SELLER, MARKET = "A1EXAMPLE", "ATVPDKIKX0DER"
SECRETS = {"client_id": "client", "client_secret": "secret", "refresh_token": "refresh"}
LISTINGS = [
    {"sku": "MUG", "title": "Stoneware mug", "quantity": 100, "price": "14.90", "handling_days": 5},
    {"sku": "APRON", "quantity": 50, "price": "27.50"},
]


class Seller:
    """One seller: the clock both sides live by, the account, the ledger, and what happens at Amazon."""

    name = "main"

    def __init__(self, world, url, store, **credentials):
        self.world, self.url = world, url
        self.ledger = open_ledger(store, create=True)
        self.account = self.connect(**credentials)

    def connect(self, throttle=None, **credentials):
        """Open the account anew, as another process would."""
        return AmazonAccount(
            name=self.name,
            seller_id=SELLER,
            marketplaces=[MARKET],
            endpoint=self.url,
            token_endpoint=self.url + "/auth/o2/token",
            credentials=Credentials(**(SECRETS | credentials)),
            clock=self,
            throttle=throttle or Throttle(self),
        )

    def shared_throttle(self):
        """The limits as every process of this seller remembers them."""
        return Throttle(self, memory=SharedBudget(lambda: self.ledger, self.name))

    def close(self):
        self.account.close()
        self.ledger.close()

    # --- time ---------------------------------------------------------------------------------------

    def now(self):
        return self.world.now()

    def sleep(self, seconds):
        self.world.advance(seconds)

    def advance(self, **span):
        self.world.advance(timedelta(**span).total_seconds())

    # --- what happens at Amazon ----------------------------------------------------------------------

    def control(self, path, body=None):
        if self.url == ORIGIN:
            return command(self.world, path, body)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fault(self, **rule):
        self.control("faults", rule)

    def sell(self, sku="MUG", quantity=1, **wish):
        wish["items"] = [{"sku": sku, "quantity": quantity}]
        (placed,) = self.control("orders", {"place": [wish]})["place"]
        assert placed["placed"], placed
        return placed["order_id"]

    def do(self, deed, **order):
        (done,) = self.control("orders", {deed: [order]})[deed]
        assert done["done"], done

    def edit(self, **listing):
        (done,) = self.control("listings", listing)["listings"]
        assert done["done"], done

    def requests(self, operation=None):
        seen = self.control("requests")["requests"]
        return [one for one in seen if operation in (None, one["operation"])]

    def truth(self, sku):
        return self.control("state")["listings"][sku]

    def true_orders(self):
        return self.control("state")["orders"]

    # --- the seller's own work -----------------------------------------------------------------------

    def pull(self, **terms):
        return pull_orders(
            self.name, self.account.orders, self.ledger, self, PullTerms(**terms), run_id="run"
        )

    def pull_named(self, *order_ids):
        return pull_named_orders(self.name, self.account.orders, self.ledger, self, order_ids)

    def pull_offers(self):
        return pull_offers(self.name, self.account.offers, self.ledger, self, run_id="run")

    def count(self, **units):
        """Count the shelves."""
        counts = [a_count(on_hand, sku, counted_at=self.now()) for sku, on_hand in units.items()]
        with self.ledger.transaction() as books:
            books.supply.record(a_supply(counts), self.now())

    def terms(self, **policy):
        policy = {"backorder": BackorderKind.NEVER, "latency_risk": 0.0} | policy
        return shop_terms(a_policy(**policy), accounts={self.name: AutomatedHandling.OFF})

    def plan(self, **policy):
        """Decide every offer; returns the decisions by SKU."""
        plan(self.ledger, self, self.terms(**policy), run_id="run")
        with self.ledger.transaction() as books:
            return {decision.sku: decision for decision in books.offers.decisions()}

    def push(self, *, wait=0.0, **limits):
        terms = PushTerms(limits=PushLimits(**limits), confirm_wait_seconds=wait)
        return push(self.name, self.account.offers, self.ledger, self, terms, run_id="run", apply=True)

    def alert(self, **terms):
        """Look for trouble; returns the kinds of all open alerts with their subjects."""
        alert(self.ledger, self, self.terms(), AlertTerms(**terms))
        with self.ledger.transaction() as books:
            return {(one.finding.kind, one.finding.subject) for one in books.alerts.alerts()}

    def orders(self):
        with self.ledger.transaction() as books:
            return {order.order_id: order for order in books.orders.every()}

    def quarantined(self):
        with self.ledger.transaction() as books:
            return {item.subject: item.reason for item in books.orders.quarantined()}

    def seen(self, sku):
        return self.account.offers.observe([sku])[sku]


@contextlib.contextmanager
def open_seller(folder, *, credentials=None, scenario_credentials=None, in_process=False, **scenario):
    """Open shop; `credentials` are what the seller presents, all else is Amazon's side.

    With `in_process` no socket is in between, which is faster where many requests are made.
    """
    usual = {"start_at": START, "seller_id": SELLER, "marketplace_id": MARKET, "listings": LISTINGS}
    if scenario_credentials is not None:
        usual["credentials"] = scenario_credentials
    world = load_scenario(usual | scenario)
    with connected_to(world) if in_process else running(world) as url:
        seller = Seller(world, url, f"sqlite:///{folder}/store.db", **(credentials or {}))
        try:
            yield seller
        finally:
            seller.close()
