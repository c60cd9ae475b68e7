"""The tables of offers: seen, decided, pushed, held, dropped."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from fbm_sync.adapters.store.tables import StoreRow, Units


class ObservedOfferRow(StoreRow, table=True):
    """What Amazon last showed for a SKU; `body` is the whole observation.

    `terms_since` is when it was first seen to show its present handling time and restock date. `quantity` is
    what it shows by now: `ordered_units` fewer than when it was seen. `gone_units` left it, in the time from
    `gone_since` to `gone_by`, and no order told of them.
    """

    __tablename__ = "observed_offers"
    account: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    quantity: Units
    observed_at: datetime
    terms_since: datetime
    ordered_units: Units
    gone_units: Units
    gone_since: datetime | None
    gone_by: datetime | None
    body: str


class VerdictRow(StoreRow, table=True):
    """What was decided and why; many SKUs of a large shop share one verdict, which is stored once."""

    __tablename__ = "verdicts"
    digest: str = Field(primary_key=True)
    body: str


class OfferDecisionRow(StoreRow, table=True):
    """One decision from the moment it was first taken until another one superseded it.

    `digest` names the verdict; `evidence` are the times of its facts, in their sequence. `renewed_at`,
    `renewed_run_id` and `renewed_evidence` tell when it was last found to be right still, on newer facts.
    The few that ask for a change, leave the listing alone or share the account's late budget are
    `is_notable`: found by an index of their own, and so are those whose verdict `has_worries`.
    """

    __tablename__ = "offer_decisions"
    __table_args__ = (
        Index(
            "ix_offer_decisions_in_force",
            "account",
            "sku",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
        Index(None, "sku", "first_decided_at"),
        Index(
            "ix_offer_decisions_notable",
            "is_notable",
            "account",
            "sku",
            "asks_for_change",
            "leaves_alone",
            "shares_budget",
            sqlite_where=text("superseded_at IS NULL AND is_notable = 1"),  # as SQLAlchemy asks for it
            postgresql_where=text("superseded_at IS NULL AND is_notable"),
        ),
        Index(
            "ix_offer_decisions_worrying",
            "account",
            "sku",
            sqlite_where=text("superseded_at IS NULL AND has_worries = 1"),
            postgresql_where=text("superseded_at IS NULL AND has_worries"),
        ),
    )
    decision_id: int | None = Field(default=None, primary_key=True)
    account: str
    sku: str
    mode: str
    first_decided_at: datetime
    run_id: str
    evidence: str
    renewed_at: datetime
    renewed_run_id: str
    renewed_evidence: str
    superseded_at: datetime | None
    digest: str
    is_notable: bool
    asks_for_change: bool
    leaves_alone: bool
    shares_budget: bool
    has_worries: bool


class PushReceiptRow(StoreRow, table=True):
    """One of Amazon's answers to a change; `in_force` marks the newest of each SKU."""

    __tablename__ = "push_receipts"
    __table_args__ = (
        Index(
            "ix_push_receipts_in_force",
            "account",
            "sku",
            unique=True,
            sqlite_where=text("in_force"),
            postgresql_where=text("in_force"),
        ),
        Index(None, "account", "outcome", "answered_at"),
        Index(None, "account", "sku", "answered_at"),
    )
    receipt_id: int | None = Field(default=None, primary_key=True)
    account: str
    sku: str
    outcome: str
    answered_at: datetime
    submission_id: str | None
    run_id: str
    in_force: bool
    body: str


class HoldRow(StoreRow, table=True):
    """Raises held back for a person; a hold that ended is deleted."""

    __tablename__ = "holds"
    __table_args__ = (Index(None, "account"),)
    hold_id: str = Field(primary_key=True)
    account: str
    held_at: datetime
    released_at: datetime | None
    reasons: str
    changes: str


class DroppedChangeRow(StoreRow, table=True):
    """A change of a SKU that a person said no to; gone as soon as something else is decided for the SKU."""

    __tablename__ = "dropped_changes"
    account: str = Field(primary_key=True)
    sku: str = Field(primary_key=True)
    hold_id: str
    dropped_at: datetime
    offer: str
