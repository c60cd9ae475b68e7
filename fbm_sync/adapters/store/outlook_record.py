"""What is expected of open orders, and what was expected of them before: written on change only."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    or_,
    select,
    true,
    tuple_,
    update,
)

from fbm_sync.adapters.store.order_tables import OrderItemRow, OrderOutlookRow, OutlookHistoryRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, one_of
from fbm_sync.domain.allocation import Assigned, ItemCover
from fbm_sync.domain.open_risk import waits_for
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.risk import OrderOutlook, OrderState

_PRESENT = table_of(OrderOutlookRow)
_HISTORY = table_of(OutlookHistoryRow)
_ITEMS = table_of(OrderItemRow)
_OUTLOOK = TypeAdapter(OrderOutlook)

_END = (
    update(_HISTORY).where(_HISTORY.c.outlook_id == bindparam("of_outlook")).values(ended_at=bindparam("at"))
)


def record(
    connection: Connection, outlooks: Sequence[OrderOutlook], now: datetime, skus: Collection[Sku] | None
) -> None:
    """Replace all present outlooks by these, or those of orders for some SKUs; the history gets the news."""
    newest = {(outlook.account, outlook.order_id): outlook for outlook in outlooks}
    bodies = {key: to_json(_OUTLOOK, outlook) for key, outlook in newest.items()}
    rows = [
        {
            "account": outlook.account,
            "order_id": outlook.order_id,
            "state": outlook.state.value,
            "ship_by_at": outlook.ship_by_at,
            "late_probability": outlook.late_probability,
            "waits_for": waits_for(outlook),
            "is_short": outlook.is_short,
            "holds_until": outlook.holds_until,
            "body": bodies[key],
        }
        for key, outlook in newest.items()
    ]
    connection.execute(delete(_PRESENT).where(_of_orders_for(_PRESENT, skus)))
    insert_all(connection, _PRESENT, rows)
    held = _still_held(connection, skus)
    over = [
        {"of_outlook": row.outlook_id, "at": now}
        for key, row in held.items()
        if key not in newest or _differs(row, newest[key])
    ]
    if over:
        connection.execute(_END, over)
    news = [
        _history_row(outlook, bodies[key], now)
        for key, outlook in newest.items()
        if key not in held or _differs(held[key], outlook)
    ]
    insert_all(connection, _HISTORY, news)


def _still_held(connection: Connection, skus: Collection[Sku] | None) -> dict[tuple[str, str], Row[Any]]:
    """Return what the history says of each order now, by account and id; the outlook itself left out."""
    columns = [column for column in _HISTORY.c if column.name != "body"]
    concerned = _of_orders_for(_HISTORY, skus)
    rows = connection.execute(select(*columns).where(_HISTORY.c.ended_at.is_(None), concerned))
    return {(row.account, row.order_id): row for row in rows}


def _of_orders_for(table: Table, skus: Collection[Sku] | None) -> ColumnElement[bool]:
    """Return what is true of all rows, or of those of orders with lines of some SKUs."""
    if skus is None:
        return true()
    lines = select(_ITEMS.c.account, _ITEMS.c.order_id).where(one_of(_ITEMS.c.sku, sorted(skus)))
    return tuple_(table.c.account, table.c.order_id).in_(lines)


def _differs(row: Row[Any], outlook: OrderOutlook) -> bool:
    """Tell whether an order is judged otherwise in what a seller would call news."""
    before = (row.state, row.stage, row.promise_on, row.blamed_lot)
    return before != (outlook.state.value, outlook.stage, outlook.promise_on, outlook.blamed_lot)


def _history_row(outlook: OrderOutlook, body: str, now: datetime) -> dict[str, Any]:
    return {
        "account": outlook.account,
        "order_id": outlook.order_id,
        "state": outlook.state.value,
        "stage": outlook.stage,
        "promise_on": outlook.promise_on,
        "blamed_lot": outlook.blamed_lot,
        "first_judged_at": now,
        "ended_at": None,
        "body": body,
    }


def worrying(connection: Connection) -> tuple[OrderOutlook, ...]:
    """Return the outlooks of orders that are not on track or that something is short for."""
    column = _PRESENT.c
    calm = and_(column.state == OrderState.ON_TRACK.value, ~column.is_short)
    return _read(connection, select(column.body).where(~calm), column.order_id, ())


def assigned(connection: Connection, skus: Collection[Sku] | None) -> Assigned:
    """Return what open orders were assigned when they were last judged."""
    found: dict[tuple[str, OrderId], Sequence[ItemCover]] = {}
    for body in connection.execute(select(_PRESENT.c.body).where(_of_orders_for(_PRESENT, skus))).scalars():
        outlook = from_json(_OUTLOOK, body)
        found[outlook.account, outlook.order_id] = outlook.items
    return found


def present(connection: Connection, order_ids: Sequence[OrderId]) -> tuple[OrderOutlook, ...]:
    """Return the outlooks as last judged, most urgent first; of all open orders when none is named."""
    return _read(connection, select(_PRESENT.c.body), _PRESENT.c.order_id, order_ids)


def in_force(connection: Connection, order_ids: Sequence[OrderId], at: datetime) -> tuple[OrderOutlook, ...]:
    """Return the outlooks that held at an instant, as they were when they began to."""
    column = _HISTORY.c
    held = select(column.body).where(
        column.first_judged_at <= at, or_(column.ended_at.is_(None), column.ended_at > at)
    )
    return _read(connection, held, column.order_id, order_ids)


def _read(
    connection: Connection, every: Select[Any], order_id: Any, order_ids: Sequence[OrderId]
) -> tuple[OrderOutlook, ...]:
    asked = every.where(one_of(order_id, dict.fromkeys(order_ids))) if order_ids else every
    bodies = connection.execute(asked).scalars()
    return tuple(sorted((from_json(_OUTLOOK, body) for body in bodies), key=_most_urgent_first))


def _most_urgent_first(outlook: OrderOutlook) -> tuple[bool, datetime, str, str]:
    deadline = outlook.ship_by_at
    return (deadline is None, deadline or outlook.judged_at, outlook.account, outlook.order_id)
