"""What is recorded of the daemon's own work: its last successes, the kill switch, the request limits."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from fbm_sync.adapters.store.run_tables import BudgetRow, PauseRow, SuccessRow
from fbm_sync.adapters.store.shapes import storable
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import upsert
from fbm_sync.ports import Pause, RequestBudget

_SUCCESSES = table_of(SuccessRow)
_PAUSE = table_of(PauseRow)
_BUDGETS = table_of(BudgetRow)
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

    def budgets(self, account: str) -> Mapping[str, RequestBudget]:
        rows = self._connection.execute(select(_BUDGETS).where(_BUDGETS.c.account == account)).mappings()
        return {
            row["operation"]: RequestBudget(tokens=row["tokens"], at=row["at"], named_rate=row["named_rate"])
            for row in rows
        }

    def record_budget(self, account: str, operation: str, budget: RequestBudget) -> None:
        row = {"account": account, "operation": operation, **dataclasses.asdict(budget)}
        upsert(self._connection, _BUDGETS, [row])
