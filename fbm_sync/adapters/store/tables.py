"""What all tables have in common; the tables themselves stand in one file for each subject.

Moments are aware UTC instants, money is in minor units, counts are units. Columns are what is looked up
and what a person would want to see; the rest of a value travels as JSON in `rest` or `body`. No table
holds a word about buyers, and rows never leave this folder.
"""

from typing import Annotated, cast

from sqlalchemy import BigInteger, MetaData, Table
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

# Names for every constraint, so that a later migration can drop what it did not create.
_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

# 64 bits everywhere: PostgreSQL's plain integer ends at two thousand million, a seller's file may not.
Units = Annotated[int, Field(sa_type=BigInteger)]
MaybeUnits = Annotated[int | None, Field(sa_type=BigInteger)]


class StoreRow(SQLModel, registry=registry(metadata=MetaData(naming_convention=_NAMES))):
    """A row of the store, in a catalogue of tables of its own."""


def table_of(kind: type[StoreRow]) -> Table:
    """Return the table behind a row class: bulk statements are written against it."""
    return cast("Table", kind.__table__)  # type: ignore[attr-defined]
