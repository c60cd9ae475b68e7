"""What each command says, refuses and returns, inside one process."""

import json
import socket
from datetime import UTC, datetime, timedelta

import pytest

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.cli.screen import Screen
from fbm_sync.domain.delivering import ChannelState
from fbm_sync.domain.telling import Envelope, Purpose
from fbm_sync.ports import Wait

from builders import NOW, a_finding, a_step, an_alert

ORDER_ID = "111-0000000-0000001"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("push", "--release", "feedbeef"), "together with --apply"),
        (("push", "--release", "feedbeef", "--apply"), "no such hold"),
        (("push", "--sku", "NOPE"), "NOPE"),
        (("plan", "--sku", "NOPE"), "NOPE"),
        (("sync", "--account", "nobody"), "known: main"),
        (("sync", "--only", "everything"), "orders"),
        (("sync", "--only", "orders", "--apply"), "--apply: with --only nothing is decided"),
        (("sync", "--order", "1", "--only", "offers"), "--order: single orders are no part of --only offers"),
        (("sync", "--order", "1", "--since", "7d"), "--order: it is read whenever it changed"),
        (("sync", "--since", "999999w"), "--since"),
        (("sync", "--since", "1h", "--until", "2h"), "--since"),
        (("explain", "NOPE"), "fbm-sync sync"),
        (("orders", "--order", "NOPE"), "sync --order"),
        (("alerts", "--ack", "NOPE"), "alerts --open"),
        (("alerts", "--test", "nowhere"), "known: log"),
        (("alerts", "--snooze", "NOPE", "--for", "4h"), "alerts --open"),
        (("alerts", "--snooze", "NOPE"), "--for"),
        (("alerts", "--for", "4h"), "--snooze"),
        (("alerts", "--snooze", "NOPE", "--for", "soon"), "--for: 'soon' is not a span"),
        (("alerts", "--snooze", "NOPE", "--for", "0h"), "--for: '0h' is not a span"),
        (("alerts", "--snooze", "NOPE", "--for", "9999w"), "--for: '9999w' is not a span"),
        (("orders", "--config", "elsewhere.toml"), "elsewhere.toml"),
        (("demo", "--directory", "."), "--directory"),
        (("init", "."), "is there already"),
        (("emulator", "--scenario", "fbm_sync.toml"), "cannot be read as JSON"),
    ],
)
def test_a_wrong_word_is_said_back_with_what_to_do_and_nothing_is_asked(shop, command, words, told):
    code, out, err = command(*words)
    assert code == 2
    assert told in err
    assert out == ""
    assert shop.get("/_emulator/requests").json()["last"] == 0
    code, out, _ = command(*words, "--json")
    assert code == 2
    document = json.loads(out)
    assert any(told in text for text in (*document["problems"], document["next"]))


@pytest.mark.parametrize(
    "words", [("nonsense",), ("demo", "--days", "99"), ("explain",), ("sync", "--colour")]
)
def test_a_word_that_is_no_option_is_refused(command, words):
    code, out, err = command(*words)
    assert code == 2
    assert "Usage:" in err
    assert out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version",), "fbm-sync "),
        (("--help",), "before or after the command"),
        (("emulator", "--help"), "/_emulator/faults"),
        (("db", "--help"), "upgrade"),
    ],
)
def test_what_needs_no_shop_works_anywhere(command, words, said):
    code, out, _ = command(*words)
    assert code == 0
    assert said in out


def test_a_first_day_reads_well(shop, command):
    code, out, _ = command("plan")
    assert (code, "run 'fbm-sync sync' first" in out) == (0, True)

    code, out, _ = command("sync", "--plan")
    assert code == 0
    assert "not known yet" in out
    assert "Nothing was read or written" in out

    code, out, _ = command("sync")
    assert code == 0
    assert "1 new" in out
    assert "2 differ from what Amazon shows" in out
    assert "use --apply" in out

    code, out, _ = command("push")
    assert (code, "would accept" in out) == (0, True)

    code, out, _ = command("orders")
    assert code == 0
    assert ORDER_ID in out
    assert "1 orders" in out

    code, out, _ = command("explain", ORDER_ID)
    assert "on the shelf" in out
    code, out, _ = command("explain", "CUP")
    assert "What it rests on" in out
    assert "Decided" in out

    code, out, _ = command("push", "--apply")
    assert (code, "accepted" in out) == (0, True)
    code, out, _ = command("push")
    assert "Nothing to change" in out
    code, out, _ = command("plan", "--changed")
    assert "0 shown; 2 listings, 2 decided anew, 0 should change." in out


def test_only_what_was_read_is_reported(shop, command):
    _, out, _ = command("sync", "--only", "orders")
    assert "Orders" in out
    assert "Supply" not in out
    assert "Plan" not in out
    _, out, _ = command("sync", "--order", ORDER_ID)
    assert "Orders   1 read" in out
    assert "Offers" not in out
    _, out, _ = command("sync", "--only", "supply")
    assert "2 SKUs in the stock list" in out


def test_orders_that_nothing_is_left_of_say_so(shop, command, document):
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    shop.post("/_emulator/orders", json={"ship": [{"order_id": ORDER_ID, "shipped_at": an_hour_ago}]})
    document("sync", "--order", ORDER_ID)  # a search shows such a fresh change only minutes later
    assert document("orders") == []
    (order,) = document("orders", "--all")
    assert order["state"] is None
    assert "Nothing of it is left to ship" in order["reason"]
    _, out, _ = command("explain", ORDER_ID)
    assert "Nothing of it is left to ship" in out


def test_the_schema_can_be_looked_at_and_brought_up(shop, command, document):
    before = document("db", "status", code=1)
    assert before["current"] is None
    code, out, _ = command("db", "status")
    assert (code, "Run 'fbm-sync db upgrade'" in out) == (1, True)
    assert document("db", "upgrade")["ready"] is True
    code, out, _ = command("db", "status")
    assert (code, "what this version needs" in out) == (0, True)


def test_a_pause_is_confirmed_and_ended(shop, command, document):
    assert document("pause", "--reason", "stock-taking") == {"paused": True, "reason": "stock-taking"}
    assert document("sync", "--apply", code=3)["push"]["held"] == 1
    assert document("resume") == {"paused": False, "reason": None}
    code, out, _ = command("alerts")
    assert code == 0
    assert "open" in out


def test_an_alert_can_be_silenced_for_a_while(shop, command, document, tmp_path):
    alert = an_alert(a_finding(text="Its stock comes too late."))
    with (
        open_ledger(f"sqlite:///{tmp_path}/fbm_sync.db", create=True) as ledger,
        ledger.transaction() as books,
    ):
        books.alerts.record([alert])
        step = a_step(alert)
        books.alerts.outbox.enqueue(
            [Envelope(channel="log", transition=step, purpose=Purpose.NEWS, not_before=step.at)]
        )
    code, out, _ = command("alerts", "--snooze", alert.key, "--for", "4h")
    assert (code, "silent until" in out) == (0, True)
    (silent,) = document("alerts", "--open")
    assert silent["snoozed_until"] is not None
    assert silent["channels"] == ["log"]
    code, out, _ = command("alerts", "--ack", alert.key)
    assert code == 0
    assert document("alerts")[0]["acknowledged_at"] is not None


def test_a_test_that_arrives_makes_up_for_earlier_failures(shop, command, document, tmp_path):
    with open_ledger(f"sqlite:///{tmp_path}/fbm_sync.db", create=True) as ledger:
        with ledger.transaction() as books:
            failing = ChannelState(channel="log", failing_since=NOW, failures=1)
            books.alerts.outbox.record_channel(failing)
        assert document("alerts", "--test", "log")["delivered"] is True
        with ledger.transaction() as books:
            assert books.alerts.outbox.channels() == {"log": ChannelState(channel="log")}


def test_a_store_that_is_no_database_is_told_without_a_traceback(shop, command, tmp_path):
    (tmp_path / "fbm_sync.db").write_text("my shopping list, quite long enough to be something else")
    code, out, err = command("orders")
    assert (code, out) == (2, "")
    assert "not an SQLite database" in err
    code, out, _ = command("orders", "--json")
    assert "not an SQLite database" in json.loads(out)["error"]


def test_an_emulator_whose_port_is_taken_says_so_and_nothing_else(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = command("emulator", "--port", str(port))
    assert (code, out) == (2, "")
    assert f"--port {port}: Address already in use" in err
    assert "answers on" not in err


def test_an_emulator_serves_until_it_is_told_to_stop(command, monkeypatch):
    served = []

    def serve(world, port, announce):
        announce(f"http://127.0.0.1:{port}")
        served.append((port, world.rules.seed))

    monkeypatch.setattr("fbm_sync.emulator.server.serve", serve)
    code, _, err = command("emulator", "--port", "9481", "--seed", "3")
    assert (code, served) == (0, [(9481, 3)])
    assert 'endpoint       = "http://127.0.0.1:9481"' in err


def test_a_progress_bar_is_shown_on_a_terminal_only(monkeypatch, capsys):
    with Screen().watching() as progress:
        progress("orders", 1, 2)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with Screen().watching() as progress:
        progress("orders", 1, None)
        progress("orders", 2, 2)


def test_a_step_of_unknown_length_is_over_when_the_next_one_of_its_account_begins(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    shown = {}
    with Screen().watching() as progress:
        bars = progress._bars

        def look():
            shown.update({task.description: (task.completed, task.total) for task in bars.tasks})
            return shown

        progress("main: orders", 7, None)
        progress("uk: orders", 5, None)
        progress("main: waiting", 0, None, wait=Wait(operation="searchOrders", seconds=3))
        assert look()["main: orders"] == (7, None), "to wait ends nothing"
        progress("main: offers", 0, 40)
        assert look()["main: orders"] == (7, 7)
        assert look()["main: listings"] == (0, 40)
        assert look()["uk: orders"] == (5, None), "others are still at it"
        progress("main: zero", 1, 2)
        assert "main: taking off sale" in look()


def test_a_short_demo_is_narrated_and_summed_up(command, document):
    code, out, _ = command("demo", "--days", "1")
    assert code == 0
    assert "Day 1 ·" in out
    assert "What happened in 1 simulated days" in out
    assert out.count("fbm-sync --config fbm_sync_demo/fbm_sync.toml") == 2
    code, out, _ = command("orders", "--config", "fbm_sync_demo/fbm_sync.toml")
    assert (code, "UNSHIPPED" in out) == (0, True)


def test_an_order_due_earlier_than_its_listing_says_is_told_with_what_is_open(shop, command, document):
    document("sync")
    due_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    wish = {"order_id": "111-0000000-0000009", "items": [{"sku": "CUP", "quantity": 25}], "ship_by": due_at}
    assert shop.post("/_emulator/orders", json={"place": [wish]}).status_code == 200
    document("sync", "--order", wish["order_id"])
    document("sync")
    told = {one["kind"]: one for one in document("alerts", "--open")}
    assert wish["order_id"] in told["promise_mismatch"]["orders"]
    assert "Of 1 recent order 1 is due " in told["promise_mismatch"]["text"]

    (order,) = document("orders", "--order", wish["order_id"])
    assert sum(order["outcomes"].values()) == pytest.approx(1)
    assert [one["kind"] for one in order["choices"]] == ["cancel"]
    assert order["choices"][0]["cancelled_orders"] == 1
    assert order["action"].startswith("Find the units elsewhere, or cancel early")
    _, out, _ = command("orders", "--order", wish["order_id"])
    assert f"What is open for {wish['order_id']}, least bad first:" in out
    assert "1. Find the units elsewhere" in out
