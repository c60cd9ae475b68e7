"""`fbm-sync verify`: places for people, the documented shape for programs, and the exit code."""

import sqlite3

import pytest

ORDER = "111-0000000-0000001"
SHAPE = {"invariants", "missing_orders", "drifted", "repaired"}


@pytest.fixture
def read(shop, command):
    """The shop, read once and true."""
    assert command("sync", "--apply")[0] == 0
    return shop


def spoil(statement):
    with sqlite3.connect("fbm_sync.db") as store:
        store.execute(statement)
    store.close()


def lose():
    for table in ("order_items", "order_outlooks", "outlook_history", "promise_audits", "orders"):
        spoil(f"DELETE FROM {table} WHERE order_id = '{ORDER}'")


def test_a_true_shop_says_so(read, command, document):
    code, out, _ = command("verify")
    assert code == 0, out
    assert "19 rules checked, 0 broken" in out
    assert "0 missing, 0 drifted" in out
    assert document("verify").keys() >= SHAPE


def test_what_is_missing_and_drifted_is_named_and_mended(read, command, document):
    lose()
    edit = {"sku": "MUG", "quantity": 50}
    read.post("/_emulator/listings", json=edit).raise_for_status()
    code, out, _ = command("verify")
    assert code == 1
    assert f"order {ORDER} missing" in out
    assert "MUG shows 50 units" in out
    assert "1 missing, 1 drifted" in out
    assert "fbm-sync verify --repair" in out

    found = document("verify", "--repair", code=1)
    assert (found["missing_orders"], found["repaired"]) == ([ORDER], 1)
    (drift,) = found["drifted"]
    assert (drift["kind"], drift["subject"], drift["shows"]["quantity"]) == ("listing", "MUG", 50)
    assert drift["should_show"]["quantity"] < 50

    assert command("plan")[0] == 0
    assert command("push", "--apply")[0] == 0
    code, out, _ = command("verify")
    assert (code, "0 missing, 0 drifted" in out) == (0, True), out


def test_mending_by_words(read, command):
    lose()
    code, out, _ = command("verify", "--repair")
    assert code == 0, out
    assert f"order {ORDER} missing; read in" in out
    assert "1 missing, 0 drifted, 1 orders read in" in out


def test_a_broken_rule_is_shown_with_its_culprits(read, command):
    spoil("UPDATE watermarks SET known_up_to = '2020-01-01 00:00:00+00:00'")
    code, out, _ = command("verify")
    assert code == 1
    assert "orders are known as far as read: main was read at" in out


def test_what_could_not_be_compared_is_a_reason_to_look(read, command):
    read.post("/_emulator/faults", json={"operation": "searchListingsItems", "status": 403, "forever": True})
    code, out, _ = command("verify")
    assert code == 1
    assert "not compared: listings: " in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--account", "nobody"], "known: main"),
        (["--since", "soon"], "--since"),
        (["--since", "400d"], "orders.first_days"),
        (["--since", "2099-01-01T00:00Z"], "orders.first_days"),
    ],
)
def test_it_cannot_run_on_what_makes_no_sense(shop, command, words, why):
    code, _, err = command("verify", *words)
    assert code == 2
    assert why in err


def test_a_span_of_ones_own_is_compared(read, document):
    document("verify", "--since", "20d", "--account", "main")
    reports = [
        one for one in read.get("/_emulator/requests").json()["requests"] if "createReport" in str(one)
    ]
    assert reports
