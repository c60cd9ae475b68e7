"""Which date each open lot had when it was first known: written with every supply list that is new."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, or_, select

from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.watch_tables import LotDateRow
from fbm_sync.adapters.store.writing import insert_all, upsert
from fbm_sync.domain.order import Sku
from fbm_sync.domain.slip import SlippedLot
from fbm_sync.domain.supply import Lot

_DATES = table_of(LotDateRow)
_KEY = ("pool", "po_id", "line", "sku")


def remember(connection: Connection, lots: Iterable[Lot], now: datetime) -> None:
    """Take the dates of a new list in: of lots never seen their first one, of others whether it has moved.

    What is no longer open is forgotten; a date that was taken back stays as last known.
    """
    known = {_key_of(row): row for row in map(dict, connection.execute(select(_DATES)).mappings())}
    rows = {}
    for lot in lots:
        key = (lot.pool, lot.po_id, lot.line, lot.sku)
        if lot.open_units:
            row = _row(lot, known.get(key), now)
            if row is not None:
                rows[key] = row
    if gone := known.keys() - rows.keys():
        _forget(connection, gone, keep=[dict(known[key]) for key in known if key in rows])
    upsert(connection, _DATES, [row for key, row in rows.items() if known.get(key) != row])


def _key_of(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    pool, po_id, line, sku = (row[name] for name in _KEY)
    return pool, po_id, line, sku


def _forget(connection: Connection, gone: Iterable[tuple[str, ...]], keep: list[dict[str, Any]]) -> None:
    """Delete the rows of lots that are no longer open, by the shorter way."""
    gone = list(gone)
    if len(gone) > len(keep):
        connection.execute(delete(_DATES))
        insert_all(connection, _DATES, keep)
        return
    for key in gone:
        same = (_DATES.c[name] == value for name, value in zip(_KEY, key, strict=True))
        connection.execute(delete(_DATES).where(*same))


def _row(lot: Lot, before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    """Return the row of an open lot; `None` as long as it has no date."""
    if before is None and lot.planned_on is None:
        return None
    planned_on: date = lot.planned_on or (before or {})["planned_on"]
    last_on: date = planned_on if before is None else before["planned_on"]
    first_on: date = planned_on if before is None else before["first_on"]
    moved_at = now if planned_on > last_on else before and before["moved_at"]
    slipped_days = max(0, (planned_on - first_on).days)
    return {
        "pool": lot.pool,
        "po_id": lot.po_id,
        "line": lot.line,
        "sku": lot.sku,
        "supplier": lot.supplier,
        "first_on": first_on,
        "planned_on": planned_on,
        "slipped_days": slipped_days,
        "moved_at": moved_at if slipped_days else None,
    }


def slipped(connection: Connection, today: date) -> tuple[SlippedLot, ...]:
    """Return the open lots whose date was moved later or has passed."""
    column = _DATES.c
    late = or_(column.slipped_days > 0, column.planned_on < today)
    rows = connection.execute(select(_DATES).where(late).order_by(*(column[name] for name in _KEY)))
    return tuple(
        SlippedLot(
            po_id=row["po_id"],
            lot=f"{row['po_id']}/{row['line']}",
            sku=Sku(row["sku"]),
            supplier=row["supplier"],
            first_on=row["first_on"],
            planned_on=row["planned_on"],
            moved_at=row["moved_at"],
        )
        for row in rows.mappings()
    )
