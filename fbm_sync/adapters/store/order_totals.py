"""What all orders tell together, counted by the database: no plan of some SKUs has to read them all."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select, tuple_

from fbm_sync.adapters.store.order_tables import OrderItemRow, OrderOutlookRow, OrderRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of
from fbm_sync.domain.latency import FirstRead
from fbm_sync.domain.open_risk import OpenRisk, OpenRisks
from fbm_sync.domain.order import Fulfiller, Sku

_ORDERS = table_of(OrderRow)
_ITEMS = table_of(OrderItemRow)
_OUTLOOKS = table_of(OrderOutlookRow)

_OURS = _ORDERS.c.fulfilled_by != Fulfiller.AMAZON.value
_ITS_ITEMS = and_(_ITEMS.c.account == _ORDERS.c.account, _ITEMS.c.order_id == _ORDERS.c.order_id)


def latest_first_reads(
    connection: Connection, account: str, before: datetime, limit: int
) -> tuple[FirstRead, ...]:
    """Return when the latest orders were created and first read, the newest first."""
    column = _ORDERS.c
    statement = (
        select(column.created_at, column.first_read_at)
        .where(column.account == account, column.first_read_at < before)
        .order_by(column.created_at.desc(), column.first_read_at.desc())
        .limit(limit)
    )
    return tuple(FirstRead(*row) for row in connection.execute(statement))


def first_created(connection: Connection, account: str, since: datetime) -> datetime | None:
    """Return when an account's first order since an instant was placed, those Amazon ships left out."""
    column = _ORDERS.c
    statement = select(column.created_at).where(column.account == account, _OURS, column.created_at >= since)
    return connection.execute(statement.order_by(column.created_at).limit(1)).scalar_one_or_none()


def open_risks(
    connection: Connection, account: str, now: datetime, late_limit: float, without: Collection[Sku]
) -> OpenRisks:
    """Sum up what open orders put at risk, as `domain.open_risk` sums it up."""
    column = _OUTLOOKS.c
    doubtful = column.late_probability >= late_limit
    statement = (
        select(column.waits_for, doubtful, func.count(), func.max(column.late_probability))
        .where(column.account == account, column.waits_for.is_not(None), column.ship_by_at >= now)
        .group_by(column.waits_for, doubtful)
    )
    found: dict[bool, dict[Sku, OpenRisk]] = {True: {}, False: {}}
    for sku, is_doubtful, orders, chance in connection.execute(statement):
        if sku not in without:
            found[bool(is_doubtful)][Sku(sku)] = OpenRisk(orders=orders, chance=chance)
    return OpenRisks(waiting=found[False], doubtful=found[True])


def tied_to(connection: Connection, skus: Collection[Sku], now: datetime) -> frozenset[Sku]:
    """Return the SKUs that share an order holding units with one of these, directly or by way of others."""
    other = _ITEMS.alias()
    holding = or_(_ORDERS.c.is_open, _ORDERS.c.units_kept_until > now)
    same_order = and_(other.c.account == _ITEMS.c.account, other.c.order_id == _ITEMS.c.order_id)
    statement = select(other.c.sku).distinct().join_from(_ITEMS, _ORDERS, _ITS_ITEMS).join(other, same_order)
    known, fresh = set(skus), set(skus)
    while fresh:
        found = connection.execute(statement.where(holding, one_of(_ITEMS.c.sku, sorted(fresh)))).scalars()
        fresh = {Sku(sku) for sku in found} - known
        known |= fresh
    return frozenset(known)


def skus_turning(connection: Connection, since: datetime, until: datetime) -> frozenset[Sku]:
    """Return the SKUs of orders that time alone has changed between two instants, both included."""
    column = _ORDERS.c
    passed = or_(
        and_(column.ship_by_at.between(since, until), or_(column.is_open, column.units_kept_until > since)),
        column.units_kept_until.between(since, until),
    )
    due = select(column.account, column.order_id).where(passed)
    turned = select(_OUTLOOKS.c.account, _OUTLOOKS.c.order_id).where(_OUTLOOKS.c.holds_until <= until)
    of_these = (tuple_(_ITEMS.c.account, _ITEMS.c.order_id).in_(orders) for orders in (due, turned))
    statements = [select(_ITEMS.c.sku).distinct().where(one) for one in of_these]
    return _named(sku for statement in statements for sku in connection.execute(statement).scalars())


def _named(skus: Iterable[str]) -> frozenset[Sku]:
    return frozenset(Sku(sku) for sku in skus)
