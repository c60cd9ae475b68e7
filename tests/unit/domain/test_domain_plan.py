"""The whole shop at once: promises that must hold whatever the orders, stock, inbound and accounts are."""

import dataclasses
import random
from datetime import timedelta
from decimal import Decimal
from itertools import product

from hypothesis import given, settings

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.health import headroom
from fbm_sync.domain.latency import latency_buffer
from fbm_sync.domain.listing import ListingMode
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.performance import (
    AccountStatus,
    MarketplacePerformance,
    ReportedMetric,
    SellerPerformance,
)
from fbm_sync.domain.plan import assess_orders, plan_shop
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.risk import OrderState
from fbm_sync.domain.supply import LotStatus

from builders import (
    ACCOUNT,
    ACCOUNTS,
    NOW,
    SKU,
    SKUS,
    a_change,
    a_count,
    a_good_past,
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
MANY_SHOPS = settings(max_examples=500, deadline=None)


def plan(facts, terms=None):
    return plan_shop(facts, terms or shop_terms(), now=NOW, run_id="r")


def shown_afterwards(facts, decisions):
    """What Amazon shows once every decision has taken effect."""
    shown = []
    for decision in decisions:
        before = facts.observed[decision.account][decision.sku]
        shown.append(dataclasses.replace(before, offer=decision.desired or before.offer))
    return dataclasses.replace(facts, observed=by_account(shown))


def accounts_by_pool(facts, terms):
    """The accounts of each pool; one without a name where none is named."""
    found = {}
    for account in {*ACCOUNTS, *facts.observed}:
        found.setdefault(terms.channels.get(account, Channel()).pool, set()).add(account)
    return found


@MANY_SHOPS
@given(shops())
def test_no_unit_of_any_pool_is_sold_twice(shop):
    facts, terms = shop
    found = plan(facts, terms)
    wall = terms.calendar.local_date(NOW) + timedelta(days=30)
    for (pool, accounts), sku in product(accounts_by_pool(facts, terms).items(), SKUS):
        offered = sum(
            d.desired.quantity
            for d in found.decisions
            if d.account in accounts and d.sku == sku and d.desired is not None
        )
        view = found.orders.inbound.get(sku)
        lots = [lot for lot in (view.expected if view else ()) if pool in ("", lot.lot.pool)]
        shelf = sum(c.sellable_units for c in facts.supply.stock if c.sku == sku and pool in ("", c.pool))
        used = sum(
            part.units
            for cover in found.orders.allocation.orders
            for item in cover.items
            for part in item.cover
            if cover.order.account in accounts and item.sku == sku and part.source is not CoverSource.SHORTAGE
        )
        assert used <= max(0, shelf) + sum(lot.units for lot in lots)
        waited_for = found.orders.allocation.lot_units
        counted = sum(lot.units for lot in lots if lot.ready_on <= wall or waited_for.get(lot.lot_id))
        assert offered == 0 or offered + used <= shelf + counted


@WHOLE_SHOPS
@given(shops())
def test_at_no_accepted_risk_the_account_stands_the_loss_of_every_lot(shop):
    facts, terms = shop
    policies = {
        name: dataclasses.replace(policy, account_risk=0.0) for name, policy in terms.policies.items()
    }
    terms = dataclasses.replace(terms, policies=policies)
    found = plan(facts, terms)
    for account in facts.observed:
        room = headroom([order for order in facts.recent if order.account == account], NOW)
        ahead = [d.desired.quantity for d in found.decisions if d.account == account and promised_ahead(d)]
        waiting = sum(
            one.account == account and one.blamed_lot is not None and (one.ship_by_at or NOW) > NOW
            for one in found.orders.outlooks
        )
        assert not ahead or sum(ahead) + waiting <= room.orders


@settings(max_examples=30, deadline=None)
@given(shops())
def test_a_lock_leaves_one_sku_alone_and_no_order_without_its_units(shop):
    facts, terms = shop
    entries = {entry.sku: entry for entry in facts.supply.catalog}
    entries["A"] = dataclasses.replace(entries.get("A", an_entry("A")), locked=True)
    supply = dataclasses.replace(facts.supply, catalog=tuple(entries.values()))
    locked, free = plan(dataclasses.replace(facts, supply=supply), terms), plan(facts, terms)
    assert [one.desired for one in locked.decisions if one.sku == "A"] == [None] * sum(
        one.sku == "A" for one in free.decisions
    )
    assert locked.orders.allocation == free.orders.allocation
    others = {(one.account, one.sku): one for one in free.decisions if one.mode is ListingMode.IN_STOCK}
    for one in locked.decisions:
        if one.sku != "A" and (one.account, one.sku) in others:
            assert one == others[one.account, one.sku]


@MANY_SHOPS
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


def test_accounts_sell_by_their_shares():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    channels = {"us": Channel(share=0.6), "uk": Channel(reserve_units=5)}
    found = plan(shop_facts(stock=[a_count(10)], offers=offers), shop_terms(channels=channels))
    assert [decision.desired.quantity for decision in found.decisions] == [4, 6]
    found = plan(shop_facts(stock=[a_count(6)], offers=offers), shop_terms(channels=channels))
    assert [decision.desired.quantity for decision in found.decisions] == [1, 3]


def test_each_pool_serves_its_own_accounts_only():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    orders = [an_order("1", units=5, account="uk"), an_order("2", units=1, account="us")]
    stock = [a_count(4, pool="east"), a_count(9, pool="west"), a_count(50, pool="shop")]
    channels = {"us": Channel(pool="east"), "uk": Channel(pool="west")}
    found = plan(shop_facts(orders, stock, offers=offers), shop_terms(channels=channels))
    assert {d.account: d.desired.quantity for d in found.decisions} == {"us": 3, "uk": 4}
    assert found.orders.on_hand == {SKU: 13}
    assert found.orders.allocation.on_hand_units == {SKU: 6}
    assert [one.order_id for one in found.orders.outlooks] == ["1", "2"]


def test_inbound_of_a_pool_is_sold_ahead_by_its_accounts_only():
    offers = [an_observed_offer(account=account) for account in ("us", "uk")]
    stock = [a_count(0, pool="east"), a_count(0, pool="west")]
    lots = [a_lot("A", 10, pool="east"), a_lot("B", 20, pool="west"), a_lot("C", 20, pool="shop")]
    channels = {"us": Channel(pool="east"), "uk": Channel(pool="west")}
    found = plan(shop_facts(stock=stock, lots=lots, offers=offers), shop_terms(channels=channels))
    assert {d.account: d.desired.quantity for d in found.decisions} == {"us": 8, "uk": 16}
    assert {lot.lot_id for lot in found.orders.inbound[SKU].expected} == {"A/1", "B/1"}


def two_skus_ahead(*entries, **policy):
    """What an account with two spare orders sells ahead of two SKUs."""
    skus = ("A", "B")
    facts = shop_facts(
        stock=[a_count(0, sku) for sku in skus],
        lots=[a_lot(f"PO-{sku}", 20, sku) for sku in skus],
        offers=[an_observed_offer(sku=sku) for sku in skus],
        catalog=entries,
        recent=a_good_past(),
    )
    found = plan(facts, shop_terms(a_policy(**policy)))
    return {decision.sku: decision.desired.quantity for decision in found.decisions}


def test_what_one_sku_puts_at_risk_is_not_there_for_another():
    assert two_skus_ahead(account_risk=0.0) == {"A": 2, "B": 0}
    assert two_skus_ahead(account_risk=0.05) == {"A": 16, "B": 2}
    assert two_skus_ahead(account_risk=0.1) == {"A": 16, "B": 16}


def test_the_sku_that_earns_more_for_its_risk_is_served_first():
    rich = an_entry("B", price_minor=2000, unit_cost_minor=500)
    poor = an_entry("A", price_minor=2000, unit_cost_minor=1500)
    assert two_skus_ahead(poor, rich, account_risk=0.0) == {"A": 0, "B": 2}


def test_short_deliveries_of_the_past_lower_what_is_sold_ahead():
    closed = [a_lot(f"OLD-{number}", 10, received_units=5, status=LotStatus.RECEIVED) for number in range(10)]
    facts = shop_facts(stock=[a_count(0)], lots=[a_lot(), *closed], offers=[an_observed_offer()])
    assert the_decision(plan(facts)).desired.quantity == 50


def test_the_measured_lag_replaces_the_rhythm():
    past = [
        an_order(
            f"{number}",
            status=OrderStatus.SHIPPED,
            units=100,
            created_at=in_days(-number / 2),
            first_read_at=in_days(-number / 2) + timedelta(minutes=2),
        )
        for number in range(1, 59)
    ]
    confirmed = PushReceipt(
        change=a_change(),
        outcome=PushOutcome.CONFIRMED,
        at=in_days(-1),
        accepted_at=in_days(-1) - timedelta(minutes=4),
    )
    facts = shop_facts(stock=[a_count(99)], recent=past, offers=[an_observed_offer()])
    terms = shop_terms(a_policy(latency_risk=0.001), lag_minutes=100.0, turn_minutes=10.0)
    measured = dataclasses.replace(facts, confirmed=(confirmed,) * 50)
    units_a_minute = 5800 / 30 / 1440

    def shown(known):
        return the_decision(plan(known, terms)).desired.quantity

    assert shown(measured) == 99 - latency_buffer(units_a_minute * 16, 0.001)
    assert shown(facts) == 99 - latency_buffer(units_a_minute * 100, 0.001)


def test_amazons_own_word_on_deliveries_closes_selling_ahead():
    metric = ReportedMetric(name="OTDR", verdict="BAD", rate=Decimal("0.85"), target=Decimal("0.9"))
    place = MarketplacePerformance(marketplace="US", status=AccountStatus.NORMAL, metrics=(metric,))
    facts = shop_facts(stock=[a_count(0)], lots=[a_lot()], offers=[an_observed_offer()])
    told = dataclasses.replace(
        facts, performance={ACCOUNT: SellerPerformance(account=ACCOUNT, marketplaces=(place,))}
    )
    assert the_decision(plan(facts)).mode is ListingMode.BACKORDER
    decision = the_decision(plan(told))
    assert [gate.name for gate in decision.gates if not gate.passed] == ["on_time_delivery"]


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
