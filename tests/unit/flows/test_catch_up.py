"""Catching up with a long past: the most urgent first, nothing missed, whatever happens on the way."""

import contextlib
import dataclasses
import random
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.order import OrderStatus
from fbm_sync.errors import (
    AccessRefused,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)
from fbm_sync.flows.pull import Means, PullTerms, pull_orders
from fbm_sync.ports import OrderWindow

from builders import ACCOUNT, NOW, an_order, in_days
from fakes import STILL_OPEN, FakeAmazonOrders, FakeClock, FakeOrderReports, Killed

SETTLING = timedelta(minutes=2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLOSED = {"status": OrderStatus.SHIPPED}
FAR_BACK = {"first": 60 * DAY, "slice_span": 15 * DAY}


class Limited(FakeAmazonOrders):
    """Orders behind Amazon's request limits."""

    def __init__(self, clock, **terms):
        super().__init__(clock, **terms)
        self.throttle = Throttle(clock)

    def _called(self, operation):
        if self.throttle.seconds_for({operation: 1}) > 700:
            raise Throttled("the quota is spent for a while.", operation=operation)
        self.throttle.acquire(operation)
        super()._called(operation)


class MortalLedger:
    """The real ledger in a process that dies before or after one of its transactions."""

    def __init__(self, real):
        self.real, self.transactions_left, self.dies = real, None, "after"

    @contextlib.contextmanager
    def transaction(self):
        last = self.transactions_left == 0
        if self.transactions_left is not None:
            self.transactions_left -= 1
        if last and self.dies == "before":
            raise Killed
        with self.real.transaction() as books:
            yield books
        if last:
            raise Killed


class Shop:
    """A seller whose daemon was away for long."""

    def __init__(self, real, *, page_size=2, report_seconds=60.0):
        self.clock = FakeClock()
        self.orders = Limited(self.clock, page_size=page_size)
        self.reports = FakeOrderReports(self.orders, seconds=report_seconds)
        self.ledger = MortalLedger(real)
        self.runs = 0

    def pull(self, window=None, *, patience=0.0, reports=True, **terms):
        means = Means(
            quota=self.orders.throttle,
            reports=self.reports if reports else None,
            patience_seconds=patience,
        )
        self.runs += 1
        return pull_orders(
            ACCOUNT,
            self.orders,
            self.ledger,
            self.clock,
            PullTerms(means=means, **terms),
            run_id=f"run-{self.runs}",
            window=window,
        )

    def pull_until_done(self, most=400, **terms):
        """Pull every five minutes until nothing is left; return how often."""
        for turn in range(1, most):
            pulled = self.pull(**terms)
            if pulled.catch_up is None and turn > 1:
                return turn
            self.clock.advance(minutes=5)
        raise AssertionError("the catch-up never ends")

    def seen(self, read):
        with self.ledger.real.transaction() as books:
            return read(books)

    def recorded(self):
        return self.seen(lambda books: {order.order_id: order for order in books.orders.every()})

    def watermark(self):
        return self.seen(lambda books: books.orders.watermark(ACCOUNT))

    def catch_up(self):
        return self.seen(lambda books: books.catch_ups.under_way(ACCOUNT))

    def wanted(self):
        return self.seen(lambda books: books.catch_ups.wanted(ACCOUNT, 100))

    def last_pull(self):
        return self.seen(lambda books: books.runs.last_success("pull", ACCOUNT))

    def asked(self):
        """The windows asked for, each once, in the order in which they were first asked for."""
        return list(dict.fromkeys(window for window, _ in self.orders.windows))

    def sell(self, count, *, first=1, days=20, **changes):
        """Put orders at Amazon, spread evenly over the last days, the oldest first."""
        for number in range(first, first + count):
            at = NOW - timedelta(days=days) * (first + count - number) / count + HOUR
            terms = {"created_at": at, "updated_at": at, "ship_by_at": at + timedelta(days=40)} | changes
            self.orders.put(an_order(f"111-{number:04}", **terms))


@pytest.fixture
def away(tmp_path, empty_store):
    shutil.copy(empty_store, tmp_path / "shop.db")
    with open_ledger(f"sqlite:///{tmp_path}/shop.db", create=True) as real:
        yield Shop(real)


def as_at_amazon(shop):
    """What Amazon has, beside what is recorded."""
    return {
        name: dataclasses.replace(order, units_kept_until=None) for name, order in shop.recorded().items()
    } == shop.orders.orders


# --- the rule ------------------------------------------------------------------------------------


def _known_if_open(shop):
    """Every order that was open before the last complete pull is known with its ship-by."""
    last = shop.last_pull()
    if last is None:
        return
    recorded = shop.recorded()
    for order in shop.orders.orders.values():
        if order.status in STILL_OPEN and order.updated_at <= last - SETTLING:
            assert order.order_id in recorded, order
            assert recorded[order.order_id].ship_by_at == order.ship_by_at


def _watermark_is_true(shop):
    """Everything that changed before the watermark is known as it is."""
    recorded, watermark = shop.recorded(), shop.watermark()
    for order in shop.orders.orders.values():
        if watermark is not None and order.updated_at <= watermark and order.updated_at >= in_days(-30):
            assert recorded[order.order_id].updated_at == order.updated_at


@dataclasses.dataclass(frozen=True)
class Plot:
    """How one story goes: how many orders, what happens between two requests, and when the process dies."""

    seed: int
    count: int
    page_size: int
    steps: tuple[tuple[str, int], ...]
    report_seconds: float
    is_cold: bool


plots = st.builds(
    Plot,
    seed=st.integers(min_value=0, max_value=2**32),
    count=st.integers(min_value=0, max_value=40),
    page_size=st.integers(min_value=2, max_value=6),
    steps=st.lists(
        st.tuples(
            st.sampled_from(["pull", "kill at a request", "kill at a record", "trouble", "by hand", "wait"]),
            st.integers(min_value=0, max_value=40),
        ),
        max_size=6,
    ).map(tuple),
    report_seconds=st.sampled_from([0.0, 60.0, 4000.0]),
    is_cold=st.booleans(),
)

_TROUBLE = (
    lambda: Throttled("Over quota.", operation="any"),
    lambda: Unavailable("Gone.", operation="any"),
    lambda: RequestRejected("paginationToken has expired.", operation="searchOrders", status=400),
    lambda: UnexpectedPayload("Cut short.", operation="any"),
    lambda: AccessRefused("No.", operation="any"),
)


class Story:
    """One story: orders change while they are read, and the reader dies here and there."""

    def __init__(self, shop, plot):
        self.shop, self.luck = shop, random.Random(plot.seed)
        self.plot, self.numbers = plot, plot.count
        for number in range(plot.count):
            at = NOW - timedelta(days=29) * self.luck.random() - timedelta(minutes=10)
            is_open = self.luck.random() < 0.3
            shop.orders.put(
                an_order(
                    f"111-{number}",
                    status=OrderStatus.UNSHIPPED if is_open else OrderStatus.SHIPPED,
                    created_at=at,
                    updated_at=at,
                    ship_by_at=at + 3 * DAY,
                )
            )
        shop.reports.misses = {f"111-{number}" for number in range(plot.count) if self.luck.random() < 0.1}
        read_on = shop.orders._called

        def meanwhile(operation):
            read_on(operation)
            for _ in range(self.luck.choice([0, 0, 1, 3])):
                self.change()

        shop.orders._called = meanwhile

    def change(self):
        orders, clock = self.shop.orders, self.shop.clock
        clock.advance(seconds=self.luck.randrange(60))
        if not orders.orders or self.luck.random() < 0.3:
            self.numbers += 1
            now = clock.now()
            orders.put(an_order(f"111-{self.numbers}", created_at=now, updated_at=now, ship_by_at=now + DAY))
            return
        name = self.luck.choice(sorted(orders.orders))
        orders.change(name, status=self.luck.choice([OrderStatus.SHIPPED, OrderStatus.CANCELLED]))

    def live(self):
        if not self.plot.is_cold:
            self.step("pull", 0)
            self.shop.clock.advance(days=self.luck.choice([0, 2, 9]))
        for what, number in self.plot.steps:
            self.step(what, number)
            _known_if_open(self.shop)
            _watermark_is_true(self.shop)

    def step(self, what, number):
        shop = self.shop
        shop.clock.advance(minutes=1)
        if what == "wait":
            shop.clock.advance(hours=number)
            return
        if what == "kill at a request":
            shop.orders.trouble.extend([None] * number + [Killed()])
        elif what == "kill at a record":
            shop.ledger.transactions_left, shop.ledger.dies = number, self.luck.choice(["before", "after"])
        elif what == "trouble":
            shop.orders.trouble.extend([None] * (number // 4) + [self.luck.choice(_TROUBLE)()])
            shop.reports.trouble.append(self.luck.choice(_TROUBLE)())
        window = OrderWindow(since=in_days(-number)) if what == "by hand" else None
        with contextlib.suppress(Killed, RemoteError):
            shop.pull(window, patience=30.0 if what == "by hand" else 0.0, **FAR_BACK)
        shop.orders.trouble.clear()
        shop.reports.trouble.clear()
        shop.ledger.transactions_left = None


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(plot=plots)
def test_no_order_is_missed_whatever_changes_and_whenever_the_process_dies(empty_store, plot):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty_store, Path(folder) / "shop.db")
        with open_ledger(f"sqlite:///{folder}/shop.db") as real:
            shop = Shop(real, page_size=plot.page_size, report_seconds=plot.report_seconds)
            story = Story(shop, plot)
            story.live()
            story.luck = random.Random(1)
            shop.orders._called = super(Limited, shop.orders)._called  # nothing changes any more
            shop.clock.advance(hours=7)
            shop.orders.throttle = Throttle(shop.clock)
            shop.pull_until_done(**FAR_BACK)
            assert as_at_amazon(shop)
            assert shop.wanted() == ()
            assert shop.watermark() == shop.clock.now() - SETTLING
            assert shop.seen(lambda books: books.orders.quarantined()) == ()
