"""What each listing showed before, and what of that nobody here has written: noted with every look."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, and_, bindparam, delete, select, update

from fbm_sync.adapters.store.offer_tables import ObservedOfferRow, PushReceiptRow
from fbm_sync.adapters.store.order_tables import OrderItemRow, OrderRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.watch_tables import DriftRow, FormerTermsRow
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.change import PushReceipt
from fbm_sync.domain.drift import ECHO, OURS, Drift, drift_between, is_ours, is_over, may_have_drifted
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.order import OrderStatus, Sku
from fbm_sync.domain.promise_audit import ShownTerms

_OBSERVED = table_of(ObservedOfferRow)
_RECEIPTS = table_of(PushReceiptRow)
_FORMER = table_of(FormerTermsRow)
_DRIFTS = table_of(DriftRow)
_ORDERS = table_of(OrderRow)
_ITEMS = table_of(OrderItemRow)

_OFFER = TypeAdapter(ObservedOffer)
_RECEIPT = TypeAdapter(PushReceipt)
_DRIFT = TypeAdapter(Drift)

_SINCE = (
    update(_OBSERVED)
    .where(_OBSERVED.c.account == bindparam("of_account"), _OBSERVED.c.sku == bindparam("of_sku"))
    .values(terms_since=bindparam("at"))
)

Change = tuple[ObservedOffer, ObservedOffer]
"""What a listing showed, and what it shows now."""


def note(connection: Connection, account: str, changes: Sequence[Change]) -> None:
    """Note what an account's listings showed until now; the new looks are recorded after this."""
    moved = [(before, seen) for before, seen in changes if _promise(before.offer) != _promise(seen.offer)]
    if moved:
        _keep_former(connection, account, moved)
    _look_for_drift(connection, account, changes)


def renew(connection: Connection, changes: Iterable[Change]) -> None:
    """Note since when listings show their present handling time and restock date."""
    since = [
        {"of_account": seen.account, "of_sku": seen.sku, "at": seen.observed_at}
        for before, seen in changes
        if _promise(before.offer) != _promise(seen.offer)
    ]
    if since:
        connection.execute(_SINCE, since)


def _promise(offer: Offer) -> tuple[object, object]:
    return (offer.handling_days, offer.restock_on)


def _keep_former(connection: Connection, account: str, moved: Sequence[Change]) -> None:
    column = _OBSERVED.c
    named = one_of(column.sku, [before.sku for before, _ in moved])
    known = select(column.sku, column.terms_since).where(column.account == account, named)
    since = {row.sku: row.terms_since for row in connection.execute(known)}
    rows = [
        {
            "account": account,
            "sku": before.sku,
            "last_seen_at": before.observed_at,
            "first_seen_at": since[before.sku],
            "handling_days": before.offer.handling_days,
            "restock_on": before.offer.restock_on,
        }
        for before, _ in moved
    ]
    upsert(connection, _FORMER, rows)


# --- drift -------------------------------------------------------------------------------------------


def _look_for_drift(connection: Connection, account: str, changes: Sequence[Change]) -> None:
    """Note listings that drifted since the last look, and forget drifts that are over."""
    column = _DRIFTS.c
    skus = [seen.sku for _, seen in changes]
    bodies = select(column.body).where(column.account == account, one_of(column.sku, skus))
    known = {drift.sku: drift for drift in _read(connection.execute(bodies).scalars())}
    suspects = [(b, seen) for b, seen in changes if seen.sku in known or may_have_drifted(b, seen)]
    if not suspects:
        return
    since = min(before.observed_at for before, _ in suspects) - ECHO
    written = answers(connection, account, [before.sku for before, _ in suspects], since)
    returned = _returned(connection, account, {b.sku: b.observed_at - ECHO for b, _ in suspects})
    found, over = [], []
    for before, seen in suspects:
        drift = known.get(seen.sku)
        ours = written.get(seen.sku, [])
        if drift is not None and (is_over(drift, seen.offer) or is_ours(seen.offer, ours, drift.seen_at)):
            over.append(seen.sku)
            continue
        fresh = drift_between(before, seen, ours, returned[before.sku])
        if fresh is not None:
            found.append(fresh if drift is None else dataclasses.replace(fresh, was=drift.was))
    if over:
        connection.execute(delete(_DRIFTS).where(column.account == account, one_of(column.sku, over)))
    rows = [
        {"account": account, "sku": one.sku, "seen_at": one.seen_at, "body": to_json(_DRIFT, one)}
        for one in found
    ]
    upsert(connection, _DRIFTS, rows)


def _read(bodies: Iterable[str]) -> Iterable[Drift]:
    return (from_json(_DRIFT, body) for body in bodies)


def answers(
    connection: Connection, account: str, skus: Collection[Sku], since: datetime
) -> Mapping[Sku, list[PushReceipt]]:
    """Return Amazon's answers, by SKU, to what was written since an instant and may show."""
    column = _RECEIPTS.c
    latest = select(column.body, column.outcome).where(
        column.account == account, column.answered_at >= since, one_of(column.sku, sorted(skus))
    )
    found: dict[Sku, list[PushReceipt]] = {}
    for row in connection.execute(latest):
        # The outcome is not asked for: SQLite would go through all answers that have it.
        if row.outcome in OURS:
            answer = from_json(_RECEIPT, row.body)
            found.setdefault(answer.change.sku, []).append(answer)
    return found


def returned_units(connection: Connection, account: str, sku: Sku, since: datetime) -> int:
    """Return the units on a listing's orders cancelled since an instant."""
    return _returned(connection, account, {sku: since})[sku]


def _returned(connection: Connection, account: str, since: Mapping[Sku, datetime]) -> dict[Sku, int]:
    """Return the units on orders of each of the SKUs cancelled since an instant of its own."""
    its = and_(_ITEMS.c.account == _ORDERS.c.account, _ITEMS.c.order_id == _ORDERS.c.order_id)
    statement = (
        select(_ITEMS.c.sku, _ITEMS.c.ordered_units, _ORDERS.c.updated_at)
        .join_from(_ITEMS, _ORDERS, its)
        .where(_ITEMS.c.account == account, one_of(_ITEMS.c.sku, sorted(since)))
        .where(_ORDERS.c.updated_at >= min(since.values()))
        .where((_ORDERS.c.status == OrderStatus.CANCELLED.value) | _ITEMS.c.cancelled_by.is_not(None))
    )
    units = dict.fromkeys(since, 0)
    for row in connection.execute(statement):
        if row.updated_at >= since[row.sku]:
            units[row.sku] += row.ordered_units
    return units


def drifts(connection: Connection) -> tuple[tuple[Drift, Offer], ...]:
    """Return all drifts that are not over, each with what the listing shows now, by account and SKU."""
    column = _DRIFTS.c
    statement = (
        select(column.body, _OBSERVED.c.body.label("shown"))
        .join(_OBSERVED, and_(column.account == _OBSERVED.c.account, column.sku == _OBSERVED.c.sku))
        .order_by(column.account, column.sku)
    )
    return tuple(
        (from_json(_DRIFT, row.body), from_json(_OFFER, row.shown).offer)
        for row in connection.execute(statement)
    )


# --- the terms that were shown -----------------------------------------------------------------------


def terms_of(
    connection: Connection, account: str, skus: Collection[Sku]
) -> Mapping[Sku, tuple[ShownTerms, ...]]:
    """Return all handling times and restock dates that are known of listings, the earliest first."""
    named = sorted(skus)
    column = _FORMER.c
    former = select(_FORMER).where(column.account == account, one_of(column.sku, named))
    found: dict[Sku, list[ShownTerms]] = {}
    for row in connection.execute(former.order_by(column.last_seen_at)).mappings():
        terms = ShownTerms(
            handling_days=row["handling_days"],
            restock_on=row["restock_on"],
            first_seen_at=row["first_seen_at"],
            last_seen_at=row["last_seen_at"],
        )
        found.setdefault(Sku(row["sku"]), []).append(terms)
    seen = _OBSERVED.c
    present = select(seen.sku, seen.terms_since, seen.body)
    for now in connection.execute(present.where(seen.account == account, one_of(seen.sku, named))):
        observed = from_json(_OFFER, now.body)
        terms = ShownTerms(
            handling_days=observed.offer.handling_days,
            restock_on=observed.offer.restock_on,
            first_seen_at=now.terms_since,
            last_seen_at=observed.observed_at,
        )
        found.setdefault(Sku(now.sku), []).append(terms)
    return {sku: tuple(terms) for sku, terms in found.items()}


def forget(connection: Connection, before: datetime) -> None:
    """Forget what listings showed long ago."""
    connection.execute(delete(_FORMER).where(_FORMER.c.last_seen_at < before))
