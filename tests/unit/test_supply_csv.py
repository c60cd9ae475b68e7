"""The seller's CSV files: what a row means, every way it is refused, and that nothing is half-read."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.supply.csv_files import CsvSupply
from fbm_sync.adapters.supply.tables import MOST_PROBLEMS_SHOWN
from fbm_sync.domain.supply import CatalogEntry, Leg, Lot, LotStatus, Receipt, StockCount, SupplySnapshot
from fbm_sync.errors import ConfigError

STOCK = "sku,on_hand,counted_at\n"
INBOUND = "po_id,line,sku,quantity,supplier\n"
RECEIPTS = "po_id,supplier,received_on,quantity\n"
CATALOG = "sku\n"
NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)


@pytest.fixture
def supply(tmp_path):
    """Write files and return the supply that reads them; without a stock list, a sound one is added."""

    def write(stock=STOCK, **others):
        for name, content in {"stock": stock, **others}.items():
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{name}.csv").write_bytes(data)
        return CsvSupply(tmp_path, pause=lambda _seconds: None)

    return write


@pytest.fixture
def problems(supply):
    def of(*args, **files):
        with pytest.raises(ConfigError) as refusal:
            supply(*args, **files).read()
        return list(refusal.value.problems)

    return of


def test_all_columns_of_all_files_are_read(supply):
    snapshot = supply(
        "sku,on_hand,counted_at,damaged,quality_hold,reserved_elsewhere,pool\nA-1,10,2026-03-30T14:00:00+02:00,1,2,3,eu\n",
        inbound="po_id,line,sku,quantity,supplier,ordered_on,promised_on,status,received_units,lane,pool,legs\n"
        "PO-1,2,A-1,50,Clay & Co,2026-01-02,2026-04-05,In_Transit,4,ocean,eu,"
        "Factory:2026-03-01; ocean :2026-03-31;\n",
        receipts="po_id,supplier,received_on,quantity,delivery_id,sku,ordered_on,promised_on,lane\n"
        "PO-0,Clay & Co,2025-12-24,40,D-1,A-1,2025-11-01,2025-12-20,ocean\n",
        catalog="sku,policy,product_type,category,unit_cost,price,safety_stock,max_listed,handling_days,supplier,"
        "prime_template,release_on,locked\n"
        "A-1,lamps,LAMP,Home,31.5,79,2,100,0,Clay & Co,YES,2026-05-01,yes\n",
    ).read()

    assert snapshot == SupplySnapshot(
        stock=(
            StockCount(
                sku="A-1",
                on_hand=10,
                counted_at=NOON,
                damaged=1,
                quality_hold=2,
                reserved_elsewhere=3,
                pool="eu",
            ),
        ),
        lots=(
            Lot(
                po_id="PO-1",
                line="2",
                sku="A-1",
                quantity=50,
                supplier="Clay & Co",
                status=LotStatus.IN_TRANSIT,
                received_units=4,
                ordered_on=date(2026, 1, 2),
                promised_on=date(2026, 4, 5),
                lane="ocean",
                pool="eu",
                legs=(
                    Leg(name="factory", planned_end_on=date(2026, 3, 1)),
                    Leg(name="ocean", planned_end_on=date(2026, 3, 31)),
                ),
            ),
        ),
        receipts=(
            Receipt(
                po_id="PO-0",
                supplier="Clay & Co",
                received_on=date(2025, 12, 24),
                quantity=40,
                delivery_id="D-1",
                sku="A-1",
                ordered_on=date(2025, 11, 1),
                promised_on=date(2025, 12, 20),
                lane="ocean",
            ),
        ),
        catalog=(
            CatalogEntry(
                sku="A-1",
                policy="lamps",
                product_type="LAMP",
                category="Home",
                unit_cost_minor=3150,
                price_minor=7900,
                safety_stock=2,
                max_listed=100,
                handling_days=0,
                supplier="Clay & Co",
                prime_template=True,
                release_on=date(2026, 5, 1),
                locked=True,
            ),
        ),
    )


@pytest.mark.parametrize(
    "content",
    [
        f"{STOCK}A,1,2026-03-30T12:00:00Z\n",
        f"{STOCK}A,1,2026-03-30T12:00:00Z",
        f"{STOCK}A,1,2026-03-30T12:00:00Z\n".encode("utf-8-sig"),
        f"{STOCK}A,1,2026-03-30T12:00:00Z\n".replace("\n", "\r\n"),
        f"\n{STOCK}\n \n,,\nA,1,2026-03-30T12:00:00Z\n\n",
        " Counted_At , SKU,on_hand,our own column\n2026-03-30T12:00:00Z,  A , 1,whatever\n",
        'sku,on_hand,counted_at\n"A","+01","2026-03-30 12:00:00+00:00"\n',
        "sku,on_hand,counted_at\nA,1,2026-03-30T12:00:00Z,,\n",
        "sku,on_hand,counted_at,damaged,pool\nA,1,2026-03-30T12:00:00Z,,\n",
    ],
)
def test_spreadsheets_may_differ_in_form(supply, content):
    assert supply(content).read().stock == (StockCount(sku="A", on_hand=1, counted_at=NOON),)


def test_a_header_alone_is_a_sound_empty_list(supply):
    assert supply(STOCK, inbound=INBOUND, receipts=RECEIPTS, catalog=CATALOG).read() == SupplySnapshot(
        stock=()
    )


def test_a_sku_may_lie_in_several_pools_and_a_po_have_several_lines(supply):
    snapshot = supply(
        "sku,on_hand,counted_at,pool\nA,1,2026-03-30T12:00Z,x\nA,2,2026-03-30T12:00Z,y\nA,3,2026-03-30T12:00Z,\n",
        inbound=f"{INBOUND}P,1,A,1,S\nP,2,A,1,S\n",
        receipts=f"{RECEIPTS}P,S,2026-01-01,1\nP,S,2026-01-01,1\n",
    ).read()

    assert [count.on_hand for count in snapshot.stock] == [1, 2, 3]
    assert (len(snapshot.lots), len(snapshot.receipts)) == (2, 2)


STOCK_ROWS = [
    ("A,x,2026-03-30T12:00Z", "on_hand: 'x' is not a whole number"),
    ("A,1.0,2026-03-30T12:00Z", "on_hand: '1.0' is not a whole number"),
    ('A,"1,000",2026-03-30T12:00Z', "on_hand: '1,000' is not a whole number"),
    ("A,-1,2026-03-30T12:00Z", "on_hand: '-1' is below 0"),
    ("A,1000000001,2026-03-30T12:00Z", "on_hand: '1000000001' is above 1000000000"),
    (f"A,{'9' * 5000},2026-03-30T12:00Z", f"on_hand: '{'9' * 60}…' is above 1000000000"),
    ("A,\u0661,2026-03-30T12:00Z", "on_hand: '\u0661' is not a whole number"),
    ("A,,2026-03-30T12:00Z", "on_hand: is empty"),
    (",1,2026-03-30T12:00Z", "sku: is empty"),
    (".,1,2026-03-30T12:00Z", "sku: '.' is not a SKU that can be asked for"),
    ("..,1,2026-03-30T12:00Z", "sku: '..' is not a SKU that can be asked for"),
    (f"{'S' * 41},1,2026-03-30T12:00Z", f"sku: '{'S' * 41}' is longer than the 40 characters Amazon allows"),
    ("A\u200bB,1,2026-03-30T12:00Z", "sku: 'A\\u200bB' holds a character that cannot be seen"),
    ("A,1,", "counted_at: is empty"),
    ("A,1,yesterday", "counted_at: 'yesterday' is not a moment like 2026-03-31T18:00:00Z"),
    ("A,1,2026-03-30T12:00", "counted_at: '2026-03-30T12:00' has no time zone; end it with Z or an offset"),
    ("A,1,2026-03-30", "counted_at: '2026-03-30' has no time zone"),
    ("A,1,0001-01-01T00:00+14:00", "counted_at: '0001-01-01T00:00+14:00' is not a moment"),
]


@pytest.mark.parametrize(("row", "reason"), STOCK_ROWS, ids=[reason[:60] for _, reason in STOCK_ROWS])
def test_a_bad_stock_row_is_named_with_line_and_column(problems, row, reason):
    (problem,) = problems(f"{STOCK}OK,1,2026-03-30T12:00Z\n\n{row}\n")

    assert problem.startswith(f"stock.csv line 4, column {reason}")


OPTIONAL_CELLS = [
    ("stock", STOCK, "A,1,2026-03-30T12:00Z", "damaged", "-2", "'-2' is below 0"),
    ("stock", STOCK, "A,1,2026-03-30T12:00Z", "reserved_elsewhere", "two", "'two' is not a whole number"),
    ("stock", STOCK, "A,1,2026-03-30T12:00Z", "pool", "x" * 201, "is longer than 200 characters"),
    ("inbound", INBOUND, "P,1,A,1,S", "status", "sailing", "'sailing' is not one of planned, confirmed"),
    ("inbound", INBOUND, "P,1,A,1,S", "promised_on", "03/04/2026", "is not a date like 2026-03-31"),
    ("inbound", INBOUND, "P,1,A,1,S", "promised_on", "20260304", "is not a date like 2026-03-31"),
    ("inbound", INBOUND, "P,1,A,1,S", "ordered_on", "2026-02-30", "is a date that does not exist"),
    ("inbound", INBOUND, "P,1,A,1,S", "received_units", "-1", "'-1' is below 0"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", "factory>ship", "is not a list of legs like factory:2026-"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", ":2026-03-01", "is not a list of legs like factory:2026-"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", "a:2026-03-01;;b:2026-03-02", "is not a list of legs like"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", "sea:soon", "has a leg sea whose end is not a date like 2026"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", "a:2026-03-01;A:2026-03-02", "names the leg a twice"),
    ("inbound", INBOUND, "P,1,A,1,S", "legs", "a:2026-03-02;b:2026-03-01", "lets the leg b end before a"),
    ("receipts", RECEIPTS, "P,S,2026-01-01,1", "sku", "..", "is not a SKU"),
    ("receipts", RECEIPTS, "P,S,2026-01-01,1", "ordered_on", "x", "'x' is not a date"),
    ("catalog", CATALOG, "A", "unit_cost", "1.999", "'1.999' has more than 2 decimals"),
    ("catalog", CATALOG, "A", "price", "$5", "'$5' is not an amount like 12.50"),
    ("catalog", CATALOG, "A", "price", "-5", "'-5' is not an amount like 12.50"),
    ("catalog", CATALOG, "A", "price", "1e3", "'1e3' is not an amount like 12.50"),
    ("catalog", CATALOG, "A", "price", "NaN", "'NaN' is not an amount like 12.50"),
    ("catalog", CATALOG, "A", "handling_days", "31", "is above 30, the longest handling time"),
    ("catalog", CATALOG, "A", "prime_template", "maybe", "'maybe' is not one of true, false, yes, no, 1, 0"),
    ("catalog", CATALOG, "A", "release_on", "soon", "'soon' is not a date"),
    ("catalog", CATALOG, "A", "locked", "maybe", "'maybe' is not one of true, false, yes, no, 1, 0"),
]


@pytest.mark.parametrize(("file", "header", "row", "column", "cell", "reason"), OPTIONAL_CELLS)
def test_a_bad_optional_cell_is_named(problems, file, header, row, column, cell, reason):
    content = f"{header.strip()},{column}\n{row},{cell}\n"

    (problem,) = problems(**{file: content})

    assert problem.startswith(f"{file}.csv line 2, column {column}: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("file", "content", "column"),
    [
        ("inbound", f"{INBOUND}P,1,A,0,S\n", "quantity: '0' is not above 0"),
        ("inbound", f"{INBOUND},1,A,1,S\n", "po_id: is empty"),
        ("receipts", f"{RECEIPTS}P,S,2026-01-01,0\n", "quantity: '0' is not above 0"),
        ("receipts", f"{RECEIPTS}P,,2026-01-01,1\n", "supplier: is empty"),
    ],
)
def test_a_delivery_has_a_name_and_some_units(problems, file, content, column):
    assert problems(**{file: content}) == [f"{file}.csv line 2, column {column}"]


@pytest.mark.parametrize(
    ("cell", "minor"), [("0", 0), ("12.5", 1250), ("12.5000", 1250), ("0.07", 7), ("19.99", 1999)]
)
def test_money_is_exact(supply, cell, minor):
    (entry,) = supply(catalog=f"sku,price\nA,{cell}\n").read().catalog

    assert entry.price_minor == minor


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [("true", True), ("Yes", True), ("1", True), ("FALSE", False), ("no", False), ("0", False), ("", False)],
)
def test_yes_and_no_have_several_spellings(supply, cell, meaning):
    (entry,) = supply(catalog=f"sku,prime_template,locked\nA,{cell},{cell}\n").read().catalog

    assert entry.prime_template is meaning
    assert entry.locked is meaning


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"stock": f"{STOCK}A,1,2026-03-30T12:00Z\nB,1,2026-03-30T12:00Z\nA,2,2026-03-30T12:00Z\n"},
            "stock.csv line 4, column sku: sku 'A' is on line 2 already",
        ),
        (
            {"stock": "sku,on_hand,counted_at,pool\nA,1,2026-03-30T12:00Z,x\nA,1,2026-03-30T12:00Z,x\n"},
            "stock.csv line 3, column sku: sku 'A', pool 'x' is on line 2 already",
        ),
        (
            {"inbound": f"{INBOUND}P,1,A,1,S\nP,1,B,1,S\n"},
            "inbound.csv line 3, column po_id: po_id 'P', line '1' is on line 2 already",
        ),
        ({"catalog": "sku\nA\nA\n"}, "catalog.csv line 3, column sku: sku 'A' is on line 2 already"),
    ],
)
def test_the_same_thing_twice_is_refused(problems, files, problem):
    assert problems(**files) == [problem]


WHOLE_FILES = [
    (b"", "line 1: empty; the first line must name the columns: sku, on_hand, counted_at"),
    ("sku,on_hand\nA,1\n", "line 1: no column counted_at; required are sku, on_hand, counted_at"),
    ("item;on_hand;counted_at\n", "line 1: the columns are separated by semicolons; save it with commas"),
    (
        "sep=;\nsku;on_hand;counted_at\n",
        "line 1: the columns are separated by semicolons; save it with commas",
    ),
    ("sku\ton_hand\tcounted_at\n", "line 1: the columns are separated by tabs; save it with commas"),
    ("sku,on_hand,counted_at,SKU\n", "line 1: more than one column sku"),
    (f"{STOCK}A,1,2026-03-30T12:00Z\n".encode("utf-16"), "line 1: saved as UTF-16"),
    (f"{STOCK}A\0,1,2026-03-30T12:00Z\n", "line 2: holds a NUL byte"),
    (f"{STOCK}\n\ncaf\xe9,1,2026-03-30T12:00Z\n".encode("latin-1"), "line 4: not UTF-8 text (byte 0xE9)"),
    (f'{STOCK}A,1,2026-03-30T12:00Z\n"B,1,2026', "line 3: a quotation mark opens here and never closes"),
    (f'{STOCK}"A"x,1,2026-03-30T12:00Z\n', "line 2: text follows a closing quotation mark"),
    (f"{STOCK}{'A' * 200_000},1,2026-03-30T12:00Z\n", "line 2: field larger than field limit"),
    (f"{STOCK}A,1\n", "line 2: 2 cells where the header has 3"),
    (f"{STOCK}A,1,000,2026-03-30T12:00Z\n", "line 2: 4 cells where the header has 3"),
    ("just a note\nto myself\n", "line 1: no column sku, on_hand, counted_at"),
]


@pytest.mark.parametrize(("content", "reason"), WHOLE_FILES, ids=[reason[:50] for _, reason in WHOLE_FILES])
def test_a_file_spoilt_as_a_whole_is_told_by_its_cause(problems, content, reason):
    (problem,) = problems(content)

    assert problem.startswith(f"stock.csv {reason}")


def test_a_quoted_cell_over_several_lines_does_not_shift_the_line_numbers(problems):
    (problem,) = problems(
        'sku,on_hand,counted_at,note\nA,1,2026-03-30T12:00Z,"a\nb\nc"\nB,x,2026-03-30T12:00Z,\n'
    )

    assert problem.startswith("stock.csv line 5, column on_hand")


def test_all_problems_of_all_files_are_told_together(problems):
    told = problems(
        f"{STOCK}A,x,yesterday\n,1,2026-03-30T12:00Z\n",
        inbound=f"{INBOUND}P,1,A,0,S\n",
        receipts="nothing\n",
        catalog="sku,price\nA,x\n",
    )

    assert [problem.split(":")[0] for problem in told] == [
        "stock.csv line 2, column on_hand",
        "stock.csv line 2, column counted_at",
        "stock.csv line 3, column sku",
        "inbound.csv line 2, column quantity",
        "receipts.csv line 1",
        "catalog.csv line 2, column price",
    ]


def test_a_column_wrong_throughout_is_not_told_a_thousand_times(problems):
    told = problems(STOCK + "".join(f"A{number},x,2026-03-30T12:00Z\n" for number in range(1000)))

    assert len(told) == MOST_PROBLEMS_SHOWN + 1
    assert told[-1] == f"stock.csv: and {1000 - MOST_PROBLEMS_SHOWN} more problems"


# --- the folder --------------------------------------------------------------------------------------


def test_without_a_stock_list_the_folder_is_named(tmp_path):
    with pytest.raises(ConfigError, match=rf"stock\.csv: missing in {tmp_path}/nowhere"):
        CsvSupply(tmp_path / "nowhere").read()


def test_a_folder_in_place_of_a_file_is_told(supply, tmp_path):
    files = supply()
    (tmp_path / "catalog.csv").mkdir()

    with pytest.raises(ConfigError, match=r"catalog\.csv: cannot be read"):
        files.read()


def test_a_name_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "stock.csv").write_text(STOCK)
    (tmp_path / "inbound.csv").symlink_to("inbound.csv")

    with pytest.raises(ConfigError, match=r"inbound\.csv: cannot be read"):
        CsvSupply(tmp_path).read()


class _Exporter:
    """Writes to the files at the moment they are being read."""

    def __init__(self, monkeypatch, act, times):
        from fbm_sync.adapters.supply import csv_files

        self.left = times
        read = csv_files._content

        def content(path):
            data = read(path)
            if self.left:
                self.left -= 1
                act(path)
            return data

        monkeypatch.setattr(csv_files, "_content", content)


def test_a_file_that_changes_while_it_is_read_is_read_again(supply, monkeypatch):
    pauses = []
    files = supply(f"{STOCK}A,1,2026-03-30T12:00Z\n")
    files._pause = pauses.append
    _Exporter(monkeypatch, lambda path: path.write_text(f"{STOCK}A,12,2026-03-30T12:00Z\n"), times=1)

    assert files.read().stock[0].on_hand == 12
    assert len(pauses) == 1


def test_a_file_replaced_by_another_of_the_same_size_is_noticed(supply, monkeypatch, tmp_path):
    files = supply(f"{STOCK}A,1,2026-03-30T12:00Z\n")

    def replace(path):
        state = path.stat()
        other = tmp_path / "new"
        other.write_text(f"{STOCK}A,2,2026-03-30T12:00Z\n")
        os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
        other.replace(path)

    _Exporter(monkeypatch, replace, times=1)

    assert files.read().stock[0].on_hand == 2


def test_a_file_that_never_holds_still_is_refused(supply, monkeypatch):
    files = supply(f"{STOCK}A,1,2026-03-30T12:00Z\n")

    def grow(path):
        with path.open("a") as file:
            file.write("\n")

    _Exporter(monkeypatch, grow, times=100)

    with pytest.raises(
        ConfigError, match=r"stock\.csv: changes while it is read; write it elsewhere and move it"
    ):
        files.read()


def test_a_file_that_appears_meanwhile_is_not_missed(supply, monkeypatch, tmp_path):
    files = supply()
    _Exporter(monkeypatch, lambda _path: (tmp_path / "catalog.csv").write_text("sku\nA\n"), times=1)

    assert len(files.read().catalog) == 1


def test_a_file_that_vanishes_meanwhile_is_no_longer_read(supply, monkeypatch, tmp_path):
    from fbm_sync.adapters.supply import csv_files

    files = supply(catalog="sku\nA\n")
    states = csv_files._states

    def vanishing(directory):
        found = states(directory)
        (tmp_path / "catalog.csv").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(csv_files, "_states", vanishing)

    assert files.read().catalog == ()


# --- whatever comes ----------------------------------------------------------------------------------

SOUND = (
    b"sku,on_hand,counted_at,damaged,pool\nLAMP-1,42,2026-03-30T18:00:00Z,1,\n"
    b'MUG,0,2026-03-30T18:00:00+02:00,,"eu, west"\n'
)
_SPLINTERS = st.sampled_from(
    [
        b",",
        b'"',
        b"\n",
        b"\r",
        b"\0",
        b";",
        b"-",
        b"\xff",
        b"\xc3",
        b"\xef\xbb\xbf",
        b"=",
        b"e",
        b"\xe2\x80\xa8",
    ]
)


@st.composite
def mangled(draw):
    data = bytearray(SOUND)
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        data[start:end] = draw(st.one_of(_SPLINTERS, st.binary(max_size=4)))
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(
    content=st.one_of(mangled(), st.binary(max_size=200)),
    name=st.sampled_from(["stock", "inbound", "catalog"]),
)
def test_whatever_the_bytes_there_is_a_snapshot_or_a_refusal_with_a_place(content, name):
    with TemporaryDirectory() as folder:
        for file, data in {"stock": STOCK.encode(), name: content}.items():
            (Path(folder) / f"{file}.csv").write_bytes(data)
        outcome = _outcome(CsvSupply(Path(folder)))

    if not isinstance(outcome, SupplySnapshot):
        assert outcome
        assert all(problem.startswith(f"{name}.csv line ") for problem in outcome)


def _outcome(files):
    try:
        return files.read()
    except ConfigError as refusal:
        return refusal.problems
