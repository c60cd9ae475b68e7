"""The demo: everything it promises happens, and in the end ledger and Amazon agree, whatever day it is."""

import json
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

pytestmark = pytest.mark.timeout(300)

# In a process of its own, because the log is set up once for each process.
_PLAY = """
import dataclasses, json, sys, tempfile
from datetime import datetime
from pathlib import Path
from fbm_sync import logs
from fbm_sync.demo import story
from fbm_sync.ports import unwatched

logs.configure(quiet=True)
for days, ends_at in json.loads(sys.argv[1]):
    lines = []
    outcome = story.play(
        Path(tempfile.mkdtemp(dir=sys.argv[2])), days=days, seed=7, ends_at=datetime.fromisoformat(ends_at),
        say=lines.append, progress=unwatched,
    )
    told = {"config": "", "ends_at": ends_at, "sound": outcome.sound, "told": lines}
    print(json.dumps(dataclasses.asdict(outcome) | told), flush=True)
"""
# The ten days end on a Monday, the others on the six days after it.
ENDS = [(10, 23), *((1, day) for day in range(24, 30))]


@pytest.fixture(scope="module")
def plays(tmp_path_factory):
    """The outcomes of the stories played, the ten days first."""
    ends = [(days, datetime(2026, 11, day, 12, tzinfo=UTC).isoformat()) for days, day in ENDS]
    words = [sys.executable, "-c", _PLAY, json.dumps(ends), str(tmp_path_factory.mktemp("demo"))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_command_ends_sound_and_keeps_the_store(opened):
    seller = opened()
    outcome = seller.json("demo", "--days", "1", "--seed", "7")
    assert outcome["sound"] is True
    assert outcome["days"] == 1
    assert outcome["missing_orders"] == outcome["wrong_offers"] == []
    assert outcome["counts"]["placed"] > 20
    assert outcome["requests"].keys() >= {"searchOrders", "searchListingsItems", "patchListingsItem"}
    with sqlite3.connect(seller.folder / "fbm_sync_demo" / "fbm_sync.db") as store:
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
    assert plays[0]["slipped_orders"]
    assert plays[0]["counts"]["placed"] > 300
    waiting = len(plays[0]["slipped_orders"])
    assert f"purchase order PO-1012 slipped; orders that wait for it: {waiting}" in story
    assert plays[0]["counts"]["told"] < 5 * plays[0]["days"], "one message for many orders, not one for each"
    assert plays[0]["counts"]["throttled"] == 1


def test_it_ends_sound_on_every_day_of_the_week(plays):
    assert [(one["days"], one["sound"]) for one in plays] == [(10, True)] + 6 * [(1, True)]
    assert len({one["ends_at"][:10] for one in plays}) == 7
    for one in plays:
        assert one["missing_orders"] == one["wrong_offers"] == []
        assert one["counts"]["pushed"] > 0
