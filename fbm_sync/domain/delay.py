"""The law of one delay: by which day it has come, with which chance, and whose experience says so.

There is one law for one delay, and every promise and every chance of being late is read from it; so a
surer promise is never an earlier one. The law is put together from sources of experience, the closest
first. From n past receipts the delay at chance q is the conformal order statistic number ⌈(n+1)·q⌉ (Vovk,
Gammerman and Shafer 2005; with weights Barber et al. 2023): it holds for any distribution as long as the
next receipt resembles the past ones, but it reaches only as far as n/(n+1). Beyond that the next source
speaks, and never with an earlier day than the worst the closer one has seen: less knowledge must not make
a promise bolder.
"""

import dataclasses
import enum
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from fbm_sync.domain.shrinkage import DelayScale, Population, Sample, merged, population, weigh

_NEARLY = 1e-12
_EVEN = 0.5


class ForecastMethod(enum.StrEnum):
    """Whose experience a forecast rests on."""

    LANE = "this supplier's receipts on this lane"
    SUPPLIER = "this supplier's receipts"
    SHRUNK = "this supplier's receipts weighed with all suppliers'"
    ALL_SUPPLIERS = "all suppliers' receipts"
    LEGS = "the receipts of its legs"
    DEFAULT = "the default slip"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Who speaks up to which chance, from how many receipts, and how many that are by their weight."""

    method: ForecastMethod
    receipts: int = 0
    effective_receipts: float = 0.0
    reach: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DelayLaw:
    """The chance that a delay is at most so many days; both rise, and in between nothing happens.

    `worst_seen` is the longest delay among the receipts it rests on. `since` in the questions is the age
    of what is awaited: it has not come before that day, so all chances are on that condition.
    """

    days: tuple[int, ...]
    chances: tuple[float, ...]
    evidence: tuple[Evidence, ...]
    worst_seen: int

    def chance_by(self, day: int, *, since: int) -> float:
        """Return the probability that it has come by a day, given that it has not before `since`."""
        if day < since or self.is_over(since):
            return 0.0
        passed = self._chance(since - 1)
        return (self._chance(day) - passed) / (1 - passed)

    def day_at(self, confidence: float, *, since: int) -> int:
        """Return the first day by which it has come with this probability; the last named if none has it."""
        place = bisect_left(self.chances, self._level(confidence, since))
        return self.days[min(place, len(self.days) - 1)]

    def evidence_for(self, confidence: float, *, since: int) -> Evidence:
        """Return whose experience the day at this probability rests on."""
        level = self._level(confidence, since)
        return next((one for one in self.evidence if one.reach >= level), self.evidence[-1])

    def is_over(self, since: int) -> bool:
        """Tell whether nothing ever took so long, so that the law has nothing to say any more."""
        return self._chance(since - 1) > 1 - _NEARLY

    def steps(self, *, since: int) -> Iterator[tuple[int, float]]:
        """Yield each day from `since` on at which the chance grows, with the chance."""
        for day in self.days[bisect_left(self.days, since) :]:
            yield day, self.chance_by(day, since=since)

    def _chance(self, day: int) -> float:
        place = bisect_right(self.days, day)
        return self.chances[place - 1] if place else 0.0

    def _level(self, confidence: float, since: int) -> float:
        passed = self._chance(since - 1)
        return passed + (confidence - _NEARLY) * (1 - passed)


def law_of(points: Iterable[tuple[int, float]], evidence: Sequence[Evidence], worst_seen: int) -> DelayLaw:
    """Make a law of rising days and chances; where a day comes twice its later chance holds."""
    chances = dict(points)
    return DelayLaw(
        days=tuple(chances), chances=tuple(chances.values()), evidence=tuple(evidence), worst_seen=worst_seen
    )


def learned_law(
    sources: Sequence[tuple[ForecastMethod, Sample]], own: Sample, everyone: Population
) -> DelayLaw:
    """Put the law together: the order statistics of each source as far as they reach, then the population.

    `sources` are the closest first and not empty; `own` are all receipts of the supplier, towards which
    the population's law is drawn.
    """
    points: list[tuple[int, float]] = []
    evidence: list[Evidence] = []
    reach, worst = 0.0, min(sources[0][1].delays)
    for method, sample in sources:
        statistics = [(day, chance) for day, chance in _order_statistics(sample) if chance > reach]
        points += [(max(day, worst), chance) for day, chance in statistics]
        reach = max([reach, *(chance for _, chance in statistics)])
        worst = max(worst, *sample.delays)
        evidence.append(_evidence(method, sample, reach))
    points += everyone.predict(own).tail(reach, worst)
    rest = ForecastMethod.SHRUNK if own.delays else ForecastMethod.ALL_SUPPLIERS
    evidence.append(_evidence(rest, own if own.delays else sources[-1][1], 1.0))
    return law_of(points, evidence, worst)


def default_law(kept_word: int, default_day: int, confidence: float) -> DelayLaw:
    """Say what is taken for granted without experience: the default day, at the confidence asked for.

    For the chance of being late it is taken as even that the supplier keeps its word: without any
    experience neither is certain.
    """
    points = [(kept_word, min(_EVEN, confidence))] if kept_word < default_day else []
    default = Evidence(method=ForecastMethod.DEFAULT)
    return law_of([*points, (default_day, confidence)], [default], default_day)


def not_come_yet(law: DelayLaw, default_days: int, *, since: int) -> DelayLaw | None:
    """Return the law of what has not come at an age; `None` where it has nothing to say any more.

    What is later than anything seen is taken to need `default_days` more.
    """
    if law.is_over(since):
        return None
    if since > law.worst_seen:
        return beyond_experience(law, since + default_days, since=since)
    return law


def beyond_experience(law: DelayLaw, default_day: int, *, since: int) -> DelayLaw:
    """Return the law of what is later already than anything its sources have seen.

    They know nothing of such cases, so the tail of the law is not trusted to say that it will come at
    once: before the default day the chance is even at most.
    """
    chances = dict(law.steps(since=since))
    if (by_default := law.chance_by(default_day, since=since)) > 0:
        chances[default_day] = by_default
    tail, default = law.evidence[-1], Evidence(method=ForecastMethod.DEFAULT, reach=by_default)
    return law_of(
        [
            (day, chance if day >= default_day else min(chance, _EVEN))
            for day, chance in sorted(chances.items())
        ],
        [dataclasses.replace(tail, reach=_EVEN), default, tail],
        law.worst_seen,
    )


def sum_of(laws: Sequence[tuple[DelayLaw, int]], longest_days: int) -> DelayLaw:
    """Return the law of several delays one after the other, each with the age it is known to have.

    The draws are independent, so the chances are exactly convolved; sums longer than the longest delay
    that is no mistake count as that.
    """
    odds = {0: 1.0}
    for law, since in laws:
        parts, passed = [], 0.0
        for day, chance in law.steps(since=since):
            parts.append((day, chance - passed))
            passed = chance
        grown: dict[int, float] = {}
        for before, likely in odds.items():
            for day, chance in parts:
                total = max(-longest_days, min(longest_days, before + day))
                grown[total] = grown.get(total, 0.0) + likely * chance
        odds = grown
    days = sorted(odds)
    chances = [min(1.0, reached) for reached in accumulate(odds[day] for day in days)]
    chances[-1] = 1.0
    spoken = min((law.evidence_for(_EVEN, since=since) for law, since in laws), key=lambda one: one.receipts)
    return law_of(
        zip(days, chances, strict=True),
        [dataclasses.replace(spoken, method=ForecastMethod.LEGS, reach=1.0)],
        min(longest_days, sum(law.worst_seen for law, _ in laws)),
    )


def _evidence(method: ForecastMethod, sample: Sample, reach: float) -> Evidence:
    return Evidence(
        method=method,
        receipts=len(sample.delays),
        effective_receipts=sample.effective_receipts,
        reach=reach,
    )


def _order_statistics(sample: Sample) -> Iterator[tuple[int, float]]:
    """Yield each delay with the weight up to it, out of the whole and one more: the one to come."""
    whole, reached = sample.effective_receipts + 1, 0.0
    for delay, weight in sorted(zip(sample.delays, sample.weights, strict=True)):
        reached += weight
        yield delay, reached / whole


class Experience:
    """All suppliers' delays of one kind, weighed once; the law of each supplier and lane is made once."""

    def __init__(self, delays: Mapping[str, Sequence[int]], scale: DelayScale, half_life: int) -> None:
        self._half_life = half_life
        self._samples = {supplier: weigh(known, half_life) for supplier, known in delays.items()}
        self._everyone = population(list(self._samples.values()), scale)
        self._laws: dict[tuple[str, str], DelayLaw] = {}

    def law(self, supplier: str, lane: str = "", on_lane: Sequence[int] = ()) -> DelayLaw | None:
        """Return the law of a supplier's next delay, from the receipts on its lane first.

        `None` while there are not two receipts of anyone.
        """
        if self._everyone is None:
            return None
        own = self._samples.get(supplier, Sample())
        key = (supplier, lane) if own.delays else ("", "")
        if key not in self._laws:
            near = [(ForecastMethod.LANE, weigh(on_lane, self._half_life)), (ForecastMethod.SUPPLIER, own)]
            far = [(ForecastMethod.ALL_SUPPLIERS, merged(self._samples.values()))]
            sources = [(method, sample) for method, sample in near if sample.delays] or far
            self._laws[key] = learned_law(sources, own, self._everyone)
        return self._laws[key]
