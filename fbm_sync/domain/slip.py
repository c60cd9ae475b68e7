"""Purchase orders that come later than was said, and the orders that wait for them.

A purchase order slips when its date is moved later than the one first known, or when its date passes and
it has not come. One slip may make many orders late: people hear of the purchase order, and of its orders in
the same message.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, OrderState

_LATE = IN_DANGER - {OrderState.AT_RISK}

OrderKey = tuple[str, OrderId]
"""Account and id of an order."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SlippedLot:
    """A lot that comes later than was said: its first known date, the present one, when that was moved.

    `moved_at` is `None` where the date was never moved later: then it has passed.
    """

    po_id: str
    lot: str
    sku: Sku
    supplier: str
    first_on: date
    planned_on: date
    moved_at: datetime | None = None

    def slipped_days(self, today: date) -> int:
        """Return how late it is against its first date, so far; never negative."""
        return max(0, (max(self.planned_on, today) - self.first_on).days)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One purchase order that slipped, the lots of it that orders of one account wait for, and those orders.

    Orders are most urgent first. `newly_late` are those among the `late` that were not in danger before.
    """

    account: str
    po_id: str
    lots: tuple[SlippedLot, ...]
    newly_late: tuple[OrderOutlook, ...]
    late: tuple[OrderOutlook, ...]
    waiting: tuple[OrderOutlook, ...]

    @property
    def key(self) -> str:
        """The identity of the finding that tells of it."""
        return f"{self.account}:po_slipped:{self.po_id}"


def slips_of(
    lots: Iterable[SlippedLot],
    outlooks: Sequence[OrderOutlook],
    endangered_before: Collection[OrderKey] = (),
) -> tuple[Slip, ...]:
    """Return the purchase orders that slipped and that any open order waits for, by account and id.

    `endangered_before` are the orders that would have been late without the slip.
    """
    by_name = {(lot.lot, lot.sku): lot for lot in lots}
    found: dict[tuple[str, str], tuple[dict[str, SlippedLot], list[OrderOutlook]]] = {}
    for outlook in outlooks:
        hit = [
            by_name[part.lot, item.sku]
            for item in outlook.items
            for part in item.cover
            if part.lot is not None and (part.lot, item.sku) in by_name
        ]
        for po_id in sorted({lot.po_id for lot in hit}):
            its_lots, orders = found.setdefault((outlook.account, po_id), ({}, []))
            its_lots.update({lot.lot: lot for lot in hit if lot.po_id == po_id})
            orders.append(outlook)
    return tuple(
        _slip(account, po_id, its_lots, orders, endangered_before)
        for (account, po_id), (its_lots, orders) in sorted(found.items())
    )


def _slip(
    account: str,
    po_id: str,
    lots: Mapping[str, SlippedLot],
    orders: Iterable[OrderOutlook],
    endangered_before: Collection[OrderKey],
) -> Slip:
    """Sort the orders that one purchase order hits; only those that wait for it longest are late by it."""
    late: list[OrderOutlook] = []
    waiting: list[OrderOutlook] = []
    for outlook in orders:
        is_late = outlook.state in IN_DANGER and outlook.blamed_lot in lots
        (late if is_late else waiting).append(outlook)
    newly = [one for one in late if (one.account, one.order_id) not in endangered_before]
    return Slip(
        account=account,
        po_id=po_id,
        lots=tuple(lots[name] for name in sorted(lots)),
        newly_late=tuple(newly),
        late=tuple(late),
        waiting=tuple(waiting),
    )


def bundles_of(slips: Iterable[Slip]) -> Mapping[OrderKey, str]:
    """Return the key of the finding that explains why an order is late, for those that a slip made late."""
    return {(one.account, one.order_id): slip.key for slip in slips for one in slip.late}


def slip_finding(slip: Slip, today: date) -> Finding:
    """Return the finding that a purchase order comes later than was said, with every order it hits.

    The newly late ones come first: about these something can still be done.
    """
    lost = any(one.state in _LATE for one in slip.late)
    severity = Severity.CRITICAL if lost else Severity.WARNING if slip.late else Severity.INFO
    newly = {one.order_id for one in slip.newly_late}
    known_late = [one for one in slip.late if one.order_id not in newly]
    orders = tuple(one.order_id for one in (*slip.newly_late, *known_late, *slip.waiting))
    supplier = slip.lots[0].supplier or "the supplier"
    return Finding(
        account=slip.account,
        kind="po_slipped",
        subject=slip.po_id,
        severity=severity,
        text=f"{_what_slipped(slip, today)} {_whom_it_hits(slip)}",
        action=_action(slip, supplier),
        orders=orders,
        due_at=min((one.ship_by_at for one in slip.late if one.ship_by_at is not None), default=None),
    )


def _what_slipped(slip: Slip, today: date) -> str:
    """Say by how many days a purchase order slipped: of several lots by the worst of them."""
    worst = max(slip.lots, key=lambda lot: (lot.slipped_days(today), lot.lot))
    of_whom = f" of {worst.supplier}" if worst.supplier else ""
    days = _days(worst.slipped_days(today))
    if worst.planned_on >= today:
        return (
            f"Purchase order {slip.po_id}{of_whom} slipped by {days}, from {worst.first_on} to "
            f"{worst.planned_on}."
        )
    moved = f", first said for {worst.first_on}" if worst.first_on < worst.planned_on else ""
    return (
        f"Purchase order {slip.po_id}{of_whom} was due on {worst.planned_on}{moved} and has not come: "
        f"{days} late so far."
    )


def _whom_it_hits(slip: Slip) -> str:
    orders = len(slip.late) + len(slip.waiting)
    waits = "1 open order waits" if orders == 1 else f"{orders} open orders wait"
    units = count_units(_awaited_units(slip))
    if not slip.late:
        return f"{waits} for {units} of it; none is late for it."
    newly = (
        f", {len(slip.newly_late)} of them newly" if slip.newly_late else ", all of them before it slipped"
    )
    return f"{waits} for {units} of it; {len(slip.late)} late or at risk{newly}."


def _awaited_units(slip: Slip) -> int:
    names = {lot.lot for lot in slip.lots}
    return sum(
        part.units
        for outlook in (*slip.late, *slip.waiting)
        for item in outlook.items
        for part in item.cover
        if part.lot in names
    )


def _action(slip: Slip, supplier: str) -> str:
    if not slip.late:
        return f"Nothing yet; ask {supplier} for a firm date."
    first = next(iter((*slip.newly_late, *slip.late)))
    return (
        f"Ask {supplier} for a firm date and expedite {slip.po_id}; most urgent is order {first.order_id} "
        f"('fbm-sync explain {first.order_id}' weighs what is open to you)."
    )


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
