"""What is recorded of alerts, and the outbox of notifications: recorded before sent, marked after."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, or_, select, update

from fbm_sync.adapters.store.alert_tables import AlertRow, NotedFindingsRow, NotificationRow
from fbm_sync.adapters.store.shapes import from_json, storable, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import insert_all, upsert
from fbm_sync.domain.alert import Alert, AlertState, Finding, Notification, Transition

_NOTED = table_of(NotedFindingsRow)
_ALERTS = table_of(AlertRow)
_NOTIFICATIONS = table_of(NotificationRow)
_FINDINGS = TypeAdapter(tuple[Finding, ...])
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

    def note(self, source: str, findings: Sequence[Finding], now: datetime) -> None:
        row = {"source": source, "noted_at": now, "body": to_json(_FINDINGS, tuple(findings))}
        upsert(self._connection, _NOTED, [row])

    def noted(self) -> tuple[Finding, ...]:
        bodies = self._connection.execute(select(_NOTED.c.body).order_by(_NOTED.c.source)).scalars()
        return tuple(finding for body in bodies for finding in from_json(_FINDINGS, body))

    def noted_at(self, source: str) -> datetime | None:
        statement = select(_NOTED.c.noted_at).where(_NOTED.c.source == source)
        return self._connection.execute(statement).scalar_one_or_none()

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
