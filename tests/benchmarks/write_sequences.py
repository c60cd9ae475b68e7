"""Random days of many SKUs, every write watched: is one ever wrong?

Run from the checkout: `python tests/benchmarks/write_sequences.py [--sequences 100000] [--listings 250]
[--turns 5] [--seed 1] [--break NAME]`. What befalls one SKU of a shop, from the first moment until the
world behaves again, is one sequence (`tests/random_writes.py`); a shop's SKUs live side by side at one
emulated Amazon, in this process and without a socket, and share its reading, planning and pushing. Time is
virtual. When it is asked to stop (SIGTERM) it says what came of it so far.

Counted are the writes that break a rule (`tests/write_witness.py`): a handling time or a restock date that
nobody decided, more units than there were to be sold when it was decided (what is *supply* stands there), a
raise on orders read too long ago, in a pause, or over sales that a look had shown and no order told of yet,
any change of a locked SKU; and in the end SKUs of which Amazon does not show what was decided. All must be 0.
`--break` puts a fault into the push engine (`tests/sabotage.py`), which must be noticed.
"""

import argparse
import collections
import contextlib
import gc
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fbm_sync import logs

from random_writes import RandomShop
from sabotage import SABOTAGES, sabotaged

_EXAMPLES = 5


def wishes():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--listings", type=int, default=250)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--break", dest="broken", choices=sorted(SABOTAGES), default="")
    return parser.parse_args()


class Tally:
    """What came of all shops so far."""

    def __init__(self):
        self.sequences = self.left_alone = self.unlike = 0
        self.operations, self.writes, self.violations = (collections.Counter() for _ in range(3))
        self.examples = []

    def add(self, shop, seed):
        witness = shop.live()
        self.sequences += shop.size
        self.left_alone += shop.left_alone
        self.unlike += len(shop.unlike)
        self.operations += shop.done
        self.writes += witness.writes
        self.violations += collections.Counter(what for what, _ in witness.violations)
        told = [f"{what}: {words}" for what, words in witness.violations] + shop.unlike
        for words in told[: _EXAMPLES - len(self.examples)]:
            self.examples.append(f"shop {seed}, {words}")
            print(self.examples[-1], file=sys.stderr, flush=True)

    def report(self):
        yield f"{self.sequences:,} sequences"
        yield f"  operations {self.operations.total():,}: {_in_words(self.operations)}"
        sent = self.writes["alone"] + self.writes["by feed"]
        yield f"  writes that Amazon took {sent:,}: {_in_words(self.writes)}"
        yield f"  writes that broke a rule: {self.violations.total():,} {_in_words(self.violations)}".rstrip()
        judged = self.sequences - self.left_alone
        yield f"  SKUs that in the end do not show what was decided: {self.unlike:,} of {judged:,}"
        yield f"    ({self.left_alone:,} more are locked, or a person said no)"
        yield from (f"  {words}" for words in self.examples)


def _in_words(counts):
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())


def _stop(_signal, _frame):
    raise KeyboardInterrupt


def main():
    wish = wishes()
    logs.configure(quiet=True)
    signal.signal(signal.SIGTERM, _stop)
    gc.freeze()
    gc.disable()  # a shop is all that has to be collected
    begun, worked = time.perf_counter(), time.process_time()
    tally, seed = Tally(), wish.seed
    with sabotaged(wish.broken), contextlib.suppress(KeyboardInterrupt):  # what came of it so far
        while tally.sequences < wish.sequences:
            size = min(wish.listings, wish.sequences - tally.sequences)
            tally.add(RandomShop(seed, size, wish.turns), seed)
            seed += 1
            gc.collect()
            if sys.stderr.isatty() or (seed - wish.seed) % 20 == 0:
                print(f"{tally.sequences:,} sequences", file=sys.stderr, flush=True)
    print("\n".join(tally.report()))
    print(f"{time.perf_counter() - begun:,.0f} s, {time.process_time() - worked:,.0f} s of one core")
    raise SystemExit(1 if tally.violations or tally.unlike else 0)


if __name__ == "__main__":
    main()
