"""How long a projection of an account's rates takes: figures for 100 to 10,000 open orders at risk.

Run from the checkout: `python tests/benchmarks/health.py [SIZE …]`. Every open order may be late; in turn
each waits for a lot of its own, ten wait for each lot, or all wait for ten lots.
"""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync.domain.projection import OpenOrder, Outset, Pace, days_ahead, project
from fbm_sync.domain.standing import CR_7, LSR_10, LSR_30, OTDR_14, HealthTerms, Tally

from builders import NOW, in_days

SIZES = (100, 1_000, 10_000)


def open_orders(size, lots, seed=7):
    """Open orders due within two weeks, each late with its own chance."""
    rng = random.Random(seed)
    return [
        OpenOrder(
            created_at=in_days(-rng.uniform(0, 6)),
            ship_by_at=in_days(rng.uniform(0.1, 12)),
            deliver_by_at=in_days(rng.uniform(1, 16)),
            units=rng.choice((1, 1, 1, 2, 5)),
            late_chance=rng.uniform(0.001, 0.06),
            lost_chance=rng.uniform(0, 0.01),
            lot=f"PO-{number % lots}/1",
        )
        for number in range(size)
    ]


def main(sizes):
    """Print a line for each size and number of lots."""
    print(f"{'open orders':>12} {'lots':>7} {'seconds':>8}  P(breach) of LSR 10, LSR 30, CR, OTDR")
    for size in sizes:
        for lots in (size, max(1, size // 10), 10):
            outset = Outset(
                open_orders=open_orders(size, lots),
                pace=Pace(orders=size, days=14, due_after_days=2),
                past=Tally(size // 100, 2 * size),
            )
            begun, chances = time.perf_counter(), []
            for window in (LSR_10, LSR_30, CR_7, OTDR_14):
                tallies = [_tally(window, size)] * len(days_ahead(window))
                chances.append(project(window, tallies, outset, NOW, HealthTerms()).worst.chance)
            seconds = time.perf_counter() - begun
            print(f"{size:>12,} {lots:>7,} {seconds:>8.3f}  {', '.join(f'{one:.4f}' for one in chances)}")


def _tally(window, size):
    good = size - size // 100
    return Tally(good, size) if window is OTDR_14 else Tally(size // 200, size)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or SIZES)
