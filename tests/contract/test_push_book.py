"""What is on its way to Amazon is remembered from one process to the next: on SQLite and PostgreSQL alike."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.ports import OpenFeed

from builders import ACCOUNT, NOW, a_change

OTHER = "uk"
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(minutes=5)
SKUS = ("A", "B", "C")


class UndoneError(Exception):
    """Ends a transaction that nobody shall see."""


@pytest.fixture
def ledger(ledger_url):
    with open_ledger(ledger_url, create=True) as ledger:
        yield ledger


@pytest.fixture
def books(ledger):
    with ledger.transaction() as books:
        yield books


def a_feed(books, *skus, account=ACCOUNT, at=NOW):
    changes = [a_change(0, 5, sku) for sku in skus]
    return books.pushes.begin_feed(account, changes, "run", at)


# --- one writer ----------------------------------------------------------------------------------------

_some = st.sets(st.sampled_from(SKUS), max_size=3)
_deeds = st.one_of(
    st.tuples(st.just("claim"), st.sampled_from(("one", "two")), _some),
    st.tuples(st.just("release"), st.sampled_from(("one", "two")), _some),
    st.tuples(st.just("begin"), st.sampled_from(("one", "two")), _some),
    st.tuples(st.just("close"), st.just(""), st.just(frozenset())),
    st.tuples(st.just("wait"), st.just(""), st.just(frozenset())),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deeds=st.lists(_deeds, max_size=14))
def test_whatever_two_writers_do_a_sku_is_taken_by_one_of_them_or_by_a_feed(ledger, deeds):
    """Beside a model of three lines: who has a SKU, until when, or which feed."""
    with contextlib.suppress(UndoneError), ledger.transaction() as books:
        now, taken, feeds = NOW, {}, {}
        for deed, holder, skus in deeds:
            if deed == "wait":
                now += timedelta(minutes=3)
            elif deed == "claim":
                free = {
                    sku
                    for sku in skus
                    if sku not in taken
                    or (taken[sku][1] is not None and (taken[sku][0] == holder or taken[sku][1] <= now))
                }
                until = now + timedelta(minutes=5)
                assert books.pushes.claim(ACCOUNT, skus, holder, now, until) == free
                taken |= dict.fromkeys(free, (holder, until))
            elif deed == "release":
                books.pushes.release(ACCOUNT, skus, holder)
                ours = {sku for sku in skus & taken.keys() if taken[sku][0] == holder and taken[sku][1]}
                taken = {sku: one for sku, one in taken.items() if sku not in ours}
            elif deed == "begin":
                ours = {sku for sku in skus & taken.keys() if taken[sku][0] == holder and taken[sku][1]}
                if ours:
                    feeds[a_feed(books, *sorted(ours), at=now)] = ours
                    taken |= dict.fromkeys(ours, ("feed", None))
            elif feeds:
                number, its = feeds.popitem()
                assert books.pushes.close_feed(number, "DONE", now) == its
                taken = {sku: one for sku, one in taken.items() if sku not in its}
        assert books.pushes.in_feeds(ACCOUNT) == {sku for sku, one in taken.items() if one[1] is None}
        raise UndoneError


def test_a_writer_may_take_again_what_it_has_and_gets_more_time(books):
    assert books.pushes.claim(ACCOUNT, ["A"], "one", NOW, SOON) == {"A"}
    assert books.pushes.claim(ACCOUNT, ["A"], "one", NOW, LATER) == {"A"}
    assert books.pushes.claim(ACCOUNT, ["A"], "two", SOON, LATER) == frozenset()
    assert books.pushes.claim(ACCOUNT, ["A"], "two", LATER, LATER) == {"A"}


def test_who_came_too_late_lets_nothing_go_that_another_has_taken_since(books):
    books.pushes.claim(ACCOUNT, ["A"], "one", NOW, SOON)
    books.pushes.claim(ACCOUNT, ["A"], "two", SOON, LATER)
    books.pushes.release(ACCOUNT, ["A"], "one")
    assert books.pushes.claim(ACCOUNT, ["A"], "three", SOON, LATER) == frozenset()


def test_thousands_of_skus_are_taken_and_let_go_at_once(books):
    skus = [f"{number:05}" for number in range(5_000)]
    assert books.pushes.claim(ACCOUNT, skus, "one", NOW, LATER) == set(skus)
    books.pushes.release(ACCOUNT, skus[1:], "one")
    assert books.pushes.claim(ACCOUNT, skus, "two", NOW, LATER) == set(skus[1:])


# --- feeds ---------------------------------------------------------------------------------------------


def test_a_feed_is_found_by_the_next_process_with_all_its_changes(ledger, ledger_url):
    with ledger.transaction() as books:
        first = a_feed(books, "A", "B")
        second = a_feed(books, "C", at=SOON)
        theirs = a_feed(books, "A", account=OTHER)
        books.pushes.feed_submitted(second, "feed-2", LATER)
    with open_ledger(ledger_url) as other, other.snapshot() as books:
        assert books.pushes.open_feeds(ACCOUNT) == (
            OpenFeed(number=first, account=ACCOUNT, begun_at=NOW),
            OpenFeed(number=second, account=ACCOUNT, begun_at=SOON, feed_id="feed-2", submitted_at=LATER),
        )
        assert [one.number for one in books.pushes.open_feeds(OTHER)] == [theirs]
        assert books.pushes.changes_of(first) == (a_change(0, 5, "A"), a_change(0, 5, "B"))
        assert books.pushes.in_feeds(ACCOUNT) == {"A", "B", "C"}


def test_a_feed_that_is_over_is_counted_and_its_skus_are_free(books):
    number = a_feed(books, "A")
    books.pushes.feed_submitted(number, "feed-1", SOON)
    assert books.pushes.close_feed(number, "DONE", LATER) == {"A"}
    assert (books.pushes.open_feeds(ACCOUNT), books.pushes.in_feeds(ACCOUNT)) == ((), frozenset())
    assert books.pushes.changes_of(number) == ()
    assert books.pushes.known_feed_ids(ACCOUNT) == {"feed-1"}
    assert books.pushes.known_feed_ids(OTHER) == frozenset()
    assert books.pushes.claim(ACCOUNT, ["A"], "one", LATER, LATER + timedelta(minutes=5)) == {"A"}
    assert a_feed(books, "B", at=LATER) != number


def test_only_feeds_that_were_worked_off_tell_how_long_one_takes_the_latest_first(books):
    for minutes, state in ((1, "DONE"), (2, "FATAL"), (3, "DONE"), (4, "DONE"), (5, "CANCELLED")):
        number = a_feed(books, f"SKU-{minutes}", at=NOW)
        books.pushes.feed_submitted(number, f"feed-{minutes}", NOW)
        books.pushes.close_feed(number, state, NOW + timedelta(minutes=minutes))
    books.pushes.close_feed(a_feed(books, "never handed in"), "DONE", LATER)
    assert books.pushes.latest_feed_times(ACCOUNT, 2) == (timedelta(minutes=4), timedelta(minutes=3))
    assert len(books.pushes.latest_feed_times(ACCOUNT, 9)) == 3
    assert books.pushes.latest_feed_times(OTHER, 9) == ()


def test_feeds_are_counted_from_when_they_were_begun(books):
    for at in (NOW, SOON, LATER):
        a_feed(books, f"SKU-{at:%M}", at=at)
    assert [books.pushes.feeds_begun_since(ACCOUNT, at) for at in (NOW, SOON, LATER)] == [3, 2, 1]
    assert books.pushes.feeds_begun_since(OTHER, NOW) == 0


def test_what_was_zeroed_in_spite_of_a_feed_stays_its_own_and_is_told_apart(books):
    number = a_feed(books, "A", "B")
    books.pushes.overtaken(number, "A")
    assert books.pushes.overtakable(number) == {"B"}
    assert books.pushes.in_feeds(ACCOUNT) == {"A", "B"}
    assert books.pushes.close_feed(number, "DONE", LATER) == {"B"}
