"""The tables of findings that are looked for rarely, of alerts, and of the notifications on their way."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class NotedFindingsRow(StoreRow, table=True):
    """What one source found when it last looked; `body` is JSON, a list of findings."""

    __tablename__ = "noted_findings"
    source: str = Field(primary_key=True)
    noted_at: datetime
    body: str


class AlertRow(StoreRow, table=True):
    """One alert by its key; `body` is the whole alert."""

    __tablename__ = "alerts"
    __table_args__ = (Index(None, "state", "changed_at"),)
    key: str = Field(primary_key=True)
    account: str
    kind: str
    subject: str
    severity: str
    state: str
    opened_at: datetime
    changed_at: datetime
    body: str


class NotificationRow(StoreRow, table=True):
    """The outbox: one transition for one channel; `pending` until it arrived or was given up.

    `alert_key` and `opened_at` name the alert's life. Nobody else sends it before `claimed_until`. It was
    `left_off` when a sender never came back to mark it: it may have arrived, whatever came of it later.
    `untold` says why it was never sent, `error` what went wrong when it was.
    """

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "pending", "not_before"), Index(None, "alert_key"))
    notification_id: int | None = Field(default=None, primary_key=True)
    channel: str
    pending: bool
    not_before: datetime
    attempts: int
    sent_at: datetime | None
    error: str | None
    transition: str
    purpose: str
    alert_key: str
    opened_at: datetime
    claimed_until: datetime | None
    left_off: bool
    untold: str | None


class ChannelRow(StoreRow, table=True):
    """How one channel to people does; without a row it works."""

    __tablename__ = "alert_channels"
    channel: str = Field(primary_key=True)
    failing_since: datetime | None
    failures: int
    retry_at: datetime | None
    refused_at: datetime | None
    error: str
