"""With --json every command prints one JSON document of the documented shape; logs go elsewhere."""

import json

ORDER_ID = "111-0000000-0000001"
REPORT_PARTS = {
    "orders": {"pulled", "new", "changed", "quarantined"},
    "offers": {"observed"},
    "supply": {"skus", "lots", "refused"},
    "plan": {"skus", "changed"},
    "push": {"previewed", "applied", "held", "unchanged", "rejected", "unconfirmed"},
    "alerts": {"opened", "escalated", "reminded", "resolved", "sent", "failed"},
}
REPORT = {*REPORT_PARTS, "requests", "throttled", "watermarks", "failed", "duration_seconds"}
PLAN = {"account", "sku", "mode", "desired", "observed", "change", "atp_today", "cap", "gates", "reasons"}
OFFER = {"quantity", "handling_days", "restock_on"}
ORDER = {
    *("order_id", "account", "status", "ship_by_at", "promise_on", "slack_days", "late_probability"),
    *("state", "reason", "auto_cancel_at", "items", "action", "outcomes", "choices"),
}
ITEM = {"order_item_id", "sku", "open_units", "cover"}
COVER = {"source", "lot", "units", "ready_on"}
ALERT = {
    *("key", "kind", "subject", "severity", "stage", "state", "opened_at", "text", "orders", "action"),
}
EXPLAIN = {"subject", "decision", "facts", "rules", "rejected", "decided_at", "run_id"}
WHAT_IF = {"supposed", "offers", "newly_late", "no_longer_late", "shortages", "headroom"}


def assert_report(report):
    assert report.keys() >= REPORT
    for part, names in REPORT_PARTS.items():
        assert report[part].keys() >= names
        assert all(isinstance(count, int) for count in report[part].values())
    for failure in report["failed"]:
        assert failure.keys() == {"what", "why", "next"}


def test_every_command_answers_in_its_documented_shape(seller):
    sync = seller.json("sync")
    assert_report(sync)
    assert sync["watermarks"].keys() == {"main"}
    assert sync["requests"]["searchOrders"] == 1
    asked = len(seller.requests())

    looks = {
        "estimate": ("sync", "--plan"),
        "plan": ("plan",),
        "orders": ("orders",),
        "sku": ("explain", "CUP"),
        "order": ("explain", ORDER_ID),
        "what-if": ("plan", "--what-if", "sku:CUP on_hand 1"),
    }
    found = {name: seller.json(*words) for name, words in looks.items()}
    assert len(seller.requests()) == asked, "none of these asks Amazon anything"

    assert found["estimate"].keys() == {"operations", "seconds"}
    assert {one["operation"] for one in found["estimate"]["operations"]} >= {"searchOrders"}
    for one in found["estimate"]["operations"]:
        assert one.keys() == {"operation", "calls", "seconds"}
    assert [one["sku"] for one in found["plan"]] == ["CUP", "LAMP", "MUG", "TRAY"]
    for one in found["plan"]:
        assert one.keys() >= PLAN
        assert one["desired"].keys() == one["observed"].keys() == OFFER
    assert {one["order_id"] for one in found["orders"]} == {ORDER_ID, "111-0000000-0000002"}
    for one in found["orders"]:
        assert one.keys() >= ORDER
        for item in one["items"]:
            assert item.keys() >= ITEM
            assert item["cover"]
            assert all(cover.keys() >= COVER for cover in item["cover"])
    for subject in ("sku", "order"):
        assert found[subject].keys() >= EXPLAIN
        assert found[subject]["would_change"]
    assert found["what-if"].keys() == WHAT_IF
    assert [one["sku"] for one in found["what-if"]["offers"]] == ["CUP"]

    not_found = seller.json("sync", "--order", "111-9999999-9999999", code=1)
    assert_report(not_found)
    assert not_found["failed"][0]["what"] == "order 111-9999999-9999999"


def test_global_options_stand_before_or_after_the_command_and_logs_go_to_standard_error(seller):
    config = str(seller.config)
    before = seller.run("--json", "--verbose", "--config", config, "sync", code=0)
    after = seller.run("sync", "--verbose", f"--config={config}", "--json", code=0)
    for done in (before, after):
        assert_report(done.document)
        lines = [json.loads(line) for line in done.err.splitlines()]
        assert "run_finished" in {line["event"] for line in lines}
    assert before.document["orders"]["new"] == 2
    assert after.document["orders"]["new"] == 0


def test_alerts_are_listed_acknowledged_and_tried_out(opened, small_shop, an_order):
    late = an_order(7, "TRAY", 9, hours=2)
    seller = opened(small_shop(orders=[late]))
    report = seller.json("sync")
    assert report["alerts"]["opened"] >= 1
    (risky,) = seller.json("orders", "--at-risk")
    assert risky["order_id"] == late["order_id"]
    assert {cover["source"] for item in risky["items"] for cover in item["cover"]} == {"on_hand", "shortage"}

    found = {one["kind"]: one for one in seller.json("alerts", "--open")}
    alert = next(one for one in found.values() if late["order_id"] in one["orders"])
    assert alert.keys() >= ALERT
    assert alert["state"] == "open"
    known = seller.json("alerts", "--ack", alert["key"])
    assert next(one for one in known if one["key"] == alert["key"])["acknowledged_at"] is not None
    assert seller.json("alerts", "--test", "log") == {"channel": "log", "delivered": True, "error": None}


def test_the_version_needs_no_shop(opened):
    seller = opened()
    seller.config.unlink()
    assert seller.run_as_installed("--version", code=0).out.startswith("fbm-sync ")
