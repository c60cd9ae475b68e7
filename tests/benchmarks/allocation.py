"""How long a whole shop's allocation takes, and how steady it is: figures for 1,000 to 100,000 open orders.

Run from the checkout: `python tests/benchmarks/allocation.py [SIZE …]`. The shops are made up, always the
same: one to three lines an order, a few SKUs that sell most, one in ten of them sold out with three lots
on their way that are not enough in time for everybody.
"""

import random
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync.domain.allocation import CoverSource, allocate
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.risk import judge_orders

from builders import NOW, TODAY, a_calendar, an_expected_lot, an_item, an_order, in_days

SIZES = (1_000, 10_000, 100_000)
CALENDARS = ShipCalendars(house=a_calendar())


def a_shop(size, seed=7):
    """Open orders, shelf and lots of a shop of this size."""
    rng = random.Random(seed)
    skus = [f"SKU-{number}" for number in range(max(20, size // 5))]
    weights = [1 / (rank + 5) for rank in range(len(skus))]
    orders = [an_order_of_some(rng, number, skus, weights) for number in range(size)]
    wanted = Counter()
    for order in orders:
        for item in order.items:
            wanted[item.sku] += item.ordered_units
    shelf, lots = {}, {}
    for number, (sku, units) in enumerate(sorted(wanted.items())):
        if rng.random() < 0.9:
            shelf[sku] = units + rng.randint(0, 20)
            continue
        shelf[sku] = units // 4
        lots[sku] = [
            an_expected_lot(f"PO-{number}-{day}", max(1, units // 4), sku=sku, ready_in=day)
            for day in (2, 5, 9)
        ]
    return orders, shelf, lots


def an_order_of_some(rng, number, skus, weights):
    """An order of mostly one line, sometimes two or three, due within two weeks."""
    chosen = dict.fromkeys(rng.choices(skus, weights, k=rng.choice((1, 1, 1, 1, 2, 3))))
    return an_order(
        f"{number:06}",
        items=tuple(an_item(sku, rng.choice((1, 1, 1, 2, 3))) for sku in chosen),
        programs=rng.choice(((), (), (), ("PRIME",))),
        created_at=NOW - timedelta(minutes=rng.randint(1, 20_000)),
        ship_by_at=in_days(rng.randint(-1, 12) + 0.6),
    )


def timed(work):
    """Return what some work gives and the seconds it takes."""
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def sources(allocation):
    """Return where the units of each order come from."""
    return {one.order.order_id: [(part.lot, part.units) for part in one.covers] for one in allocation.orders}


def late(allocation):
    """Count the orders with a deadline ahead of them that some unit reaches too late or never."""
    return sum(
        one.order.ship_by_at >= NOW
        and any(
            part.source is CoverSource.SHORTAGE
            or (part.ready_on > TODAY and part.ready_on > one.order.ship_by_at.date())
            for part in one.covers
        )
        for one in allocation.orders
    )


def measure(size):
    """Allocate a shop afresh, again as assigned, and again with one new order in a hundred."""
    orders, shelf, lots = a_shop(size)
    newcomers, known = orders[: size // 100], orders[size // 100 :]

    def serve(some, assigned):
        return allocate(some, shelf, lots, now=NOW, calendars=CALENDARS, assigned=assigned)

    first, fresh_seconds = timed(lambda: serve(known, {}))
    assigned = {(one.order.account, one.order.order_id): one.items for one in first.orders}
    again, again_seconds = timed(lambda: serve(known, assigned))
    assert again == first
    after, after_seconds = timed(lambda: serve([*newcomers, *known], assigned))
    unsteady = serve([*newcomers, *known], {})
    before, now, otherwise = sources(first), sources(after), sources(unsteady)
    by_name = {lot.lot_id: lot for group in lots.values() for lot in group}
    _, judged_seconds = timed(lambda: judge_orders(after.orders, by_name, CALENDARS, now=NOW, late_limit=0.1))
    print(
        f"{size:>7,} orders: {fresh_seconds:6.2f} s afresh, {again_seconds:6.2f} s as assigned, "
        f"{after_seconds:6.2f} s with {len(newcomers):,} new ones; judged in {judged_seconds:.2f} s; "
        f"{late(after):,} late ({late(unsteady):,} afresh); "
        f"{sum(before[one] != now[one] for one in before):,} served otherwise than before "
        f"({sum(before[one] != otherwise[one] for one in before):,} afresh)"
    )


if __name__ == "__main__":
    for asked in [int(text) for text in sys.argv[1:]] or SIZES:
        measure(asked)
