"""Holds: what waits goes on waiting until a person answers, and an answer is to what was shown."""

import dataclasses
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.guard import OnSale, guard_push
from fbm_sync.domain.hold import RELEASE_LIFE, DroppedChange, Hold, covers, hold_id_of, sort_changes
from fbm_sync.domain.listing import Offer
from fbm_sync.domain.review import checksum_of_accounts, checksum_of_changes

from builders import ACCOUNT, NOW, a_change, on_day

SHOP = OnSale(listings=40, units=800)
LIMITS = PushLimits()
MINUTE = timedelta(minutes=1)


def sort(changes, holds=(), now=NOW, limits=LIMITS, **more):
    return sort_changes(ACCOUNT, changes, SHOP, limits, holds, now, **more)


def raises(count, units=5):
    return [a_change(0, units, f"UP-{number:02}") for number in range(count)]


def zero_outs(count):
    return [a_change(5, 0, f"OFF-{number:02}") for number in range(count)]


def released(hold, at=NOW):
    return dataclasses.replace(hold, released_at=at)


def grown(change, quantity):
    return dataclasses.replace(change, after=dataclasses.replace(change.after, quantity=quantity))


# --- a small shop --------------------------------------------------------------------------------


def test_raises_of_an_absurd_push_still_wait_when_its_decreases_are_done():
    first = sort([*raises(5), *zero_outs(11)])
    assert (len(first.held), len(first.go)) == (5, 11)
    later = sort(raises(5), [first.hold], NOW + 5 * MINUTE)
    assert (later.held, later.go) == (first.held, ())
    assert later.hold == first.hold, "the same question, under the same id, since the same time"
    assert later.reasons == first.reasons


def test_a_sale_changes_nothing_of_what_a_person_was_asked():
    changes = raises(13)
    first = sort(changes)
    sold = [grown(changes[0], 4), *changes[2:]]
    assert sort(sold, [first.hold]).hold == first.hold


def test_a_larger_raise_is_another_question():
    changes = raises(13)
    first = sort(changes)
    more = sort([*changes[1:], grown(changes[0], 6)], [first.hold], NOW + MINUTE)
    assert more.hold.hold_id != first.hold.hold_id
    assert more.hold.held_at == NOW + MINUTE
    assert len(more.held) == 13


def test_what_is_new_and_modest_goes_beside_what_waits():
    first = sort([*raises(5), *zero_outs(11)])
    new = a_change(0, 3, "NEW")
    later = sort([*raises(5), new], [first.hold])
    assert later.go == (new,)
    assert later.hold == first.hold


def test_a_hold_is_over_when_nothing_of_it_is_wanted_any_more():
    first = sort(raises(13))
    assert sort([], [first.hold]).hold is None
    lowered = [a_change(9, 5, change.sku) for change in first.held]
    assert (sort(lowered, [first.hold]).hold, len(sort(lowered, [first.hold]).go)) == (None, 13)


def test_a_listing_that_moved_while_it_was_decided_is_still_in_question():
    first = sort([*raises(5), *zero_outs(11)])
    moved = sort([], [first.hold], unsettled={"UP-00"})
    assert (moved.held, moved.reasons, moved.hold) == ((), (), first.hold)
    assert sort([], [first.hold], unsettled={"OTHER"}).hold is None
    grew = sort([grown(first.held[1], 7)], [first.hold], unsettled={"UP-00"})
    assert {change.sku for change in grew.hold.changes} == {"UP-00", "UP-01"}


def test_of_two_questions_about_the_same_the_older_one_stays():
    changes = raises(13)
    older = sort(changes).hold
    newer = sort([*changes[1:], grown(changes[0], 9)], now=NOW + MINUTE).hold
    for holds in ((older, newer), (newer, older)):
        assert sort(changes, holds, NOW + 2 * MINUTE).hold == older
        moved = sort([grown(changes[1], 7)], holds, NOW + 2 * MINUTE, unsettled={"UP-00"}).hold
        assert {change.sku: change.after.quantity for change in moved.changes} == {"UP-00": 5, "UP-01": 7}


# --- what a person says --------------------------------------------------------------------------


def test_what_was_let_go_goes_for_an_hour_and_then_waits_again():
    changes = raises(13)
    hold = released(sort(changes).hold)
    assert len(sort(changes, [hold], NOW + RELEASE_LIFE).go) == 13
    again = sort(changes, [hold], NOW + RELEASE_LIFE + MINUTE)
    assert len(again.held) == 13
    assert again.hold == dataclasses.replace(hold, released_at=None), "it is asked again"


def test_a_release_is_only_for_what_it_showed():
    changes = raises(13)
    hold = released(sort(changes).hold)
    changes[0], changes[1] = grown(changes[0], 6), grown(changes[1], 4)
    promise = dataclasses.replace(changes[2].after, restock_on=on_day(9))
    changes[2] = dataclasses.replace(changes[2], after=promise)
    found = sort(changes, [hold])
    assert {change.sku for change in found.held} == {"UP-00", "UP-02"}
    assert found.released == (hold,)


def test_a_release_that_speaks_for_nothing_any_more_is_over():
    hold = released(sort(raises(13)).hold)
    assert sort([], [hold]).released == ()
    assert sort([], [hold], unsettled={"UP-03"}).released == (hold,)


def test_a_change_dropped_is_stopped_with_all_that_is_less_and_a_decrease_never_is():
    no = DroppedChange(
        account=ACCOUNT, sku="CUP", offer=Offer(quantity=9, handling_days=2), hold_id="h1", dropped_at=NOW
    )
    assert no.stops(a_change(0, 9, "CUP"))
    assert no.stops(a_change(3, 8, "CUP"))
    assert not no.stops(a_change(0, 10, "CUP"))
    assert not no.stops(a_change(9, 8, "CUP"))
    assert not no.stops(a_change(0, Offer(quantity=9, handling_days=3), "CUP"))
    assert not no.stops(a_change(0, Offer(quantity=9, handling_days=2, restock_on=on_day(5)), "CUP"))


# --- for every sequence of cycles ----------------------------------------------------------------

SKUS = [f"SKU-{number:02}" for number in range(16)]
promises = st.sampled_from(((2, None), (2, None), (4, None), (2, on_day(5))))
offers = st.builds(
    lambda quantity, promise: Offer(quantity=quantity, handling_days=promise[0], restock_on=promise[1]),
    st.sampled_from((0, 1, 3, 5, 9)),
    promises,
)
wishes = st.dictionaries(st.sampled_from(SKUS), st.tuples(offers, offers), max_size=16).map(
    lambda wanted: [a_change(*pair, sku) for sku, pair in wanted.items() if pair[0] != pair[1]]
)
tight = st.builds(
    PushLimits,
    max_changed=st.sampled_from((3, 8, 100)),
    max_zeroed=st.sampled_from((1, 100)),
    max_raised_units=st.sampled_from((4, 10_000)),
    max_lengthened=st.sampled_from((0, 1, 100)),
)
cycles = st.lists(
    st.tuples(wishes, st.sampled_from(("nothing", "nothing", "release")), st.sampled_from((5, 50))),
    min_size=1,
    max_size=6,
)


@given(cycles, tight)
def test_what_waits_goes_on_waiting_until_it_is_let_go_or_not_wanted(story, limits):
    holds, waiting, now = (), set(), NOW
    for changes, answer, minutes in story:
        found = sort(changes, holds, now, limits)
        assert Counter([*found.go, *found.held]) == Counter(changes)
        assert {one for one in changes if one.is_decrease} <= set(found.go)
        going = {one.sku: one for one in found.go if not one.is_decrease}
        let_go = {
            sku
            for sku, change in going.items()
            if any(
                hold.is_released(now) and shown.sku == sku and covers(shown.after, change)
                for hold in holds
                for shown in hold.changes
            )
        }
        assert not (waiting & going.keys()) - let_go, "nothing that waited goes without a person"
        stopped = {one.sku for one in guard_push(changes, SHOP, limits).held}
        assert not (stopped & going.keys()) - let_go, "nothing beyond a limit goes without a person"
        assert (found.hold is None) == (not found.held)
        if found.held:
            assert found.reasons
            assert found.hold.speaks_for(found.held)
        holds = (*found.released, *([found.hold] if found.hold else []))
        again = sort(changes, holds, now, limits)
        assert again == found, "to look twice changes nothing"
        waiting = {one.sku for one in found.held}
        if answer == "release" and found.hold:
            holds = (*found.released, released(found.hold, now))
            assert sort(changes, holds, now, limits).held == ()
            waiting = set()
        now += minutes * MINUTE


@given(wishes, tight, st.randoms(use_true_random=False))
def test_the_sequence_of_changes_and_holds_plays_no_part(changes, limits, random):
    holds = [
        Hold(
            hold_id=f"h{number}",
            account=ACCOUNT,
            reasons=("x",),
            changes=tuple(changes[number::3]),
            held_at=NOW - number * MINUTE,
            released_at=random.choice((None, NOW)),
        )
        for number in range(3)
    ]
    shuffled = random.sample(changes, len(changes))
    found, other = sort(changes, holds, NOW, limits), sort(shuffled, holds[::-1], NOW, limits)
    assert (found.go, found.held, found.reasons, found.hold) == (
        other.go,
        other.held,
        other.reasons,
        other.hold,
    )
    assert hold_id_of(ACCOUNT, changes) == hold_id_of(ACCOUNT, shuffled)


# --- what was reviewed ---------------------------------------------------------------------------


def test_the_checksum_tells_apart_what_a_person_would_tell_apart():
    change = a_change(0, 5, "CUP")
    others = [
        ((), (change,)),
        ((a_change(0, 6, "CUP"),), ()),
        ((a_change(1, 5, "CUP"),), ()),
        ((a_change(0, 5, "MUG"),), ()),
        ((a_change(0, 5, "CUP", account="uk"),), ()),
        ((a_change(0, Offer(quantity=5, handling_days=None), "CUP"),), ()),
        ((a_change(0, Offer(quantity=5, handling_days=2, restock_on=on_day(5)), "CUP"),), ()),
        ((a_change(0, 5, "CUP", product_type="HAT"),), ()),
        ((change, a_change(0, 5, "MUG")), ()),
        ((), ()),
    ]
    found = {checksum_of_changes((change,), ()), *(checksum_of_changes(*one) for one in others)}
    assert len(found) == 1 + len(others)


@given(wishes, wishes, st.randoms(use_true_random=False))
def test_the_checksum_does_not_depend_on_the_sequence_and_on_nothing_else(go, held, random):
    found = checksum_of_changes(go, held)
    assert checksum_of_changes(random.sample(go, len(go)), random.sample(held, len(held))) == found
    for change in go:
        assert checksum_of_changes([one for one in go if one != change], held) != found
        assert checksum_of_changes([one for one in go if one != change], [*held, change]) != found


@pytest.mark.parametrize("other", [{"us": "a"}, {"us": "b", "uk": "a"}, {"us": "a", "uk": "b", "de": "c"}])
def test_the_checksum_of_all_accounts_is_that_of_each(other):
    reviewed = {"us": "a", "uk": "b"}
    assert checksum_of_accounts(reviewed) == checksum_of_accounts({"uk": "b", "us": "a"})
    assert checksum_of_accounts(reviewed) != checksum_of_accounts(other)
