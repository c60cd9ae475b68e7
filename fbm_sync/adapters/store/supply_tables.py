"""The tables of the seller's supply: counts, lots, past arrivals, catalogue, and the last reading."""

from datetime import date, datetime

from sqlalchemy import Index, text
from sqlmodel import Field

from fbm_sync.adapters.store.tables import MaybeUnits, StoreRow, Units


class StockCountRow(StoreRow, table=True):
    """One SKU's count, in the sequence of the seller's list."""

    __tablename__ = "stock_counts"
    __table_args__ = (Index(None, "sku"),)
    position: int = Field(primary_key=True)
    sku: str
    pool: str
    on_hand: Units
    damaged: Units
    quality_hold: Units
    reserved_elsewhere: Units
    counted_at: datetime
    rest: str | None


class LotRow(StoreRow, table=True):
    """One expected receipt, in the sequence of the seller's list."""

    __tablename__ = "lots"
    __table_args__ = (Index(None, "sku"),)
    position: int = Field(primary_key=True)
    po_id: str
    line: str
    sku: str
    pool: str
    quantity: Units
    received_units: Units
    supplier: str
    lane: str
    status: str
    ordered_on: date | None
    promised_on: date | None
    rest: str | None


class ReceiptRow(StoreRow, table=True):
    """One past arrival; `natural_key` tells whether a list read again says anything new."""

    __tablename__ = "receipts"
    __table_args__ = (Index(None, "received_on"),)
    natural_key: str = Field(primary_key=True)
    po_id: str
    delivery_id: str
    supplier: str
    lane: str
    sku: str | None
    quantity: Units
    ordered_on: date | None
    promised_on: date | None
    received_on: date
    rest: str | None


class CatalogRow(StoreRow, table=True):
    """What the seller says of a SKU, in the sequence of the seller's list."""

    __tablename__ = "catalog"
    __table_args__ = (
        Index(None, "sku"),
        Index("ix_catalog_locked", "sku", sqlite_where=text("locked = 1"), postgresql_where=text("locked")),
    )
    position: int = Field(primary_key=True)
    sku: str
    policy: str | None
    product_type: str | None
    category: str | None
    unit_cost_minor: MaybeUnits
    price_minor: MaybeUnits
    safety_stock: MaybeUnits
    max_listed: MaybeUnits
    handling_days: MaybeUnits
    supplier: str | None
    prime_template: bool
    release_on: date | None
    locked: bool
    rest: str | None


class SupplyReadingRow(StoreRow, table=True):
    """The last accepted snapshot in numbers, and the doubts about newer ones; there is one row.

    The digests tell which of the seller's lists have not changed and need not be written again, and
    `past_digest` whether there is anything new to learn from. `counted_by_pool` is JSON.
    """

    __tablename__ = "supply_readings"
    reading_id: int = Field(primary_key=True)
    read_at: datetime
    counted_at: datetime | None
    skus: int
    on_hand_units: Units
    stock_digest: str
    lots_digest: str
    catalog_digest: str
    past_digest: str
    counted_by_pool: str
    doubts: str
    doubted_at: datetime | None
