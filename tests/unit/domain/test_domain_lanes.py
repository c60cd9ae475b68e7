"""Which way a change goes: alone or in a feed, whichever is done first without overselling."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.lanes import (
    USUAL_FEED_TIME,
    LaneTerms,
    choose_lanes,
    feed_done,
    patches_done,
    usual_feed_time,
)

from builders import a_change

SMALL = LaneTerms(most_in_feed=10, feed_time=timedelta(seconds=4))
QUANTITIES = st.integers(0, 9)
steps = st.lists(st.tuples(QUANTITIES, QUANTITIES, QUANTITIES), max_size=80)


def shop(rows):
    changes = [a_change(before, after, f"S{number:02}") for number, (before, after, _) in enumerate(rows)]
    return changes, {f"S{number:02}": sold for number, (_, _, sold) in enumerate(rows)}


@given(steps)
def test_every_change_goes_exactly_one_way_and_keeps_its_turn(rows):
    changes, sold = shop(rows)
    lanes = choose_lanes(changes, sold, SMALL)
    gone = [*lanes.alone, *(one for feed in lanes.feeds for one in feed)]
    assert sorted(gone, key=changes.index) == changes
    assert list(lanes.alone) == sorted(lanes.alone, key=changes.index)
    assert all(len(feed) <= SMALL.most_in_feed for feed in lanes.feeds)


@given(steps)
def test_what_lowers_and_what_sells_fast_never_waits_in_a_feed(rows):
    changes, sold = shop(rows)
    for feed in choose_lanes(changes, sold, SMALL).feeds:
        for one in feed:
            assert one.after.quantity >= max(one.before.quantity, 1, sold[one.sku])


@given(st.integers(0, 300), st.integers(0, 3), st.integers(1, 60))
def test_no_other_way_for_a_batch_would_be_done_sooner(count, feeds_left, seconds):
    terms = LaneTerms(most_in_feed=40, feeds_left=feeds_left, feed_time=timedelta(seconds=seconds))
    changes = [a_change(0, 5, f"S{number:03}") for number in range(count)]
    lanes = choose_lanes(changes, {}, terms)
    done = patches_done(len(lanes.alone), terms)
    for number, feed in enumerate(lanes.feeds, start=1):
        assert feed_done(number, len(feed), terms) < patches_done(count, terms)
    if len(lanes.alone) == count:
        assert done <= feed_done(1, min(count, 40), terms) or count > 40


def test_a_few_changes_go_alone_and_a_whole_shop_in_feeds():
    few = [a_change(0, 5, f"S{number}") for number in range(1_000)]
    many = [a_change(0, 5, f"S{number}") for number in range(60_000)]
    assert choose_lanes(few, {}, LaneTerms()).feeds == ()
    lanes = choose_lanes(many, {}, LaneTerms())
    assert ([len(feed) for feed in lanes.feeds], lanes.alone) == ([25_000, 25_000, 10_000], ())


def test_how_long_a_feed_takes_is_learned_from_the_latest_five():
    spans = [timedelta(minutes=minutes) for minutes in (3, 90, 4, 2, 5, 600, 600)]
    assert usual_feed_time(spans) == timedelta(minutes=4)
    assert usual_feed_time([]) == USUAL_FEED_TIME
