"""The tables of catch-ups: how far each has come, where its walks stand, what is read one by one."""

from datetime import datetime

from sqlmodel import Field

from fbm_sync.adapters.store.tables import MaybeUnits, StoreRow, Units


class CatchUpRow(StoreRow, table=True):
    """How far an account's catch-up has come."""

    __tablename__ = "catch_ups"
    account: str = Field(primary_key=True)
    begun_at: datetime
    since: datetime
    until: datetime
    fresh_up_to: datetime
    joins: bool
    slice_seconds: Units
    moved_at: datetime
    open_read: bool
    reported: bool
    left_orders: MaybeUnits


class CatchUpCursorRow(StoreRow, table=True):
    """Where one walk of a catch-up stands."""

    __tablename__ = "catch_up_cursors"
    account: str = Field(primary_key=True)
    walk: str = Field(primary_key=True)
    since: datetime
    until: datetime | None
    only_open: bool
    token: str
    read_up_to: datetime | None
    saved_at: datetime


class WantedOrderRow(StoreRow, table=True):
    """An order that is to be read by itself."""

    __tablename__ = "wanted_orders"
    account: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
