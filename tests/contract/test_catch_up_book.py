"""How far a catch-up has come is remembered from one process to the next: on SQLite and PostgreSQL alike."""

import contextlib
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.order import OrderStatus
from fbm_sync.ports import CatchUp, CatchUpWalk, OrderWindow, PageCursor

from builders import ACCOUNT, NOW, a_shipped_order, an_order, in_days

OTHER = "uk"

_moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_counts = st.integers(min_value=0, max_value=10**6)
catch_ups = st.builds(
    CatchUp,
    begun_at=_moments,
    since=_moments,
    until=_moments,
    fresh_up_to=_moments,
    joins=st.booleans(),
    slice_span=st.builds(timedelta, seconds=st.integers(min_value=1, max_value=10**7)),
    moved_at=_moments,
    open_read=st.booleans(),
    reported=st.booleans(),
    left_orders=st.none() | _counts,
)
cursors = st.builds(
    PageCursor,
    window=st.builds(OrderWindow, since=_moments, until=st.none() | _moments, only_open=st.booleans()),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=2_000),
    read_up_to=st.none() | _moments,
    saved_at=_moments,
)
_few = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


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


def a_catch_up(**changes):
    usual = {
        "begun_at": NOW,
        "since": in_days(-30),
        "until": in_days(-1),
        "fresh_up_to": in_days(-1),
        "joins": True,
        "slice_span": timedelta(days=3),
        "moved_at": NOW,
    }
    return CatchUp(**usual | changes)


def a_cursor(token="t", **window):
    return PageCursor(
        window=OrderWindow(**{"since": in_days(-30), "until": NOW} | window),
        token=token,
        read_up_to=in_days(-20),
        saved_at=NOW,
    )


@_few
@given(first=catch_ups, later=catch_ups, cursor=cursors)
def test_how_far_a_catch_up_has_come_is_kept_as_it_was_last_told(ledger, first, later, cursor):
    with contextlib.suppress(UndoneError), ledger.transaction() as books:
        for told in (first, later):
            books.catch_ups.save(ACCOUNT, told)
            assert books.catch_ups.under_way(ACCOUNT) == told
        books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.PAST, cursor)
        assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.PAST) == cursor
        assert (books.catch_ups.under_way(OTHER), books.catch_ups.cursor(OTHER, CatchUpWalk.PAST)) == (
            None,
            None,
        )
        raise UndoneError


def test_a_process_that_starts_anew_finds_the_catch_up_its_walks_and_its_orders(ledger, ledger_url):
    with ledger.transaction() as books:
        books.catch_ups.save(ACCOUNT, a_catch_up(open_read=True))
        books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.OPEN, a_cursor("open", only_open=True))
        books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.PAST, a_cursor("past"))
        books.catch_ups.want(ACCOUNT, ["2", "1", "2"])
    with open_ledger(ledger_url) as other, other.snapshot() as books:
        assert books.catch_ups.under_way(ACCOUNT) == a_catch_up(open_read=True)
        assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.OPEN) == a_cursor("open", only_open=True)
        assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.PAST) == a_cursor("past")
        assert books.catch_ups.wanted(ACCOUNT, 10) == ("1", "2")


def test_a_transaction_that_fails_moves_nothing(ledger):
    with ledger.transaction() as books:
        books.catch_ups.save(ACCOUNT, a_catch_up())
        books.catch_ups.want(ACCOUNT, ["1"])
    with contextlib.suppress(UndoneError), ledger.transaction() as books:
        books.catch_ups.save(ACCOUNT, a_catch_up(until=in_days(-9)))
        books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.PAST, a_cursor())
        books.catch_ups.no_longer_wanted(ACCOUNT, ["1"])
        raise UndoneError
    with ledger.snapshot() as books:
        assert books.catch_ups.under_way(ACCOUNT) == a_catch_up()
        assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.PAST) is None
        assert books.catch_ups.wanted(ACCOUNT, 10) == ("1",)


def test_a_walk_that_is_complete_leaves_the_other_where_it_is(books):
    for account in (ACCOUNT, OTHER):
        for walk in CatchUpWalk:
            books.catch_ups.save_cursor(account, walk, a_cursor(f"{account} {walk}"))
    books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.OPEN, None)
    books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.OPEN, None)
    assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.OPEN) is None
    assert books.catch_ups.cursor(ACCOUNT, CatchUpWalk.PAST).token == f"{ACCOUNT} past"
    assert books.catch_ups.cursor(OTHER, CatchUpWalk.OPEN).token == f"{OTHER} open"


def test_the_page_of_a_usual_pull_is_remembered_apart(books):
    books.orders.save_cursor(ACCOUNT, a_cursor("usual"))
    books.catch_ups.save_cursor(ACCOUNT, CatchUpWalk.PAST, a_cursor("past"))
    books.catch_ups.end(ACCOUNT)
    assert books.orders.cursor(ACCOUNT) == a_cursor("usual")


def test_what_has_ended_is_forgotten_in_its_account_only(books):
    for account in (ACCOUNT, OTHER):
        books.catch_ups.save(account, a_catch_up())
        books.catch_ups.save_cursor(account, CatchUpWalk.PAST, a_cursor())
        books.catch_ups.want(account, ["1"])
    books.catch_ups.end(ACCOUNT)
    books.catch_ups.end(ACCOUNT)
    told = [
        (
            books.catch_ups.under_way(account),
            books.catch_ups.cursor(account, CatchUpWalk.PAST),
            books.catch_ups.wanted(account, 10),
        )
        for account in (ACCOUNT, OTHER)
    ]
    assert told == [(None, None, ()), (a_catch_up(), a_cursor(), ("1",))]


def test_orders_to_be_read_by_id_are_counted_once_and_in_a_fixed_order(books):
    books.catch_ups.want(ACCOUNT, ["3", "1"])
    books.catch_ups.want(ACCOUNT, ["2", "1"])
    books.catch_ups.want(ACCOUNT, [])
    books.catch_ups.want(OTHER, ["9"])
    assert (books.catch_ups.wanted(ACCOUNT, 2), books.catch_ups.count_wanted(ACCOUNT)) == (("1", "2"), 3)
    books.catch_ups.no_longer_wanted(ACCOUNT, ["1", "9", "never wanted"])
    books.catch_ups.no_longer_wanted(ACCOUNT, [])
    assert books.catch_ups.wanted(ACCOUNT, 10) == ("2", "3")
    assert books.catch_ups.wanted(OTHER, 10) == ("9",)


def test_thousands_of_orders_to_be_read_by_id_are_noted_and_struck_off_at_once(books):
    names = [f"{number:05}" for number in range(5_000)]
    books.catch_ups.want(ACCOUNT, names)
    books.catch_ups.no_longer_wanted(ACCOUNT, names[1:])
    assert books.catch_ups.wanted(ACCOUNT, 10) == ("00000",)


def test_all_open_orders_of_the_account_can_be_asked_for(books):
    books.orders.record(
        [
            an_order("1"),
            an_order("2", account=OTHER),
            an_order("3", status=OrderStatus.CANCELLED),
            a_shipped_order("4"),
            an_order("5"),
        ]
    )
    books.catch_ups.want(ACCOUNT, ["9"])
    books.catch_ups.want_all_open(ACCOUNT)
    assert books.catch_ups.wanted(ACCOUNT, 10) == ("1", "5", "9")
    assert [books.catch_ups.count_open(one) for one in (ACCOUNT, OTHER, "none")] == [2, 1, 0]


def test_a_past_is_read_once_its_end_has_come_down_to_its_beginning():
    assert not a_catch_up().past_is_read
    assert a_catch_up(until=in_days(-30)).past_is_read
    assert dataclasses.replace(a_catch_up(), until=in_days(-31)).past_is_read
