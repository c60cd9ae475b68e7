"""Accounts that sell from one stock: each shows its part, and never more than there is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.channel import ALL_OF_IT, Channel, Portion, portions


def shown(units, channels, accounts=("de", "uk", "us")):
    return {account: portion.of(units) for account, portion in portions(channels, accounts).items()}


def test_without_shares_everybody_gets_an_equal_whole_part():
    assert shown(7, {}) == {"de": 2, "uk": 2, "us": 2}
    assert shown(7, {}, ("us",)) == {"us": 7}


def test_a_share_is_taken_as_it_was_written():
    assert shown(5, {"us": Channel(share=0.6)}, ("us",)) == {"us": 3}
    assert shown(100, {"us": Channel(share=0.29)}, ("us",)) == {"us": 29}


def test_those_without_a_share_divide_what_the_others_leave():
    assert shown(100, {"us": Channel(share=0.6)}) == {"de": 20, "uk": 20, "us": 60}


def test_a_share_of_an_account_that_does_not_list_the_sku_is_free():
    assert shown(100, {"us": Channel(share=0.6)}, ("de", "uk")) == {"de": 50, "uk": 50}


def test_the_last_units_are_left_to_the_others():
    assert shown(8, {"us": Channel(reserve_units=6)}, ("uk", "us")) == {"uk": 4, "us": 2}
    assert shown(4, {"us": Channel(reserve_units=6)}, ("uk", "us")) == {"uk": 2, "us": 0}


def test_shares_of_more_than_the_whole_shrink_and_leave_nothing_for_the_others():
    assert shown(10, {"us": Channel(share=0.9), "uk": Channel(share=0.6)}) == {"de": 0, "uk": 4, "us": 6}


@pytest.mark.parametrize(
    ("portion", "needed"),
    [
        (ALL_OF_IT, 3),
        (Portion(whole=2), 6),
        (Portion(part=3, whole=5), 5),
        (Portion(reserve_units=9), 12),
        (Portion(part=0), None),
    ],
)
def test_so_many_units_must_be_there_for_three_of_them(portion, needed):
    assert portion.least_for(3) == needed
    if needed is not None:
        assert portion.of(needed) >= 3 > portion.of(needed - 1)


@pytest.mark.parametrize("units", [-3, 0])
def test_of_nothing_there_is_no_part(units):
    assert ALL_OF_IT.of(units) == 0


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**32))
def test_the_parts_together_are_never_more_than_the_whole(seed):
    rng = random.Random(seed)
    accounts = ("de", "uk", "us")
    channels = {
        account: Channel(
            share=rng.choice((None, rng.randint(0, 60) / 100)), reserve_units=rng.choice((0, 0, 9))
        )
        for account in rng.sample(accounts, rng.randint(0, 3))
    }
    units, more = rng.randint(0, 500), rng.randint(0, 500)
    parts = portions(channels, accounts)
    assert sum(portion.of(units) for portion in parts.values()) <= units
    assert all(portion.of(units) <= portion.of(units + more) for portion in parts.values())
