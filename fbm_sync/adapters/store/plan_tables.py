"""The tables by which a plan knows what has changed since the last one."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class ChangedSkuRow(StoreRow, table=True):
    """Something of this SKU has changed; a row is gone once a plan has taken it into account.

    `change` numbers what was recorded together, later changes higher.
    """

    __tablename__ = "changed_skus"
    __table_args__ = (Index(None, "change"),)
    sku: str = Field(primary_key=True)
    change: int


class PlanBasisRow(StoreRow, table=True):
    """What the last plan rested on: the shop as a whole (no account), and each account, as digests."""

    __tablename__ = "plan_bases"
    account: str = Field(primary_key=True)
    planned_at: datetime
    digest: str
