"""What a process that dies at any moment does to a shop: SIGKILL at random moments of a sync, then the truth.

Run from the checkout: `python tests/benchmarks/kills.py [--kills 200] [--each 10] [--skus 100]
[--orders-a-day 20] [--seed 1] [--keep FOLDER]`. `fbm-sync sync --apply` runs against the emulated Amazon (a
process of its own, over HTTP), an SQLite file and a receiver of signed alerts, and is killed again and again
while the shop lives on: orders come, leave and are cancelled, shelves are counted anew, so that every run has
offers to write and people to tell. After `--each` kills one run is left alone, and then Amazon's own truth
and what the receiver heard decide whether anything is missing, wrong or unsaid.

Each run is a child forked from a process that has imported everything (`tests/mortal_runs.py`): started anew,
it would spend most of its life importing, where a kill proves nothing. The moment is drawn evenly over the
length of the last whole run; runs that end before their kill are counted apart and repeated. Every fourth run
has so many changes that they go by feed. Before the run that is left alone a quarter of an hour passes: so
long at most a dead writer's SKUs, letters and feeds are not touched (five, three and ten minutes).

Printed are the kills by the phase they fell into, what was missing or wrong after the runs left alone, and
what was heard: at least once all of it; a letter may come again only for a kill between sending and marking.
In the end `fbm-sync verify` must find nothing, and a store that was never killed must want no other offer.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from killed_shop import FEED_FROM, KilledShop

A_LITTLE = (20, 400)
"""Seconds that pass between two runs."""

REST, A_WHILE = timedelta(minutes=16), timedelta(minutes=5)
FEW, MANY = 20, 2 * FEED_FROM


@dataclasses.dataclass(kw_only=True)
class Tally:
    """What has come of it so far."""

    kills: Counter = dataclasses.field(default_factory=Counter)
    survived: int = 0
    left_alone: int = 0
    found: Counter = dataclasses.field(default_factory=Counter)
    faults: list = dataclasses.field(default_factory=list)

    @property
    def killed(self):
        return self.kills.total()


def wishes():
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--skus", type=int, default=100)
    parser.add_argument("--orders-a-day", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="leave everything in this folder")
    return parser.parse_args()


def kill_again_and_again(shop, kills, each, *, on_look=lambda tally: None):
    """Kill so many runs, look at the shop after each so many; return the tally."""
    tally = Tally()
    length = left_alone(shop, tally)
    number = 0
    while tally.killed < kills:
        before = tally.killed
        while tally.killed < min(kills, before + each):
            number += 1
            length = one_run(shop, tally, length, is_large=number % 4 == 0)
        shop.live_on(REST, recounted=FEW)
        length = left_alone(shop, tally) or length
        on_look(tally)
    return tally


def one_run(shop, tally, length, *, is_large):
    """Begin a run after something has happened, and kill it somewhere; return how long a run takes."""
    shop.live_on(timedelta(seconds=shop.rng.uniform(*A_LITTLE)), recounted=MANY if is_large else FEW)
    shop.let_feeds_be_quick()
    run = shop.run("sync", "--apply", killed_after=shop.rng.uniform(0, length))
    if run.was_killed:
        tally.kills[run.phase] += 1
        return length
    tally.survived += 1
    note(tally, run)
    return run.seconds


def left_alone(shop, tally):
    """Let one run come to its end, and judge; return how long it took."""
    run = shop.run("sync", "--apply")
    tally.left_alone += 1
    note(tally, run)
    verdict = shop.judge()
    tally.found.update(verdict.counts())
    tally.faults += verdict.faults()
    if verdict.cautious:
        shop.amazon("advance", {"seconds": A_WHILE.total_seconds()})
        note(tally, shop.run("sync", "--apply"))
        tally.faults += [f"still cautious: {one}" for one in shop.judge().cautious]
    return run.seconds


def note(tally, run):
    """Note a run that came to its end, and what it complained of."""
    if run.returncode != 0:
        tally.found["failed"] += 1
        tally.faults.append(f"exit {run.returncode}: {run.stdout} {run.stderr}")


def last_look(shop, tally):
    """Let the command itself look, and a store that was never killed."""
    verified = shop.run("verify", "--json")
    tally.found["verify"] = int(verified.returncode != 0)
    if verified.returncode != 0:
        tally.faults.append(f"verify: exit {verified.returncode}: {verified.stdout} {verified.stderr}")
    other = shop.fresh_house()
    shop.run("sync", house=other)
    shop.run("sync", house=other)
    differing = shop.differing(other)
    tally.found["never_killed_otherwise"] = len(differing)
    tally.faults += [f"never killed: {one}" for one in differing]


def figures(shop, tally):
    """Return the figures, line by line."""
    heard, state = shop.heard(), shop.amazon("state")["counts"]
    answers = shop.amazon("requests")["counts"]
    writes = {name: sum(answers.get(name, {}).values()) for name in ("patchListingsItem", "createFeed")}
    again = heard.total() - len(heard)
    return [
        f"{tally.killed} kills: {_counted(tally.kills)}",
        f"{tally.survived} runs ended before their kill, {tally.left_alone} were left alone",
        f"{state['orders']} orders, {state['listings']} listings, writes: {_counted(Counter(writes))}",
        f"faults after the runs left alone: {_counted(tally.found)}",
        f"notifications heard: {heard.total()}, distinct {len(heard)}, repeated {again}",
        f"letters that came again: {shop.repeated_letters()}, kills while telling {tally.kills['notify']}",
        f"letters with a wrong signature: {len(shop.unsigned())}",
        *(f"FAULT {one}" for one in tally.faults),
    ]


def _counted(counts):
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def main():
    wish, begun = wishes(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        home = wish.keep or Path(folder)
        size = {"skus": wish.skus, "orders_a_day": wish.orders_a_day}
        with KilledShop(home, **size, seed=wish.seed, amazon_apart=True) as shop:
            told = _tell if sys.stderr.isatty() else (lambda _tally: None)
            tally = kill_again_and_again(shop, wish.kills, wish.each, on_look=told)
            last_look(shop, tally)
            print("\n".join(figures(shop, tally)))
            again = shop.repeated_letters() > tally.kills["notify"]
    print(f"{time.perf_counter() - begun:.0f} s")
    return 1 if tally.faults or again else 0


def _tell(tally):
    print(f"{tally.killed} kills, {len(tally.faults)} faults", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
