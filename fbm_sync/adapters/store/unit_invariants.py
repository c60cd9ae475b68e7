"""Are units conserved between orders, stock, inbound and offers? What only judgements as a whole can tell.

What waits to be decided or judged anew (the SKUs of which something has changed) may contradict the rest
until it is, and is left out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Connection, select

from fbm_sync.adapters.store.offer_book import SqlOfferBook
from fbm_sync.adapters.store.order_book import SqlOrderBook
from fbm_sync.adapters.store.order_tables import OrderRow, ShipmentRow
from fbm_sync.adapters.store.plan_book import SqlPlanBook
from fbm_sync.adapters.store.supply_book import SqlSupplyBook
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of
from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.delivery import leg_ended_by, legs_of
from fbm_sync.domain.order import Fulfiller, Order, Sku
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.supply import Lot, StockCount
from fbm_sync.domain.truth import Invariant, invariant

_ORDERS, _SHIPMENTS = table_of(OrderRow), table_of(ShipmentRow)

_COUNTED_LATELY = timedelta(days=28)
"""Parcels that left earlier are no longer among the facts of a decision."""


def check(connection: Connection, now: datetime) -> tuple[Invariant, ...]:
    """Check every one of them."""
    shop = _Shop(connection, now)
    return tuple(invariant(name, find(shop)) for name, find in _CHECKS.items())


class _Shop:
    """What is recorded of units, each part read when it is first asked for."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection, self.now = connection, now

    @cached_property
    def waiting(self) -> frozenset[Sku]:
        """The SKUs that wait to be decided anew."""
        return SqlPlanBook(self.connection).news().skus

    @cached_property
    def outlooks(self) -> Sequence[OrderOutlook]:
        """How open orders were last judged."""
        return SqlOrderBook(self.connection).outlooks()

    @cached_property
    def open_orders(self) -> Sequence[Order]:
        """Orders of which something is still to be shipped."""
        holding = SqlOrderBook(self.connection).holding_units(self.now)
        return [order for order in holding if order.is_open]

    @cached_property
    def on_hand(self) -> Mapping[Sku, int]:
        """Units that counts leave for Amazon orders, over all pools, less what has left since in parcels."""
        counts: dict[Sku, list[StockCount]] = {}
        for count in SqlSupplyBook(self.connection).part(self.wanted).stock:
            counts.setdefault(count.sku, []).append(count)
        left = self._left_since({sku: min(one.counted_at for one in some) for sku, some in counts.items()})
        return {sku: _sellable(some, left[sku]) for sku, some in counts.items()}

    @cached_property
    def lots(self) -> Sequence[Lot]:
        """The lots of all SKUs that anything is assigned or offered of."""
        return SqlSupplyBook(self.connection).part(self.wanted).lots

    @cached_property
    def offered(self) -> Mapping[Sku, int]:
        """Units that all accounts together are to show of a SKU, where that was decided."""
        offered: Counter[Sku] = Counter()
        for decision in SqlOfferBook(self.connection).decisions():
            if decision.desired is not None:
                offered[decision.sku] += decision.desired.quantity
        return +offered

    @cached_property
    def taken(self) -> Mapping[tuple[Sku, str | None], int]:
        """Units assigned to open orders, by SKU and lot; those on hand without a lot."""
        taken: Counter[tuple[Sku, str | None]] = Counter()
        for outlook in self.outlooks:
            for item in outlook.items:
                for part in item.cover:
                    if part.source is not CoverSource.SHORTAGE:
                        taken[item.sku, part.lot] += part.units
        return taken

    @cached_property
    def wanted(self) -> frozenset[Sku]:
        """The SKUs that anything is assigned or offered of, and that wait for nothing."""
        return frozenset({sku for sku, _ in self.taken} | self.offered.keys()) - self.waiting

    def _left_since(self, counted_at: Mapping[Sku, datetime]) -> Counter[Sku]:
        """Return the units that left in parcels after they were counted."""
        left: Counter[Sku] = Counter()
        if not counted_at:
            return left
        column = _SHIPMENTS.c
        since = max(min(counted_at.values()), self.now - _COUNTED_LATELY)
        parcels = (
            select(column.sku, column.units, column.shipped_at)
            .join_from(_SHIPMENTS, _ORDERS)
            .where(column.shipped_at > since, _ORDERS.c.fulfilled_by != Fulfiller.AMAZON.value)
            .where(one_of(column.sku, sorted(counted_at)))
        )
        for sku, units, shipped_at in self.connection.execute(parcels):
            if shipped_at > counted_at[Sku(sku)]:
                left[Sku(sku)] += units
        return left


def _sellable(counts: Sequence[StockCount], left: int) -> int:
    """Return what counts leave for sale; of several pools it is unknown from which one parcels left."""
    if len({count.pool for count in counts}) > 1:
        return sum(max(0, count.sellable_units) for count in counts)
    return max(0, sum(count.sellable_units for count in counts) - left)


# --- the checks --------------------------------------------------------------------------------------


def _judged(shop: _Shop) -> Iterator[str]:
    """Find open orders that nobody has judged, and judgements of orders that are not open any more."""
    judged = {(one.account, one.order_id) for one in shop.outlooks}
    still_open = {(one.account, one.order_id) for one in shop.open_orders}
    for order in shop.open_orders:
        waits = any(item.sku in shop.waiting for item in order.items)
        if not waits and (order.account, order.order_id) not in judged:
            yield f"{order.order_id} is open and not judged"
    for outlook in shop.outlooks:
        waits = any(item.sku in shop.waiting for item in outlook.items)
        if not waits and (outlook.account, outlook.order_id) not in still_open:
            yield f"{outlook.order_id} is judged and not open"


def _covered(shop: _Shop) -> Iterator[str]:
    """Find lines whose stock, lots and shortage are not together what is still to be shipped."""
    lines = {
        (order.account, order.order_id, item.order_item_id): item.open_units
        for order in shop.open_orders
        for item in order.items
    }
    for outlook in shop.outlooks:
        for item in outlook.items:
            units = [part.units for part in item.cover]
            if min(units, default=0) < 0 or sum(units) != item.open_units:
                yield f"{outlook.order_id} {item.sku}: {sum(units)} covered of {item.open_units}"
                continue
            wanted = lines.get((outlook.account, outlook.order_id, item.order_item_id), item.open_units)
            if item.sku not in shop.waiting and wanted != item.open_units:
                yield f"{outlook.order_id} {item.sku}: {item.open_units} judged of {wanted}"


def _assigned_once(shop: _Shop) -> Iterator[str]:
    """Find stock and lots of which more is assigned than there is."""
    lots: Counter[tuple[Sku, str | None]] = Counter()
    for lot in shop.lots:
        lots[lot.sku, lot.lot_id] += lot.open_units
    for (sku, name), units in sorted(shop.taken.items(), key=lambda one: (one[0][0], one[0][1] or "")):
        there = shop.on_hand.get(sku, 0) if name is None else lots[sku, name]
        if sku in shop.wanted and units > there:
            yield f"{units} {sku} of the {there} {'on hand' if name is None else f'in {name}'}"


def _offered_once(shop: _Shop) -> Iterator[str]:
    """Find SKUs of which more is offered and assigned together than is here or on its way."""
    believed = Counter(dict(shop.on_hand))
    for lot in shop.lots:
        believed[lot.sku] += lot.open_units
    taken: Counter[Sku] = Counter()
    for (sku, _), units in shop.taken.items():
        taken[sku] += units
    for sku, units in sorted(shop.offered.items()):
        if sku in shop.wanted and units + taken[sku] > believed[sku]:
            yield f"{sku}: {units} offered and {taken[sku]} assigned of {believed[sku]}"


def _received(shop: _Shop) -> Iterator[str]:
    """Find purchase order lines of which receipts bring more than they say was received.

    A line that does not say what was received, or receipts that do not say of which SKU, prove nothing.
    """
    supply = SqlSupplyBook(shop.connection).reading()
    if supply is None:
        return
    legs = legs_of(supply.snapshot.lots)
    brought: Counter[tuple[str, Sku | None]] = Counter()
    for receipt in supply.snapshot.receipts:
        if not leg_ended_by(receipt, legs):
            brought[receipt.po_id, receipt.sku] += receipt.quantity
    received: Counter[tuple[str, Sku]] = Counter()
    for lot in supply.snapshot.lots:
        received[lot.po_id, lot.sku] += lot.received_units
    for (po_id, sku), units in sorted(received.items()):
        if 0 < units < brought[po_id, sku]:
            yield f"{po_id} {sku}: {brought[po_id, sku]} by receipts, {units} by the purchase order"


_CHECKS: Mapping[str, Callable[[_Shop], Iterable[str]]] = {
    "open_orders_are_judged": _judged,
    "demand_is_covered_or_short": _covered,
    "nothing_is_assigned_twice": _assigned_once,
    "no_more_is_offered_than_comes": _offered_once,
    "receipts_match_purchase_orders": _received,
}
