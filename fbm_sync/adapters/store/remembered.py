"""What listings were seen to show, kept true by the orders that are read after the look."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, RowMapping, select

from fbm_sync.adapters.store import known_placed, receipt_record
from fbm_sync.adapters.store.offer_tables import ObservedOfferRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.order import Sku
from fbm_sync.domain.remembered import NewUnits, Remembered, after_look, after_orders, by_sku, settled

_OBSERVED = table_of(ObservedOfferRow)

_OFFER = TypeAdapter(ObservedOffer)

_COUNTED = ("ordered_units", "gone_units", "gone_since", "gone_by")


def known(connection: Connection, account: str, skus: Collection[Sku]) -> dict[Sku, Remembered]:
    """Return what is remembered of listings, by SKU."""
    column = _OBSERVED.c
    counted = [column[name] for name in _COUNTED]
    statement = select(column.body, *counted).where(column.account == account, one_of(column.sku, skus))
    found = (_remembered(row) for row in connection.execute(statement).mappings())
    return {one.seen.sku: one for one in found}


def _remembered(row: RowMapping) -> Remembered:
    return Remembered(
        seen=from_json(_OFFER, row["body"]),
        ordered_units=row["ordered_units"],
        gone_units=row["gone_units"],
        gone_since=row["gone_since"],
        gone_by=row["gone_by"],
    )


def look(
    connection: Connection, account: str, seen: Sequence[ObservedOffer], before: Mapping[Sku, Remembered]
) -> None:
    """Remember what listings show now; an older look never replaces a newer one."""
    moved = [one.sku for one in seen if one.sku in before and one.offer != before[one.sku].seen.offer]
    queued = receipt_record.of_skus(connection, account, moved, PushOutcome.ACCEPTED) if moved else {}
    up_to = known_placed.up_to(connection, account)
    rows = []
    for one in seen:
        was = before.get(one.sku)
        now = after_look(None if was is None else settled(was, up_to), one, queued.get(one.sku))
        rows.append(_row(now) | {"terms_since": one.observed_at})
    upsert(connection, _OBSERVED, rows, newer_by="observed_at", keep=("terms_since",))


def order(connection: Connection, account: str, units: Iterable[NewUnits]) -> None:
    """Take units off what listings are remembered to show: orders for them were read just now."""
    wanted = by_sku(units)
    if not wanted:
        return
    memory = known(connection, account, sorted(wanted))
    lowered = [(one, after_orders(one, wanted[sku])) for sku, one in memory.items()]
    rows = [_row(now) | {"terms_since": now.seen.observed_at} for was, now in lowered if was != now]
    upsert(connection, _OBSERVED, rows, keep=("terms_since",))


def unexplained(connection: Connection, account: str, skus: Collection[Sku]) -> dict[Sku, int]:
    """Return the units that left listings and that no order read so far explains, where there are any."""
    column = _OBSERVED.c
    some = (column.account == account, column.gone_units > 0, one_of(column.sku, sorted(skus)))
    up_to = known_placed.up_to(connection, account)
    statement = select(column.body, *(column[name] for name in _COUNTED)).where(*some)
    found = (_remembered(row) for row in connection.execute(statement).mappings())
    return {one.seen.sku: units for one in found if (units := one.unexplained_units(up_to))}


def _row(one: Remembered) -> dict[str, Any]:
    return {
        "account": one.seen.account,
        "sku": one.seen.sku,
        "quantity": one.seen.offer.quantity,
        "observed_at": one.seen.observed_at,
        "body": to_json(_OFFER, one.seen),
        **{name: getattr(one, name) for name in _COUNTED},
    }
