"""Up to when every order that was placed is known, which is less than up to when every change is.

An order is found by its latest change, and Amazon hides the changes of the last two minutes. So one placed
long ago that changed just now (its payment came in) is missing from what is read, though its placing lies far
within it. The next reading that reaches two minutes further has it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from fbm_sync.adapters.store.run_tables import SuccessRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import upsert

_SUCCESSES = table_of(SuccessRow)
_KNOWN, _READ_ONCE = "orders placed are known", "orders placed are read once"

_HIDDEN = timedelta(minutes=2)


def advance(connection: Connection, account: str, to: datetime) -> None:
    """Note that changes are known up to an instant; a reading before it counts once this is far enough."""
    once = _at(connection, account, _READ_ONCE)
    if once is not None and to - once < _HIDDEN:
        return
    noted = {_READ_ONCE: to} | ({} if once is None else {_KNOWN: once})
    rows = [
        {"flow": flow, "account": account, "run_id": "", "succeeded_at": at} for flow, at in noted.items()
    ]
    upsert(connection, _SUCCESSES, rows)


def up_to(connection: Connection, account: str) -> datetime | None:
    """Return the instant up to which every order placed is known; `None` before the second reading."""
    return _at(connection, account, _KNOWN)


def _at(connection: Connection, account: str, flow: str) -> datetime | None:
    column = _SUCCESSES.c
    statement = select(column.succeeded_at).where(column.flow == flow, column.account == account)
    return connection.execute(statement).scalar_one_or_none()
