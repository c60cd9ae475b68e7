"""What a supplier with few receipts will do next: its own past, drawn towards that of all suppliers.

The normal-normal model: a supplier's usual delay is itself drawn from the suppliers' population, and a
delivery scatters about it. Both spreads are estimated by moments (Bühlmann and Straub 1970; the same sums
as DerSimonian and Laird 1986), and the next delay follows a Student-t law that pays for everything that
was estimated. Delays are straightened first: most slips are nothing at all and a few are months, which
only their (signed) logarithm puts on one ruler.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from fbm_sync.domain.student import student_cdf, student_quantile

_SPELT_OUT = 1 - 1e-6
_DAILY = 30
_ROUNDING_VARIANCE = 1 / 12


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DelayScale:
    """A kind of delay: how it is straightened and restored, and the longest that is no mistake in a date."""

    name: str
    straighten: Callable[[float], float]
    restore: Callable[[float], float]
    longest_days: int


SLIPS = DelayScale(name="slips", straighten=math.asinh, restore=math.sinh, longest_days=365)
"""Received minus confirmed date: two-sided, days near 0, a logarithm further out."""

LEAD_TIMES = DelayScale(name="lead times", straighten=math.log, restore=math.exp, longest_days=3 * 365)
"""Received minus ordered date: always above 0."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Past delays of one source in days, oldest first, and how much each of them weighs."""

    delays: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def effective_receipts(self) -> float:
        """As many receipts of today as all of these weigh together."""
        return math.fsum(self.weights)


def weigh(delays: Sequence[int], half_life: int) -> Sample:
    """Let the newest delay count full and one that is `half_life` receipts older half; 0: all alike."""
    ages = range(len(delays) - 1, -1, -1)
    weights = tuple(0.5 ** (age / half_life) if half_life else 1.0 for age in ages)
    return Sample(delays=tuple(delays), weights=weights)


def merged(samples: Iterable[Sample]) -> Sample:
    """Return the receipts of several sources as one, each with the weight it has in its own."""
    known = list(samples)
    return Sample(
        delays=tuple(chain.from_iterable(one.delays for one in known)),
        weights=tuple(chain.from_iterable(one.weights for one in known)),
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Predictive:
    """The law of the next delay: Student-t about a mean, on a straightened scale."""

    scale: DelayScale
    mean: float
    spread: float
    degrees: float

    def chance_by(self, day: int) -> float:
        """Return the probability of a delay of at most so many days."""
        return student_cdf((self.scale.straighten(day) - self.mean) / self.spread, self.degrees)

    def day_at(self, chance: float) -> int:
        """Return the first day by which it has come with a probability; a longer delay is no delay."""
        value = self.mean + self.spread * student_quantile(chance, self.degrees)
        if value >= self.scale.straighten(self.scale.longest_days):
            return self.scale.longest_days
        return math.ceil(self.scale.restore(value) - 1e-9)

    def tail(self, chance: float, worst: int) -> Iterator[tuple[int, float]]:
        """Yield days and chances from a chance on, none before the worst day seen, to certainty.

        Every day at first; further out only some days are named, ever fewer: between them the chance is
        understated. What is left at the end, one in a million or a delay that would be taken for a
        mistake, is given to the last day.
        """
        first = day = max(worst, self.day_at(chance))
        last = max(worst, self.day_at(_SPELT_OUT))
        while day < last:
            yield day, max(chance, self.chance_by(day))
            day += 1 + (day - first) // _DAILY
        yield last, 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class _Moments:
    """A supplier in three numbers: receipts (as many equal ones), their mean, their squared deviations."""

    size: float
    mean: float
    squares: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All suppliers: spread within and between them, their common mean and how well it is known.

    `degrees` and `groups` say how much the two spreads rest on. `between` may be 0: then the suppliers
    differ by no more than chance explains, and each is taken for a sample of the same.
    """

    scale: DelayScale
    within: float
    degrees: float
    between: float
    groups: int
    mean: float
    mean_variance: float

    def predict(self, own: Sample) -> Predictive:
        """Return the law of the next delay of a supplier with these receipts, or with none at all.

        The degrees of freedom of the sum of the two spreads are Satterthwaite's (1946), and never more
        than those of the spread within.
        """
        trust, mean = 0.0, self.mean
        if own.delays and self.between > 0:
            known = _moments(own, self.scale)
            trust = self.between / (self.between + self.within / known.size)
            mean = trust * known.mean + (1 - trust) * self.mean
        unsure = (1 - trust) * self.between + (1 - trust) ** 2 * self.mean_variance
        variance, degrees = self.within + unsure, self.degrees
        if self.between > 0:
            pooled = self.within**2 / self.degrees + unsure**2 / (self.groups - 1)
            degrees = min(degrees, variance**2 / pooled)
        return Predictive(scale=self.scale, mean=mean, spread=math.sqrt(variance), degrees=degrees)


def population(samples: Sequence[Sample], scale: DelayScale) -> Population | None:
    """Measure all suppliers together; `None` while there are not two receipts, so that no spread is known.

    While no supplier has two, all of them are taken for one: its spread holds both. Dates are whole
    days, so no spread is believed to be smaller than rounding to days alone makes it.
    """
    suppliers = [_moments(sample, scale) for sample in samples if sample.delays]
    degrees = math.fsum(one.size - 1 for one in suppliers if one.size > 1)
    if degrees <= 0:
        return population([merged(samples)], scale) if len(suppliers) > 1 else None
    total = math.fsum(one.size for one in suppliers)
    mean = math.fsum(one.size * one.mean for one in suppliers) / total
    day = scale.restore(mean)
    width = scale.straighten(day + 0.5) - scale.straighten(day - 0.5)
    within = math.fsum(one.squares for one in suppliers) / degrees
    within = max(within, width**2 * _ROUNDING_VARIANCE)
    between = _between(suppliers, mean, within, total)
    if between > 0:
        shares = [between / (between + within / one.size) for one in suppliers]
        mean = math.fsum(share * one.mean for share, one in zip(shares, suppliers, strict=True)) / math.fsum(
            shares
        )
        mean_variance = between / math.fsum(shares)
    else:
        mean_variance = within / total
    return Population(
        scale=scale,
        within=within,
        degrees=degrees,
        between=between,
        groups=len(suppliers),
        mean=mean,
        mean_variance=mean_variance,
    )


def _between(suppliers: Sequence[_Moments], mean: float, within: float, total: float) -> float:
    """Return how much the suppliers' means differ beyond what chance within them explains, at least 0."""
    room = total - math.fsum(one.size**2 for one in suppliers) / total
    if len(suppliers) == 1:
        return 0.0
    squares = math.fsum(one.size * (one.mean - mean) ** 2 for one in suppliers)
    return max(0.0, (squares - (len(suppliers) - 1) * within) / room)


def _moments(sample: Sample, scale: DelayScale) -> _Moments:
    """Reduce weighted delays to as many equal ones as carry the same knowledge (Kish 1965)."""
    values = [scale.straighten(delay) for delay in sample.delays]
    weight = math.fsum(sample.weights)
    size = weight**2 / math.fsum(one**2 for one in sample.weights)
    pairs = list(zip(values, sample.weights, strict=True))
    mean = math.fsum(value * one for value, one in pairs) / weight
    squares = math.fsum(one * (value - mean) ** 2 for value, one in pairs) * size / weight
    return _Moments(size, mean, squares)
