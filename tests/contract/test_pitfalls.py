"""What breaks systems like this one, one test for each, in the order in which sellers complain about it.

The numbers are those of the list of complaints this project keeps; the missing ones (6 to 8, 30) are about
other channels, other marketplaces and metrics.
All of it runs against the emulated Amazon over HTTP, with the real ledger.
"""

import dataclasses
import random
import threading
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import OrderStatus, demand_units
from fbm_sync.domain.risk import OrderState
from fbm_sync.errors import AccessRefused, RequestRejected
from fbm_sync.flows.pull import TOKEN_LIFE
from fbm_sync.ports import OrderWindow

from seller import open_seller

RESTOCK = date(2026, 3, 20)


@pytest.fixture
def open_shop(tmp_path):
    """Open a shop; several in one test have their own ledgers."""
    opened = []

    def open_shop(**scenario):
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        context = open_seller(folder, **scenario)
        opened.append(context)
        return context.__enter__()

    yield open_shop
    for context in reversed(opened):
        context.__exit__(None, None, None)


@pytest.fixture
def shop(open_shop):
    return open_shop()


def a_change(shop, sku, **after):
    before = shop.seen(sku).offer
    after = dataclasses.replace(before, **after)
    return OfferChange(account="main", sku=sku, product_type="HOME", before=before, after=after)


def ship_day(order, zone="America/Los_Angeles"):
    return order.ship_by_at.astimezone(ZoneInfo(zone)).date()


# --- handling time and quantity writes ---------------------------------------------------------------


def test_pitfall_01_a_new_quantity_never_erases_handling_time_or_restock_date(open_shop):
    shop, draw = open_shop(apply_seconds=0, rate_factor=1000), random.Random(1)
    wanted = shop.seen("MUG").offer
    for _ in range(40):
        change = draw.choice(
            [
                {"quantity": draw.randrange(100)},
                {"handling_days": draw.randrange(31)},
                {"restock_on": RESTOCK + timedelta(days=draw.randrange(9))},
                {"restock_on": None},
                {"quantity": 0},
            ]
        )
        after = a_change(shop, "MUG", **change)
        if after.before != after.after:
            assert shop.account.offers.apply(after).outcome is PushOutcome.ACCEPTED
        wanted = after.after
        assert shop.seen("MUG").offer == wanted
        truth = shop.truth("MUG")
        shown = (truth["live_quantity"], truth["listing_handling_days"], truth["effective_restock_on"])
        assert shown == (wanted.quantity, wanted.handling_days, wanted.restock_on and str(wanted.restock_on))


def test_pitfall_02_an_order_between_plan_and_write_is_not_sold_again_with_a_new_handling_time(open_shop):
    shop = open_shop(listings=[{"sku": "MUG", "quantity": 10, "handling_days": 5}])
    shop.count(MUG=10)
    shop.pull()
    shop.pull_offers()
    decided = shop.plan(handling_days=2)["MUG"]
    assert (decided.desired.quantity, decided.desired.handling_days) == (10, 2)
    shop.sell("MUG", 3)
    shop.push()
    shop.advance(minutes=1)
    truth = shop.truth("MUG")
    assert truth["listing_handling_days"] == 2
    assert truth["live_quantity"] == 7, "the write carried the quantity read just before it"


def test_pitfall_03_what_an_order_must_meet_is_read_from_the_order_and_not_from_the_setting(open_shop):
    shop = open_shop(automated_handling_days=1)
    order_id = shop.sell("MUG")
    shop.advance(minutes=5)
    shop.pull()
    order = shop.orders()[order_id]
    assert shop.seen("MUG").offer.handling_days == 5
    assert ship_day(order) == date(2026, 3, 3), "one business day, as Amazon stamped it, and not five"


@pytest.mark.parametrize(
    ("days", "outcome"),
    [
        (0, PushOutcome.ACCEPTED),
        (None, PushOutcome.ACCEPTED),
        (30, PushOutcome.ACCEPTED),
        (31, PushOutcome.REJECTED),
        (120, PushOutcome.REJECTED),
    ],
)
def test_pitfall_04_the_bounds_of_handling_time_are_amazons(open_shop, days, outcome):
    shop = open_shop(apply_seconds=0)
    receipt = shop.account.offers.apply(a_change(shop, "MUG", handling_days=days))
    assert receipt.outcome is outcome
    assert shop.seen("MUG").offer.handling_days == (days if outcome is PushOutcome.ACCEPTED else 5)
    assert bool(receipt.problems) == (outcome is PushOutcome.REJECTED)


def test_pitfall_05_a_promise_that_was_accepted_and_never_shows_is_not_taken_for_done(open_shop):
    shop = open_shop(never_effective=["MUG"])
    receipt = shop.account.offers.apply(a_change(shop, "MUG", restock_on=RESTOCK))
    assert receipt.outcome is PushOutcome.ACCEPTED, "queued, and no more than that"
    shop.advance(hours=1)
    assert shop.seen("MUG").offer.restock_on == RESTOCK, "what was submitted is shown all the same"
    order = shop.account.orders.order(shop.sell("MUG"))
    assert ship_day(order) == date(2026, 3, 9), "only the order tells: five business days still"


def test_pitfall_05_a_quantity_that_was_accepted_and_never_shows_becomes_an_alert(open_shop):
    shop = open_shop(never_effective=["MUG"])
    shop.count(MUG=60)
    shop.pull()
    shop.pull_offers()
    shop.plan()
    assert shop.push(wait=120).unconfirmed == 1
    assert ("push_unconfirmed", "MUG") not in shop.alert()
    shop.advance(hours=7)
    assert ("push_unconfirmed", "MUG") in shop.alert()


def test_pitfall_12_units_that_are_sold_and_not_yet_sent_are_never_offered_again(shop):
    shop.sell("MUG", 30)
    shop.advance(minutes=5)
    shop.pull()
    shop.pull_offers()
    shop.count(MUG=100)
    assert shop.plan()["MUG"].desired.quantity == 70
    shop.push(wait=120)
    assert shop.truth("MUG")["live_quantity"] == 70


# --- reading orders ---------------------------------------------------------------------------------


def test_pitfall_13_an_upper_bound_younger_than_two_minutes_is_never_asked_for(shop):
    shop.sell()
    shop.advance(seconds=30)
    for until in (None, shop.now(), shop.now() + timedelta(hours=1), shop.now() - timedelta(seconds=119)):
        window = OrderWindow(since=shop.now() - timedelta(days=1), until=until)
        page = shop.account.orders.page(window)
        assert page.read_up_to <= shop.now() - timedelta(minutes=2)
    assert {one["status"] for one in shop.requests("searchOrders")} == {200}


@pytest.mark.parametrize("minutes", [-90, -3, 3, 90])
def test_pitfall_13_a_clock_that_is_wrong_loses_no_order(open_shop, minutes):
    shop = open_shop()
    right, wrong = shop.now, timedelta(minutes=minutes)
    shop.now = lambda: right() + wrong
    placed = set()
    for _ in range(6):
        placed.add(shop.sell())
        shop.advance(minutes=20)
        try:
            shop.pull()
        except RequestRejected:
            # A window that begins in Amazon's future is refused; the watermark stays and nothing is lost.
            assert minutes > 0
    shop.now = right
    shop.advance(hours=2)
    shop.pull()
    assert set(shop.orders()) == placed


@pytest.mark.parametrize("seed", range(4))
def test_pitfall_15_orders_that_change_while_they_are_read_are_all_known_in_the_end(open_shop, seed):
    shop = open_shop(rate_factor=1000, seed=seed, listings=[{"sku": "MUG", "quantity": 10**6}])
    draw = random.Random(seed)
    open_ids = [shop.sell() for _ in range(130)]
    shop.advance(minutes=5)
    read = shop.account.orders.page

    def churn(window, token=None):
        for _ in range(4):
            order_id = open_ids.pop(draw.randrange(len(open_ids)))
            shop.do(draw.choice(["ship", "cancel"]), order_id=order_id)
        open_ids.append(shop.sell())
        shop.advance(seconds=draw.randrange(200))
        return read(window, token)

    shop.account.orders.page = churn
    for _ in range(4):
        shop.pull()
    shop.account.orders.page = read
    shop.advance(minutes=5)
    shop.pull()
    known = {order_id: order.status.value for order_id, order in shop.orders().items()}
    assert known == {order_id: order["status"] for order_id, order in shop.true_orders().items()}


def test_pitfall_16_an_order_that_turns_up_hours_late_is_found_without_being_told(shop):
    late = shop.sell(hidden_seconds=3 * 3600)
    shop.advance(minutes=10)
    shop.pull()
    assert late not in shop.orders()
    for _ in range(14):
        shop.advance(minutes=30)
        shop.pull()
    assert late in shop.orders()


def test_pitfall_17_a_page_that_comes_again_is_noticed_and_costs_no_order(open_shop):
    shop = open_shop(rate_factor=1000, listings=[{"sku": "MUG", "quantity": 10**6}])
    placed = {shop.sell() for _ in range(250)}
    shop.advance(minutes=5)
    shop.fault(operation="searchOrders", page_token="repeat", count=2)
    assert shop.pull().pulled >= 250
    assert set(shop.orders()) == placed


def test_pitfall_17_a_page_token_that_died_restarts_its_window_and_not_the_world(open_shop):
    shop = open_shop(listings=[{"sku": "MUG", "quantity": 10**6}])
    placed = {shop.sell() for _ in range(250)}
    shop.advance(minutes=5)
    shop.fault(operation="searchOrders", skip=1, status=400, forever=True)
    with pytest.raises(RequestRejected):
        shop.pull()
    assert len(shop.orders()) == 100
    shop.control("faults", {"clear": True})
    shop.advance(seconds=TOKEN_LIFE.total_seconds() + 3600)
    shop.pull()
    assert set(shop.orders()) == placed


def test_pitfall_18_a_restart_does_not_forget_what_is_left_of_a_limit(shop):
    waits = []
    for _ in range(4):
        shop.account.close()
        shop.account = shop.connect(shop.shared_throttle())
        for _ in range(7):
            begun = shop.now()
            shop.account.gateway.call("getMarketplaceParticipations")
            waits.append(shop.now() - begun)
    assert {one["status"] for one in shop.requests("getMarketplaceParticipations")} == {200}
    assert sum(wait > timedelta(seconds=50) for wait in waits) == 13, "fifteen at once, then one a minute"


def test_pitfall_18_a_storm_of_refusals_is_waited_out_and_not_fed(shop):
    shop.fault(operation="getOrder", status=429, count=4)
    placed = shop.sell()
    begun = shop.now()
    shop.account.orders.order(placed)
    assert len(shop.requests("getOrder")) == 5
    assert shop.now() - begun > timedelta(seconds=8), "each refusal empties the bucket: two seconds a token"


def test_pitfall_19_an_account_that_amazon_does_not_let_in_says_so_and_the_others_go_on(open_shop):
    refused, fine = open_shop(), open_shop()
    refused.fault(operation="searchOrders", status=403, body="message", forever=True)
    with pytest.raises(AccessRefused, match="roles of the application") as caught:
        refused.pull()
    assert caught.value.status == 403
    assert ("stale_orders", "main") in refused.alert()
    placed = fine.sell()
    fine.advance(minutes=5)
    fine.pull()
    assert placed in fine.orders()
    assert fine.pull_named(placed).failures == ()


def test_pitfall_20_what_a_filter_promises_is_not_believed(shop):
    raw = {
        "orderId": "111-0000000-0000001",
        "createdTime": "2026-03-02T16:00:00Z",
        "lastUpdatedTime": "2026-03-02T16:00:00Z",
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER"},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "AMAZON"},
        "orderItems": [{"orderItemId": "1", "quantityOrdered": 4, "product": {"sellerSku": "MUG"}}],
    }
    shop.control("orders", {"raw": [raw]})
    shop.pull_named(raw["orderId"])
    order = shop.orders()[raw["orderId"]]
    assert demand_units([order], shop.now()) == {}, "Amazon ships it: none of our stock is needed"
    partly = shop.sell("MUG", 3)
    shop.do("ship", order_id=partly, items=[{"sku": "MUG", "quantity": 1}])
    shop.advance(minutes=5)
    shop.pull()
    assert shop.orders()[partly].status is OrderStatus.PARTIALLY_SHIPPED


def test_pitfall_21_a_pending_order_with_nothing_to_it_books_neither_zero_nor_a_crash(shop):
    bare = {
        "orderId": "111-0000000-0000002",
        "createdTime": "2026-03-02T16:00:00Z",
        "lastUpdatedTime": "2026-03-02T16:00:00Z",
        "fulfillment": {"fulfillmentStatus": "PENDING", "fulfilledBy": "MERCHANT"},
    }
    shop.control("orders", {"raw": [bare]})
    shop.pull_named(bare["orderId"])
    order = shop.orders()[bare["orderId"]]
    assert (order.status, order.items, order.ship_by_at) == (OrderStatus.PENDING, (), None)


def test_pitfall_22_the_same_page_read_twice_at_once_is_each_order_once(open_shop):
    shop = open_shop(rate_factor=1000, listings=[{"sku": "MUG", "quantity": 10**6}])
    placed = {shop.sell() for _ in range(120)}
    shop.advance(minutes=5)
    troubles = []

    def pull():
        try:
            shop.pull()
        except Exception as error:  # noqa: BLE001  a thread's trouble is told at the end
            troubles.append(error)

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert set(shop.orders()) == placed
    assert sum(order.items[0].ordered_units for order in shop.orders().values()) == 120


def test_pitfall_23_one_poison_order_is_set_aside_the_rest_go_on_and_it_comes_in_once_it_is_mended(shop):
    good = shop.sell()
    poison = {
        "orderId": "111-0000000-0000003",
        "createdTime": "2026-03-02T16:00:00Z",
        "lastUpdatedTime": "2026-03-02T16:30:00Z",
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [{"orderItemId": "1", "quantityOrdered": -4, "product": {"sellerSku": "MUG"}}],
    }
    shop.control("orders", {"raw": [poison]})
    shop.advance(minutes=5)
    assert shop.pull().quarantined == 1
    assert set(shop.orders()) == {good}
    assert "negative" in shop.quarantined()[poison["orderId"]]
    assert ("quarantined", poison["orderId"]) in shop.alert()
    poison["orderItems"][0]["quantityOrdered"] = 4
    shop.control("orders", {"raw": [poison | {"lastUpdatedTime": "2026-03-02T16:31:00Z"}]})
    shop.advance(minutes=5)
    shop.pull()
    assert poison["orderId"] in shop.orders()
    assert shop.quarantined() == {}


def test_pitfall_24_a_pull_that_fails_silently_is_an_alert_by_the_clock_alone(shop):
    shop.count(MUG=100, APRON=50)
    shop.advance(minutes=5)
    shop.pull()
    assert ("stale_orders", "main") not in shop.alert()
    shop.advance(minutes=61)
    assert ("stale_orders", "main") in shop.alert()


@pytest.mark.parametrize(
    ("zone", "placed", "ship_by"),
    [
        ("Europe/Berlin", "2026-03-25T17:00:00Z", "2026-03-27T22:59:59Z"),
        ("Europe/Berlin", "2026-03-26T17:00:00Z", "2026-03-30T21:59:59Z"),
        ("America/Los_Angeles", "2026-03-05T17:00:00Z", "2026-03-10T06:59:59Z"),
        ("America/Los_Angeles", "2026-03-06T03:00:00Z", "2026-03-10T06:59:59Z"),
        ("Asia/Tokyo", "2026-03-05T16:00:00Z", "2026-03-10T14:59:59Z"),
        ("Australia/Sydney", "2026-04-02T10:00:00Z", "2026-04-06T13:59:59Z"),
    ],
)
def test_pitfall_25_a_deadline_is_an_instant_and_never_a_date_in_utc(open_shop, zone, placed, ship_by):
    shop = open_shop(start_at=placed, timezone=zone, listings=[{"sku": "MUG", "quantity": 5}])
    order_id = shop.sell()
    shop.advance(minutes=5)
    shop.pull()
    assert shop.orders()[order_id].ship_by_at == datetime.fromisoformat(ship_by)
    asked = [one["params"]["lastUpdatedAfter"] for one in shop.requests("searchOrders")]
    assert all(text.endswith("Z") for text in asked), "an offset would be refused"


def test_pitfall_26_a_buyers_wish_to_cancel_beats_every_other_state(shop):
    order_id = shop.sell()
    shop.advance(minutes=5)
    shop.pull()
    shop.count(MUG=0)
    shop.do("request_cancel", order_id=order_id)
    shop.advance(minutes=5)
    shop.pull()
    assert ("cancel_requested", order_id) in shop.alert()
    with shop.ledger.transaction() as books:
        (outlook,) = books.orders.outlooks()
    assert outlook.state is OrderState.CANCEL_REQUESTED


@pytest.mark.parametrize(("reason", "left"), [("NO_INVENTORY", 99), ("BUYER_CANCELLED", 100)])
def test_pitfall_26_the_reason_of_a_cancellation_decides_whether_units_come_back(shop, reason, left):
    order_id = shop.sell()
    shop.do("cancel", order_id=order_id, by="MERCHANT", reason=reason)
    assert shop.seen("MUG").offer.quantity == left


def test_pitfall_27_a_split_shipment_makes_no_stock_out_of_nothing(open_shop):
    shop = open_shop(listings=[{"sku": "MUG", "quantity": 5}])
    order_id = shop.sell("MUG", 5)
    shop.advance(minutes=5)
    shop.count(MUG=5)
    shop.advance(minutes=5)
    for parcel in (2, 2, 1):
        shop.pull()
        shop.pull_offers()
        assert shop.plan()["MUG"].desired.quantity == 0, "all five are sold, wherever they are"
        shop.do("ship", order_id=order_id, items=[{"sku": "MUG", "quantity": parcel}])
        shop.advance(minutes=5)
    shop.pull()
    assert shop.plan()["MUG"].desired.quantity == 0


def test_pitfall_28_two_processes_that_share_an_account_share_its_limits(shop):
    placed = shop.sell()
    daemon, command = shop.connect(shop.shared_throttle()), shop.connect(shop.shared_throttle())
    with daemon, command:
        for _ in range(40):
            daemon.orders.order(placed)
            command.orders.order(placed)
    assert {one["status"] for one in shop.requests("getOrder")} == {200}
    assert len(shop.requests("getOrder")) == 80


def test_pitfall_29_a_secret_is_told_of_before_it_ends(shop):
    created_on = shop.now().date() - timedelta(days=160)
    assert ("credential_expiring", "client_secret") in shop.alert(secrets_created={"main": created_on})


def test_pitfall_29_a_rotation_needs_no_moment_without_orders(open_shop):
    known = {"client_id": "client", "client_secret": "old", "refresh_token": "refresh"}
    rotating = {"client_secret": "new", "former_client_secret": "old"}
    shop = open_shop(token_seconds=120, scenario_credentials=known, credentials=rotating)
    placed = set()
    for step in (None, {"new_client_secret": "new"}, {"end_rotation": True}):
        if step is not None:
            shop.control("tokens", step)
        placed.add(shop.sell())
        shop.advance(minutes=5)
        shop.pull()
        assert set(shop.orders()) == placed


# --- feeds, reports and what has to be found out twice -----------------------------------------------


def test_pitfall_09_a_feed_that_is_stuck_holds_up_no_zero(open_shop):
    shop = open_shop(feeds_frozen=True)
    ticket = shop.account.feeds.submit([a_change(shop, "APRON", quantity=60)])
    zero = shop.account.offers.apply(a_change(shop, "MUG", quantity=0))
    shop.advance(minutes=1)
    assert zero.outcome is PushOutcome.ACCEPTED
    assert shop.seen("MUG").offer.quantity == 0
    assert not shop.account.feeds.wait(ticket, patience_seconds=3600).is_finished
    assert shop.account.feeds.receipts(ticket) == (), "nothing is known, and nothing is made up"
    shop.control("feeds", {"frozen": False})
    assert shop.account.feeds.wait(ticket).is_finished
    (receipt,) = shop.account.feeds.receipts(ticket)
    assert receipt.outcome is PushOutcome.ACCEPTED


def test_pitfall_10_a_sold_out_listing_that_comes_back_to_life_is_put_out_again(shop):
    shop.count(MUG=0, APRON=50)
    shop.pull()
    shop.pull_offers()
    shop.plan()
    shop.push(wait=120)
    assert shop.truth("MUG")["live_quantity"] == 0
    shop.edit(sku="MUG", quantity=7)
    shop.advance(hours=1)
    shop.pull()
    shop.pull_offers()
    shop.plan()
    shop.push(wait=120)
    assert shop.truth("MUG")["live_quantity"] == 0


def test_pitfall_11_a_negative_quantity_never_reaches_amazon_and_spoils_no_feed(shop):
    good, bad = a_change(shop, "APRON", quantity=3), a_change(shop, "MUG", quantity=0)
    bad = dataclasses.replace(bad, after=dataclasses.replace(bad.after, quantity=-1))
    with pytest.raises(ValueError, match="negative quantity for MUG"):
        shop.account.feeds.submit([good, bad])
    assert shop.requests("createFeedDocument") == []
    assert shop.requests("createFeed") == []


def test_pitfall_14_orders_that_the_list_never_shows_are_found_through_the_report(shop):
    shown, hidden = shop.sell(), shop.sell(hidden_seconds=30 * 86_400)
    begun = shop.now()
    shop.advance(hours=1)
    shop.pull()
    assert set(shop.orders()) == {shown}
    report = shop.account.reports.orders_by_last_update(begun - timedelta(days=1), shop.now())
    missing = {line.order_id for line in report.lines} - set(shop.orders())
    assert missing == {hidden}
    assert shop.pull_named(*missing).new == 1
    assert set(shop.orders()) == {shown, hidden}


def test_pitfall_22_an_order_of_several_rows_in_a_report_is_one_order(shop):
    items = [{"sku": "MUG", "quantity": 2}, {"sku": "APRON", "quantity": 1}]
    (placed,) = shop.control("orders", {"place": [{"items": items}]})["place"]
    begun = shop.now()
    shop.advance(minutes=30)
    report = shop.account.reports.orders_by_last_update(begun - timedelta(hours=1), shop.now())
    assert [(line.order_id, line.sku, line.units) for line in report.lines] == [
        (placed["order_id"], "MUG", 2),
        (placed["order_id"], "APRON", 1),
    ]
    assert {line.order_id for line in report.lines} == {placed["order_id"]}


def test_pitfall_21_every_field_that_amazon_may_leave_out_may_be_missing(open_shop):
    shop = open_shop(rate_factor=1000)
    placed = {shop.sell(quantity=number + 1) for number in range(5)}
    shop.do("ship", order_id=min(placed))
    shop.advance(minutes=5)
    shop.fault(missing="optional", forever=True)
    shop.pull()
    known = {*shop.orders(), *shop.quarantined()}
    assert known == placed, "read as far as it goes, or set aside with the reason: never lost"
    shop.control("faults", {"clear": True})
    shop.advance(hours=7)
    shop.pull()
    assert set(shop.orders()) == placed
    assert shop.quarantined() == {}


def test_pitfall_20_words_nobody_has_heard_of_are_kept_and_stop_nothing(open_shop):
    shop = open_shop(rate_factor=1000)
    placed = {shop.sell() for _ in range(3)}
    shop.advance(minutes=5)
    shop.fault(enum="unknown", forever=True)
    shop.pull()
    assert set(shop.orders()) == placed
    assert all(order.status is OrderStatus.UNKNOWN and order.status_text for order in shop.orders().values())
