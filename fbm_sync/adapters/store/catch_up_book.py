"""What is recorded of catch-ups: how far each has come, where its walks stand, what is read one by one."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection, delete, func, select

from fbm_sync.adapters.store.catch_up_tables import CatchUpCursorRow, CatchUpRow, WantedOrderRow
from fbm_sync.adapters.store.order_tables import OrderRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.order import OrderId
from fbm_sync.ports import CatchUp, CatchUpWalk, OrderWindow, PageCursor

_CATCH_UPS = table_of(CatchUpRow)
_CURSORS = table_of(CatchUpCursorRow)
_WANTED = table_of(WantedOrderRow)
_ORDERS = table_of(OrderRow)


class SqlCatchUpBook:
    """Catch-ups in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def under_way(self, account: str) -> CatchUp | None:
        statement = select(_CATCH_UPS).where(_CATCH_UPS.c.account == account)
        row = self._connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        fields = {name: row[name] for name in row if name not in ("account", "slice_seconds")}
        return CatchUp(slice_span=timedelta(seconds=row["slice_seconds"]), **fields)

    def save(self, account: str, catch_up: CatchUp) -> None:
        row = {
            "account": account,
            "begun_at": catch_up.begun_at,
            "since": catch_up.since,
            "until": catch_up.until,
            "fresh_up_to": catch_up.fresh_up_to,
            "joins": catch_up.joins,
            "slice_seconds": int(catch_up.slice_span.total_seconds()),
            "moved_at": catch_up.moved_at,
            "open_read": catch_up.open_read,
            "reported": catch_up.reported,
            "left_orders": catch_up.left_orders,
        }
        upsert(self._connection, _CATCH_UPS, [row])

    def end(self, account: str) -> None:
        for table in (_CATCH_UPS, _CURSORS, _WANTED):
            self._connection.execute(delete(table).where(table.c.account == account))

    def cursor(self, account: str, walk: CatchUpWalk) -> PageCursor | None:
        column = _CURSORS.c
        statement = select(_CURSORS).where(column.account == account, column.walk == walk.value)
        row = self._connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        return PageCursor(
            window=OrderWindow(since=row["since"], until=row["until"], only_open=row["only_open"]),
            token=row["token"],
            read_up_to=row["read_up_to"],
            saved_at=row["saved_at"],
        )

    def save_cursor(self, account: str, walk: CatchUpWalk, cursor: PageCursor | None) -> None:
        column = _CURSORS.c
        if cursor is None:
            gone = (column.account == account, column.walk == walk.value)
            self._connection.execute(delete(_CURSORS).where(*gone))
            return
        row = {
            "account": account,
            "walk": walk.value,
            "since": cursor.window.since,
            "until": cursor.window.until,
            "only_open": cursor.window.only_open,
            "token": cursor.token,
            "read_up_to": cursor.read_up_to,
            "saved_at": cursor.saved_at,
        }
        upsert(self._connection, _CURSORS, [row])

    def want(self, account: str, order_ids: Collection[OrderId]) -> None:
        rows = [{"account": account, "order_id": order_id} for order_id in dict.fromkeys(order_ids)]
        upsert(self._connection, _WANTED, rows)

    def want_all_open(self, account: str) -> None:
        column = _ORDERS.c
        opened = select(column.order_id).where(column.account == account, column.is_open)
        self.want(account, [OrderId(one) for one in self._connection.execute(opened).scalars()])

    def count_open(self, account: str) -> int:
        column = _ORDERS.c
        opened = select(func.count()).select_from(_ORDERS).where(column.account == account, column.is_open)
        return self._connection.execute(opened).scalar_one()

    def wanted(self, account: str, limit: int) -> tuple[OrderId, ...]:
        column = _WANTED.c
        statement = select(column.order_id).where(column.account == account).order_by(column.order_id)
        found = self._connection.execute(statement.limit(limit)).scalars()
        return tuple(OrderId(one) for one in found)

    def count_wanted(self, account: str) -> int:
        statement = select(func.count()).select_from(_WANTED).where(_WANTED.c.account == account)
        return self._connection.execute(statement).scalar_one()

    def no_longer_wanted(self, account: str, order_ids: Collection[OrderId]) -> None:
        column = _WANTED.c
        named = one_of(column.order_id, order_ids)
        self._connection.execute(delete(_WANTED).where(column.account == account, named))
