"""The tables of Amazon's word on the account: its daily reports, and the last status it announced."""

from datetime import date, datetime

from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class PerformanceRow(StoreRow, table=True):
    """What Amazon reported on one day (UTC) of one marketplace; `body` is all of it. Amazon keeps none."""

    __tablename__ = "performance_reports"
    account: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    marketplace: str = Field(primary_key=True)
    position: int
    read_at: datetime
    body: str


class AccountStatusRow(StoreRow, table=True):
    """The status that Amazon last announced of an account, in Amazon's own words."""

    __tablename__ = "account_statuses"
    account: str = Field(primary_key=True)
    status: str
    former: str | None
    told_at: datetime
