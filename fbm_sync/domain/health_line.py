"""One measure of one account as it is shown: ours, Amazon's, why the two differ, and where it is going."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.health import BAD
from fbm_sync.domain.performance import ReportedMetric
from fbm_sync.domain.projection import DayAhead, Projection
from fbm_sync.domain.standing import WINDOWS, Basis, Metric, Standing, Tally, Window

_BAD_WORDS = {
    Metric.LSR: "late",
    Metric.CR: "cancelled",
    Metric.OTDR: "in time",
    Metric.VTR: "with valid tracking",
}
_ESTIMATED = "Ours is an estimate: a parcel never seen delivered counts as in time when it left by ship-by."
_SECONDS_A_DAY = 86_400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AmazonFigure:
    """What Amazon states of a measure where it is worst, and what we count over just the same days.

    `recount` is by the settings, `by_basis` what counting by each moment of an order would give.
    """

    told: ReportedMetric
    marketplace: str
    as_of: datetime
    recount: Tally | None = None
    by_basis: Mapping[Basis, Tally] = dataclasses.field(default_factory=dict)

    @property
    def is_bad(self) -> bool:
        """Whether Amazon says that its target is missed."""
        return self.told.verdict == BAD

    @property
    def is_matched(self) -> bool | None:
        """Whether we count the same as Amazon over the same days; `None` where that cannot be told."""
        counted = _told_tally(self.told)
        return None if counted is None or self.recount is None else counted == self.recount


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HealthLine:
    """One measure of one account over one window."""

    account: str
    standing: Standing
    amazon: AmazonFigure | None = None
    projection: Projection | None = None

    @property
    def is_breached(self) -> bool:
        """Whether Amazon's target is missed now, by our count or by Amazon's word."""
        return self.standing.breached or (self.amazon is not None and self.amazon.is_bad)

    @property
    def breach_probability(self) -> float | None:
        """The chance of missing the target on the worst day ahead; certain where it is missed now."""
        if self.standing.breached:
            return 1.0
        return self.projection.worst.chance if self.projection else None

    def breach_ahead(self, limit: float) -> DayAhead | None:
        """Return the first day ahead on which the target is missed with at least this chance."""
        return self.projection.first_over(limit) if self.projection else None

    def breach_on(self, limit: float, calendar: ShipCalendar, now: datetime) -> date | None:
        """Return the date from which the target is missed with at least this chance; today if it is now."""
        if self.standing.breached:
            return calendar.local_date(now)
        ahead = self.breach_ahead(limit)
        return None if ahead is None else day_of(ahead, calendar, now)

    @property
    def note(self) -> str:
        """What is to be known about the figures, in plain sentences; empty where there is nothing."""
        notes = [explain_difference(self.standing.metric, self.amazon)] if self.amazon else []
        if self.standing.metric is Metric.OTDR:
            notes.append(_ESTIMATED)
        return " ".join(note for note in notes if note)


def day_of(ahead: DayAhead, calendar: ShipCalendar, now: datetime) -> date:
    """Return the date of a day ahead, at the seller's place."""
    return date.fromordinal(calendar.local_date(now).toordinal() + ahead.days)


def window_of(told: ReportedMetric, metric: Metric) -> Window:
    """Return to which of our windows Amazon's figure belongs: as long as Amazon's, else the longest."""
    windows = [window for window in WINDOWS if window.metric is metric]
    if told.since is not None and told.until is not None:
        days = round((told.until - told.since).total_seconds() / _SECONDS_A_DAY)
        windows = [window for window in windows if window.days == days] or windows
    return max(windows, key=lambda window: window.days)


def explain_difference(metric: Metric, amazon: AmazonFigure) -> str:
    """Say how Amazon's count and ours over the same days differ, and why, as far as we can tell."""
    told = _told_tally(amazon.told)
    if told is None or amazon.recount is None or amazon.is_matched:
        return ""
    noun, words, ours = metric.counts, _BAD_WORDS[metric], amazon.recount
    said = (
        f"Amazon counts {told.numerator} of {told.denominator} {noun} {words}, "
        f"we count {ours.numerator} of {ours.denominator} over the same days"
    )
    option = {Metric.LSR: "lsr_by", Metric.CR: "cr_by"}.get(metric)
    fitting = [basis for basis, tally in amazon.by_basis.items() if tally == told]
    if option and fitting:
        return f'{said}: counted by {option} = "{fitting[0].value}" they are the same, so set it so.'
    if metric is Metric.OTDR and amazon.told.name == Metric.OTDR.value:
        return f"{said}: Amazon counts parcels here, we count units."
    return f"{said}; Amazon's figure is the one that counts."


def _told_tally(told: ReportedMetric) -> Tally | None:
    if told.numerator is None or told.denominator is None:
        return None
    return Tally(told.numerator, told.denominator)
