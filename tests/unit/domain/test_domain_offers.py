"""Which offer a buyer sees, and what it takes to change it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.domain.change import is_live
from fbm_sync.domain.latency import latency_buffer
from fbm_sync.domain.listing import ListingMode, Offer, describe
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.plan import plan_shop
from fbm_sync.domain.policy import BackorderKind, Lever
from fbm_sync.domain.supply import LotStatus

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    TODAY,
    a_change,
    a_count,
    a_lot,
    a_policy,
    an_entry,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    the_decision,
)


def decide(offer=None, *, stock=(), lots=(), orders=(), policy=None, aht=AutomatedHandling.OFF, **facts):
    """The decision about one listing in a shop that sells ahead unless told otherwise."""
    terms = shop_terms(
        policy or a_policy(), accounts={ACCOUNT: aht}, lag_minutes=facts.pop("lag_minutes", 15.0)
    )
    shop = shop_facts(orders, stock, lots, offers=[offer or an_observed_offer()], **facts)
    return the_decision(plan_shop(shop, terms, now=NOW, run_id="run-1"))


def offer_of(quantity, handling_days=2, restock_on=None):
    return Offer(quantity=quantity, handling_days=handling_days, restock_on=restock_on)


# --- in stock ------------------------------------------------------------------------------------


def test_stock_is_sold_with_the_normal_handling_time():
    decision = decide(stock=[a_count(10)])
    assert decision.mode is ListingMode.IN_STOCK
    assert decision.desired == offer_of(10)
    assert decision.change.raised_units == 10
    assert decision.run_id == "run-1"
    assert decision.decided_at == NOW


def test_units_of_open_orders_are_not_sold_again():
    assert decide(stock=[a_count(10)], orders=[an_order(units=4)]).desired == offer_of(6)


def test_units_of_an_order_without_a_deadline_are_not_sold_again():
    assert decide(stock=[a_count(10)], orders=[an_order(units=4, ship_by_at=None)]).desired == offer_of(6)


def test_pending_orders_and_vanished_ones_hold_their_units():
    pending = an_order("1", units=3, status=OrderStatus.PENDING)
    vanished = an_order("2", units=2, status=OrderStatus.CANCELLED, units_kept_until=in_days(0.1))
    assert decide(stock=[a_count(10)], orders=[pending, vanished]).desired == offer_of(5)


def test_safety_stock_is_withheld_from_sale():
    decision = decide(stock=[a_count(10)], policy=a_policy(safety_stock=4))
    assert decision.desired == offer_of(6)
    assert decide(stock=[a_count(10)], catalog=[an_entry(safety_stock=1)]).desired == offer_of(9)


def test_safety_stock_still_serves_open_orders():
    shop = shop_facts([an_order(units=10)], [a_count(10)])
    plan = plan_shop(shop, shop_terms(a_policy(safety_stock=4)), now=NOW, run_id="r")
    assert plan.orders.allocation.on_hand_units == {SKU: 10}
    assert plan.orders.short == {}


def test_no_more_than_the_listed_maximum_is_shown():
    assert decide(stock=[a_count(10)], policy=a_policy(max_listed=3)).desired == offer_of(3)
    decision = decide(stock=[a_count(10)], catalog=[an_entry(max_listed=4)])
    assert decision.desired == offer_of(4)
    assert "No more than 4 units are listed at a time." in decision.reasons


HUNDRED_A_DAY = [
    an_order(f"{n}", status=OrderStatus.SHIPPED, units=100, created_at=in_days(-n)) for n in range(1, 31)
]


def test_a_buffer_is_kept_for_orders_already_under_way():
    policy = a_policy(latency_risk=0.001)
    decision = decide(stock=[a_count(50)], recent=HUNDRED_A_DAY, policy=policy, lag_minutes=14.4)
    assert decision.desired == offer_of(50 - latency_buffer(1.0, 0.001))
    assert "5 of them are kept back for orders placed before a change takes effect." in decision.reasons


@pytest.mark.parametrize(("shown", "wanted"), [(9, 9), (8, 10), (4, 10), (10, 10), (11, 10)])
def test_one_unit_more_is_not_worth_a_write_while_plenty_is_listed(shown, wanted):
    decision = decide(an_observed_offer(quantity=shown), stock=[a_count(10)])
    assert decision.desired == offer_of(wanted)


def test_with_few_units_every_one_counts():
    assert decide(an_observed_offer(quantity=3), stock=[a_count(4)]).desired == offer_of(4)


def test_stock_that_only_fills_the_buffer_is_not_sold():
    decision = decide(
        stock=[a_count(5)], recent=HUNDRED_A_DAY, policy=a_policy(latency_risk=0.001), lag_minutes=14.4
    )
    assert decision.mode is ListingMode.SOLD_OUT


@pytest.mark.parametrize(
    ("live", "units", "mode"), [(0, 4, "sold_out"), (0, 5, "in_stock"), (1, 4, "in_stock")]
)
def test_a_closed_listing_reopens_only_with_enough_stock(live, units, mode):
    assert (
        decide(an_observed_offer(live), stock=[a_count(units)], policy=a_policy(reopen_units=5)).mode == mode
    )


def test_the_catalogue_overrides_the_handling_time():
    assert decide(stock=[a_count(1)], catalog=[an_entry(handling_days=5)]).desired == offer_of(1, 5)


def test_an_account_default_for_handling_stays_untouched():
    assert decide(an_observed_offer(handling_days=None), stock=[a_count(1)]).desired == offer_of(1, None)


def test_when_stock_lands_the_restock_date_goes_and_handling_is_normal_again():
    decision = decide(an_observed_offer(2, handling_days=20, restock_on=on_day(9)), stock=[a_count(5)])
    assert decision.desired == offer_of(5)
    assert any("is removed: the stock is here" in reason for reason in decision.reasons)


def test_when_stock_lands_waiting_orders_come_first():
    waiting = [an_order(units=5)]
    assert (
        decide(
            an_observed_offer(2, restock_on=on_day(9)), stock=[a_count(5)], orders=waiting
        ).desired.quantity
        == 0
    )


# --- sold ahead ----------------------------------------------------------------------------------


def test_inbound_is_sold_ahead_with_a_restock_date():
    decision = decide(stock=[a_count(0)], lots=[a_lot()])
    assert decision.mode is ListingMode.BACKORDER
    assert decision.desired == offer_of(80, restock_on=on_day(7))
    assert decision.cap.binding == "inbound_share"
    assert all(gate.passed for gate in decision.gates)


def test_without_a_policy_nothing_is_sold_ahead():
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(backorder=BackorderKind.NEVER))
    assert decision.mode is ListingMode.SOLD_OUT
    assert decision.desired == offer_of(0)
    assert any(text.startswith("Selling ahead of inbound, because of policy") for text in decision.rejected)


def test_stock_and_inbound_are_never_sold_in_one_offer():
    assert decide(stock=[a_count(1)], lots=[a_lot()]).desired == offer_of(1)


def test_a_preorder_is_promised_for_its_release():
    policy = a_policy(backorder=BackorderKind.PREORDER)
    decision = decide(
        stock=[a_count(0)], lots=[a_lot()], policy=policy, catalog=[an_entry(release_on=on_day(20))]
    )
    assert decision.mode is ListingMode.PREORDER
    assert decision.desired.restock_on == on_day(20)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [(9, 9), (7, 7), (6, 7), (0, 7), (-3, 7)],
    ids=["later", "same", "early", "today", "past"],
)
def test_a_promise_buyers_see_is_kept_while_it_can_be(shown, expected):
    decision = decide(an_observed_offer(5, restock_on=on_day(shown)), stock=[a_count(0)], lots=[a_lot()])
    assert decision.desired.restock_on == on_day(expected)
    kept = any("that buyers already see can be kept" in reason for reason in decision.reasons)
    assert kept == (shown == expected)


def test_a_date_left_on_a_closed_listing_is_no_promise():
    decision = decide(an_observed_offer(0, restock_on=on_day(9)), stock=[a_count(0)], lots=[a_lot()])
    assert decision.desired.restock_on == on_day(7)


def test_a_promise_falls_when_its_lot_is_gone():
    decision = decide(an_observed_offer(5, restock_on=on_day(9)), stock=[a_count(0)])
    assert decision.desired == offer_of(0, restock_on=on_day(9))


@pytest.mark.parametrize(
    ("aht", "written"), [(AutomatedHandling.OFF, True), (AutomatedHandling.UNKNOWN, False)]
)
def test_handling_time_carries_a_promise_only_where_amazon_does_not_set_it(aht, written):
    decision = decide(stock=[a_count(0)], lots=[a_lot()], policy=a_policy(lever=Lever.HANDLING_TIME), aht=aht)
    assert decision.desired == (offer_of(80, 7) if written else offer_of(80, 2, on_day(7)))
    assert written != any("Handling time cannot carry the promise" in reason for reason in decision.reasons)


def test_a_sold_ahead_handling_time_is_never_as_short_as_the_normal_one():
    policy = a_policy(lever=Lever.HANDLING_TIME, handling_days=4)
    assert (
        decide(stock=[a_count(0)], lots=[a_lot(promised_on=on_day(2))], policy=policy).desired.handling_days
        == 5
    )


def test_a_handling_time_keeps_no_date_that_was_shown_before():
    observed = an_observed_offer(5, restock_on=on_day(20))
    decision = decide(
        observed, stock=[a_count(0)], lots=[a_lot()], policy=a_policy(lever=Lever.HANDLING_TIME)
    )
    assert decision.desired == offer_of(80, 7)


def test_an_offer_sold_ahead_by_handling_time_is_not_taken_for_stock():
    policy = a_policy(lever=Lever.HANDLING_TIME, reopen_units=5)
    decision = decide(
        an_observed_offer(40, handling_days=7), stock=[a_count(3)], lots=[a_lot()], policy=policy
    )
    assert decision.mode is ListingMode.BACKORDER
    in_stock = decide(an_observed_offer(3), stock=[a_count(3)], lots=[a_lot()], policy=policy)
    assert in_stock.mode is ListingMode.IN_STOCK


@pytest.mark.parametrize("lever", Lever)
@pytest.mark.parametrize("stock", [0, 10])
def test_under_automated_handling_the_handling_time_is_never_written(lever, stock):
    observed = an_observed_offer(1, handling_days=9)
    policy = a_policy(lever=lever, handling_days=1)
    decision = decide(
        observed, stock=[a_count(stock)], lots=[a_lot()], policy=policy, aht=AutomatedHandling.ON
    )
    assert decision.desired.handling_days == 9


def test_a_cap_smaller_than_the_number_of_accounts_sells_nothing():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    terms = shop_terms(a_policy(max_units=1))
    plan = plan_shop(
        shop_facts(stock=[a_count(0)], lots=[a_lot()], offers=offers), terms, now=NOW, run_id="r"
    )
    assert {decision.mode for decision in plan.decisions} == {ListingMode.SOLD_OUT}
    assert "the cap max_units leaves no unit." in plan.decisions[0].rejected[0]


# --- left alone ----------------------------------------------------------------------------------


def test_a_sku_the_stock_list_does_not_know_is_left_alone():
    decision = decide(an_observed_offer(7), stock=[a_count(5, "OTHER")], lots=[a_lot()])
    assert decision.desired is None
    assert decision.change is None
    assert decision.mode is ListingMode.IN_STOCK


@pytest.mark.parametrize(("live", "mode"), [(7, "in_stock"), (0, "sold_out")])
def test_a_sku_with_another_channel_is_left_alone(live, mode):
    decision = decide(an_observed_offer(live, other_channels=("AMAZON_NA",)), stock=[a_count(5)])
    assert decision.desired is None
    assert decision.mode == mode
    assert "AMAZON_NA" in decision.reasons[0]


@pytest.mark.parametrize(
    ("live", "stock", "lots", "mode"),
    [
        (7, [a_count(50)], [], "in_stock"),
        (7, [a_count(0)], [], "in_stock"),
        (0, [a_count(50)], [], "sold_out"),
        (0, [a_count(0)], [a_lot()], "sold_out"),
        (0, [], [], "sold_out"),
    ],
)
def test_a_locked_sku_is_left_alone_whatever_is_on_the_shelf_or_on_its_way(live, stock, lots, mode):
    decision = decide(an_observed_offer(live), stock=stock, lots=lots, catalog=[an_entry(locked=True)])
    assert (decision.desired, decision.change, decision.verdict.worries) == (None, None, ())
    assert decision.mode == mode
    assert "locked" in decision.reasons[0]


def test_a_right_offer_needs_no_change():
    assert decide(an_observed_offer(10), stock=[a_count(10)]).change is None


OLD = in_days(-3)


def test_stale_supply_raises_nothing():
    observed = an_observed_offer(4, handling_days=9)
    decision = decide(observed, stock=[a_count(10, counted_at=OLD)])
    assert decision.desired == observed.offer
    assert any("counted at 2026-02-27 09:00Z" in reason for reason in decision.reasons)


def test_stale_supply_may_lower():
    assert decide(an_observed_offer(14), stock=[a_count(10, counted_at=OLD)]).desired == offer_of(10)


def test_stale_supply_opens_no_listing():
    assert decide(stock=[a_count(10, counted_at=OLD)]).change is None
    assert decide(stock=[a_count(0, counted_at=OLD)], lots=[a_lot()]).change is None


# --- the argument --------------------------------------------------------------------------------


def test_a_decision_names_the_facts_it_rests_on():
    lots = [
        a_lot("A"),
        a_lot("B", promised_on=None, ordered_on=on_day(-10)),
        a_lot("C", status=LotStatus.PLANNED),
    ]
    facts = {fact.name: fact for fact in decide(stock=[a_count(1)], lots=lots, orders=[an_order()]).facts}
    assert facts["on hand, sellable"].value == "1 unit"
    assert facts["on hand, sellable"].as_of == in_days(-2 / 24)
    assert facts["held by open orders"].value == "1 unit"
    assert facts["shown by Amazon"].value == "0 units, 2 days handling"
    assert facts["policy"].value == "default (sell ahead: backorder)"
    assert "confirmed for 2026-03-09" in facts["inbound A/1"].value
    assert "ordered on 2026-02-20" in facts["inbound B/1"].value
    assert "not counted: its status is planned" in facts["inbound C/1"].value


def test_a_decision_about_an_unknown_sku_says_so():
    facts = {fact.name: fact.value for fact in decide().facts}
    assert facts["on hand, sellable"] == "unknown"


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (offer_of(1), "1 unit, 2 days handling"),
        (offer_of(0, None), "0 units, account's handling time"),
        (offer_of(3, 2, TODAY), "3 units, 2 days handling, back in stock 2026-03-02"),
    ],
)
def test_an_offer_is_said_in_words(offer, words):
    assert describe(offer) == words


# --- changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "raised", "zeroes", "quantity", "promise", "decrease"),
    [
        (0, 5, 5, False, True, False, False),
        (5, 0, 0, True, True, False, True),
        (5, 3, 0, False, True, False, True),
        (0, offer_of(0, 3), 0, False, False, True, False),
        (5, offer_of(3, 2, TODAY), 0, False, True, True, False),
        (5, offer_of(5, 3), 0, False, False, True, False),
    ],
)
def test_a_change_says_what_it_moves(before, after, raised, zeroes, quantity, promise, decrease):
    change = a_change(before, after)
    assert change.raised_units == raised
    assert change.zeroes == zeroes
    assert change.changes_quantity == quantity
    assert change.changes_promise == promise
    assert change.is_decrease == decrease


@pytest.mark.parametrize(
    ("before", "after", "seen", "live"),
    [
        (0, 5, offer_of(5), True),
        (0, 5, offer_of(3), True),  # two have sold since
        (0, 5, offer_of(0), False),
        (0, 5, offer_of(5, 3), False),
        (0, 5, offer_of(5, 2, TODAY), False),
        (9, 5, offer_of(5), True),
        (9, 5, offer_of(4), True),
        (9, 5, offer_of(9), False),
        (9, 0, offer_of(0), True),
        (9, 0, offer_of(1), False),
        (5, offer_of(5, 7), offer_of(5, 7), True),
        (5, offer_of(5, 7), offer_of(5, 2), False),
    ],
)
def test_a_change_is_live_when_what_amazon_shows_proves_it(before, after, seen, live):
    assert is_live(a_change(before, after), seen) == live


@given(before=st.integers(0, 9), after=st.integers(0, 9), sold=st.integers(0, 9), returned=st.integers(0, 9))
def test_a_decrease_is_proven_whatever_was_bought_and_came_back_since(before, after, sold, returned):
    if after <= before:
        seen = offer_of(after - min(after, sold) + returned)
        assert is_live(a_change(before, after), seen, returned_units=returned)
        not_yet = offer_of(before + returned)
        assert is_live(a_change(before, after), not_yet, returned_units=returned) == (after == before)


sales = st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=4)


@given(before=st.integers(0, 9), raised=st.integers(1, 9), early=sales, late=sales)
def test_a_raise_is_proven_once_it_has_come_about_whatever_was_bought_since(before, raised, early, late):
    """Buyers order before and after the raise is live, and we know of some of it."""
    change, bought = a_change(before, before + raised), {True: 0, False: 0}

    def shown(on_sale, orders):
        for is_known, units in orders:
            taken = min(units, on_sale)
            on_sale -= taken
            bought[is_known] += taken
        return offer_of(on_sale)

    assert not is_live(change, shown(before, early), bought_units=bought[True])
    bought[False] = 0  # the raise is an absolute number: what was bought before is back on sale
    seen = shown(before + raised, late)
    assert is_live(change, seen, bought_units=bought[True]) or raised <= bought[False]
