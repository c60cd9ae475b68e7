"""As many orders in time as possible: held against looking at every possibility."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.fewest_late import Need, contended, most_in_time, room_left, tangles

EVERY = settings(max_examples=500, deadline=None)
SLOTS = 4


def a_shop(skus, seed, orders):
    """Orders, each for one SKU or several, and the room there is of each SKU; drawn by seed and size."""
    rng = random.Random(seed)
    wishes = {
        number: {
            sku: Need(rng.randint(1, SLOTS), rng.randint(1, 5))
            for sku in rng.sample(skus, rng.randint(1, len(skus)))
        }
        for number in range(orders)
    }
    return wishes, {sku: a_room(rng) for sku in skus}


def a_room(rng):
    return [0, *sorted(rng.randint(0, rng.choice((4, 8, 16))) for _ in range(SLOTS))]


def shops(skus):
    return st.builds(a_shop, st.just(skus), st.integers(0, 2**32), st.integers(0, 7))


def can_all_be_in_time(wishes, rooms):
    return all(
        sum(wish[sku].units for wish in wishes if sku in wish and wish[sku].slot <= slot) <= room[slot]
        for sku, room in rooms.items()
        for slot in range(len(room))
    )


def most_by_looking_at_all(wishes, rooms):
    for size in range(len(wishes), 0, -1):
        for chosen in combinations(wishes.values(), size):
            if can_all_be_in_time(chosen, rooms):
                return size
    return 0


@EVERY
@given(shops("A"))
def test_of_one_sku_as_few_orders_are_late_as_can_be(shop):
    wishes, rooms = shop
    chosen = most_in_time(wishes, rooms)
    assert can_all_be_in_time([wishes[number] for number in chosen], rooms)
    assert len(chosen) == most_by_looking_at_all(wishes, rooms)


@settings(max_examples=1000, deadline=None)
@given(shops("ABC"))
def test_of_tied_skus_as_few_orders_are_late_as_can_be(shop):
    wishes, rooms = shop
    chosen = most_in_time(wishes, rooms)
    assert can_all_be_in_time([wishes[number] for number in chosen], rooms)
    assert len(chosen) == most_by_looking_at_all(wishes, rooms)


def test_one_late_order_for_two_skus_may_save_two_orders_for_one():
    wishes = {0: {"B": Need(1, 2)}, 1: {"A": Need(1, 1), "B": Need(1, 1)}, 2: {"A": Need(1, 2)}}
    rooms = {"A": [0, 2], "B": [0, 2]}
    assert len(most_in_time(wishes, rooms, exact=0)) < 2, "one SKU after the other does not see it"
    assert most_in_time(wishes, rooms) == {0, 2}


@EVERY
@given(shops("ABC"))
def test_of_a_large_tangle_no_more_are_late_than_lines_in_an_order_times_the_fewest(shop):
    wishes, rooms = shop
    chosen = most_in_time(wishes, rooms, exact=0)
    assert can_all_be_in_time([wishes[number] for number in chosen], rooms)
    fewest = len(wishes) - most_by_looking_at_all(wishes, rooms)
    assert len(wishes) - len(chosen) <= 3 * fewest
    for number in wishes.keys() - chosen:
        assert not can_all_be_in_time([wishes[one] for one in (*chosen, number)], rooms)


@EVERY
@given(shops("ABC"), st.sampled_from("ABC"), st.integers(1, SLOTS), st.integers(1, 4))
def test_more_supply_never_makes_more_orders_late(shop, sku, slot, units):
    wishes, rooms = shop
    more = [there + units * (place >= slot) for place, there in enumerate(rooms[sku])]
    assert len(most_in_time(wishes, rooms | {sku: more})) >= len(most_in_time(wishes, rooms))


@EVERY
@given(shops("ABC"))
def test_the_sequence_of_the_input_does_not_matter(shop):
    wishes, rooms = shop
    backwards = dict(reversed(wishes.items()))
    assert most_in_time(backwards, dict(reversed(rooms.items()))) == most_in_time(wishes, rooms)


@EVERY
@given(st.integers(0, 2**32))
def test_what_is_left_to_others_is_available_to_promise_with_look_ahead(seed):
    rng = random.Random(seed)
    room, wanted = a_room(rng), [rng.randint(0, 4) for _ in range(SLOTS + 1)]
    left = room_left(room, wanted)
    for slot in range(SLOTS + 1):
        lowest = min(room[later] - sum(wanted[: later + 1]) for later in range(slot, SLOTS + 1))
        assert left[slot] == max(0, lowest)


def test_a_large_order_gives_way_to_two_small_ones():
    wishes = {0: {"A": Need(1, 3)}, 1: {"A": Need(1, 2)}, 2: {"A": Need(1, 1)}}
    assert most_in_time(wishes, {"A": [0, 3]}) == {1, 2}


def test_of_equal_orders_the_last_is_late():
    wishes = {number: {"A": Need(1, 2)} for number in range(3)}
    assert most_in_time(wishes, {"A": [0, 4]}) == {0, 1}


def test_an_order_of_two_scarce_skus_gives_way_to_two_of_one():
    wishes = {
        0: {"A": Need(1, 1), "B": Need(1, 1)},
        1: {"A": Need(1, 1)},
        2: {"B": Need(1, 1)},
    }
    assert most_in_time(wishes, {"A": [0, 1], "B": [0, 1]}) == {1, 2}
    assert most_in_time(wishes, {"A": [0, 1], "B": [0, 1]}, exact=0) == {1, 2}


def test_nobody_is_late_of_what_is_not_scarce():
    wishes = {0: {"A": Need(1, 1)}, 1: {"A": Need(2, 4)}}
    rooms = {"A": [0, 1, 5]}
    assert contended(wishes.values(), rooms) == set()
    assert most_in_time(wishes, rooms) == {0, 1}


@pytest.mark.parametrize(
    ("ties", "groups"),
    [
        ([], []),
        (["A", "B"], ["A", "B"]),
        (["AB", "CD", "BC", "E"], ["ABCD", "E"]),
        (["AB", "AC", "AD"], ["ABCD"]),
    ],
)
def test_skus_are_in_one_tangle_when_orders_tie_them(ties, groups):
    found = tangles(ties)
    assert sorted({"".join(sorted(group)) for group in found.values()}) == groups
    assert all(sku in group for sku, group in found.items())
