"""What Amazon's order JSON means, without any network."""

import contextlib
import copy
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.orders import AmazonOrders, read_order
from fbm_sync.adapters.spapi.reading import MOST_UNITS, NotUnderstood, format_instant, minor_units
from fbm_sync.domain.order import Fulfiller, OrderStatus
from fbm_sync.errors import UnexpectedPayload
from fbm_sync.ports import OrderWindow

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

ORDER = {
    "orderId": "111-1234567-1234567",
    "createdTime": "2026-03-01T10:00:00Z",
    "lastUpdatedTime": "2026-03-01T12:00:00.250Z",
    "programs": ["PRIME", "FBM_SHIP_PLUS"],
    "salesChannel": {"channelName": "AMAZON", "marketplaceId": "ATVPDKIKX0DER"},
    "buyer": {"buyerName": "Jane Roe", "buyerEmail": "jane@example.com"},
    "recipient": {"deliveryAddress": {"name": "Jane Roe", "postalCode": "98101"}},
    "fulfillment": {
        "fulfillmentStatus": "PARTIALLY_SHIPPED",
        "fulfilledBy": "MERCHANT",
        "fulfillmentServiceLevel": "EXPEDITED",
        "shipByWindow": {
            "earliestDateTime": "2026-03-02T08:00:00Z",
            "latestDateTime": "2026-03-04T07:59:59Z",
        },
        "deliverByWindow": {"latestDateTime": "2026-03-08T07:59:59Z"},
    },
    "orderItems": [
        {
            "orderItemId": "1",
            "quantityOrdered": 5,
            "product": {
                "asin": "B000000001",
                "sellerSku": "MUG-BLUE",
                "price": {"unitPrice": {"amount": "19.99", "currencyCode": "USD"}},
            },
            "fulfillment": {"quantityFulfilled": 3, "quantityUnfulfilled": 2},
        }
    ],
    "packages": [
        {
            "packageReferenceId": "7",
            "createdTime": "2026-03-01T11:00:00Z",
            "shipTime": "2026-03-01T11:30:00Z",
            "packageStatus": {"status": "SHIPPED"},
            "packageItems": [{"orderItemId": "1", "quantity": 3}],
        }
    ],
}


def changed(change):
    json = copy.deepcopy(ORDER)
    change(json)
    return json


def read(change=lambda json: None):
    return read_order(changed(change), "main")


def line(**fields):
    return lambda json: json["orderItems"][0].update(fields)


def test_an_order_is_read_in_full():
    order = read()
    assert (order.account, order.order_id) == ("main", "111-1234567-1234567")
    assert order.status is OrderStatus.PARTIALLY_SHIPPED
    assert order.status_text == ""
    assert order.created_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert order.updated_at == datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    assert order.ship_by_at == datetime(2026, 3, 4, 7, 59, 59, tzinfo=UTC)
    assert order.deliver_by_at == datetime(2026, 3, 8, 7, 59, 59, tzinfo=UTC)
    assert (order.marketplace, order.service_level) == ("ATVPDKIKX0DER", "EXPEDITED")
    assert order.fulfilled_by is Fulfiller.MERCHANT
    assert order.programs == ("PRIME", "FBM_SHIP_PLUS")
    (item,) = order.items
    assert (item.order_item_id, item.sku) == ("1", "MUG-BLUE")
    assert (item.ordered_units, item.shipped_units, item.unfulfilled_units) == (5, 3, 2)
    assert (item.unit_price_minor, item.currency) == (1999, "USD")
    assert not item.cancel_requested
    assert item.cancelled_by is None
    (shipment,) = order.shipments
    assert (shipment.units, shipment.sku, shipment.order_item_id) == (3, "MUG-BLUE", "1")
    assert shipment.shipped_at == datetime(2026, 3, 1, 11, 30, tzinfo=UTC)


def test_no_word_about_the_buyer_is_kept():
    kept = repr(read())
    for word in ("Jane", "98101", "jane@example.com"):
        assert word not in kept


OPTIONAL = [
    ("programs",),
    ("salesChannel",),
    ("salesChannel", "marketplaceId"),
    ("fulfillment", "fulfillmentServiceLevel"),
    ("fulfillment", "fulfilledBy"),
    ("fulfillment", "shipByWindow"),
    ("fulfillment", "shipByWindow", "latestDateTime"),
    ("fulfillment", "deliverByWindow"),
    ("packages",),
    ("packages", 0, "packageReferenceId"),
    ("packages", 0, "createdTime"),
    ("packages", 0, "shipTime"),
    ("packages", 0, "packageStatus"),
    ("packages", 0, "packageItems"),
    ("orderItems", 0, "product", "price"),
    ("orderItems", 0, "product", "price", "unitPrice", "amount"),
    ("orderItems", 0, "product", "price", "unitPrice", "currencyCode"),
    ("orderItems", 0, "product", "sellerSku"),
    ("orderItems", 0, "product"),
    ("orderItems", 0, "fulfillment"),
    ("orderItems", 0, "fulfillment", "quantityFulfilled"),
    ("orderItems", 0, "fulfillment", "quantityUnfulfilled"),
    ("fulfillment",),
]


@pytest.mark.parametrize("path", OPTIONAL, ids=lambda path: ".".join(map(str, path)))
@pytest.mark.parametrize("junk", ["absent", None, [], {}, "junk"], ids=repr)
def test_whatever_amazon_may_leave_out_costs_no_order(path, junk):
    def remove(json):
        *parents, name = path
        for step in parents:
            json = json[step]
        if junk == "absent":
            del json[name]
        else:
            json[name] = junk

    if "quantity" in str(path[-1]) and junk not in ("absent", None):
        with pytest.raises(NotUnderstood):
            read(remove)
    else:
        assert read(remove).order_id == "111-1234567-1234567"


@pytest.mark.parametrize("name", ["orderId", "createdTime", "lastUpdatedTime", "orderItems"])
@pytest.mark.parametrize("junk", [None, "", 5, {}, "\x00", "\ud800"], ids=ascii)
def test_an_order_without_its_essentials_is_set_aside(name, junk):
    with pytest.raises(NotUnderstood, match=name):
        read(lambda json: json.update({name: junk}))


@pytest.mark.parametrize("name", ["orderItemId", "quantityOrdered"])
def test_a_line_without_its_essentials_sets_the_order_aside(name):
    with pytest.raises(NotUnderstood, match=name):
        read(lambda json: json["orderItems"][0].pop(name))


@pytest.mark.parametrize("units", [-1, MOST_UNITS + 1, 1.5, "5", True, [], float("nan"), float("inf")])
@pytest.mark.parametrize("place", ["ordered", "fulfilled", "unfulfilled", "packed"])
def test_absurd_units_set_the_order_aside(units, place):
    def break_it(json):
        item, package = json["orderItems"][0], json["packages"][0]
        target, name = {
            "ordered": (item, "quantityOrdered"),
            "fulfilled": (item["fulfillment"], "quantityFulfilled"),
            "unfulfilled": (item["fulfillment"], "quantityUnfulfilled"),
            "packed": (package["packageItems"][0], "quantity"),
        }[place]
        target[name] = units

    with pytest.raises(NotUnderstood, match="uantity"):
        read(break_it)


def test_whole_units_written_with_a_decimal_point_are_units():
    assert read(line(quantityOrdered=5.0)).items[0].ordered_units == 5


def test_two_lines_with_one_id_set_the_order_aside():
    with pytest.raises(NotUnderstood, match="same orderItemId"):
        read(lambda json: json["orderItems"].append(json["orderItems"][0]))


def test_a_pending_order_may_come_without_its_lines():
    def pending(json):
        json["fulfillment"]["fulfillmentStatus"] = "PENDING"
        del json["orderItems"]

    order = read(pending)
    assert (order.items, order.shipments, order.is_pending) == ((), (), True)


def test_an_order_to_be_shipped_never_comes_without_its_lines():
    with pytest.raises(NotUnderstood, match="orderItems"):
        read(lambda json: json.pop("orderItems"))
    with pytest.raises(NotUnderstood, match="orderItems"):
        read(lambda json: json.update(orderItems=["junk"]))


def test_a_state_invented_later_is_kept_by_its_name():
    order = read(lambda json: json["fulfillment"].update(fulfillmentStatus="INVOICE_UNCONFIRMED"))
    assert (order.status, order.status_text) == (OrderStatus.UNKNOWN, "INVOICE_UNCONFIRMED")
    assert order.is_open


@pytest.mark.parametrize(
    ("word", "fulfiller"),
    [("AMAZON", Fulfiller.AMAZON), ("MERCHANT", Fulfiller.MERCHANT), ("DRONE", Fulfiller.UNKNOWN)],
)
def test_who_ships_is_taken_from_the_order_and_not_from_the_request(word, fulfiller):
    assert read(lambda json: json["fulfillment"].update(fulfilledBy=word)).fulfilled_by is fulfiller


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-04T07:59:59Z", datetime(2026, 3, 4, 7, 59, 59, tzinfo=UTC)),
        ("2026-03-04T07:59:59.123Z", datetime(2026, 3, 4, 7, 59, 59, 123_000, tzinfo=UTC)),
        ("2026-03-03T23:59:59-08:00", datetime(2026, 3, 4, 7, 59, 59, tzinfo=UTC)),
        ("2026-03-04T07:59:59", datetime(2026, 3, 4, 7, 59, 59, tzinfo=UTC)),
        ("1995-01-01T00:00:00Z", datetime(1995, 1, 1, tzinfo=UTC)),
        ("1.569521782042E9", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1569521782, None),
    ],
)
def test_a_deadline_is_read_as_an_instant_or_is_unknown(written, meant):
    def write(json):
        json["fulfillment"]["shipByWindow"]["latestDateTime"] = written

    assert read(write).ship_by_at == meant


@pytest.mark.parametrize(
    ("cancellation", "requested", "by"),
    [
        ({"cancellationRequest": {"requester": "BUYER", "cancelReason": "x"}}, True, None),
        ({"cancellationRequest": {}}, True, None),
        ({"cancellationRequest": {"requester": "MERCHANT"}}, False, None),
        ({"cancellationRequest": None}, False, None),
        ({"cancellationExecution": {"cancelledBy": "AMAZON"}}, False, "AMAZON"),
        ({"cancellationExecution": {}}, False, None),
        ("junk", False, None),
    ],
)
def test_cancellations_are_read(cancellation, requested, by):
    item = read(line(cancellation=cancellation)).items[0]
    assert (item.cancel_requested, item.cancelled_by) == (requested, by)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.99", "USD", 1999),
        ("5980", "JPY", 5980),
        ("0.1", "EUR", 10),
        (19.99, "USD", 1999),
        ("19.995", "USD", 2000),
        ("1.00", "XTS", None),
        ("1,00", "EUR", None),
        ("NaN", "EUR", None),
        ("Infinity", "EUR", None),
        ("1e999999999", "EUR", None),
        ("-1", "EUR", None),
        ("1e15", "EUR", None),
        (True, "EUR", None),
        (None, "EUR", None),
        ("1", 5, None),
    ],
)
def test_money_becomes_exact_minor_units(amount, currency, minor):
    assert minor_units({"amount": amount, "currencyCode": currency}) == minor


def test_a_line_without_a_sku_is_seen_by_its_asin_and_covered_by_no_stock():
    assert read(lambda json: json["orderItems"][0]["product"].pop("sellerSku")).items[0].sku == (
        "(no SKU: B000000001)"
    )
    assert read(line(product={})).items[0].sku == "(no SKU: 1)"


# --- what left, and when -------------------------------------------------------------------------


def shipped(order):
    return [(shipment.units, shipment.shipped_at.strftime("%H:%M")) for shipment in order.shipments]


def test_a_cancelled_parcel_never_left():
    def cancel(json):
        json["packages"][0]["packageStatus"]["status"] = "CANCELLED"

    assert shipped(read(cancel)) == [(3, "12:00")]


def test_a_parcel_without_a_ship_time_left_when_it_was_made():
    assert shipped(read(lambda json: json["packages"][0].pop("shipTime"))) == [(3, "11:00")]


def test_a_parcel_without_any_time_left_by_the_last_update():
    def forget(json):
        del json["packages"][0]["shipTime"], json["packages"][0]["createdTime"]

    assert shipped(read(forget)) == [(3, "12:00")]


def test_units_that_left_in_no_known_parcel_are_one_shipment_with_a_stable_id():
    def fewer(json):
        json["packages"][0]["packageItems"][0]["quantity"] = 1

    order = read(fewer)
    assert shipped(order) == [(1, "11:30"), (2, "12:00")]
    assert order.shipments[1].shipment_id == read(fewer).shipments[1].shipment_id


def test_a_label_bought_for_units_that_are_still_here_is_no_shipment():
    def nothing_left(json):
        json["orderItems"][0]["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 5}

    assert read(nothing_left).shipments == ()


def test_one_line_in_two_parcels_is_two_shipments():
    def two(json):
        second = copy.deepcopy(json["packages"][0]) | {"shipTime": "2026-03-01T11:45:00Z"}
        second["packageItems"][0]["quantity"] = 1
        json["packages"][0]["packageItems"] = [{"orderItemId": "1", "quantity": 1}] * 2
        json["packages"].append(second)

    order = read(two)
    assert shipped(order) == [(2, "11:30"), (1, "11:45")]
    assert len({shipment.shipment_id for shipment in order.shipments}) == 2


def test_a_parcel_with_a_line_of_another_order_is_read_without_it():
    def foreign(json):
        json["packages"][0]["packageItems"] += [{"orderItemId": "other", "quantity": 9}, {"quantity": 1}]

    assert shipped(read(foreign)) == [(3, "11:30")]


@given(
    ordered=st.integers(0, 20),
    fulfilled=st.integers(0, 20),
    packed=st.lists(st.integers(0, 9), max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_as_many_units_left_as_amazon_counts_whatever_the_parcels_say(ordered, fulfilled, packed):
    def write(json):
        json["orderItems"][0]["quantityOrdered"] = ordered
        json["orderItems"][0]["fulfillment"]["quantityFulfilled"] = fulfilled
        json["packages"] = [{"packageItems": [{"orderItemId": "1", "quantity": units}]} for units in packed]

    assert sum(shipment.units for shipment in read(write).shipments) == fulfilled


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["orderId", "orderItemId", "quantity", "latestDateTime"]), inner)
    ),
    max_leaves=5,
)


@given(path=st.sampled_from([*OPTIONAL, ("orderId",), ("orderItems",), ("orderItems", 0)]), value=json_values)
@settings(max_examples=500, deadline=None)
def test_no_junk_anywhere_crashes_the_reader(path, value):
    def write(json):
        *parents, name = path
        for step in parents:
            json = json[step]
        json[name] = value

    with contextlib.suppress(NotUnderstood):
        read(write)


# --- pages ---------------------------------------------------------------------------------------


class Clock:
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


class CannedGateway:
    """Answers with what it was given; what really travels is tested over HTTP."""

    def __init__(self, *bodies):
        self.bodies = list(bodies)
        self.asked = []

    def call(self, operation, *path, params):
        self.asked.append(params)
        return Answer(status=200, headers={"x-amzn-requestid": "r"}, body=self.bodies.pop(0))


def pages_of(*bodies):
    gateway, clock = CannedGateway(*bodies), Clock()
    return AmazonOrders(gateway, clock, account="main"), gateway, clock


WINDOW = OrderWindow(since=NOW - timedelta(days=1))


def test_one_poison_order_costs_only_itself():
    poison = changed(lambda json: json["orderItems"][0].update(quantityOrdered=-1))
    orders, _, _ = pages_of(
        {"orders": [poison, ORDER, "junk", {}], "lastUpdatedBefore": "2026-03-02T08:58:00Z"}
    )
    page = orders.page(WINDOW)
    assert [order.order_id for order in page.orders] == ["111-1234567-1234567"]
    assert [one.subject for one in page.unreadable] == [
        "111-1234567-1234567",
        "order without an id",
        "order without an id",
    ]
    assert page.unreadable[0].reason == "quantityOrdered is negative or absurdly large"
    assert page.read_up_to == datetime(2026, 3, 2, 8, 58, tzinfo=UTC)
    assert page.next_token is None


def test_a_page_token_repeats_the_request_to_the_letter_however_much_later():
    first = {"orders": [], "pagination": {"nextToken": "a|b"}}
    orders, gateway, clock = pages_of(first, first | {"pagination": {"nextToken": "c"}}, {"orders": []})
    window = OrderWindow(since=NOW - timedelta(days=1, microseconds=1), until=NOW)
    token = orders.page(window).next_token
    clock.sleep(3600)
    token = orders.page(window, token).next_token
    orders.page(window, token)
    without_token = [{k: v for k, v in asked.items() if k != "paginationToken"} for asked in gateway.asked]
    assert without_token[0] == without_token[1] == without_token[2]
    assert [asked.get("paginationToken") for asked in gateway.asked] == [None, "a|b", "c"]
    assert without_token[0]["lastUpdatedBefore"] == "2026-03-02T08:57:55Z"
    assert without_token[0]["lastUpdatedAfter"] == "2026-03-01T08:59:59.999Z"


def test_an_old_upper_bound_is_asked_for_as_it_is():
    orders, gateway, _ = pages_of({"orders": []})
    orders.page(OrderWindow(since=NOW - timedelta(days=2), until=NOW - timedelta(days=1)))
    assert gateway.asked[0]["lastUpdatedBefore"] == "2026-03-01T09:00:00Z"


def test_without_an_upper_bound_amazon_chooses_it():
    orders, gateway, _ = pages_of({"orders": [], "pagination": {"nextToken": "t"}}, {"orders": []})
    page = orders.page(WINDOW)
    assert "lastUpdatedBefore" not in gateway.asked[0]
    orders.page(WINDOW, page.next_token)
    assert gateway.asked[1] == gateway.asked[0] | {"paginationToken": "t"}


def test_the_last_two_minutes_are_not_asked_for():
    orders, gateway, _ = pages_of()
    page = orders.page(OrderWindow(since=NOW - timedelta(minutes=1)))
    assert (page.orders, page.read_up_to, page.next_token) == ((), None, None)
    assert gateway.asked == []


def test_a_token_that_leads_back_to_its_own_page_is_noticed():
    body = {"orders": [], "pagination": {"nextToken": "same"}}
    orders, _, _ = pages_of(body, body)
    token = orders.page(WINDOW).next_token
    with pytest.raises(UnexpectedPayload, match="this page again"):
        orders.page(WINDOW, token)


def test_a_page_that_is_no_list_is_not_understood():
    orders, _, _ = pages_of({"orders": {}})
    with pytest.raises(UnexpectedPayload, match="not a list"):
        orders.page(WINDOW)


def test_one_order_that_cannot_be_understood_says_why():
    orders, _, _ = pages_of({"order": {}}, {"order": ORDER})
    with pytest.raises(UnexpectedPayload, match="orderId is missing"):
        orders.order("111-1234567-1234567")
    assert orders.order("111-1234567-1234567") == read()


def test_instants_are_written_the_way_amazon_reads_them():
    assert format_instant(NOW) == "2026-03-02T09:00:00Z"
    assert format_instant(NOW + timedelta(microseconds=250_999)) == "2026-03-02T09:00:00.250Z"
    assert format_instant(NOW + timedelta(microseconds=999)) == "2026-03-02T09:00:00Z"


def test_every_currency_that_amazon_sells_in_is_known():
    from fbm_sync.settings.marketplaces import MARKETPLACES

    for marketplace in MARKETPLACES.values():
        expected = 12 if marketplace.currency == "JPY" else 1234
        money = {"amount": "12" if marketplace.currency == "JPY" else "12.34"}
        assert minor_units(money | {"currencyCode": marketplace.currency}) == expected


def test_a_page_is_a_value():
    orders, _, _ = pages_of({"orders": []})
    with pytest.raises(dataclasses.FrozenInstanceError):
        orders.page(WINDOW).orders = ()


def parcel(**changes):
    return read(lambda json: json["packages"][0].update(changes)).shipments[0]


def test_of_a_tracking_number_only_that_there_is_one_is_taken():
    tracked = parcel(trackingNumber="1Z999")
    assert (tracked.tracked, parcel(trackingNumber="").tracked, parcel().tracked) == (True, False, False)
    assert "1Z999" not in repr(tracked)
    assert tracked.parcel == "1-7"


def test_a_parcel_is_delivered_when_amazon_says_so():
    assert parcel(packageStatus={"status": "DELIVERED"}).delivered
    assert not parcel(packageStatus={"status": "IN_TRANSIT"}).delivered
    assert parcel(packageStatus={"status": "DELIVERED"}).delivered_at is None


def test_of_units_in_no_known_parcel_nothing_is_claimed():
    (left,) = read(lambda json: json.pop("packages")).shipments
    assert (left.parcel, left.tracked, left.delivered) == ("", None, False)
