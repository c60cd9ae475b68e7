"""What is wrong with single SKUs: they sell too fast, eat into what was withheld, are sold beyond inbound."""

import dataclasses
import math
import statistics
from collections.abc import Collection, Iterable, Sequence

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.decision import Worry, WorryKind
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.order import Sku

SPIKE_HOURS, RATE_DAYS = 24, 30
"""The last day's orders are held against those of the thirty days before it."""

FEWEST_ORDERS = 5
"""Fewer orders than this are never a spike."""

_LEAST_KNOWN_DAYS = 3
_TIMES = 3
_CHANCE = 1e-4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """A SKU's orders of the last 24 hours beside those of `known_days` days before that.

    `units` holds the units of each recent order; `available` are units that can still be promised from
    stock, `None` where nothing is decided about the SKU.
    """

    account: str
    sku: Sku
    units: tuple[int, ...]
    orders_before: int
    known_days: int
    available: int | None

    @property
    def orders(self) -> int:
        """Orders of the last 24 hours."""
        return len(self.units)


def is_spike(burst: Burst) -> bool:
    """Tell whether a SKU is ordered far more often than ever before.

    Orders count, not units: one buyer of fifty is no spike. Against the rate (with one more order than
    were seen, so that a SKU that hardly sells is not judged by luck) at least five orders, three times as
    many as usual, and a number that chance gives once in ten thousand days.
    """
    if burst.known_days < _LEAST_KNOWN_DAYS or burst.orders < FEWEST_ORDERS:
        return False
    if burst.orders * burst.known_days < _TIMES * (burst.orders_before + 1):
        return False
    return chance_of_at_least(burst.orders, (burst.orders_before + 1) / burst.known_days) <= _CHANCE


def chance_of_at_least(orders: int, usual: float) -> float:
    """Return the chance of so many orders in a day where `usual` are the rule (Poisson)."""
    term, total = math.exp(-usual), 0.0
    if term == 0.0:  # so many are the rule that any number near it is
        return 0.0 if orders > 2 * usual else 1.0
    for number in range(orders):
        total += term
        term *= usual / (number + 1)
    return max(0.0, 1.0 - total)


def spike_findings(bursts: Iterable[Burst]) -> list[Finding]:
    """Return one finding for each SKU that suddenly sells, with the hours its stock will last."""
    found = []
    for burst in bursts:
        if not is_spike(burst):
            continue
        hours = hours_left(burst)
        runs_out = hours is not None and hours < SPIKE_HOURS
        usual = burst.orders_before / burst.known_days
        found.append(
            Finding(
                account=burst.account,
                kind="demand_spike",
                subject=burst.sku,
                severity=Severity.WARNING if runs_out else Severity.INFO,
                text=(
                    f"{burst.orders} orders of {burst.sku} in the last {SPIKE_HOURS} h, {usual:.1f} a day in "
                    f"the {burst.known_days} days before. {_stock_words(burst, hours)}"
                ),
                action=(
                    "See whether the price is right and who drives the demand; lower max_listed or raise "
                    "the safety stock if it should last longer."
                ),
            )
        )
    return found


def hours_left(burst: Burst) -> int | None:
    """Return how many hours the stock lasts at the present pace; `None` where nobody knows the stock.

    An order counts with the usual number of units, the median: one large order is not the pace.
    """
    if burst.available is None:
        return None
    pace = burst.orders * statistics.median_low(burst.units)
    return max(0, burst.available) * SPIKE_HOURS // max(1, pace)


def _stock_words(burst: Burst, hours: int | None) -> str:
    if hours is None:
        return "Its stock is not known."
    if not burst.available or burst.available < 0:
        return "No unit can be promised from stock any more: 0 h of stock left."
    units = "unit" if burst.available == 1 else "units"
    return f"{burst.available} {units} can still be promised from stock: {hours} h of it left at this pace."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Worried:
    """A SKU of an account whose decision in force carries worries."""

    account: str
    sku: Sku
    worries: Sequence[Worry]


_SEVERITY = {
    WorryKind.SAFETY_STOCK_BREACHED: Severity.INFO,
    WorryKind.INBOUND_OVERCOMMITTED: Severity.CRITICAL,
}


def worry_findings(
    worried: Iterable[Worried], *, outdated: Collection[tuple[str, Sku]] = ()
) -> list[Finding]:
    """Return what was found wrong with SKUs when their offers were decided.

    What is offered ahead no longer counts for the `outdated`: Amazon shows another offer since.
    """
    return [
        Finding(
            account=one.account,
            kind=worry.kind.value,
            subject=one.sku,
            severity=_SEVERITY[worry.kind],
            text=_worry_text(one.sku, worry),
            action=_worry_action(one.sku, worry),
        )
        for one in worried
        for worry in one.worries
        if worry.kind is WorryKind.SAFETY_STOCK_BREACHED or (one.account, one.sku) not in outdated
    ]


def _worry_text(sku: Sku, worry: Worry) -> str:
    if worry.kind is WorryKind.SAFETY_STOCK_BREACHED:
        return (
            f"Open orders use {worry.units} of the {count_units(worry.of_units)} of {sku} that are withheld "
            "as safety stock."
        )
    return (
        f"{sku} is sold beyond inbound by {count_units(worry.units)}: open orders take {worry.taken} from "
        f"inbound and {worry.offered} more are offered ahead, of {count_units(worry.of_units)} expected."
    )


def _worry_action(sku: Sku, worry: Worry) -> str:
    if worry.kind is WorryKind.SAFETY_STOCK_BREACHED:
        return "Nothing needs to be done: that is what it is for. Replenish it soon."
    return (
        f"Push now: the quantity is lowered ('fbm-sync explain {sku}' says to what); then find a firm "
        "purchase order for what is missing."
    )
