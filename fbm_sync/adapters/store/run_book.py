"""What is recorded of the daemon's own work: its last successes and the kill switch."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from fbm_sync.adapters.store.run_tables import PauseRow, SuccessRow
from fbm_sync.adapters.store.shapes import storable
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import upsert
from fbm_sync.ports import Pause

_SUCCESSES = table_of(SuccessRow)
_PAUSE = table_of(PauseRow)
_THE_PAUSE = 1


class SqlRunBook:
    """Runs in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def succeeded(self, flow: str, account: str, run_id: str, now: datetime) -> None:
        # Without a guard: a clock that was once set wrong must not look like success until it comes true.
        row = {"flow": flow, "account": account, "run_id": run_id, "succeeded_at": now}
        upsert(self._connection, _SUCCESSES, [row])

    def last_success(self, flow: str, account: str) -> datetime | None:
        column = _SUCCESSES.c
        statement = select(column.succeeded_at).where(column.flow == flow, column.account == account)
        return self._connection.execute(statement).scalar_one_or_none()

    def pause(self, reason: str, now: datetime) -> None:
        # Pausing again changes the reason; the pause itself goes on since it began.
        row = {"pause_id": _THE_PAUSE, "reason": storable(reason), "since": now}
        upsert(self._connection, _PAUSE, [row], keep=("since",))

    def resume(self) -> None:
        self._connection.execute(delete(_PAUSE))

    def paused(self) -> Pause | None:
        row = self._connection.execute(select(_PAUSE)).mappings().one_or_none()
        return None if row is None else Pause(reason=row["reason"], since=row["since"])
