"""Are promises kept? Every real purchase order is forecast on the day it was ordered, and then looked up.

    python tests/benchmarks/coverage.py

The forecaster is the daemon's own (`fbm_sync.domain.leadtime`), with the template's settings. On the day
of an order it has learned what was received before that day and nothing else (rolling origin). Promises
are compared with three others: the supplier's confirmed date alone; confirmed date plus the supplier's
mean slip plus 1.645 standard deviations; and our own method for lots without a confirmed date, from raw
lead times. Kupiec's test (proportion of failures, 1995) says whether the share kept is what was promised:
its likelihood ratio stays below 3.841 in 95 of 100 honest forecasters. No network is used; the data lie
in `../shared/data` and are not part of the project.
"""

import argparse
import csv
import dataclasses
import math
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from fbm_sync.domain.history import LeadTimeHistory, learn
from fbm_sync.domain.leadtime import ArrivalTerms, forecast_arrival
from fbm_sync.domain.order import Sku
from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.domain.supply import Lot, Receipt

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "inbound_receipts.csv"
CONFIDENCES = (0.80, 0.90, 0.95)
KUPIEC_LIMIT = 3.841
GROUPS = (("<5", 0, 5), ("5-19", 5, 20), ("≥20", 20, sys.maxsize))
HALF_LIVES = (0, 20, 30, 50, 100, 200)
_NORMAL_95 = 1.645

Promise = Callable[[Lot, LeadTimeHistory, float, date], "int | None"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One promise, made on the day of the order: kept or not, how long, how many receipts were known."""

    receipt: Receipt
    kept: bool
    days: int
    receipts: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All promises of one method at one confidence."""

    method: str
    confidence: float
    outcomes: Sequence[Outcome]

    @property
    def kept(self) -> float:
        """The share of promises kept."""
        return kept_share(self.outcomes)

    @property
    def mean_days(self) -> float:
        """The mean days from order to promise."""
        return statistics.fmean(one.days for one in self.outcomes)

    @property
    def ratio(self) -> float:
        """Kupiec's likelihood ratio."""
        return kupiec(len(self.outcomes), sum(not one.kept for one in self.outcomes), self.confidence)

    @property
    def words(self) -> str:
        """Whether the promises were as sure as they said."""
        if self.ratio <= KUPIEC_LIMIT:
            return "within the band"
        return "kept more often" if self.kept > self.confidence else "BROKEN TOO OFTEN"


def kupiec(promises: int, broken: int, confidence: float) -> float:
    """Return the likelihood ratio of the share seen against the share promised: chi-square, 1 degree."""

    def likelihood(chance: float) -> float:
        parts = ((broken, chance), (promises - broken, 1 - chance))
        return sum(count * math.log(share) for count, share in parts if count)

    return 2 * (likelihood(broken / promises) - likelihood(1 - confidence))


def kept_share(outcomes: Sequence[Outcome]) -> float:
    """Return the share of promises kept; not a number without any."""
    return sum(one.kept for one in outcomes) / len(outcomes) if outcomes else math.nan


def read_receipts(path: Path = DATA) -> tuple[Receipt, ...]:
    """The received lines of the real purchase orders, impossible dates included."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Receipt(
                po_id=row["po_id"],
                delivery_id=row["delivery_id"],
                supplier=row["supplier"],
                lane=row["mode"],
                ordered_on=date.fromisoformat(row["ordered_on"]),
                promised_on=date.fromisoformat(row["promised_on"]),
                received_on=date.fromisoformat(row["received_on"]),
                quantity=int(row["quantity"]),
            )
            for row in csv.DictReader(file)
        )


def latest_lines(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Return each delivery once, by its latest line: its lines are late together."""

    def delivery(one: Receipt) -> tuple[str, str]:
        return one.supplier, one.delivery_id

    groups = groupby(sorted(receipts, key=delivery), key=delivery)
    return [max(lines, key=lambda one: (_days(one.promised_on, one), one.po_id)) for _, lines in groups]


def is_possible(receipt: Receipt) -> bool:
    """Tell whether a promise could have been made at all: the goods came after they were ordered."""
    return receipt.ordered_on is not None and receipt.received_on > receipt.ordered_on


def _days(since: date | None, receipt: Receipt) -> int:
    assert since is not None
    return (receipt.received_on - since).days


# --- the methods ------------------------------------------------------------------------------------


def ours(half_life: int, *, lanes: bool = True) -> Promise:
    """The daemon's forecast, against the confirmed date."""

    def promise(lot: Lot, history: LeadTimeHistory, confidence: float, today: date) -> int | None:
        asked = lot if lanes else dataclasses.replace(lot, lane="")
        forecast = forecast_arrival(asked, history, _terms(confidence, half_life), today)
        return (forecast.arrives_by - today).days if forecast else None

    return promise


def ours_without_a_date(half_life: int) -> Promise:
    """The daemon's forecast for a lot whose supplier has not confirmed a date."""

    def promise(lot: Lot, history: LeadTimeHistory, confidence: float, today: date) -> int | None:
        return ours(half_life)(dataclasses.replace(lot, promised_on=None), history, confidence, today)

    return promise


def confirmed_alone(lot: Lot, history: LeadTimeHistory, confidence: float, today: date) -> int | None:
    """The supplier's word."""
    return max(0, (lot.promised_on - today).days) if lot.promised_on else None


def mean_and_deviations(lot: Lot, history: LeadTimeHistory, confidence: float, today: date) -> int | None:
    """The supplier's word plus its mean slip plus 1.645 standard deviations: the usual rule of thumb."""
    slips = history.record_of(lot.supplier).slips
    slip = statistics.fmean(slips) + _NORMAL_95 * statistics.pstdev(slips) if slips else 0.0
    return max(0, (lot.promised_on - today).days + math.ceil(slip)) if lot.promised_on else None


def _terms(confidence: float, half_life: int) -> ArrivalTerms:
    policy = BackorderPolicy(confidence=confidence, half_life_receipts=half_life)
    return policy.arrival_terms


# --- the race ---------------------------------------------------------------------------------------


def rolling_origin(receipts: Sequence[Receipt]) -> Iterator[tuple[date, LeadTimeHistory, list[Receipt]]]:
    """Yield each day of orders, what had been learned before that day, and what was ordered on it."""
    arrivals = sorted(receipts, key=lambda one: one.received_on)
    known = 0
    targets = sorted(filter(is_possible, receipts), key=lambda one: (one.ordered_on or date.min, one.po_id))
    for today, ordered in groupby(targets, key=lambda one: one.ordered_on or date.min):
        while known < len(arrivals) and arrivals[known].received_on < today:
            known += 1
        yield today, learn(arrivals[:known]), list(ordered)


def race(
    receipts: Sequence[Receipt], methods: dict[str, Promise], confidences: Sequence[float] = CONFIDENCES
) -> list[Verdict]:
    """Let every method promise every delivery; all are judged on those for which all could promise."""
    outcomes: dict[tuple[str, float], list[Outcome]] = {
        (name, confidence): [] for name in methods for confidence in confidences
    }
    for today, history, ordered in rolling_origin(receipts):
        for receipt in ordered:
            promises = {
                (name, confidence): promise(_lot(receipt), history, confidence, today)
                for name, promise in methods.items()
                for confidence in confidences
            }
            for key, days in promises.items():
                if days is not None and None not in promises.values():
                    outcomes[key].append(
                        Outcome(
                            receipt=receipt,
                            kept=_days(receipt.ordered_on, receipt) <= days,
                            days=days,
                            receipts=len(history.record_of(receipt.supplier).slips),
                        )
                    )
    return [
        Verdict(method=name, confidence=confidence, outcomes=made)
        for (name, confidence), made in outcomes.items()
    ]


def _lot(receipt: Receipt) -> Lot:
    """What was known of a receipt when it was ordered."""
    return Lot(
        po_id=receipt.po_id,
        line="1",
        sku=Sku("SKU"),
        quantity=receipt.quantity,
        supplier=receipt.supplier,
        lane=receipt.lane,
        ordered_on=receipt.ordered_on,
        promised_on=receipt.promised_on,
    )


# --- the report -------------------------------------------------------------------------------------


def table(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the verdicts as a Markdown table."""
    lines = [
        "| promise | q | kept | supplier had <5 / 5-19 / ≥20 receipts | mean days | Kupiec LR | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in sorted(verdicts, key=lambda verdict: verdict.confidence):
        split = " / ".join(
            f"{kept_share([made for made in one.outcomes if low <= made.receipts < high]):.1%}"
            for _, low, high in GROUPS
        )
        lines.append(
            f"| {one.method} | {one.confidence:.0%} | {one.kept:.1%} | {split} | {one.mean_days:.1f} "
            f"| {one.ratio:.1f} | {one.words} |"
        )
    return lines


def main() -> int:
    """Print the comparison for deliveries, for single lines, and for other settings of the learning."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sweep", action="store_true", help="also try other half-lives, and without lanes")
    arguments = parser.parse_args()
    if not DATA.exists():
        print(f"The real purchase orders are not on this machine (looked for {DATA}); nothing was measured.")
        return 0
    receipts = read_receipts()
    deliveries = latest_lines(receipts)
    usual = BackorderPolicy().half_life_receipts
    methods: dict[str, Promise] = {
        "**confirmed date + learned slip (ours)**": ours(usual),
        "confirmed date alone": confirmed_alone,
        "confirmed date + mean slip + 1.645 deviations": mean_and_deviations,
        "ours without confirmed dates (lead times)": ours_without_a_date(usual),
    }
    for unit, rows in (("deliveries", deliveries), ("purchase order lines", receipts)):
        verdicts = race(rows, methods)
        judged = len(verdicts[0].outcomes)
        impossible = sum(not is_possible(one) for one in rows)
        print(f"\n{len(rows)} {unit}: {judged} judged, {impossible} with impossible dates left out, the")
        print(f"other {len(rows) - judged - impossible} ordered before anything had been received.\n")
        print("\n".join(table(verdicts)))
    if arguments.sweep:
        levers: dict[str, Promise] = {
            f"half-life {half_life or 'off'}": ours(half_life) for half_life in HALF_LIVES
        }
        levers[f"half-life {usual}, lanes unused"] = ours(usual, lanes=False)
        print("\nOther settings, deliveries.\n")
        print("\n".join(table(race(deliveries, levers))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
