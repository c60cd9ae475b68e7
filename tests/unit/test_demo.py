"""The demo's folder and its shop: nothing foreign is overwritten, the same seed gives the same shop."""

from datetime import UTC, date, datetime

import pytest

from fbm_sync.demo import story
from fbm_sync.demo.shop import KETTLE, KETTLE_PO, LANTERN, LANTERN_PO, Shop
from fbm_sync.errors import ConfigError
from fbm_sync.ports import unwatched

END = datetime(2026, 3, 2, 12, tzinfo=UTC)
START = date(2026, 2, 20)


def play(folder, **changes):
    lines = []
    terms = {"days": 1, "seed": 7, "ends_at": END, "say": lines.append, "progress": unwatched}
    return story.play(folder, **(terms | changes)), lines


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="no earlier demo wrote it") as refused:
        play(tmp_path)
    assert "--directory" in refused.value.next_step
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_can_be_played_again_in_its_own_folder_and_is_the_same(tmp_path):
    first, told = play(tmp_path / "demo")
    again, retold = play(tmp_path / "demo")
    assert first.sound
    assert again.sound
    assert told == retold
    assert first.counts == again.counts
    other, differently = play(tmp_path / "demo", seed=8)
    assert other.sound
    assert differently != told


def test_an_outcome_is_only_sound_when_nothing_is_missing_wrong_or_failed(tmp_path):
    def outcome(**changes):
        fields = {
            "days": 1,
            "counts": {"failed": 0},
            "requests": {},
            "missing_orders": (),
            "wrong_offers": (),
            "slipped_orders": (),
            "config": tmp_path,
            "seconds": 1.0,
        }
        return story.Outcome(**(fields | changes))

    assert outcome().sound
    assert not outcome(missing_orders=("111-1",)).sound
    assert not outcome(wrong_offers=(KETTLE,)).sound
    assert not outcome(counts={"failed": 1}).sound


def test_the_shop_keeps_its_own_books():
    shop = Shop(7, START)
    assert len(shop.products) == 40
    assert {po.po_id for po in shop.purchase_orders} == {LANTERN_PO, KETTLE_PO}
    before = shop.products[LANTERN].on_hand
    assert not shop.take({LANTERN: before + 1, KETTLE: 1}), "all or nothing"
    assert shop.products[LANTERN].on_hand == before
    assert shop.take({LANTERN: before})
    slipped = shop.slip(KETTLE_PO, 9)
    assert slipped.promised_on == date(2026, 3, 10)
    assert [po.po_id for po in shop.receive(date(2026, 2, 26))] == [LANTERN_PO]
    assert shop.products[LANTERN].on_hand == 90
    assert shop.receive(date(2026, 2, 26)) == []
