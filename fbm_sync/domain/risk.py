"""Will each open order leave in time? Its state, the reason, the lot to blame and the least bad step."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from fbm_sync.domain.allocation import CoverSource, ItemCover, OrderCover
from fbm_sync.domain.awaited import AwaitedLot, await_lot
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.deadline import MOMENT, STAGES, Deadline, deadline_at
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Order, OrderId
from fbm_sync.domain.promise import promise_of
from fbm_sync.domain.readiness import ReadyChance, ReadyOdds

_STAGE_WORDS: Mapping[str | None, str] = {name: f"{span // timedelta(hours=1)} h" for name, span in STAGES}
_LONGEST_PENDING = timedelta(days=21)
_NO_DEADLINE = datetime.max.replace(tzinfo=UTC)


class OrderState(enum.StrEnum):
    """The one state an open order is in, from calm to lost."""

    ON_TRACK = "on_track"
    DUE_SOON = "due_soon"
    AT_RISK = "at_risk"
    LATE_CERTAIN = "late_certain"
    OVERDUE = "overdue"
    AUTO_CANCEL_SOON = "auto_cancel_soon"
    CANCEL_REQUESTED = "cancel_requested"
    UNKNOWN_DEADLINE = "unknown_deadline"
    PENDING_STUCK = "pending_stuck"


WORRYING = frozenset(OrderState) - {OrderState.ON_TRACK}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderOutlook:
    """What we expect of one open order, judged at one moment.

    `promise_on` is the ship day we compute we can keep, `None` when nothing known covers the order.
    `slack_days` are ship days from promise to ship-by, negative when late. `late_probability` is
    between 0 and 1, `None` without a deadline; `late_alone_probability` would be so if no other lot than
    its own could serve it. `blamed_lot` is the lot the order waits for longest; `awaits` tells what was
    known of every lot it waits for, the earliest first. `holds_until` is the instant from which time alone
    makes it wrong, as long as the date stays the same; `None`: not before another day.
    """

    account: str
    order_id: OrderId
    state: OrderState
    reason: str
    judged_at: datetime
    ship_by_at: datetime | None = None
    stage: str | None = None
    promise_on: date | None = None
    slack_days: int | None = None
    late_probability: float | None = None
    late_alone_probability: float | None = None
    blamed_lot: str | None = None
    auto_cancel_at: datetime | None = None
    items: tuple[ItemCover, ...] = ()
    awaits: tuple[AwaitedLot, ...] = ()
    action: str = ""
    holds_until: datetime | None = None

    @property
    def is_short(self) -> bool:
        """Whether nothing known covers some of its units."""
        return any(part.source is CoverSource.SHORTAGE for item in self.items for part in item.cover)


def judge_orders(
    covered: Iterable[OrderCover],
    lots: Mapping[str, ExpectedLot],
    calendars: ShipCalendars,
    *,
    now: datetime,
    late_limit: float,
) -> tuple[OrderOutlook, ...]:
    """Judge every open order against its supply: promise, slack, chance of being late, state.

    `lots` are the believed lots by name; `late_limit` is the chance of being late from which an order
    counts as at risk. An order that only keeps units for a while (a vanished pending one) is not judged.
    """
    judge = _Judge(lots, calendars, now, late_limit)
    return most_urgent_first(judge.outlook_of(cover) for cover in covered if cover.order.is_open)


def most_urgent_first(outlooks: Iterable[OrderOutlook]) -> tuple[OrderOutlook, ...]:
    """Return outlooks by ship-by, those without one last; ties by order id."""
    return tuple(sorted(outlooks, key=_urgency))


def _urgency(outlook: OrderOutlook) -> tuple[bool, datetime, str]:
    return (outlook.ship_by_at is None, outlook.ship_by_at or _NO_DEADLINE, outlook.order_id)


class _Standing(NamedTuple):
    """How one order stands: what its state and the words for it are taken from."""

    cover: OrderCover
    deadline: Deadline | None
    promise_on: date | None
    late: float | None
    blamed_lot: str | None


_NEVER = ReadyChance(fixed=0.0, pooled=0.0)


class _Judge:
    """One look at many orders; what orders of the same deadline share is worked out once."""

    def __init__(
        self, lots: Mapping[str, ExpectedLot], calendars: ShipCalendars, now: datetime, late_limit: float
    ) -> None:
        self._lots, self._calendars, self._now, self._late_limit = lots, calendars, now, late_limit
        self._odds = ReadyOdds(lots, calendars.house)
        self._start_on: dict[str, date] = {}
        self._deadlines: dict[tuple[str, datetime], Deadline] = {}
        self._words: dict[tuple[str, datetime], str] = {}
        self._slack: dict[tuple[str, date, date], int] = {}

    def outlook_of(self, cover: OrderCover) -> OrderOutlook:
        """Judge one open order."""
        order = cover.order
        calendar = self._calendars.of(order.account)
        deadline = self._deadline(order, calendar)
        chance = self._chance_in_time(cover, deadline)
        standing = _Standing(
            cover=cover,
            deadline=deadline,
            promise_on=promise_of(cover, calendar, self._earliest(order.account, calendar)),
            late=None if chance is None else 1 - chance.pooled,
            blamed_lot=_blamed_lot(cover),
        )
        state = _state(standing, self._now, self._late_limit)
        return OrderOutlook(
            account=order.account,
            order_id=order.order_id,
            state=state,
            reason=self._reason(state, standing, calendar),
            judged_at=self._now,
            ship_by_at=order.ship_by_at,
            stage=deadline.stage if deadline else None,
            promise_on=standing.promise_on,
            slack_days=self._slack_days(order.account, standing, calendar),
            late_probability=standing.late,
            late_alone_probability=None if chance is None else 1 - chance.fixed,
            blamed_lot=standing.blamed_lot,
            auto_cancel_at=deadline.auto_cancel_at if deadline else None,
            items=cover.items,
            awaits=self._awaited_lots(standing, calendar),
            action=_action(state, standing),
            holds_until=_holds_until(state, standing),
        )

    def _deadline(self, order: Order, calendar: ShipCalendar) -> Deadline | None:
        if order.ship_by_at is None:
            return None
        key = (order.account, order.ship_by_at)
        if key not in self._deadlines:
            self._deadlines[key] = deadline_at(order.ship_by_at, calendar, self._now)
            self._words[key] = words_for(order.ship_by_at, calendar)
        return self._deadlines[key]

    def _earliest(self, account: str, calendar: ShipCalendar) -> date:
        """Return the first ship day on which work can still be done."""
        if account not in self._start_on:
            self._start_on[account] = calendar.start_on(self._now)
        return self._start_on[account]

    def _slack_days(self, account: str, standing: _Standing, calendar: ShipCalendar) -> int | None:
        if standing.promise_on is None or standing.deadline is None:
            return None
        key = (account, standing.promise_on, standing.deadline.last_on)
        if key not in self._slack:
            self._slack[key] = calendar.ship_days_between(standing.promise_on, standing.deadline.last_on)
        return self._slack[key]

    def _chance_in_time(self, cover: OrderCover, deadline: Deadline | None) -> ReadyChance | None:
        """Return the chance that the order leaves complete before ship-by; `None` without one."""
        if deadline is None:
            return None
        return self._odds.ready_by(cover, deadline.last_on) if deadline.in_reach else _NEVER

    def _awaited_lots(self, standing: _Standing, calendar: ShipCalendar) -> tuple[AwaitedLot, ...]:
        names = {part.lot for part in standing.cover.covers if part.lot is not None}
        last_on = standing.deadline.last_on if standing.deadline else None
        waiting = (await_lot(self._lots[name], calendar, last_on) for name in names if name in self._lots)
        return tuple(sorted(waiting, key=lambda one: (one.ready_on, one.lot)))

    def _reason(self, state: OrderState, standing: _Standing, calendar: ShipCalendar) -> str:
        """Say in one sentence why the order is in its state."""
        order, deadline = standing.cover.order, standing.deadline
        if state is OrderState.PENDING_STUCK:
            since = words_for(order.created_at, calendar)
            return f"Its payment is pending since {since}; it must not ship yet."
        if state in _TOLD_WITHOUT_SUPPLY:
            return _TOLD_WITHOUT_SUPPLY[state]
        if order.is_pending or deadline is None:
            return "Its payment is pending; its units are held and it must not ship yet."
        supply = _supply_words(standing, self._lots)
        ship_by = self._words[order.account, deadline.ship_by_at]
        match state:
            case OrderState.OVERDUE | OrderState.AUTO_CANCEL_SOON:
                return f"Ship-by {ship_by} has passed and no shipment is confirmed; {supply}"
            case OrderState.LATE_CERTAIN if standing.blamed_lot is None and standing.promise_on:
                return f"No ship day is left before ship-by {ship_by}; {supply}"
            case OrderState.LATE_CERTAIN:
                return f"It cannot leave by {ship_by}: {supply}"
            case OrderState.AT_RISK:
                return f"{standing.late:.0%} likely to miss ship-by {ship_by}: {supply}"
            case OrderState.DUE_SOON:
                return f"Due within {_STAGE_WORDS[deadline.stage]}, ship-by {ship_by}; {supply}"
        return f"Ship-by {ship_by}; {supply}"


def _holds_until(state: OrderState, standing: _Standing) -> datetime | None:
    """Return the first instant from which an outlook that is right now is so no more, by time alone.

    `None` when there is none. Supply is taken to stay as it is, and so are the local date and the ship day
    on which work can start: a new day is reason enough to judge again. Every turn is a change of stage or
    of state; the words of an outlook name times, never how long there is left.
    """
    order, deadline = standing.cover.order, standing.deadline
    turns = [deadline.turns_at if deadline else None]
    if deadline and state is OrderState.OVERDUE:
        turns.append(deadline.warn_at)
    if order.is_pending and state is OrderState.ON_TRACK:
        turns.append(order.created_at + _LONGEST_PENDING + MOMENT)
    return min((turn for turn in turns if turn is not None), default=None)


def _blamed_lot(cover: OrderCover) -> str | None:
    waiting = [(part.ready_on, part.lot) for part in cover.covers if part.lot is not None and part.ready_on]
    return max(waiting, default=(None, None))[1]


def _state(standing: _Standing, now: datetime, late_limit: float) -> OrderState:
    """Pick the one state that matters most; a buyer's cancel request outranks everything."""
    order, deadline, late = standing.cover.order, standing.deadline, standing.late
    if order.cancel_requested:
        return OrderState.CANCEL_REQUESTED
    if order.is_pending:
        return OrderState.PENDING_STUCK if now - order.created_at > _LONGEST_PENDING else OrderState.ON_TRACK
    if deadline is None or late is None:
        return OrderState.UNKNOWN_DEADLINE
    if deadline.passed:
        return OrderState.AUTO_CANCEL_SOON if now >= deadline.warn_at else OrderState.OVERDUE
    if late >= 1.0:
        return OrderState.LATE_CERTAIN
    if late >= late_limit:
        return OrderState.AT_RISK
    return OrderState.DUE_SOON if deadline.stage else OrderState.ON_TRACK


_TOLD_WITHOUT_SUPPLY: Mapping[OrderState, str] = {
    OrderState.CANCEL_REQUESTED: "The buyer asked to cancel; it must not ship.",
    OrderState.UNKNOWN_DEADLINE: "Amazon gives no ship-by date, so nobody can say whether it is late.",
}


def _supply_words(standing: _Standing, lots: Mapping[str, ExpectedLot]) -> str:
    items = standing.cover.items
    short = sum(part.units for part in standing.cover.covers if part.source is CoverSource.SHORTAGE)
    if short:
        sku = next(i.sku for i in items for part in i.cover if part.source is CoverSource.SHORTAGE)
        return f"{_count(short, 'unit')} of {sku} covered by no stock and no inbound."
    if standing.blamed_lot is None:
        return "all units are on the shelf."
    lot = lots.get(standing.blamed_lot)
    confirmed = f", confirmed for {lot.lot.promised_on}" if lot and lot.lot.promised_on else ""
    return f"it waits for {standing.blamed_lot}{confirmed}, expected ready to ship {standing.promise_on}."


def _action(state: OrderState, standing: _Standing) -> str:
    """Name the least bad next step."""
    waits = standing.blamed_lot
    match state:
        case OrderState.CANCEL_REQUESTED:
            return "Cancel it in Seller Central as 'buyer cancelled'; that does not count against you."
        case OrderState.PENDING_STUCK:
            return "Nothing can ship; ask Seller Support if it stays pending."
        case OrderState.UNKNOWN_DEADLINE:
            return "Look the ship-by date up in Seller Central and ship as soon as you can."
        case OrderState.DUE_SOON:
            return "Ship it and confirm the shipment."
        case OrderState.OVERDUE | OrderState.AUTO_CANCEL_SOON if waits is None and standing.promise_on:
            return "Ship and confirm it now, before Amazon cancels it."
        case OrderState.LATE_CERTAIN if waits is None and standing.promise_on:
            return "Ship and confirm it before ship-by, although it is no ship day."
        case OrderState.AUTO_CANCEL_SOON:
            return "Cancel it yourself, or find stock: Amazon cancels it soon and counts that against you."
        case OrderState.AT_RISK | OrderState.LATE_CERTAIN | OrderState.OVERDUE if waits is not None:
            return f"Expedite {waits} or find the units elsewhere; if neither works, write to the buyer."
        case OrderState.LATE_CERTAIN | OrderState.OVERDUE:
            return "Find the units elsewhere, or cancel early: a late cancellation costs more."
    return ""


def words_for(at: datetime, calendar: ShipCalendar) -> str:
    """Say an instant in the seller's own time."""
    local = calendar.local(at)
    return f"{local:%a %Y-%m-%d %H:%M %Z}"


def span_words(span: timedelta) -> str:
    """Say a length of time in its two largest units."""
    minutes = int(span.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{_count(days, 'day')} {hours} h" if hours else _count(days, "day")
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shortages(outlooks: Iterable[OrderOutlook]) -> Mapping[tuple[str, str], tuple[int, tuple[OrderId, ...]]]:
    """Return what nothing covers, by account and SKU: units and the open orders that want them."""
    found: dict[tuple[str, str], tuple[int, tuple[OrderId, ...]]] = {}
    for outlook in outlooks:
        for item in outlook.items:
            units = sum(part.units for part in item.cover if part.source is CoverSource.SHORTAGE)
            if units:
                key = (outlook.account, item.sku)
                known, orders = found.get(key, (0, ()))
                if outlook.order_id not in orders:
                    orders = (*orders, outlook.order_id)
                found[key] = (known + units, orders)
    return found
