"""What can still be done about an order in danger, and what each way costs the account: least bad first.

A late order counts in the late shipment rate (LSR), its units in deliveries on time (OTDR); a cancelled one
in the cancellation rate (CR), unless its buyer asked for it. What a way costs is weighed by how much of the
room it uses that the account has left before Amazon's limits: with little room every order is dear.
"""

import dataclasses
import enum
from collections.abc import Sequence
from datetime import date, datetime

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.donor import Donor
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.outcome import OutcomeOdds
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, OrderState

EXPEDITING_HELPS = 0.5
"""How often an expedited purchase order comes in time that would not have: a guess, no source states it."""

_ALIKE = 1e-9


class RemedyKind(enum.StrEnum):
    """The ways that may be open, in the sequence in which they are preferred where they cost the same."""

    SHIP_NOW = "ship_now"
    REASSIGN = "reassign"
    EXPEDITE = "expedite"
    WRITE_AND_WAIT = "write_and_wait"
    CANCEL = "cancel"


_PREFERENCE = {kind: place for place, kind in enumerate(RemedyKind)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an account has left before Amazon's limits: late orders, cancelled ones, late units.

    `late_units` is `None` where nobody knows; it is then not weighed.
    """

    late_orders: int = 0
    cancelled_orders: int = 0
    late_units: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What ends of an order cost, in minor units: of each late one, and what cancelling it forgoes.

    `None` where it is not known. What expediting costs only the supplier knows.
    """

    late_minor: int | None = None
    forgone_minor: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a way costs on average: late and cancelled orders, units delivered late, money where it is known.

    `room_used` is the share of the account's remaining room, summed over the metrics: the next order that
    breaks a limit is a whole one.
    """

    late_orders: float
    cancelled_orders: float
    late_units: float
    money_minor: int | None
    room_used: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One way that is open for an order: what to do, in a sentence, and what it costs."""

    kind: RemedyKind
    text: str
    cost: Cost


def remedies_for(
    outlook: OrderOutlook,
    *,
    room: Room,
    money: Money,
    donor: Donor | None,
    now: datetime,
    today: date,
) -> tuple[Remedy, ...]:
    """Return the ways open for an order in danger, the least bad first; none where nothing is to be chosen.

    Least bad is what uses least of the account's room, then what costs least money (the unknown last).
    """
    if outlook.state is OrderState.CANCEL_REQUESTED:
        return (_as_asked_for(outlook),)
    if outlook.state not in IN_DANGER or outlook.odds is None:
        return ()
    weighing = _Weighing(outlook, outlook.odds, room, money)
    ways = [
        weighing.ship_now(now),
        weighing.reassign(donor),
        weighing.expedite(today),
        weighing.write_and_wait(),
        weighing.cancel(now),
    ]
    return tuple(sorted((way for way in ways if way is not None), key=_least_bad))


def _least_bad(remedy: Remedy) -> tuple[float, bool, int, int]:
    cost = remedy.cost
    used = round(cost.room_used / _ALIKE) * _ALIKE
    return (used, cost.money_minor is None, cost.money_minor or 0, _PREFERENCE[remedy.kind])


def _as_asked_for(outlook: OrderOutlook) -> Remedy:
    nothing = Cost(late_orders=0.0, cancelled_orders=0.0, late_units=0.0, money_minor=0, room_used=0.0)
    return Remedy(kind=RemedyKind.CANCEL, text=outlook.action, cost=nothing)


class _Weighing:
    """The ways open for one order, each with its cost."""

    def __init__(self, outlook: OrderOutlook, odds: OutcomeOdds, room: Room, money: Money) -> None:
        self.outlook, self.odds, self.room, self.money = outlook, odds, room, money
        self.units = sum(item.open_units for item in outlook.items)
        parts = [part for item in outlook.items for part in item.cover]
        self.is_here = bool(parts) and all(part.source is CoverSource.ON_HAND for part in parts)
        self.is_overdue = outlook.state in (OrderState.OVERDUE, OrderState.AUTO_CANCEL_SOON)

    def ship_now(self, now: datetime) -> Remedy | None:
        """Ship what is on the shelf: late only where ship-by has passed."""
        if not self.is_here or self._is_cancelled(now):
            return None
        return self._remedy(RemedyKind.SHIP_NOW, self.outlook.action, late=1.0 if self.is_overdue else 0.0)

    def reassign(self, donor: Donor | None) -> Remedy | None:
        """Take the units of an order that can wait; where it does not, that one is late instead."""
        if donor is None:
            return None
        units = count_units(donor.units)
        text = f"Ship {units} of {donor.sku} meant for order {donor.order_id}, which has time to wait."
        late = min(1.0, donor.late_chance + (1.0 if self.is_overdue else 0.0))
        return self._remedy(RemedyKind.REASSIGN, text, late=late)

    def expedite(self, today: date) -> Remedy | None:
        """Press the supplier: of what would be late, half may still come in time."""
        lot = self.outlook.blamed_lot
        if lot is None or self.outlook.is_short:
            return None
        late, cancelled, helped = self.odds.late, self.odds.auto_cancelled, EXPEDITING_HELPS
        last_on = next((one.last_arrival_on for one in self.outlook.awaits if one.lot == lot), None)
        if not self.is_overdue and last_on is not None and last_on >= today:
            late, cancelled = late * (1 - helped), cancelled * (1 - helped)
            text = f"Expedite {lot}: in time if it is here by {last_on}."
        elif cancelled > 0:
            late, cancelled = late + cancelled * helped, cancelled * (1 - helped)
            text = f"Expedite {lot}, so that it ships before Amazon cancels it."
        else:
            return None
        return self._remedy(RemedyKind.EXPEDITE, text, late=late, cancelled=cancelled, pays_more=True)

    def write_and_wait(self) -> Remedy | None:
        """Tell the buyer and ship as soon as it is there; what never comes in time Amazon cancels."""
        if self.is_here or self.odds.on_time + self.odds.late <= 0:
            return None
        outlook = self.outlook
        is_late = outlook.promise_on is not None and (outlook.slack_days or 0) < 0
        when = f"late on {outlook.promise_on}" if is_late else "as soon as it is here"
        text = f"Write to the buyer and ship it {when}."
        return self._remedy(
            RemedyKind.WRITE_AND_WAIT, text, late=self.odds.late, cancelled=self.odds.auto_cancelled
        )

    def cancel(self, now: datetime) -> Remedy | None:
        """Cancel it before Amazon does: one cancelled order for sure, and none late."""
        if self._is_cancelled(now):
            return None
        if self.outlook.is_short:
            text = "Find the units elsewhere, or cancel early: a late cancellation costs more."
        else:
            text = "Cancel it yourself, before Amazon does; that counts as one cancelled order."
        return self._remedy(RemedyKind.CANCEL, text, cancelled=1.0)

    def _is_cancelled(self, now: datetime) -> bool:
        return self.outlook.auto_cancel_at is not None and now > self.outlook.auto_cancel_at

    def _remedy(
        self,
        kind: RemedyKind,
        text: str,
        *,
        late: float = 0.0,
        cancelled: float = 0.0,
        pays_more: bool = False,
    ) -> Remedy:
        late_units = late * self.units
        money = None if pays_more else self._money(late, cancelled)
        # An overdue order is counted as late already, so the room is that much larger without it.
        spare_late = self.room.late_orders + self.is_overdue
        used = late / (spare_late + 1) + cancelled / (self.room.cancelled_orders + 1)
        if self.room.late_units is not None:
            used += late_units / (self.room.late_units + 1)
        cost = Cost(
            late_orders=late,
            cancelled_orders=cancelled,
            late_units=late_units,
            money_minor=money,
            room_used=used,
        )
        return Remedy(kind=kind, text=text, cost=cost)

    def _money(self, late: float, cancelled: float) -> int | None:
        """Return what a way costs in money; `None` where a part of it is not known."""
        parts = ((late, self.money.late_minor), (cancelled, self.money.forgone_minor))
        known = [(chance, minor) for chance, minor in parts if chance > 0]
        if any(minor is None for _, minor in known):
            return None
        return round(sum(chance * (minor or 0) for chance, minor in known))


def cost_words(cost: Cost) -> str:
    """Say what a way costs, metric by metric, and how much of the room it uses."""
    parts = []
    if cost.late_orders > 0:
        parts.append(f"{_number(cost.late_orders)} late orders (LSR)")
        parts.append(f"{_number(cost.late_units)} units delivered late (OTDR)")
    if cost.cancelled_orders > 0:
        parts.append(f"{_number(cost.cancelled_orders)} cancelled orders (CR)")
    if not parts:
        return "nothing"
    if cost.money_minor:
        parts.append(f"{cost.money_minor / 100:.2f} in money")
    return f"{', '.join(parts)}; {cost.room_used:.0%} of the room that is left before Amazon's limits"


def _number(amount: float) -> str:
    """Say an average; what is more than nothing never looks like nothing."""
    return f"{max(amount, 0.01):.2f}".rstrip("0").rstrip(".")


def action_of(remedies: Sequence[Remedy], otherwise: str) -> str:
    """Return the least bad step in a sentence, and the next one should it fail; `otherwise` without any."""
    if not remedies:
        return otherwise
    first, *rest = remedies
    if not rest or first.kind is RemedyKind.SHIP_NOW:
        return first.text
    return f"{first.text} If that fails: {rest[0].text[0].lower()}{rest[0].text[1:]}"
