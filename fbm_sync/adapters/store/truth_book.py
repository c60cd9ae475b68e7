"""What is asked of the store by those who doubt it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from fbm_sync.adapters.store import (
    invariants,
    push_invariants,
    receipt_record,
    shown_terms,
    unit_invariants,
)
from fbm_sync.adapters.store.order_tables import OrderRow
from fbm_sync.adapters.store.shapes import to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.watch_tables import DriftRow
from fbm_sync.adapters.store.writing import upsert
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.truth import Invariant

_ORDERS = table_of(OrderRow)
_DRIFTS = table_of(DriftRow)
_DRIFT = TypeAdapter(Drift)


class SqlTruthBook:
    """The store under doubt, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def invariants(self, now: datetime) -> tuple[Invariant, ...]:
        return (
            *invariants.check(self._connection, now),
            *push_invariants.check(self._connection),
            *unit_invariants.check(self._connection, now),
        )

    def updated_between(self, account: str, since: datetime, until: datetime) -> frozenset[OrderId]:
        column = _ORDERS.c
        spanned = select(column.order_id).where(
            column.account == account, column.updated_at >= since, column.updated_at <= until
        )
        return frozenset(OrderId(name) for name in self._connection.execute(spanned).scalars())

    def open_ids(self, account: str) -> tuple[OrderId, ...]:
        column = _ORDERS.c
        still_open = select(column.order_id).where(column.account == account, column.is_open)
        names = self._connection.execute(still_open.order_by(column.order_id)).scalars()
        return tuple(OrderId(name) for name in names)

    def confirmed(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, PushReceipt]:
        return receipt_record.of_skus(self._connection, account, skus, PushOutcome.CONFIRMED)

    def written(
        self, account: str, skus: Collection[Sku], since: datetime
    ) -> Mapping[Sku, Sequence[PushReceipt]]:
        return shown_terms.answers(self._connection, account, skus, since)

    def returned_units(self, account: str, sku: Sku, since: datetime) -> int:
        return shown_terms.returned_units(self._connection, account, sku, since)

    def note_drifts(self, drifts: Sequence[Drift]) -> None:
        rows = [
            {"account": one.account, "sku": one.sku, "seen_at": one.seen_at, "body": to_json(_DRIFT, one)}
            for one in drifts
        ]
        upsert(self._connection, _DRIFTS, rows, keep=rows[0].keys() if rows else ())
