"""What every source of orders promises: the real adapter against the emulated Amazon, and the fake.

A test that takes `shop` runs on both; one that takes `amazon` is about what only the wire can do.
"""

import contextlib
import dataclasses
import json
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import AccessRefused, RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.ports import OrderSource, OrderWindow

from builders import an_order
from fakes import FakeAmazonOrders, FakeClock

START = datetime(2026, 3, 2, 17, tzinfo=UTC)
LISTINGS = [
    {"sku": "MUG", "quantity": 10_000, "price": "14.90"},
    {"sku": "APRON", "quantity": 50, "price": "27.50"},
]
SECRETS = {"client_id": "client", "client_secret": "secret", "refresh_token": "refresh"}


class EmulatedShop:
    """The emulated Amazon, the account that reads it, and the clock both live by."""

    def __init__(self, world, url, credentials=SECRETS):
        self.world = world
        self.url = url
        self.account = AmazonAccount(
            name="main",
            seller_id="A1EXAMPLE",
            marketplaces=["ATVPDKIKX0DER"],
            endpoint=url,
            token_endpoint=url + "/auth/o2/token",
            credentials=Credentials(**credentials),
            clock=self,
        )
        self.source = self.account.orders

    def now(self):
        return self.world.now()

    def sleep(self, seconds):
        self.world.advance(seconds)

    def control(self, path, body):
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sell(self, sku="MUG", quantity=1, **wish):
        wish["items"] = [{"sku": sku, "quantity": quantity}]
        (placed,) = self.control("orders", {"place": [wish]})["place"]
        assert placed["placed"], placed
        return placed["order_id"]

    def do(self, deed, **order):
        (done,) = self.control("orders", {deed: [order]})[deed]
        assert done["done"], done

    def ask_to_cancel(self, order_id):
        self.do("request_cancel", order_id=order_id, reason="Changed my mind")

    def end(self, order_id):
        self.do("cancel", order_id=order_id, by="MERCHANT", reason="NO_INVENTORY")

    def sell_nonsense(self):
        self.control("orders", {"raw": [POISON | {"lastUpdatedTime": self.now().isoformat()}]})
        return POISON["orderId"]


class FakeShop:
    """The same shop, in memory."""

    def __init__(self):
        self.clock = FakeClock(START)
        self.source = FakeAmazonOrders(self.clock, account="main", page_size=100)
        self.now, self.sleep = self.clock.now, self.clock.sleep

    def sell(self, quantity=1):
        order_id = f"111-{len(self.source.orders)}"
        now = self.now()
        self.source.put(an_order(order_id, units=quantity, created_at=now, updated_at=now))
        return order_id

    def ask_to_cancel(self, order_id):
        (item,) = self.source.orders[order_id].items
        self.source.change(order_id, items=(dataclasses.replace(item, cancel_requested=True),))

    def end(self, order_id):
        self.source.change(order_id, status=OrderStatus.CANCELLED)

    def sell_nonsense(self):
        order_id = self.sell()
        self.source.poison.add(order_id)
        return order_id


POISON = {
    "orderId": "111-6666666-6666666",
    "createdTime": START.isoformat(),
    "buyer": {"buyerName": "Jane Roe"},
    "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
    "orderItems": [{"orderItemId": "1", "quantityOrdered": -1, "product": {"sellerSku": "MUG"}}],
}


@pytest.fixture
def open_shop():
    with contextlib.ExitStack() as stack:

        def open_shop(credentials=SECRETS, **scenario):
            shop_scenario = {"start_at": START.isoformat(), "listings": LISTINGS, "credentials": SECRETS}
            world = load_scenario(shop_scenario | scenario)
            shop = EmulatedShop(world, stack.enter_context(running(world)), credentials)
            return stack.enter_context(contextlib.closing(shop.account)) and shop

        yield open_shop


@pytest.fixture
def amazon(open_shop):
    return open_shop()


@pytest.fixture(params=["fake", "amazon"])
def shop(request):
    return FakeShop() if request.param == "fake" else request.getfixturevalue("amazon")


@pytest.fixture
def source(request) -> OrderSource:
    """The source of whichever shop the test takes."""
    name = "shop" if "shop" in request.fixturenames else "amazon"
    return request.getfixturevalue(name).source


def walk(source, window):
    """All pages of a window."""
    pages = [source.page(window)]
    while pages[-1].next_token is not None:
        pages.append(source.page(window, pages[-1].next_token))
    return pages


def ids(pages):
    return [order.order_id for page in pages for order in page.orders]


def last_days(shop, days=30):
    return OrderWindow(since=shop.now() - timedelta(days=days))


def test_every_order_of_the_window_is_read_once_over_all_its_pages(shop, source):
    placed = set()
    for _ in range(130):
        placed.add(shop.sell())
        shop.sleep(1)
    shop.sleep(600)
    pages = walk(source, last_days(shop))
    assert [len(page.orders) for page in pages] == [100, 30]
    assert set(ids(pages)) == placed


def test_open_orders_can_be_asked_for_alone(shop, source):
    waiting, gone = shop.sell(), shop.sell()
    shop.sleep(600)
    shop.end(gone)
    shop.sleep(600)
    window = dataclasses.replace(last_days(shop), only_open=True)
    assert ids(walk(source, window)) == [waiting]
    assert set(ids(walk(source, last_days(shop)))) == {waiting, gone}


def test_an_empty_window_is_one_empty_page_with_a_watermark(shop, source):
    page = source.page(last_days(shop))
    assert (page.orders, page.unreadable, page.next_token) == ((), (), None)
    assert shop.now() - timedelta(minutes=3) < page.read_up_to < shop.now()


def test_an_order_is_read_with_its_lines_units_and_deadlines(amazon, source):
    order_id = amazon.sell(quantity=3, programs=["PRIME"], service_level="EXPEDITED")
    amazon.sleep(300)
    (order,) = source.page(last_days(amazon)).orders
    assert (order.account, order.order_id) == ("main", order_id)
    assert order.status is OrderStatus.UNSHIPPED
    assert order.fulfilled_by is Fulfiller.MERCHANT
    assert order.created_at == START
    assert order.ship_by_at == datetime(2026, 3, 5, 7, 59, 59, tzinfo=UTC)
    assert order.deliver_by_at > order.ship_by_at
    assert (order.programs, order.service_level) == (("PRIME",), "EXPEDITED")
    assert [(item.sku, item.ordered_units, item.open_units) for item in order.items] == [("MUG", 3, 3)]
    assert (order.items[0].unit_price_minor, order.items[0].currency) == (1490, "USD")


def test_an_order_by_id_is_the_same_order(shop, source):
    order_id = shop.sell()
    shop.sleep(300)
    (order,) = source.page(last_days(shop)).orders
    assert source.order(order_id) == order


def test_a_pending_order_holds_its_units(amazon, source):
    order_id = amazon.sell(pending_seconds=3600)
    order = source.order(order_id)
    assert (order.is_pending, order.is_open, order.open_units) == (True, True, 1)
    amazon.sleep(3600)
    assert source.order(order_id).status is OrderStatus.UNSHIPPED


def test_parts_of_an_order_that_left_are_shipments(amazon, source):
    order_id = amazon.sell(quantity=5)
    amazon.sleep(3600)
    amazon.do("ship", order_id=order_id, items=[{"sku": "MUG", "quantity": 2}])
    order = source.order(order_id)
    assert order.status is OrderStatus.PARTIALLY_SHIPPED
    assert order.open_units == 3
    assert [(one.sku, one.units, one.shipped_at) for one in order.shipments] == [("MUG", 2, amazon.now())]
    amazon.do("ship", order_id=order_id)
    order = source.order(order_id)
    assert (order.status, order.open_units, order.is_open) == (OrderStatus.SHIPPED, 0, False)
    assert sum(one.units for one in order.shipments) == 5
    assert len({one.shipment_id for one in order.shipments}) == 2


def test_a_buyers_wish_to_cancel_is_seen_in_the_next_window(shop, source):
    order_id = shop.sell()
    shop.sleep(600)
    watermark = source.page(last_days(shop)).read_up_to
    shop.ask_to_cancel(order_id)
    shop.sleep(600)
    (order,) = source.page(OrderWindow(since=watermark)).orders
    assert order.cancel_requested


def test_a_cancelled_order_says_who_cancelled(amazon, source):
    order_id = amazon.sell()
    amazon.do("cancel", order_id=order_id, by="MERCHANT", reason="NO_INVENTORY")
    order = source.order(order_id)
    assert (order.status, order.is_open, order.open_units) == (OrderStatus.CANCELLED, False, 0)
    assert order.items[0].cancelled_by == "MERCHANT"


def test_windows_laid_end_to_end_miss_nothing(shop, source):
    """Orders keep changing while they are read; each change is in some window."""
    placed, read = [], []
    since = shop.now()
    for _ in range(12):
        placed.append(shop.sell())
        shop.sleep(400)
        for page in walk(source, OrderWindow(since=since)):
            read += [order.order_id for order in page.orders]
            since = page.read_up_to or since
    shop.sleep(300)
    read += ids(walk(source, OrderWindow(since=since)))
    assert set(read) == set(placed)


def test_both_ends_of_a_window_belong_to_it(shop, source):
    order_id = shop.sell()
    updated_at = source.order(order_id).updated_at
    shop.sleep(3600)
    assert ids([source.page(OrderWindow(since=updated_at, until=updated_at))]) == [order_id]
    later = OrderWindow(since=updated_at + timedelta(milliseconds=1))
    assert ids([source.page(later)]) == []


def test_a_window_up_to_now_is_read_as_far_as_amazon_lets_us(shop, source):
    old = shop.sell()
    shop.sleep(600)
    shop.sell()
    page = source.page(OrderWindow(since=START, until=shop.now()))
    assert ids([page]) == [old]
    assert page.read_up_to <= shop.now() - timedelta(minutes=2)


def test_a_window_that_is_too_young_is_empty_and_no_error(shop, source):
    shop.sell()
    page = source.page(OrderWindow(since=shop.now() - timedelta(seconds=30)))
    assert (page.orders, page.read_up_to, page.next_token) == ((), None, None)


def test_a_page_token_lives_for_a_day(shop, source):
    for _ in range(101):
        shop.sell()
    shop.sleep(600)
    window = OrderWindow(since=START, until=shop.now())
    token = source.page(window).next_token
    shop.sleep(20 * 3600)
    assert len(source.page(window, token).orders) == 1
    shop.sleep(5 * 3600)
    with pytest.raises(RequestRejected):
        source.page(window, token)


def test_a_page_token_belongs_to_its_window(shop, source):
    for _ in range(101):
        shop.sell()
    shop.sleep(600)
    token = source.page(last_days(shop)).next_token
    with pytest.raises(RequestRejected):
        source.page(last_days(shop, days=3), token)


def test_a_walk_goes_on_with_a_new_connection(open_shop):
    history = [
        {
            "created_at": (START - timedelta(minutes=n + 10)).isoformat(),
            "items": [{"sku": "MUG", "quantity": 1}],
        }
        for n in range(150)
    ]
    shop = open_shop(orders=history)
    window = OrderWindow(since=START - timedelta(days=1), until=shop.now())
    token = shop.account.orders.page(window).next_token
    shop.sleep(3600)
    with contextlib.closing(EmulatedShop(shop.world, shop.url).account) as restarted:
        assert len(restarted.orders.page(window, token).orders) == 50


def test_an_order_nobody_knows_is_rejected_with_404(shop, source):
    with pytest.raises(RequestRejected) as caught:
        source.order("111-0000000-0000000")
    assert caught.value.status == 404


def test_one_order_that_makes_no_sense_never_costs_the_page(shop, source):
    good, bad = shop.sell(), shop.sell_nonsense()
    shop.sleep(600)
    page = source.page(last_days(shop))
    assert ids([page]) == [good]
    assert [one.subject for one in page.unreadable] == [bad]
    assert page.unreadable[0].reason
    assert "Jane" not in repr(page)
    with pytest.raises(UnexpectedPayload):
        source.order(bad)


def test_an_order_in_an_unheard_of_state_with_an_absurd_deadline_is_an_order(amazon, source):
    odd = POISON | {
        "lastUpdatedTime": START.isoformat(),
        "fulfillment": {
            "fulfillmentStatus": "HELD_BY_PIRATES",
            "fulfilledBy": "MERCHANT",
            "shipByWindow": {"latestDateTime": "1995-01-01T00:00:00Z"},
        },
        "orderItems": [{"orderItemId": "1", "quantityOrdered": 1, "product": {"sellerSku": "MUG"}}],
    }
    amazon.control("orders", {"raw": [odd]})
    strange = source.order(odd["orderId"])
    assert (strange.status, strange.status_text) == (OrderStatus.UNKNOWN, "HELD_BY_PIRATES")
    assert strange.is_open
    assert strange.ship_by_at == datetime(1995, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 503, "body": "html"},
        {"status": 429, "body": "message"},
        {"status": 500, "body": "empty"},
        {"status": 403, "body": "message"},
        {"reset": True},
        {"cut": True},
        {"operation": "token", "status": 503, "body": "html"},
    ],
    ids=str,
)
def test_trouble_on_the_way_costs_time_and_no_orders(amazon, source, trouble):
    order_id = amazon.sell()
    amazon.sleep(600)
    amazon.control("faults", trouble)
    assert ids(walk(source, last_days(amazon))) == [order_id]


def test_trouble_that_lasts_is_an_error_and_never_an_empty_page(amazon, source):
    amazon.sell()
    amazon.sleep(600)
    amazon.control("faults", {"status": 503, "body": "html", "forever": True})
    with pytest.raises(Unavailable):
        source.page(last_days(amazon))


def test_wrong_credentials_are_refused_and_not_tried_again_and_again(open_shop):
    shop = open_shop(credentials=SECRETS | {"refresh_token": "revoked"})
    for _ in range(3):
        with pytest.raises(AccessRefused, match="invalid_grant"):
            shop.account.orders.page(last_days(shop))
    assert shop.account.gateway.requests == {}


def test_a_long_catch_up_never_meets_a_refusal(amazon, source):
    """Our own count of the quota agrees with Amazon's, from the full bucket into the long wait."""
    for _ in range(24):
        amazon.account.gateway.call("searchOrders", params={"lastUpdatedAfter": "2026-03-01T00:00:00Z"})
    order_id = amazon.sell()
    for _ in range(40):
        source.order(order_id)
    assert amazon.account.gateway.throttled == 0
    assert amazon.account.gateway.requests == {"searchOrders": 24, "getOrder": 40}
