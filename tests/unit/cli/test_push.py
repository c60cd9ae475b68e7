"""`fbm-sync push`: what it shows has a checksum, what is held is listed, and a person answers it."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from shop_data import CREDENTIALS, SELLER_ID

from fbm_sync.cli import push as pushing
from fbm_sync.emulator import load_scenario, running
from fbm_sync.flows.agenda import preview
from fbm_sync.settings import load
from fbm_sync.wiring import build


@pytest.fixture
def held(shop, command, tmp_path):
    """The small shop with its raise of MUG held; answers the id of the hold."""
    config = tmp_path / "fbm_sync.toml"
    text = config.read_text().replace("max_raised_units = 1000000000", "max_raised_units = 2")
    config.write_text(text if "max_raised_units" in text else f"{text}\n[limits]\nmax_raised_units = 2\n")
    command("sync")
    code, out, _ = command("push")
    assert code == 3
    assert "Holds in force" in out
    (line,) = [line for line in out.splitlines() if "--release" in line]
    return line.split("--release ")[1].split("'")[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only-if", "abc"), "together with --apply"),
        (("--drop", "feedbeef"), "no such hold in force (in force: none)"),
        (("--drop", "feedbeef", "--only-if", "abc", "--apply"), "--drop: say no first"),
        (("--drop", "feedbeef", "--release", "feedbeef", "--apply"), "--drop: say no first"),
        (("--release", "feedbeef", "--only-if", "abc"), "--only-if: it says when to write"),
    ],
)
def test_options_that_say_nothing_or_contradict_each_other_are_refused(shop, command, words, told):
    code, out, err = command("push", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert shop.get("/_emulator/requests").json()["last"] == 0


def _planned(document, *words):
    return {one["operation"]: one["calls"] for one in document("sync", "--plan", *words)["operations"]}


def test_only_what_was_shown_is_written(shop, command, document, tmp_path):
    command("sync")
    _, out, _ = command("push")
    shown = document("push")
    assert f"Checksum {shown['checksum']}" in out
    assert [(one["sku"], one["held"]) for one in shown["changes"]] == [("CUP", False), ("MUG", False)]
    assert shown["changes"][1]["before"]["quantity"] == 0
    assert shown["changes"][1]["after"]["quantity"] == 5
    assert _planned(document, "--apply")["patchListingsItem"] == _planned(document)["validationPreview"] == 2
    only_cup = document("push", "--sku", "CUP")["checksum"]
    assert only_cup != shown["checksum"]

    stock = tmp_path / "supply" / "stock.csv"
    stock.write_text(stock.read_text().replace("MUG,5", "MUG,6"))
    command("sync")
    code, out, err = command("push", "--apply", "--only-if", shown["checksum"])
    assert (code, out) == (2, "")
    assert "was not reviewed" in err
    assert _live(shop)["MUG"] == 0

    report = document("push", "--apply", "--only-if", only_cup, "--sku", "CUP")
    assert report["push"]["applied"] == 1
    now = document("push")["checksum"]
    assert document("push", "--apply", "--only-if", now)["push"]["applied"] == 1
    assert _live(shop) == {"CUP": 17, "MUG": 6}
    nothing = document("push")
    assert nothing["changes"] == []
    assert "validationPreview" not in _planned(document), "what is done already costs nothing"
    assert document("push", "--apply", "--only-if", nothing["checksum"])["push"]["applied"] == 0


def _live(shop):
    listings = shop.get("/_emulator/state").json()["listings"]
    return {sku: listing["live_quantity"] for sku, listing in listings.items()}


def test_a_hold_is_shown_let_go_and_asked_for_no_more(shop, held, command, document):
    (shown,) = document("push", code=3)["holds"]
    assert shown.keys() == {"hold_id", "account", "held_at", "reasons", "changes", "released_at"}
    assert (shown["hold_id"], shown["account"], shown["changes"]) == (held, "main", 1)
    assert shown["reasons"] == ["5 units raised, limits.max_raised_units allows 2"]
    _, out, _ = command("explain", "MUG")
    assert f"The change waits for a person (hold {held}): 5 units raised" in out
    command("pause")
    code, out, _ = command("push", "--apply", "--release", held)
    assert code == 3, "released, it goes as soon as raises may go"
    assert "released" in out
    assert "waits for you" not in out
    command("resume")
    assert "released" in command("push", "--apply")[1]
    assert _live(shop)["MUG"] == 5


def test_a_person_says_no_and_hears_of_it_wherever_the_sku_is_shown(shop, held, command, document):
    code, out, _ = command("push", "--drop", held)
    assert code == 0
    assert "Dropped: 1 change is not made until something else is decided." in out
    assert "Held" not in out
    assert "1 dropped" in out
    report = document("push", "--apply")
    assert (report["push"]["dropped"], report["push"]["held"], report["holds"]) == (1, 0, [])
    assert document("sync", "--apply")["push"]["dropped"] == 1
    assert _live(shop)["MUG"] == 0
    _, out, _ = command("explain", "MUG")
    assert "A person said no to this change on" in out
    assert f"(hold {held})" in out
    assert "is not made until something else is decided" in document("explain", "MUG")["decision"]
    code, _, err = command("push", "--drop", held)
    assert code == 2
    assert "in force: none" in err


def test_a_locked_sku_is_shown_as_locked_and_left_alone(shop, command, document, tmp_path):
    (tmp_path / "supply" / "catalog.csv").write_text("sku,locked\nCUP,yes\n")
    command("sync", "--apply")
    assert _live(shop) == {"CUP": 30, "MUG": 5}
    plan = {one["sku"]: one for one in document("plan")}
    assert plan["CUP"]["desired"] is None
    assert "locked" in plan["CUP"]["reasons"][0]
    _, out, _ = command("explain", "CUP")
    assert "locked in the catalogue" in out
    (tmp_path / "supply" / "catalog.csv").write_text("sku,locked\nCUP,\nMUG,perhaps\n")
    code, _, err = command("sync")
    assert code == 2
    assert "catalog.csv line 3, column locked: 'perhaps' is not one of" in err


@pytest.fixture
def two_accounts(shop, document, tmp_path, monkeypatch):
    """The small shop with a second account, which has an Amazon of its own; answers that Amazon."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name.replace("MAIN", "SECOND"), value)
    stock = tmp_path / "supply" / "stock.csv"
    stock.write_text(f"{stock.read_text()}PEN,4,{datetime.now(UTC).isoformat()}\n")
    listings = [{"sku": "PEN", "quantity": 0, "handling_days": 2}]
    scenario = {"seller_id": "A2SECOND", "rate_factor": 100, "apply_seconds": 0, "listings": listings}
    with running(load_scenario(scenario)) as url, httpx.Client(base_url=url, trust_env=False) as amazon:
        config = tmp_path / "fbm_sync.toml"
        main, (head, _, tail) = config.read_text(), config.read_text().partition("[supply]")
        account = head[head.index("[[accounts]]") :].replace(str(shop.base_url).rstrip("/"), url)
        second = account.replace('"main"', '"second"').replace(SELLER_ID, "A2SECOND")
        config.write_text(f"{head}{second}[supply]{tail}")
        assert config.read_text() != main
        document("sync")
        yield amazon


def test_what_was_reviewed_is_all_accounts_or_nothing(two_accounts, shop, command, document):
    shown = document("push")
    assert [(one["account"], one["sku"]) for one in shown["changes"]] == [
        ("main", "CUP"),
        ("main", "MUG"),
        ("second", "PEN"),
    ]
    with build(load(Path("fbm_sync.toml"))) as app, app.ledger.transaction() as books:
        changed = dataclasses.replace(books.offers.observed("second")["PEN"], observed_at=datetime.now(UTC))
        offer = dataclasses.replace(changed.offer, handling_days=9)
        books.offers.record_observed([dataclasses.replace(changed, offer=offer)])
    code, out, err = command("push", "--apply", "--only-if", shown["checksum"])
    assert (code, out) == (2, "")
    assert "was not reviewed" in err
    assert _live(shop)["MUG"] == 0
    assert document("push", "--apply", "--only-if", document("push")["checksum"])["push"]["applied"] == 2


def test_an_account_that_changed_while_another_was_written_is_left_and_told(two_accounts, shop, command):
    def meanwhile(_task, _done, _total):
        with app.ledger.transaction() as books:
            seen = books.offers.observed("second")["PEN"]
            offer = dataclasses.replace(seen.offer, handling_days=9)
            later = dataclasses.replace(seen, offer=offer, observed_at=datetime.now(UTC))
            books.offers.record_observed([later])

    with build(load(Path("fbm_sync.toml"))) as app:
        names = ("main", "second")
        with app.ledger.snapshot() as books:
            now, limits = app.clock.now(), app.push_terms().limits
            parts = {name: preview(books, name, limits, now, ()).checksum for name in names}
        doing = pushing.Pushing(app, (), apply=True, release=None, reviewed=parts)
        doing.run(meanwhile)
    (failure,) = doing.report.failed
    assert failure.what == "push of account second"
    assert failure.why == "--only-if: the changes of account second are not those that were reviewed"
    assert _live(shop)["MUG"] == 5
    assert _live(two_accounts)["PEN"] == 0
