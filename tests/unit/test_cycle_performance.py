"""Amazon's report on the account is read once a day and kept; whatever is in its way, the rest goes on."""

import contextlib

import pytest
from shop_data import CREDENTIALS, MARKETPLACE_ID, SELLER_ID, config_text

from fbm_sync import cycle
from fbm_sync.emulator import load_scenario, running
from fbm_sync.estimate import estimate
from fbm_sync.settings import load
from fbm_sync.wiring import build


@pytest.fixture
def shop(tmp_path):
    """Builds a house whose Amazon takes so long for a report."""
    with contextlib.ExitStack() as stack:

        def build_shop(report_seconds=0, **scenario):
            usual = {
                "seller_id": SELLER_ID,
                "marketplace_id": MARKETPLACE_ID,
                "rate_factor": 100,
                "report_seconds": report_seconds,
                "listings": [{"sku": "CUP", "quantity": 3}],
            }
            url = stack.enter_context(running(load_scenario(usual | scenario)))
            (tmp_path / "fbm_sync.toml").write_text(config_text(url, 100.0))
            (tmp_path / "supply").mkdir(exist_ok=True)
            (tmp_path / "supply" / "stock.csv").write_text("sku,on_hand,counted_at\n")
            return stack.enter_context(build(load(tmp_path / "fbm_sync.toml", {}), environ=CREDENTIALS))

        yield build_shop


def reports(report):
    return {name: sent for name, sent in report.requests.items() if "Report" in name}


def kept(app):
    with app.ledger.transaction() as books:
        return books.health.performance("main")


def test_amazons_report_is_read_with_the_first_run_of_the_day_and_kept(shop):
    app = shop()
    planned = {call.operation for call in estimate(app, cycle.Wish()).operations}
    assert {"getReports", "createReport", "getReport"} <= planned
    assert reports(cycle.run(app, cycle.Wish())) == {
        "getReports": 1,
        "createReport": 1,
        "getReport": 1,
        "getReportDocument": 1,
    }
    assert [place.marketplace for place in kept(app).marketplaces] == [MARKETPLACE_ID]
    assert reports(cycle.run(app, cycle.Wish())) == {}
    planned = {call.operation for call in estimate(app, cycle.Wish()).operations}
    assert "createReport" not in planned


@pytest.mark.parametrize("wish", [cycle.Wish(only="orders"), cycle.Wish(order_ids=["111-0000000-0000001"])])
def test_a_run_for_something_else_does_not_ask_for_it(shop, wish):
    app = shop()
    assert reports(cycle.run(app, wish)) == {}
    assert kept(app) is None


def test_a_run_does_not_wait_for_a_report_and_the_next_process_finds_it(shop):
    app = shop(report_seconds=0.5)
    first = cycle.run(app, cycle.Wish())
    assert (first.failed, kept(app)) == ([], None)
    with build(app.settings, environ=CREDENTIALS) as other:
        # The daemon waits; nobody orders a second report.
        waited = cycle.Turn(other, cycle.Wish()).only(cycle.Turn(other, cycle.Wish()).awaited_performance)
        assert waited.failed == []
        assert "createReport" not in other.account("main").gateway.requests
    assert kept(app) is not None


def test_an_account_that_may_not_read_it_works_on_without(shop):
    app = shop(faults=[{"operation": "createReport", "status": 403, "forever": True}])
    report = cycle.run(app, cycle.Wish())
    assert (report.failed, kept(app)) == ([], None)
    assert report.offers["observed"] == 1


def test_any_other_trouble_with_it_is_a_line_of_the_report(shop):
    app = shop(faults=[{"operation": "createReport", "status": 400, "forever": True}])
    assert [one.what for one in cycle.run(app, cycle.Wish()).failed] == ["performance of account main"]
