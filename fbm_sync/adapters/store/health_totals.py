"""The account's measures, counted by the database as `domain.health` counts them, and what they will get."""

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    type_coerce,
)

from fbm_sync.adapters.store.order_tables import OrderOutlookRow, OrderRow, ShipmentRow
from fbm_sync.adapters.store.shapes import from_json
from fbm_sync.adapters.store.tables import table_of
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


Place = str | None
"""The marketplace that a span counts, or all of them."""


def tallies(
    connection: Connection, account: str, spans: Sequence[Span], now: datetime, terms: HealthTerms
) -> tuple[Tally, ...]:
    """Return what is counted over each span, all spans of one measure in one look."""
    found: dict[Span, Tally] = {}
    for metric in dict.fromkeys(span.metric for span in spans):
        some = list(dict.fromkeys(span for span in spans if span.metric is metric))
        values: dict[str, Any] = {
            "account": account,
            "now": now,
            "since": min(span.since for span in some),
            "until": max(span.until for span in some),
        }
        for number, span in enumerate(some):
            values |= {f"since_{number}": span.since, f"until_{number}": span.until}
        statement = _statement(metric, terms.basis(metric), tuple(span.marketplace for span in some))
        counts = [int(value or 0) for value in connection.execute(statement, values).one()]
        found |= {span: Tally(*counts[2 * number : 2 * number + 2]) for number, span in enumerate(some)}
    return tuple(found[span] for span in spans)


# Health is looked at often, in the same few ways; building such a question takes longer than its answer.
@functools.lru_cache
def _statement(metric: Metric, basis: Basis, places: tuple[Place, ...]) -> Select[Any]:
    """Return the question for these spans, given by their marketplaces; their moments are parameters."""
    if metric is Metric.OTDR:
        return _units_in_time(places)
    if metric is Metric.VTR:
        return _tracked_parcels(places)
    column = _ORDERS.c
    late = or_(
        and_(column.is_open, column.ship_by_at < _moment("now")),
        and_(~column.is_open, column.shipped_at > column.ship_by_at),
    )
    at = _counted_at(basis)
    counts: list[ColumnElement[Any]] = []
    for number, place in enumerate(places):
        within = _within(at, number, place)
        bad = column.seller_fault if metric is Metric.CR else late
        counts += [func.count().filter(within, bad), func.count().filter(within)]
    ours = and_(column.account == bindparam("account"), _SETTLED, _around(at))
    if metric is Metric.LSR:
        ours = and_(ours, column.status != OrderStatus.CANCELLED.value)
    return select(*counts).where(ours)


def _moment(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=_ORDERS.c.updated_at.type)


def _counted_at(basis: Basis) -> ColumnElement[Any]:
    """Return the moment that puts an order into a window."""
    column = _ORDERS.c
    if basis is Basis.SHIP_BY:
        return column.ship_by_at
    if basis is Basis.CREATED:
        return column.created_at
    left_at = case(
        (~column.is_open, func.coalesce(column.shipped_at, column.updated_at)),
        (column.ship_by_at < _moment("now"), _moment("now")),
    )
    return cast("ColumnElement[Any]", type_coerce(left_at, column.updated_at.type))


def _within(at: ColumnElement[Any], number: int, place: Place) -> ColumnElement[bool]:
    within = at.between(_moment(f"since_{number}"), _moment(f"until_{number}"))
    if place is None:
        return within
    here = or_(_ORDERS.c.marketplace.is_(None), _ORDERS.c.marketplace == place)
    return and_(within, here)


def _around(at: ColumnElement[Any]) -> ColumnElement[bool]:
    return at.between(_moment("since"), _moment("until"))


def _units_in_time(places: Sequence[Place]) -> Select[Any]:
    column, parcel = _ORDERS.c, _SHIPMENTS.c
    seen = and_(parcel.delivered_at.is_not(None), column.deliver_by_at.is_not(None))
    in_time = case(
        (seen, parcel.delivered_at <= column.deliver_by_at),
        else_=or_(column.ship_by_at.is_(None), parcel.shipped_at <= column.ship_by_at),
    )
    counts: list[ColumnElement[Any]] = []
    for number, place in enumerate(places):
        within = _within(column.deliver_by_at, number, place)
        counts += [func.sum(parcel.units).filter(within, in_time), func.sum(parcel.units).filter(within)]
    ours = and_(column.account == bindparam("account"), _SETTLED, parcel.tracked.is_(True))
    joined = select(*counts).join_from(_ORDERS, _SHIPMENTS, _ITS_PARCELS)
    return joined.where(ours, _around(column.deliver_by_at))


def _tracked_parcels(places: Sequence[Place]) -> Select[Any]:
    """Count each parcel once, however many lines it holds; those of which nothing is known are left out."""
    column, parcel = _ORDERS.c, _SHIPMENTS.c
    flags: list[ColumnElement[Any]] = []
    for number, place in enumerate(places):
        within = _within(parcel.shipped_at, number, place)
        tracked = func.max(parcel.tracked.cast(Integer)).filter(within)
        flags += [tracked.label(f"tracked_{number}"), func.count().filter(within).label(f"lines_{number}")]
    ours = and_(column.account == bindparam("account"), _SETTLED, parcel.tracked.is_not(None))
    parcels = (
        select(*flags)
        .join_from(_ORDERS, _SHIPMENTS, _ITS_PARCELS)
        .where(ours, _around(parcel.shipped_at))
        .group_by(parcel.order_id, parcel.parcel)
        .subquery()
    )
    counts: list[ColumnElement[Any]] = []
    for number in range(len(places)):
        lines = parcels.c[f"lines_{number}"]
        counts += [func.sum(parcels.c[f"tracked_{number}"]), func.count().filter(lines > 0)]
    return select(*counts)


def open_orders(connection: Connection, account: str) -> tuple[OpenOrder, ...]:
    """Return what the rates may still get from each paid open order, as it was last judged."""
    of_order = and_(_OUTLOOKS.c.account == _ORDERS.c.account, _OUTLOOKS.c.order_id == _ORDERS.c.order_id)
    statement = (
        select(_ORDERS.c.created_at, _ORDERS.c.deliver_by_at, _OUTLOOKS.c.body)
        .join_from(_OUTLOOKS, _ORDERS, of_order)
        .where(_OUTLOOKS.c.account == account, _SETTLED)
        .order_by(_OUTLOOKS.c.order_id)
    )
    return tuple(
        open_order_of(from_json(_OUTLOOK, body), created_at, deliver_by_at)
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
