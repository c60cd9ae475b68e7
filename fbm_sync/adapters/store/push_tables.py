"""The tables of what is on its way to Amazon: who writes to which SKU, and the feeds handed in."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow


class PushClaimRow(StoreRow, table=True):
    """The one writer of a SKU: a run until its time runs out, or a feed (`feed_number`) until it is over."""

    __tablename__ = "push_claims"
    __table_args__ = (Index(None, "feed_number"),)
    account: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    holder: str
    held_until: datetime | None
    feed_number: int | None


class FeedRow(StoreRow, table=True):
    """One feed, recorded before it is handed in; `feed_id` is Amazon's name for it, once that is known."""

    __tablename__ = "feeds"
    __table_args__ = (
        Index(
            "ix_feeds_unfinished",
            "account",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index(None, "account", "finished_at"),
    )
    feed_number: int | None = Field(default=None, primary_key=True)
    account: str
    run_id: str
    begun_at: datetime
    feed_id: str | None
    submitted_at: datetime | None
    finished_at: datetime | None
    state: str
    changes: str
