"""What a cold start costs at Amazon's default request limits: time and calls, in the emulator's own time.

Run from the checkout: `python tests/benchmarks/catch_up.py [--orders 10000] [--open 1500]
[--report-seconds 180] [--orders-a-day 1000] [--skus 20000] [--seed 1]`. A store that knows nothing catches up
with a month of orders: once by hand, as `fbm-sync sync` does, then by the daemon's ticks of five minutes.
Beside it the usual way: list all pages, then ask for each order. Then the requests of one day in the steady
state.

Time is virtual: only Amazon's limits and its report take any; answers and our own work take none. How long
Amazon works on a report is an assumption, and printed. The lower bounds are what full token buckets let
through if nothing else is asked for. Of the usual way's single orders the first are really asked for; the
others only wait for their turn.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync import logs
from fbm_sync.adapters.spapi.operations import PUBLISHED_PLANS
from fbm_sync.flows.pull import Means, PullTerms, pull_orders
from fbm_sync.ports import OrderWindow

from seller import START, open_seller

TICK = timedelta(minutes=5)
BY_HAND_SECONDS = 600.0
REALLY_ASKED = 200
NOW = datetime.fromisoformat(START)


def wishes():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--open", type=int, default=1_500)
    parser.add_argument("--report-seconds", type=float, default=180.0)
    parser.add_argument("--orders-a-day", type=int, default=1_000)
    parser.add_argument("--skus", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def month_of_orders(count, still_open, seed):
    """A month of orders, the latest of them open; most of the others left two days after they were placed."""
    rng, orders = random.Random(seed), []
    for number in range(count):
        is_open = number < still_open
        days = rng.uniform(0.1, 5) if is_open else rng.uniform(2.5, 29)
        created_at = NOW - timedelta(days=days)
        order = {
            "order_id": f"111-{number // 10**7:07}-{number % 10**7:07}",
            "created_at": created_at.isoformat(),
            "ship_by": (created_at + timedelta(days=6)).isoformat(),
            "items": [{"sku": "MUG", "quantity": 1}],
        }
        if not is_open:
            order |= {"status": "shipped", "shipped_at": (created_at + timedelta(days=2)).isoformat()}
        orders.append(order)
    return orders


def bound(operation, calls):
    """Return how long so many calls take at least, from a full bucket on."""
    rate, burst = PUBLISHED_PLANS[operation]
    return max(0.0, (calls - burst) / rate)


def in_words(seconds):
    return f"{seconds:,.0f} s" if seconds < 7_200 else f"{seconds / 3_600:,.1f} h"


def beside(seconds, least):
    """Name a time and its lower bound, and what is between them."""
    ratio = f"ratio {seconds / least:.2f}" if least else "no waiting is needed"
    return f"{in_words(seconds):>9}   (lower bound {in_words(least)}, {ratio})"


class Record:
    """What is known when, of one seller."""

    def __init__(self, seller):
        self.seller, self.begun_at = seller, seller.now()
        self.times, self.calls = {}, {}
        self.truth = seller.true_orders()
        self.open = {name for name, one in self.truth.items() if one["status"] == "UNSHIPPED"}

    def look(self):
        """Note what has become true by now."""
        with self.seller.ledger.transaction() as books:
            under_way = books.catch_ups.under_way(self.seller.name)
            if under_way is not None and {"open", "all"} <= self.times.keys():
                return
            known = {one.order_id: one for one in books.orders.every()}
        dated = {name for name, one in known.items() if one.ship_by_at is not None}
        for what, is_so in (
            ("open", self.open <= dated),
            ("all", self.truth.keys() <= known.keys()),
            ("details", self.truth.keys() <= dated and under_way is None),
        ):
            if is_so and what not in self.times:
                self.times[what] = (self.seller.now() - self.begun_at).total_seconds()
                self.calls[what] = Counter(self.seller.account.gateway.requests)


def catch_up(seller):
    """Catch up as the daemon does, the first time as by hand; return what was known when."""
    record = Record(seller)
    throttle = seller.account.gateway.throttle

    def watch(_task, _done, _total, /, **_more):
        if "open" not in record.times or "all" not in record.times:
            record.look()

    for turn in range(5_000):
        means = Means(
            quota=throttle,
            reports=seller.account.reports,
            patience_seconds=0.0 if turn else BY_HAND_SECONDS,
        )
        begun = seller.now()
        pull_orders(
            seller.name,
            seller.account.orders,
            seller.ledger,
            seller,
            PullTerms(means=means),
            run_id=f"run-{turn}",
            progress=watch if turn == 0 else lambda *_a, **_k: None,
        )
        record.look()
        if "details" in record.times:
            return record
        seller.sleep(max(0.0, (TICK - (seller.now() - begun)).total_seconds()))
    raise SystemExit("the catch-up never ends")


def the_usual_way(seller):
    """List every page, then ask for each order; return seconds and calls."""
    begun, window, token = seller.now(), OrderWindow(since=seller.now() - timedelta(days=30)), None
    ids = []
    while True:
        page = seller.account.orders.page(window, token)
        ids += [order.order_id for order in page.orders]
        token = page.next_token
        if token is None:
            break
    for order_id in ids[:REALLY_ASKED]:
        seller.account.orders.order(order_id)
    rest = ids[REALLY_ASKED:]
    for _ in rest:
        seller.account.gateway.throttle.acquire("getOrder")
    calls = Counter(seller.account.gateway.requests) + Counter(getOrder=len(rest))
    return (seller.now() - begun).total_seconds(), calls


def a_day(seller, orders_a_day, rng):
    """Pull every five minutes for a day while orders come and leave; return the calls."""
    for _ in range(2):  # the first pulls of a store that knows nothing do not count
        pull_orders(seller.name, seller.account.orders, seller.ledger, seller, _terms(seller), run_id="first")
    before, waiting = Counter(seller.account.gateway.requests), []
    for tick in range(288):
        due = orders_a_day * (tick + 1) // 288 - orders_a_day * tick // 288
        placed = [{"items": [{"sku": "MUG", "quantity": 1}], "force": True} for _ in range(due)]
        answers = seller.control("orders", {"place": placed})["place"] if placed else []
        waiting += [one["order_id"] for one in answers if one["placed"]]
        rng.shuffle(waiting)
        leaving, waiting = waiting[: due if tick > 100 else 0], waiting[due if tick > 100 else 0 :]
        if leaving:
            seller.control("orders", {"ship": [{"order_id": one} for one in leaving]})
        seller.advance(minutes=5)
        pull_orders(seller.name, seller.account.orders, seller.ledger, seller, _terms(seller), run_id="tick")
    return Counter(seller.account.gateway.requests) - before


def _terms(seller):
    return PullTerms(means=Means(quota=seller.account.gateway.throttle, reports=seller.account.reports))


def say_calls(calls):
    return ", ".join(f"{count:,} {name}" for name, count in sorted(calls.items()))


def compare(wish, orders):
    """Print both ways through the same month."""
    scenario = {"orders": orders, "report_seconds": wish.report_seconds, "seed": wish.seed}
    with tempfile.TemporaryDirectory() as folder, open_seller(folder, **scenario) as seller:
        record = catch_up(seller)
        pages = -(-wish.orders // 100)
        print(f"{wish.orders:,} orders of a month, {len(record.open):,} of them open; nothing is known")
        print(f"  (Amazon makes a report in {wish.report_seconds:.0f} s: an assumption)")
        open_bound = bound("searchOrders", 1 + -(-len(record.open) // 100))
        for what, said, least in (
            ("open", "every open order's ship-by known", open_bound),
            ("all", "every order recorded", min(wish.report_seconds, bound("searchOrders", pages))),
            ("details", "every page of the past read", bound("searchOrders", pages)),
        ):
            print(f"  {said:<33} after {beside(record.times[what], least)}")
            print(f"    by then {say_calls(record.calls[what])}")
    with tempfile.TemporaryDirectory() as folder, open_seller(folder, **scenario) as seller:
        seconds, calls = the_usual_way(seller)
        print(
            f"  The usual way, all pages and then each order, takes {in_words(seconds)}: {say_calls(calls)}"
        )


def steady(wish):
    """Print the requests of one day."""
    with tempfile.TemporaryDirectory() as folder, open_seller(folder) as seller:
        calls = a_day(seller, wish.orders_a_day, random.Random(wish.seed))
    rate, _ = PUBLISHED_PLANS["searchOrders"]
    listings = 24 * -(-wish.skus // 20)
    listing_rate, _ = PUBLISHED_PLANS["searchListingsItems"]
    print(f"One day with {wish.orders_a_day:,} orders and {wish.skus:,} listings, at the usual rhythm")
    print(f"  {say_calls(calls)}; Amazon's limit lets {rate * 86_400:,.0f} searchOrders through")
    print(
        f"  {listings:,} searchListingsItems (24 looks, counted, not played); "
        f"the limit lets {listing_rate * 86_400:,.0f} through"
    )


def main():
    wish = wishes()
    logs.configure(quiet=True)
    begun = time.perf_counter()
    compare(wish, month_of_orders(wish.orders, wish.open, wish.seed))
    steady(wish)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
