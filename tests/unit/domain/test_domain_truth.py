"""Which answers are too strange to be believed, when to look, what to tell."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order_comparison import OrderDifference, OrderFault
from fbm_sync.domain.truth import (
    Invariant,
    broken_invariants,
    doubt_about,
    gone_finding,
    invariant,
    is_due,
    missing_orders_finding,
    named,
    unverified_finding,
)

from builders import ACCOUNT

FOUR = time(4)
LA = ShipCalendar(timezone="America/Los_Angeles")


def test_a_rule_holds_unless_there_are_culprits_and_names_only_the_first():
    assert invariant("units", []) == Invariant(name="units", ok=True, detail="")
    assert invariant("units", iter(["A", "B"])) == Invariant(name="units", ok=False, detail="A, B")
    assert named(list("ABCDEFG")) == "A, B, C, D, E … (7 in all)"


@pytest.mark.parametrize(
    ("known", "shown", "words"),
    [
        (0, 0, ""),
        (3, 0, "Amazon's listings show none of the 3 known here"),
        (3, 1, ""),
        (100, 80, ""),
        (100, 79, "Amazon's listings show only 79 of the 100 known here"),
        (50, 40, ""),
        (50, 39, "Amazon's listings show only 39 of the 50 known here"),
    ],
)
def test_an_answer_that_lacks_much_of_what_is_known_is_not_believed(known, shown, words):
    assert doubt_about("listings", known=known, shown=shown) == words


def test_an_empty_answer_may_stand_where_each_thing_is_looked_up_anyway():
    assert doubt_about("orders", known=10, shown=0, may_be_empty=True) == ""
    assert doubt_about("orders", known=11, shown=0, may_be_empty=True) != ""


@given(st.integers(0, 300), st.integers(0, 300))
def test_more_shown_is_never_more_doubtful(known, shown):
    shown = min(shown, known)
    if not doubt_about("orders", known=known, shown=shown):
        assert not doubt_about("orders", known=known, shown=min(known, shown + 1))


def test_the_daily_look_is_due_once_its_hour_has_come():
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)  # 04:00 in Los Angeles
    minute = timedelta(minutes=1)
    assert not is_due(None, None, at, LA)
    assert is_due(FOUR, None, at, LA)
    assert is_due(FOUR, at - minute, at, LA)
    assert not is_due(FOUR, at, at + minute, LA)
    assert not is_due(FOUR, at - timedelta(days=1), at - minute, LA)
    assert is_due(FOUR, at - timedelta(days=1) - minute, at - minute, LA), "a missed one is made up for"
    assert is_due(FOUR, at + timedelta(days=9), at, LA), "the clock was set back"


@given(st.integers(0, 366 * 24), st.integers(0, 23))
def test_whoever_looks_every_hour_looks_once_a_day(start, hour):
    """Also on days that are shorter or longer because clocks change."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=start)
    last, looks = begin, []
    for hours in range(10 * 24):
        now = begin + timedelta(hours=hours)
        if is_due(time(hour), last, now, LA):
            looks.append(now)
            last = now
    assert 9 <= len(looks) <= 10
    assert len({LA.local_date(now) for now in looks}) == len(looks)


# --- what is told ------------------------------------------------------------------------------------


def a_difference(order_id, fault=OrderFault.MISSING):
    return OrderDifference(account=ACCOUNT, order_id=order_id, fault=fault)


def test_missing_orders_are_told_with_their_numbers_and_what_became_of_them():
    assert missing_orders_finding(ACCOUNT, [], frozenset()) is None
    some = [a_difference("2"), a_difference("1"), a_difference("3", OrderFault.BEHIND)]
    found = missing_orders_finding(ACCOUNT, some, frozenset({"1", "2", "3"}))
    assert (found.kind, found.severity, found.orders) == ("orders_missing", Severity.WARNING, ("1", "2", "3"))
    assert found.text == (
        "2 orders (2, 1) at Amazon that nobody here knew of and 1 order (3) otherwise here than at Amazon; "
        "all of them were read in meanwhile."
    )
    assert missing_orders_finding(ACCOUNT, some[:1], frozenset()).text.startswith(
        "1 order (2) at Amazon that"
    )
    left = missing_orders_finding(ACCOUNT, some[2:], frozenset())
    assert left.severity is Severity.CRITICAL
    assert left.text == "1 order (3) otherwise here than at Amazon; 1 of them still to be read in."
    assert "--repair" in left.action


def test_a_broken_rule_is_critical_and_named():
    rules = [Invariant(name="order_units_add_up", ok=False, detail="111-1 CUP"), Invariant(name="b", ok=True)]
    (found,) = broken_invariants(rules)
    assert (found.kind, found.subject, found.severity) == (
        "store_broken",
        "order_units_add_up",
        Severity.CRITICAL,
    )
    assert found.text == "The store contradicts itself (order units add up): 111-1 CUP."


def test_gone_listings_and_vain_looks_are_told():
    assert gone_finding(ACCOUNT, []) is None
    assert "CUP, MUG" in gone_finding(ACCOUNT, ["CUP", "MUG"]).text
    assert unverified_finding(ACCOUNT, []) is None
    assert unverified_finding(ACCOUNT, ["a.", "b"]).text.endswith("with Amazon: a; b.")
