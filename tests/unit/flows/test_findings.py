"""What is found wrong with the shop as it lives: purchase orders, promises, listings, demand."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.policy import BackorderKind
from fbm_sync.flows.findings import gather_findings
from fbm_sync.flows.lookout import look_out

from builders import (
    ACCOUNT,
    NOW,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    a_shipment,
    a_supply,
    an_item,
    an_order,
    in_days,
    on_day,
    shop_terms,
    some_receipts,
)

PO = "us:po_slipped:PO-1"


def record(shop, *orders):
    with shop.ledger.transaction() as books:
        books.orders.record([dataclasses.replace(one, first_read_at=shop.clock.now()) for one in orders])


def supply(shop, *lots, on_hand=0, **parts):
    """The seller's records are read: so many cups on the shelf, and these lots on their way."""
    counts = [a_count(on_hand, "CUP", counted_at=shop.clock.now())]
    shop.supply.snapshot = a_supply(counts, lots, some_receipts(), **parts)
    shop.pull_supply()


def cups(days, **changes):
    return a_lot(sku="CUP", promised_on=on_day(days), **changes)


def an_order_for(order_id, days, units=1, **changes):
    return an_order(order_id, sku="CUP", units=units, ship_by_at=in_days(days), **changes)


def found(shop, kind=None):
    """What is wrong now, by key; only of one kind when it is named."""
    with shop.ledger.transaction() as books:
        findings = gather_findings(
            books, shop.terms, shop.clock.now(), stale_minutes=10**6, secrets_created={}
        )
    return {one.key: one for one in findings if kind in (None, one.kind)}


def look(shop, kind=None):
    """Look for trouble as ever, and return what is wrong."""
    shop.alert()
    return found(shop, kind)


# --- a purchase order that slips ---------------------------------------------------------------------


@pytest.fixture
def waiting(shop):
    """Three orders wait for a purchase order; two of them have little time."""
    supply(shop, cups(2, quantity=10))
    record(shop, an_order_for("1", 4), an_order_for("2", 5), an_order_for("3", 25), *a_good_past(10))
    shop.plan()
    return shop


def slip(shop, days=12):
    shop.clock.advance(hours=1)
    supply(shop, cups(days, quantity=10))
    shop.plan()


def test_a_purchase_order_on_time_is_no_news(waiting):
    assert look(waiting, "po_slipped") == {}


def test_a_slip_is_one_finding_with_its_orders_the_newly_late_first(waiting):
    slip(waiting)
    finding = look(waiting)[PO]
    assert finding.orders == ("1", "2", "3")
    assert f"slipped by 10 days, from {on_day(2)} to {on_day(12)}." in finding.text
    assert "3 open orders wait for 3 units of it; 2 late or at risk, 2 of them newly." in finding.text


def test_orders_that_a_slip_makes_late_are_told_together_with_it(waiting):
    slip(waiting)
    bundles = {one.subject: one.bundle for one in look(waiting, "late_certain").values()}
    assert bundles == {"1": PO, "2": PO}


def test_orders_late_before_the_slip_are_not_newly_late(waiting):
    record(waiting, an_order_for("0", 1, updated_at=NOW))
    waiting.plan()
    slip(waiting)
    finding = look(waiting)[PO]
    assert finding.orders == ("1", "2", "0", "3")
    assert "3 late or at risk, 2 of them newly" in finding.text


def test_the_first_date_outlives_a_restart_and_further_slips(waiting, tmp_path):
    slip(waiting, 5)
    waiting.ledger.close()
    with open_ledger(f"sqlite:///{tmp_path}/shop.db") as again:
        waiting.ledger = again
        slip(waiting, 12)
        assert f"from {on_day(2)} to {on_day(12)}" in look(waiting)[PO].text


def test_a_slip_that_is_taken_back_or_hits_nobody_is_over(waiting):
    slip(waiting)
    slip(waiting, 2)
    assert PO not in look(waiting)
    slip(waiting)
    assert PO in look(waiting)
    supply(waiting, cups(12, quantity=10), on_hand=10)
    waiting.plan()
    assert PO not in look(waiting), "all of them are served from the shelf"


def test_a_date_that_passes_without_arrival_is_a_slip_too(waiting):
    waiting.clock.advance(days=3.2)
    supply(waiting, cups(2, quantity=10))
    finding = look(waiting)[PO]
    assert f"was due on {on_day(2)} and has not come: 1 day late so far" in finding.text
    assert finding.orders[:2] == ("1", "2")


def test_what_has_arrived_or_was_cancelled_is_forgotten(waiting):
    slip(waiting)
    for lots in ((cups(12, quantity=10, received_units=10),), (cups(12, quantity=10),), (), (cups(20),)):
        waiting.clock.advance(hours=1)
        supply(waiting, *lots)
        waiting.plan()
        assert PO not in look(waiting)


# --- the least bad step ------------------------------------------------------------------------------


def test_an_order_in_danger_is_told_with_the_least_bad_step(waiting):
    slip(waiting, 12)
    action = look(waiting)["us:late_certain:1"].action
    assert action.startswith("Expedite PO-1/1: in time if it is here by ")
    assert ". If that fails: " in action


def test_where_another_order_can_wait_its_units_are_named(shop):
    shop.terms = shop_terms(a_policy(backorder=BackorderKind.NEVER, confidence=0.6))
    counts = [a_count(1, "CUP")]
    often_late = some_receipts(slips=(0,) * 13 + (6,) * 7)
    shop.supply.snapshot = a_supply(counts, [cups(4, quantity=5)], often_late)
    shop.pull_supply()
    record(shop, an_order_for("0", 29), *a_good_past(60))
    shop.plan()
    # It can be served by the lot in time, probably; so the first order keeps what it was given.
    record(shop, an_order_for("1", 5))
    shop.plan()
    action = look(shop)["us:at_risk:1"].action
    assert action.startswith("Ship 1 unit of CUP meant for order 0, which has time to wait.")


# --- promises ----------------------------------------------------------------------------------------


@pytest.fixture
def promising(shop):
    """A shop open from Monday to Friday, whose cups show five days of handling since yesterday, a Monday."""
    shop.terms = shop_terms(a_policy(backorder=BackorderKind.NEVER), calendar=ShipCalendar())
    shop.stock(CUP=50)
    shop.pull_supply()
    shop.offers.list("CUP", 5, handling_days=5)
    shop.pull_offers()
    shop.clock.advance(hours=24)
    return shop


def order_promised(shop, order_id, days, **changes):
    """An order comes in now, with a ship-by so many days from today, and everything is read."""
    now = shop.clock.now()
    ship_by = datetime.combine(now.date() + timedelta(days=days), datetime.max.time(), now.tzinfo)
    placed = {"created_at": now, "updated_at": now, "ship_by_at": ship_by.replace(microsecond=0)}
    record(shop, an_order(order_id, sku="CUP", **(placed | changes)))
    shop.clock.advance(minutes=10)
    shop.pull_offers()


def test_orders_that_get_the_ship_by_of_their_listing_are_no_news(promising):
    order_promised(promising, "1", 7)
    assert look(promising, "promise_mismatch") == {}
    with promising.ledger.transaction() as books:
        (audit,) = books.watch.audits(ACCOUNT, in_days(-1))
    assert (audit.order_id, audit.off_days, audit.handling_days) == ("1", 0, 5)


def test_automated_handling_time_shows_in_the_orders(promising):
    for number in range(3):
        order_promised(promising, str(number), 1)
    finding = look(promising)["us:promise_mismatch:us"]
    assert finding.text.startswith("Of 3 recent orders 3 are due 4 ship days earlier than the listing says")
    assert "Automated Handling Time seems on" in finding.text
    assert promising.alert().opened == 0, "it stays one finding"


def test_an_extra_handling_capacity_day_shows_in_the_orders(promising):
    order_promised(promising, "1", 7)
    order_promised(promising, "2", 8)
    finding = look(promising)["us:promise_mismatch:us"]
    assert "1 is due 1 ship day later" in finding.text
    assert "handling-capacity day" in finding.text


def test_a_mismatch_is_over_after_a_week(promising):
    order_promised(promising, "1", 1)
    assert look(promising, "promise_mismatch")
    promising.clock.advance(days=8)
    assert look(promising, "promise_mismatch") == {}


def test_orders_placed_while_the_setting_changed_prove_nothing(promising):
    promising.offers.list("CUP", 5, handling_days=1)
    promising.pull_offers()
    order_promised(promising, "1", 7)
    assert look(promising, "promise_mismatch") == {}
    promising.clock.advance(hours=7)
    order_promised(promising, "2", 7)
    assert "1 is due 3 ship days later" in look(promising)["us:promise_mismatch:us"].text


def test_pending_orders_are_audited_once_they_are_paid(promising):
    order_promised(promising, "1", 1, status=OrderStatus.PENDING)
    assert look(promising, "promise_mismatch") == {}
    order_promised(promising, "1", 1)
    assert look(promising, "promise_mismatch")


def test_an_order_newer_than_the_last_look_at_its_listing_is_audited_later(promising):
    now = promising.clock.now()
    record(promising, an_order("1", sku="CUP", created_at=now, updated_at=now, ship_by_at=now))
    assert look(promising, "promise_mismatch") == {}
    promising.clock.advance(minutes=5)
    promising.pull_offers()
    assert look(promising, "promise_mismatch")


# --- restock dates -----------------------------------------------------------------------------------


@pytest.fixture
def restocking(shop):
    """A shop without cups; forty come, and five may be sold until an order shows the restock date."""
    shop.terms = shop_terms(a_policy(unproven_units=5))
    shop.supply.snapshot = a_supply([a_count(0, "CUP")], [cups(9, quantity=40)], some_receipts())
    shop.pull_supply()
    shop.offers.list("CUP", 0)
    shop.pull_offers()
    record(shop, *a_good_past(60))
    shop.plan()
    return shop


def the_offer_for_cups(shop):
    shop.plan()
    with shop.ledger.transaction() as books:
        (decision,) = books.offers.decisions(skus=["CUP"])
    return decision.desired


def sell_by_restock_date(shop, days_off):
    """The decided offer is live; hours later an order comes in, due so many days from the restock date."""
    offer = the_offer_for_cups(shop)
    shop.offers.list("CUP", offer.quantity, handling_days=offer.handling_days, restock_on=offer.restock_on)
    shop.pull_offers()
    shop.clock.advance(hours=7)
    promised = (offer.restock_on - shop.clock.now().date()).days
    order_promised(shop, "sold-ahead", promised + days_off)
    shop.alert()
    return offer


def test_an_order_due_by_the_restock_date_lets_more_be_sold_by_it(restocking):
    assert sell_by_restock_date(restocking, 0).quantity == 5
    assert the_offer_for_cups(restocking).quantity > 5


def test_an_order_that_ignores_the_restock_date_ends_selling_by_it_and_is_told(restocking):
    sell_by_restock_date(restocking, -6)
    assert the_offer_for_cups(restocking).quantity == 0
    finding = look(restocking)["us:promise_mismatch:us"]
    assert "Amazon does not use the restock date that it accepted" in finding.text


def test_a_sku_that_ships_faster_than_its_setting_is_told_once_a_day(promising):
    for number in range(10):
        order_promised(promising, str(number), 7)
    look(promising)
    with promising.ledger.transaction() as books:
        known = books.orders.every()
    left = {"items": (an_item("CUP", shipped_units=1, unfulfilled_units=0),), "status": OrderStatus.SHIPPED}
    parcel = a_shipment("CUP", shipped_at=promising.clock.now())
    record(promising, *[dataclasses.replace(one, shipments=(parcel,), **left) for one in known])
    assert look(promising, "handling_padded") == {}, "it is not looked for twice a day"
    promising.clock.advance(hours=24)
    (finding,) = look(promising, "handling_padded").values()
    assert "10 of 10 orders of CUP" in finding.text
    assert "most had 5 days to spare" in finding.text


# --- demand and stock --------------------------------------------------------------------------------


def test_a_sku_that_suddenly_sells_is_told(shop):
    shop.offers.list("CUP", 20)
    record(shop, *[an_order_for(f"0-{day}", 30, created_at=in_days(-day)) for day in range(2, 29, 9)])
    shop.decide(CUP=40)
    assert look(shop, "demand_spike") == {}
    record(shop, *[an_order_for(f"1-{number}", 30, created_at=NOW) for number in range(9)])
    shop.plan()
    assert look(shop, "demand_spike") == {}, "it is looked for every ten minutes"
    shop.clock.advance(minutes=10)
    (finding,) = look(shop, "demand_spike").values()
    assert finding.key == "us:demand_spike:CUP"
    assert finding.text == (
        "9 orders of CUP in the last 24 h, 0.2 a day in the 19 days before. "
        "28 units can still be promised from stock: 74 h of it left at this pace."
    )
    shop.clock.advance(days=2)
    assert look(shop, "demand_spike") == {}


def test_one_buyer_of_fifty_is_no_spike(shop):
    record(shop, an_order_for("0", 30, created_at=in_days(-9)), an_order_for("1", 30, units=50))
    assert look(shop, "demand_spike") == {}


def test_a_young_shop_has_no_spikes(shop):
    record(shop, *[an_order_for(str(number), 30) for number in range(9)])
    assert look(shop, "demand_spike") == {}


def test_a_clock_that_was_set_back_does_not_stop_the_look(shop):
    look(shop)
    with shop.ledger.transaction() as books:
        look_out(books, shop.terms, NOW - timedelta(days=9))
        assert books.alerts.noted_at("demand") == NOW - timedelta(days=9)


def test_orders_that_eat_into_the_safety_stock_are_told(shop):
    shop.terms = shop_terms(a_policy(backorder=BackorderKind.NEVER, safety_stock=5))
    shop.offers.list("CUP", 0)
    record(shop, an_order_for("1", 5, units=8))
    shop.decide(CUP=10)
    (finding,) = look(shop, "safety_stock_breached").values()
    assert finding.text == "Open orders use 3 of the 5 units of CUP that are withheld as safety stock."
    shop.clock.advance(hours=1)
    shop.decide(CUP=20)
    assert look(shop, "safety_stock_breached") == {}


def test_units_offered_beyond_inbound_are_told_until_the_offer_is_lowered(shop):
    shop.terms = shop_terms(a_policy(), accounts={ACCOUNT: AutomatedHandling.OFF})
    shop.offers.list("CUP", 5, restock_on=on_day(9))
    supply(shop, cups(5, quantity=6))
    record(shop, an_order_for("1", 20, units=4))
    shop.pull()
    shop.pull_offers()
    shop.plan()
    (finding,) = look(shop, "inbound_overcommitted").values()
    assert finding.text == (
        "CUP is sold beyond inbound by 3 units: open orders take 4 from inbound and 5 more are offered "
        "ahead, of 6 units expected."
    )
    shop.push(apply=True, wait=60)
    assert look(shop, "inbound_overcommitted") == {}, "Amazon shows another offer since"


# --- drift -------------------------------------------------------------------------------------------


@pytest.fixture
def listed(shop):
    """A shop whose cups show what was decided."""
    shop.offers.list("CUP", 0)
    shop.offers.list("BOWL", 3)
    shop.decide(CUP=0, BOWL=3)
    return shop


def test_what_we_write_and_buyers_take_is_no_drift(listed):
    listed.clock.advance(minutes=5)
    listed.decide(CUP=9, BOWL=3)
    listed.push(apply=True, wait=60)
    listed.offers.sell("BOWL", 2)
    listed.clock.advance(hours=2)
    listed.pull_offers()
    assert listed.offers.live("CUP").quantity == 9
    assert look(listed, "drift") == {}


def test_a_sold_out_listing_that_comes_back_to_life_is_told_until_it_is_put_right(listed):
    listed.clock.advance(minutes=5)
    listed.offers.list("CUP", 7)
    listed.pull_offers()
    (finding,) = look(listed, "drift").values()
    assert finding.key == "us:drift:CUP"
    assert "came back to life, and not by us: it shows 7 units" in finding.text
    listed.clock.advance(minutes=5)
    listed.offers.sell("CUP", 2)
    listed.pull_offers()
    assert "it shows 5 units" in look(listed)["us:drift:CUP"].text
    listed.decide(CUP=0, BOWL=3)
    listed.push(apply=True, wait=60)
    assert look(listed, "drift") == {}


def test_a_handling_time_that_somebody_edited_is_told_until_it_is_edited_back(listed):
    listed.clock.advance(minutes=5)
    listed.offers.list("BOWL", 3, handling_days=9)
    listed.pull_offers()
    (finding,) = look(listed, "drift").values()
    assert "it shows 3 units, 9 days handling, where it showed 3 units, 2 days handling" in finding.text
    listed.clock.advance(minutes=5)
    listed.offers.list("BOWL", 3, handling_days=2)
    listed.pull_offers()
    assert look(listed, "drift") == {}


def test_units_of_a_cancelled_order_are_no_drift(listed):
    cancelled = an_order("1", sku="BOWL", units=2, status=OrderStatus.CANCELLED, updated_at=NOW)
    record(listed, cancelled)
    listed.clock.advance(minutes=5)
    listed.offers.list("BOWL", 5)
    listed.pull_offers()
    assert look(listed, "drift") == {}


def test_further_edits_are_held_against_what_it_showed_at_first(listed):
    for quantity in (5, 8):
        listed.clock.advance(minutes=5)
        listed.offers.list("BOWL", quantity)
        listed.pull_offers()
    assert "it shows 8 units, 2 days handling, where it showed 3 units" in look(listed)["us:drift:BOWL"].text
