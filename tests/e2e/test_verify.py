"""The installed command finds what the store has lost, and what somebody else did at Amazon."""

import contextlib
import sqlite3


def test_what_was_lost_and_what_has_drifted_is_found_and_what_can_be_is_mended(opened, small_shop, an_order):
    seller = opened(small_shop(report_seconds=0))
    seller.run("sync", code=0)
    lost = an_order(2)["order_id"]
    with contextlib.closing(sqlite3.connect(seller.database)) as store, store:
        for table in ("order_items", "order_outlooks", "outlook_history", "promise_audits", "orders"):
            store.execute(f"DELETE FROM {table} WHERE order_id = ?", (lost,))
    seller.amazon("listings", {"sku": "LAMP", "quantity": 70})

    found = seller.json("verify", "--repair", code=1)
    assert all(rule["ok"] for rule in found["invariants"]), found["invariants"]
    assert (found["missing_orders"], found["repaired"], found["not_compared"]) == ([lost], 1, [])
    assert [(one["subject"], one["shows"]["quantity"]) for one in found["drifted"]] == [("LAMP", 70)]
    assert seller.writes() == []
