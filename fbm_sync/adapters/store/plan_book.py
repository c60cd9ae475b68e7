"""What is recorded so that a plan need not go through the whole shop: what has changed since the last one.

The other books note every SKU of which they record something new; a plan that has taken it into account
takes the note away. Notes are numbered, so what comes in while a plan is at work stays. (The numbers begin
anew once nothing is left; a plan that was overtaken by another one records nothing, so that does no harm.)
"""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete, func, select

from fbm_sync.adapters.store.plan_tables import ChangedSkuRow, PlanBasisRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, one_of, upsert
from fbm_sync.domain.order import Sku
from fbm_sync.ports import News, PlanBasis

_CHANGED = table_of(ChangedSkuRow)
_BASES = table_of(PlanBasisRow)

_THE_SHOP = ""


def note_changed(connection: Connection, skus: Iterable[str]) -> None:
    """Note that something of these SKUs has changed."""
    last = connection.execute(select(func.max(_CHANGED.c.change))).scalar_one()
    number = (last or 0) + 1
    upsert(connection, _CHANGED, [{"sku": sku, "change": number} for sku in dict.fromkeys(skus)])


class SqlPlanBook:
    """Plans in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def news(self) -> News:
        rows = self._connection.execute(select(_CHANGED)).all()
        return News(
            skus=frozenset(Sku(row.sku) for row in rows),
            up_to=max((row.change for row in rows), default=0),
        )

    def changed(self, skus: Collection[Sku]) -> frozenset[Sku]:
        named = select(_CHANGED.c.sku).where(one_of(_CHANGED.c.sku, sorted(skus)))
        return frozenset(Sku(sku) for sku in self._connection.execute(named).scalars())

    def basis(self) -> PlanBasis | None:
        rows = {row.account: row for row in self._connection.execute(select(_BASES))}
        shop = rows.pop(_THE_SHOP, None)
        if shop is None:
            return None
        return PlanBasis(
            planned_at=shop.planned_at,
            shop=shop.digest,
            accounts={account: row.digest for account, row in rows.items()},
        )

    def settle(self, news: News, basis: PlanBasis) -> None:
        self._connection.execute(delete(_CHANGED).where(_CHANGED.c.change <= news.up_to))
        self._connection.execute(delete(_BASES))
        digests = {_THE_SHOP: basis.shop, **basis.accounts}
        rows = [
            {"account": account, "planned_at": basis.planned_at, "digest": digest}
            for account, digest in digests.items()
        ]
        insert_all(self._connection, _BASES, rows)
