"""What is recorded of alerts, and the outbox of notifications: recorded before sent, marked after."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, or_, select, update

from fbm_sync.adapters.store.alert_tables import AlertRow, NotificationRow
from fbm_sync.adapters.store.shapes import from_json, storable, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, upsert
from fbm_sync.domain.alert import Alert, AlertState, Notification, Transition

_ALERTS = table_of(AlertRow)
_NOTIFICATIONS = table_of(NotificationRow)
_ALERT = TypeAdapter(Alert)
_TRANSITION = TypeAdapter(Transition)


class SqlAlertBook:
    """Alerts in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def alerts(self, *, open_only: bool = True) -> tuple[Alert, ...]:
        statement = select(_ALERTS.c.body).order_by(_ALERTS.c.changed_at.desc(), _ALERTS.c.key)
        if open_only:
            statement = statement.where(_ALERTS.c.state == AlertState.OPEN.value)
        return tuple(from_json(_ALERT, body) for body in self._connection.execute(statement).scalars())

    def record(self, alerts: Sequence[Alert]) -> None:
        rows = [
            {
                "key": alert.key,
                "account": alert.finding.account,
                "kind": alert.finding.kind,
                "subject": alert.finding.subject,
                "severity": alert.finding.severity.value,
                "state": alert.state.value,
                "opened_at": alert.opened_at,
                "changed_at": alert.changed_at,
                "body": to_json(_ALERT, alert),
            }
            for alert in alerts
        ]
        upsert(self._connection, _ALERTS, rows)

    def acknowledge(self, key: str, now: datetime) -> bool:
        column = _ALERTS.c
        statement = select(column.body).where(column.key == key, column.state == AlertState.OPEN.value)
        body = self._connection.execute(statement).scalar_one_or_none()
        if body is None:
            return False
        alert = from_json(_ALERT, body)
        if alert.acknowledged_at is None:
            self.record([dataclasses.replace(alert, acknowledged_at=now)])
        return True

    def enqueue(self, transitions: Sequence[Transition], channels: Sequence[str]) -> None:
        rows = [
            {
                "channel": channel,
                "pending": True,
                "not_before": transition.not_before,
                "attempts": 0,
                "transition": to_json(_TRANSITION, transition),
            }
            for transition in transitions
            for channel in channels
        ]
        insert_all(self._connection, _NOTIFICATIONS, rows)

    def due(self, now: datetime, limit: int = 100) -> tuple[Notification, ...]:
        column = _NOTIFICATIONS.c
        statement = (
            select(column.notification_id, column.channel, column.transition, column.attempts)
            .where(column.pending, column.not_before <= now)
            .where(or_(column.retry_at.is_(None), column.retry_at <= now))
            .order_by(column.notification_id)
            .limit(limit)
        )
        return tuple(
            Notification(
                notification_id=row.notification_id,
                channel=row.channel,
                transition=from_json(_TRANSITION, row.transition),
                attempts=row.attempts,
            )
            for row in self._connection.execute(statement)
        )

    def mark_sent(self, notification_id: int, now: datetime) -> None:
        self._connection.execute(
            update(_NOTIFICATIONS)
            .where(_NOTIFICATIONS.c.notification_id == notification_id)
            .values(pending=False, sent_at=now, attempts=_NOTIFICATIONS.c.attempts + 1)
        )

    def mark_failed(self, notification_id: int, error: str, retry_at: datetime | None) -> None:
        self._connection.execute(
            update(_NOTIFICATIONS)
            .where(_NOTIFICATIONS.c.notification_id == notification_id)
            .values(
                pending=retry_at is not None,
                retry_at=retry_at,
                error=storable(error),
                attempts=_NOTIFICATIONS.c.attempts + 1,
            )
        )
