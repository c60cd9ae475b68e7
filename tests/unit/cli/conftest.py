"""The command inside the test's own process: quick, and its clock can be frozen."""

import json
import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog
from shop_data import CREDENTIALS, MARKETPLACE_ID, SELLER_ID, config_text

import fbm_sync.adapters.store.ledger  # noqa: F401 - pydantic cannot build its schemas in frozen time
from fbm_sync.cli.commands import run
from fbm_sync.emulator import load_scenario, running


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FBM_SYNC_CONFIG", raising=False)

    def run_one(*words):
        code = run(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    yield run_one
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__module__ == "fbm_sync.logs":
            root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("fbm_sync.adapters.notify").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def shop(command, tmp_path):
    """A small shop in the working folder, with its Amazon; answers the Amazon's control client."""
    scenario = {
        "seller_id": SELLER_ID,
        "marketplace_id": MARKETPLACE_ID,
        "rate_factor": 100,
        "apply_seconds": 0,
        "report_seconds": 0,
        "listings": [
            {"sku": sku, "quantity": units, "handling_days": 2} for sku, units in (("CUP", 30), ("MUG", 0))
        ],
        "orders": [
            {
                "order_id": "111-0000000-0000001",
                "created_at": (datetime.now(UTC) - timedelta(hours=3)).isoformat(),
                "items": [{"sku": "CUP", "quantity": 3}],
                "ship_by": "2099-01-01T00:00:00Z",
            }
        ],
    }
    with running(load_scenario(scenario)) as url, httpx.Client(base_url=url, trust_env=False) as amazon:
        text = config_text(url, 100.0).replace("[policy.default]", "[policy.default]\nlatency_risk = 1.0")
        (tmp_path / "fbm_sync.toml").write_text(text)
        counted_at = datetime.now(UTC).isoformat()
        (tmp_path / "supply").mkdir()
        rows = f"sku,on_hand,counted_at\nCUP,20,{counted_at}\nMUG,5,{counted_at}\n"
        (tmp_path / "supply" / "stock.csv").write_text(rows)
        yield amazon


@pytest.fixture
def document(command):
    """Runs a command with --json and returns its document; the exit code is checked."""

    def run_one(*words, code=0):
        found, out, err = command(*words, "--json")
        assert found == code, err
        return json.loads(out)

    return run_one
