"""Which supply covers which order: every unit of open demand gets its source by name, or is short.

Classes are served one after the other (in picking, expedited, ordinary, to be cancelled). Inside a class
as few orders as possible are late, because that is what Amazon counts; those that are get the earliest
units left by ship-by, created, id. An order without a known deadline is never late: it is served after
those of its class that have one. What a class leaves to the next is its look-ahead available-to-promise,
so that more supply never makes more orders late. The same facts give the same answer in any input order.

What was assigned before stays assigned as long as no order is late for it that need not be: an order
changes its lot only for a gain, or to take a place that nobody has.
"""

import dataclasses
import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from types import MappingProxyType
from typing import TypeAlias

from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.claims import Claim, Line, SupplyRow, claims_of, supply_row
from fbm_sync.domain.dealing import Deal, Parts
from fbm_sync.domain.leadtime import ExpectedLot
from fbm_sync.domain.order import Order, OrderId, Sku, held_units
from fbm_sync.domain.pegging import peg


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
    """One order item with the supply that serves it.

    `awaited_units` are the inbound units that must have come, from whichever lots, before it is complete:
    its own and those of the lines that are served before it.
    """

    order_item_id: str
    sku: Sku
    open_units: int
    cover: tuple[Cover, ...]
    awaited_units: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class OrderCover:
    """One order with the supply that serves each of its items."""

    order: Order
    items: tuple[ItemCover, ...]

    @cached_property
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


Assigned: TypeAlias = Mapping[tuple[str, OrderId], Sequence[ItemCover]]
"""What each order (account, id) was last assigned."""

_NOTHING: Assigned = MappingProxyType({})


def allocate(
    orders: Iterable[Order],
    on_hand: Mapping[Sku, int],
    lots: Mapping[Sku, Sequence[ExpectedLot]],
    *,
    now: datetime,
    calendars: ShipCalendars,
    assigned: Assigned = _NOTHING,
    allow_splits: bool = False,
) -> Allocation:
    """Assign stock and inbound lots of one pool to all open demand.

    `on_hand` are sellable units by SKU (below zero counts as none); `lots` are believed lots by SKU.
    Units are conserved and no source is assigned twice. With `allow_splits` each line of an order may
    leave by itself and is in time or late by itself.
    """
    today = calendars.house.local_date(now)
    held = ((order, held_units(order, now)) for order in orders)
    holding = [(order, units_of) for order, units_of in held if units_of]
    rows = {
        sku: supply_row(on_hand.get(sku, 0), lots.get(sku, ()), today)
        for sku in {item.sku: None for _, units_of in holding for item in units_of}
    }
    claims = claims_of(holding, rows, now=now, calendars=calendars, allow_splits=allow_splits)
    supply = {sku: row.units for sku, row in rows.items()}
    return _allocation(claims, rows, peg(claims, supply, _kept(claims, rows, assigned)))


def _kept(claims: Iterable[Claim], rows: Mapping[Sku, SupplyRow], assigned: Assigned) -> Mapping[int, Parts]:
    """Return what is still there of what lines were assigned, first come first; changed lines start anew."""
    if not assigned:
        return {}
    left = {sku: list(row.units) for sku, row in rows.items()}
    kept: dict[int, Parts] = {}
    for claim in claims:
        former = assigned.get((claim.order.account, claim.order.order_id), ())
        items = {(item.order_item_id, item.sku, item.open_units): item for item in former}
        for line in claim.lines:
            item = items.get((line.item.order_item_id, line.item.sku, line.units))
            parts = _still_there(item, rows[line.item.sku], left[line.item.sku]) if item else {}
            if parts:
                kept[line.number] = parts
    return kept


def _still_there(item: ItemCover, row: SupplyRow, left: list[int]) -> Parts:
    """Take what is still there of a line's former sources out of what is left, and return it."""
    parts: Parts = {}
    for part in item.cover:
        for index, lot in enumerate(row.lots):
            if part.source is not CoverSource.SHORTAGE and part.lot == lot:
                units = min(part.units, left[index])
                if units:
                    parts[index] = parts.get(index, 0) + units
                    left[index] -= units
                break
    return parts


def _allocation(
    claims: Iterable[Claim], rows: Mapping[Sku, SupplyRow], deals: Mapping[Sku, Deal]
) -> Allocation:
    """Name the sources of every line, and add up by source."""
    awaited = {
        line: units for sku, dealt in deals.items() for line, units in _awaited(rows[sku], dealt).items()
    }
    covered = []
    naming = _Naming(rows)
    for _, same in groupby(claims, key=lambda claim: claim.place):
        group = list(same)
        items = tuple(
            ItemCover(
                order_item_id=line.item.order_item_id,
                sku=line.item.sku,
                open_units=line.units,
                cover=naming.cover_of(line, deals[line.item.sku][line.number]),
                awaited_units=awaited.get(line.number, 0),
            )
            for claim in group
            for line in claim.lines
        )
        covered.append(OrderCover(order=group[0].order, items=items))
    used = _Used()
    for item in (item for one in covered for item in one.items):
        used.note(item.sku, item.cover)
    return Allocation(
        orders=tuple(covered), lot_units=used.lot, on_hand_units=used.on_hand, short_units=used.short
    )


class _Naming:
    """Gives parts of supplies their names; equal parts, of which a shop has many, are one and the same."""

    def __init__(self, rows: Mapping[Sku, SupplyRow]) -> None:
        self._rows = rows
        self._known: dict[tuple[Sku, int, int], Cover] = {}

    def cover_of(self, line: Line, parts: Parts) -> tuple[Cover, ...]:
        """Return the sources of a line; what is missing is a shortage."""
        cover = [self._named(line.item.sku, index, units) for index, units in sorted(parts.items())]
        short = line.units - sum(parts.values())
        if short:
            cover.append(Cover(source=CoverSource.SHORTAGE, units=short))
        return tuple(cover)

    def _named(self, sku: Sku, index: int, units: int) -> Cover:
        key = (sku, index, units)
        if key not in self._known:
            row = self._rows[sku]
            lot = row.lots[index]
            source = CoverSource.ON_HAND if lot is None else CoverSource.LOT
            self._known[key] = Cover(source=source, units=units, lot=lot, ready_on=row.ready_on[index])
        return self._known[key]


def _awaited(row: SupplyRow, dealt: Deal) -> Mapping[int, int]:
    """Return by line the inbound units up to its last one, in the sequence in which they are handed out."""
    awaited: dict[int, int] = {}
    handed_out = 0
    shares = sorted((index, line, units) for line, parts in dealt.items() for index, units in parts.items())
    for index, line, units in shares:
        if row.lots[index] is not None:
            handed_out += units
            awaited[line] = handed_out
    return awaited


class _Used:
    """Running totals of an allocation by source."""

    def __init__(self) -> None:
        self.lot: dict[str, int] = {}
        self.on_hand: dict[Sku, int] = {}
        self.short: dict[Sku, int] = {}

    def note(self, sku: Sku, cover: Iterable[Cover]) -> None:
        """Add the parts of a line."""
        for part in cover:
            if part.source is CoverSource.LOT:
                lot = str(part.lot)
                self.lot[lot] = self.lot.get(lot, 0) + part.units
            else:
                totals = self.on_hand if part.source is CoverSource.ON_HAND else self.short
                totals[sku] = totals.get(sku, 0) + part.units
