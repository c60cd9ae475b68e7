"""Stock, inbound, receipts and catalogue from CSV files in a folder: all of them sound, or none is read.

Units are pieces, money is in hundredths, moments are UTC. Columns this program does not know are left
alone.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fbm_sync.adapters.supply import cells
from fbm_sync.adapters.supply.tables import Column, Table, Value, values_of
from fbm_sync.domain.supply import CatalogEntry, Lot, Receipt, StockCount, SupplySnapshot
from fbm_sync.errors import ConfigError

_NEXT_STEP = "Correct the files and run again; until then the last good records stay in force."
_STOCK_FILE, _INBOUND_FILE, _RECEIPTS_FILE, _CATALOG_FILE = (
    "stock.csv",
    "inbound.csv",
    "receipts.csv",
    "catalog.csv",
)
_FILES = (_STOCK_FILE, _INBOUND_FILE, _RECEIPTS_FILE, _CATALOG_FILE)
_MOST_READINGS = 3
_PAUSE_SECONDS = 0.2

_STOCK = Table(
    file=_STOCK_FILE,
    columns=(
        Column(heading="sku", parse=cells.sku, required=True),
        Column(heading="on_hand", parse=cells.count, required=True),
        Column(heading="counted_at", parse=cells.instant, required=True),
        Column(heading="damaged", parse=cells.count),
        Column(heading="quality_hold", parse=cells.count),
        Column(heading="reserved_elsewhere", parse=cells.count),
        Column(heading="pool", parse=cells.text),
    ),
    build=StockCount,
    identity=("sku", "pool"),
)
_INBOUND = Table(
    file=_INBOUND_FILE,
    columns=(
        Column(heading="po_id", parse=cells.text, required=True),
        Column(heading="line", parse=cells.text, required=True),
        Column(heading="sku", parse=cells.sku, required=True),
        Column(heading="quantity", parse=cells.quantity, required=True),
        Column(heading="supplier", parse=cells.text, required=True),
        Column(heading="ordered_on", parse=cells.day),
        Column(heading="promised_on", parse=cells.day),
        Column(heading="status", parse=cells.status),
        Column(heading="received_units", parse=cells.count),
        Column(heading="lane", parse=cells.text),
        Column(heading="pool", parse=cells.text),
        Column(heading="legs", parse=cells.legs),
    ),
    build=Lot,
    identity=("po_id", "line"),
)
_RECEIPTS = Table(
    file=_RECEIPTS_FILE,
    columns=(
        Column(heading="po_id", parse=cells.text, required=True),
        Column(heading="supplier", parse=cells.text, required=True),
        Column(heading="received_on", parse=cells.day, required=True),
        Column(heading="quantity", parse=cells.quantity, required=True),
        Column(heading="delivery_id", parse=cells.text),
        Column(heading="sku", parse=cells.sku),
        Column(heading="ordered_on", parse=cells.day),
        Column(heading="promised_on", parse=cells.day),
        Column(heading="lane", parse=cells.text),
    ),
    build=Receipt,
)
_CATALOG = Table(
    file=_CATALOG_FILE,
    columns=(
        Column(heading="sku", parse=cells.sku, required=True),
        Column(heading="policy", parse=cells.text),
        Column(heading="product_type", parse=cells.text),
        Column(heading="category", parse=cells.text),
        Column(heading="unit_cost", parse=cells.money, field="unit_cost_minor"),
        Column(heading="price", parse=cells.money, field="price_minor"),
        Column(heading="safety_stock", parse=cells.count),
        Column(heading="max_listed", parse=cells.count),
        Column(heading="handling_days", parse=cells.handling_days),
        Column(heading="supplier", parse=cells.text),
        Column(heading="prime_template", parse=cells.switch),
        Column(heading="release_on", parse=cells.day),
        Column(heading="locked", parse=cells.switch),
    ),
    build=CatalogEntry,
    identity=("sku",),
)


class CsvSupply:
    """The seller's records in a folder of CSV files: `stock.csv`, and three more if they are there."""

    def __init__(self, directory: Path, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._directory = directory
        self._pause = pause

    def read(self) -> SupplySnapshot:
        contents = _read_together(self._directory, self._pause)
        problems: list[str] = []

        def taken(table: Table[Value]) -> tuple[Value, ...]:
            if table.file not in contents:
                return ()
            values, faults = values_of(table, contents[table.file])
            problems.extend(faults)
            return values

        snapshot = SupplySnapshot(
            stock=taken(_STOCK), lots=taken(_INBOUND), receipts=taken(_RECEIPTS), catalog=taken(_CATALOG)
        )
        if problems:
            raise ConfigError(problems, next_step=_NEXT_STEP)
        return snapshot


def _read_together(directory: Path, pause: Callable[[float], None]) -> Mapping[str, bytes]:
    """Return what the files hold at one moment; files that change meanwhile are read again.

    An export that is being written looks like a shop that is selling out, so half of one is worth
    nothing. Raises `ConfigError` when the files never hold still.
    """
    changed: list[str] = []
    for attempt in range(_MOST_READINGS):
        if attempt:
            pause(_PAUSE_SECONDS)
        before = _states(directory)
        contents = {name: _content(directory / name) for name in before}
        after = _states(directory)
        changed = [name for name in _FILES if before.get(name) != after.get(name)]
        changed += [name for name, content in contents.items() if content is None and name not in changed]
        if not changed:
            return {name: content for name, content in contents.items() if content is not None}
    raise ConfigError(
        [
            f"{name}: changes while it is read; write it elsewhere and move it here when done"
            for name in changed
        ],
        next_step=_NEXT_STEP,
    )


def _states(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Return what tells one version of a file from the next, for each file that is there."""
    states = {}
    problems = []
    for name in _FILES:
        try:
            stat = (directory / name).stat()
        except FileNotFoundError:
            if name == _STOCK_FILE:
                problems.append(
                    f"{name}: missing in {directory}; see `[supply] directory` in the configuration"
                )
        except OSError as error:
            problems.append(f"{name}: cannot be read in {directory}: {error.strerror}")
        else:
            states[name] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if problems:
        raise ConfigError(problems, next_step=_NEXT_STEP)
    return states


def _content(path: Path) -> bytes | None:
    """Return what a file holds; `None` when it has just gone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            [f"{path.name}: cannot be read in {path.parent}: {error.strerror}"], next_step=_NEXT_STEP
        ) from error
