"""Pushing: only what was decided, guarded, one listing at a time, and done only when it is seen live."""

import dataclasses
from datetime import timedelta

import pytest

from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.errors import AccessRefused, ConfigError, RequestRejected, Throttled, Unavailable
from fbm_sync.ports import Hold

from builders import (
    ACCOUNT,
    NOW,
    a_change,
    a_count,
    a_lot,
    a_policy,
    a_supply,
    an_order,
    shop_terms,
    some_receipts,
)
from fakes import Killed

ALL = {f"CUP-{number:02}": 5 for number in range(12)}
"""More SKUs than may change at once in a small shop."""


def list_all(shop, quantity=0):
    for sku in ALL:
        shop.offers.list(sku, quantity)


def sent(shop):
    return [(change.sku, change.after.quantity) for change in shop.offers.sent]


def held_shop(shop):
    """A shop whose twelve raises were just held."""
    list_all(shop)
    shop.decide(**ALL)
    return shop.push(apply=True)


# --- preview -------------------------------------------------------------------------------------


def test_a_preview_writes_nothing_to_amazon(shop):
    shop.offers.list("CUP", 2)
    shop.offers.list("BOWL", 9)
    shop.decide(CUP=10, BOWL=0)
    pushed = shop.push()
    assert shop.offers.sent == []
    assert (pushed.previewed, pushed.applied) == (2, 0)
    assert [receipt.outcome for receipt in pushed.receipts] == [PushOutcome.VALID] * 2
    assert shop.receipts() == {}
    assert shop.last_success("push") is None


def test_a_preview_lets_amazon_judge_only_the_most_urgent_changes(shop):
    for sku, quantity in {"A": 9, "B": 2, "C": 9}.items():
        shop.offers.list(sku, quantity)
    shop.decide(A=5, B=8, C=0)
    pushed = shop.push(previews=2)
    assert pushed.previewed == 3
    assert [receipt.change.sku for receipt in pushed.receipts] == ["C", "A"]


def test_a_preview_tells_what_amazon_would_refuse(shop):
    shop.offers.list("CUP", 2)
    shop.offers.refusals["CUP"] = "Brand not approved."
    shop.decide(CUP=10)
    assert shop.push().rejected == 1
    assert shop.receipts() == {}


def test_a_preview_goes_on_after_one_bad_listing_and_ends_when_amazon_says_enough(shop):
    for sku in "ABCD":
        shop.offers.list(sku, 9)
    shop.offers.failures["A"] = Unavailable("Gone.", operation="patchListingsItem")
    shop.offers.failures["C"] = Throttled("Over quota.", operation="patchListingsItem")
    shop.decide(A=1, B=1, C=1, D=1)
    pushed = shop.push()
    assert [receipt.change.sku for receipt in pushed.receipts] == ["B"]
    assert [failure.what for failure in pushed.failures] == ["listing A", "listing C"]


# --- applying ------------------------------------------------------------------------------------


def test_decreases_go_first_and_zero_outs_before_all(shop):
    for sku, quantity in {"A": 2, "B": 9, "C": 9}.items():
        shop.offers.list(sku, quantity)
    shop.decide(A=8, B=5, C=0)
    pushed = shop.push(apply=True)
    assert sent(shop) == [("C", 0), ("B", 5), ("A", 8)]
    assert (pushed.applied, pushed.held, pushed.unchanged) == (3, 0, 0)
    assert shop.last_success("push") == NOW


def test_what_amazon_shows_already_is_left_alone(shop):
    shop.offers.list("CUP", 5)
    shop.decide(CUP=5)
    pushed = shop.push(apply=True)
    assert (pushed.unchanged, pushed.applied, shop.offers.sent) == (1, 0, [])


def test_only_the_named_skus_are_pushed(shop):
    for sku in "AB":
        shop.offers.list(sku, 9)
    shop.decide(A=5, B=5)
    shop.push(apply=True, skus=["B"])
    assert sent(shop) == [("B", 5)]


def test_a_listing_without_a_stock_record_is_never_touched(shop):
    shop.offers.list("CUP", 5)
    shop.offers.list("MYSTERY", 5)
    shop.decide(CUP=0)
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 0)]


def test_zero_outs_go_even_when_listings_cannot_be_read(shop):
    shop.offers.list("A", 2)
    shop.offers.list("B", 9)
    shop.decide(A=8, B=0)
    shop.offers.trouble.extend([None, Unavailable("Gone.", operation="searchListingsItems")])
    pushed = shop.push(apply=True)
    assert sent(shop) == [("B", 0)]
    assert [failure.what for failure in pushed.failures] == ["reading 1 listings"]


def test_listings_that_cannot_be_read_do_not_keep_the_others_waiting(shop):
    for number in range(25):
        shop.offers.list(f"CUP-{number:02}", 9)
    shop.decide(**{f"CUP-{number:02}": 4 for number in range(25)})
    shop.offers.trouble.append(RequestRejected("Bad SKU.", operation="searchListingsItems", status=400))
    shop.push(apply=True)
    assert len(shop.offers.sent) == 5


@pytest.mark.parametrize("error", [Unavailable, RequestRejected])
def test_one_failing_listing_never_stops_the_rest(shop, error):
    for sku in "ABC":
        shop.offers.list(sku, 9)
    shop.decide(A=1, B=1, C=1)
    shop.offers.failures["B"] = error("No.", operation="patchListingsItem")
    pushed = shop.push(apply=True)
    assert sent(shop) == [("A", 1), ("C", 1)]
    assert [failure.what for failure in pushed.failures] == ["listing B"]
    shop.offers.failures.clear()
    shop.push(apply=True)
    assert sent(shop)[2:] == [("B", 1)]


@pytest.mark.parametrize("error", [Throttled, AccessRefused])
@pytest.mark.parametrize("left", [1, 0])
def test_a_full_quota_or_a_closed_door_stops_the_push_until_the_next(shop, error, left):
    for sku in "ABC":
        shop.offers.list(sku, 9)
    shop.decide(A=left, B=left, C=left)
    shop.offers.failures["B"] = error("No.", operation="patchListingsItem")
    pushed = shop.push(apply=True)
    assert sent(shop) == [("A", left)]
    assert len(pushed.failures) == 1
    assert shop.last_success("push") is None
    shop.offers.failures.clear()
    shop.push(apply=True)
    assert sent(shop)[1:] == [("B", left), ("C", left)]


def test_a_full_quota_while_looking_stops_the_looking_too(shop):
    for number in range(45):
        shop.offers.list(f"CUP-{number:02}", 9)
    shop.decide(**{f"CUP-{number:02}": 4 for number in range(45)})
    shop.offers.calls.clear()
    shop.offers.trouble.append(Throttled("Over quota.", operation="searchListingsItems"))
    assert len(shop.push(apply=True).failures) == 1
    assert shop.offers.calls == ["searchListingsItems"]


def test_a_push_that_was_killed_is_finished_by_the_next(shop):
    for sku in "ABC":
        shop.offers.list(sku, 9)
    shop.decide(A=1, B=1, C=1)
    shop.offers.trouble.extend([None, None, Killed()])
    with pytest.raises(Killed):
        shop.push(apply=True)
    shop.clock.advance(minutes=1)
    pushed = shop.push(apply=True)
    assert sent(shop) == [("A", 1), ("B", 1), ("C", 1)]
    assert pushed.unconfirmed == 2


# --- the listing moved meanwhile -----------------------------------------------------------------


def test_units_sold_since_the_last_look_come_off_a_decrease(shop):
    shop.offers.list("CUP", 9)
    shop.decide(CUP=6)
    shop.offers.sell("CUP", 2)
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 4)]


def test_a_raise_is_lowered_by_the_units_sold_meanwhile(shop):
    shop.offers.list("CUP", 5)
    shop.decide(CUP=10)
    shop.offers.sell("CUP", 1)
    assert shop.push(apply=True).deferred == 0
    assert sent(shop) == [("CUP", 9)], "the unit sold since the plan is not put on sale again"


def test_units_sold_after_a_raise_are_not_put_on_sale_again_without_a_new_plan(shop):
    shop.offers.list("CUP", 5)
    shop.decide(CUP=10)
    shop.push(apply=True)
    shop.clock.advance(minutes=1)
    shop.offers.sell("CUP", 3)
    pushed = shop.push(apply=True)
    assert sent(shop) == [("CUP", 10)]
    assert (pushed.applied, pushed.deferred, pushed.unconfirmed) == (0, 1, 0)


def test_a_sold_out_listing_that_came_back_to_life_is_closed_without_a_new_plan(shop):
    shop.offers.list("CUP", 0)
    shop.decide(CUP=0)
    shop.offers.list("CUP", 7)
    shop.pull_offers()
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 0)]


def test_a_decrease_that_sales_have_already_made_is_left_to_the_next_plan(shop):
    shop.offers.list("CUP", 9)
    shop.decide(CUP=6)
    shop.offers.sell("CUP", 9)
    assert shop.push(apply=True).deferred == 1
    assert shop.offers.sent == []


def test_a_promise_changed_by_hand_meanwhile_does_not_keep_units_from_being_taken_off_sale(shop):
    shop.offers.list("CUP", 9)
    shop.decide(CUP=6)
    shop.offers.list("CUP", 9, handling_days=5)
    shop.push(apply=True)
    shop.plan()
    shop.push(apply=True)
    assert [(one.after.quantity, one.after.handling_days) for one in shop.offers.sent] == [(6, 5), (6, 2)]


def test_a_raise_waits_for_the_next_plan_when_the_promise_was_changed_by_hand(shop):
    shop.offers.list("CUP", 5)
    shop.decide(CUP=10)
    shop.offers.list("CUP", 5, handling_days=5)
    assert shop.push(apply=True).deferred == 1
    assert shop.offers.sent == []


def test_a_listing_that_is_gone_is_named_and_the_others_go(shop):
    for sku in "AB":
        shop.offers.list(sku, 9)
    shop.decide(A=1, B=1)
    shop.offers.delist("A")
    pushed = shop.push(apply=True)
    assert sent(shop) == [("B", 1)]
    assert [(failure.what, failure.next) for failure in pushed.failures] == [
        ("listing A", "Check it in Seller Central.")
    ]


# --- what became news since the plan -------------------------------------------------------------


def test_a_raise_on_units_of_a_cancelled_order_waits_when_the_order_has_moved_since(shop):
    """The order may have come back: only a new plan knows what is free."""
    shop.offers.list("CUP", 5)
    shop.orders.put(an_order(sku="CUP", units=2, status=OrderStatus.CANCELLED, updated_at=shop.clock.now()))
    shop.clock.advance(minutes=5)
    shop.decide(CUP=9)
    shop.orders.change("111-1", status=OrderStatus.UNSHIPPED)
    shop.clock.advance(minutes=5)
    shop.pull()
    assert (shop.push(apply=True).deferred, shop.offers.sent) == (1, [])
    shop.plan()
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 7)]


def test_a_decrease_goes_whatever_is_news(shop):
    shop.offers.list("CUP", 9)
    shop.decide(CUP=4)
    shop.clock.advance(minutes=1)
    shop.orders.put(an_order(sku="CUP", created_at=shop.clock.now(), updated_at=shop.clock.now()))
    shop.offers.sell("CUP", 1)
    shop.clock.advance(minutes=5)
    shop.pull()
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 3)]


def test_units_that_left_before_their_order_was_read_are_not_put_on_sale_again(shop):
    shop.offers.list("CUP", 10)
    shop.decide(CUP=10)
    shop.offers.sell("CUP", 3)
    shop.pull_offers()
    shop.plan()
    for _ in range(2):
        assert shop.push(apply=True).deferred == 1
        assert shop.offers.sent == []
        shop.clock.advance(minutes=5)
        shop.pull()
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 10)], "no order up to then: it was no buyer who took it"


def test_units_of_an_order_that_waited_for_its_payment_are_not_put_on_sale_again(shop):
    shop.offers.list("CUP", 10)
    shop.decide(CUP=10)
    shop.clock.advance(minutes=3)
    order = an_order(sku="CUP", units=3, created_at=shop.clock.now(), updated_at=shop.clock.now())
    shop.orders.put(order)
    shop.offers.sell("CUP", 3)
    shop.clock.advance(minutes=1)
    shop.pull_offers()
    shop.clock.advance(minutes=10)
    shop.orders.change(order.order_id, deliver_by_at=None)
    shop.pull()
    assert shop.recorded() == {}, "Amazon hides what has changed just now, however old the order is"
    shop.plan()
    shop.push(apply=True)
    assert shop.offers.sent == []
    shop.clock.advance(minutes=5)
    shop.pull()
    assert len(shop.recorded()) == 1
    shop.plan()
    shop.push(apply=True)
    assert shop.offers.sent == []


def test_units_of_a_raise_that_was_sold_out_before_anybody_looked_are_not_put_on_sale_again(shop):
    shop.offers.list("CUP", 0)
    shop.decide(CUP=5)
    shop.push(apply=True)
    shop.clock.advance(minutes=4)
    early = NOW + timedelta(minutes=1)
    shop.orders.put(an_order("1", sku="CUP", units=3, created_at=early, updated_at=early))
    shop.offers.sell("CUP", 3)
    shop.pull()
    shop.offers.sell("CUP", 2)
    shop.stock(CUP=8)
    shop.pull_supply()
    shop.plan()
    assert shop.push(apply=True).applied == 0
    late = shop.clock.now()
    shop.orders.put(an_order("2", sku="CUP", units=2, created_at=late, updated_at=late))
    for _ in range(2):
        shop.clock.advance(minutes=5)
        shop.decide(CUP=8)
        shop.push(apply=True)
    assert sent(shop) == [("CUP", 5), ("CUP", 3)]


def test_units_that_buyers_took_before_our_own_lowering_came_about_are_not_put_on_sale_again(shop):
    shop.offers.list("CUP", 4)
    shop.decide(CUP=1)
    shop.offers.never_live.add("CUP")
    shop.push(apply=True)
    shop.clock.advance(minutes=1)
    shop.orders.put(an_order(sku="CUP", units=3, created_at=shop.clock.now(), updated_at=shop.clock.now()))
    shop.offers.sell("CUP", 3)
    shop.clock.advance(minutes=1)
    shop.pull_offers()
    shop.offers.never_live.clear()
    shop.stock(CUP=4)
    shop.pull_supply()
    shop.plan()
    assert shop.push(apply=True).deferred == 1
    assert sent(shop) == [("CUP", 1)]
    for _ in range(2):
        shop.clock.advance(minutes=5)
        shop.decide(CUP=4)
        shop.push(apply=True)
    assert sent(shop) == [("CUP", 1)], "the orders tell of all three"


def test_a_small_raise_of_which_more_was_bought_before_we_looked_counts_as_made(shop):
    shop.offers.list("CUP", 4)
    shop.decide(CUP=5)
    assert shop.push(apply=True).unconfirmed == 1
    shop.clock.advance(minutes=1)
    shop.orders.put(an_order(sku="CUP", units=3, created_at=shop.clock.now(), updated_at=shop.clock.now()))
    shop.offers.sell("CUP", 3)
    shop.clock.advance(minutes=5)
    shop.decide(CUP=5)
    assert shop.push(apply=True).unconfirmed == 0, "two are shown, and three were bought"
    assert sent(shop) == [("CUP", 5)]


def test_units_that_a_cancelled_order_gives_back_are_taken_off_sale_again(shop):
    order = an_order(sku="CUP", units=2, created_at=shop.clock.now(), updated_at=shop.clock.now())
    shop.orders.put(order)
    shop.offers.list("CUP", 1)
    shop.offers.list("BOWL", 50)
    shop.clock.advance(minutes=10)
    shop.decide(CUP=2, BOWL=50)
    assert shop.push(apply=True).unconfirmed == 1
    shop.clock.advance(minutes=1)
    shop.orders.put(dataclasses.replace(order, status=OrderStatus.CANCELLED, updated_at=shop.clock.now()))
    shop.offers.sell("CUP", -2)
    shop.clock.advance(minutes=5)
    shop.decide(CUP=0, BOWL=50)
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 0), ("CUP", 0)]


def test_a_long_push_asks_again_how_old_the_orders_are(shop):
    names = [f"CUP-{number:02}" for number in range(25)]
    shop.limits(max_changed_share=1.0)
    for sku in names:
        shop.offers.list(sku, 2)
    shop.decide(**dict.fromkeys(names, 9))
    shop.offers.trouble.extend([None] * 20 + [lambda: shop.clock.advance(minutes=16)])
    pushed = shop.push(apply=True)
    assert (len(shop.offers.sent), pushed.deferred) == (20, 5)


def test_a_quantity_is_not_written_on_a_look_that_is_older_than_seconds(shop):
    for sku in "AB":
        shop.offers.list(sku, 5)
    shop.decide(A=9, B=9)

    def meanwhile():
        shop.clock.advance(seconds=11)
        shop.offers.sell("B", 2)

    shop.offers.trouble.extend([None, meanwhile])
    shop.push(apply=True)
    assert ("B", 9) not in sent(shop)


# --- raises that wait ----------------------------------------------------------------------------


def test_nothing_is_raised_while_raises_are_paused(shop):
    for sku in "AB":
        shop.offers.list(sku, 5)
    shop.decide(A=9, B=2)
    with shop.ledger.transaction() as books:
        books.runs.pause("stocktaking", shop.clock.now())
    pushed = shop.push(apply=True)
    assert sent(shop) == [("B", 2)]
    assert (pushed.held, pushed.hold_id) == (1, None)
    assert pushed.hold_reasons == ("raises are paused since 2026-03-02 09:00Z: stocktaking",)
    with shop.ledger.transaction() as books:
        books.runs.resume()
    shop.push(apply=True)
    assert sent(shop)[1:] == [("A", 9)]


def test_nothing_is_raised_on_orders_read_long_ago(shop):
    for sku in "AB":
        shop.offers.list(sku, 5)
    shop.decide(A=9, B=2)
    shop.clock.advance(minutes=16)
    pushed = shop.push(apply=True)
    assert sent(shop) == [("B", 2)]
    assert pushed.hold_reasons == (
        "orders were last read 16 min ago, limits.max_order_age_minutes allows 15 min",
    )
    shop.pull()
    shop.push(apply=True)
    assert sent(shop)[1:] == [("A", 9)]


def test_nothing_is_raised_before_orders_were_ever_read(shop):
    shop.offers.list("CUP", 5)
    shop.stock(CUP=9)
    shop.pull_supply()
    shop.pull_offers()
    shop.plan()
    pushed = shop.push(apply=True)
    assert (pushed.held, shop.offers.sent) == (1, [])
    assert "never" in pushed.hold_reasons[0]


def test_a_change_of_half_the_shop_waits_for_a_person(shop):
    pushed = held_shop(shop)
    assert (pushed.held, pushed.applied, shop.offers.sent) == (12, 0, [])
    assert pushed.hold_id is not None
    assert pushed.hold_reasons == ("12 SKUs changed, limits.max_changed_share allows 10",)
    (hold,) = shop.holds()
    assert (hold.hold_id, len(hold.changes)) == (pushed.hold_id, 12)


def test_a_hold_lets_decreases_go(shop):
    list_all(shop)
    shop.offers.list("CUP-00", 9)
    shop.decide(**ALL)
    pushed = shop.push(apply=True)
    assert sent(shop) == [("CUP-00", 5)]
    assert pushed.held == 11


def test_the_same_changes_keep_the_same_hold_and_other_changes_make_another(shop):
    first = held_shop(shop)
    shop.clock.advance(minutes=5)
    assert shop.push(apply=True).hold_id == first.hold_id
    assert shop.holds()[0].held_at == NOW
    shop.decide(**(ALL | {"CUP-00": 6}))
    assert shop.push(apply=True).hold_id != first.hold_id
    assert len(shop.holds()) == 1


def test_a_person_lets_a_hold_go(shop):
    hold_id = held_shop(shop).hold_id
    pushed = shop.push(apply=True, release=hold_id)
    assert (pushed.applied, pushed.held, pushed.hold_id) == (12, 0, None)
    shop.clock.advance(minutes=1)
    shop.push(apply=True)
    assert shop.holds() == ()


def test_a_refused_change_that_was_held_at_its_next_try_goes_when_a_person_lets_it_go(shop):
    hold_id = held_shop(shop).hold_id
    shop.offers.refusals["CUP-03"] = "Not now."
    assert shop.push(apply=True, release=hold_id).rejected == 1
    shop.offers.refusals.clear()
    for sku in ALL:
        shop.offers.list(sku, 0)
    shop.clock.advance(hours=6)
    shop.decide(**ALL)
    hold_id = shop.push(apply=True).hold_id
    shop.clock.advance(minutes=5)
    assert shop.push(apply=True).held == 12, "it waits for the person, and for nothing else"
    shop.pull()
    pushed = shop.push(apply=True, release=hold_id)
    assert (pushed.applied, pushed.held) == (12, 0)
    assert ("CUP-03", 5) in sent(shop)


def test_letting_go_of_another_hold_is_refused_with_the_ids_in_force(shop):
    hold_id = held_shop(shop).hold_id
    with pytest.raises(ConfigError) as caught:
        shop.push(apply=True, release="deadbeef")
    assert caught.value.problems == (
        f"--release deadbeef: there is no such hold in force (in force: {hold_id})",
    )
    assert shop.offers.sent == []


def test_letting_go_of_a_hold_when_there_is_none_is_refused(shop):
    with pytest.raises(ConfigError, match="in force: none"):
        shop.push(apply=True, release="deadbeef")


def test_a_hold_of_another_account_is_not_let_go_here(shop):
    with shop.ledger.transaction() as books:
        books.offers.record_hold(
            Hold(hold_id="abc", account="uk", reasons=("x",), changes=(a_change(account="uk"),), held_at=NOW)
        )
    with pytest.raises(ConfigError):
        shop.push(apply=True, release="abc")
    with shop.ledger.transaction() as books:
        assert books.offers.holds("uk")[0].released_at is None


def test_a_hold_let_go_while_orders_are_stale_goes_when_they_are_fresh(shop):
    hold_id = held_shop(shop).hold_id
    shop.clock.advance(minutes=20)
    pushed = shop.push(apply=True, release=hold_id)
    assert (pushed.applied, pushed.held) == (0, 12)
    shop.pull()
    assert shop.push(apply=True).applied == 12


def test_a_hold_let_go_is_good_for_an_hour(shop):
    hold_id = held_shop(shop).hold_id
    shop.clock.advance(minutes=20)
    shop.push(apply=True, release=hold_id)
    shop.clock.advance(minutes=61)
    shop.pull()
    pushed = shop.push(apply=True)
    assert (pushed.applied, pushed.held) == (0, 12)
    assert shop.push(apply=True, release=hold_id).applied == 12, "a person may let it go once more"


def test_sales_after_a_hold_was_let_go_only_make_it_smaller(shop):
    hold_id = held_shop(shop).hold_id
    shop.clock.advance(minutes=20)
    shop.push(apply=True, release=hold_id)
    shop.decide(**(ALL | {"CUP-00": 3, "CUP-01": 7}))
    pushed = shop.push(apply=True)
    assert pushed.held == 1
    assert {sku for sku, _ in sent(shop)} == ALL.keys() - {"CUP-01"}
    assert ("CUP-00", 3) in sent(shop)


def test_another_promise_than_the_one_let_go_waits_again(shop):
    hold_id = held_shop(shop).hold_id
    shop.clock.advance(minutes=20)
    shop.push(apply=True, release=hold_id)
    shop.terms = dataclasses.replace(
        shop.terms, policies={"default": a_policy(backorder=BackorderKind.NEVER, handling_days=4)}
    )
    shop.decide(**ALL)
    assert shop.push(apply=True).held == 12


def test_a_look_at_one_sku_leaves_the_hold_of_the_others_in_force(shop):
    hold_id = held_shop(shop).hold_id
    shop.push(skus=["CUP-03"])
    assert [hold.hold_id for hold in shop.holds()] == [hold_id]


def test_a_hold_ends_when_its_changes_are_no_longer_wanted(shop):
    held_shop(shop)
    list_all(shop, 5)
    shop.decide(**ALL)
    pushed = shop.push(apply=True)
    assert (pushed.held, shop.holds()) == (0, ())


# --- answers and proof ---------------------------------------------------------------------------


def test_accepted_counts_as_done_only_when_it_was_read_back(shop):
    shop.offers.list("CUP", 2)
    shop.decide(CUP=8)
    pushed = shop.push(apply=True)
    assert (pushed.applied, pushed.unconfirmed) == (1, 1)
    assert shop.receipts()["CUP"].outcome is PushOutcome.ACCEPTED
    shop.clock.advance(seconds=30)
    assert shop.push(apply=True).unconfirmed == 0
    assert shop.receipts()["CUP"].outcome is PushOutcome.CONFIRMED
    assert shop.receipts()["CUP"].accepted_at == NOW


def test_a_push_that_may_wait_reads_back_until_it_sees_the_change(shop):
    shop.offers.list("CUP", 2)
    shop.decide(CUP=8)
    pushed = shop.push(apply=True, wait=120)
    assert pushed.unconfirmed == 0
    assert shop.clock.now() == NOW + timedelta(seconds=30)


def test_a_push_waits_no_longer_than_it_may(shop):
    shop.offers.list("CUP", 2)
    shop.offers.never_live.add("CUP")
    shop.decide(CUP=8)
    assert shop.push(apply=True, wait=120).unconfirmed == 1
    assert shop.clock.now() == NOW + timedelta(seconds=120)


def test_reading_back_that_fails_is_reported_and_tried_again_next_time(shop):
    shop.offers.list("CUP", 2)
    shop.decide(CUP=8)
    shop.push(apply=True)
    shop.clock.advance(minutes=1)
    shop.offers.trouble.append(Unavailable("Gone.", operation="searchListingsItems"))
    pushed = shop.push(apply=True)
    assert "reading back" in [failure.what for failure in pushed.failures]
    assert shop.push(apply=True).unconfirmed == 0


def test_a_quota_spent_on_reading_back_does_not_keep_a_listing_on_sale(shop):
    for sku in "AB":
        shop.offers.list(sku, 5)
    shop.decide(A=8, B=5)
    shop.push(apply=True)
    shop.decide(A=8, B=0)
    shop.offers.trouble.append(Throttled("Over quota.", operation="searchListingsItems"))
    shop.push(apply=True)
    assert ("B", 0) in sent(shop)


def test_a_rejected_change_is_tried_again_once_each_grace_time_and_at_once_when_the_decision_changes(shop):
    shop.offers.list("CUP", 2)
    shop.offers.refusals["CUP"] = "Brand not approved."
    shop.decide(CUP=8)
    pushed = shop.push(apply=True)
    assert (pushed.rejected, pushed.receipts[0].problems) == (1, ("Brand not approved.",))
    tries = []
    for _ in range(13):
        shop.clock.advance(hours=1)
        shop.pull()
        tries.append(shop.push(apply=True).rejected)
    assert sum(tries) == 2, "six hours of grace: twice in thirteen hours"
    shop.offers.refusals.clear()
    shop.decide(CUP=9)
    shop.push(apply=True)
    assert sent(shop)[-1] == ("CUP", 9)


def test_a_change_that_never_goes_live_stays_unconfirmed_and_is_sent_again_once_each_grace_time(shop):
    shop.offers.list("CUP", 9)
    shop.offers.never_live.add("CUP")
    shop.decide(CUP=4)
    attempts = []
    for _ in range(14):
        pushed = shop.push(apply=True)
        assert pushed.unconfirmed == 1
        attempts.append(pushed.applied)
        shop.clock.advance(hours=1)
    assert attempts == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
    assert shop.receipts()["CUP"].at == NOW, "it is waited for since its first acceptance"


def test_a_new_decision_is_sent_although_an_old_change_is_still_queued(shop):
    shop.offers.list("CUP", 9)
    shop.offers.never_live.add("CUP")
    shop.decide(CUP=4)
    shop.push(apply=True)
    shop.decide(CUP=3)
    shop.push(apply=True)
    assert sent(shop) == [("CUP", 4), ("CUP", 3)]


def test_a_change_sent_again_after_its_grace_time_may_be_rejected(shop):
    shop.offers.list("CUP", 9)
    shop.offers.never_live.add("CUP")
    shop.decide(CUP=4)
    shop.push(apply=True)
    shop.offers.refusals["CUP"] = "Listing suppressed."
    shop.clock.advance(hours=6)
    assert shop.push(apply=True).rejected == 1
    assert shop.receipts()["CUP"].outcome is PushOutcome.REJECTED


def test_a_backorder_is_opened_with_its_restock_date_and_closed_again(shop):
    shop.terms = shop_terms()
    shop.offers.list("CUP", 0)
    shop.supply.snapshot = a_supply([a_count(0, "CUP")], [a_lot(sku="CUP", quantity=50)], some_receipts())
    shop.pull_supply()
    shop.pull()
    shop.pull_offers()
    shop.plan()
    shop.push(apply=True, wait=60)
    live = shop.offers.live("CUP")
    assert live.quantity > 0
    assert live.restock_on is not None
    shop.orders.put(an_order(sku="CUP", units=1, updated_at=shop.clock.now(), account=ACCOUNT))
    shop.clock.advance(minutes=10)
    shop.decide(CUP=20)
    shop.push(apply=True, wait=60)
    assert (shop.offers.live("CUP").quantity, shop.offers.live("CUP").restock_on) == (19, None)
