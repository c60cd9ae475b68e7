"""Draws a made-up shop's sales and deliveries, calibrated to real ones, for machines without the real data.

Everything is drawn from a seed with the standard library only. The tables below are quantiles of real
order lines and purchase orders; `python tests/shop_data.py` prints how well the two agree.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from statistics import NormalDist
from typing import TypeVar

_NORMAL = NormalDist()
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """One line of a buyer's order, as the shop's own books have it."""

    order_id: str
    ordered_at: datetime
    sku: str
    units: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """One received line of a purchase order; lines with the same `delivery_id` came together."""

    po_id: str
    delivery_id: str
    supplier: str
    mode: str
    ordered_on: date
    promised_on: date
    received_on: date

    @property
    def slip_days(self) -> int:
        """Days between the promise and the arrival; below zero when it came early."""
        return (self.received_on - self.promised_on).days

    @property
    def planned_days(self) -> int:
        """Days between the order and the promise."""
        return (self.promised_on - self.ordered_on).days


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A law of chance given by some of its quantiles; in between it is drawn straight or on a log scale."""

    knots: Sequence[tuple[float, float]]
    logarithmic: bool = False

    def at(self, share: float) -> float:
        """The value that this share of all cases does not exceed."""
        index = bisect.bisect_right(self.knots, share, key=lambda knot: knot[0])
        if index == 0:
            return self.knots[0][1]
        if index == len(self.knots):
            return self.knots[-1][1]
        (below, low), (above, high) = self.knots[index - 1], self.knots[index]
        part = (share - below) / (above - below)
        return low * (high / low) ** part if self.logarithmic else low + (high - low) * part


def _slip_law(early: float, late: Sequence[tuple[float, float]]) -> Quantiles:
    """Slips in days: the given share early (by as much as early ones really are), then none, then late."""
    shape = [(0.0, 370), (0.02, 106), (0.05, 88), (0.1, 78), (0.25, 66), (0.5, 18), (0.75, 7), (0.9, 3)]
    ahead = [(early * share, -float(days)) for share, days in shape]
    first_late = late[0][0]
    return Quantiles([*ahead, (early, -0.51), (early + 1e-6, 0.0), (first_late, 0.0), *late[1:]])


# The whole published delivery history (2006-2015): 27 % early, median 0, 95 % quantile 14 d, 99 % 51 d.
PUBLISHED_SLIPS = _slip_law(
    0.27, [(0.89, 0), (0.890001, 0.51), (0.95, 14), (0.99, 51), (0.999, 127), (1, 192)]
)
# Its part received before 2013, which is what the data folder holds: far fewer early ones.
EARLY_YEARS_SLIPS = _slip_law(
    0.078,
    [
        *((0.931, 0), (0.931001, 0.51), (0.938, 2), (0.95, 7), (0.966, 24), (0.983, 44)),
        *((0.99, 64), (0.999, 127), (1, 192)),
    ],
)
# Share of late deliveries in each year, 2006 to 2015.
YEARLY_LATE_SHARES = (0.0, 0.02, 0.01, 0.04, 0.16, 0.24, 0.08, 0.18, 0.15, 0.12)

LINES_PER_ORDER = Quantiles(
    [
        *((0, 1), (0.05, 1), (0.1, 2), (0.2, 5), (0.25, 6), (0.3, 8), (0.4, 11), (0.5, 15), (0.6, 19)),
        *((0.7, 24), (0.75, 28), (0.8, 32), (0.85, 40), (0.9, 49), (0.95, 71), (0.98, 148)),
        *((0.99, 202), (0.999, 522), (1, 703)),
    ],
    logarithmic=True,
)
UNITS_PER_LINE = Quantiles(
    [
        *((0, 1), (0.25, 1), (0.3, 2), (0.4, 2), (0.5, 4), (0.6, 6), (0.7, 9), (0.75, 12), (0.85, 12)),
        *((0.9, 24), (0.95, 32), (0.98, 72), (0.99, 100), (0.995, 192), (0.999, 480), (1, 3000)),
    ],
    logarithmic=True,
)
PRICES = Quantiles(
    [
        *((0, 0.19), (0.01, 0.29), (0.05, 0.42), (0.1, 0.65), (0.25, 1.25), (0.5, 2.10), (0.75, 4.13)),
        *((0.9, 7.95), (0.95, 9.95), (0.99, 16.95), (0.999, 39.95), (1, 150)),
    ],
    logarithmic=True,
)
LINES_PER_DELIVERY = ((1, 0.910), (2, 0.058), (3, 0.013), (4, 0.008), (5, 0.005), (6, 0.003), (12, 0.003))
MODES = (("Air", 0.79), ("Ocean", 0.11), ("Truck", 0.10))
ORDER_HOURS = tuple(zip(range(8, 19), (2, 6, 10, 11, 14, 13, 12, 14, 10, 5, 2), strict=True))

_POPULARITY_SPREAD = 1.18
_SIZE_OF_SKU = 0.45  # correlation of the sizes of two lines of one SKU, on the normal scale
_SAME_SUPPLIER = 0.05
_SAME_SUPPLIER_MONTH = 0.15
_WITH_THE_DELIVERY = 0.877  # squared it is the intra-class correlation of a delivery, 0.77
_USUAL_LATE_SHARE = 0.11
_CLOSED_WEEKDAY = 5


def draw_sales(seed: int, first_day: date, days: int, skus: int, orders_per_day: float) -> list[SaleLine]:
    """Order lines of so many days: uneven days, closed on Saturdays, few SKUs with most of the sales."""
    rng = random.Random(f"{seed}/sales")
    range_of_goods = _Goods(rng, skus)
    every_day = [first_day + timedelta(days=number) for number in range(days)]
    open_days = [day for day in every_day if day.weekday() != _CLOSED_WEEKDAY] or every_day
    usual = orders_per_day * days / len(open_days)
    lines: list[SaleLine] = []
    number = 500_000
    for day in open_days:
        orders = max(1, round(rng.gammavariate(12, usual / 12)))
        for moment in sorted(_moment(rng, day) for _ in range(orders)):
            number += 1
            lines += range_of_goods.order(str(number), moment)
    return lines


def _moment(rng: random.Random, day: date) -> datetime:
    hour = _pick(rng, ORDER_HOURS)
    return datetime.combine(day, time(hour, rng.randrange(60), rng.randrange(60)))


def _pick(rng: random.Random, weighted: Sequence[tuple[Value, float]]) -> Value:
    return rng.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


class _Goods:
    """The SKUs of a made-up shop: how popular each is, what it costs, in what numbers it is bought."""

    def __init__(self, rng: random.Random, skus: int) -> None:
        self._rng = rng
        self._names = [f"{20000 + number * 7}{rng.choice(('', '', '', 'A', 'B'))}" for number in range(skus)]
        self._popularity = list(accumulate(rng.lognormvariate(0, _POPULARITY_SPREAD) for _ in range(skus)))
        self._prices = [Decimal(f"{PRICES.at(rng.random()):.2f}") for _ in range(skus)]
        self._sizes = [rng.gauss(0, 1) for _ in range(skus)]

    def order(self, order_id: str, moment: datetime) -> list[SaleLine]:
        """One buyer's order of different SKUs."""
        wanted = max(1, round(LINES_PER_ORDER.at(self._rng.random())))
        wanted = min(wanted, max(1, len(self._names) // 3))
        chosen: dict[int, None] = {}
        while len(chosen) < wanted:
            missing = wanted - len(chosen)
            picks = self._rng.choices(range(len(self._names)), cum_weights=self._popularity, k=missing)
            chosen |= dict.fromkeys(picks)
        return [
            SaleLine(
                order_id=order_id,
                ordered_at=moment,
                sku=self._names[index],
                units=self._units(index),
                price=self._prices[index],
            )
            for index in chosen
        ]

    def _units(self, index: int) -> int:
        own = (1 - _SIZE_OF_SKU) ** 0.5 * self._rng.gauss(0, 1)
        share = _NORMAL.cdf(_SIZE_OF_SKU**0.5 * self._sizes[index] + own)
        return max(1, round(UNITS_PER_LINE.at(share)))


def draw_deliveries(
    seed: int,
    last_day: date,
    suppliers: int,
    *,
    years: int = 5,
    slips: Quantiles = PUBLISHED_SLIPS,
    yearly_drift: bool = False,
) -> list[DeliveryLine]:
    """Past deliveries of so many suppliers, half of whom have delivered fewer than five lines.

    Lines of one delivery are late together, deliveries of one supplier's month a little, and with
    `yearly_drift` the late share wanders from year to year as it really did.
    """
    rng = random.Random(f"{seed}/deliveries")
    history = _History(rng, last_day, years, slips, yearly_drift=yearly_drift)
    for number in range(suppliers):
        few = number < suppliers // 2
        lines = rng.randint(1, 4) if few else min(450, max(5, round(rng.lognormvariate(3.4, 1.3))))
        history.deliver(f"Maker {number + 1:02d}", lines)
    return sorted(history.lines, key=lambda line: (line.received_on, line.delivery_id, line.po_id))


class _History:
    """Deliveries being drawn, supplier by supplier."""

    def __init__(
        self, rng: random.Random, last_day: date, years: int, slips: Quantiles, *, yearly_drift: bool
    ) -> None:
        self._rng = rng
        self._last_day = last_day
        self._years = years
        self._slips = slips
        self._drift = yearly_drift
        self._deliveries = 0
        self.lines: list[DeliveryLine] = []

    def deliver(self, supplier: str, lines: int) -> None:
        """Draw one supplier's whole past, in blocks that arrive together."""
        rng = self._rng
        nature, usual_lead = rng.gauss(0, 1), rng.uniform(40, 140)
        months: dict[int, float] = {}
        left = lines
        while left > 0:
            together = min(left, _pick(rng, LINES_PER_DELIVERY))
            left -= together
            age = rng.randrange(365 * self._years)
            month = months.setdefault(age // 30, rng.gauss(0, 1))
            common = _SAME_SUPPLIER**0.5 * nature + _SAME_SUPPLIER_MONTH**0.5 * month
            self._receive(supplier, together, age, common, usual_lead)

    def _receive(self, supplier: str, lines: int, age: int, common: float, usual_lead: float) -> None:
        rng = self._rng
        self._deliveries += 1
        mode = _pick(rng, MODES)
        promised_on = self._last_day - timedelta(days=age)
        planned = max(1, round(rng.gammavariate(2.4, usual_lead / 2.1)))
        shared = self._slip(age, common)
        for number in range(1, lines + 1):
            slip = shared if rng.random() < _WITH_THE_DELIVERY else self._slip(age, common)
            # What has not arrived by the last day is no receipt yet: the whole line then lies further back.
            overhang = timedelta(days=max(0, slip - age))
            self.lines.append(
                DeliveryLine(
                    po_id=f"G-{self._deliveries:05d}-{number}",
                    delivery_id=f"D-{self._deliveries:05d}",
                    supplier=supplier,
                    mode=mode,
                    ordered_on=promised_on - overhang - timedelta(days=max(planned, 1 - slip)),
                    promised_on=promised_on - overhang,
                    received_on=promised_on - overhang + timedelta(days=slip),
                )
            )

    def _slip(self, age: int, common: float) -> int:
        own = (1 - _SAME_SUPPLIER - _SAME_SUPPLIER_MONTH) ** 0.5 * self._rng.gauss(0, 1)
        return round(self._slips.at(_NORMAL.cdf(common + own + self._shift(age))))

    def _shift(self, age: int) -> float:
        if not self._drift:
            return 0.0
        year = len(YEARLY_LATE_SHARES) - 1 - min(age // 365, len(YEARLY_LATE_SHARES) - 1)
        late = max(0.005, YEARLY_LATE_SHARES[year])
        return _NORMAL.inv_cdf(1 - _USUAL_LATE_SHARE) - _NORMAL.inv_cdf(1 - late)
