"""Where the account's rates are going: the chance of breaking one of Amazon's limits on each day ahead.

The window rolls: orders leave it and enter it, open orders become late or are lost with their chances,
those of one lot together, and new orders come as fast as lately and go wrong as often as ours ever did.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from fbm_sync.domain.joint import (
    NONE_BAD,
    Joined,
    Law,
    chance_of_at_least,
    chances_at_most,
    late_together,
)
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.standing import NOTHING, Basis, HealthTerms, Metric, Tally, Target, Window

HORIZON_DAYS = 14
"""How far ahead is looked, at most the length of a window."""

PACE_DAYS = 14
"""How far back it is looked how fast new orders come."""

FEWEST_PAST = 30
"""From fewer former orders nothing is learned of new ones: then only the orders there are count."""

_DAY = timedelta(days=1)
_HALF = 2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """What the account's rates may still get from one open order that is paid.

    `late_chance` is that of leaving after ship-by, `lost_chance` that of not being ready when Amazon
    cancels it. `lot` is what it waits for longest: the orders of one lot are late together.
    """

    created_at: datetime
    ship_by_at: datetime | None
    deliver_by_at: datetime | None = None
    units: int = 1
    late_chance: float = 0.0
    lost_chance: float = 0.0
    lot: str | None = None


def open_order_of(outlook: OrderOutlook, created_at: datetime, deliver_by_at: datetime | None) -> OpenOrder:
    """Return what the rates may get from an order as it was last judged.

    One whose buyer asked to cancel does not count, whatever becomes of it.
    """
    asked_to_cancel = outlook.state is OrderState.CANCEL_REQUESTED
    late = 0.0 if asked_to_cancel else outlook.late_probability or 0.0
    lost = 0.0 if asked_to_cancel or outlook.odds is None else outlook.odds.auto_cancelled
    return OpenOrder(
        created_at=created_at,
        ship_by_at=outlook.ship_by_at,
        deliver_by_at=deliver_by_at,
        units=sum(item.open_units for item in outlook.items),
        late_chance=late,
        lost_chance=lost,
        lot=outlook.blamed_lot,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How new orders come: so many in so many days, due so many days after they are placed."""

    orders: int = 0
    days: int = PACE_DAYS
    due_after_days: int = 0

    def new_orders(self, days: int) -> int:
        """Return how many new orders to expect within some days, in whole ones."""
        return self.orders * max(0, days) // self.days


def pace_of(placed: Iterable[tuple[datetime, datetime | None]], now: datetime) -> Pace:
    """Return the pace of orders, each given by when it was placed and its ship-by.

    A shop that is younger than two weeks is measured over the days it is known. Half of all orders are due
    within the days named.
    """
    known = [
        (created_at, ship_by_at)
        for created_at, ship_by_at in placed
        if now - PACE_DAYS * _DAY <= created_at <= now
    ]
    if not known:
        return Pace()
    days = max(1, -((min(created_at for created_at, _ in known) - now) // _DAY))
    spans = sorted((ship_by_at - created_at) // _DAY for created_at, ship_by_at in known if ship_by_at)
    due_after_days = max(0, spans[len(spans) // _HALF]) if spans else 0
    return Pace(orders=len(known), days=days, due_after_days=due_after_days)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DayAhead:
    """One measure some days from now: the chance of a breach, and the room that known orders leave.

    `anyway` is the chance of a breach even if every open order is in time.
    """

    days: int
    chance: float
    headroom: int
    anyway: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """One measure over the days ahead, tomorrow first."""

    ahead: tuple[DayAhead, ...]

    @property
    def worst(self) -> DayAhead:
        """The day with the largest chance of a breach, the first of several."""
        return max(self.ahead, key=lambda day: day.chance)

    def first_over(self, limit: float) -> DayAhead | None:
        """Return the first day on which a breach is as likely as the limit; `None` if no day is."""
        return next((day for day in self.ahead if day.chance >= limit), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outset:
    """What a projection starts from: open orders, the pace of new ones, what became of former ones."""

    open_orders: Sequence[OpenOrder] = ()
    pace: Pace = dataclasses.field(default_factory=Pace)
    past: Tally = NOTHING


def days_ahead(window: Window) -> range:
    """Return the days for which a measure is projected."""
    return range(1, min(HORIZON_DAYS, window.days) + 1)


def project(
    window: Window,
    tallies: Sequence[Tally],
    outset: Outset,
    now: datetime,
    terms: HealthTerms,
    target: Target | None = None,
) -> Projection:
    """Return the chance of missing the target on each day ahead.

    `tallies` are what the window counts of all known orders on each of `days_ahead`, open ones taken to
    be in time. Deliveries are projected from known orders alone: new ones are counted too late to matter.
    """
    asked = target or window.target
    days = [
        _day(window, day, tally, outset, now, terms)
        for day, tally in zip(days_ahead(window), tallies, strict=True)
    ]
    limits = [asked.first_breach(day.total) - day.bad if day.total else 0 for day in days]
    laws = _laws(window, outset.open_orders, now, terms, cap=max([1, *limits]))
    good = outset.past.denominator - outset.past.numerator
    ahead = []
    for day, limit, law in zip(days, limits, laws, strict=True):
        new_at_most = chances_at_most(day.new, outset.past.numerator, good, max(0, limit))
        known = day.total - day.new
        ahead.append(
            DayAhead(
                days=day.days,
                chance=chance_of_at_least(limit, law, new_at_most) if day.total else 0.0,
                headroom=max(0, asked.first_breach(known) - 1 - day.bad),
                anyway=chance_of_at_least(limit, NONE_BAD, new_at_most) if day.total else 0.0,
            )
        )
    return Projection(ahead=tuple(ahead))


class _Day(NamedTuple):
    """One day ahead: all that counts then, those of it that are new, and what is bad already."""

    days: int
    total: int
    new: int
    bad: int


def _day(window: Window, days: int, tally: Tally, outset: Outset, now: datetime, terms: HealthTerms) -> _Day:
    """Add up what the window counts on a day; some open orders are in no tally yet."""
    if window.metric is Metric.OTDR:
        span = window.span(now, ahead_days=days)
        units = sum(
            one.units
            for one in outset.open_orders
            if one.deliver_by_at is not None and span.since <= one.deliver_by_at <= span.until
        )
        return _Day(days, tally.denominator + units, 0, tally.denominator - tally.numerator)
    basis, count = terms.basis(window.metric), tally.denominator
    wait = 0 if basis is Basis.CREATED else outset.pace.due_after_days
    if basis is Basis.SHIPPED:
        until = now + days * _DAY
        due = [one.ship_by_at for one in outset.open_orders if one.ship_by_at is not None]
        count += sum(now <= ship_by_at <= until for ship_by_at in due)
    learned = outset.past.denominator >= FEWEST_PAST
    new = outset.pace.new_orders(days - wait) if learned else 0
    return _Day(days, count + new, new, tally.numerator)


class _Doubt(NamedTuple):
    """An open order that may count against the seller on the days ahead from `first` to `last`."""

    first: int
    last: int
    chance: float
    weight: int


def _laws(
    window: Window, orders: Iterable[OpenOrder], now: datetime, terms: HealthTerms, cap: int
) -> list[Law]:
    """Return for each day ahead the law of how many open orders count against the seller."""
    groups: dict[object, list[_Doubt]] = {}
    for number, order in enumerate(orders):
        doubt = _doubt(window, order, now, terms)
        if doubt is not None:
            # What waits for no lot is a group of its own.
            groups.setdefault(order.lot if order.lot is not None else number, []).append(doubt)
    numbered = list(groups.values())
    changes: dict[int, set[int]] = {}
    for number, doubts in enumerate(numbered):
        for doubt in doubts:
            changes.setdefault(doubt.first, set()).add(number)
            changes.setdefault(doubt.last + 1, set()).add(number)
    joined, laws = Joined(len(numbered), cap), []
    for day in days_ahead(window):
        joined.change({number: _law_of(numbered[number], day, cap) for number in changes.get(day, ())})
        laws.append(joined.law)
    return laws


def _law_of(doubts: Iterable[_Doubt], day: int, cap: int) -> Law:
    there = [(doubt.chance, doubt.weight) for doubt in doubts if doubt.first <= day <= doubt.last]
    return late_together(there, cap) if there else NONE_BAD


def _doubt(window: Window, order: OpenOrder, now: datetime, terms: HealthTerms) -> _Doubt | None:
    """Return on which days an open order may count against the seller, and with what chance.

    An order past its ship-by is late already and stands in the tallies. One that will be lost counts as
    long as the window holds it, whoever cancels it in the end, and when.
    """
    first, last = _days_held(window, order, now, terms)
    chance = order.lost_chance if window.metric is Metric.CR else order.late_chance
    if window.metric is Metric.LSR:
        if order.ship_by_at is None or _is_past(order, now):
            return None
        first = max(first, (order.ship_by_at - now) // _DAY + 1)
    first, last = max(1, first), min(last, days_ahead(window)[-1])
    if chance <= 0 or first > last:
        return None
    return _Doubt(first, last, min(1.0, chance), order.units if window.metric is Metric.OTDR else 1)


def _days_held(window: Window, order: OpenOrder, now: datetime, terms: HealthTerms) -> tuple[int, int]:
    """Return the first and the last day ahead on which the window holds an open order."""
    if window.metric is Metric.OTDR:
        return _days_within(window, order.deliver_by_at, now)
    basis = terms.basis(window.metric)
    if basis is Basis.CREATED:
        return _days_within(window, order.created_at, now)
    if basis is Basis.SHIPPED and _is_past(order, now):
        return 1, HORIZON_DAYS
    return _days_within(window, order.ship_by_at, now)


def _is_past(order: OpenOrder, now: datetime) -> bool:
    return order.ship_by_at is not None and order.ship_by_at < now


def _days_within(window: Window, at: datetime | None, now: datetime) -> tuple[int, int]:
    """Return the first and the last day ahead on which the window holds a moment."""
    if at is None:
        return 1, 0
    enters = at + timedelta(days=window.lag_days) - now
    return -(-enters // _DAY), (enters + timedelta(days=window.days)) // _DAY
