"""A planned change meets a listing that has moved: what may still be written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import lowering_part, rebase
from fbm_sync.domain.listing import Offer

from builders import a_change

LATER = date(2026, 12, 24)
QUANTITIES = st.integers(0, 40)
PROMISES = st.sampled_from([(2, None), (5, None), (None, None), (2, LATER)])


def offer(quantity: int, handling_days: int | None = 2, restock_on: date | None = None) -> Offer:
    return Offer(quantity=quantity, handling_days=handling_days, restock_on=restock_on)


@pytest.mark.parametrize(
    ("before", "after", "seen", "written"),
    [
        (offer(5), offer(9), offer(5), offer(9)),
        (offer(5), offer(9), offer(4), offer(8)),
        (offer(5), offer(9), offer(7), None),
        (offer(5), offer(9), offer(12), offer(9)),
        (offer(5), offer(9), offer(5, 4), None),
        (offer(9), offer(6), offer(9), offer(6)),
        (offer(9), offer(6), offer(5), offer(2)),
        (offer(9), offer(6), offer(0), None),
        (offer(9), offer(6), offer(9, 4), offer(6, 4)),
        (offer(0), offer(0), offer(7), offer(0)),
        (offer(2), offer(30, 2, LATER), offer(1), offer(29, 2, LATER)),
        (offer(8, 2, LATER), offer(5), offer(7, 2, LATER), offer(4)),
        (offer(9), offer(9, 3), offer(8), offer(8, 3)),
    ],
    ids=[
        "nothing moved",
        "a sale lowers the raise",
        "someone raised it already: plan again",
        "someone raised it too far",
        "someone changed the promise: plan again",
        "a plain decrease",
        "sales lower the decrease",
        "sold out meanwhile",
        "a decrease keeps a promise changed by hand",
        "back to life though it should be zero",
        "a sale before it is sold ahead",
        "back to stock with fewer units",
        "only the promise moves",
    ],
)
def test_a_planned_change_is_adapted_to_what_the_listing_shows(before, after, seen, written):
    rebased = rebase(a_change(before=before, after=after), seen)
    assert (rebased.after if rebased else None) == written
    assert rebased is None or rebased.before == seen


@given(before=QUANTITIES, after=QUANTITIES, sold=QUANTITIES, promise=PROMISES)
def test_units_sold_since_the_plan_are_never_put_on_sale_again(before, after, sold, promise):
    seen = offer(max(0, before - sold))
    rebased = rebase(a_change(before=offer(before), after=offer(after, *promise)), seen)
    if rebased is not None:
        assert rebased.after.quantity <= max(0, after - (before - seen.quantity))


@given(before=QUANTITIES, after=QUANTITIES, seen=QUANTITIES, old=PROMISES, new=PROMISES, shown=PROMISES)
def test_what_somebody_else_moved_is_only_ever_lowered(before, after, seen, old, new, shown):
    change = a_change(before=offer(before, *old), after=offer(after, *new))
    rebased = rebase(change, offer(seen, *shown))
    if rebased is not None and (seen > before or shown != old):
        assert rebased.after.quantity < seen


def test_a_waiting_change_takes_its_surplus_units_off_sale_at_once():
    change = a_change(before=offer(48, 2, LATER), after=offer(35, 2, date(2026, 12, 30)))
    part = lowering_part(change)
    assert part is not None
    assert part.after == offer(35, 2, LATER)
    assert part.is_decrease


def test_a_waiting_raise_has_no_part_that_may_go():
    assert lowering_part(a_change(before=offer(3), after=offer(9))) is None
