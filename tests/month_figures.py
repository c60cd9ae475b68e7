"""What a simulated month came to: who was late and why, when it was said, what both count, in figures."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

CAUSES = SLIP, SHORTAGE, MISLAID, LEFT = "late delivery", "lost stock", "mislaid parcel", "left on the shelf"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """An order that missed its ship-by, why, and when it was first said that it might."""

    order_id: str
    cause: str
    ship_by_at: datetime
    knowable: bool
    cancelled_by_amazon: bool
    at_risk_at: datetime | None
    bell_at: datetime | None

    @property
    def warned_at(self) -> datetime | None:
        """When anything first told of it: at risk or worse, or the last bell before its ship-by."""
        return min((at for at in (self.at_risk_at, self.bell_at) if at), default=None)

    @property
    def was_warned_of(self) -> bool:
        """Whether that came as it must: for what lies on the shelf, the last bell is warning enough."""
        if self.cause in (MISLAID, LEFT):
            return self.warned_at is not None
        return self.at_risk_at is not None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Late and cancelled orders as both count them: (late, due, cancelled, created)."""

    at: datetime
    ours: tuple[int, ...]
    amazons: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the month came to."""

    days: int
    orders: int
    by_end: dict[str, int]
    late: tuple[Late, ...]
    flagged_in_time: int
    counted: tuple[Counted, ...]
    news: dict[str, int]
    messages: int
    failed: tuple[str, ...]

    @property
    def knowable(self) -> tuple[Late, ...]:
        """The late orders whose cause could be known before their ship-by."""
        return tuple(one for one in self.late if one.knowable)

    @property
    def false_alarm_share(self) -> float | None:
        """How many of the orders said to be at risk left in time all the same."""
        right = sum(one.at_risk_at is not None for one in self.late)
        told = right + self.flagged_in_time
        return self.flagged_in_time / told if told else None


def figures(outcome: Outcome) -> list[str]:
    """Return the figures of a month, line by line."""
    late, knowable, days = outcome.late, outcome.knowable, outcome.days
    warned = sum(one.was_warned_of for one in knowable)
    share = "–" if outcome.false_alarm_share is None else f"{outcome.false_alarm_share:.0%}"
    same = sum(one.ours == one.amazons for one in outcome.counted)
    last, news = outcome.counted[-1].ours, sum(outcome.news.values())
    head = ("late", "knowable", "said at risk", "or last bell", "hours before")
    return [
        f"{outcome.orders:,} orders in {days} days: {_counts(outcome.by_end)}",
        _line("cause", *head),
        *(_row(cause, [one for one in late if one.cause == cause]) for cause in CAUSES),
        _row("all", late),
        f"recall of what could be known: {warned} of {len(knowable)}",
        f"said to be at risk, yet in time: {share} ({outcome.flagged_in_time})",
        f"a day: {news / days:.1f} pieces of news, {outcome.messages / days:.1f} messages",
        f"news: {_counts(outcome.news)}",
        f"late and cancelled orders counted as Amazon does: {same} of {len(outcome.counted)} times",
        f"in the end: LSR {last[0]}/{last[1]}, CR {last[2]}/{last[3]}",
        *(f"FAILED {line}" for line in outcome.failed),
    ]


def _counts(counts: Mapping[str, int]) -> str:
    """Return counts with their names, the largest first."""
    listed = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{count} {name}" for name, count in listed)


def _row(name: str, late: Sequence[Late]) -> str:
    at_risk = sum(one.at_risk_at is not None for one in late)
    hours = [(one.ship_by_at - one.warned_at) / timedelta(hours=1) for one in late if one.warned_at]
    median = f"{statistics.median(hours):.0f}" if hours else "–"
    return _line(name, len(late), sum(one.knowable for one in late), at_risk, len(hours), median)


def _line(name: str, *cells: object) -> str:
    return f"{name:<18}" + "".join(f"{cell!s:>14}" for cell in cells)
