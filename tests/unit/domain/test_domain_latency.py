"""How long a sale goes unseen, and how many units are kept back meanwhile."""

import dataclasses
import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.latency import latency_buffer, measured_lag

from builders import NOW, a_change, an_order, in_days

TURN = timedelta(minutes=10)


def orders_read_after(*minutes):
    return [
        an_order(
            f"{number}",
            created_at=in_days(-number / 24),
            first_read_at=in_days(-number / 24) + timedelta(minutes=wait),
        )
        for number, wait in enumerate(minutes)
    ]


def changes_live_after(*minutes):
    return [
        PushReceipt(
            change=a_change(),
            outcome=PushOutcome.CONFIRMED,
            at=NOW + timedelta(minutes=wait),
            accepted_at=NOW,
        )
        for wait in minutes
    ]


def lag(orders, receipts):
    measured = measured_lag(orders, receipts, TURN)
    return measured and measured / timedelta(minutes=1)


def test_the_lag_is_reading_a_turn_of_work_and_writing():
    assert lag(orders_read_after(*[2] * 50), changes_live_after(*[2] * 50)) == 14


@pytest.mark.parametrize(("minutes", "said"), [(1, 12), (3, 14), (5, 16), (6.5, 20), (7, 20), (95, 112)])
def test_the_lag_is_rounded_up_so_that_it_does_not_change_with_every_order(minutes, said):
    assert lag(orders_read_after(*[minutes] * 50), changes_live_after(*[1] * 50)) == said


def test_a_tenth_of_outliers_does_not_count():
    assert lag(orders_read_after(*[2] * 45, *[600] * 5), changes_live_after(*[2] * 45, *[90] * 5)) == 14
    assert lag(orders_read_after(*[2] * 44, *[20] * 6), changes_live_after(*[2] * 50)) == 32


def test_with_too_little_to_go_by_nothing_is_measured():
    assert lag(orders_read_after(*[3] * 49), changes_live_after(*[2] * 50)) is None
    assert lag(orders_read_after(*[3] * 50), changes_live_after(*[2] * 49)) is None
    never_seen = [an_order(f"{number}") for number in range(60)]
    assert lag(never_seen, changes_live_after(*[2] * 50)) is None


def test_orders_from_before_we_looked_tell_nothing():
    old = orders_read_after(*[2] * 50, *[60 * 24 * 20] * 9)
    assert lag(old, changes_live_after(*[2] * 50)) == 14


def test_only_the_latest_two_hundred_speak():
    assert lag(orders_read_after(*[1] * 200, *[900] * 300), changes_live_after(*[1] * 50)) == 12


def test_a_clock_that_differs_makes_no_negative_lag():
    assert lag(orders_read_after(*[-5] * 50), changes_live_after(*[0] * 50)) == 10


def test_only_changes_seen_live_count():
    accepted = PushReceipt(change=a_change(), outcome=PushOutcome.ACCEPTED, at=NOW)
    unknown = PushReceipt(change=a_change(), outcome=PushOutcome.CONFIRMED, at=NOW)
    assert lag(orders_read_after(*[3] * 50), [accepted, unknown] * 50) is None


def test_what_happened_today_does_not_change_the_lag_before_tomorrow():
    slow = orders_read_after(*[30] * 50)
    quick = orders_read_after(*[2] * 60 * 24)
    midnight = NOW.replace(hour=0)
    known = [one for one in quick if one.first_read_at < midnight]
    assert lag([*known, *slow], changes_live_after(*[2] * 50)) > 14
    yesterday = [dataclasses.replace(one, at=in_days(-1)) for one in changes_live_after(*[2] * 50)]
    yesterday = [dataclasses.replace(one, accepted_at=one.at - timedelta(minutes=2)) for one in yesterday]
    today = changes_live_after(*[60] * 99)
    before, after = (
        measured_lag([*known, *news], [*yesterday, *live], TURN, midnight)
        for news, live in (((), ()), (slow[:9], today))
    )
    assert before == after == timedelta(minutes=14)


def test_what_was_seen_at_midnight_is_todays():
    orders, receipts = orders_read_after(*[2] * 50), changes_live_after(*[2] * 50)
    early_orders = [dataclasses.replace(one, first_read_at=one.created_at) for one in orders[1:] * 2]
    early_receipts = [dataclasses.replace(one, at=one.accepted_at) for one in receipts]
    midnight = NOW + timedelta(minutes=2)
    assert {one.at for one in receipts} == {orders[0].first_read_at} == {midnight}

    def measured(before):
        return (
            measured_lag([orders[0], *early_orders[:49]], early_receipts, TURN, before) is not None,
            measured_lag(early_orders, receipts, TURN, before) is not None,
        )

    assert measured(midnight) == (False, False)
    assert measured(midnight + timedelta.resolution) == (True, True)


# --- the latency buffer --------------------------------------------------------------------------


def poisson_tail(mean, buffer):
    """P(Poisson(mean) > buffer), summed term by term."""
    upto = range(buffer + 1)
    return 1 - math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in upto)


@settings(max_examples=500, deadline=None)
@given(st.floats(0.001, 60), st.sampled_from((0.05, 0.01, 0.001, 1e-6)))
def test_the_buffer_is_the_smallest_that_is_enough(mean, risk):
    buffer = latency_buffer(mean, risk)
    assert poisson_tail(mean, buffer) <= risk + 1e-12
    assert buffer == 0 or poisson_tail(mean, buffer - 1) > risk - 1e-12


@pytest.mark.parametrize(
    ("units_per_day", "minutes", "buffer"), [(10, 15, 2), (50, 15, 4), (200, 15, 8), (50, 60, 8)]
)
def test_the_buffer_has_the_published_sizes(units_per_day, minutes, buffer):
    assert latency_buffer(units_per_day * minutes / 1440, 0.001) == buffer


def test_a_huge_rate_still_gets_a_buffer():
    assert 1000 < latency_buffer(1000.0, 0.01) < 1100


@pytest.mark.parametrize(("mean", "risk"), [(0.0, 0.01), (5.0, 0.0), (-1.0, 0.5)])
def test_no_sales_or_no_risk_limit_needs_no_buffer(mean, risk):
    assert latency_buffer(mean, risk) == 0


def test_a_risk_too_small_to_compute_ends():
    assert latency_buffer(3.0, 1e-300) < 1000
