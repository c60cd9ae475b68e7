"""Whatever fails, and however often the process dies: once the world behaves, all agree again.

Orders arrive, ship and get cancelled, stock is counted, purchase orders slip, people edit listings,
Amazon refuses and fails, channels are down, and the process dies between any two steps. In the end the
ledger, Amazon and the alert list must be what a fresh start from the same facts would give.
"""

import contextlib
import dataclasses
import functools
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.alert import Reason, Severity
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.telling import CHANNEL_FAILED, LOG_CHANNEL
from fbm_sync.errors import AccessRefused, DeliveryError, RemoteError, RequestRejected, Throttled, Unavailable
from fbm_sync.flows.alert import AlertTerms, alert
from fbm_sync.flows.notify import Delivery
from fbm_sync.flows.plan import plan
from fbm_sync.flows.pull import PullTerms, pull_offers, pull_orders, pull_supply
from fbm_sync.flows.push import PushTerms, push

from builders import (
    ACCOUNT,
    a_count,
    a_lot,
    a_shipment,
    a_supply,
    an_item,
    an_order,
    on_day,
    shop_terms,
    some_receipts,
)
from fakes import FakeAmazonOffers, FakeAmazonOrders, FakeClock, FakeNotifier, FakeSupply, Killed

pytestmark = pytest.mark.timeout(600)  # a failure is worth the time to find its shortest story

SKUS = ("CUP", "BOWL")
sku = st.sampled_from(SKUS)
units = st.integers(min_value=1, max_value=4)
delay = st.integers(min_value=0, max_value=4)
REMOTE = {
    "throttled": lambda: Throttled("Over quota.", operation="any"),
    "unavailable": lambda: Unavailable("Gone.", operation="any"),
    "refused": lambda: AccessRefused("No.", operation="any"),
    "rejected": lambda: RequestRejected("Invalid Input.", operation="any", status=400),
    "killed": Killed,
}
_folder = tempfile.TemporaryDirectory()
_TEMPLATE = Path(_folder.name) / "template.db"


class MortalLedger:
    """The real ledger in a process that dies before, in the middle of or after a transaction."""

    def __init__(self, path):
        self.real = open_ledger(f"sqlite:///{path}")
        self.transactions_left = None
        self.dies = "after"

    @contextlib.contextmanager
    def transaction(self):
        last = self.transactions_left == 0
        if self.transactions_left is not None:
            self.transactions_left -= 1
        if last and self.dies == "before":
            raise Killed
        with self.real.transaction() as books:
            yield books
            if last and self.dies == "within":
                raise Killed
        if last:
            raise Killed

    def snapshot(self):
        return self.real.snapshot()


class House:
    """The flows over one ledger."""

    def __init__(self, path, world, notifiers):
        self.path, self.world, self.notifiers = path, world, notifiers
        self.terms = shop_terms()
        shutil.copy(_template(), path)
        self.start()

    def start(self):
        """Start the process, over whatever the one before left behind."""
        self.ledger = MortalLedger(self.path)

    def stop(self):
        self.ledger.real.close()

    def books(self):
        return self.ledger.real.transaction()

    def step(self, name):
        """Do one step as the daemon does: what Amazon refuses is left to the next turn."""
        ledger, clock, world = self.ledger, self.world.clock, self.world
        run = {"run_id": f"{name}-{clock.now():%d%H%M%S}"}
        push_terms = PushTerms(limits=self.terms.limits)
        steps = {
            "supply": lambda: pull_supply(
                world.supply, ledger, clock, policies=("default",), max_shrink_share=1.0
            ),
            "orders": lambda: pull_orders(ACCOUNT, world.orders, ledger, clock, PullTerms(), **run),
            "offers": lambda: pull_offers(ACCOUNT, world.offers, ledger, clock, **run),
            "plan": lambda: plan(ledger, clock, self.terms, **run),
            "push": lambda: push(ACCOUNT, world.offers, ledger, clock, push_terms, apply=True, **run),
            "alert": lambda: alert(ledger, clock, self.terms, AlertTerms(channels=("phone",))),
            "notify": lambda: Delivery(lambda: ledger, clock, lambda: self.notifiers).run(wait_seconds=60),
        }
        with contextlib.suppress(RemoteError):
            steps[name]()

    def turn(self):
        for name in ("supply", "orders", "offers", "plan", "push", "alert", "notify"):
            self.step(name)


class World:
    """Amazon, the seller's records, and the time they live in."""

    def __init__(self):
        self.clock = FakeClock()
        self.orders = FakeAmazonOrders(self.clock, page_size=1)
        self.offers = FakeAmazonOffers(self.clock)
        self.supply = FakeSupply(a_supply())
        self.counts = {}
        self.lots = {name: a_lot(f"PO-{name}", 20, name) for name in SKUS}

    def count(self, name, on_hand):
        self.counts[name] = a_count(on_hand, name, counted_at=self.clock.now())
        self.write_records()

    def write_records(self):
        self.supply.snapshot = a_supply(self.counts.values(), self.lots.values(), some_receipts())

    def behave(self):
        self.orders.behave()
        self.orders.poison.clear()
        self.offers.behave()
        self.offers.refusals.clear()
        self.offers.never_live.clear()


def _template():
    if not _TEMPLATE.exists():
        open_ledger(f"sqlite:///{_TEMPLATE}", create=True).close()
    return _TEMPLATE


class ShopLife(RuleBasedStateMachine):
    """Everything that may happen to a shop and to the process that looks after it."""

    @initialize(
        stock=st.tuples(*[st.integers(min_value=0, max_value=15)] * len(SKUS)),
        shown=st.tuples(*[st.integers(min_value=0, max_value=15)] * len(SKUS)),
    )
    def open(self, stock, shown):
        self.folder = tempfile.TemporaryDirectory()
        self.world = World()
        self.phone, self.log = FakeNotifier(), FakeNotifier()
        for name, on_hand, quantity in zip(SKUS, stock, shown, strict=True):
            self.world.count(name, on_hand)
            self.world.offers.list(name, quantity)
        path = f"{self.folder.name}/shop.db"
        self.house = House(path, self.world, {LOG_CHANNEL: self.log, "phone": self.phone})
        self.deaths = 0
        self.watermark = None

    # --- what buyers and the seller do

    @rule(sku=sku, units=units, pending=st.booleans())
    def a_buyer_comes(self, sku, units, pending):
        self.an_order_arrives(sku, units, pending=pending)

    def an_order_arrives(self, sku, units, *, pending):
        taken = self.world.offers.sell(sku, units)
        if not taken:
            return
        now = self.world.clock.now()
        order = an_order(
            f"111-{len(self.world.orders.orders)}",
            sku=sku,
            units=taken,
            status=OrderStatus.PENDING if pending else OrderStatus.UNSHIPPED,
            created_at=now,
            updated_at=now,
            ship_by_at=now + timedelta(hours=40),
        )
        self.world.orders.put(order)

    def _open_order(self, data):
        found = sorted(one.order_id for one in self.world.orders.orders.values() if one.is_open)
        return self.world.orders.orders[data.draw(st.sampled_from(found))] if found else None

    @rule(data=st.data())
    def an_order_ships(self, data):
        order = self._open_order(data)
        if order is None or order.is_pending:
            return
        (item,) = order.items
        self.world.orders.change(
            order.order_id,
            status=OrderStatus.SHIPPED,
            items=(an_item(item.sku, item.ordered_units, shipped_units=item.ordered_units),),
            shipments=(a_shipment(item.sku, item.ordered_units, shipped_at=self.world.clock.now()),),
        )

    @rule(data=st.data())
    def an_order_is_paid(self, data):
        order = self._open_order(data)
        if order is not None and order.is_pending:
            self.world.orders.change(order.order_id, status=OrderStatus.UNSHIPPED)

    @rule(data=st.data())
    def an_order_is_cancelled(self, data):
        order = self._open_order(data)
        if order is not None:
            self.world.orders.change(order.order_id, status=OrderStatus.CANCELLED)

    @rule(data=st.data())
    def an_order_makes_no_sense_for_a_while(self, data):
        order = self._open_order(data)
        if order is not None:
            self.world.orders.poison.symmetric_difference_update({order.order_id})

    @rule(sku=sku, on_hand=st.integers(min_value=0, max_value=15))
    def the_stock_is_counted(self, sku, on_hand):
        self.world.count(sku, on_hand)

    @rule(sku=sku, days=st.integers(min_value=-20, max_value=40))
    def a_purchase_order_gets_another_date(self, sku, days):
        self.world.lots[sku] = a_lot(f"PO-{sku}", 20, sku, promised_on=on_day(days))
        self.world.write_records()

    @rule(sku=sku, quantity=st.integers(min_value=0, max_value=15))
    def someone_edits_the_listing_by_hand(self, sku, quantity):
        self.world.offers.list(sku, quantity)

    @rule(minutes=st.sampled_from((1, 5, 30, 240, 720)))
    def time_passes(self, minutes):
        self.world.clock.advance(minutes=minutes)

    # --- what goes wrong

    @rule(after=delay, what=st.sampled_from(sorted(REMOTE)))
    def amazon_will_fail_to_give_orders(self, after, what):
        self.world.orders.trouble.extend([None] * after + [REMOTE[what]()])

    @rule(after=delay, what=st.sampled_from(sorted(REMOTE)))
    def amazon_will_fail_on_listings(self, after, what):
        self.world.offers.trouble.extend([None] * after + [REMOTE[what]()])

    @rule(data=st.data(), after=delay, minutes=st.integers(min_value=0, max_value=5))
    def an_order_changes_while_orders_are_read(self, data, after, minutes):
        order = self._open_order(data)
        if order is None:
            return

        def meanwhile():
            if self.world.orders.orders[order.order_id].is_open:
                self.world.orders.change(order.order_id, status=OrderStatus.CANCELLED)
            self.world.clock.advance(minutes=minutes)

        self.world.orders.trouble.extend([None] * after + [meanwhile])

    @rule(sku=sku, units=units, after=delay)
    def a_buyer_comes_while_listings_are_changed(self, sku, units, after):
        meanwhile = functools.partial(self.an_order_arrives, sku, units, pending=False)
        self.world.offers.trouble.extend([None] * after + [meanwhile])

    @rule(sku=sku)
    def amazon_refuses_changes_of_a_listing(self, sku):
        self.world.offers.refusals[sku] = "Not now."

    @rule(sku=sku)
    def amazon_loses_changes_of_a_listing(self, sku):
        self.world.offers.never_live.symmetric_difference_update({sku})

    @rule(after=delay, times=units)
    def the_phone_is_down(self, after, times):
        down = DeliveryError("No network.", retryable=True)
        self.phone.trouble.extend([None] * after + [down] * times)

    @rule(after_telling=st.booleans())
    def the_process_will_die_while_telling(self, after_telling):
        if after_telling:
            self.phone.dies_after_telling = True
        else:
            self.phone.trouble.append(Killed())

    @rule(after=st.integers(min_value=0, max_value=15), dies=st.sampled_from(("before", "within", "after")))
    def the_process_will_die_at_a_transaction(self, after, dies):
        self.house.ledger.transactions_left, self.house.ledger.dies = after, dies

    # --- what the daemon does

    @rule()
    def a_turn(self):
        self._living(self.house.turn)

    @rule(name=st.sampled_from(("supply", "orders", "offers", "plan", "push", "alert", "notify")))
    def a_single_step(self, name):
        self._living(lambda: self.house.step(name))

    def _living(self, work):
        try:
            work()
        except Killed:
            self.deaths += 1
            self.house.stop()
            self.house.start()

    # --- what must hold

    @precondition(lambda self: hasattr(self, "house"))
    @invariant()
    def the_watermark_never_moves_backwards_or_into_what_amazon_hides(self):
        with self.house.books() as books:
            now = books.orders.watermark(ACCOUNT)
        assert self.watermark is None or now >= self.watermark
        assert now is None or now <= self.world.clock.now() - timedelta(minutes=2)
        self.watermark = now

    def teardown(self):
        if not hasattr(self, "house"):
            return
        try:
            self._calm_down()
            self._check_orders()
            self._check_offers()
            self._check_news()
            self._check_against_a_fresh_start()
        finally:
            self.house.stop()
            self.folder.cleanup()

    def _calm_down(self):
        """Let the world behave, wait out every grace time and pause, and do five turns.

        Units that left a listing unexplained count as sold until orders are read twice more; what they were
        lowered to may hide sales for as long again.
        """
        self.world.behave()
        self.phone.behave()
        self.house.ledger.transactions_left = None
        self.world.clock.advance(hours=7)
        self.house.turn()
        for _ in range(4):
            self.world.clock.advance(minutes=5)
            self.house.turn()

    def _check_orders(self):
        at_amazon = self.world.orders.orders
        with self.house.books() as books:
            recorded = books.orders.known(ACCOUNT, list(at_amazon))
            assert books.orders.quarantined() == ()
            assert books.orders.cursor(ACCOUNT) is None
        assert {
            name: dataclasses.replace(order, units_kept_until=None) for name, order in recorded.items()
        } == at_amazon

    def _check_offers(self):
        with self.house.books() as books:
            decisions = books.offers.decisions()
            answers = {receipt.change.sku: receipt for receipt in books.offers.receipts(ACCOUNT)}
            assert books.offers.holds(ACCOUNT) == ()
        assert {one.sku for one in decisions} == set(SKUS)
        for one in decisions:
            live, answer = self.world.offers.live(one.sku), answers.get(one.sku)
            if live != one.desired:
                assert answer.outcome is PushOutcome.REJECTED
                assert answer.change.after == one.desired
            elif one.mode is ListingMode.IN_STOCK:
                assert live.quantity <= self._free_units(one.sku)

    def _free_units(self, name):
        """What no buyer waits for on the shelf, or in a purchase order that comes before they need it."""
        count = self.world.counts[name]
        orders = [one for one in self.world.orders.orders.values() if one.items[0].sku == name]
        waiting = sum(one.open_units for one in orders if one.is_open)
        left = sum(
            parcel.units for one in orders for parcel in one.shipments if parcel.shipped_at > count.counted_at
        )
        today = self.house.terms.calendar.local_date(self.world.clock.now())
        lot = self.world.lots[name]
        expected = lot.open_units if lot.promised_on <= today + timedelta(days=2) else 0
        return count.on_hand + expected - left - waiting

    def _check_news(self):
        """Everything is told once, and whoever should know of what is open does."""
        far = self.world.clock.now() + timedelta(days=30)
        with self.house.books() as books:
            assert books.alerts.outbox.due(far) == ()
            still_open = {alert.life for alert in books.alerts.alerts()}
        for channel in (self.phone, self.log):
            copies = Counter(
                one.notification_id for letter in channel.delivered for one in letter.notifications
            )
            assert sum(copies.values()) - len(copies) <= self.deaths
            assert set(Counter(_news(step) for step in _steps(channel)).values()) <= {1}
        newest = {}
        for step in _steps(self.log):
            meant_for_phone = step.alert.finding.kind != CHANNEL_FAILED
            if meant_for_phone and step.alert.finding.severity is not Severity.INFO and not step.is_over:
                newest[step.alert.life] = _news(step)
        told = {_news(step) for step in _steps(self.phone)}
        assert told <= {_news(step) for step in _steps(self.log)}
        assert {news for life, news in newest.items() if life in still_open} <= told
        last = {step.alert.key: step for step in _steps(self.phone)}
        ended = {step.alert.life for step in last.values() if step.is_over}
        goes_on = {step.alert.life for step in _steps(self.log) if step.reason is Reason.GOES_ON}
        assert {step.alert.life for step in last.values()} <= still_open | ended | goes_on

    def _check_against_a_fresh_start(self):
        notifiers = {LOG_CHANNEL: FakeNotifier(), "phone": FakeNotifier()}
        fresh = House(f"{self.folder.name}/fresh.db", self.world, notifiers)
        # Who was meant to get which units is a fact too: a plan does not take them away without a gain.
        with self.house.books() as books, fresh.books() as others:
            others.orders.record_outlooks(books.orders.outlooks(), self.world.clock.now())
        for name in ("supply", "orders", "offers", "plan", "alert"):
            fresh.step(name)
        try:
            assert _conclusions(self.house) == _conclusions(fresh)
        finally:
            fresh.stop()


def _steps(channel):
    """Every step that a channel was told of, once."""
    notes = (one for letter in channel.delivered for one in letter.notifications)
    return list({one.notification_id: one.transition for one in notes}.values())


def _news(step):
    """What makes a step news: in one life of an alert it is told once."""
    return (step.kind, step.alert.key, step.alert.opened_at, step.alert.finding.stage, step.reason)


OWN_PAST = (
    "push_",
    "po_slipped",
    "drift",
    "promise_mismatch",
    "handling_padded",
    "demand_spike",
    CHANNEL_FAILED,  # it counts as failing until its next message arrives, and there may be none
)
"""Kinds of trouble that a fresh start cannot know of, or looks for at another moment."""


def _conclusions(house):
    """What a house makes of the world: offers wanted, orders judged, troubles open.

    What Amazon answered to earlier changes, and what was so before, is its own past and no part of it.
    """
    with house.books() as books:
        return (
            {one.sku: (one.mode, one.desired) for one in books.offers.decisions()},
            {one.order_id: (one.state, one.promise_on, one.blamed_lot) for one in books.orders.outlooks()},
            {one.key for one in books.alerts.alerts() if not one.finding.kind.startswith(OWN_PAST)},
        )


TestConvergence = ShopLife.TestCase
TestConvergence.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
