"""A month of a whole shop, with its own records: first run, proof at Amazon, second run."""

from datetime import UTC, datetime

import pytest
from shop_data import DATA, generated_shop, real_shop

pytestmark = pytest.mark.timeout(300)  # a month of orders on a machine that has other things to do

PARTS = {
    "orders": {"pulled", "new", "changed", "quarantined"},
    "offers": {"observed"},
    "supply": {"skus", "lots", "refused"},
    "plan": {"skus", "changed"},
    "push": {"previewed", "applied", "held", "unchanged", "rejected", "unconfirmed"},
    "alerts": {"opened", "escalated", "reminded", "resolved", "sent", "failed"},
}


def run_twice(opened, shop):
    """Sync and apply the shop, compare ledger and Amazon, and sync again."""
    seller = opened(shop.scenario | {"apply_seconds": 1}, folder="whole")
    shop.write(seller.folder, seller.url)
    report = seller.json("sync", "--apply")
    for part, names in PARTS.items():
        assert names <= report[part].keys()
    assert report["failed"] == []

    # Every order Amazon has is recorded, in the state it has there.
    amazon = seller.amazon("state")
    recorded = {one["order_id"]: one["status"] for one in seller.json("orders", "--all")}
    missing = {one for one, order in amazon["orders"].items() if recorded.get(one) != order["status"]}
    assert missing == set()
    assert recorded.keys() == amazon["orders"].keys()
    assert report["orders"]["pulled"] == report["orders"]["new"] == len(recorded) == len(shop.sales)

    # Every changed offer is live just as it was decided.
    push, plan = report["push"], report["plan"]
    assert plan["changed"] > 0
    assert push["applied"] == plan["changed"]
    assert (push["held"], push["rejected"], push["unconfirmed"]) == (0, 0, 0)
    decided = [one for one in seller.json("plan") if one["desired"] is not None]
    assert len(decided) > 0.9 * len(amazon["listings"])
    differing = {
        one["sku"]: (one["desired"], live)
        for one in decided
        if (live := offer_at(amazon["listings"][one["sku"]])) != one["desired"]
    }
    assert differing == {}

    # Nothing has happened since: nothing is new, nothing is left to do.
    writes = len(seller.writes())
    again = seller.json("sync", "--apply")
    assert (again["orders"]["new"], again["orders"]["changed"], again["plan"]["changed"]) == (0, 0, 0)
    assert (again["push"]["applied"], again["push"]["previewed"], again["failed"]) == (0, 0, [])
    assert len(seller.writes()) == writes
    return report


def offer_at(listing):
    """What buyers see of a listing, in our words."""
    return {
        "quantity": listing["live_quantity"],
        "handling_days": listing["listing_handling_days"],
        "restock_on": listing["effective_restock_on"],
    }


def test_a_generated_shop_ends_as_decided_and_stays_so(opened):
    run_twice(opened, generated_shop(datetime.now(UTC), days=7, skus=80, orders_per_day=15))


@pytest.mark.skipif(not DATA.exists(), reason="the real order lines are not beside the checkout")
def test_a_real_shop_of_thirty_days_ends_as_decided_and_stays_so(opened):
    report = run_twice(opened, real_shop(datetime.now(UTC)))
    assert report["orders"]["pulled"] > 500
    assert report["plan"]["skus"] == 600
