"""One turn over two accounts: what fails for one does not keep the other from its work."""

import contextlib
import json

import pytest
from shop_data import CREDENTIALS, MARKETPLACE_ID, config_text

from fbm_sync import cycle
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import ConfigError
from fbm_sync.report import RunReport
from fbm_sync.settings import load
from fbm_sync.wiring import build

SECRETS = CREDENTIALS | {
    name.replace("MAIN", "SECOND"): value.replace("madeup", "second") for name, value in CREDENTIALS.items()
}


def world(seller_id, **changes):
    scenario = {
        "seller_id": seller_id,
        "marketplace_id": MARKETPLACE_ID,
        "rate_factor": 100,
        "apply_seconds": 0,
        "listings": [{"sku": f"CUP-{seller_id}", "quantity": 3, "handling_days": 2}],
    }
    return load_scenario(scenario | changes)


@pytest.fixture
def two(tmp_path):
    """Builds a house of two accounts, each with an Amazon of its own."""
    with contextlib.ExitStack() as stack:

        def build_two(second):
            first_url = stack.enter_context(running(world("A1EXAMPLE")))
            second_url = stack.enter_context(running(second))
            config = config_text(first_url, 100.0)
            table = config[config.index("[[accounts]]") : config.index("[supply]")]
            table = (
                table.replace("main", "second")
                .replace("A1EXAMPLE", "A2SECOND")
                .replace(first_url, second_url)
            )
            (tmp_path / "fbm_sync.toml").write_text(config.replace("[supply]", f"{table}[supply]"))
            (tmp_path / "supply").mkdir()
            (tmp_path / "supply" / "stock.csv").write_text("sku,on_hand,counted_at\n")
            return stack.enter_context(build(load(tmp_path / "fbm_sync.toml", {}), environ=SECRETS))

        yield build_two


def test_an_account_that_is_refused_does_not_stop_the_other(two):
    others = {"client_id": "x", "client_secret": "x", "refresh_token": "x"}
    app = two(world("A2SECOND", credentials=others))
    report = cycle.run(app, cycle.Wish(apply=True))
    assert report.offers["observed"] == 1
    assert {failure.what for failure in report.failed} == {
        "orders of account second",
        "offers of account second",
    }
    assert all("Check the client id" in failure.next for failure in report.failed)
    assert list(report.watermarks) == ["main"]
    with app.ledger.transaction() as books:
        assert [one.sku for one in books.offers.decisions()] == ["CUP-A1EXAMPLE"]


def test_both_accounts_are_read_and_one_may_be_chosen(two):
    app = two(world("A2SECOND"))
    report = cycle.run(app, cycle.Wish())
    assert report.offers["observed"] == 2
    assert report.failed == []
    assert report.watermarks.keys() == {"main", "second"}
    orders_for_the_report = {"getReports": 2, "createReport": 2, "getReport": 2}
    assert report.requests == {"searchOrders": 2, "searchListingsItems": 2} | orders_for_the_report
    only = cycle.run(app, cycle.Wish(accounts=["second"]))
    assert only.watermarks.keys() == {"second"}
    assert only.requests == {"searchOrders": 1, "searchListingsItems": 1, "getReport": 1}
    with pytest.raises(ConfigError, match="known: main, second"):
        cycle.run(app, cycle.Wish(accounts=["third"]))


@pytest.mark.parametrize("part", cycle.PARTS)
def test_one_part_alone_touches_nothing_else(two, part):
    app = two(world("A2SECOND"))
    report = cycle.run(app, cycle.Wish(only=part))
    operations = {"orders": {"searchOrders"}, "offers": {"searchListingsItems"}, "supply": set()}
    assert set(report.requests) == operations[part]
    assert report.plan["skus"] == report.alerts["opened"] == 0


def test_a_report_has_every_documented_field_even_when_nothing_happened():
    report = RunReport()
    shown = json.loads(json.dumps(report.as_json()))
    assert shown["orders"] == {"pulled": 0, "new": 0, "changed": 0, "quarantined": 0}
    assert shown["push"].keys() >= {"previewed", "applied", "held", "unchanged", "rejected", "unconfirmed"}
    counts = ("opened", "escalated", "reminded", "resolved", "sent", "failed")
    assert shown["alerts"] == dict.fromkeys(counts, 0)
    assert shown["supply"] == {"skus": 0, "lots": 0, "refused": 0}
    assert shown.keys() >= {"requests", "throttled", "watermarks", "failed", "duration_seconds"}
