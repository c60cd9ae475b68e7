"""What is recorded of alerts, and of what is found by those who look rarely."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from fbm_sync.adapters.store.alert_tables import AlertRow, NotedFindingsRow
from fbm_sync.adapters.store.outbox import SqlOutbox
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import one_of, upsert
from fbm_sync.domain.alert import Alert, AlertState, Finding
from fbm_sync.ports import Outbox

_NOTED = table_of(NotedFindingsRow)
_ALERTS = table_of(AlertRow)
_FINDINGS = TypeAdapter(tuple[Finding, ...])
_ALERT = TypeAdapter(Alert)


class SqlAlertBook:
    """Alerts in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def outbox(self) -> Outbox:
        """Notifications on their way."""
        return SqlOutbox(self._connection)

    def alerts(self, *, open_only: bool = True) -> tuple[Alert, ...]:
        statement = select(_ALERTS.c.body).order_by(_ALERTS.c.changed_at.desc(), _ALERTS.c.key)
        if open_only:
            statement = statement.where(_ALERTS.c.state == AlertState.OPEN.value)
        return tuple(from_json(_ALERT, body) for body in self._connection.execute(statement).scalars())

    def named(self, keys: Collection[str]) -> Mapping[str, Alert]:
        statement = select(_ALERTS.c.body).where(one_of(_ALERTS.c.key, sorted(keys)))
        found = (from_json(_ALERT, body) for body in self._connection.execute(statement).scalars())
        return {alert.key: alert for alert in found}

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
        found = self._open_under(key)
        fresh = [one for one in found if one.acknowledged_at is None]
        self.record([dataclasses.replace(one, acknowledged_at=now) for one in fresh])
        return bool(found)

    def snooze(self, key: str, until: datetime, now: datetime) -> bool:
        found = self._open_under(key)
        self.record([dataclasses.replace(one, snoozed_at=now, snoozed_until=until) for one in found])
        return bool(found)

    def _open_under(self, key: str) -> list[Alert]:
        return [one for one in self.alerts() if key and key in (one.key, one.finding.bundle)]

    def note(self, source: str, findings: Sequence[Finding], now: datetime) -> None:
        row = {"source": source, "noted_at": now, "body": to_json(_FINDINGS, tuple(findings))}
        upsert(self._connection, _NOTED, [row])

    def noted(self) -> tuple[Finding, ...]:
        bodies = self._connection.execute(select(_NOTED.c.body).order_by(_NOTED.c.source)).scalars()
        return tuple(finding for body in bodies for finding in from_json(_FINDINGS, body))

    def noted_at(self, source: str) -> datetime | None:
        statement = select(_NOTED.c.noted_at).where(_NOTED.c.source == source)
        return self._connection.execute(statement).scalar_one_or_none()
