"""The tables of orders: the orders, how far they were read, what is expected of them."""

from datetime import date, datetime

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field

from fbm_sync.adapters.store.tables import MaybeUnits, StoreRow, Units


class OrderRow(StoreRow, table=True):
    """One order, and what is looked up of it: when its last parcel left, whether it is open, whose fault.

    `seller_fault` marks a cancellation that Amazon counts against the seller.
    """

    __tablename__ = "orders"
    __table_args__ = (
        Index(None, "order_id"),
        Index(None, "status"),
        Index(None, "created_at"),
        Index(None, "ship_by_at"),
        Index(None, "shipped_at"),
        Index(None, "units_kept_until"),
        Index(None, "account", "first_read_at"),
        # All that rates are counted from, so that counting reads the index alone.
        Index("ix_orders_created", "account", "created_at", "fulfilled_by", "status", "seller_fault"),
        Index("ix_orders_due", "account", "ship_by_at", "fulfilled_by", "status", "is_open", "shipped_at"),
    )
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    status: str
    status_text: str
    marketplace: str | None
    fulfilled_by: str
    service_level: str | None
    created_at: datetime
    updated_at: datetime
    ship_by_at: datetime | None
    deliver_by_at: datetime | None
    shipped_at: datetime | None
    units_kept_until: datetime | None
    first_read_at: datetime | None
    is_open: bool
    seller_fault: bool
    rest: str | None


class OrderItemRow(StoreRow, table=True):
    """One line of an order, in the order's own sequence."""

    __tablename__ = "order_items"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account", "order_id"], ["orders.account", "orders.order_id"], ondelete="CASCADE"
        ),
        Index(None, "sku"),
    )
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    order_item_id: str
    sku: str
    ordered_units: Units
    shipped_units: Units
    unfulfilled_units: MaybeUnits
    unit_price_minor: MaybeUnits
    currency: str | None
    cancel_requested: bool
    cancelled_by: str | None
    rest: str | None


class ShipmentRow(StoreRow, table=True):
    """Units of an order item that left."""

    __tablename__ = "shipments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account", "order_id"], ["orders.account", "orders.order_id"], ondelete="CASCADE"
        ),
        Index(None, "shipped_at"),
    )
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    shipment_id: str
    order_item_id: str
    sku: str
    units: Units
    shipped_at: datetime
    rest: str | None


class QuarantineRow(StoreRow, table=True):
    """Something unreadable that waits for another try."""

    __tablename__ = "quarantine"
    account: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime


class WatermarkRow(StoreRow, table=True):
    """The instant up to which an account's orders are known."""

    __tablename__ = "watermarks"
    account: str = Field(primary_key=True)
    known_up_to: datetime


class PageCursorRow(StoreRow, table=True):
    """Where an account's unfinished walk through a window stands."""

    __tablename__ = "page_cursors"
    account: str = Field(primary_key=True)
    since: datetime
    until: datetime | None
    token: str
    read_up_to: datetime | None
    saved_at: datetime


class OrderOutlookRow(StoreRow, table=True):
    """What is expected of an open order; `body` is the whole outlook.

    `waits_for` is the SKU whose supply decides when it can leave, where it waits for any.
    """

    __tablename__ = "order_outlooks"
    __table_args__ = (
        Index(None, "holds_until"),
        Index(None, "state", "is_short"),
        Index("ix_order_outlooks_risks", "account", "waits_for", "ship_by_at", "late_probability"),
    )
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    state: str
    ship_by_at: datetime | None
    late_probability: float | None
    waits_for: str | None
    is_short: bool
    holds_until: datetime | None
    body: str


class OutlookHistoryRow(StoreRow, table=True):
    """What was expected of an order from the moment it was first judged so until it was judged otherwise.

    A new row only when state, stage, promise or the lot to blame differ: `body` is the whole outlook as
    first judged. `ended_at` is empty while it still holds.
    """

    __tablename__ = "outlook_history"
    __table_args__ = (
        Index(
            "ix_outlook_history_in_force",
            "account",
            "order_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "order_id", "first_judged_at"),
    )
    outlook_id: int | None = Field(default=None, primary_key=True)
    account: str
    order_id: str
    state: str
    stage: str | None
    promise_on: date | None
    blamed_lot: str | None
    first_judged_at: datetime
    ended_at: datetime | None
    body: str
