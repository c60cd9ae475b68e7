"""The demo: everything it promises happens, and in the end ledger and Amazon agree, whatever day it is."""

import json
import sqlite3

import pytest

pytestmark = pytest.mark.timeout(400)  # the demos are played in the background, one after another


@pytest.fixture(scope="module")
def plays(demos):
    """The outcomes of the stories played, the ten days first."""
    done = demos["plays"].result()
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_plays_ten_days_that_end_sound_and_keeps_the_store(demos):
    done = demos["command"].result()
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["sound"] is True
    assert outcome["days"] == 10
    assert outcome["missing_orders"] == outcome["wrong_offers"] == []
    assert len(outcome["slipped_orders"]) >= 1
    assert outcome["counts"]["throttled"] >= 1
    assert outcome["counts"]["placed"] > 300
    assert outcome["requests"].keys() >= {"searchOrders", "searchListingsItems", "patchListingsItem"}
    database = demos["folder"] / "fbm_sync_demo" / "fbm_sync.db"
    with sqlite3.connect(database) as store:
        assert store.execute("SELECT count(*) FROM orders").fetchone() == (outcome["counts"]["placed"],)


def test_every_promised_event_happens_in_ten_days(plays):
    story = "\n".join(plays[0]["told"])
    for event in (
        "LANTERN-CAMP: sold from stock → sold ahead of inbound",
        "back in stock",
        "LANTERN-CAMP: sold ahead of inbound → sold from stock",
        "KETTLE-COPPER: sold from stock → sold ahead of inbound",
        "SLIP   Lumen Works moves PO-1012",
        "asks to cancel it",
        "do not ship: the buyer asks to cancel",
        "SELLER cancels order",
        "T-4 · order",
        "FOUND  order",
        "AMAZON said 'too many requests'; the daemon waited",
    ):
        assert event in story, event
    for order_id in plays[0]["slipped_orders"]:
        assert f"order {order_id} will ship late" in story
    assert plays[0]["counts"]["throttled"] == 1


def test_it_ends_sound_on_every_day_of_the_week(plays):
    assert [(one["days"], one["sound"]) for one in plays] == [(10, True)] + 6 * [(3, True)]
    assert len({one["ends_at"][:10] for one in plays}) == 7
    for one in plays:
        assert one["missing_orders"] == one["wrong_offers"] == []
        assert one["counts"]["pushed"] > 0
