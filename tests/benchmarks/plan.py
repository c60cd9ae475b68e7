"""How long a plan takes and how much memory, with all its reading from and writing to SQLite.

Run from the checkout: `python tests/benchmarks/plan.py [SKUS …]` (10,000, 100,000 and 1,000,000 unless
told). A shop has one open order for every ten SKUs and one purchase order line for every twenty SKUs; one in
a hundred of the latter is for a SKU that is sold out and may be sold ahead. Nine listings in ten show what
they should. Each size runs in a process of its own. Plans are timed: the first, which writes every decision;
the whole shop again; one after 1,000 SKUs on the shelf have changed (half of them listings, a quarter counts,
a quarter new orders); one after the lots of ten SKUs that are sold ahead have moved too, so that all that
share the account's late budget are weighed anew; one after nothing has happened.
"""

import dataclasses
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.supply import SupplySnapshot
from fbm_sync.flows.plan import plan

from builders import (
    NOW,
    a_count,
    a_lot,
    a_policy,
    a_receipt,
    an_entry,
    an_item,
    an_observed_offer,
    an_order,
    on_day,
    shop_terms,
)
from fakes import FakeClock

SIZES = (10_000, 100_000, 1_000_000)
CHANGED = 1_000
CHUNK = 50_000
SUPPLIERS = 40


def named(size, rng):
    """Return all SKUs of a shop, those that something is inbound of, and those of them that are sold out."""
    skus = [f"SKU-{number:07d}" for number in range(size)]
    inbound = rng.sample(skus, size // 20)
    return skus, inbound, inbound[: size // 2_000]


def build(url, size):
    """Record a shop of so many SKUs."""
    rng = random.Random(size)
    skus, inbound, ahead = named(size, rng)
    with open_ledger(url, create=True) as ledger:
        record(ledger, size, rng, skus, inbound, set(ahead))


def record(ledger, size, rng, skus, inbound, sold_out):
    """Record stock, lots, receipts, catalogue, listings and orders."""
    stock = tuple(a_count(0 if sku in sold_out else rng.randint(1, 60), sku) for sku in skus)
    lots = tuple(
        a_lot(
            f"PO-{number // 5}",
            rng.randint(20, 200),
            sku,
            line=str(number % 5),
            supplier=f"supplier {number // 5 % SUPPLIERS}",
            promised_on=on_day(rng.randint(1, 25)),
        )
        for number, sku in enumerate(inbound)
    )
    receipts = tuple(
        a_receipt(
            rng.choice((0, 0, 0, 1, 2, 3, 5, 9, -1)),
            po_id=f"R-{number}",
            supplier=f"supplier {number % SUPPLIERS}",
        )
        for number in range(SUPPLIERS * 40)
    )
    catalog = tuple(
        an_entry(sku, price_minor=1_999, unit_cost_minor=900, policy="ahead" if sku in sold_out else None)
        for sku in skus
    )
    shelf = {count.sku: count.on_hand for count in stock}
    with ledger.transaction() as books:
        books.supply.record(SupplySnapshot(stock=stock, lots=lots, receipts=receipts, catalog=catalog), NOW)
    for start in range(0, size, CHUNK):
        with ledger.transaction() as books:
            books.offers.record_observed(
                [
                    an_observed_offer(shelf[sku] if rng.random() < 0.9 else rng.randint(0, 60), sku)
                    for sku in skus[start : start + CHUNK]
                ]
            )
    for start in range(0, size // 10, CHUNK):
        with ledger.transaction() as books:
            books.orders.record(
                [an_open_order(number, skus, rng) for number in range(start, min(start + CHUNK, size // 10))]
            )


def an_open_order(number, skus, rng, created_minutes=20_000):
    """An order of one line, sometimes two or three."""
    chosen = rng.sample(skus, rng.choice((1, 1, 1, 1, 1, 1, 2, 3)))
    return an_order(
        f"{number:08}",
        items=tuple(an_item(sku, rng.choice((1, 1, 1, 2)), order_item_id=sku) for sku in chosen),
        created_at=NOW - timedelta(minutes=rng.randint(1, created_minutes)),
        ship_by_at=NOW + timedelta(hours=rng.randint(2, 150)),
    )


def change(url, size, moved, now):
    """Let something happen to a thousand SKUs on the shelf, and to the lots of some that are sold ahead."""
    skus, _, ahead = named(size, random.Random(size))
    rng = random.Random(now.timestamp())
    some, moved = rng.sample(sorted(set(skus) - set(ahead)), CHANGED), set(ahead[:moved])
    listed, counted = some[: CHANGED // 2], set(some[CHANGED // 2 : CHANGED * 3 // 4])
    with open_ledger(url) as ledger, ledger.transaction() as books:
        books.offers.record_observed(
            [an_observed_offer(rng.randint(0, 50), sku, observed_at=now) for sku in listed]
        )
        books.orders.record(
            [
                an_order(
                    f"new-{sku}", sku=sku, created_at=now, updated_at=now, ship_by_at=now + timedelta(days=2)
                )
                for sku in some[CHANGED * 3 // 4 :]
            ]
        )
        supply = books.supply.reading().snapshot
        stock = tuple(
            dataclasses.replace(count, on_hand=count.on_hand + 7) if count.sku in counted else count
            for count in supply.stock
        )
        lots = tuple(
            dataclasses.replace(lot, promised_on=lot.promised_on + timedelta(days=1))
            if lot.sku in moved
            else lot
            for lot in supply.lots
        )
        books.supply.record(dataclasses.replace(supply, stock=stock, lots=lots), now)


PLANS = (
    ("the first plan", {}, None),
    ("the whole shop again", {"whole": True}, None),
    (f"{CHANGED:,} SKUs changed", {}, 0),
    ("and 10 sold ahead", {}, 10),
    ("nothing changed", {}, None),
)
"""Each with the plan's wishes, and how many SKUs sold ahead change with the others."""


def elsewhere(work, *arguments):
    """Do some work in a process of its own: neither its memory nor what it remembers shall count."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def measure(size):
    """Build a shop of a size and time its plans."""
    policies = {
        "default": a_policy(backorder=BackorderKind.NEVER),
        "ahead": a_policy(name="ahead", account_risk=0.05, late_order_cost_minor=1_500),
    }
    terms, clock = shop_terms(policies=policies), FakeClock(NOW)
    print(f"{size:>9,} SKUs, {size // 10:,} open orders, {size // 20:,} purchase order lines", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/shop.db"
        elsewhere(build, url, size)
        with open_ledger(url) as ledger:
            for name, wish, moved in PLANS:
                clock.advance(minutes=5)
                if moved is not None:
                    elsewhere(change, url, size, moved, clock.now())
                begin = time.perf_counter()
                planned = plan(ledger, clock, terms, run_id="run", **wish)
                seconds = time.perf_counter() - begin
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                counts = f"{planned.anew:>9,} decided anew  {memory:7,.0f} MB at most so far"
                print(f"    {name:<24}{seconds:8.2f} s  {counts}", flush=True)


def main():
    sizes = [int(text.replace(",", "")) for text in sys.argv[1:]] or SIZES
    if len(sizes) == 1:
        measure(sizes[0])
        return
    for size in sizes:
        subprocess.run([sys.executable, __file__, str(size)], check=True)


if __name__ == "__main__":
    main()
