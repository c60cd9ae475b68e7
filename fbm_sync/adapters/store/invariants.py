"""What must hold in the store whatever happens, as far as sets of rows tell, with its culprits by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)

from fbm_sync.adapters.store.alert_tables import AlertRow, NotificationRow
from fbm_sync.adapters.store.offer_book import SqlOfferBook
from fbm_sync.adapters.store.offer_tables import (
    DroppedChangeRow,
    HoldRow,
    ObservedOfferRow,
    OfferDecisionRow,
    PushReceiptRow,
    VerdictRow,
)
from fbm_sync.adapters.store.order_tables import (
    OrderItemRow,
    OrderOutlookRow,
    OrderRow,
    OutlookHistoryRow,
    PageCursorRow,
    ShipmentRow,
    WatermarkRow,
)
from fbm_sync.adapters.store.push_tables import FeedRow
from fbm_sync.adapters.store.run_tables import SuccessRow
from fbm_sync.adapters.store.supply_tables import LotRow, ReceiptRow, StockCountRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.watch_tables import DriftRow, LotDateRow, PromiseAuditRow
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.truth import Invariant, invariant

_ORDERS, _ITEMS, _SHIPMENTS = table_of(OrderRow), table_of(OrderItemRow), table_of(ShipmentRow)
_OUTLOOKS, _HISTORY = table_of(OrderOutlookRow), table_of(OutlookHistoryRow)
_AUDITS = table_of(PromiseAuditRow)
_OBSERVED, _DECISIONS = table_of(ObservedOfferRow), table_of(OfferDecisionRow)
_VERDICTS, _ANSWERS, _DRIFTS = table_of(VerdictRow), table_of(PushReceiptRow), table_of(DriftRow)
_FEEDS, _HOLDS, _DROPPED = table_of(FeedRow), table_of(HoldRow), table_of(DroppedChangeRow)
_COUNTS, _LOTS, _RECEIPTS = table_of(StockCountRow), table_of(LotRow), table_of(ReceiptRow)
_LOT_DATES, _WATERMARKS, _CURSORS = table_of(LotDateRow), table_of(WatermarkRow), table_of(PageCursorRow)
_SUCCESSES, _ALERTS, _NOTIFICATIONS = table_of(SuccessRow), table_of(AlertRow), table_of(NotificationRow)

_CLOCKS_DIFFER = timedelta(minutes=10)
_WATERMARK_LAG = timedelta(hours=1)
"""Amazon echoes an upper bound some minutes before the request: so far at least a complete pull reaches."""

Culprits = Iterator[str]


def check(connection: Connection, now: datetime) -> tuple[Invariant, ...]:
    """Check every one of them."""
    return tuple(invariant(name, find(connection, now)) for name, find in _CHECKS.items())


def _words(connection: Connection, statement: Select[Any], suffix: str = "") -> Culprits:
    """Name the rows of a statement by their columns."""
    for row in connection.execute(statement):
        yield " ".join(str(part) for part in row if part not in (None, "")) + suffix


def _same(one: Table, other: Table, *names: str) -> ColumnElement[bool]:
    return and_(*(one.c[name] == other.c[name] for name in names))


# --- units -------------------------------------------------------------------------------------------


def _order_units(connection: Connection, _now: datetime) -> Culprits:
    """Find lines whose units do not add up: ordered are the open, the shipped and the cancelled ones."""
    column = _ITEMS.c
    still = func.coalesce(column.unfulfilled_units, 0)
    wrong = or_(
        column.ordered_units < 0,
        column.shipped_units < 0,
        still < 0,
        column.shipped_units + still > column.ordered_units,
    )
    yield from _words(connection, _in_order(select(column.order_id, column.sku).where(wrong), _ITEMS))


def _shipped_units(connection: Connection, _now: datetime) -> Culprits:
    """Find lines of which more units are in parcels than Amazon counts as shipped."""
    of_line = and_(
        _same(_SHIPMENTS, _ITEMS, "account", "order_id", "order_item_id"), _SHIPMENTS.c.sku == _ITEMS.c.sku
    )
    packed = select(func.coalesce(func.sum(_SHIPMENTS.c.units), 0)).where(of_line).scalar_subquery()
    column = _ITEMS.c
    too_many = select(column.order_id, column.sku).where(packed > column.shipped_units)
    yield from _words(connection, _in_order(too_many, _ITEMS))
    of_none = select(_SHIPMENTS.c.order_id, _SHIPMENTS.c.sku).where(~exists().where(of_line))
    yield from _words(connection, _in_order(of_none, _SHIPMENTS), ": a parcel of no line")
    empty = select(_SHIPMENTS.c.order_id, _SHIPMENTS.c.sku).where(_SHIPMENTS.c.units <= 0)
    yield from _words(connection, _in_order(empty, _SHIPMENTS), ": an empty parcel")


def _in_order(statement: Select[Any], table: Table) -> Select[Any]:
    return statement.order_by(*(column for column in table.primary_key))


def _no_negative_units(connection: Connection, _now: datetime) -> Culprits:
    """Find counts below zero where there can be none."""
    for what, table, names in (
        ("count of", _COUNTS, ("on_hand", "damaged", "quality_hold", "reserved_elsewhere")),
        ("lot of", _LOTS, ("quantity", "received_units")),
        ("receipt of", _RECEIPTS, ("quantity",)),
        ("listing", _OBSERVED, ("quantity",)),
    ):
        below = or_(*(table.c[name] < 0 for name in names))
        yield from _words(connection, _in_order(select(literal(what), table.c.sku).where(below), table))


def _open_orders(connection: Connection, _now: datetime) -> Culprits:
    """Find orders that are looked up as open and are not, or are open and would never be found."""
    column = _ITEMS.c
    left = case(
        (column.cancelled_by.is_not(None), 0),
        (column.unfulfilled_units.is_not(None), column.unfulfilled_units),
        else_=column.ordered_units - column.shipped_units,
    )
    ended = (OrderStatus.SHIPPED.value, OrderStatus.CANCELLED.value, OrderStatus.UNFULFILLABLE.value)
    has_units = exists().where(_same(_ITEMS, _ORDERS, "account", "order_id"), left > 0)
    really = and_(_ORDERS.c.status.not_in(ended), _ORDERS.c.fulfilled_by != Fulfiller.AMAZON.value, has_units)
    wrong = or_(and_(_ORDERS.c.is_open, ~really), and_(~_ORDERS.c.is_open, really))
    yield from _words(connection, _in_order(select(_ORDERS.c.order_id).where(wrong), _ORDERS))


# --- time --------------------------------------------------------------------------------------------


def _nothing_in_the_future(connection: Connection, now: datetime) -> Culprits:
    """Find what is said to have happened later than now."""
    latest = now + _CLOCKS_DIFFER
    for what, name, at in (
        ("orders known up to", _WATERMARKS.c.account, _WATERMARKS.c.known_up_to),
        ("pull stopped at", _CURSORS.c.account, _CURSORS.c.saved_at),
        ("success of", _SUCCESSES.c.flow, _SUCCESSES.c.succeeded_at),
        ("look at", _OBSERVED.c.sku, _OBSERVED.c.observed_at),
        ("feed", _FEEDS.c.feed_number, _FEEDS.c.begun_at),
        ("hold", _HOLDS.c.hold_id, _HOLDS.c.held_at),
        ("no to", _DROPPED.c.sku, _DROPPED.c.dropped_at),
    ):
        ahead = select(literal(what), name, at).where(at > latest).order_by(name)
        yield from (f"{row[0]} {row[1]} {row[2]:%Y-%m-%d %H:%M}Z" for row in connection.execute(ahead))


def _watermark_keeps_up(connection: Connection, _now: datetime) -> Culprits:
    """Find accounts whose orders were read completely later than they are said to be known."""
    pulls = select(_SUCCESSES.c.account, _SUCCESSES.c.succeeded_at, _WATERMARKS.c.known_up_to)
    joined = pulls.join_from(
        _SUCCESSES, _WATERMARKS, _SUCCESSES.c.account == _WATERMARKS.c.account, isouter=True
    )
    for account, read_at, known in connection.execute(joined.where(_SUCCESSES.c.flow == "pull")):
        if known is None or known < read_at - _WATERMARK_LAG:
            upto = "never" if known is None else f"up to {known:%Y-%m-%d %H:%M}Z"
            yield f"{account} was read at {read_at:%Y-%m-%d %H:%M}Z, known {upto}"


# --- nothing points to nothing -----------------------------------------------------------------------


def _order_parts(connection: Connection, _now: datetime) -> Culprits:
    """Find lines, parcels, judgements and audits of orders that are not there."""
    its_order = {"account", "order_id"}
    for what, table, counted in (
        ("line of", _ITEMS, None),
        ("parcel of", _SHIPMENTS, None),
        ("judgement of", _OUTLOOKS, None),
        ("judgement of", _HISTORY, _HISTORY.c.ended_at.is_(None)),
        ("audit of", _AUDITS, None),
    ):
        lost = select(literal(what), table.c.order_id).where(
            ~exists().where(_same(table, _ORDERS, *sorted(its_order)))
        )
        yield from _words(connection, _in_order(lost if counted is None else lost.where(counted), table))


def _offer_parts(connection: Connection, _now: datetime) -> Culprits:
    """Find decisions, drifts and held changes of no listing, and decisions without reasons."""
    for what, table, counted in (
        ("decision about", _DECISIONS, _DECISIONS.c.superseded_at.is_(None)),
        ("drift of", _DRIFTS, None),
    ):
        lost = select(literal(what), table.c.sku).where(
            ~exists().where(_same(table, _OBSERVED, "account", "sku"))
        )
        yield from _words(connection, _in_order(lost if counted is None else lost.where(counted), table))
    column = _DECISIONS.c
    unfounded = select(literal("reasons for"), column.sku).where(
        ~exists().where(_VERDICTS.c.digest == column.digest)
    )
    yield from _words(connection, unfounded.order_by(column.account, column.sku, column.decision_id))
    offers = SqlOfferBook(connection)
    for hold in offers.holds():
        listed = offers.observed(hold.account, [change.sku for change in hold.changes])
        for change in hold.changes:
            if change.sku not in listed:
                yield f"hold {hold.hold_id} of {change.sku}"


def _notifications(connection: Connection, _now: datetime) -> Culprits:
    """Find news on their way about alerts that are not there."""
    lost = select(_NOTIFICATIONS.c.alert_key).where(
        _NOTIFICATIONS.c.pending, ~exists().where(_ALERTS.c.key == _NOTIFICATIONS.c.alert_key)
    )
    yield from _words(connection, _in_order(lost, _NOTIFICATIONS))


def _lot_dates(connection: Connection, _now: datetime) -> Culprits:
    """Find dates of purchase order lines that are not there."""
    lost = select(_LOT_DATES.c.po_id, _LOT_DATES.c.line, _LOT_DATES.c.sku).where(
        ~exists().where(_same(_LOT_DATES, _LOTS, "pool", "po_id", "line", "sku"))
    )
    yield from _words(connection, _in_order(lost, _LOT_DATES))


def _one_in_force(connection: Connection, _now: datetime) -> Culprits:
    """Find listings with two decisions or two newest answers, and orders with two judgements."""
    for what, table, name, in_force in (
        ("decisions about", _DECISIONS, "sku", _DECISIONS.c.superseded_at.is_(None)),
        ("answers about", _ANSWERS, "sku", _ANSWERS.c.in_force),
        ("judgements of", _HISTORY, "order_id", _HISTORY.c.ended_at.is_(None)),
    ):
        column = table.c[name]
        grouped = select(literal(what), column, literal("in")).add_columns(table.c.account).where(in_force)
        several = grouped.group_by(table.c.account, column).having(func.count() > 1)
        yield from _words(connection, several.order_by(table.c.account, column))


_CHECKS: Mapping[str, Callable[[Connection, datetime], Iterable[str]]] = {
    "order_units_add_up": _order_units,
    "parcels_hold_what_was_shipped": _shipped_units,
    "no_units_below_zero": _no_negative_units,
    "open_orders_are_found": _open_orders,
    "nothing_lies_in_the_future": _nothing_in_the_future,
    "orders_are_known_as_far_as_read": _watermark_keeps_up,
    "order_parts_have_their_order": _order_parts,
    "offer_parts_have_their_listing": _offer_parts,
    "news_have_their_alert": _notifications,
    "lot_dates_have_their_lot": _lot_dates,
    "only_one_is_in_force": _one_in_force,
}
