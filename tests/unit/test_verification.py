"""Is what we know true? The whole look, by hand and once a day, over two accounts."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from shop_data import CREDENTIALS, MARKETPLACE_ID, SELLER_ID, config_text

from fbm_sync import cycle
from fbm_sync.cli.screen import plain
from fbm_sync.emulator import load_scenario, running
from fbm_sync.settings import load
from fbm_sync.verification import expected_calls, verify, verify_daily
from fbm_sync.wiring import SystemClock, build

ORDER = "111-0000000-0000001"


class LaterClock(SystemClock):
    """Real time, and as much more as a test wants."""

    def __init__(self):
        self.more = timedelta()

    def now(self):
        return super().now() + self.more


@pytest.fixture
def clock():
    return LaterClock()


@pytest.fixture
def opened(tmp_path, clock):
    """Opens the house of a shop that has read one order and one listing; answers what is at Amazon."""
    with contextlib.ExitStack() as stack:

        def open_one(verify_at="04:00", **scenario):
            usual = {
                "seller_id": SELLER_ID,
                "marketplace_id": MARKETPLACE_ID,
                "rate_factor": 100,
                "report_seconds": 0,
                "listings": [{"sku": "CUP", "quantity": 3, "handling_days": 2}],
                "orders": [
                    {
                        "order_id": ORDER,
                        "created_at": (datetime.now(UTC) - timedelta(hours=3)).isoformat(),
                        "items": [{"sku": "CUP", "quantity": 1}],
                    }
                ],
            }
            url = stack.enter_context(running(load_scenario(usual | scenario)))
            text = config_text(url, 100.0) + f'\n[daemon]\nverify_at = "{verify_at}"\n'
            (tmp_path / "fbm_sync.toml").write_text(text)
            (tmp_path / "supply").mkdir(exist_ok=True)
            (tmp_path / "supply" / "stock.csv").write_text("sku,on_hand,counted_at\n")
            loaded = load(tmp_path / "fbm_sync.toml", {})
            return stack.enter_context(build(loaded, clock=clock, environ=CREDENTIALS))

        yield open_one


def noted(app):
    """What the comparison tells; others who look rarely note theirs beside it."""
    ours = {"orders_missing", "store_broken", "listing_gone", "not_verified"}
    with app.ledger.transaction() as books:
        return {(one.kind, one.severity.value) for one in books.alerts.noted() if one.kind in ours}


def forget(app, order_id=ORDER):
    """Lose an order, as no program should."""
    with app.ledger.transaction() as books:
        for table in ("order_items", "order_outlooks", "outlook_history", "promise_audits", "orders"):
            books._connection.exec_driver_sql(f"DELETE FROM {table} WHERE order_id = '{order_id}'")


def test_a_shop_that_was_just_read_is_true(opened):
    app = opened()
    cycle.run(app, cycle.Wish())
    verified = verify(app)
    assert verified.is_true, verified
    assert len(verified.invariants) >= 15
    shown = json.loads(json.dumps(verified.as_json(), default=plain))
    assert all(rule == {"name": rule["name"], "ok": True, "detail": ""} for rule in shown["invariants"])
    assert (shown["missing_orders"], shown["drifted"], shown["repaired"]) == ([], [], 0)
    assert shown["compared"] == {"orders": 1, "listings": 1}
    assert shown["not_compared"] == shown["gone_listings"] == []
    assert shown["requests"]["searchOrders"] == 1


def test_what_is_missing_is_told_as_long_as_it_is_and_mended_on_request(opened):
    app = opened()
    cycle.run(app, cycle.Wish())
    forget(app)
    verified = verify(app)
    assert (verified.is_true, verified.missing, verified.read_in) == (False, (ORDER,), 0)
    assert noted(app) == set(), "a look alone tells only whoever looks"
    verified = verify(app, repair=True)
    assert (verified.is_true, verified.missing, verified.read_in) == (True, (ORDER,), 1)
    assert noted(app) == {("orders_missing", "warning")}
    assert verify(app, repair=True).missing == ()
    assert noted(app) == set()


def test_rules_that_are_broken_are_told(opened):
    app = opened()
    cycle.run(app, cycle.Wish())
    with app.ledger.transaction() as books:
        books._connection.exec_driver_sql("UPDATE watermarks SET known_up_to = '2020-01-01 00:00:00+00:00'")
    verified = verify(app, repair=True)
    assert [rule.name for rule in verified.invariants if not rule.ok] == ["orders_are_known_as_far_as_read"]
    assert not verified.is_true
    assert noted(app) == {("store_broken", "critical")}


def test_what_could_not_be_compared_is_told_and_is_not_true(opened):
    app = opened(faults=[{"operation": "createReport", "status": 403, "forever": True}])
    cycle.run(app, cycle.Wish())
    verified = verify(app, repair=True)
    assert not verified.is_true
    (doubt,) = verified.as_json()["not_compared"]
    assert doubt["account"] == "main"
    assert doubt["why"].startswith("report of orders: ")
    assert noted(app) == {("not_verified", "warning")}


def test_the_daily_look_comes_once_a_day_also_across_restarts(opened, clock):
    app = opened()
    cycle.run(app, cycle.Wish())
    forget(app)
    assert verify_daily(app).requests == {}, "days count from the first start"
    assert verify_daily(app).requests == {}
    clock.more += timedelta(days=1)
    with structlog.testing.capture_logs() as told:
        assert verify_daily(app).requests["searchOrders"] == 1
    (line,) = [line for line in told if line["event"] == "truth_verified"]
    assert (line["missing"], line["repaired"]) == (1, 1)
    assert ("orders_missing", "warning") in noted(app)
    with build(app.settings, clock=clock, environ=CREDENTIALS) as restarted:
        assert verify_daily(restarted).requests == {}
    clock.more += timedelta(days=3)
    assert verify_daily(app).requests["searchOrders"] == 1
    assert verify_daily(app).requests == {}


def test_a_look_that_brought_the_process_down_is_not_begun_again_that_day(opened, clock, monkeypatch):
    app = opened()
    verify_daily(app)
    clock.more += timedelta(days=1)

    def dies(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("fbm_sync.verification.verify", dies)
        with pytest.raises(KeyboardInterrupt):
            verify_daily(app)
    assert verify_daily(app).requests == {}


def test_without_a_time_there_is_no_daily_look(opened, clock):
    app = opened(verify_at="")
    assert app.settings.daemon.verify_at is None
    for _ in range(3):
        assert verify_daily(app).requests == {}
        clock.more += timedelta(days=1)


def test_it_is_known_beforehand_what_a_look_costs(opened):
    app = opened()
    cycle.run(app, cycle.Wish())
    expected = expected_calls(app, "main")
    sent = verify(app).report.requests
    for operation in ("searchOrders", "searchListingsItems", "createReport", "getReportDocument"):
        assert expected[operation] == sent[operation]
    assert sent["getReport"] <= expected["getReport"]
