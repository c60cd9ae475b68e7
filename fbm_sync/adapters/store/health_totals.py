"""The account's measures, counted by the database as `domain.health` counts them, and what they will get."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from fbm_sync.adapters.store.order_tables import OrderOutlookRow, OrderRow, ShipmentRow
from fbm_sync.adapters.store.shapes import from_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import PENDING, Fulfiller, OrderStatus
from fbm_sync.domain.projection import PACE_DAYS, OpenOrder, Pace, open_order_of, pace_of
from fbm_sync.domain.risk import OrderOutlook
from fbm_sync.domain.standing import Basis, HealthTerms, Metric, Span, Tally

_ORDERS = table_of(OrderRow)
_SHIPMENTS = table_of(ShipmentRow)
_OUTLOOKS = table_of(OrderOutlookRow)
_OUTLOOK = TypeAdapter(OrderOutlook)

_SETTLED = and_(
    _ORDERS.c.fulfilled_by != Fulfiller.AMAZON.value,
    _ORDERS.c.status.not_in([status.value for status in sorted(PENDING)]),
)
_ITS_PARCELS = and_(_SHIPMENTS.c.account == _ORDERS.c.account, _SHIPMENTS.c.order_id == _ORDERS.c.order_id)


def tallies(
    connection: Connection, account: str, spans: Sequence[Span], now: datetime, terms: HealthTerms
) -> tuple[Tally, ...]:
    """Return what is counted over each span, all spans of one measure in one look."""
    found: dict[Span, Tally] = {}
    for metric in dict.fromkeys(span.metric for span in spans):
        some = list(dict.fromkeys(span for span in spans if span.metric is metric))
        row = connection.execute(_statement(metric, account, some, now, terms)).one()
        counts = [int(value or 0) for value in row]
        found |= {span: Tally(*counts[2 * number : 2 * number + 2]) for number, span in enumerate(some)}
    return tuple(found[span] for span in spans)


def _statement(
    metric: Metric, account: str, spans: Sequence[Span], now: datetime, terms: HealthTerms
) -> Select[Any]:
    if metric is Metric.OTDR:
        return _units_in_time(account, spans)
    if metric is Metric.VTR:
        return _tracked_parcels(account, spans)
    column = _ORDERS.c
    late = or_(
        and_(column.is_open, column.ship_by_at < now),
        and_(~column.is_open, column.shipped_at > column.ship_by_at),
    )
    at = _counted_at(terms.basis(metric), now)
    counts: list[ColumnElement[Any]] = []
    for span in spans:
        within = _within(at, span)
        bad = column.seller_fault if metric is Metric.CR else late
        counts += [func.count().filter(within, bad), func.count().filter(within)]
    ours = and_(column.account == account, _SETTLED, _around(at, spans))
    if metric is Metric.LSR:
        ours = and_(ours, column.status != OrderStatus.CANCELLED.value)
    return select(*counts).where(ours)


def _counted_at(basis: Basis, now: datetime) -> ColumnElement[Any]:
    """Return the moment that puts an order into a window."""
    column = _ORDERS.c
    if basis is Basis.SHIP_BY:
        return column.ship_by_at
    if basis is Basis.CREATED:
        return column.created_at
    moment = column.updated_at.type
    left_at = case(
        (~column.is_open, func.coalesce(column.shipped_at, column.updated_at)),
        (column.ship_by_at < now, literal(now, moment)),
    )
    return cast("ColumnElement[Any]", type_coerce(left_at, moment))


def _within(at: ColumnElement[Any], span: Span) -> ColumnElement[bool]:
    within = at.between(span.since, span.until)
    if span.marketplace is None:
        return within
    here = or_(_ORDERS.c.marketplace.is_(None), _ORDERS.c.marketplace == span.marketplace)
    return and_(within, here)


def _around(at: ColumnElement[Any], spans: Sequence[Span]) -> ColumnElement[bool]:
    return at.between(min(span.since for span in spans), max(span.until for span in spans))


def _units_in_time(account: str, spans: Sequence[Span]) -> Select[Any]:
    column, parcel = _ORDERS.c, _SHIPMENTS.c
    seen = and_(parcel.delivered_at.is_not(None), column.deliver_by_at.is_not(None))
    in_time = case(
        (seen, parcel.delivered_at <= column.deliver_by_at),
        else_=or_(column.ship_by_at.is_(None), parcel.shipped_at <= column.ship_by_at),
    )
    counts: list[ColumnElement[Any]] = []
    for span in spans:
        within = _within(column.deliver_by_at, span)
        counts += [func.sum(parcel.units).filter(within, in_time), func.sum(parcel.units).filter(within)]
    ours = and_(column.account == account, _SETTLED, parcel.tracked.is_(True))
    joined = select(*counts).join_from(_ORDERS, _SHIPMENTS, _ITS_PARCELS)
    return joined.where(ours, _around(column.deliver_by_at, spans))


def _tracked_parcels(account: str, spans: Sequence[Span]) -> Select[Any]:
    """Count each parcel once, however many lines it holds; those of which nothing is known are left out."""
    column, parcel = _ORDERS.c, _SHIPMENTS.c
    flags: list[ColumnElement[Any]] = []
    for number, span in enumerate(spans):
        within = _within(parcel.shipped_at, span)
        tracked = func.max(parcel.tracked.cast(Integer)).filter(within)
        flags += [tracked.label(f"tracked_{number}"), func.count().filter(within).label(f"lines_{number}")]
    ours = and_(column.account == account, _SETTLED, parcel.tracked.is_not(None))
    parcels = (
        select(*flags)
        .join_from(_ORDERS, _SHIPMENTS, _ITS_PARCELS)
        .where(ours, _around(parcel.shipped_at, spans))
        .group_by(parcel.order_id, parcel.parcel)
        .subquery()
    )
    counts: list[ColumnElement[Any]] = []
    for number in range(len(spans)):
        lines = parcels.c[f"lines_{number}"]
        counts += [func.sum(parcels.c[f"tracked_{number}"]), func.count().filter(lines > 0)]
    return select(*counts)


def open_orders(connection: Connection, account: str, calendar: ShipCalendar) -> tuple[OpenOrder, ...]:
    """Return what the rates may still get from each paid open order, as it was last judged."""
    of_order = and_(_OUTLOOKS.c.account == _ORDERS.c.account, _OUTLOOKS.c.order_id == _ORDERS.c.order_id)
    statement = (
        select(_ORDERS.c.created_at, _ORDERS.c.deliver_by_at, _OUTLOOKS.c.body)
        .join_from(_OUTLOOKS, _ORDERS, of_order)
        .where(_OUTLOOKS.c.account == account, _SETTLED)
        .order_by(_OUTLOOKS.c.order_id)
    )
    return tuple(
        open_order_of(from_json(_OUTLOOK, body), created_at, deliver_by_at, calendar)
        for created_at, deliver_by_at, body in connection.execute(statement)
    )


def pace(connection: Connection, account: str, now: datetime) -> Pace:
    """Return the pace at which new orders come."""
    column = _ORDERS.c
    since = now - timedelta(days=PACE_DAYS)
    statement = select(column.created_at, column.ship_by_at).where(
        column.account == account, _SETTLED, column.created_at.between(since, now)
    )
    return pace_of(((row.created_at, row.ship_by_at) for row in connection.execute(statement)), now)
