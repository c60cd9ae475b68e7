"""Who changed this listing, if not we?"""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.drift import Drift, drift_between, drift_finding, is_over, may_have_drifted
from fbm_sync.domain.listing import Offer

from builders import NOW, SKU, a_change, an_observed_offer, in_days, on_day


def seen(quantity, handling_days=2, restock_on=None, *, hours=0):
    return an_observed_offer(
        quantity, handling_days=handling_days, restock_on=restock_on, observed_at=in_days(hours / 24)
    )


def an_answer(after, outcome=PushOutcome.CONFIRMED, at=NOW):
    return PushReceipt(change=a_change(0, after), outcome=outcome, at=at)


def drift(before, now, answer=None, returned=0):
    return drift_between(before, now, [answer] if answer else [], returned)


def test_what_buyers_take_is_no_drift():
    assert drift(seen(5), seen(3, hours=1)) is None
    assert not may_have_drifted(seen(5), seen(3, hours=1))


def test_another_handling_time_or_restock_date_is_drift():
    found = drift(seen(5), seen(5, handling_days=9, hours=1))
    assert (found.moved_promise, found.raised, found.seen_at) == (True, False, in_days(1 / 24))
    assert drift(seen(5), seen(4, restock_on=on_day(9))).moved_promise


def test_a_sold_out_listing_that_comes_back_to_life_is_drift():
    found = drift(seen(0), seen(4, hours=1))
    assert found == Drift(
        account="us", sku=SKU, was=seen(0).offer, shown=seen(4).offer, seen_at=in_days(1 / 24)
    )


@pytest.mark.parametrize("outcome", [PushOutcome.ACCEPTED, PushOutcome.CONFIRMED, PushOutcome.UNKNOWN])
def test_what_we_wrote_is_no_drift_even_when_some_of_it_is_sold(outcome):
    assert (
        drift(seen(0), seen(4, handling_days=3), an_answer(Offer(quantity=5, handling_days=3), outcome))
        is None
    )


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(Offer(quantity=3, handling_days=2)),
        an_answer(Offer(quantity=5, handling_days=1)),
        an_answer(Offer(quantity=5, handling_days=2), PushOutcome.REJECTED),
        an_answer(Offer(quantity=5, handling_days=2), at=in_days(-2)),
        None,
    ],
)
def test_what_we_wrote_otherwise_or_long_ago_explains_nothing(answer):
    assert drift(seen(0), seen(4), answer) is not None


def test_units_of_cancelled_orders_go_back_on_sale():
    assert drift(seen(1), seen(3), returned=2) is None
    assert drift(seen(1), seen(4), returned=2) is not None
    assert drift(seen(1), seen(3, handling_days=9), returned=2) is not None


def test_a_restock_date_that_is_over_may_vanish():
    assert drift(seen(3, restock_on=on_day(0)), seen(3)) is None
    assert drift(seen(3, restock_on=on_day(1)), seen(3)) is not None
    assert drift(seen(3, restock_on=on_day(0)), seen(3, restock_on=on_day(2))) is not None


def test_a_drift_is_over_when_the_listing_shows_again_what_it_did():
    found = drift(seen(5), seen(9, handling_days=9))
    assert is_over(found, seen(5).offer)
    assert is_over(found, seen(3).offer)
    assert not is_over(found, seen(6).offer)
    assert not is_over(found, seen(5, handling_days=9).offer)


def test_a_drift_says_what_it_showed_shows_and_should_show():
    found = drift_finding(drift(seen(0), seen(4)), seen(1).offer)
    assert (found.key, found.severity) == (f"us:drift:{SKU}", Severity.CRITICAL)
    assert found.text == (
        f"{SKU} came back to life, and not by us: it shows 4 units, 2 days handling, "
        "where it showed 0 units, 2 days handling. It should show 1 unit, 2 days handling. "
        "3 units more can be sold than there should be."
    )


def test_an_edit_that_sells_nothing_too_much_is_less_urgent():
    found = drift_finding(drift(seen(5), seen(5, handling_days=9)), seen(5).offer)
    assert found.severity is Severity.WARNING
    assert "was changed at Amazon, and not by us" in found.text
    unknown = drift_finding(drift(seen(5), seen(9)), None)
    assert (unknown.severity, "should show" in unknown.text) == (Severity.WARNING, False)


def test_an_edit_that_is_what_we_want_anyway_is_no_trouble():
    assert drift_finding(drift(seen(0), seen(4)), seen(6).offer) is None


OFFERS = st.builds(
    Offer,
    quantity=st.integers(0, 4),
    handling_days=st.sampled_from([None, 1, 2]),
    restock_on=st.sampled_from([None, on_day(-1), on_day(4)]),
)


@given(OFFERS, OFFERS, st.integers(0, 2))
def test_only_what_shows_more_or_promises_otherwise_drifts_and_going_back_ends_it(was, shown, returned):
    before = dataclasses.replace(seen(0), offer=was)
    now = dataclasses.replace(seen(0, hours=1), offer=shown)
    found = drift(before, now, returned=returned)
    if found is not None:
        assert may_have_drifted(before, now)
        assert found.raised or found.moved_promise
        assert not is_over(found, shown)
        assert is_over(found, found.was)
        assert drift_finding(found, shown) is None
