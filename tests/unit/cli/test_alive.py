"""`fbm-sync check --alive`: one line and an exit code for cron and monitors, from the store alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time

from fbm_sync.adapters.store.ledger import open_ledger


def were_read(folder):
    """Let the orders of the shop in a folder have been read just now."""
    with open_ledger(f"sqlite:///{folder}/fbm_sync.db", create=True) as ledger, ledger.transaction() as books:
        books.runs.succeeded("pull", "main", "run", datetime.now(UTC))


def test_it_is_alive_once_orders_were_read_and_asks_amazon_nothing(shop, command, document, tmp_path):
    were_read(tmp_path)
    asked = shop.get("/_emulator/requests").json()["last"]
    code, out, _ = command("check", "--alive")
    assert code == 0
    assert out == "alive: orders were read completely, main 0 min ago\n"
    told = document("check", "--alive")
    assert (told["alive"], told["patience_minutes"]) == (True, 60)
    assert [(one["account"], one["alive"]) for one in told["accounts"]] == [("main", True)]
    assert datetime.fromisoformat(told["accounts"][0]["read_at"]).tzinfo is not None
    assert shop.get("/_emulator/requests").json()["last"] == asked


@pytest.mark.parametrize(("minutes", "code"), [(58, 0), (62, 1)])
def test_after_an_hour_without_a_complete_reading_it_is_not(shop, command, tmp_path, minutes, code):
    were_read(tmp_path)
    with freeze_time(datetime.now(UTC) + timedelta(minutes=minutes), ignore=["asyncio", "uvicorn"]):
        found, out, _ = command("check", "--alive")
    assert found == code
    assert out.count("\n") == 1
    assert ("NOT ALIVE: orders of account main were not read completely since" in out) is bool(code)


def test_an_account_that_was_never_read_is_not_alive_though_another_is(shop, command, document, tmp_path):
    were_read(tmp_path)
    config = tmp_path / "fbm_sync.toml"
    text = config.read_text()
    account = text[text.index("[[accounts]]") : text.index("[supply]")]
    other = account.replace('"main"', '"eu"').replace('seller_id = "', 'seller_id = "X')
    config.write_text(text.replace("[supply]", f"{other}[supply]"))
    told = document("check", "--alive", code=1)
    assert told["detail"] == "NOT ALIVE: orders of account eu were not read completely yet"
    assert [(one["account"], one["read_at"] is None) for one in told["accounts"]] == [
        ("main", False),
        ("eu", True),
    ]


def test_where_there_is_no_store_it_is_not_alive_and_none_is_made(shop, command, tmp_path):
    code, out, _ = command("check", "--alive")
    assert (code, out.startswith("NOT ALIVE: "), out.count("\n")) == (1, True, 1)
    assert not list(tmp_path.glob("*.db*"))


def test_a_faulty_configuration_is_another_matter(shop, command, tmp_path):
    (tmp_path / "fbm_sync.toml").write_text("[nonsense]\n")
    code, out, err = command("check", "--alive")
    assert (code, out) == (2, "")
    assert "nonsense" in err
    code, out, _ = command("check", "--alive", "--json")
    assert (code, "problems" in json.loads(out)) == (2, True)


def test_it_loads_nothing_that_only_writes_or_asks(shop, command, tmp_path):
    were_read(tmp_path)
    look = (
        "import sys; from fbm_sync.cli.commands import run; code = run(['check', '--alive']); "
        "print(code, sorted({'apprise', 'sp_api', 'apscheduler', 'holidays', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
