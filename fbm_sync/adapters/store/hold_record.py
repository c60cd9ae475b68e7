"""What waits for a person, and what a person said no to: one part of the book of offers."""

from collections.abc import Collection, Mapping, Sequence

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, delete, select

from fbm_sync.adapters.store.offer_tables import DroppedChangeRow, HoldRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.hold import DroppedChange, Hold
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.order import Sku

_HOLDS = table_of(HoldRow)
_DROPPED = table_of(DroppedChangeRow)

_TEXTS = TypeAdapter(tuple[str, ...])
_CHANGES = TypeAdapter(tuple[OfferChange, ...])
_OFFER = TypeAdapter(Offer)


def remember(connection: Connection, hold: Hold) -> None:
    """Record a hold as it is now."""
    row = {
        "hold_id": hold.hold_id,
        "account": hold.account,
        "held_at": hold.held_at,
        "released_at": hold.released_at,
        "reasons": to_json(_TEXTS, hold.reasons),
        "changes": to_json(_CHANGES, hold.changes),
    }
    upsert(connection, _HOLDS, [row])


def in_force(connection: Connection, account: str | None) -> tuple[Hold, ...]:
    """Return the holds of an account or of all, the oldest first."""
    statement = select(_HOLDS).order_by(_HOLDS.c.held_at, _HOLDS.c.hold_id)
    if account is not None:
        statement = statement.where(_HOLDS.c.account == account)
    return tuple(_hold(row) for row in connection.execute(statement).mappings())


def end(connection: Connection, account: str, but: Collection[str]) -> None:
    """Forget the holds of an account, all but these."""
    others = _HOLDS.c.hold_id.not_in(list(but))
    connection.execute(delete(_HOLDS).where(_HOLDS.c.account == account, others))


def drop(connection: Connection, changes: Sequence[DroppedChange]) -> None:
    """Record changes that were said no to."""
    rows = [
        {
            "account": one.account,
            "sku": one.sku,
            "hold_id": one.hold_id,
            "dropped_at": one.dropped_at,
            "offer": to_json(_OFFER, one.offer),
        }
        for one in changes
    ]
    upsert(connection, _DROPPED, rows)


def dropped(connection: Connection, account: str) -> Mapping[Sku, DroppedChange]:
    """Return what was said no to, by SKU."""
    rows = connection.execute(select(_DROPPED).where(_DROPPED.c.account == account)).mappings()
    found = (_dropped(row) for row in rows)
    return {one.sku: one for one in found}


def take_up(connection: Connection, account: str, skus: Collection[Sku]) -> None:
    """Forget what was said no to of some SKUs."""
    some = one_of(_DROPPED.c.sku, skus)
    connection.execute(delete(_DROPPED).where(_DROPPED.c.account == account, some))


def _hold(row: RowMapping) -> Hold:
    return Hold(
        hold_id=row["hold_id"],
        account=row["account"],
        reasons=from_json(_TEXTS, row["reasons"]),
        changes=from_json(_CHANGES, row["changes"]),
        held_at=row["held_at"],
        released_at=row["released_at"],
    )


def _dropped(row: RowMapping) -> DroppedChange:
    return DroppedChange(
        account=row["account"],
        sku=Sku(row["sku"]),
        offer=from_json(_OFFER, row["offer"]),
        hold_id=row["hold_id"],
        dropped_at=row["dropped_at"],
    )
