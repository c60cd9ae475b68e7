"""What a month of trouble comes to: who was warned in time, how often in vain, how many messages it took.

Run from the checkout: `python tests/benchmarks/month.py [--days 30] [--orders-a-day 140] [--seed 1]
[--turn-minutes 120]`. A shop of forty SKUs lives on an emulated Amazon with a fast clock: purchase orders
slip, announced or not, stock turns out to be lost, parcels are mislaid, SKUs come into fashion, buyers change
their minds. The daemon's flows run every two hours, with one more look for trouble between.

Printed are, against Amazon's own truth: late orders by cause, those of them that could be known of in time,
those that were (said to be at risk before ship-by; or at least the bell of the last four hours), the median
of hours left when it was first said, how many were said to be at risk and left in time all the same, messages
a day (one for each piece of news, and what a channel was sent), and whether late and cancelled orders are
counted as in Amazon's performance report. The same seed gives the same month.
"""

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync import logs
from fbm_sync.cli.screen import Screen

from month_figures import figures
from simulated_month import play


def wishes():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--orders-a-day", type=int, default=140)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--turn-minutes", type=int, default=120)
    return parser.parse_args()


def main():
    wish = wishes()
    logs.configure(quiet=True)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Screen(as_json=False).watching() as progress:
        outcome = play(
            Path(folder),
            days=wish.days,
            orders_a_day=wish.orders_a_day,
            seed=wish.seed,
            turn=timedelta(minutes=wish.turn_minutes),
            progress=progress,
        )
    print("\n".join(figures(outcome)))
    print(f"{time.perf_counter() - begun:.0f} s")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
