"""The fake source of orders and the real one against the emulated Amazon: one story, one behaviour."""

import contextlib
import json
import urllib.request
from datetime import timedelta

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.domain.order import OrderStatus
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.ports import OrderWindow

from builders import NOW, an_order
from fakes import FakeAmazonOrders, FakeClock


class FakeShop:
    """Amazon in memory, with pages as long as the real ones."""

    def __init__(self):
        self.clock = FakeClock()
        self.source = FakeAmazonOrders(self.clock, page_size=100)

    def sleep(self, seconds):
        self.clock.sleep(seconds)

    def now(self):
        return self.clock.now()

    def sell(self, *, pending=False, created_at=None):
        number = len(self.source.orders)
        order = an_order(
            f"111-{number:07}-0000000",
            status=OrderStatus.PENDING if pending else OrderStatus.UNSHIPPED,
            created_at=created_at or self.now(),
            updated_at=created_at or self.now(),
        )
        self.source.put(order)
        return order.order_id

    def cancel(self, order_id):
        self.source.change(order_id, status=OrderStatus.CANCELLED)

    def poison(self):
        order_id = self.sell()
        self.source.poison.add(order_id)
        return order_id

    def fail(self):
        self.source.broken = Unavailable("Gone.", operation="searchOrders")


class EmulatedShop:
    """The real adapter against the emulated Amazon."""

    def __init__(self, world, url):
        self.world, self.url = world, url
        self.account = AmazonAccount(
            name="us",
            seller_id="A1EXAMPLE",
            marketplaces=["ATVPDKIKX0DER"],
            endpoint=url,
            token_endpoint=url + "/auth/o2/token",
            credentials=Credentials(client_id="c", client_secret="s", refresh_token="r"),
            clock=self,
        )
        self.source = self.account.orders

    def sleep(self, seconds):
        self.world.advance(seconds)

    def now(self):
        return self.world.now()

    def _control(self, path, body):
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sell(self, *, pending=False, created_at=None):
        wish = {"items": [{"sku": "CUP-BLUE", "quantity": 1}]}
        if pending:
            wish["pending_seconds"] = 86_400
        if created_at is not None:
            wish["created_at"] = created_at.isoformat()
        (placed,) = self._control("orders", {"place": [wish]})["place"]
        return placed["order_id"]

    def cancel(self, order_id):
        self._control("orders", {"cancel": [{"order_id": order_id, "by": "BUYER"}]})

    def poison(self):
        order_id = "111-6666666-6666666"
        moment = self.now().isoformat()
        raw = {"orderId": order_id, "createdTime": moment, "lastUpdatedTime": moment}
        raw["fulfillment"] = {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"}
        self._control("orders", {"raw": [raw]})
        return order_id

    def fail(self):
        self._control("faults", {"status": 503, "body": "html", "forever": True})


@pytest.fixture(params=["fake", "real"])
def shop(request):
    if request.param == "fake":
        yield FakeShop()
        return
    scenario = {"start_at": NOW.isoformat(), "listings": [{"sku": "CUP-BLUE", "quantity": 10_000}]}
    world = load_scenario(scenario)
    with running(world) as url:
        emulated = EmulatedShop(world, url)
        with contextlib.closing(emulated.account):
            yield emulated


def walk(shop, window):
    pages = [shop.source.page(window)]
    while pages[-1].next_token is not None:
        pages.append(shop.source.page(window, pages[-1].next_token))
    return pages


def ids(pages):
    return [order.order_id for page in pages for order in page.orders]


def last_days(shop):
    return OrderWindow(since=shop.now() - timedelta(days=30))


def test_every_order_is_read_once_over_all_pages_oldest_change_first(shop):
    sold = [shop.sell(created_at=NOW - timedelta(minutes=n + 10)) for n in range(150)]
    pages = walk(shop, last_days(shop))
    assert [len(page.orders) for page in pages] == [100, 50]
    assert ids(pages) == sold[::-1]


def test_the_upper_bound_that_is_echoed_lies_behind_the_clock_and_stays_for_the_walk(shop):
    for n in range(150):
        shop.sell(created_at=NOW - timedelta(minutes=n + 10))
    first = shop.source.page(last_days(shop))
    shop.sleep(600)
    second = shop.source.page(OrderWindow(since=NOW - timedelta(days=30)), first.next_token)
    assert first.read_up_to == second.read_up_to
    assert NOW - timedelta(minutes=3) < first.read_up_to <= NOW - timedelta(minutes=2)


def test_an_order_is_shown_as_it_is_when_its_page_is_served(shop):
    for n in range(101):
        shop.sell(created_at=NOW - timedelta(minutes=n + 10))
    newest = shop.source.page(last_days(shop))
    last = walk(shop, last_days(shop))[-1].orders[0].order_id
    shop.cancel(last)
    window = OrderWindow(since=NOW - timedelta(days=30))
    assert shop.source.page(window, newest.next_token).orders[0].status is OrderStatus.CANCELLED


def test_both_ends_of_a_window_belong_to_it(shop):
    order_id = shop.sell()
    updated_at = shop.source.order(order_id).updated_at
    shop.sleep(3600)
    assert ids([shop.source.page(OrderWindow(since=updated_at, until=updated_at))]) == [order_id]
    assert ids([shop.source.page(OrderWindow(since=updated_at + timedelta(milliseconds=1)))]) == []


def test_an_order_younger_than_two_minutes_is_not_shown_yet(shop):
    shop.sell()
    shop.sleep(60)
    assert ids(walk(shop, last_days(shop))) == []
    shop.sleep(120)
    assert len(ids(walk(shop, last_days(shop)))) == 1


def test_a_window_up_to_now_is_read_as_far_as_amazon_lets_us(shop):
    page = shop.source.page(OrderWindow(since=NOW - timedelta(days=1), until=NOW))
    assert page.read_up_to <= NOW - timedelta(minutes=2)


def test_a_window_that_is_too_young_is_empty_and_no_error(shop):
    page = shop.source.page(OrderWindow(since=shop.now() - timedelta(seconds=30)))
    assert (page.orders, page.read_up_to, page.next_token) == ((), None, None)


def test_a_token_lives_a_day(shop):
    for n in range(150):
        shop.sell(created_at=NOW - timedelta(minutes=n + 10))
    window = OrderWindow(since=NOW - timedelta(days=1))
    token = shop.source.page(window).next_token
    shop.sleep(20 * 3600)
    assert len(shop.source.page(window, token).orders) == 50
    shop.sleep(5 * 3600)
    with pytest.raises(RequestRejected):
        shop.source.page(window, token)


def test_a_token_belongs_to_its_window(shop):
    for n in range(150):
        shop.sell(created_at=NOW - timedelta(minutes=n + 10))
    token = shop.source.page(last_days(shop)).next_token
    with pytest.raises(RequestRejected):
        shop.source.page(OrderWindow(since=NOW - timedelta(days=2)), token)


def test_an_order_by_id_is_the_same_order(shop):
    order_id = shop.sell(pending=True)
    shop.sleep(300)
    (order,) = shop.source.page(last_days(shop)).orders
    assert order == shop.source.order(order_id)
    assert order.is_pending


def test_an_order_nobody_knows_is_rejected_with_404(shop):
    with pytest.raises(RequestRejected) as caught:
        shop.source.order("111-0000000-9999999")
    assert caught.value.status == 404


def test_an_order_that_makes_no_sense_costs_neither_the_page_nor_the_others(shop):
    good = shop.sell()
    poison = shop.poison()
    shop.sleep(600)
    page = shop.source.page(last_days(shop))
    assert ids([page]) == [good]
    assert [one.subject for one in page.unreadable] == [poison]
    with pytest.raises(UnexpectedPayload):
        shop.source.order(poison)


def test_trouble_that_lasts_is_an_error_and_never_an_empty_page(shop):
    shop.fail()
    with pytest.raises(Unavailable):
        shop.source.page(last_days(shop))
