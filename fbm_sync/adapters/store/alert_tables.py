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
    """The outbox: one transition for one channel; `pending` until it arrived or was given up."""

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "pending", "not_before"),)
    notification_id: int | None = Field(default=None, primary_key=True)
    channel: str
    pending: bool
    not_before: datetime
    retry_at: datetime | None
    attempts: int
    sent_at: datetime | None
    error: str | None
    transition: str
