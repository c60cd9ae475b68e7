"""What of the store is history and may be forgotten: one condition for each kind, none true of what counts.

Whatever is in force, open, pending or unsent fails its condition whatever the horizon is.
"""

import dataclasses
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, or_, select, tuple_

from fbm_sync.adapters.store.alert_tables import AlertRow, NotificationRow
from fbm_sync.adapters.store.offer_tables import OfferDecisionRow, PushReceiptRow, VerdictRow
from fbm_sync.adapters.store.order_book import CLOSED
from fbm_sync.adapters.store.order_tables import OrderRow, OutlookHistoryRow
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.domain.alert import AlertState
from fbm_sync.ports import Horizon

_DECISIONS = table_of(OfferDecisionRow)
_VERDICTS = table_of(VerdictRow)
_OUTLOOKS = table_of(OutlookHistoryRow)
_ANSWERS = table_of(PushReceiptRow)
_ALERTS = table_of(AlertRow)
_NOTIFICATIONS = table_of(NotificationRow)
_ORDERS = table_of(OrderRow)

# A verdict goes with the last decision that rests on it.
_FORGET_VERDICTS = delete(_VERDICTS).where(_VERDICTS.c.digest.not_in(select(_DECISIONS.c.digest)))

_ENDED = tuple(status.value for status in CLOSED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of history: its table, which rows are beyond the horizon, and by what they age."""

    name: str
    table: Table
    outdated: ColumnElement[bool]
    age: ColumnElement[object]


def _kinds(horizon: Horizon) -> tuple[_Kind, ...]:
    told_at = func.coalesce(_NOTIFICATIONS.c.sent_at, _NOTIFICATIONS.c.retry_at, _NOTIFICATIONS.c.not_before)
    return (
        _Kind(
            name="decisions",
            table=_DECISIONS,
            outdated=_DECISIONS.c.superseded_at < horizon.records,
            age=_DECISIONS.c.superseded_at,
        ),
        _Kind(
            name="outlooks",
            table=_OUTLOOKS,
            outdated=_OUTLOOKS.c.ended_at < horizon.records,
            age=_OUTLOOKS.c.ended_at,
        ),
        _Kind(
            name="answers",
            table=_ANSWERS,
            outdated=and_(~_ANSWERS.c.in_force, _ANSWERS.c.answered_at < horizon.records),
            age=_ANSWERS.c.answered_at,
        ),
        _Kind(
            name="alerts",
            table=_ALERTS,
            outdated=and_(
                _ALERTS.c.state == AlertState.RESOLVED.value, _ALERTS.c.changed_at < horizon.records
            ),
            age=_ALERTS.c.changed_at,
        ),
        _Kind(
            name="notifications",
            table=_NOTIFICATIONS,
            outdated=and_(~_NOTIFICATIONS.c.pending, told_at < horizon.records),
            age=told_at,
        ),
        _Kind(name="orders", table=_ORDERS, outdated=_ended_before(horizon), age=_ORDERS.c.updated_at),
    )


def _ended_before(horizon: Horizon) -> ColumnElement[bool]:
    """Find orders of which nothing is left, and by no date of which any rate or measure still counts them."""
    column = _ORDERS.c
    dates = (column.ship_by_at, column.shipped_at, column.units_kept_until)
    return and_(
        column.status.in_(_ENDED),
        column.created_at < horizon.orders,
        column.updated_at < horizon.orders,
        *(or_(date.is_(None), date < horizon.orders) for date in dates),
    )


class SqlHistoryBook:
    """The past in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, horizon: Horizon) -> Mapping[str, int]:
        return {
            kind.name: self._connection.execute(
                select(func.count()).select_from(kind.table).where(kind.outdated)
            ).scalar_one()
            for kind in _kinds(horizon)
        }

    def drop(self, horizon: Horizon, *, limit: int) -> Mapping[str, int]:
        gone = {}
        for kind in _kinds(horizon):
            keys = list(kind.table.primary_key)
            oldest = select(*keys).where(kind.outdated).order_by(kind.age, *keys).limit(limit)
            # An order takes its lines and parcels with it.
            gone[kind.name] = self._connection.execute(
                delete(kind.table).where(tuple_(*keys).in_(oldest))
            ).rowcount
        if 0 < gone["decisions"] < limit:
            self._connection.execute(_FORGET_VERDICTS)
        return gone
