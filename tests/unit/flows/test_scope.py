"""Deciding only what has changed comes to the same as deciding the whole shop, whatever happened."""

import dataclasses
import random
import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.shop import totals_of
from fbm_sync.flows.alert import AlertTerms, alert
from fbm_sync.flows.facts import load_facts, load_totals
from fbm_sync.flows.plan import plan

from builders import (
    ACCOUNTS,
    NOW,
    a_random_shop,
    a_receipt,
    a_shipment,
    an_item,
    random_counts,
    random_entry,
    random_lots,
    random_offer,
    random_order,
    random_orders,
    random_receipts,
)
from fakes import FakeClock

SKUS = ("A", "B", "C", "D", "E", "F", "G")


class Stores:
    """An empty store, and the one a shop lives in."""

    def __init__(self, folder):
        self.files = {name: folder / f"{name}.db" for name in ("empty", "shop")}
        self.ledgers = {
            name: open_ledger(f"sqlite:///{file}", create=True) for name, file in self.files.items()
        }

    def clear(self):
        with (
            closing(sqlite3.connect(self.files["empty"])) as empty,
            closing(sqlite3.connect(self.files["shop"])) as shop,
        ):
            empty.backup(shop)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    stores = Stores(tmp_path_factory.mktemp("stores"))
    yield stores
    for ledger in stores.ledgers.values():
        ledger.close()


class LivingShop:
    """A shop in a store of its own, in which things happen."""

    def __init__(self, seed, stores):
        stores.clear()
        self.rng, self.ledger, self.clock = random.Random(seed), stores.ledgers["shop"], FakeClock(NOW)
        draw = self.rng.randrange
        self.facts, self.terms = a_random_shop(
            seed,
            random_orders(seed, draw(6), SKUS),
            random_counts(seed, draw(3, len(SKUS) + 1), SKUS),
            random_lots(seed, draw(8), SKUS),
            random_receipts(seed, draw(30), draw(30)),
            SKUS,
        )
        self.numbers = iter(range(1000, 9999))
        # A short past will do, and is soon recorded.
        recent = [order for order in self.facts.recent if len(order.order_id) < len("us-10")]
        self.orders = {order.order_id: order for order in recent}
        self.supply = self.facts.supply
        with self.ledger.transaction() as books:
            books.orders.record(list(self.orders.values()))
            books.supply.record(self.supply, self.clock.now())
            for offers in self.facts.observed.values():
                books.offers.record_observed(list(offers.values()))

    @property
    def now(self):
        return self.clock.now()

    def happen(self):
        """Let one thing happen that a shop may meet with."""
        self.clock.advance(minutes=self.rng.choice((1, 5, 30)))
        events = [
            self.an_order_comes,
            self.an_order_comes,
            self.an_order_changes,
            self.an_order_changes,
            self.stock_is_counted,
            self.lots_move,
            self.the_catalogue_changes,
            self.a_listing_changes,
            self.the_plan_is_pushed,
            self.time_passes,
            self.time_passes,
            self.something_is_received,
            self.trouble_is_looked_for,
            self.amazon_reports,
        ]
        self.rng.choice(events)()

    def an_order_comes(self):
        order = random_order(self.rng, f"{next(self.numbers)}", SKUS)
        moved = {"created_at": self.now - timedelta(minutes=self.rng.randrange(600)), "updated_at": self.now}
        self.record(dataclasses.replace(order, **moved, first_read_at=self.now))

    def an_order_changes(self):
        known = sorted(order_id for order_id in self.orders if order_id.isdigit())
        if not known:
            return
        order = self.orders[self.rng.choice(known)]
        status = self.rng.choice((OrderStatus.SHIPPED, OrderStatus.CANCELLED, OrderStatus.UNSHIPPED))
        items = tuple(an_item(sku, self.rng.randint(1, 5)) for sku in self.rng.sample(SKUS, 1))
        kept = self.now + timedelta(hours=2) if status is OrderStatus.CANCELLED else None
        parcel = a_shipment(order.items[0].sku, 1, shipped_at=self.now)
        self.record(
            dataclasses.replace(
                order,
                status=status,
                updated_at=self.now,
                items=items if status is OrderStatus.UNSHIPPED else order.items,
                shipments=(parcel,) if status is OrderStatus.SHIPPED else (),
                units_kept_until=self.rng.choice((None, kept)),
            )
        )

    def record(self, order):
        self.orders[order.order_id] = order
        with self.ledger.transaction() as books:
            books.orders.record([order])

    def stock_is_counted(self):
        before = {count.sku: count for count in self.supply.stock}
        fresh = random_counts(self.rng.randrange(10**6), self.rng.randrange(3), SKUS)
        pools = {count.pool for count in self.supply.stock} or {""}
        before |= {
            count.sku: dataclasses.replace(count, pool=self.rng.choice(sorted(pools))) for count in fresh
        }
        counts = (dataclasses.replace(count, counted_at=self.now) for count in before.values())
        self.supplied(stock=tuple(counts))

    def lots_move(self):
        lots = list(self.supply.lots)
        self.rng.shuffle(lots)
        for lot in lots[:1]:
            shift = timedelta(days=self.rng.randint(-5, 15))
            lots[0] = dataclasses.replace(lot, promised_on=lot.promised_on and lot.promised_on + shift)
        fresh = random_lots(self.rng.randrange(10**6), self.rng.randrange(2), SKUS)
        fresh = [dataclasses.replace(lot, po_id=f"{lot.po_id}-{next(self.numbers)}") for lot in fresh]
        self.supplied(lots=(*lots[self.rng.randrange(2) :], *fresh))

    def the_catalogue_changes(self):
        entries = {entry.sku: entry for entry in self.supply.catalog}
        entry = random_entry(self.rng, self.rng.choice(SKUS))
        self.supplied(catalog=tuple((entries | {entry.sku: entry}).values()))

    def something_is_received(self):
        receipt = a_receipt(self.rng.randint(0, 9), po_id=f"R-{next(self.numbers)}")
        self.supplied(receipts=(*self.supply.receipts, receipt))

    def supplied(self, **changes):
        self.supply = dataclasses.replace(self.supply, **changes)
        with self.ledger.transaction() as books:
            books.supply.record(self.supply, self.now)

    def a_listing_changes(self):
        offer = random_offer(self.rng, self.rng.choice(ACCOUNTS), self.rng.choice(SKUS))
        with self.ledger.transaction() as books:
            books.offers.record_observed([dataclasses.replace(offer, observed_at=self.now)])

    def the_plan_is_pushed(self):
        with self.ledger.transaction() as books:
            for decision in books.offers.decisions():
                if decision.change is not None:
                    before = books.offers.observed(decision.account, [decision.sku])[decision.sku]
                    live = dataclasses.replace(before, offer=decision.desired, observed_at=self.now)
                    books.offers.record_observed([live])
                    receipt = PushReceipt(
                        change=decision.change,
                        outcome=PushOutcome.CONFIRMED,
                        at=self.now,
                        accepted_at=self.now - timedelta(minutes=3),
                    )
                    books.offers.record_receipt(receipt, "run")

    def amazon_reports(self):
        """Amazon tells what it thinks of an account: a verdict, a target, a share of deliveries on time."""
        account = self.rng.choice(ACCOUNTS)
        metrics = tuple(
            ReportedMetric(
                name=name,
                verdict=self.rng.choice(("GOOD", "BAD")),
                rate=Decimal(self.rng.choice(("0.01", "0.85", "0.95"))),
                target=Decimal(self.rng.choice(("0.02", "0.9"))),
                condition=self.rng.choice(("LESS_THAN", "GREATER_THAN")),
            )
            for name in self.rng.sample(("LSR", "CR", "OTDR"), 2)
        )
        place = MarketplacePerformance(marketplace="M", status=AccountStatus.NORMAL, metrics=metrics)
        with self.ledger.transaction() as books:
            report = SellerPerformance(account=account, marketplaces=(place,))
            books.health.record_performance(report, self.now)

    def time_passes(self):
        hours = self.rng.choice((0.5, 3.0, 9.0, 9.0, 26.0, 100.0))
        self.clock.advance(hours=hours)

    def trouble_is_looked_for(self):
        alert(self.ledger, self.clock, self.terms, AlertTerms())

    def plan(self):
        return plan(self.ledger, self.clock, self.terms, run_id="run")


def judged(outlooks):
    """Outlooks by order, the time of judging apart."""
    return {(one.account, one.order_id): dataclasses.replace(one, judged_at=NOW) for one in outlooks}


# Four comparisons in each of 125 shops: five hundred, each after something else has happened.
@settings(max_examples=125, deadline=None)
@given(seed=st.integers(0, 10**9), events=st.lists(st.integers(1, 4), min_size=4, max_size=4))
def test_deciding_what_has_changed_is_deciding_the_whole_shop(stores, seed, events):
    shop = LivingShop(seed, stores)
    shop.plan()
    for many in events:
        for _ in range(many):
            shop.happen()
        with shop.ledger.snapshot() as books:
            facts = load_facts(books, shop.terms, shop.now)
        whole = plan_shop(facts, shop.terms, now=shop.now, run_id="run")
        shop.plan()
        with shop.ledger.snapshot() as books:
            decided = [(one.account, one.sku, one.verdict) for one in books.offers.decisions()]
            assert decided == [(one.account, one.sku, one.verdict) for one in whole.decisions]
            assert judged(books.orders.outlooks()) == judged(whole.orders.outlooks)
            assert books.plans.news().skus == frozenset()


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_store_knows_of_the_whole_shop_what_the_facts_say(stores, seed):
    shop = LivingShop(seed, stores)
    for _ in range(6):
        shop.happen()
    shop.plan()
    with shop.ledger.snapshot() as books:
        facts = load_facts(books, shop.terms, shop.now)
        told, counted = load_totals(books, shop.terms, shop.now), totals_of(facts, shop.terms, shop.now)
        assert {account: told.of(account) for account in ACCOUNTS} == {
            account: counted.of(account) for account in ACCOUNTS
        }
        assert told.past == counted.past
        decisions = plan_shop(facts, shop.terms, now=shop.now, run_id="run").decisions
        assert [one.verdict for one in decisions] == [one.verdict for one in books.offers.decisions()]
