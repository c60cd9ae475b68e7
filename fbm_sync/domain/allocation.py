"""Which supply covers which order: every unit of open demand gets its source by name, or is short.

Orders are served whole, one after the other: those in picking first, then expedited ones, then by
ship-by, created, id; an order whose buyer asked to cancel comes last. Each takes stock on hand, then
lots in the order in which they can ship. The same facts give the same answer in any input order.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Order, OrderStatus, Sku, held_units, urgency

_FAST_PROGRAMS = frozenset({"PRIME", "PREMIUM"})
_FAST_SERVICE = frozenset({"EXPEDITED", "NEXT_DAY", "PRIORITY", "SAME_DAY", "SECOND_DAY"})


class CoverSource(enum.StrEnum):
    """Where the units for an order item come from."""

    ON_HAND = "on_hand"
    LOT = "lot"
    SHORTAGE = "shortage"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Units of one source assigned to an order item; `lot` and `ready_on` are `None` where unknown."""

    source: CoverSource
    units: int
    lot: str | None = None
    ready_on: date | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ItemCover:
    """One order item with the supply that serves it."""

    order_item_id: str
    sku: Sku
    open_units: int
    cover: tuple[Cover, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderCover:
    """One order with the supply that serves each of its items."""

    order: Order
    items: tuple[ItemCover, ...]

    @property
    def covers(self) -> tuple[Cover, ...]:
        """All sources of the order, over its items."""
        return tuple(cover for item in self.items for cover in item.cover)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """The whole assignment: by order, and what it uses of each lot and leaves short of each SKU."""

    orders: tuple[OrderCover, ...]
    lot_units: Mapping[str, int]
    on_hand_units: Mapping[Sku, int]
    short_units: Mapping[Sku, int]


def service_rank(order: Order) -> int:
    """Rank orders by what may not wait: in picking 0, expedited 1, ordinary 2, to be cancelled 3."""
    if order.cancel_requested:
        return 3
    if order.status is OrderStatus.PARTIALLY_SHIPPED:
        return 0
    if _FAST_PROGRAMS.intersection(order.programs) or order.service_level in _FAST_SERVICE:
        return 1
    return 2


def allocate(
    orders: Iterable[Order],
    on_hand: Mapping[Sku, int],
    lots: Mapping[Sku, Sequence[ExpectedLot]],
    *,
    now: datetime,
    today: date,
) -> Allocation:
    """Assign stock and inbound lots to all open demand.

    `on_hand` are sellable units by SKU (below zero counts as none); `lots` are believed lots by SKU,
    earliest first. Units are conserved and no source is assigned twice.
    """
    shelf = {sku: max(0, units) for sku, units in on_hand.items()}
    left: dict[str, int] = {lot.lot_id: lot.units for group in lots.values() for lot in group}
    used = _Used()
    covered = []
    for order in sorted(orders, key=lambda one: (service_rank(one), *urgency(one))):
        items = []
        for item, wanted in held_units(order, now).items():
            cover = _serve(item.sku, wanted, shelf, left, lots.get(item.sku, ()), today)
            used.note(item.sku, cover)
            items.append(
                ItemCover(order_item_id=item.order_item_id, sku=item.sku, open_units=wanted, cover=cover)
            )
        if items:
            covered.append(OrderCover(order=order, items=tuple(items)))
    return Allocation(
        orders=tuple(covered), lot_units=used.lot, on_hand_units=used.on_hand, short_units=used.short
    )


def _serve(
    sku: Sku,
    wanted: int,
    shelf: dict[Sku, int],
    left: dict[str, int],
    lots: Sequence[ExpectedLot],
    today: date,
) -> tuple[Cover, ...]:
    """Take units for one order item from the shelf, then from its lots; the rest is a shortage."""
    cover = []
    taken = min(wanted, shelf.get(sku, 0))
    if taken:
        shelf[sku] -= taken
        cover.append(Cover(source=CoverSource.ON_HAND, units=taken, ready_on=today))
    for lot in lots:
        share = min(wanted - taken, left[lot.lot_id])
        if share:
            left[lot.lot_id] -= share
            taken += share
            cover.append(
                Cover(source=CoverSource.LOT, units=share, lot=lot.lot_id, ready_on=max(lot.ready_on, today))
            )
    if taken < wanted:
        cover.append(Cover(source=CoverSource.SHORTAGE, units=wanted - taken))
    return tuple(cover)


class _Used:
    """Running totals of an allocation by source."""

    def __init__(self) -> None:
        self.lot: dict[str, int] = {}
        self.on_hand: dict[Sku, int] = {}
        self.short: dict[Sku, int] = {}

    def note(self, sku: Sku, cover: Iterable[Cover]) -> None:
        for part in cover:
            if part.source is CoverSource.LOT:
                lot = str(part.lot)
                self.lot[lot] = self.lot.get(lot, 0) + part.units
            else:
                totals = self.on_hand if part.source is CoverSource.ON_HAND else self.short
                totals[sku] = totals.get(sku, 0) + part.units
