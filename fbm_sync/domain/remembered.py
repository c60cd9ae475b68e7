"""What a listing that we looked at a while ago shows by now, and the units that left it before we knew why.

Amazon lowers a listing as buyers order. An order is read minutes after it came to be, a look at the listing
shows its effect at once: so either of the two may know of a sale before the other. Counted here, so that a
unit is never put on sale again because only one of them knew.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime

from fbm_sync.domain.change import PushOutcome, PushReceipt, is_live
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.order import Fulfiller, Order, OrderStatus, Sku


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A look at a listing, and what is known of its quantity besides.

    `seen.offer.quantity` is what Amazon shows by now; it was `ordered_units` more when we looked.
    `gone_units` had left the listing when we looked last, in the time from `gone_since` to `gone_by`, and no
    order that was read told of them.
    """

    seen: ObservedOffer
    ordered_units: int = 0
    gone_units: int = 0
    gone_since: datetime | None = None
    gone_by: datetime | None = None

    @property
    def as_seen(self) -> ObservedOffer:
        """The look itself, before any order was taken off it."""
        quantity = self.seen.offer.quantity + self.ordered_units
        return dataclasses.replace(self.seen, offer=dataclasses.replace(self.seen.offer, quantity=quantity))

    def unexplained_units(self, orders_known_up_to: datetime | None) -> int:
        """Return the units that left the listing and that no order explains yet; they count as sold.

        Once orders are known up to the look that missed them, whoever took them was no buyer.
        """
        if self.gone_by is None or (orders_known_up_to is not None and orders_known_up_to >= self.gone_by):
            return 0
        return self.gone_units


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewUnits:
    """Units of one SKU that an order turned out to have, and when the order was placed."""

    sku: Sku
    units: int
    ordered_at: datetime


def new_units(before: Order | None, now: Order) -> tuple[NewUnits, ...]:
    """Return the units that this version of an order has over the one recorded before, by SKU.

    Read again, an order has none; nor do lines that are cancelled when they are first seen, which Amazon
    may have put back. Orders that Amazon ships take nothing from the seller's own listing.
    """
    if now.fulfilled_by is Fulfiller.AMAZON or now.status is OrderStatus.CANCELLED:
        return ()
    known: dict[Sku, int] = {}
    for item in before.items if before else ():
        known[item.sku] = known.get(item.sku, 0) + item.ordered_units
    wanted: dict[Sku, int] = {}
    for item in now.items:
        if item.cancelled_by is None:
            wanted[item.sku] = wanted.get(item.sku, 0) + item.ordered_units
    return tuple(
        NewUnits(sku=sku, units=units - known.get(sku, 0), ordered_at=now.created_at)
        for sku, units in sorted(wanted.items())
        if units > known.get(sku, 0)
    )


def after_orders(remembered: Remembered, orders: Iterable[NewUnits]) -> Remembered:
    """Return what a listing shows by now, after orders that were just read for the first time.

    One placed after the look has lowered the listing since. One placed before has done so already; it may
    be what took the units that nobody could explain.
    """
    seen, ordered, gone = remembered.seen, remembered.ordered_units, remembered.gone_units
    quantity, since, by = seen.offer.quantity, remembered.gone_since, remembered.gone_by
    for order in orders:
        if order.ordered_at > seen.observed_at:
            taken = min(quantity, order.units)
            quantity, ordered = quantity - taken, ordered + taken
        elif since is not None and by is not None and since < order.ordered_at <= by:
            gone = max(0, gone - order.units)
    return dataclasses.replace(
        remembered,
        seen=dataclasses.replace(seen, offer=dataclasses.replace(seen.offer, quantity=quantity)),
        ordered_units=ordered,
        gone_units=gone,
    )


def after_look(before: Remembered | None, seen: ObservedOffer, queued: PushReceipt | None) -> Remembered:
    """Return what is remembered after a new look; `queued` is our change that Amazon may have made meanwhile.

    Fewer units than expected have been sold, in all likelihood, by orders that are still to be read. What
    our own change took away is expected; of a raise that has come about, all its units are.
    """
    if before is None:
        return Remembered(seen=seen)
    expected = before.seen.offer.quantity
    if queued is not None and _came_about(queued, before.seen, seen):
        expected = queued.change.after.quantity
    missing = max(0, expected - seen.offer.quantity)
    if not missing:
        return dataclasses.replace(before, seen=seen, ordered_units=0)
    # What was unexplained before goes on being so, from its own beginning.
    since = before.gone_since if before.gone_units else before.seen.observed_at
    return Remembered(
        seen=seen, gone_units=before.gone_units + missing, gone_since=since, gone_by=seen.observed_at
    )


def _came_about(queued: PushReceipt, before: ObservedOffer, seen: ObservedOffer) -> bool:
    """Tell whether a change that sets the quantity shows now and did not before."""
    change = queued.change
    sets_quantity = change.changes_quantity or change.after.handling_days != change.before.handling_days
    return sets_quantity and is_live(change, seen.offer) and not is_live(change, before.offer)


def may_hide_sales(
    answer: PushReceipt, seen: Offer, orders_known_up_to: datetime | None, *, is_waited_for: bool
) -> bool:
    """Tell whether sales may hide behind a change of our own: a quantity alone does not say why it is so.

    A lowering is taken for ours as soon as the listing is as low as we asked, but buyers may have been
    faster. Once orders are known up to the moment when it was seen to be so low, they tell. A lowering that
    cannot have come about yet hides nothing from then on. A raise that does not show may be late or sold out:
    that is not known while it `is_waited_for`, nor, once orders have proven it, until they are known up to
    that moment. Of a raise that shows, the look has counted what is gone.
    """
    change, outcome = answer.change, answer.outcome
    unread = orders_known_up_to is None or orders_known_up_to < answer.at
    if change.after.quantity > change.before.quantity:
        if seen.quantity > change.before.quantity:
            return False
        return (
            is_waited_for if outcome is PushOutcome.ACCEPTED else outcome is PushOutcome.CONFIRMED and unread
        )
    if change.after.quantity == change.before.quantity:
        return False
    if outcome is PushOutcome.ACCEPTED and is_live(change, seen):
        return True
    return outcome in (PushOutcome.ACCEPTED, PushOutcome.CONFIRMED) and unread


def settled(remembered: Remembered, orders_known_up_to: datetime | None) -> Remembered:
    """Return what is remembered without units that are explained by now."""
    if remembered.unexplained_units(orders_known_up_to):
        return remembered
    return Remembered(seen=remembered.seen, ordered_units=remembered.ordered_units)


def by_sku(units: Iterable[NewUnits]) -> Mapping[Sku, list[NewUnits]]:
    """Return new units by their SKU."""
    found: dict[Sku, list[NewUnits]] = {}
    for one in units:
        found.setdefault(one.sku, []).append(one)
    return found
