"""Guards: nothing absurd reaches Amazon without a person, and what only lowers a quantity always does."""

import dataclasses
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import PushLimits, lowering_part
from fbm_sync.domain.guard import OnSale, guard_push, is_modest, most_urgent_first
from fbm_sync.domain.listing import Offer

from builders import a_change, on_day

SMALL = OnSale(listings=3, units=15)
LARGE = OnSale(listings=1_000, units=1_000_000)


def raises(count, units=1):
    return tuple(a_change(0, units, f"UP-{number:03}") for number in range(count))


def zero_outs(count):
    return tuple(a_change(5, 0, f"OFF-{number:03}") for number in range(count))


def delays(count):
    later = Offer(quantity=5, handling_days=2, restock_on=on_day(9))
    return tuple(a_change(5, later, f"LATER-{number:03}") for number in range(count))


@pytest.mark.parametrize(
    ("changes", "on_sale", "limits", "broken"),
    [
        (raises(11), LARGE, {"max_changed": 11}, None),
        (raises(12), LARGE, {"max_changed": 11}, "max_changed"),
        (raises(30), OnSale(listings=100, units=100), {}, None),
        (raises(31), OnSale(listings=100, units=100), {}, "max_changed_share"),
        (raises(29), OnSale(listings=100, units=100), {"max_changed_share": 0.29}, None),
        (raises(30), OnSale(listings=100, units=100), {"max_changed_share": 0.29}, "max_changed_share"),
        (raises(10), SMALL, {}, None),  # a small shop may always change ten
        (raises(11), SMALL, {}, "max_changed_share"),
        ((*zero_outs(11), *raises(1)), LARGE, {"max_zeroed": 11}, None),
        ((*zero_outs(12), *raises(1)), LARGE, {"max_zeroed": 11}, "max_zeroed"),
        ((*zero_outs(20), *raises(1)), OnSale(listings=100, units=100), {}, None),
        ((*zero_outs(21), *raises(1)), OnSale(listings=100, units=100), {}, "max_zeroed_share"),
        (raises(2, 50), LARGE, {"max_raised_units": 100}, None),
        (raises(2, 51), LARGE, {"max_raised_units": 100}, "max_raised_units"),
        (raises(2, 500), SMALL, {}, None),  # and may always get a thousand units
        (raises(1, 1_001), SMALL, {}, "max_raised_share"),
        (raises(2, 1_250), OnSale(listings=100, units=5_000), {}, None),
        (raises(2, 1_251), OnSale(listings=100, units=5_000), {}, "max_raised_share"),
        (raises(1, 9_999), OnSale(listings=3, units=5_000), {"max_raised_share": 2.0}, None),
        (delays(11), LARGE, {"max_lengthened": 11}, None),
        (delays(12), LARGE, {"max_lengthened": 11}, "max_lengthened"),
        (delays(20), OnSale(listings=100, units=100), {}, None),
        (delays(21), OnSale(listings=100, units=100), {}, "max_lengthened_share"),
        (delays(10), SMALL, {}, None),
        (delays(11), SMALL, {"max_changed_share": 1.0}, "max_changed_share"),
    ],
)
def test_an_absurd_push_holds_its_raises_for_a_person(changes, on_sale, limits, broken):
    guarded = guard_push(changes, on_sale, PushLimits(**limits))
    if broken is None:
        assert (set(guarded.go), guarded.held, guarded.reasons) == (set(changes), (), ())
    else:
        assert {change.is_decrease for change in guarded.go} <= {True}
        assert all(not change.is_decrease for change in guarded.held)
        assert {*guarded.go, *guarded.held} == set(changes)
        assert any(f"limits.{broken} allows" in reason for reason in guarded.reasons)


def test_decreases_go_however_many_there_are():
    guarded = guard_push(zero_outs(200), OnSale(listings=200, units=1_000), PushLimits())
    assert len(guarded.go) == 200
    assert guarded.reasons == ()


def test_zero_outs_go_first_then_decreases_then_the_rest():
    up, down, off = a_change(0, 5, "A"), a_change(5, 3, "B"), a_change(5, 0, "C")
    assert guard_push((up, down, off), SMALL, PushLimits()).go == (off, down, up)


@pytest.mark.parametrize(
    ("before", "after", "longer"),
    [
        (Offer(quantity=5, handling_days=2), Offer(quantity=5, handling_days=3), True),
        (Offer(quantity=5, handling_days=3), Offer(quantity=5, handling_days=2), False),
        (Offer(quantity=5, handling_days=2), Offer(quantity=9, handling_days=2), False),
        (Offer(quantity=5, handling_days=None), Offer(quantity=5, handling_days=1), True),
        (Offer(quantity=5, handling_days=1), Offer(quantity=5, handling_days=None), True),
        (Offer(quantity=5, handling_days=None), Offer(quantity=6, handling_days=None), False),
        (
            Offer(quantity=0, handling_days=2),
            Offer(quantity=5, handling_days=2, restock_on=on_day(5)),
            True,
        ),
        (
            Offer(quantity=5, handling_days=2, restock_on=on_day(5)),
            Offer(quantity=5, handling_days=2, restock_on=on_day(6)),
            True,
        ),
        (
            Offer(quantity=5, handling_days=2, restock_on=on_day(6)),
            Offer(quantity=5, handling_days=2, restock_on=on_day(5)),
            False,
        ),
        (
            Offer(quantity=5, handling_days=2, restock_on=on_day(6)),
            Offer(quantity=5, handling_days=2),
            False,
        ),
        (
            Offer(quantity=5, handling_days=2, restock_on=on_day(6)),
            Offer(quantity=5, handling_days=4, restock_on=on_day(5)),
            True,
        ),
    ],
)
def test_buyers_are_promised_later_when_handling_grows_or_a_restock_date_is_new_or_later(
    before, after, longer
):
    assert a_change(before, after).lengthens == longer


# --- for every push ------------------------------------------------------------------------------

offers = st.builds(
    Offer,
    quantity=st.sampled_from((0, 0, 1, 5, 400)),
    handling_days=st.sampled_from((None, 1, 2, 5)),
    restock_on=st.sampled_from((None, None, on_day(3), on_day(9))),
)
pushes = st.lists(st.tuples(offers, offers).filter(lambda pair: pair[0] != pair[1]), max_size=30).map(
    lambda pairs: [a_change(*pair, f"SKU-{number:02}") for number, pair in enumerate(pairs)]
)
shop_sizes = st.builds(OnSale, listings=st.integers(0, 200), units=st.integers(0, 5_000))
some_limits = st.builds(
    PushLimits,
    max_changed=st.integers(0, 30),
    max_changed_share=st.sampled_from((0.0, 0.1, 0.3, 1.0)),
    max_zeroed=st.integers(0, 20),
    max_zeroed_share=st.sampled_from((0.0, 0.07, 1.0)),
    max_raised_units=st.sampled_from((0, 10, 700, 100_000)),
    max_raised_share=st.sampled_from((0.0, 0.5, 1_000.0)),
    max_lengthened=st.integers(0, 20),
    max_lengthened_share=st.sampled_from((0.0, 0.07, 1.0)),
)


def breaks(changes, on_sale, limits):
    """Whether any of the eight limits is broken, counted apart."""

    def of(share):
        return max(10, round(share * 100) * on_sale.listings // 100)

    changed = len(changes)
    zeroed = len([one for one in changes if one.before.quantity > 0 == one.after.quantity])
    raised = sum(max(one.after.quantity - one.before.quantity, 0) for one in changes)
    longer = 0
    for one in changes:
        then, now = one.before, one.after
        unknown = None in (then.handling_days, now.handling_days)
        same = then.handling_days == now.handling_days
        grows = not same and (unknown or now.handling_days > then.handling_days)
        restock = now.restock_on is not None and (then.restock_on or on_day(0)) < now.restock_on
        longer += grows or restock
    return (
        changed > limits.max_changed
        or changed > of(limits.max_changed_share)
        or zeroed > limits.max_zeroed
        or zeroed > of(limits.max_zeroed_share)
        or raised > limits.max_raised_units
        or raised > max(1_000, limits.max_raised_share * on_sale.units)
        or longer > limits.max_lengthened
        or longer > of(limits.max_lengthened_share)
    )


@given(pushes, shop_sizes, some_limits)
def test_no_raise_and_no_longer_promise_of_a_push_beyond_a_limit_ever_goes(changes, on_sale, limits):
    guarded = guard_push(changes, on_sale, limits)
    assert Counter([*guarded.go, *guarded.held]) == Counter(changes), "all of them, each once"
    assert {one for one in changes if one.is_decrease} <= set(guarded.go), "decreases always go"
    if breaks(changes, on_sale, limits):
        assert all(one.is_decrease for one in guarded.go)
        assert all(one.raised_units == 0 and not one.lengthens for one in guarded.go)
        assert bool(guarded.reasons) == bool(guarded.held)
    else:
        assert (guarded.held, guarded.reasons) == ((), ())


@given(pushes, shop_sizes, some_limits, st.randoms(use_true_random=False))
def test_the_sequence_of_changes_plays_no_part(changes, on_sale, limits, random):
    shuffled = random.sample(changes, len(changes))
    assert guard_push(shuffled, on_sale, limits) == guard_push(changes, on_sale, limits)
    assert most_urgent_first(shuffled) == most_urgent_first(changes)


@given(pushes, pushes, shop_sizes, some_limits)
def test_a_larger_push_never_lets_go_what_a_smaller_one_holds(changes, more, on_sale, limits):
    others = [dataclasses.replace(one, sku=f"MORE-{one.sku}") for one in more]
    held = guard_push(changes, on_sale, limits).held
    assert set(held) <= set(guard_push([*changes, *others], on_sale, limits).held)


@given(pushes, shop_sizes, some_limits)
def test_a_modest_push_is_judged_alike_in_a_shop_of_any_size(changes, on_sale, limits):
    if is_modest(changes):
        assert guard_push(changes, on_sale, limits) == guard_push(changes, OnSale(), limits)


@pytest.mark.parametrize(
    ("changes", "modest"),
    [(raises(10), True), (raises(11), False), (raises(2, 500), True), (raises(1, 1_001), False), ((), True)],
)
def test_ten_skus_and_a_thousand_units_are_modest(changes, modest):
    assert is_modest(changes) == modest
    assert is_modest(changes) != bool(guard_push(changes, OnSale(), PushLimits()).reasons)


@given(pushes)
def test_the_lowering_part_of_a_change_is_a_decrease_and_all_of_it(changes):
    for change in changes:
        part = lowering_part(change)
        if change.after.quantity < change.before.quantity:
            assert part.is_decrease
            assert (part.before, part.after.quantity) == (change.before, change.after.quantity)
        else:
            assert part is None
