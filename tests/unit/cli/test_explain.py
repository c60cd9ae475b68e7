"""Explanations as a seller reads them, now and as of yesterday; and what-ifs, which leave no trace."""

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from fbm_sync.cli.wording import CAPS

ORDER_ID = "111-0000000-0000001"


def in_days(days):
    return datetime.now(UTC).date() + timedelta(days=days)


@pytest.fixture
def supplied(shop, tmp_path):
    """The small shop with a purchase order under way for each SKU, and a supplier that is on time."""
    supply = tmp_path / "supply"

    def write(cups=0, mugs=0, policy="ahead"):
        promised = in_days(6)
        counted_at = datetime.now(UTC).isoformat()
        (supply / "stock.csv").write_text(
            f"sku,on_hand,counted_at\nCUP,{cups},{counted_at}\nMUG,{mugs},{counted_at}\n"
        )
        (supply / "inbound.csv").write_text(
            "po_id,line,sku,quantity,supplier,ordered_on,promised_on,status\n"
            f"PO-1,1,CUP,40,Acme,{in_days(-20)},{promised},confirmed\n"
            f"PO-2,1,MUG,60,Acme,{in_days(-20)},{promised},confirmed\n"
        )
        rows = "".join(
            f"OLD-{n},Acme,{in_days(-40 - n)},10,{in_days(-70 - n)},{in_days(-40 - n)}\n" for n in range(25)
        )
        (supply / "receipts.csv").write_text(
            f"po_id,supplier,received_on,quantity,ordered_on,promised_on\n{rows}"
        )
        (supply / "catalog.csv").write_text(f"sku,policy\nCUP,{policy}\nMUG,{policy}\n")

    config = tmp_path / "fbm_sync.toml"
    config.write_text(
        config.read_text().replace(
            "[policy.default]",
            '[policy.ahead]\nbackorder = "backorder"\nmax_units = 15\nunproven_units = 0\n\n[policy.default]',
        )
    )
    write()
    return write


@pytest.fixture
def store(tmp_path):
    """Every row of the store, by table."""

    def rows():
        with sqlite3.connect(tmp_path / "fbm_sync.db") as found:
            names = [name for (name,) in found.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: found.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}

    return rows


def past(moment):
    return moment.isoformat()


# --- SKUs ----------------------------------------------------------------------------------------


def test_a_sku_sold_from_stock_is_explained_in_plain_words(supplied, command):
    supplied(cups=20, mugs=5)
    command("sync")
    code, out, _ = command("explain", "CUP")
    assert code == 0
    assert "Sold from stock: 20 units" in out
    assert "on hand, sellable: 20 units  (as of " in out
    assert "Orders for the 20 units that are free" in out
    assert "The next lot with units to spare landing: PO-1/1 with 40 units" in out
    assert "ATP: available to promise" in out
    assert "(gates)" not in out


def test_a_sku_sold_ahead_shows_gates_caps_and_what_raises_the_smallest(supplied, command, document):
    supplied(cups=30, mugs=0)
    command("sync")
    code, out, _ = command("explain", "MUG")
    assert code == 0
    found = document("explain", "MUG")
    assert all(gate["passed"] for gate in found["gates"])
    assert "Sold ahead of stock, as a backorder" in out
    assert f"The limit '{CAPS[found['cap']['binding']].label}'" in out
    assert f"The smallest limit is '{CAPS[found['cap']['binding']].label}' (15 units)." in out
    assert "→ 15 units: most units ahead – at most 15 units of the SKU sold ahead" in out
    assert "Conditions for selling ahead of stock (gates): all 15 are met" in out
    assert "ok  What its policy allows: backorder; needed: backorder or preorder" in out
    assert "ok  Its margin, as a share of the price: unknown; needed: nothing, it is switched off" in out
    assert "(learned from this supplier's receipts: 25 that weigh like 23 of today)" in out
    assert "weigh like: older deliveries count less" in out
    assert "more on the shelf: then it sells from stock." in out
    assert {turn["kind"] for turn in found["would_change"]} >= {"stock", "landing"}


def test_a_sku_that_may_not_be_sold_ahead_names_the_gate_and_what_opens_it(supplied, command, document):
    supplied(policy="default", cups=3)
    command("sync")
    _, out, _ = command("explain", "MUG")
    assert "Not on sale: 0 units" in out
    assert "it may not be sold ahead because of what its policy allows: never (needs backorder" in out
    gates = out.partition("Conditions for selling ahead of stock (gates): 1 of 15 not met\n")[2]
    assert gates.startswith("  NO  What its policy allows: never; needed: backorder or preorder\n")
    assert "What was rejected" not in out, "the closed gate says it already"
    assert 'set backorder = "backorder" in its policy' in out
    (gate,) = [turn for turn in document("explain", "MUG")["would_change"] if turn["name"] == "policy"]
    assert (gate["kind"], gate["needed"]) == ("gate", "backorder or preorder")


def test_yesterdays_quantity_is_answered_from_yesterdays_record(supplied, command, document):
    supplied(cups=20)
    command("sync")
    then = datetime.now(UTC)
    supplied(cups=12)
    command("sync")
    assert "Sold from stock: 12 units" in document("explain", "CUP")["decision"]
    before = document("explain", "CUP", "--at", past(then))
    assert "Sold from stock: 20 units" in before["decision"]
    assert datetime.fromisoformat(before["asked_at"]) == then
    assert datetime.fromisoformat(before["decided_at"]) <= then
    _, out, _ = command("explain", "CUP", "--at", past(then))
    assert "As it was on " in out


def test_a_time_of_which_nothing_is_kept_says_how_long_the_past_is(supplied, command, tmp_path):
    command("sync")
    for subject in ("CUP", ORDER_ID):
        code, out, err = command("explain", subject, "--at", "400d")
        assert (code, out) == (2, "")
        assert f"nothing was decided of {subject} then" in err
        assert "kept for 90 days ([store] keep_days)" in err
    config = tmp_path / "fbm_sync.toml"
    config.write_text(config.read_text().replace("[store]", "[store]\nkeep_days = 0"))
    _, _, err = command("explain", "CUP", "--at", "400d")
    assert "never forgotten" in err
    code, _, err = command("explain", "CUP", "--at", "yesterday")
    assert (code, "--at: 'yesterday' is neither a span" in err) == (2, True)


def test_explaining_reads_the_record_and_not_the_whole_shop(supplied, command, monkeypatch):
    command("sync")
    from fbm_sync.adapters.store.ledger import SqlLedger

    heard, made = [], SqlLedger.__init__

    def listening(self, *arguments, **options):
        made(self, *arguments, **options)
        event.listen(self._engine, "before_cursor_execute", lambda *found: heard.append(found[2]))

    monkeypatch.setattr(SqlLedger, "__init__", listening)
    for subject, tables in (("CUP", {"offer_decisions"}), (ORDER_ID, {"orders", "order_outlooks"})):
        heard.clear()
        assert command("explain", subject)[0] == 0
        read = {table for text in heard for table in re.findall(r"FROM (\w+)", text)}
        assert tables <= read
        assert not read & {"observed_offers", "lots", "receipts", "stock_counts", "catalog"}
        assert all("WHERE" in text for text in heard if re.search("FROM (orders|offer_decisions)", text))


# --- orders --------------------------------------------------------------------------------------


def test_an_order_that_waits_for_a_lot_says_until_when_it_may_come(supplied, command, document):
    supplied(cups=1)
    command("sync")
    _, out, _ = command("explain", ORDER_ID)
    assert "1 of CUP: on the shelf" in out
    assert "2 of CUP: from lot PO-1/1: 40 units from Acme, confirmed for " in out
    assert re.search(r"Lot PO-1/1 coming later than \w{3} \d{4}-\d\d-\d\d: until then the order can", out)
    assert re.search(
        r"  On track: it can be promised for \w{3} \d{4}-\d\d-\d\d, with \d+ ship days to spare", out
    )
    assert re.search(r"ship-by \(Amazon's\): Wed 2098-12-31 16:00 PST \(in \d+ days", out)
    assert "slack: ship days between" in out
    (turn,) = document("explain", ORDER_ID)["would_change"]
    assert (turn["kind"], turn["name"], turn["alone"]) == ("arrival", "PO-1/1", True)


def test_an_order_that_nothing_covers_says_how_many_units_are_missing(supplied, command, tmp_path):
    supplied(cups=1)
    (tmp_path / "supply" / "inbound.csv").unlink()
    command("sync")
    _, out, _ = command("explain", ORDER_ID)
    assert "Certain to be late: nothing you have or expect covers all of it." in out
    assert "2 units of CUP more, counted or on a firm purchase order" in out
    assert "2 of CUP: covered by nothing on the shelf and no purchase order that is believed" in out
    assert "What to do\n  Find the units elsewhere, or cancel early" in out
    assert "Cancelling it now" not in out, "it is what should be done"


def test_yesterdays_state_of_an_order_is_answered_from_yesterdays_record(supplied, command, document):
    supplied(cups=1)
    command("sync")
    then = datetime.now(UTC)
    supplied(cups=20)
    command("sync")
    assert "all units are on the shelf" in document("explain", ORDER_ID)["decision"]
    before = document("explain", ORDER_ID, "--at", past(then))
    assert "it waits for PO-1/1" in before["decision"]
    assert any("from lot PO-1/1" in fact["value"] for fact in before["facts"])
    assert "status at Amazon" not in {fact["name"] for fact in before["facts"]}


def test_an_order_that_was_read_but_not_judged_yet_says_what_to_do(shop, command, document):
    command("sync", "--only", "orders")
    found = document("explain", ORDER_ID)
    assert found["decision"] == "Not judged yet: run 'fbm-sync plan'."
    assert found["decided_at"] is None
    _, out, _ = command("explain", ORDER_ID)
    assert "status at Amazon: UNSHIPPED" in out
    assert "Decided" not in out


def test_an_order_is_explained_by_the_clock_of_its_account(supplied, command, tmp_path):
    command("sync")
    assert "Wed 2098-12-31 16:00 PST" in command("explain", ORDER_ID)[1]
    config = tmp_path / "fbm_sync.toml"
    config.write_text(config.read_text().replace("[[accounts]]", '[[accounts]]\ntimezone = "Asia/Tokyo"'))
    command("plan")
    _, out, _ = command("explain", ORDER_ID)
    assert "Thu 2099-01-01 09:00 JST" in out
    assert not re.search(r" P[SD]T", out)


# --- what if -------------------------------------------------------------------------------------


def test_a_supposition_shows_what_would_differ_and_writes_nothing(supplied, shop, command, document, store):
    supplied(cups=30, policy="default")
    command("sync")
    rows, asked = store(), shop.get("/_emulator/requests").json()["last"]
    wish = ("plan", "--what-if", "sku:CUP on_hand 7", "--what-if", "po:PO-1 +9d")
    found = document(*wish)
    assert found["supposed"] == ["sku:CUP on_hand 7", "po:PO-1 +9d"]
    (offer,) = found["offers"]
    assert (offer["sku"], offer["before"]["desired"]["quantity"]) == ("CUP", 30)
    assert offer["after"]["desired"]["quantity"] == 7
    assert found["headroom"][0].keys() == {"account", "metric", "before", "after"}
    code, out, _ = command(*wish)
    assert code == 0
    assert out.startswith("1 offer would change, 0 orders would become late, 0 would no longer be late.")
    assert "Nothing was written and Amazon was not asked." in out
    assert store() == rows
    assert shop.get("/_emulator/requests").json()["last"] == asked
    assert document(*wish, "--sku", "MUG")["offers"] == []


def test_a_failed_purchase_order_leaves_its_orders_short(supplied, command, document):
    supplied(cups=1)
    command("sync")
    found = document("plan", "--what-if", "po:PO-1/1 cancelled")
    assert [one["order_id"] for one in found["newly_late"]] == [ORDER_ID]
    assert found["no_longer_late"] == []
    (shortage,) = found["shortages"]
    assert (shortage["sku"], shortage["before"], shortage["after"]) == ("CUP", 0, 2)
    assert shortage["orders"] == [ORDER_ID]
    _, out, _ = command("plan", "--what-if", "po:PO-1/1 cancelled")
    assert "Orders that would become late" in out
    assert re.search(r"Wed 2098-12-31 16:00 PST +no day is known +– +units nobody has", out)
    assert "Units that nothing covers" in out
    back = document("plan", "--what-if", "po:PO-1/1 cancelled", "--what-if", "sku:CUP on_hand 3")
    assert back["newly_late"] == back["shortages"] == []


def test_an_option_may_be_supposed_and_named_policies_inherit_it(supplied, document):
    supplied(mugs=9, cups=9)
    document("sync")
    found = document("plan", "--what-if", "policy:default max_listed=4")
    assert [(one["sku"], one["after"]["desired"]["quantity"]) for one in found["offers"]] == [
        ("CUP", 4),
        ("MUG", 4),
    ]
    found = document("plan", "--what-if", "policy:ahead max_listed=5")
    assert [one["after"]["desired"]["quantity"] for one in found["offers"]] == [5, 5]


def test_every_supposition_that_makes_no_sense_is_named_with_its_place(supplied, command):
    command("sync")
    texts = (
        "nonsense",
        "po:PO-9 +3d",
        "sku:TRAY on_hand 2",
        "policy:default confidence=3",
        "policy:default backorder=perhaps",
        "policy:default colour=red",
        "policy:nobody confidence=0.9",
    )
    wish = [word for text in texts for word in ("--what-if", text)]
    code, out, err = command("plan", *wish, "--json")
    assert code == 2
    problems = json.loads(out)["problems"]
    said = (
        "begins with none of po:, sku:, policy:",
        "no purchase order PO-9 is open (open are PO-1, PO-2)",
        "neither the stock list nor a listing or an order has the SKU TRAY",
        "policy.default.confidence: 3 is not allowed; write a number from 0.5 to below 1",
        'policy.default.backorder: "perhaps" is not allowed; write "never", "backorder" or "preorder"',
        "policy.default.colour: unknown key",
        "there is no such policy (known: ahead, default, backorder)",
    )
    assert len(problems) == len(texts)
    for number, (text, why) in enumerate(zip(texts, said, strict=True), start=1):
        (problem,) = [one for one in problems if one.startswith(f"--what-if number {number} ({text!r}): ")]
        assert why in problem
    assert "Suppositions look like: po:PO-17 +9d" in err


# --- what may be forgotten -----------------------------------------------------------------------


def test_history_is_counted_forgotten_and_never_what_is_in_force(
    supplied, command, document, store, tmp_path
):
    supplied(cups=20)
    command("sync")
    supplied(cups=12)
    command("sync")
    with sqlite3.connect(tmp_path / "fbm_sync.db") as found:
        found.execute(
            "UPDATE offer_decisions SET superseded_at = '2020-01-01 00:00:00.000000'"
            " WHERE superseded_at IS NOT NULL"
        )
    counted = document("db", "prune", "--dry-run")
    assert (counted["dry_run"], counted["keep_days"]) == (True, 90)
    assert counted["pruned"]["decisions"] >= 1
    before = store()
    code, out, _ = command("db", "prune", "--dry-run")
    assert (code, "Nothing was changed." in out) == (0, True)
    assert store() == before
    code, out, _ = command("db", "prune")
    assert (code, "records are forgotten" in out) == (0, True)
    after = store()
    assert len(after["offer_decisions"]) == len(before["offer_decisions"]) - counted["pruned"]["decisions"]
    assert "Sold from stock: 12 units" in document("explain", "CUP")["decision"]
    assert sum(document("db", "prune")["pruned"].values()) == 0


def test_nothing_is_forgotten_when_everything_is_to_be_kept(supplied, command, document, tmp_path):
    config = tmp_path / "fbm_sync.toml"
    config.write_text(config.read_text().replace("[store]", "[store]\nkeep_days = 0"))
    found = document("db", "prune")
    assert (found["keep_days"], found["records_before"]) == (0, None)
    assert set(found["pruned"].values()) == {0}
    _, out, _ = command("db", "prune")
    assert "Nothing is ever forgotten" in out
