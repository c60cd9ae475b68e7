"""Two processes push at once on one store, SQLite or PostgreSQL: each SKU is written by one of them."""

from collections import Counter
from datetime import timedelta

import pytest
from killed_shop import KilledShop, a_stable
from shop_data import ACCOUNT

A_WHILE = timedelta(minutes=5)


@pytest.fixture(scope="module")
def stable(tmp_path_factory):
    with a_stable(tmp_path_factory.mktemp("runs")) as stable:
        yield stable


@pytest.fixture
def shop(tmp_path, ledger_url, stable):
    """A shop that sells little, so that what raises a listing may go by feed; feeds take their time."""
    options = {"skus": 60, "orders_a_day": 3, "days": 3, "store_url": ledger_url}
    with KilledShop(tmp_path / "shop", **options, stable=stable) as shop:
        shop.amazon("feeds", {"frozen": True})
        shop.live_on(A_WHILE, recounted=60)
        shop.let_feeds_be_quick(timedelta(seconds=1))
        yield shop


def patched(shop, since):
    """How often each listing was written to, by its address."""
    seen = shop.amazon(f"requests?since={since}")["requests"]
    return Counter(one["path"] for one in seen if one["operation"] == "patchListingsItem")


def test_two_processes_that_push_the_same_changes_share_the_work_and_leave_nothing_out(shop):
    wanted = shop.run("sync", "--json").document["push"]["previewed"]
    since = shop.amazon("requests")["last"]
    runs = shop.run_together(["push", "--apply", "--json"], ["push", "--apply", "--json"])

    assert [(run.returncode, run.document["failed"], run.stderr) for run in runs] == [(0, [], "")] * 2
    made, queued = (sum(run.document["push"][name] for run in runs) for name in ("applied", "queued"))
    with shop.books() as ledger, ledger.snapshot() as books:
        in_feeds = books.pushes.in_feeds(ACCOUNT)
    alone = patched(shop, since)
    assert set(alone.values()) == {1}, "nobody writes what the other has written"
    assert len(alone) == made > 0
    assert queued >= len(in_feeds) > 0
    assert {path.rpartition("/")[2] for path in alone}.isdisjoint(in_feeds)
    assert made + len(in_feeds) == wanted, "nothing is left out"

    shop.amazon("feeds", {"frozen": False})
    shop.amazon("advance", {"seconds": A_WHILE.total_seconds()})
    assert shop.run("push", "--apply").returncode == 0
    assert shop.offers_not_as_decided()[0] == []
