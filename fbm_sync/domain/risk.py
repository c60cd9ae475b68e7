"""Will each open order leave in time? Its state, the reason, the lot to blame and the least bad step."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.allocation import CoverSource, ItemCover, OrderCover
from fbm_sync.domain.awaited import AwaitedLot, await_lot
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Order, OrderId
from fbm_sync.domain.promise import promise_of
from fbm_sync.domain.readiness import ReadyChance, ReadyOdds

AUTO_CANCEL_DAYS = 7
"""Amazon cancels an unconfirmed order this many business days after ship-by (some pages: calendar days)."""

STAGES = (("T-4", timedelta(hours=4)), ("T-12", timedelta(hours=12)), ("T-24", timedelta(hours=24)))
"""Stages before ship-by, most urgent first; each is told once."""

_AUTO_CANCEL_WARNING = timedelta(days=AUTO_CANCEL_DAYS - 2)
_LONGEST_PENDING = timedelta(days=21)


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
    known of every lot it waits for, the earliest first.
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
    odds = ReadyOdds(lots, calendars.house)
    outlooks = (
        judge_order(cover, lots, odds, calendars.of(cover.order.account), now=now, late_limit=late_limit)
        for cover in covered
        if cover.order.is_open
    )
    return most_urgent_first(outlooks)


def most_urgent_first(outlooks: Iterable[OrderOutlook]) -> tuple[OrderOutlook, ...]:
    """Return outlooks by ship-by, those without one last; ties by order id."""
    return tuple(sorted(outlooks, key=_urgency))


def _urgency(outlook: OrderOutlook) -> tuple[bool, datetime, str]:
    return (outlook.ship_by_at is None, outlook.ship_by_at or outlook.judged_at, outlook.order_id)


def judge_order(
    cover: OrderCover,
    lots: Mapping[str, ExpectedLot],
    odds: ReadyOdds,
    calendar: ShipCalendar,
    *,
    now: datetime,
    late_limit: float,
) -> OrderOutlook:
    """Judge one open order; time alone can change the answer, so `now` is part of the question."""
    order = cover.order
    start_on = calendar.start_on(now)
    promise_on = promise_of(cover, calendar, start_on)
    deadline_on = calendar.last_ship_day_for(order.ship_by_at) if order.ship_by_at else None
    chance = _chance_in_time(cover, odds, calendar, deadline_on, now)
    outlook = OrderOutlook(
        account=order.account,
        order_id=order.order_id,
        state=OrderState.ON_TRACK,
        reason="",
        judged_at=now,
        ship_by_at=order.ship_by_at,
        stage=stage_of(order.ship_by_at, now),
        promise_on=promise_on,
        slack_days=calendar.ship_days_between(promise_on, deadline_on)
        if promise_on and deadline_on
        else None,
        late_probability=None if chance is None else 1 - chance.pooled,
        late_alone_probability=None if chance is None else 1 - chance.fixed,
        blamed_lot=_blamed_lot(cover),
        auto_cancel_at=auto_cancel_at(order.ship_by_at, calendar),
        items=cover.items,
        awaits=_awaited_lots(cover, lots, calendar, deadline_on),
    )
    state = _state(order, outlook, late_limit)
    return dataclasses.replace(
        outlook,
        state=state,
        reason=_reason(state, order, outlook, calendar, lots),
        action=_action(state, outlook),
    )


def _awaited_lots(
    cover: OrderCover, lots: Mapping[str, ExpectedLot], calendar: ShipCalendar, deadline_on: date | None
) -> tuple[AwaitedLot, ...]:
    names = {part.lot for part in cover.covers if part.lot is not None}
    waiting = (await_lot(lots[name], calendar, deadline_on) for name in names if name in lots)
    return tuple(sorted(waiting, key=lambda one: (one.ready_on, one.lot)))


def stage_of(ship_by_at: datetime | None, now: datetime) -> str | None:
    """Return the most urgent stage that is due before ship-by; `None` while there is time, or after."""
    if ship_by_at is None or now >= ship_by_at:
        return None
    left = ship_by_at - now
    return next((name for name, span in STAGES if left <= span), None)


def auto_cancel_at(ship_by_at: datetime | None, calendar: ShipCalendar) -> datetime | None:
    """Return when Amazon will cancel the order: the end of the 7th business day after ship-by.

    Monday to Friday and holidays of the seller's calendar are an approximation of Amazon's business
    days; the warning before it goes by calendar days, which come first.
    """
    if ship_by_at is None:
        return None
    day = calendar.local_date(ship_by_at)
    left = AUTO_CANCEL_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < 5 and day not in calendar.holidays  # noqa: PLR2004 - Saturday is 5
    return calendar.end_of_day(day)


def _chance_in_time(
    cover: OrderCover, odds: ReadyOdds, calendar: ShipCalendar, deadline_on: date | None, now: datetime
) -> ReadyChance | None:
    """Return the chance that the order leaves complete before ship-by; `None` without one."""
    ship_by_at = cover.order.ship_by_at
    if ship_by_at is None or deadline_on is None:
        return None
    if not calendar.can_still_leave(ship_by_at, now):
        return ReadyChance(fixed=0.0, pooled=0.0)
    return odds.ready_by(cover, deadline_on)


def _blamed_lot(cover: OrderCover) -> str | None:
    waiting = [(part.ready_on, part.lot) for part in cover.covers if part.lot is not None and part.ready_on]
    return max(waiting, default=(None, None))[1]


def _state(order: Order, outlook: OrderOutlook, late_limit: float) -> OrderState:
    """Pick the one state that matters most; a buyer's cancel request outranks everything."""
    now, ship_by_at, late = outlook.judged_at, outlook.ship_by_at, outlook.late_probability
    if order.cancel_requested:
        return OrderState.CANCEL_REQUESTED
    if order.is_pending:
        return OrderState.PENDING_STUCK if now - order.created_at > _LONGEST_PENDING else OrderState.ON_TRACK
    if ship_by_at is None or late is None:
        return OrderState.UNKNOWN_DEADLINE
    if now > ship_by_at:
        warned = now >= ship_by_at + _AUTO_CANCEL_WARNING
        return OrderState.AUTO_CANCEL_SOON if warned else OrderState.OVERDUE
    if late >= 1.0:
        return OrderState.LATE_CERTAIN
    if late >= late_limit:
        return OrderState.AT_RISK
    return OrderState.DUE_SOON if outlook.stage else OrderState.ON_TRACK


def _reason(
    state: OrderState,
    order: Order,
    outlook: OrderOutlook,
    calendar: ShipCalendar,
    lots: Mapping[str, ExpectedLot],
) -> str:
    """Say in one sentence why the order is in its state."""
    supply = _supply_words(outlook, lots)
    deadline = words_for(outlook.ship_by_at, calendar) if outlook.ship_by_at else "unknown"
    left = span_words(abs(outlook.ship_by_at - outlook.judged_at)) if outlook.ship_by_at else ""
    match state:
        case OrderState.CANCEL_REQUESTED:
            return "The buyer asked to cancel; it must not ship."
        case OrderState.PENDING_STUCK:
            return (
                f"Its payment is pending since {words_for(order.created_at, calendar)}; it must not ship yet."
            )
        case OrderState.UNKNOWN_DEADLINE:
            return "Amazon gives no ship-by date, so nobody can say whether it is late."
        case OrderState.OVERDUE | OrderState.AUTO_CANCEL_SOON:
            return f"Ship-by {deadline} passed {left} ago and no shipment is confirmed; {supply}"
        case OrderState.LATE_CERTAIN if outlook.blamed_lot is None and outlook.promise_on:
            return f"No ship day is left before ship-by {deadline}; {supply}"
        case OrderState.LATE_CERTAIN:
            return f"It cannot leave by {deadline}: {supply}"
        case OrderState.AT_RISK:
            return f"{outlook.late_probability or 0:.0%} likely to miss ship-by {deadline}: {supply}"
        case OrderState.DUE_SOON:
            return f"{left} left until ship-by {deadline}; {supply}"
    if order.is_pending:
        return "Its payment is pending; its units are held and it must not ship yet."
    return f"Ship-by {deadline}; {supply}"


def _supply_words(outlook: OrderOutlook, lots: Mapping[str, ExpectedLot]) -> str:
    short = sum(
        part.units for item in outlook.items for part in item.cover if part.source is CoverSource.SHORTAGE
    )
    if short:
        sku = next(i.sku for i in outlook.items for part in i.cover if part.source is CoverSource.SHORTAGE)
        return f"{_count(short, 'unit')} of {sku} covered by no stock and no inbound."
    if outlook.blamed_lot is None:
        return "all units are on the shelf."
    lot = lots.get(outlook.blamed_lot)
    confirmed = f", confirmed for {lot.lot.promised_on}" if lot and lot.lot.promised_on else ""
    return f"it waits for {outlook.blamed_lot}{confirmed}, expected ready to ship {outlook.promise_on}."


def _action(state: OrderState, outlook: OrderOutlook) -> str:
    """Name the least bad next step."""
    waits = outlook.blamed_lot
    match state:
        case OrderState.CANCEL_REQUESTED:
            return "Cancel it in Seller Central as 'buyer cancelled'; that does not count against you."
        case OrderState.PENDING_STUCK:
            return "Nothing can ship; ask Seller Support if it stays pending."
        case OrderState.UNKNOWN_DEADLINE:
            return "Look the ship-by date up in Seller Central and ship as soon as you can."
        case OrderState.DUE_SOON:
            return "Ship it and confirm the shipment."
        case OrderState.OVERDUE | OrderState.AUTO_CANCEL_SOON if waits is None and outlook.promise_on:
            return "Ship and confirm it now, before Amazon cancels it."
        case OrderState.LATE_CERTAIN if waits is None and outlook.promise_on:
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


def shortages(covered: Sequence[OrderCover]) -> Mapping[tuple[str, str], tuple[int, tuple[OrderId, ...]]]:
    """Return what nothing covers, by account and SKU: units and the orders that want them."""
    found: dict[tuple[str, str], tuple[int, tuple[OrderId, ...]]] = {}
    for cover in covered:
        for item in cover.items:
            units = sum(part.units for part in item.cover if part.source is CoverSource.SHORTAGE)
            if units:
                key = (cover.order.account, item.sku)
                known, orders = found.get(key, (0, ()))
                if cover.order.order_id not in orders:
                    orders = (*orders, cover.order.order_id)
                found[key] = (known + units, orders)
    return found
