"""What a listing shows by now, and units that left it before we knew why: none is sold twice."""

import dataclasses
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import PushOutcome, PushReceipt, rebase
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.remembered import (
    Remembered,
    after_look,
    after_orders,
    may_hide_sales,
    new_units,
    settled,
)

from builders import NOW, a_change, an_item, an_observed_offer, an_order


def seen(quantity, minutes=0, **offer):
    return an_observed_offer(quantity, observed_at=NOW + timedelta(minutes=minutes), **offer)


def ordered(units=1, minutes=1, **order):
    return an_order(units=units, created_at=NOW + timedelta(minutes=minutes), **order)


@given(
    shelf=st.integers(0, 20),
    sales=st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 19), st.integers(0, 30)),
        max_size=6,
        unique_by=lambda s: s[1],
    ),
    looked=st.integers(0, 20),
    written=st.integers(20, 25),
)
def test_a_raise_never_offers_more_than_nobody_has_bought_whoever_knew_of_which_sale(
    shelf, sales, looked, written
):
    """Buyers order, orders are read late, listings are looked at in between: what is written is left."""
    on_sale, remembered, known, bought = shelf, Remembered(seen=seen(shelf)), 0, 0
    events = sorted(
        [(at, 0, "sale", units, at) for units, at, _ in sales]
        + [(at + late + 0.5, 1, "read", units, at) for units, at, late in sales]
        + [(looked + 0.25, 2, "look", 0, looked), (written + 0.75, 3, "write", 0, written)]
    )
    sold = {}
    for _, _, what, units, at in events:
        if what == "sale":
            sold[at] = min(units, on_sale)
            on_sale, bought = on_sale - sold[at], bought + sold[at]
        elif what == "read" and sold[at]:
            known += sold[at]
            remembered = after_orders(remembered, new_units(None, ordered(sold[at], at)))
        elif what == "look":
            remembered = after_look(remembered, seen(on_sale, at + 0.25), None)
        elif what == "write":
            break
    wanted = a_change(
        remembered.seen.offer, dataclasses.replace(remembered.seen.offer, quantity=shelf - known)
    )
    now = rebase(wanted, seen(on_sale).offer, gone_units=remembered.unexplained_units(NOW))
    if now is not None:
        assert now.after.quantity <= shelf - bought


def test_an_order_placed_after_the_look_lowers_what_is_remembered_once():
    first = after_orders(Remembered(seen=seen(9)), new_units(None, ordered(2)))
    assert (first.seen.offer.quantity, first.ordered_units, first.as_seen) == (7, 2, seen(9))
    assert new_units(ordered(2), ordered(2)) == ()


def test_an_order_placed_before_the_look_has_lowered_the_listing_already():
    assert after_orders(Remembered(seen=seen(9)), new_units(None, ordered(2, minutes=-1))).seen == seen(9)


def test_more_is_never_taken_than_is_on_sale():
    assert after_orders(Remembered(seen=seen(1)), new_units(None, ordered(5))).seen.offer.quantity == 0


def test_a_line_that_an_order_gains_counts_and_cancelled_or_amazons_own_do_not():
    grown = dataclasses.replace(ordered(1), items=(an_item(units=3),))
    assert [one.units for one in new_units(ordered(1), grown)] == [2]
    assert new_units(None, ordered(2, status=OrderStatus.CANCELLED)) == ()
    assert new_units(None, ordered(2, fulfilled_by=Fulfiller.AMAZON)) == ()
    assert new_units(None, dataclasses.replace(ordered(), items=(an_item(cancelled_by="BUYER"),))) == ()


def test_units_that_left_without_an_order_count_as_sold_until_orders_are_known_up_to_the_look():
    gone = after_look(Remembered(seen=seen(9)), seen(7, 5), None)
    assert gone.unexplained_units(None) == gone.unexplained_units(NOW + timedelta(minutes=4)) == 2
    assert gone.unexplained_units(NOW + timedelta(minutes=5)) == 0
    assert settled(gone, NOW) == gone
    assert settled(gone, NOW + timedelta(minutes=5)) == Remembered(seen=seen(7, 5))


def test_the_order_that_took_them_explains_them_and_an_older_one_does_not():
    gone = after_look(Remembered(seen=seen(9)), seen(7, 5), None)
    assert after_orders(gone, new_units(None, ordered(2, 3))).gone_units == 0
    assert after_orders(gone, new_units(None, ordered(2, -3))).gone_units == 2


def test_more_units_that_leave_are_added_to_those_that_nobody_explained():
    gone = after_look(after_look(Remembered(seen=seen(9)), seen(7, 5), None), seen(6, 8), None)
    assert (gone.gone_units, gone.gone_since) == (3, NOW)


def test_what_our_own_change_took_off_or_put_on_sale_is_expected():
    def queued(before, after):
        return PushReceipt(change=a_change(before, after), outcome=PushOutcome.ACCEPTED, at=NOW)

    assert after_look(Remembered(seen=seen(9)), seen(4, 5), queued(9, 4)).gone_units == 0
    assert after_look(Remembered(seen=seen(9)), seen(3, 5), queued(9, 4)).gone_units == 1
    assert after_look(Remembered(seen=seen(5)), seen(8, 5), queued(5, 10)).gone_units == 2
    assert after_look(Remembered(seen=seen(8)), seen(7, 5), queued(5, 10)).gone_units == 1
    assert after_look(None, seen(7), None) == Remembered(seen=seen(7))


def test_behind_a_lowering_sales_may_hide_until_orders_are_known_up_to_when_it_was_seen():
    def hides(known_up_to, outcome=PushOutcome.CONFIRMED, shown=4, after=4):
        answer = PushReceipt(change=a_change(9, after), outcome=outcome, at=NOW)
        return may_hide_sales(answer, seen(shown).offer, known_up_to, is_waited_for=True)

    later = NOW + timedelta(minutes=1)
    assert hides(None)
    assert hides(NOW - timedelta(seconds=1))
    assert not hides(NOW)
    assert not hides(None, after=9)
    assert hides(later, PushOutcome.ACCEPTED), "it shows now, and nobody has proven since when"
    assert not hides(later, PushOutcome.ACCEPTED, shown=5), "it has not come about yet"
    assert hides(None, PushOutcome.ACCEPTED, shown=5)
    assert not hides(None, PushOutcome.REJECTED)


def test_behind_a_raise_that_does_not_show_all_its_units_may_have_been_sold():
    def hides(known_up_to, outcome, shown, *, is_waited_for=True):
        answer = PushReceipt(change=a_change(2, 9), outcome=outcome, at=NOW)
        return may_hide_sales(answer, seen(shown).offer, known_up_to, is_waited_for=is_waited_for)

    later = NOW + timedelta(minutes=1)
    assert hides(later, PushOutcome.ACCEPTED, 2), "it is late, or sold out"
    assert hides(later, PushOutcome.ACCEPTED, 0)
    assert not hides(later, PushOutcome.ACCEPTED, 2, is_waited_for=False), "it never came about"
    assert not hides(None, PushOutcome.ACCEPTED, 3), "it shows, and what is gone of it was counted"
    assert hides(None, PushOutcome.CONFIRMED, 2), "only orders have proven it"
    assert hides(NOW - timedelta(seconds=1), PushOutcome.CONFIRMED, 2)
    assert not hides(NOW, PushOutcome.CONFIRMED, 2)
    assert not hides(None, PushOutcome.REJECTED, 2)
