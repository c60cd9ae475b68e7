"""The tables of the daemon's own work."""

from datetime import datetime

from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class SuccessRow(StoreRow, table=True):
    """When a flow last did its whole work for an account."""

    __tablename__ = "successes"
    flow: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    run_id: str
    succeeded_at: datetime


class PauseRow(StoreRow, table=True):
    """The kill switch: nothing is raised while its one row is there."""

    __tablename__ = "pause"
    pause_id: int = Field(primary_key=True)
    reason: str
    since: datetime


class BudgetRow(StoreRow, table=True):
    """What an account has left of one of Amazon's request limits."""

    __tablename__ = "request_budgets"
    account: str = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    tokens: float
    at: datetime
    named_rate: float | None
