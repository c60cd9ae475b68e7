"""What every source of the seller's records must do: the CSV folder, and the fake that stands in for it."""

from datetime import UTC, datetime

import pytest

from fbm_sync.adapters.supply.csv_files import CsvSupply
from fbm_sync.domain.supply import Lot, StockCount, SupplySnapshot
from fbm_sync.errors import ConfigError

from fakes import FakeSupply

COUNTED_AT = datetime(2026, 3, 30, 12, tzinfo=UTC)


class CsvShop:
    """A shop whose records are files."""

    def __init__(self, folder):
        self.folder = folder
        self.source = CsvSupply(folder)
        self.count(4)
        self.mend()

    def count(self, units):
        text = f"sku,on_hand,counted_at\nA,{units},{COUNTED_AT.isoformat()}\n"
        (self.folder / "stock.csv").write_text(text)

    def mend(self):
        (self.folder / "inbound.csv").write_text("po_id,line,sku,quantity,supplier\nP,1,A,9,S\n")

    def spoil(self):
        (self.folder / "inbound.csv").write_text(
            "po_id,line,sku,quantity,supplier\nP,1,A,9,S\nP,2,A,many,S\n"
        )


class FakeShop:
    """A shop in memory."""

    def __init__(self):
        self.source = FakeSupply(SupplySnapshot(stock=()))
        self.count(4)

    def count(self, units):
        self.source.snapshot = SupplySnapshot(
            stock=(StockCount(sku="A", on_hand=units, counted_at=COUNTED_AT),),
            lots=(Lot(po_id="P", line="1", sku="A", quantity=9, supplier="S"),),
        )

    def mend(self):
        self.source.error = None

    def spoil(self):
        self.source.error = ConfigError(["inbound.csv line 3, column quantity: 'many' is not a whole number"])


@pytest.fixture(params=["files", "fake"])
def shop(request, tmp_path):
    return CsvShop(tmp_path) if request.param == "files" else FakeShop()


def test_everything_is_read_at_once(shop):
    snapshot = shop.source.read()

    assert snapshot.counted_at == COUNTED_AT
    assert snapshot.on_hand_units == 4
    assert [lot.lot_id for lot in snapshot.lots] == ["P/1"]
    assert (snapshot.receipts, snapshot.catalog) == ((), ())


def test_reading_may_be_repeated(shop):
    assert shop.source.read() == shop.source.read()


def test_each_reading_sees_the_present_state(shop):
    shop.source.read()
    shop.count(3)

    assert shop.source.read().on_hand_units == 3


def test_one_bad_row_costs_the_whole_reading_and_heals_with_its_correction(shop):
    shop.spoil()
    with pytest.raises(ConfigError) as refusal:
        shop.source.read()
    shop.mend()

    assert refusal.value.problems == ("inbound.csv line 3, column quantity: 'many' is not a whole number",)
    assert len(shop.source.read().lots) == 1


def test_reading_leaves_the_files_as_they_are(tmp_path):
    shop = CsvShop(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    shop.source.read()

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
