"""Amazon's flat files: tab-separated tables with one heading line, and what their rows mean.

Here: pure translations of text. Amazon writes these tables without any quoting: a quotation mark stands for
itself (a title may be `6" plate`), so the csv module has nothing to do here, and cells are what stands
between tabs. Columns are found by their headings, whatever their order, and only those named here are ever
looked at: a report of orders also holds addresses. Not here: how a report is come by (`reports`).
"""

import dataclasses
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from fbm_sync.adapters.spapi.reading import (
    MOST_UNITS,
    NotUnderstood,
    required_instant,
    required_text,
    text,
)
from fbm_sync.domain.listing import ReportedListing
from fbm_sync.domain.order import Fulfiller, OrderId, ReportedOrderLine, Sku
from fbm_sync.ports import ListingReport, OrderReport, Unreadable

Value = TypeVar("Value")
Cells = Mapping[str, str]

_FULFILLERS = {"merchant": Fulfiller.MERCHANT, "amazon": Fulfiller.AMAZON}


def read_listings(content: str, account: str, marketplace: str) -> ListingReport:
    """Return the listings of a report on one marketplace, and the rows that make no sense.

    Serves both the report on all listings and the one on open listings, which says less. Raises
    `NotUnderstood` for a table without the columns it is there for.
    """

    def build(cells: Cells) -> ReportedListing:
        return ReportedListing(
            account=account,
            sku=Sku(required_text(cells, "sku")),
            marketplace=marketplace,
            quantity=_units(cells, "quantity"),
            status=text(cells, "status"),
            channel=text(cells, "fulfillment-channel"),
        )

    table = _Table(
        columns={"sku": ("seller-sku", "sku"), "quantity": ("quantity",)},
        extras=("status", "fulfillment-channel"),
        subject="sku",
        build=build,
    )
    listings, unreadable = table.read(content)
    return ListingReport(listings=listings, unreadable=unreadable)


def read_order_lines(content: str, account: str) -> OrderReport:
    """Return the lines of a report on orders, and the rows that make no sense.

    Raises `NotUnderstood` for a table without the columns it is there for.
    """

    def build(cells: Cells) -> ReportedOrderLine:
        return ReportedOrderLine(
            account=account,
            order_id=OrderId(required_text(cells, "amazon-order-id")),
            sku=Sku(required_text(cells, "sku")),
            created_at=required_instant(cells, "purchase-date"),
            updated_at=required_instant(cells, "last-updated-date"),
            status_text=required_text(cells, "order-status"),
            item_status_text=text(cells, "item-status"),
            units=_units(cells, "quantity"),
            fulfilled_by=_FULFILLERS.get(cells.get("fulfillment-channel", "").lower(), Fulfiller.UNKNOWN),
            sales_channel=text(cells, "sales-channel"),
        )

    table = _Table(
        columns={
            name: (name,)
            for name in ("amazon-order-id", "purchase-date", "last-updated-date", "order-status", "quantity")
        }
        | {"sku": ("sku", "seller-sku")},
        extras=("fulfillment-channel", "sales-channel", "item-status"),
        subject="amazon-order-id",
        build=build,
    )
    lines, unreadable = table.read(content)
    return OrderReport(lines=lines, unreadable=unreadable)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Table(Generic[Value]):
    """One kind of flat file: the columns it must have, each by the headings it may go by; what a row becomes.

    `extras` are columns that need not be there. A row without sense is named by its `subject`, or its line.
    """

    columns: Mapping[str, Sequence[str]]
    extras: Sequence[str]
    subject: str
    build: Callable[[Cells], Value]

    def read(self, content: str) -> tuple[tuple[Value, ...], tuple[Unreadable, ...]]:
        rows = _rows(content)
        _, headings = next(rows, (0, []))
        places = self._places([_heading(cell) for cell in headings])
        values: list[Value] = []
        unreadable: list[Unreadable] = []
        for line, row in rows:
            cells: Cells = {}
            try:
                cells = _cells(row, places, width=len(headings))
                values.append(self.build(cells))
            except NotUnderstood as error:
                subject = text(cells, self.subject) or f"line {line}"
                unreadable.append(Unreadable(subject=subject, reason=str(error)))
        return tuple(values), tuple(unreadable)

    def _places(self, headings: list[str]) -> Mapping[str, int]:
        """Return where each column stands."""
        names = dict(self.columns) | {name: (name,) for name in self.extras}
        found = {
            name: headings.index(alias)
            for name, aliases in names.items()
            if (alias := next((one for one in aliases if one in headings), None)) is not None
        }
        missing = [" or ".join(self.columns[name]) for name in self.columns if name not in found]
        if missing:
            raise NotUnderstood(f"the table has no column {', no column '.join(missing)}")
        twice = sorted({headings[place] for place in found.values() if headings.count(headings[place]) > 1})
        if twice:
            raise NotUnderstood(f"the table has more than one column {', '.join(twice)}")
        return found


def _rows(content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with its line."""
    for number, line in enumerate(io.StringIO(content, newline="\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r\n").split("\t")


def _heading(cell: str) -> str:
    return cell.strip().lower().replace(" ", "-").replace("_", "-")


def _cells(row: list[str], places: Mapping[str, int], *, width: int) -> Cells:
    """Return a row's cells by column.

    A row that is too short or too long was broken by something within a cell, and what stands where in it
    is a guess; empty cells at its end are harmless.
    """
    if len(row) < width or any(cell.strip() for cell in row[width:]):
        raise NotUnderstood(f"{len(row)} cells where the headings are {width}")
    return {name: row[place].strip() for name, place in places.items()}


def _units(cells: Cells, name: str) -> int | None:
    """Return a count of units; `None` where the cell is empty, and `NotUnderstood` where it is absurd."""
    cell = cells[name]
    if not cell:
        return None
    if not (cell.isascii() and cell.isdigit()) or len(cell) > len(str(MOST_UNITS)) or int(cell) > MOST_UNITS:
        raise NotUnderstood(f"{name} is not a usable whole number")
    return int(cell)
