"""A seller whose goods sell faster than orders can be read: how many units are sold twice?

Run from the checkout: `python tests/benchmarks/oversell.py [--orders 10000] [--hours 9] [--seeds 3]
[--apply-seconds 20]`. Twenty SKUs sell ten to forty orders an hour from deliveries of 5 to 60 units
(`tests/fast_seller.py`); Amazon shows an order up to two minutes after it was placed, and makes a change
after 20 s. Turns come one to nine minutes apart, and buyers come at any moment, between a look and a write
too. Shops are played until there were so many orders, each with every way of keeping the listings:

- naive: sets each quantity to the count less the orders it has read, whenever it runs, and looks at nothing;
- our rules, no unit kept back (`latency_risk = 0`);
- our rules, with units kept back for orders that are still to be read (`latency_risk = 0.01`, the default).

Counted are the units sold beyond supply (all that was ever delivered), the orders with such units, and what
safety costs: units that buyers wanted, that were there, and that the listing did not offer.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync import logs

from fast_seller import FastSeller, Naive, Ours, OursWithoutBuffer, Outcome, Trade

WAYS = {"naive": Naive, "ours, nothing kept back": OursWithoutBuffer, "ours": Ours}


def wishes():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--hours", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--apply-seconds", type=float, default=20.0)
    return parser.parse_args()


def play(seeds, hours, trade):
    """Play the same hours with each way; return what came of it, by way and seed."""
    return {
        way: {seed: FastSeller(seed, hours, trade).live(keeper) for seed in seeds}
        for way, keeper in WAYS.items()
    }


def report(way, played):
    """Say what came of one way, in all and for each seed."""
    total = sum(played.values(), Outcome())
    share = 100 * total.beyond / max(1, total.units)
    yield (
        f"  {way:<24} {total.beyond:>6,} units sold beyond supply ({share:.2f} %) "
        f"in {total.oversold:,} orders; "
        f"{total.lost:,} units not sold though they were there ({100 * total.lost / total.wanted:.1f} % of "
        f"{total.wanted:,} wanted); {total.orders:,} orders, {total.writes:,} writes"
    )
    each = ", ".join(f"{one.beyond:,}" for one in played.values())
    yield f"  {'':<24} beyond supply by seed: {each}"


def main():
    wish = wishes()
    logs.configure(quiet=True)
    begun = time.perf_counter()
    trade, seeds = Trade(apply_seconds=wish.apply_seconds), list(range(1, wish.seeds + 1))
    played = play(seeds, wish.hours, trade)
    while min(sum(one.orders for one in way.values()) for way in played.values()) < wish.orders:
        seed = len(played["naive"]) + 1
        for way, more in play([seed], wish.hours, trade).items():
            played[way] |= more
    hours = wish.hours * len(played["naive"])
    print(f"{hours:,} hours of {len(trade.orders_an_hour)} SKUs, {len(played['naive'])} seeds")
    for way, outcomes in played.items():
        print("\n".join(report(way, outcomes)))
    print(f"{time.perf_counter() - begun:,.0f} s")


if __name__ == "__main__":
    main()
