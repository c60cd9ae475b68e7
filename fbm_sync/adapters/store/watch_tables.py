"""The tables of what was so before, without which nobody could see that it has changed."""

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class LotDateRow(StoreRow, table=True):
    """The date of an open lot as first known and as it is now; `moved_at` is when it last moved later.

    `slipped_days` lie between the two, 0 where it is no later than first known.
    """

    __tablename__ = "lot_dates"
    __table_args__ = (Index(None, "slipped_days"), Index(None, "planned_on"))
    pool: str = Field(primary_key=True)
    po_id: str = Field(primary_key=True)
    line: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    supplier: str
    first_on: date
    planned_on: date
    slipped_days: int
    moved_at: datetime | None


class FormerTermsRow(StoreRow, table=True):
    """The handling time and restock date that a listing showed until they changed."""

    __tablename__ = "former_terms"
    __table_args__ = (Index(None, "last_seen_at"),)
    account: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    last_seen_at: datetime = Field(primary_key=True)
    first_seen_at: datetime
    handling_days: int | None
    restock_on: date | None


class DriftRow(StoreRow, table=True):
    """A listing that shows what we did not write; `body` tells both offers."""

    __tablename__ = "drifts"
    account: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    seen_at: datetime
    body: str


class PromiseAuditRow(StoreRow, table=True):
    """What an order's ship-by was held against; it goes with the order."""

    __tablename__ = "promise_audits"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account", "order_id"], ["orders.account", "orders.order_id"], ondelete="CASCADE"
        ),
        Index(None, "account", "created_at"),
    )
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    created_at: datetime
    sku: str
    handling_days: int | None
    due_on: date | None
    off_days: int | None
