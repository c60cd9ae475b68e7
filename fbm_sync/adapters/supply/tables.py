"""One CSV file with a header row becomes values, or a list of what is wrong with it and where."""

import csv
import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")
Row = tuple[int, list[str]]

MOST_PROBLEMS_SHOWN = 200
"""Problems told of one file: a column in the wrong notation is wrong a hundred thousand times."""

_LONGEST_CELL_SHOWN = 60
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SAVE_AS = 'save it as "CSV UTF-8"'
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_CSV_FAULTS = {
    "unexpected end of data": "a quotation mark opens here and never closes",
    "',' expected after '\"'": "text follows a closing quotation mark; double the marks inside quoted text",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its heading, what a cell of it means, and the name of that value where it differs."""

    heading: str
    parse: Callable[[str], object]
    required: bool = False
    field: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[Value]):
    """One kind of file: its columns, what a row becomes, and the fields that make a row unique."""

    file: str
    columns: tuple[Column, ...]
    build: Callable[..., Value]
    identity: tuple[str, ...] = ()


class _Unusable(Exception):
    """The file as a whole cannot be read; the message begins with the place."""


def values_of(table: Table[Value], content: bytes) -> tuple[tuple[Value, ...], list[str]]:
    """Return the values of a file and its problems; the values are complete only without problems."""
    reading = _Reading(table)
    try:
        rows = _rows(table.file, _decoded(table.file, content))
        reading.take_header(next(rows, None))
        for line, row in rows:
            reading.take(line, row)
    except _Unusable as fault:
        reading.problems.append(str(fault))
    return tuple(reading.values), _shortened(table.file, reading.problems)


def _decoded(file: str, content: bytes) -> str:
    """Return the text of a file; the usual ways in which spreadsheets spoil it are named."""
    if content.startswith(_UTF16_MARKS):
        raise _Unusable(f"{file} line 1: saved as UTF-16 (Unicode text); {_SAVE_AS}")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise _Unusable(f"{file} line {line}: holds a NUL byte: not a text file, or damaged; export it again")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        raise _Unusable(f"{file} line {line}: not UTF-8 text (byte 0x{byte:02X}); {_SAVE_AS}") from None


def _rows(file: str, text: str) -> Iterator[Row]:
    """Yield each row that is not blank with the line it begins on; a quoted cell may span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    first_line = 1
    try:
        for row in reader:
            if any(cell and not cell.isspace() for cell in row):
                yield first_line, row
            first_line = reader.line_num + 1
    except csv.Error as error:
        reason = _CSV_FAULTS.get(str(error), str(error))
        raise _Unusable(f"{file} line {first_line}: {reason}") from None


class _Reading(Generic[Value]):
    """One file being read: the columns it has, the values so far, the problems so far."""

    def __init__(self, table: Table[Value]) -> None:
        self.values: list[Value] = []
        self.problems: list[str] = []
        self._table = table
        self._width = 0
        self._columns: list[tuple[int, Column, str]] = []
        self._first_lines: dict[tuple[Any, ...], int] = {}

    def take_header(self, header: Row | None) -> None:
        """Find the columns by their headings, in any order; unknown ones are left alone."""
        file, columns = self._table.file, self._table.columns
        if header is None:
            raise _Unusable(
                f"{file} line 1: empty; the first line must name the columns: {_headings(columns)}"
            )
        line, row = header
        headings = [cell.strip().lower() for cell in row]
        _refuse_other_separator(file, line, headings)
        missing = [column for column in columns if column.required and column.heading not in headings]
        if missing:
            raise _Unusable(
                f"{file} line {line}: no column {', '.join(column.heading for column in missing)}; "
                f"required are {_headings(columns)}"
            )
        twice = [column.heading for column in columns if headings.count(column.heading) > 1]
        if twice:
            raise _Unusable(f"{file} line {line}: more than one column {', '.join(twice)}")
        self._width = len(row)
        self._columns = [
            (headings.index(column.heading), column, column.field or column.heading)
            for column in columns
            if column.heading in headings
        ]

    def take(self, line: int, row: Sequence[str]) -> None:
        """Turn one row into a value, or into problems."""
        if len(row) != self._width and not self._is_padded(row):
            # A short row is a file cut off in the middle; a long one has a comma too many, and every
            # cell after it would be taken for another column's.
            place, cells = f"{self._table.file} line {line}", _counted(len(row), "cell")
            self.problems.append(
                f"{place}: {cells} where the header has {self._width}; put a cell with a comma inside in "
                '"quotation marks"'
            )
            return
        found: dict[str, object] = {}
        sound = True
        for position, column, field in self._columns:
            cell = row[position].strip()
            try:
                if cell:
                    found[field] = column.parse(cell)
                elif column.required:
                    raise ValueError("is empty")
            except ValueError as fault:
                sound = False
                self._complain(line, column.heading, cell, str(fault))
        if sound:
            self._keep(line, found)

    def _is_padded(self, row: Sequence[str]) -> bool:
        """Tell whether a row is only longer than the header by empty cells, as spreadsheets write them."""
        return len(row) > self._width and not any(cell.strip() for cell in row[self._width :])

    def _keep(self, line: int, found: Mapping[str, object]) -> None:
        """Keep a sound row unless the same thing stood on an earlier line."""
        identity = self._table.identity
        if identity:
            key = tuple(found.get(field, "") for field in identity)
            first = self._first_lines.setdefault(key, line)
            if first != line:
                what = ", ".join(f"{field} {found[field]!r}" for field in identity if field in found)
                self.problems.append(
                    f"{self._table.file} line {line}, column {identity[0]}: {what} is on line {first} already"
                )
                return
        self.values.append(self._table.build(**found))

    def _complain(self, line: int, heading: str, cell: str, reason: str) -> None:
        shown = cell if len(cell) <= _LONGEST_CELL_SHOWN else f"{cell[:_LONGEST_CELL_SHOWN]}…"
        what = f"{shown!r} {reason}" if cell else reason
        self.problems.append(f"{self._table.file} line {line}, column {heading}: {what}")


def _refuse_other_separator(file: str, line: int, headings: Sequence[str]) -> None:
    """Name the commonest fault of all: a spreadsheet that separates columns by something else."""
    if len(headings) > 1:
        return
    for mark, name in _OTHER_SEPARATORS.items():
        if mark in headings[0] or headings[0] == f"sep={mark}":
            raise _Unusable(f"{file} line {line}: the columns are separated by {name}; save it with commas")


def _headings(columns: Sequence[Column]) -> str:
    return ", ".join(column.heading for column in columns if column.required)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shortened(file: str, problems: list[str]) -> list[str]:
    surplus = len(problems) - MOST_PROBLEMS_SHOWN
    if surplus <= 0:
        return problems
    return [*problems[:MOST_PROBLEMS_SHOWN], f"{file}: and {_counted(surplus, 'more problem')}"]
