"""What we measure from our own orders is what Amazon reports of the same orders, over the same days."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.orders import read_order
from fbm_sync.adapters.spapi.performance import read_performance
from fbm_sync.domain.health import count, stated
from fbm_sync.domain.order import carry_over
from fbm_sync.domain.standing import CR_7, LSR_30, OTDR_14, VTR_30, Metric, Span
from fbm_sync.emulator import load_scenario
from fbm_sync.emulator.account.performance import performance_report
from fbm_sync.emulator.orders.order import PENDING, Order
from fbm_sync.emulator.orders.shapes import SECTIONS, order_json
from fbm_sync.emulator.orders.wishes import Line, Parcel, Wish

BEGIN = datetime(2026, 2, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def iso(at):
    return at.isoformat()


class Market:
    """An emulated Amazon where months pass quickly, and what we know of its orders."""

    def __init__(self, seed):
        self.rng, self.known = random.Random(seed), {}
        listings = [{"sku": "MUG", "quantity": 100_000, "handling_days": self.rng.choice((1, 2))}]
        scenario = {"start_at": iso(BEGIN), "listings": listings, "orders": list(self.past())}
        self.world = load_scenario(scenario)

    def past(self):
        """Orders from before the first day, some of them over."""
        for _ in range(self.rng.randint(0, 12)):
            created_at = BEGIN - self.rng.randint(1, 40 * 1440) * MINUTE
            order = {
                "items": [{"sku": "MUG", "quantity": self.rng.randint(1, 3)}],
                "created_at": iso(created_at),
                "ship_by": iso(created_at + self.rng.randint(600, 6000) * MINUTE),
            }
            if self.rng.random() < 0.7:
                order["shipped_at"] = iso(
                    min(BEGIN - MINUTE, created_at + self.rng.randint(1, 9000) * MINUTE)
                )
                order["untracked"] = self.rng.random() < 0.2
            yield order

    def live(self, days):
        """Let some days pass in which orders come, leave, are cancelled, or are forgotten."""
        for _ in range(days * 3):
            self.world.advance(480 * 60)
            now = self.world.now()
            for _ in range(self.rng.randint(0, 2)):
                wish = self.rng.choice(({}, {}, {}, {"pending_seconds": self.rng.choice((900, 10**7))}))
                self.place(wish, now)
            for order in list(self.orders):
                self.treat(order, now)
            self.pull(now)

    def place(self, wish, now):
        lines = [Line(sku="MUG", quantity=self.rng.randint(1, 3))]
        self.world.book.place(Wish(lines=lines, **wish), now)

    def treat(self, order, now):
        chance, book = self.rng.random(), self.world.book
        if chance < 0.25:
            number = self.rng.choice((None, None, None, ""))
            book.ship(order.order_id, Parcel(lines=None, tracking_number=number), now)
        elif chance < 0.28:
            # Nobody but Amazon and the buyer can end an order that is not paid.
            by = "BUYER" if order.status == PENDING else self.rng.choice(("MERCHANT", "BUYER", "AMAZON"))
            book.cancel(order.order_id, by, "OTHER", now)
        elif chance < 0.31:
            book.request_cancel(order.order_id, "OTHER", now)

    @property
    def orders(self):
        return [order for order in self.world.book.orders.values() if isinstance(order, Order)]

    def pull(self, now):
        """Read every order as the daemon does."""
        for order in self.orders:
            current = read_order(order_json(order, SECTIONS), "us")
            self.known[current.order_id] = carry_over(self.known.get(current.order_id), current, read_at=now)

    def report(self):
        world = self.world
        shown = performance_report(
            self.orders, world.now(), rules=world.rules, days=world.days, account_status="NORMAL"
        )
        return read_performance(json.dumps(shown), "us").marketplaces[0]


def recount(market, place, metric):
    told = stated(place, metric)
    span = Span(metric, told.since, told.until, place.marketplace)
    return (told.numerator, told.denominator), count(market.known.values(), span, market.world.now())


@settings(max_examples=6, deadline=None)
@example(seed=132)  # paid and then cancelled by the seller between two looks
@given(seed=st.integers(0, 2**32))
def test_late_and_cancelled_orders_are_exactly_those_amazon_counts(seed):
    market = Market(seed)
    market.pull(market.world.now())
    for days in (3, 9, 12):
        market.live(days)
        place, now, known = market.report(), market.world.now(), market.known.values()
        for window in (LSR_30, CR_7, VTR_30):
            told, ours = recount(market, place, window.metric)
            assert told == ours, window.metric
            assert count(known, window.span(now), now) == ours


def test_deliveries_are_counted_as_amazon_counts_them_while_we_look_every_few_hours():
    told = ours = 0
    for seed in range(3):
        market = Market(seed)
        market.live(25)
        one, other = recount(market, market.report(), Metric.OTDR)
        told, ours = told + one[1], ours + other[1]
        assert one == other
    assert told == ours > 20


@pytest.mark.parametrize("window", [LSR_30, CR_7, OTDR_14, VTR_30])
def test_our_windows_are_amazons(window):
    market = Market(1)
    told = stated(market.report(), window.metric) or market.report().metric("OTDR")
    span = window.span(market.world.now())
    assert (told.since, told.until) == (span.since, span.until)
