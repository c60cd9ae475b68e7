"""What is recorded of the seller's supply: the believed snapshot, all past receipts, and the doubts."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, delete, select, update

from fbm_sync.adapters.store.shapes import Shape, from_json, storable, to_json
from fbm_sync.adapters.store.supply_tables import (
    CatalogRow,
    LotRow,
    ReceiptRow,
    StockCountRow,
    SupplyReadingRow,
)
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, upsert
from fbm_sync.domain.supply import CatalogEntry, Lot, Receipt, SnapshotSummary, StockCount, SupplySnapshot
from fbm_sync.ports import SupplyReading

_READINGS = table_of(SupplyReadingRow)
_RECEIPTS = table_of(ReceiptRow)

_STOCK = Shape(StockCount, table_of(StockCountRow))
_LOT = Shape(Lot, table_of(LotRow))
_CATALOG = Shape(CatalogEntry, table_of(CatalogRow))
_RECEIPT = Shape(Receipt, _RECEIPTS)
_DOUBTS = TypeAdapter(tuple[str, ...])

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
        digests = {
            "stock_digest": self._replace(StockCountRow, _STOCK, snapshot.stock, before, "stock_digest"),
            "lots_digest": self._replace(LotRow, _LOT, snapshot.lots, before, "lots_digest"),
            "catalog_digest": self._replace(CatalogRow, _CATALOG, snapshot.catalog, before, "catalog_digest"),
        }
        upsert(self._connection, _RECEIPTS, _receipt_rows(snapshot.receipts))
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
        self, kind: Any, shape: Shape[Any], values: Sequence[Any], before: RowMapping | None, digest_name: str
    ) -> str:
        """Make a list the believed one, unless it is the same list as before; return its digest."""
        rows = [shape.row(value) | {"position": position} for position, value in enumerate(values)]
        digest = _digest(rows)
        if before is None or before[digest_name] != digest:
            self._connection.execute(delete(table_of(kind)))
            insert_all(self._connection, table_of(kind), rows)
        return digest

    def record_doubts(self, doubts: Sequence[str], now: datetime) -> None:
        words = tuple(storable(doubt) for doubt in doubts)
        # Before the first accepted snapshot there is nothing that a doubt could protect.
        self._connection.execute(update(_READINGS).values(doubts=to_json(_DOUBTS, words), doubted_at=now))

    def reading(self) -> SupplyReading | None:
        row = self._reading_row()
        if row is None:
            return None
        receipts = select(_RECEIPTS).order_by(_RECEIPTS.c.received_on, _RECEIPTS.c.natural_key)
        return SupplyReading(
            snapshot=SupplySnapshot(
                stock=tuple(_STOCK.value(row) for row in self._list(StockCountRow)),
                lots=tuple(_LOT.value(row) for row in self._list(LotRow)),
                receipts=tuple(_RECEIPT.value(row) for row in self._connection.execute(receipts).mappings()),
                catalog=tuple(_CATALOG.value(row) for row in self._list(CatalogRow)),
            ),
            read_at=row["read_at"],
            doubts=from_json(_DOUBTS, row["doubts"]),
            doubted_at=row["doubted_at"],
        )

    def _reading_row(self) -> RowMapping | None:
        return self._connection.execute(select(_READINGS)).mappings().one_or_none()

    def _list(self, kind: Any) -> Iterable[RowMapping]:
        table = table_of(kind)
        return self._connection.execute(select(table).order_by(table.c.position)).mappings()


def _digest(rows: Sequence[dict[str, Any]]) -> str:
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
