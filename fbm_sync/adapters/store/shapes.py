"""How a domain value becomes a row or a JSON text, and comes back equal.

A field with a column of its own name is stored there; every other field travels as JSON in `rest`, so
that a value which gains a field loses nothing before its table gains the column.
"""

import dataclasses
import enum
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from sqlalchemy import Row, RowMapping, Table

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
D = TypeVar("D", bound="DataclassInstance")


def storable(text: str) -> str:
    """Return a text that every database takes: what no database stores is shown as a question mark.

    For words of others (reasons, error messages) only: names such as SKUs are never altered.
    """
    return text.replace("\x00", "?").encode(errors="replace").decode()


def to_json(adapter: TypeAdapter[T], value: T) -> str:
    """Return a value as JSON text."""
    try:
        return adapter.dump_json(value).decode()
    except PydanticSerializationError:
        # Amazon's words may hold half a character (a lone surrogate), which no database can store. One
        # such title must not stop the shop.
        return storable(json.dumps(adapter.dump_python(value, mode="json"), ensure_ascii=False))


def from_json(adapter: TypeAdapter[T], text: str) -> T:
    """Return the value that a JSON text was made from."""
    return adapter.validate_json(text)


class Shape(Generic[D]):
    """The way between one kind of domain value and the columns of its table.

    `without` names the fields that have a table of their own.
    """

    def __init__(self, kind: type[D], table: Table, *, without: Collection[str] = ()) -> None:
        hints = get_type_hints(kind)
        fields = [field for field in dataclasses.fields(kind) if field.name not in without]
        self.table = table
        self._kind = kind
        self._columns = tuple(field.name for field in fields if field.name in table.columns)
        self._enums = {name: hint for name in self._columns if _is_enum(hint := hints[name])}
        self._rest = {
            field.name: (TypeAdapter[Any](hints[field.name]), field.default)
            for field in fields
            if field.name not in table.columns
        }

    def row(self, value: D) -> dict[str, Any]:
        """Return the columns of a value."""
        row = {name: getattr(value, name) for name in self._columns}
        for name in self._enums:
            row[name] = row[name].value
        row["rest"] = self._rest_of(value)
        return row

    def value(self, row: Mapping[str, Any] | RowMapping, **elsewhere: Any) -> D:
        """Return the value of a row; `elsewhere` are the fields with a table of their own."""
        fields = {name: row[name] for name in self._columns}
        for name, kind in self._enums.items():
            fields[name] = kind(fields[name])
        if row["rest"] is not None:
            # A field that is gone from the domain may still be in an old row.
            rest = {name: part for name, part in json.loads(row["rest"]).items() if name in self._rest}
            fields |= {name: self._rest[name][0].validate_python(part) for name, part in rest.items()}
        return self._kind(**fields, **elsewhere)

    def values(self, rows: Iterable[Row[Any]]) -> Iterator[D]:
        """Yield the values of rows with all columns of the table, in its sequence."""
        names = [column.name for column in self.table.c]
        wanted = itemgetter(*(names.index(name) for name in self._columns))
        rest = names.index("rest")
        for row in rows:
            if row[rest] is None and not self._enums:
                yield self._kind(**dict(zip(self._columns, wanted(row), strict=True)))
            else:
                yield self.value(dict(zip(names, row, strict=True)))

    def _rest_of(self, value: D) -> str | None:
        rest = {
            name: adapter.dump_python(getattr(value, name), mode="json")
            for name, (adapter, default) in self._rest.items()
            if getattr(value, name) != default
        }
        return json.dumps(rest) if rest else None


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)
