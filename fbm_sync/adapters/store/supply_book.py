"""What is recorded of the seller's supply: the believed snapshot, all past receipts, and the doubts."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, RowMapping, Table, delete, func, or_, select, update

from fbm_sync.adapters.store import lot_dates
from fbm_sync.adapters.store.order_tables import ShipmentRow
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.shapes import D, Shape, from_json, storable, to_json
from fbm_sync.adapters.store.supply_tables import (
    CatalogRow,
    LotRow,
    ReceiptRow,
    StockCountRow,
    SupplyReadingRow,
)
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, one_of, upsert
from fbm_sync.domain.order import Sku
from fbm_sync.domain.supply import (
    CatalogEntry,
    Lot,
    LotStatus,
    Receipt,
    SnapshotSummary,
    StockCount,
    SupplySnapshot,
)
from fbm_sync.ports import SupplyReading, SupplyState

_READINGS = table_of(SupplyReadingRow)
_RECEIPTS = table_of(ReceiptRow)
_SHIPMENTS = table_of(ShipmentRow)

_STOCK = Shape(StockCount, table_of(StockCountRow))
_LOT = Shape(Lot, table_of(LotRow))
_CATALOG = Shape(CatalogEntry, table_of(CatalogRow))
_RECEIPT = Shape(Receipt, _RECEIPTS)
_DOUBTS = TypeAdapter(tuple[str, ...])
_MOMENTS = TypeAdapter(Mapping[str, datetime])

_THE_READING = 1


class SqlSupplyBook:
    """Supply in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def summary(self) -> SnapshotSummary | None:
        row = self._reading_row()
        if row is None:
            return None
        return SnapshotSummary(
            counted_at=row["counted_at"], skus=row["skus"], on_hand_units=row["on_hand_units"]
        )

    def record(self, snapshot: SupplySnapshot, now: datetime) -> None:
        before = self._reading_row()
        receipts = _receipt_rows(snapshot.receipts)
        past = [lot for lot in snapshot.lots if _tells_of_the_past(lot)]
        digests = {
            "stock_digest": self._replace(_STOCK, snapshot.stock, before, "stock_digest"),
            "lots_digest": self._replace(_LOT, snapshot.lots, before, "lots_digest"),
            "catalog_digest": self._replace(_CATALOG, snapshot.catalog, before, "catalog_digest"),
            "past_digest": _digest(
                sorted([json.dumps(row, default=str) for row in [*receipts, *map(_LOT.row, past)]])
            ),
            "counted_by_pool": to_json(_MOMENTS, snapshot.counted_by_pool),
        }
        if before is None or before["past_digest"] != digests["past_digest"]:
            upsert(self._connection, _RECEIPTS, receipts)
        if before is None or before["lots_digest"] != digests["lots_digest"]:
            lot_dates.remember(self._connection, snapshot.lots, now)
        row = {
            "reading_id": _THE_READING,
            "read_at": now,
            "counted_at": snapshot.counted_at,
            "skus": len({count.sku for count in snapshot.stock}),
            "on_hand_units": snapshot.on_hand_units,
            "doubts": to_json(_DOUBTS, ()),
            "doubted_at": None,
        }
        upsert(self._connection, _READINGS, [row | digests])

    def _replace(
        self, shape: Shape[Any], values: Sequence[Any], before: RowMapping | None, digest_name: str
    ) -> str:
        """Make a list the believed one, unless it is the same list as before; return its digest."""
        rows = [shape.row(value) | {"position": position} for position, value in enumerate(values)]
        digest = _digest(rows)
        if before is None or before[digest_name] != digest:
            note_changed(self._connection, self._changed_skus(shape.table, rows))
            self._connection.execute(delete(shape.table))
            insert_all(self._connection, shape.table, rows)
        return digest

    def _changed_skus(self, table: Table, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
        """Find the SKUs of which a list says something else than the one recorded.

        A count repeated with the same figures is news only where parcels have left since the former one:
        they came off that, and do not come off this.
        """
        names = [column.name for column in table.c if column.name not in ("position", "counted_at")]
        stored = select(*(table.c[name] for name in names)).order_by(table.c.position)
        before = _prints(self._connection.execute(stored).mappings(), names)
        after = _prints(rows, names)
        yield from (sku for sku in {**before, **after} if before.get(sku) != after.get(sku))
        if "counted_at" in table.c:
            oldest = select(func.min(table.c.counted_at)).scalar_subquery()
            left = select(_SHIPMENTS.c.sku).distinct().where(_SHIPMENTS.c.shipped_at > oldest)
            yield from self._connection.execute(left).scalars()

    def record_doubts(self, doubts: Sequence[str], now: datetime) -> None:
        words = tuple(storable(doubt) for doubt in doubts)
        # Before the first accepted snapshot there is nothing that a doubt could protect.
        self._connection.execute(update(_READINGS).values(doubts=to_json(_DOUBTS, words), doubted_at=now))

    def reading(self) -> SupplyReading | None:
        row = self._reading_row()
        if row is None:
            return None
        return SupplyReading(
            snapshot=SupplySnapshot(
                stock=tuple(self._list(_STOCK)),
                lots=tuple(self._list(_LOT)),
                receipts=self._receipts(),
                catalog=tuple(self._list(_CATALOG)),
            ),
            read_at=row["read_at"],
            doubts=from_json(_DOUBTS, row["doubts"]),
            doubted_at=row["doubted_at"],
        )

    def state(self) -> SupplyState:
        row = self._reading_row()
        if row is None:
            return SupplyState()
        return SupplyState(
            counted_at=from_json(_MOMENTS, row["counted_by_pool"]),
            past=row["past_digest"],
            doubts=from_json(_DOUBTS, row["doubts"]),
        )

    def part(self, skus: Collection[Sku]) -> SupplySnapshot:
        return SupplySnapshot(
            stock=tuple(self._of_skus(_STOCK, skus)),
            lots=tuple(self._of_skus(_LOT, skus)),
            catalog=tuple(self._of_skus(_CATALOG, skus)),
        )

    def _of_skus(self, shape: Shape[D], skus: Collection[Sku]) -> Iterator[D]:
        return self._list(shape, one_of(shape.table.c.sku, sorted(skus)))

    def locked(self) -> frozenset[Sku]:
        column = _CATALOG.table.c
        statement = select(column.sku).where(column.locked)
        return frozenset(Sku(sku) for sku in self._connection.execute(statement).scalars())

    def skus_with_lots(self) -> frozenset[Sku]:
        column = _LOT.table.c.sku
        return frozenset(Sku(sku) for sku in self._connection.execute(select(column).distinct()).scalars())

    def past(self) -> SupplySnapshot:
        column = _LOT.table.c
        closed = column.status.in_([LotStatus.RECEIVED.value, LotStatus.CANCELLED.value])
        candidates = or_(closed, column.received_units >= column.quantity, column.rest.is_not(None))
        lots = filter(_tells_of_the_past, self._list(_LOT, candidates))
        return SupplySnapshot(stock=(), lots=tuple(lots), receipts=self._receipts())

    def _receipts(self) -> tuple[Receipt, ...]:
        statement = select(_RECEIPTS).order_by(_RECEIPTS.c.received_on, _RECEIPTS.c.natural_key)
        return tuple(_RECEIPT.value(row) for row in self._connection.execute(statement).mappings())

    def _reading_row(self) -> RowMapping | None:
        return self._connection.execute(select(_READINGS)).mappings().one_or_none()

    def _list(self, shape: Shape[D], *conditions: ColumnElement[bool]) -> Iterator[D]:
        statement = select(shape.table).where(*conditions).order_by(shape.table.c.position)
        return shape.values(self._connection.execute(statement))


def _prints(rows: Iterable[Any], names: Sequence[str]) -> dict[str, int]:
    """Return a short print of what the rows of each SKU say, to tell two lists apart."""
    prints: dict[str, int] = {}
    values = itemgetter(*names)
    for row in rows:
        prints[row["sku"]] = hash((prints.get(row["sku"]), values(row)))
    return prints


def _tells_of_the_past(lot: Lot) -> bool:
    """Tell whether a lot teaches anything: it is closed, or says which lanes are the names of legs."""
    return lot.open_units == 0 or bool(lot.legs)


def _digest(rows: Sequence[object]) -> str:
    """Tell two lists apart without keeping both; the columns count, so a new column writes anew."""
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


def _receipt_rows(receipts: Iterable[Receipt]) -> list[dict[str, Any]]:
    """Return the rows of past arrivals, each under the key by which it is known again.

    Lists overlap and are read again and again. A receipt is the n-th one of a purchase order line on a
    day: so the same list adds nothing, a corrected quantity or date replaces the former one, and two
    deliveries on one day stay two.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    rows = []
    for receipt in receipts:
        name = (
            receipt.po_id,
            receipt.delivery_id,
            receipt.supplier,
            receipt.sku or "",
            receipt.received_on.isoformat(),
        )
        seen[name] += 1
        rows.append(_RECEIPT.row(receipt) | {"natural_key": json.dumps([*name, seen[name]])})
    return rows
