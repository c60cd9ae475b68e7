"""A seller whose goods sell faster than orders can be read, and two ways of keeping the listings up to date.

Buyers, deliveries, parcels and the moments of the seller's own turns come from a seed and are the same
whoever keeps the listings. A SKU's *supply* are all units that were ever delivered; units that Amazon sells
beyond it are sold twice. Time is virtual, and things happen at their moment, between a look and a write too.
"""

import collections
import dataclasses
import random
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.emulator.orders.wishes import Line, Parcel, Wish
from fbm_sync.flows.plan import plan
from fbm_sync.flows.pull import PullTerms, pull_offers, pull_orders
from fbm_sync.flows.push import PushTerms, push

from builders import a_count, a_policy, a_supply, shop_terms
from inside_amazon import opened
from random_writes import WIDE
from write_witness import WriteWitness

START = datetime.fromisoformat("2026-03-02T17:00:00Z")
HOUR = timedelta(hours=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trade:
    """How fast it goes: orders an hour of each SKU, units of a delivery, how soon Amazon makes a change."""

    orders_an_hour: tuple = (40,) * 12 + (20,) * 4 + (10,) * 4
    fewest: int = 5
    most: int = 60
    sold_share: float = 0.9  # deliveries as a share of what buyers want
    apply_seconds: float = 20.0
    shown_within_seconds: float = 120.0  # so late may a search show an order
    turn_seconds: tuple = (60, 540)


@dataclasses.dataclass(kw_only=True)
class Outcome:
    """What came of it."""

    orders: int = 0
    units: int = 0
    beyond: int = 0
    oversold: int = 0
    lost: int = 0
    wanted: int = 0
    writes: int = 0
    wrong: int = 0

    def __add__(self, other):
        mine, theirs = dataclasses.astuple(self), dataclasses.astuple(other)
        names = [field.name for field in dataclasses.fields(self)]
        return Outcome(**dict(zip(names, map(sum, zip(mine, theirs, strict=True)), strict=True)))


class FastSeller:
    """One shop; `keep` brings its listings up to date whenever its turn comes."""

    def __init__(self, seed, hours, trade):
        self.trade, self.hours, self.seed = trade, hours, seed
        self.skus = [f"HOT-{number}" for number in range(len(trade.orders_an_hour))]
        self.delivered, self.sold, self.on_shelf = (collections.Counter() for _ in range(3))
        self.counted, self.waiting = {}, collections.defaultdict(list)
        self.outcome = Outcome()

    def scenario(self):
        return {
            "start_at": START.isoformat(),
            "apply_seconds": self.trade.apply_seconds,
            "listings": [
                {"sku": sku, "quantity": 0, "price": "9.00", "handling_days": 2} for sku in self.skus
            ],
        }

    def live(self, keeper):
        """Live through all hours with one way of keeping the listings."""
        random.seed(self.seed)
        with opened(["seller"], self._before, self._after, **self.scenario()) as (world, (process,)):
            self.world, self.process, self.witness = world, process, WriteWitness(world)
            self._arrange()
            keeper = keeper(self)
            for seconds in self._turns():
                world.advance(seconds)
                keeper.turn()
            self.outcome.writes = self.witness.writes["alone"]
            self.outcome.wrong = len(self.witness.violations)
        return self.outcome

    def _before(self, process, call):
        self.witness.asked(process, call)

    def _after(self, process, call, answer):
        self.witness.answered(process, call, answer)

    # --- what happens, and when -----------------------------------------------------------------------

    def _arrange(self):
        """Put everything that happens into Amazon's own calendar: all drawn in advance."""
        schedule, trade = self.world.agenda.schedule, self.trade
        for sku, rate in zip(self.skus, trade.orders_an_hour, strict=True):
            draw = random.Random(f"{self.seed}/{sku}")
            self._deliver(sku, draw.randint(trade.fewest, trade.most), START)
            at = START
            while (at := at + HOUR * draw.expovariate(rate)) < START + HOUR * self.hours:
                units, late = draw.choice((1, 1, 1, 1, 2, 3)), draw.uniform(0, trade.shown_within_seconds)
                schedule(at, lambda at, sku=sku, units=units, late=late: self._buy(sku, units, late, at))
            at, usual = START, (trade.fewest + trade.most) / 2 / (1.5 * rate * trade.sold_share)
            while (at := at + HOUR * draw.expovariate(1 / usual)) < START + HOUR * self.hours:
                units = draw.randint(trade.fewest, trade.most)
                schedule(at, lambda at, sku=sku, units=units: self._deliver(sku, units, at))
        for hour in range(1, self.hours):
            schedule(START + HOUR * hour, self._send_parcels)

    def _turns(self):
        draw, passed = random.Random(f"{self.seed}/turns"), 0.0
        while passed < self.hours * 3600:
            seconds = draw.uniform(*self.trade.turn_seconds)
            passed += seconds
            yield seconds

    def _buy(self, sku, units, late, at):
        outcome, left = self.outcome, max(0, self.delivered[sku] - self.sold[sku])
        outcome.wanted += units
        placed = self.world.book.place(Wish(lines=[Line(sku, units)], hidden_seconds=late), at)
        if not placed.done:
            outcome.lost += units if left >= units else 0
            return
        outcome.orders, outcome.units = outcome.orders + 1, outcome.units + units
        beyond = max(0, units - left)
        outcome.beyond, outcome.oversold = outcome.beyond + beyond, outcome.oversold + (beyond > 0)
        self.sold[sku] += units
        self.waiting[sku].append((placed.order_id, units))

    def _deliver(self, sku, units, at):
        """A delivery lands, and the shelf is counted."""
        self.delivered[sku] += units
        self.on_shelf[sku] += units
        self.counted[sku] = a_count(self.on_shelf[sku], sku, counted_at=at)

    def _send_parcels(self, at):
        """Once an hour everything leaves that is there, the oldest order first."""
        for sku in self.skus:
            while self.waiting[sku] and self.waiting[sku][0][1] <= self.on_shelf[sku]:
                order_id, units = self.waiting[sku].pop(0)
                self.on_shelf[sku] -= units
                assert self.world.book.ship(order_id, Parcel(), at).done

    # --- what every seller does -----------------------------------------------------------------------

    def read_records(self):
        counts = list(self.counted.values())
        with self.process.ledger.transaction() as books:
            books.supply.record(a_supply(counts), self.process.now())
        self.witness.records_read(counts, (), set())

    def read_orders(self):
        process = self.process
        pull_orders("main", process.account.orders, process.ledger, process, PullTerms(), run_id="orders")
        self.witness.orders_read()


class Ours:
    """The rules of this project, `latency_risk` as the seller sets it."""

    latency_risk = 0.01

    def __init__(self, seller):
        self.seller, self.number = seller, 0
        policy = a_policy(backorder=BackorderKind.NEVER, latency_risk=self.latency_risk)
        self.terms = shop_terms(policy, accounts={"main": AutomatedHandling.OFF})
        self.push_terms = PushTerms(limits=PushLimits(**WIDE))

    def turn(self):
        seller, process = self.seller, self.seller.process
        seller.read_records()
        seller.read_orders()
        if self.number % 12 == 0:
            pull_offers("main", process.account.offers, process.ledger, process, run_id="offers")
        self.number += 1
        plan(process.ledger, process, self.terms, run_id=f"plan-{self.number}")
        with process.ledger.transaction() as books:
            seller.witness.decided(books.offers.decisions())
        run_id = f"push-{self.number}"
        push(
            "main",
            process.account.offers,
            process.ledger,
            process,
            self.push_terms,
            run_id=run_id,
            apply=True,
        )


class OursWithoutBuffer(Ours):
    """The same, but no unit is kept back for orders that are still to be read."""

    latency_risk = 0.0


class Naive:
    """Whenever it runs it sets each quantity to the count less the orders it has read; it never looks."""

    def __init__(self, seller):
        self.seller = seller

    def turn(self):
        seller = self.seller
        seller.read_records()
        seller.read_orders()
        for sku in seller.skus:
            units = seller.witness.ceiling(sku, seller.witness.moment, is_ahead=False)
            offer = Offer(quantity=units, handling_days=2)
            change = OfferChange(
                account="main",
                sku=sku,
                product_type="PRODUCT",
                before=dataclasses.replace(offer, quantity=units + 1),
                after=offer,
            )
            seller.process.account.offers.apply(change)
