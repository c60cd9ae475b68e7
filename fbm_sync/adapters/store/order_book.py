"""What is recorded of orders: the orders themselves, how far they were read, what is expected of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, or_, select, tuple_

from fbm_sync.adapters.store import health_totals, known_placed, order_totals, outlook_record, remembered
from fbm_sync.adapters.store.order_tables import (
    OrderItemRow,
    OrderRow,
    PageCursorRow,
    QuarantineRow,
    ShipmentRow,
    WatermarkRow,
)
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.shapes import Shape, storable
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import CHUNK, chunks, insert_all, one_of, upsert
from fbm_sync.domain.allocation import Assigned
from fbm_sync.domain.health import is_seller_fault
from fbm_sync.domain.latency import FirstRead
from fbm_sync.domain.open_risk import OpenRisks
from fbm_sync.domain.order import Order, OrderId, OrderItem, OrderStatus, Shipment, Sku, held_units
from fbm_sync.domain.projection import OpenOrder, Pace
from fbm_sync.domain.remembered import new_units
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.standing import HealthTerms, Span, Tally
from fbm_sync.ports import OrderWindow, PageCursor, QuarantinedItem, Unreadable

_ORDERS = table_of(OrderRow)
_ITEMS = table_of(OrderItemRow)
_SHIPMENTS = table_of(ShipmentRow)
_QUARANTINE = table_of(QuarantineRow)
_WATERMARKS = table_of(WatermarkRow)
_CURSORS = table_of(PageCursorRow)

_ORDER = Shape(Order, _ORDERS, without=("items", "shipments"))
_ITEM = Shape(OrderItem, _ITEMS)
_SHIPMENT = Shape(Shipment, _SHIPMENTS)

# Nothing is left to ship in these, whatever the items say; all others are looked at by the domain.
CLOSED = (OrderStatus.SHIPPED, OrderStatus.CANCELLED, OrderStatus.UNFULFILLABLE)
_MAYBE_OPEN = tuple(status.value for status in OrderStatus if status not in CLOSED)


class SqlOrderBook:
    """Orders in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- orders

    def record(self, orders: Sequence[Order]) -> None:
        newest: dict[tuple[str, str], Order] = {}
        for order in orders:
            before = newest.get(_key(order))
            if before is None or before.updated_at <= order.updated_at:
                newest[_key(order)] = order
        for chunk in chunks(list(newest.values()), CHUNK):
            self._record_versions(chunk)

    def _record_versions(self, orders: Sequence[Order]) -> None:
        """Record at most one version of each order, with the lines and parcels of that version only."""
        stored = self._versions(orders)
        fresh = [order for order in orders if stored.get(_key(order), order.updated_at) <= order.updated_at]
        self._take_off_sale(fresh, stored.keys())
        rows = [_ORDER.row(order) | _told_of(order) for order in fresh]
        upsert(self._connection, _ORDERS, rows, newer_by="updated_at")
        replaced = _by_account(order for order in fresh if _key(order) in stored)
        note_changed(self._connection, self._skus_of(replaced))
        note_changed(self._connection, (item.sku for order in fresh for item in order.items))
        items = [row for order in fresh for row in _parts(order, _ITEM, order.items)]
        shipments = [row for order in fresh for row in _parts(order, _SHIPMENT, order.shipments)]
        for table, parts in ((_ITEMS, items), (_SHIPMENTS, shipments)):
            # A line that Amazon took out of the order must not stay behind.
            for account, ids in replaced.items():
                outdated = (table.c.account == account, one_of(table.c.order_id, ids))
                self._connection.execute(delete(table).where(*outdated))
            insert_all(self._connection, table, parts)

    def _take_off_sale(self, orders: Sequence[Order], stored: Collection[tuple[str, str]]) -> None:
        """Lower what listings are remembered to show by the units that were ordered since, each once."""
        for account, ids in _by_account(orders).items():
            again = [OrderId(order_id) for order_id in ids if (account, order_id) in stored]
            known = self.known(account, again) if again else {}
            ours = (order for order in orders if order.account == account)
            units = [one for order in ours for one in new_units(known.get(order.order_id), order)]
            remembered.order(self._connection, account, units)

    def _skus_of(self, ids_by_account: Mapping[str, Sequence[str]]) -> Iterable[str]:
        """Return the SKUs that recorded orders have lines of."""
        for account, ids in ids_by_account.items():
            lines = select(_ITEMS.c.sku).where(_ITEMS.c.account == account, one_of(_ITEMS.c.order_id, ids))
            yield from self._connection.execute(lines).scalars()

    def _versions(self, orders: Sequence[Order]) -> dict[tuple[str, str], datetime]:
        """Return when those of the orders that are recorded were last updated."""
        columns = select(_ORDERS.c.account, _ORDERS.c.order_id, _ORDERS.c.updated_at)
        return {
            (account, order_id): updated_at
            for name, ids in _by_account(orders).items()
            for account, order_id, updated_at in self._connection.execute(
                columns.where(_ORDERS.c.account == name, one_of(_ORDERS.c.order_id, ids))
            )
        }

    def known(self, account: str, order_ids: Sequence[OrderId]) -> Mapping[OrderId, Order]:
        return {order.order_id: order for order in self._named(order_ids, _ORDERS.c.account == account)}

    def find(self, order_ids: Sequence[OrderId]) -> tuple[Order, ...]:
        return tuple(self._named(order_ids))

    def holding_units(self, now: datetime) -> tuple[Order, ...]:
        candidates = or_(_ORDERS.c.status.in_(_MAYBE_OPEN), _ORDERS.c.units_kept_until > now)
        return tuple(order for order in self._load(candidates) if held_units(order, now))

    def touched_since(self, since: datetime) -> tuple[Order, ...]:
        columns = (_ORDERS.c.created_at, _ORDERS.c.ship_by_at, _ORDERS.c.shipped_at)
        return tuple(self._load(or_(*(column >= since for column in columns))))

    def current(
        self, now: datetime, since: datetime, skus: Collection[Sku] | None = None
    ) -> tuple[Order, ...]:
        dates = (_ORDERS.c.created_at, _ORDERS.c.ship_by_at, _ORDERS.c.shipped_at)
        relevant = or_(
            _ORDERS.c.is_open, _ORDERS.c.units_kept_until > now, *(column >= since for column in dates)
        )
        return tuple(self._load(relevant) if skus is None else self._load(relevant, _has_lines_of(skus)))

    def tied_to(self, skus: Collection[Sku], now: datetime) -> frozenset[Sku]:
        return order_totals.tied_to(self._connection, skus, now)

    def skus_turning(self, since: datetime, until: datetime) -> frozenset[Sku]:
        return order_totals.skus_turning(self._connection, since, until)

    def latest_first_reads(self, account: str, before: datetime, limit: int) -> tuple[FirstRead, ...]:
        return order_totals.latest_first_reads(self._connection, account, before, limit)

    def first_created(self, account: str, since: datetime) -> datetime | None:
        return order_totals.first_created(self._connection, account, since)

    def tallies(
        self, account: str, spans: Sequence[Span], now: datetime, terms: HealthTerms
    ) -> tuple[Tally, ...]:
        return health_totals.tallies(self._connection, account, spans, now, terms)

    def open_orders(self, account: str) -> tuple[OpenOrder, ...]:
        return health_totals.open_orders(self._connection, account)

    def pace(self, account: str, now: datetime) -> Pace:
        return health_totals.pace(self._connection, account, now)

    def every(self) -> tuple[Order, ...]:
        return tuple(self._load())

    def _named(self, order_ids: Sequence[OrderId], *conditions: ColumnElement[bool]) -> Iterable[Order]:
        return self._load(one_of(_ORDERS.c.order_id, dict.fromkeys(order_ids)), *conditions)

    def _load(self, *conditions: ColumnElement[bool]) -> list[Order]:
        """Return the orders that meet all conditions, with their lines and parcels, by account and id."""
        items: dict[tuple[str, str], list[OrderItem]] = {}
        for row in self._parts_of_orders(_ITEMS, conditions):
            items.setdefault((row["account"], row["order_id"]), []).append(_ITEM.value(row))
        shipments: dict[tuple[str, str], list[Shipment]] = {}
        for row in self._parts_of_orders(_SHIPMENTS, conditions):
            shipments.setdefault((row["account"], row["order_id"]), []).append(_SHIPMENT.value(row))
        statement = select(_ORDERS).where(*conditions).order_by(_ORDERS.c.account, _ORDERS.c.order_id)
        loaded = []
        for row in self._connection.execute(statement).mappings():
            key = (row["account"], row["order_id"])
            parts = {"items": tuple(items.get(key, ())), "shipments": tuple(shipments.get(key, ()))}
            loaded.append(_ORDER.value(row, **parts))
        return loaded

    def _parts_of_orders(self, table: Any, conditions: Iterable[ColumnElement[bool]]) -> Iterable[RowMapping]:
        statement = select(table).join_from(table, _ORDERS).where(*conditions).order_by(table.c.position)
        return self._connection.execute(statement).mappings()

    # --- quarantine

    def set_aside(self, account: str, unreadable: Sequence[Unreadable], now: datetime) -> None:
        rows = [
            {
                "account": account,
                "subject": storable(item.subject),
                "reason": storable(item.reason),
                "first_seen_at": now,
                "last_seen_at": now,
            }
            for item in unreadable
        ]
        upsert(self._connection, _QUARANTINE, rows, keep=("first_seen_at",))

    def readmit(self, account: str, subjects: Sequence[str]) -> None:
        column = _QUARANTINE.c
        named = one_of(column.subject, map(storable, subjects))
        self._connection.execute(delete(_QUARANTINE).where(column.account == account, named))

    def quarantined(self) -> tuple[QuarantinedItem, ...]:
        column = _QUARANTINE.c
        statement = select(_QUARANTINE).order_by(column.first_seen_at, column.account, column.subject)
        return tuple(QuarantinedItem(**row) for row in self._connection.execute(statement).mappings())

    # --- how far orders were read

    def watermark(self, account: str) -> datetime | None:
        statement = select(_WATERMARKS.c.known_up_to).where(_WATERMARKS.c.account == account)
        return self._connection.execute(statement).scalar_one_or_none()

    def advance_watermark(self, account: str, to: datetime) -> None:
        upsert(
            self._connection, _WATERMARKS, [{"account": account, "known_up_to": to}], newer_by="known_up_to"
        )
        known_placed.advance(self._connection, account, to)

    def placed_up_to(self, account: str) -> datetime | None:
        return known_placed.up_to(self._connection, account)

    def cursor(self, account: str) -> PageCursor | None:
        statement = select(_CURSORS).where(_CURSORS.c.account == account)
        row = self._connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        return PageCursor(
            window=OrderWindow(since=row["since"], until=row["until"]),
            token=row["token"],
            read_up_to=row["read_up_to"],
            saved_at=row["saved_at"],
        )

    def save_cursor(self, account: str, cursor: PageCursor | None) -> None:
        if cursor is None:
            self._connection.execute(delete(_CURSORS).where(_CURSORS.c.account == account))
            return
        row = {
            "account": account,
            "since": cursor.window.since,
            "until": cursor.window.until,
            "token": cursor.token,
            "read_up_to": cursor.read_up_to,
            "saved_at": cursor.saved_at,
        }
        upsert(self._connection, _CURSORS, [row])

    # --- what is expected of orders

    def record_outlooks(
        self, outlooks: Sequence[OrderOutlook], now: datetime, skus: Collection[Sku] | None = None
    ) -> None:
        outlook_record.record(self._connection, outlooks, now, skus)

    def worrying(self) -> tuple[OrderOutlook, ...]:
        return outlook_record.worrying(self._connection)

    def assigned(self, skus: Collection[Sku] | None = None) -> Assigned:
        return outlook_record.assigned(self._connection, skus)

    def open_risks(
        self, account: str, now: datetime, late_limit: float, without: Collection[Sku] = ()
    ) -> OpenRisks:
        return order_totals.open_risks(self._connection, account, now, late_limit, without)

    def outlooks(
        self, *, order_ids: Sequence[OrderId] = (), at: datetime | None = None
    ) -> tuple[OrderOutlook, ...]:
        if at is None:
            return outlook_record.present(self._connection, order_ids)
        return outlook_record.in_force(self._connection, order_ids, at)


def _key(order: Order) -> tuple[str, str]:
    return order.account, order.order_id


def _told_of(order: Order) -> dict[str, Any]:
    """Return what is looked up of an order and is no part of it."""
    return {
        "shipped_at": order.shipped_at,
        "is_open": order.is_open,
        "seller_fault": is_seller_fault(order),
    }


def _has_lines_of(skus: Collection[Sku]) -> ColumnElement[bool]:
    lines = select(_ITEMS.c.account, _ITEMS.c.order_id).where(one_of(_ITEMS.c.sku, sorted(skus)))
    return tuple_(_ORDERS.c.account, _ORDERS.c.order_id).in_(lines)


def _by_account(orders: Iterable[Order]) -> dict[str, list[str]]:
    """Return order ids by account: lookups name one account and many ids."""
    ids: dict[str, list[str]] = {}
    for order in orders:
        ids.setdefault(order.account, []).append(order.order_id)
    return ids


def _parts(order: Order, shape: Shape[Any], parts: Iterable[Any]) -> Iterable[dict[str, Any]]:
    """Return the rows of an order's lines or parcels, numbered in their sequence."""
    for position, part in enumerate(parts):
        yield shape.row(part) | {"account": order.account, "order_id": order.order_id, "position": position}
