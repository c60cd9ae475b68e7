"""Which order could give its units on the shelf to one in danger, and still leave in time itself."""

import dataclasses
from collections.abc import Iterable
from datetime import date

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.risk import OrderOutlook, OrderState


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Donor:
    """An order that could give its units on the shelf and still leave in time with those of a lot instead.

    `late_chance` is how likely that makes it late.
    """

    order_id: OrderId
    sku: Sku
    units: int
    late_chance: float


def donor_among(outlook: OrderOutlook, others: Iterable[OrderOutlook]) -> Donor | None:
    """Find the order that loses least by giving its units on the shelf to this one, and taking its lot.

    Both are of one account. All that the order lacks must be of one SKU and come from lots, one order must
    have that much of it on the shelf, and the lot must be ready by that order's own last ship day. Of
    several the one with most slack gives; ties by order id.
    """
    lacking = [
        (item.sku, part)
        for item in outlook.items
        for part in item.cover
        if part.source is not CoverSource.ON_HAND
    ]
    skus, units = {sku for sku, _ in lacking}, sum(part.units for _, part in lacking)
    lots = {lot.lot: lot for lot in outlook.awaits}
    if len(skus) != 1 or any(part.lot not in lots for _, part in lacking):
        return None
    (sku,) = skus
    needed = [lots[part.lot] for _, part in lacking if part.lot is not None]
    waited = max(lot.ready_on for lot in needed)
    givers = [
        other
        for other in others
        if other.account == outlook.account
        and other.order_id != outlook.order_id
        and other.state is OrderState.ON_TRACK
        and _on_shelf(other, sku) >= units
        and _can_wait_until(other, waited)
    ]
    if not givers:
        return None
    giver = min(givers, key=lambda one: (-(one.slack_days or 0), one.order_id))
    return Donor(
        order_id=giver.order_id,
        sku=sku,
        units=units,
        late_chance=_late_chance(outlook, giver, 1 - min(lot.confidence for lot in needed)),
    )


def _late_chance(outlook: OrderOutlook, giver: OrderOutlook, doubt: float) -> float:
    """Return how likely the giver is late with the lot: no likelier than the lot is later than expected.

    Where it may wait until Amazon would cancel the other order, the chance that this comes to pass is known.
    """
    odds, last_at = outlook.odds, outlook.auto_cancel_at
    if odds is None or last_at is None or giver.ship_by_at is None or giver.ship_by_at < last_at:
        return doubt
    kept = 1 - odds.buyer_cancelled
    return min(doubt, odds.auto_cancelled / kept) if kept > 0 else doubt


def _on_shelf(outlook: OrderOutlook, sku: Sku) -> int:
    return sum(
        part.units
        for item in outlook.items
        if item.sku == sku
        for part in item.cover
        if part.source is CoverSource.ON_HAND
    )


def _can_wait_until(outlook: OrderOutlook, day: date) -> bool:
    """Tell whether an order that could leave on its promise date has time until a later day.

    Its slack counts ship days; as dates they are no less, so no closed day is given away.
    """
    if outlook.promise_on is None or outlook.slack_days is None:
        return False
    return (day - outlook.promise_on).days <= outlook.slack_days
