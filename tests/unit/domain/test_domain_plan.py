"""The whole shop at once: promises that must hold whatever the orders, stock, inbound and accounts are."""

import dataclasses
import random

from hypothesis import given, settings

from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.domain.plan import assess_orders, demand_records, plan_shop
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.risk import OrderState

from builders import (
    ACCOUNT,
    NOW,
    SKU,
    a_calendar,
    a_count,
    a_lot,
    a_policy,
    an_entry,
    an_item,
    an_observed_offer,
    an_order,
    by_account,
    in_days,
    shop_facts,
    shop_terms,
    shops,
    some_receipts,
    the_decision,
)

WHOLE_SHOPS = settings(max_examples=100, deadline=None)


def plan(facts, terms=None):
    return plan_shop(facts, terms or shop_terms(), now=NOW, run_id="r")


def shown_afterwards(facts, decisions):
    """What Amazon shows once every decision has taken effect."""
    shown = []
    for decision in decisions:
        before = facts.observed[decision.account][decision.sku]
        shown.append(dataclasses.replace(before, offer=decision.desired or before.offer))
    return dataclasses.replace(facts, observed=by_account(shown))


@WHOLE_SHOPS
@given(shops())
def test_no_unit_is_sold_twice(shop):
    facts, terms = shop
    found = plan(facts, terms)
    for sku in {decision.sku for decision in found.decisions}:
        offered = sum(d.desired.quantity for d in found.decisions if d.sku == sku and d.desired is not None)
        view = found.orders.inbound.get(sku)
        lots = view.expected if view else ()
        on_hand = found.orders.on_hand.get(sku, 0)
        used = found.orders.allocation.on_hand_units.get(sku, 0)
        used += sum(found.orders.allocation.lot_units.get(lot.lot_id, 0) for lot in lots)
        supply = on_hand + sum(lot.units for lot in lots)
        assert used <= max(0, on_hand) + sum(lot.units for lot in lots)
        assert offered == 0 or offered + used <= supply


@WHOLE_SHOPS
@given(shops())
def test_planning_twice_changes_nothing(shop):
    facts, terms = shop
    first = plan(facts, terms)
    again = shown_afterwards(facts, first.decisions)
    second = plan(again, terms)
    assert [decision.change for decision in second.decisions if decision.change] == []
    assert [decision.desired for decision in second.decisions] == [
        decision.desired for decision in first.decisions
    ]


@WHOLE_SHOPS
@given(shops())
def test_every_offer_is_one_amazon_accepts(shop):
    facts, terms = shop
    for decision in plan(facts, terms).decisions:
        offer, before = decision.desired, decision.observed
        if offer is None:
            continue
        assert offer.quantity >= 0
        assert offer.handling_days is None or 0 <= offer.handling_days <= 30
        if decision.mode is ListingMode.IN_STOCK:
            assert offer.restock_on is None
        if decision.mode in (ListingMode.BACKORDER, ListingMode.PREORDER):
            promised = decision.desired.restock_on
            assert promised is None or 0 < (promised - terms.calendar.local_date(NOW)).days <= 30
            assert terms.policies["default"].backorder is not BackorderKind.NEVER
        if terms.accounts[decision.account] is AutomatedHandling.ON:
            assert offer.handling_days == before.handling_days
        if terms.accounts[decision.account] is not AutomatedHandling.OFF and promised_ahead(decision):
            assert offer.restock_on is not None


def promised_ahead(decision):
    return decision.mode in (ListingMode.BACKORDER, ListingMode.PREORDER) and decision.desired.quantity > 0


@WHOLE_SHOPS
@given(shops())
def test_the_order_in_which_facts_arrive_does_not_matter(shop):
    facts, terms = shop
    rng = random.Random(len(facts.holding))

    def shuffled(values):
        return tuple(rng.sample(list(values), len(values)))

    supply = dataclasses.replace(
        facts.supply,
        **{name: shuffled(getattr(facts.supply, name)) for name in ("stock", "lots", "receipts", "catalog")},
    )
    mixed = dataclasses.replace(
        facts,
        holding=shuffled(facts.holding),
        recent=shuffled(facts.recent),
        supply=supply,
        observed=by_account(
            shuffled([offer for offers in facts.observed.values() for offer in offers.values()])
        ),
    )
    assert plan(mixed, terms) == plan(facts, terms)


@WHOLE_SHOPS
@given(shops())
def test_every_open_order_has_one_outlook_that_agrees_with_its_supply(shop):
    facts, terms = shop
    found = assess_orders(facts, terms, NOW)
    assert sorted(one.order_id for one in found.outlooks) == sorted(
        o.order_id for o in facts.holding if o.is_open
    )
    short = {order for _, orders in found.short.values() for order in orders}
    for outlook in found.outlooks:
        assert outlook.reason
        assert (outlook.promise_on is None) == (outlook.order_id in short)
        assert outlook.late_probability is None or 0 <= outlook.late_probability <= 1
        if outlook.order_id in short and outlook.ship_by_at is not None:
            assert outlook.late_probability == 1


def test_two_accounts_never_publish_more_than_the_stock_together():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    found = plan(shop_facts(stock=[a_count(7)], offers=offers))
    assert [decision.desired.quantity for decision in found.decisions] == [3, 3]


def test_two_accounts_share_the_cap_too():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    found = plan(shop_facts(stock=[a_count(0)], lots=[a_lot(quantity=10)], offers=offers))
    assert [decision.desired.quantity for decision in found.decisions] == [4, 4]


def test_what_a_count_below_zero_owes_is_not_sold_ahead():
    stock = [a_count(0, reserved_elsewhere=30)]
    found = plan(shop_facts(stock=stock, lots=[a_lot()], offers=[an_observed_offer()]))
    assert the_decision(found).desired.quantity == 50


def test_stock_reserved_elsewhere_is_no_reason_to_sell_ahead():
    stock = [a_count(30, reserved_elsewhere=30)]
    decision = the_decision(plan(shop_facts(stock=stock, lots=[a_lot()], offers=[an_observed_offer()])))
    assert decision.mode is ListingMode.SOLD_OUT
    assert [gate.name for gate in decision.gates if not gate.passed] == ["reserved_elsewhere"]


def test_a_first_sale_of_a_slow_seller_does_not_end_selling_ahead():
    facts = shop_facts(
        [an_order(ship_by_at=in_days(20))], [a_count(0)], [a_lot()], offers=[an_observed_offer()]
    )
    assert the_decision(plan(facts)).desired.quantity == 79


def test_a_sku_follows_the_policy_its_catalogue_entry_names():
    policies = {"default": a_policy(backorder=BackorderKind.NEVER), "toys": a_policy()}
    facts = shop_facts(
        stock=[a_count(0)], lots=[a_lot()], offers=[an_observed_offer()], catalog=[an_entry(policy="toys")]
    )
    assert the_decision(plan(facts, shop_terms(policies=policies))).mode is ListingMode.BACKORDER


def test_a_supplier_is_judged_by_its_name_in_the_catalogue_while_nothing_is_inbound():
    facts = shop_facts(
        stock=[a_count(0)],
        offers=[an_observed_offer()],
        catalog=[an_entry(supplier="Bolt")],
        receipts=some_receipts("Bolt"),
    )
    (gate,) = (gate for gate in the_decision(plan(facts)).gates if gate.name == "supplier_receipts")
    assert gate.value == "20 receipts of Bolt"


def test_an_account_over_the_late_limit_sells_nothing_ahead():
    late = an_order("9", sku="X", account=ACCOUNT, ship_by_at=in_days(-1))
    facts = shop_facts([late], [a_count(0), a_count(5, "X")], [a_lot()], offers=[an_observed_offer()])
    decision = the_decision(plan(facts))
    assert [gate.name for gate in decision.gates if not gate.passed] == ["headroom"]


def test_a_shop_without_listings_still_judges_its_orders():
    found = plan(shop_facts([an_order()], [a_count(5)]))
    assert found.decisions == ()
    assert [one.state for one in found.orders.outlooks] == [OrderState.ON_TRACK]


def test_an_order_known_twice_leaves_the_shelf_once():
    from builders import a_shipment

    sent = an_order(
        status=OrderStatus.PARTIALLY_SHIPPED,
        items=(an_item(units=3, shipped_units=1),),
        shipments=(a_shipment(units=1, shipped_at=NOW),),
    )
    found = assess_orders(shop_facts([sent], [a_count(10)], recent=[sent]), shop_terms(), NOW)
    assert found.on_hand == {SKU: 9}
    alone = assess_orders(shop_facts([sent], [a_count(10)], recent=[]), shop_terms(), NOW)
    assert alone.on_hand == {SKU: 9}


# --- a SKU's own sales ---------------------------------------------------------------------------


def sales(*orders):
    return demand_records(orders, a_calendar(), NOW)


def test_sales_are_measured_over_thirty_days_with_days_without_a_sale():
    other = an_order("0", sku="OTHER", created_at=in_days(-29))
    first, second = (an_order(f"{n}", units=3, created_at=in_days(-n)) for n in (1, 2))
    record = sales(other, first, second)[SKU]
    assert record.days == 30
    assert record.units_per_day == 0.2
    assert record.orders == 2
    assert record.variation is not None
    assert round(record.variation, 3) == round((30 / 2 - 1) ** 0.5, 3)


def test_a_new_shop_is_measured_over_the_days_it_is_known():
    record = sales(
        an_order("1", units=3, created_at=in_days(-1)), an_order("2", units=3, created_at=in_days(-2))
    )[SKU]
    assert (record.days, record.units_per_day, record.variation) == (3, 2.0, None)


def test_an_order_dated_tomorrow_is_a_day_of_sales():
    assert sales(an_order(units=3, created_at=in_days(1)))[SKU].units_per_day == 3.0


def test_old_orders_and_those_amazon_ships_are_no_sales_of_ours():
    old = an_order("1", created_at=in_days(-31))
    assert sales(old, an_order("2", fulfilled_by=Fulfiller.AMAZON)) == {}


def test_cancelled_orders_are_counted():
    assert sales(an_order("1"), an_order("2", status=OrderStatus.CANCELLED))[SKU].cancelled_orders == 1


def test_orders_of_nothing_have_no_variation():
    assert sales(an_order(units=0, created_at=in_days(-29)))[SKU].variation is None
