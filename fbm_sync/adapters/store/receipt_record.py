"""Amazon's answers to our changes: each SKU's newest one is in force, the others are history.

Asked for by the thousand while thousands of them are on record, so each question goes by an index.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, func, select, text, update

from fbm_sync.adapters.store.offer_tables import PushReceiptRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import CHUNK, chunks, insert_all, one_of
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.order import Sku

_RECEIPTS = table_of(PushReceiptRow)
_RECEIPT = TypeAdapter(PushReceipt)

_IN_FORCE = text("in_force")
"""Worded as the index is: SQLite would not see that "in_force = 1" is the same, and read every answer."""

_RETIRE = update(_RECEIPTS).where(_RECEIPTS.c.receipt_id == bindparam("of_receipt")).values(in_force=False)


def record(connection: Connection, receipts: Sequence[PushReceipt], run_id: str) -> None:
    """Record answers; one that comes in late (a slow thread) is history at once."""
    by_account: dict[str, dict[Sku, PushReceipt]] = {}
    for receipt in receipts:
        ours = by_account.setdefault(receipt.change.account, {})
        if receipt.change.sku in ours:
            raise ValueError(f"two answers about {receipt.change.sku} at once")
        ours[receipt.change.sku] = receipt
    for account, ours in by_account.items():
        for skus in chunks(list(ours), CHUNK):
            _record_some(connection, account, [ours[sku] for sku in skus], run_id)


def _record_some(connection: Connection, account: str, receipts: Sequence[PushReceipt], run_id: str) -> None:
    column = _RECEIPTS.c
    wanted = select(column.receipt_id, column.sku, column.answered_at).where(
        column.account == account, _IN_FORCE
    )
    named = wanted.where(one_of(column.sku, [receipt.change.sku for receipt in receipts]))
    before = {row.sku: row for row in connection.execute(named)}
    newer = {
        one.change.sku
        for one in receipts
        if one.change.sku in before and before[one.change.sku].answered_at > one.at
    }
    outdated = [{"of_receipt": row.receipt_id} for sku, row in before.items() if sku not in newer]
    if outdated:
        connection.execute(_RETIRE, outdated)
    rows = [
        {
            "account": account,
            "sku": receipt.change.sku,
            "outcome": receipt.outcome.value,
            "answered_at": receipt.at,
            "submission_id": receipt.submission_id,
            "run_id": run_id,
            "in_force": receipt.change.sku not in newer,
            "body": to_json(_RECEIPT, receipt),
        }
        for receipt in receipts
    ]
    insert_all(connection, _RECEIPTS, rows)


def of_account(
    connection: Connection, account: str, outcomes: Sequence[PushOutcome] = (), most: int | None = None
) -> tuple[PushReceipt, ...]:
    """Return each SKU's newest answer, of the given outcomes only when any are named."""
    column = _RECEIPTS.c
    statement = select(column.body).where(column.account == account, column.in_force)
    if outcomes:
        statement = statement.where(column.outcome.in_([outcome.value for outcome in outcomes]))
    bodies = connection.execute(statement.order_by(column.sku).limit(most)).scalars()
    return tuple(from_json(_RECEIPT, body) for body in bodies)


def count(
    connection: Connection, account: str, outcomes: Sequence[PushOutcome], since: datetime | None
) -> int:
    """Count the SKUs whose newest answer is one of these outcomes, and no older than an instant."""
    column = _RECEIPTS.c
    named = column.outcome.in_([outcome.value for outcome in outcomes])
    counted = select(func.count()).where(column.account == account, column.in_force, named)
    if since is not None:
        counted = counted.where(column.answered_at >= since)
    return int(connection.execute(counted).scalar_one())


def of_skus(
    connection: Connection, account: str, skus: Collection[Sku], outcome: PushOutcome | None = None
) -> dict[Sku, PushReceipt]:
    """Return the newest answers about some SKUs, of one outcome only when that is named."""
    column = _RECEIPTS.c
    ours = select(column.body, column.outcome).where(column.account == account, _IN_FORCE)
    # The outcome is not asked for: SQLite would go through all answers that have it.
    found = connection.execute(ours.where(one_of(column.sku, sorted(skus))))
    wanted = [row.body for row in found if outcome is None or row.outcome == outcome.value]
    return {one.change.sku: one for one in (from_json(_RECEIPT, body) for body in wanted)}


def answered_to_others(
    connection: Connection, account: str, skus: Collection[Sku], run_id: str, after: datetime
) -> frozenset[Sku]:
    """Return those of the SKUs that another run has changed, or tried to, after an instant."""
    column = _RECEIPTS.c
    newest = select(column.sku, column.outcome, column.run_id, column.answered_at)
    ours = newest.where(column.account == account, _IN_FORCE)
    return frozenset(
        Sku(row.sku)
        for row in connection.execute(ours.where(one_of(column.sku, sorted(skus))))
        if row.outcome in _SENT and row.run_id != run_id and row.answered_at > after
    )


_SENT = frozenset({PushOutcome.ACCEPTED.value, PushOutcome.REJECTED.value})


def latest_confirmed(
    connection: Connection, account: str, before: datetime, limit: int
) -> tuple[PushReceipt, ...]:
    """Return the latest changes that were seen live before an instant, newest first."""
    column = _RECEIPTS.c
    statement = (
        select(column.body)
        .where(column.account == account, column.outcome == PushOutcome.CONFIRMED.value)
        .where(column.in_force, column.answered_at < before)
        .order_by(column.answered_at.desc())
        .limit(limit)
    )
    return tuple(from_json(_RECEIPT, body) for body in connection.execute(statement).scalars())
