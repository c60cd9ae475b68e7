"""How domain values become rows and come back, also while the domain is ahead of the tables."""

import dataclasses
import enum
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Column, Date, Integer, MetaData, String, Table, create_engine, select

from fbm_sync.adapters.store import order_book, supply_book
from fbm_sync.adapters.store.shapes import Shape


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    lane: str
    days: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    name: str
    colour: Colour = Colour.RED
    due_on: date | None = None
    legs: tuple[Leg, ...] = ()
    seen_at: datetime | None = None
    inner: str = ""


PARCELS = Table(
    "parcels",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", String),
    Column("colour", String),
    Column("due_on", Date),
    Column("rest", String),
)


def through_the_database(row):
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        PARCELS.create(connection)
        connection.execute(PARCELS.insert(), [row])
        found = connection.execute(select(PARCELS)).mappings().one()
    engine.dispose()
    return found


@pytest.mark.parametrize(
    "parcel",
    [
        Parcel(name="plain"),
        Parcel(name="dated", due_on=date(2026, 2, 28)),
        Parcel(
            name="ahead of its table",
            legs=(Leg(lane="ocean", days=30), Leg(lane="Straße")),
            seen_at=datetime(2026, 1, 1, 5, 30, 0, 7, tzinfo=UTC),
        ),
    ],
    ids=lambda parcel: parcel.name,
)
def test_fields_without_a_column_travel_along(parcel):
    shape = Shape(Parcel, PARCELS, without=("inner",))
    row = shape.row(parcel)
    assert type(row["colour"]) is str
    assert shape.value(through_the_database(row)) == parcel


def test_a_field_that_is_gone_from_the_domain_is_ignored():
    shape = Shape(Parcel, PARCELS, without=("inner",))
    row = shape.row(Parcel(name="old")) | {"rest": '{"weight": 3, "legs": [{"lane": "air"}]}'}
    assert shape.value(through_the_database(row)) == Parcel(name="old", legs=(Leg(lane="air"),))


def test_a_part_with_a_table_of_its_own_comes_from_there():
    shape = Shape(Parcel, PARCELS, without=("inner",))
    row = through_the_database(shape.row(Parcel(name="x", inner="elsewhere")))
    assert shape.value(row, inner="elsewhere") == Parcel(name="x", inner="elsewhere")


@pytest.mark.parametrize(
    ("shape", "without_column"),
    [
        (order_book._ORDER, {"programs"}),
        (order_book._ITEM, set()),
        (order_book._SHIPMENT, set()),
        (supply_book._STOCK, set()),
        (supply_book._LOT, {"legs"}),
        (supply_book._RECEIPT, set()),
        (supply_book._CATALOG, set()),
    ],
)
def test_every_field_of_the_domain_has_a_column_unless_meant_otherwise(shape, without_column):
    assert set(shape._rest) == without_column
