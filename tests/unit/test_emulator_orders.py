"""Orders of the emulated Amazon: their life, their dates, and how searches find them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulated import MARKET, NOON, SELLER, Shop

ORDERS = "/orders/2026-01-01/orders"
EVERYTHING = "FULFILLMENT,CANCELLATION,PACKAGES,PROCEEDS"


def place(shop, sku="MUG", quantity=1, **details):
    wish = {"items": [{"sku": sku, "quantity": quantity}]} | details
    return shop.control("orders", {"place": [wish]})["place"][0]


def do(shop, deed, order_id, **details):
    return shop.control("orders", {deed: [{"order_id": order_id} | details]})[deed][0]


def read(shop, order_id, included=EVERYTHING):
    return shop.ask("GET", f"{ORDERS}/{order_id}", params={"includedData": included}).json()["order"]


def search(shop, **params):
    usual = {"lastUpdatedAfter": "2025-01-01T00:00:00Z", "includedData": "FULFILLMENT"}
    wanted = {name: value for name, value in (usual | params).items() if value is not None}
    return shop.ask("GET", ORDERS, params=wanted)


def found(answer):
    assert answer.status_code == 200, answer.text
    return [order["orderId"] for order in answer.json()["orders"]]


def mugs(shop):
    return shop.state()["listings"]["MUG"]["live_quantity"]


def ship_by(shop, order_id):
    return shop.state()["orders"][order_id]["ship_by"]


# --- placing


def test_placing_an_order_lowers_the_live_quantity_at_once_even_while_it_is_pending():
    shop = Shop()
    place(shop, quantity=4, pending_seconds=3600)
    assert mugs(shop) == 6


def test_an_order_for_more_than_is_on_offer_is_refused_whole():
    shop = Shop()
    items = [{"sku": "MUG", "quantity": 1}, {"sku": "BOWL", "quantity": 4}]
    outcome = shop.control("orders", {"place": [{"items": items}]})["place"][0]
    assert outcome == {"order_id": None, "placed": False, "why": "BOWL has 3 on offer, 4 wanted"}
    assert mugs(shop) == 10


def test_two_lines_of_one_sku_are_counted_together():
    shop = Shop()
    items = [{"sku": "BOWL", "quantity": 2}, {"sku": "BOWL", "quantity": 2}]
    assert not shop.control("orders", {"place": [{"items": items}]})["place"][0]["placed"]


def test_a_forced_order_sells_what_is_not_there_and_never_below_zero():
    shop = Shop()
    assert place(shop, quantity=12, force=True)["placed"]
    assert mugs(shop) == 0


@pytest.mark.parametrize(
    ("details", "why"),
    [
        ({"sku": "NOPE"}, "no listing has the SKU NOPE"),
        ({"created_at": "2026-03-02T20:00:01Z"}, "created_at lies in the future"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_the_reason(details, why):
    assert place(Shop(), **details)["why"] == why


def test_an_order_id_is_given_once():
    shop = Shop()
    assert place(shop, order_id="111-0000000-0000001")["placed"]
    assert place(shop, order_id="111-0000000-0000001")["why"] == "an order with this id exists"


def test_a_restock_date_more_than_thirty_days_ahead_is_not_on_offer():
    for day, placed in (("2026-04-01", True), ("2026-04-02", False)):
        shop = Shop(listings=[{"sku": "MUG", "quantity": 5, "restock_on": day}])
        assert place(shop)["placed"] is placed


def test_history_takes_no_units_unless_it_is_said_to():
    shop = Shop()
    place(shop, created_at="2026-02-20T10:00:00Z")
    assert mugs(shop) == 10
    place(shop, created_at="2026-03-02T19:00:00Z", takes_units=True)
    assert mugs(shop) == 9


# --- the promise


@pytest.mark.parametrize(
    ("placed_at", "handling_days", "ship_by_at"),
    [
        ("2026-03-02T20:00:00Z", 2, "2026-03-05T07:59:59Z"),  # Monday noon: end of Wednesday, in winter
        ("2026-03-02T20:00:00Z", 0, "2026-03-03T07:59:59Z"),  # same day
        ("2026-03-03T07:30:00Z", 0, "2026-03-03T07:59:59Z"),  # still Monday there, Tuesday in UTC
        ("2026-03-05T20:00:00Z", 2, "2026-03-10T06:59:59Z"),  # over a weekend in which the clocks change
        ("2026-03-07T20:00:00Z", 0, "2026-03-10T06:59:59Z"),  # Saturday, same day: Monday
        ("2026-03-07T20:00:00Z", 1, "2026-03-10T06:59:59Z"),  # Saturday, one day: Monday as well
        ("2026-07-02T20:00:00Z", 1, "2026-07-07T06:59:59Z"),  # Friday is a holiday
    ],
)
def test_ship_by_is_the_end_of_the_local_day_after_the_handling_time(placed_at, handling_days, ship_by_at):
    listing = {"sku": "MUG", "quantity": 5, "handling_days": handling_days}
    shop = Shop(start_at=placed_at, listings=[listing], holidays=["2026-07-03"])
    assert ship_by(shop, place(shop)["order_id"]) == ship_by_at


def test_a_german_ship_by_ends_at_berlin_midnight():
    shop = Shop(timezone="Europe/Berlin", start_at="2024-01-05T08:57:00Z")
    assert ship_by(shop, place(shop)["order_id"]) == "2024-01-09T22:59:59Z"


@pytest.mark.parametrize(
    ("restock_on", "ship_by_at"),
    [
        ("2026-03-12", "2026-03-13T06:59:59Z"),
        ("2026-03-14", "2026-03-17T06:59:59Z"),  # a Saturday: the Monday after
        ("2026-03-02", "2026-03-05T07:59:59Z"),  # today is not ahead: the handling time counts
        ("2026-02-01", "2026-03-05T07:59:59Z"),
    ],
)
def test_a_restock_date_ahead_is_the_ship_by_day(restock_on, ship_by_at):
    shop = Shop(listings=[{"sku": "MUG", "quantity": 5, "restock_on": restock_on}])
    assert ship_by(shop, place(shop)["order_id"]) == ship_by_at


def test_the_slowest_item_sets_the_ship_by_of_the_order():
    listings = [{"sku": "MUG", "quantity": 5}, {"sku": "BOWL", "quantity": 5, "handling_days": 10}]
    shop = Shop(listings=listings)
    items = [{"sku": "MUG", "quantity": 1}, {"sku": "BOWL", "quantity": 1}]
    order_id = shop.control("orders", {"place": [{"items": items}]})["place"][0]["order_id"]
    assert ship_by(shop, order_id) == "2026-03-17T06:59:59Z"


def test_automated_handling_time_overrides_the_skus_own():
    shop = Shop(listings=[{"sku": "MUG", "quantity": 5, "handling_days": 10}], automated_handling_days=1)
    assert ship_by(shop, place(shop)["order_id"]) == "2026-03-04T07:59:59Z"


def test_an_order_is_promised_from_what_is_live_and_not_from_what_was_submitted():
    shop = Shop()
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 9, "lead_time_to_ship_max_days": 10}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    shop.ask(
        "PATCH",
        f"/listings/2021-08-01/items/{SELLER}/MUG",
        params={"marketplaceIds": MARKET},
        json={"productType": "PRODUCT", "patches": patches},
    )
    before = place(shop)["order_id"]
    shop.advance(seconds=20)
    after = place(shop)["order_id"]
    assert ship_by(shop, before) == "2026-03-05T07:59:59Z"
    assert ship_by(shop, after) == "2026-03-17T06:59:59Z"


def test_deliver_by_follows_ship_by_after_the_transit_days():
    shop = Shop(transit_days=3)
    window = read(shop, place(shop)["order_id"])["fulfillment"]["deliverByWindow"]
    assert window["latestDateTime"] == "2026-03-10T06:59:59Z"


# --- life


def test_a_pending_order_becomes_unshipped_at_its_moment():
    shop = Shop()
    order_id = place(shop, pending_seconds=1800)["order_id"]
    assert read(shop, order_id)["fulfillment"]["fulfillmentStatus"] == "PENDING"
    shop.advance(days=1)
    order = read(shop, order_id)
    assert order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    assert order["lastUpdatedTime"] == "2026-03-02T20:30:00Z"


def test_a_pending_order_tells_neither_price_nor_delivery_and_cannot_ship():
    shop = Shop()
    order_id = place(shop, pending_seconds=1800)["order_id"]
    order = read(shop, order_id)
    assert "deliverByWindow" not in order["fulfillment"]
    assert "proceeds" not in order
    assert "price" not in order["orderItems"][0]["product"]
    assert do(shop, "ship", order_id)["why"] == "the order is PENDING"


def test_an_order_ships_in_parcels_until_nothing_is_open():
    shop = Shop()
    order_id = place(shop, quantity=3)["order_id"]
    shop.advance(hours=1)
    assert do(shop, "ship", order_id, items=[{"sku": "MUG", "quantity": 2}])["done"]
    partly = read(shop, order_id)
    assert partly["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"
    assert partly["orderItems"][0]["fulfillment"] == {"quantityFulfilled": 2, "quantityUnfulfilled": 1}
    assert partly["lastUpdatedTime"] == "2026-03-02T21:00:00Z"
    assert not do(shop, "ship", order_id, items=[{"sku": "MUG", "quantity": 2}])["done"]
    shop.advance(hours=1)
    assert do(shop, "ship", order_id, carrier="DHL", tracking_number="T2")["done"]
    order = read(shop, order_id)
    assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert [package["packageReferenceId"] for package in order["packages"]] == ["1", "2"]
    assert order["packages"][1]["trackingNumber"] == "T2"
    assert [package["packageItems"][0]["quantity"] for package in order["packages"]] == [2, 1]
    assert do(shop, "ship", order_id)["why"] == "the order is SHIPPED"
    assert mugs(shop) == 7


def test_a_parcel_leaves_after_the_order_and_not_in_the_future():
    shop = Shop()
    order_id = place(shop)["order_id"]
    shop.advance(hours=2)
    for moment, done in (("2026-03-02T19:59:59Z", False), ("2026-03-03T20:00:00Z", False)):
        assert do(shop, "ship", order_id, shipped_at=moment)["done"] is done
    assert do(shop, "ship", order_id, shipped_at="2026-03-02T21:00:00Z")["done"]
    package = read(shop, order_id)["packages"][0]
    assert (package["shipTime"], package["createdTime"]) == ("2026-03-02T21:00:00Z", "2026-03-02T22:00:00Z")


def test_a_buyers_cancel_request_is_seen_on_the_item_and_changes_nothing_else():
    shop = Shop()
    order_id = place(shop)["order_id"]
    shop.advance(minutes=5)
    do(shop, "request_cancel", order_id, reason="Too slow")
    order = read(shop, order_id)
    asked = {"cancellationRequest": {"requester": "BUYER", "cancelReason": "Too slow"}}
    assert order["orderItems"][0]["cancellation"] == asked
    assert order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED"
    assert order["lastUpdatedTime"] == "2026-03-02T20:05:00Z"


@pytest.mark.parametrize(("reason", "left"), [("NO_INVENTORY", 6), ("BUYER_CANCELLED", 10)])
def test_only_a_cancellation_for_lack_of_stock_leaves_the_units_off_sale(reason, left):
    shop = Shop()
    order_id = place(shop, quantity=4)["order_id"]
    do(shop, "cancel", order_id, by="MERCHANT", reason=reason)
    order = read(shop, order_id)
    assert mugs(shop) == left
    assert order["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    execution = {"cancelledBy": "MERCHANT", "cancelReason": reason}
    assert order["orderItems"][0]["cancellation"]["cancellationExecution"] == execution
    assert order["orderItems"][0]["fulfillment"]["quantityUnfulfilled"] == 0


def test_a_forced_order_gives_back_only_what_it_took():
    shop = Shop()
    order_id = place(shop, quantity=12, force=True)["order_id"]
    do(shop, "cancel", order_id)
    assert mugs(shop) == 10


@pytest.mark.parametrize("deed", ["cancel", "request_cancel", "ship"])
def test_what_is_over_or_unknown_stays_as_it_is(deed):
    shop = Shop()
    order_id = place(shop)["order_id"]
    do(shop, "cancel", order_id)
    assert do(shop, deed, order_id)["why"] == "the order is CANCELLED"
    assert not do(shop, deed, "111-0000000-0000000")["done"]


def test_a_partly_shipped_order_cannot_be_cancelled():
    shop = Shop()
    order_id = place(shop, quantity=2)["order_id"]
    do(shop, "ship", order_id, items=[{"sku": "MUG", "quantity": 1}])
    assert do(shop, "cancel", order_id)["why"] == "the order is PARTIALLY_SHIPPED"


def test_amazon_cancels_what_has_not_shipped_seven_business_days_after_ship_by():
    shop = Shop()
    late, kept = place(shop)["order_id"], place(shop)["order_id"]
    assert ship_by(shop, late) == "2026-03-05T07:59:59Z"
    shop.advance(days=11)
    assert shop.state()["orders"][late]["status"] == "UNSHIPPED"
    do(shop, "ship", kept)
    shop.advance(days=11)
    orders = shop.state()["orders"]
    assert (orders[late]["status"], orders[late]["cancelled_by"]) == ("CANCELLED", "AMAZON")
    assert orders[late]["updated_at"] == "2026-03-14T06:59:59Z"
    assert orders[kept]["status"] == "SHIPPED"


# --- what is shown


def test_a_section_appears_only_when_asked_for():
    shop = Shop()
    order_id = place(shop)["order_id"]
    do(shop, "request_cancel", order_id)
    do(shop, "ship", order_id)
    plain = read(shop, order_id, "")
    assert set(plain) == {"orderId", "createdTime", "lastUpdatedTime", "salesChannel", "orderItems"}
    assert set(plain["orderItems"][0]) == {"orderItemId", "quantityOrdered", "product"}
    assert "packages" in read(shop, order_id, "PACKAGES")
    assert "cancellation" in read(shop, order_id, "CANCELLATION")["orderItems"][0]
    assert read(shop, order_id, "PROCEEDS")["proceeds"]["grandTotal"]["amount"] == "9.50"


def test_no_buyer_data_is_ever_shown():
    shop = Shop()
    order_id = place(shop)["order_id"]
    assert read(shop, order_id, "BUYER,RECIPIENT,PAYMENT,TAX") == read(shop, order_id, "")


def test_an_unknown_order_is_not_found_and_a_malformed_id_is_invalid():
    shop = Shop()
    assert shop.ask("GET", f"{ORDERS}/111-0000000-0000000").status_code == 404
    malformed = shop.ask("GET", f"{ORDERS}/TEST_CASE_400")
    assert (malformed.status_code, malformed.json()["errors"][0]["code"]) == (400, "InvalidInput")


def test_a_raw_order_is_served_verbatim_except_for_sections_not_asked_for():
    raw = {
        "orderId": "S02-1",
        "createdTime": "never",
        "buyer": {"buyerName": "X"},
        "fulfillment": {"fulfillmentStatus": "INVOICE_UNCONFIRMED", "fulfilledBy": "AMAZON"},
        "orderItems": [{"orderItemId": 7, "tax": {}, "proceeds": 1}, "odd"],
        "novelty": [1],
    }
    shop = Shop()
    outcome = shop.control("orders", {"raw": [raw, {"orderId": ""}]})["raw"]
    assert [entry["placed"] for entry in outcome] == [True, False]
    whole = read(shop, "S02-1", "BUYER,FULFILLMENT,TAX,PROCEEDS")
    assert whole == raw
    bare = read(shop, "S02-1", "")
    assert set(bare) == {"orderId", "createdTime", "orderItems", "novelty"}
    assert bare["orderItems"] == [{"orderItemId": 7}, "odd"]
    shop.advance(minutes=3)
    assert found(search(shop, fulfilledBy="AMAZON")) == ["S02-1"]
    assert found(search(shop, fulfilledBy="MERCHANT")) == []
    assert not do(shop, "ship", "S02-1")["done"]


# --- searching


@pytest.mark.parametrize(
    "params",
    [
        {"lastUpdatedAfter": None},
        {"createdAfter": "2025-01-01T00:00:00Z"},
        {"createdBefore": "2025-01-01T00:00:00Z"},
        {"lastUpdatedAfter": None, "lastUpdatedBefore": "2025-01-01T00:00:00Z"},
        {"lastUpdatedBefore": "2024-01-01T00:00:00Z"},
        {"lastUpdatedAfter": "2025-01-01"},
        {"lastUpdatedAfter": "soon"},
        {"maxResultsPerPage": 0},
        {"maxResultsPerPage": 101},
        {"maxResultsPerPage": "ten"},
        {"fulfillmentStatuses": "SENT"},
        {"fulfilledBy": "DHL"},
        {"includedData": "ADDRESS"},
        {"marketplaceIds": ",".join(f"M{n}" for n in range(51))},
        {"paginationToken": "made up"},
    ],
)
def test_a_search_that_breaks_a_rule_is_invalid_input(params):
    answer = search(Shop(), **params)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidInput")


@pytest.mark.parametrize("basis", ["created", "lastUpdated"])
def test_an_upper_bound_younger_than_two_minutes_is_refused(basis):
    shop = Shop()
    bounds = {"lastUpdatedAfter": None, f"{basis}After": "2025-01-01T00:00:00Z"}
    assert search(shop, **bounds, **{f"{basis}Before": "2026-03-02T19:58:01Z"}).status_code == 400
    settled = search(shop, **bounds, **{f"{basis}Before": "2026-03-02T19:58:00Z"})
    assert settled.status_code == 200
    assert settled.json()[f"{basis}Before"] == "2026-03-02T19:58:00Z"


@pytest.mark.parametrize("basis", ["created", "lastUpdated"])
def test_without_an_upper_bound_the_answer_reaches_up_to_two_minutes_ago_and_says_so(basis):
    shop = Shop()
    order_id = place(shop)["order_id"]
    bounds = {"lastUpdatedAfter": None, f"{basis}After": "2025-01-01T00:00:00Z"}
    shop.advance(seconds=119)
    assert found(search(shop, **bounds)) == []
    shop.advance(seconds=1)
    answer = search(shop, **bounds)
    assert found(answer) == [order_id]
    assert answer.json()[f"{basis}Before"] == NOON
    assert "pagination" not in answer.json()


def test_both_bounds_are_inclusive():
    shop = Shop()
    order_id = place(shop)["order_id"]
    shop.advance(minutes=10)
    assert found(search(shop, lastUpdatedAfter=NOON, lastUpdatedBefore=NOON)) == [order_id]
    assert found(search(shop, lastUpdatedAfter="2026-03-02T20:00:00.001Z")) == []


def test_an_unencoded_plus_in_an_offset_is_refused_and_an_encoded_one_understood():
    shop = Shop()
    path = f"{ORDERS}?lastUpdatedAfter=2026-03-01T00:00:00"
    assert shop.ask("GET", path + "+01:00").status_code == 400
    assert shop.ask("GET", path + "%2B01:00").status_code == 200


def test_filters_take_joined_and_repeated_values():
    shop = Shop()
    pending = place(shop, pending_seconds=86400)["order_id"]
    open_ = place(shop)["order_id"]
    gone = place(shop)["order_id"]
    do(shop, "cancel", gone)
    shop.advance(minutes=2)
    assert set(found(search(shop, fulfillmentStatuses="PENDING,UNSHIPPED"))) == {pending, open_}
    assert set(found(search(shop, fulfillmentStatuses=["PENDING", "CANCELLED"]))) == {pending, gone}
    assert found(search(shop, marketplaceIds="A1PA6795UKMFR9")) == []
    assert len(found(search(shop, marketplaceIds=["A1PA6795UKMFR9", MARKET]))) == 3


def test_an_order_may_be_hidden_from_searches_for_a_while_but_not_from_its_id():
    shop = Shop()
    order_id = place(shop, hidden_seconds=7200)["order_id"]
    shop.advance(minutes=90)
    assert found(search(shop)) == []
    assert read(shop, order_id)["orderId"] == order_id
    shop.advance(minutes=30)
    assert found(search(shop)) == [order_id]


def crowded(count=25):
    history = [
        {"created_at": f"2026-02-20T10:{n:02d}:00Z", "items": [{"sku": "MUG", "quantity": 1}]}
        for n in reversed(range(count))
    ]
    return Shop(orders=history)


def all_pages(shop, size, **params):
    pages, token = [], None
    while True:
        answer = search(shop, maxResultsPerPage=size, paginationToken=token, **params)
        pages.append(found(answer))
        token = answer.json().get("pagination", {}).get("nextToken")
        if token is None:
            return pages


@given(st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_following_the_tokens_gives_every_order_once_oldest_change_first(count, size):
    shop = crowded(count)
    pages = all_pages(shop, size)
    ids = [order_id for page in pages for order_id in page]
    orders = shop.state()["orders"]
    assert ids == sorted(orders, key=lambda one: (orders[one]["updated_at"], one))
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert pages[-1]


def test_the_list_is_fixed_by_page_one_and_each_order_shown_as_it_is_when_its_page_is_served():
    shop = crowded()
    first = search(shop, maxResultsPerPage=10)
    token = first.json()["pagination"]["nextToken"]
    ids = sorted(shop.state()["orders"], key=lambda one: shop.state()["orders"][one]["updated_at"])
    do(shop, "ship", ids[12])
    shop.advance(minutes=5)
    place(shop)
    second = search(shop, maxResultsPerPage=10, paginationToken=token)
    assert found(second) == ids[10:20]
    assert second.json()["orders"][2]["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert second.json()["lastUpdatedBefore"] == first.json()["lastUpdatedBefore"]


def test_a_token_is_good_for_a_day_and_only_for_the_same_question():
    shop = crowded()
    token = search(shop, maxResultsPerPage=10).json()["pagination"]["nextToken"]
    other = search(shop, fulfilledBy="MERCHANT", paginationToken=token)
    assert other.status_code == 400
    again = search(shop, maxResultsPerPage=5, includedData="PACKAGES", paginationToken=token)
    assert len(found(again)) == 5
    shop.advance(hours=24)
    assert search(shop, paginationToken=token).status_code == 200
    shop.advance(seconds=1)
    assert search(shop, paginationToken=token).status_code == 400


# --- everything together

deeds = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(1, 6), st.sampled_from([0, 900])),
        st.tuples(st.just("cancel"), st.integers(0, 9), st.sampled_from(["NO_INVENTORY", "OTHER"])),
        st.tuples(st.just("ship"), st.integers(0, 9), st.integers(1, 3)),
        st.tuples(st.just("advance"), st.integers(1, 2000), st.none()),
    ),
    max_size=25,
)


@given(deeds)
@settings(max_examples=40, deadline=None)
def test_units_are_never_made_or_lost_and_every_change_is_later_than_the_last(script):
    """On offer + in orders that took them + withheld after a stock-out = what the shop began with."""
    shop = Shop()
    ids, withheld, updated = [], 0, {}
    for deed, number, detail in script:
        if deed == "advance":
            shop.advance(seconds=number)
        elif deed == "place":
            outcome = place(shop, quantity=number, pending_seconds=detail)
            ids += [outcome["order_id"]] if outcome["placed"] else []
        elif number < len(ids) and deed == "cancel":
            quantity = shop.state()["orders"][ids[number]]["items"][0]["quantity"]
            done = do(shop, "cancel", ids[number], reason=detail)["done"]
            withheld += quantity if done and detail == "NO_INVENTORY" else 0
        elif number < len(ids):
            do(shop, "ship", ids[number], items=[{"sku": "MUG", "quantity": detail}])
        state = shop.state()
        kept = sum(
            item["quantity"]
            for order in state["orders"].values()
            if order["status"] != "CANCELLED"
            for item in order["items"]
        )
        assert state["listings"]["MUG"]["live_quantity"] + kept + withheld == 10
        now = datetime.fromisoformat(state["now"]).astimezone(UTC)
        for order_id, order in state["orders"].items():
            moment = datetime.fromisoformat(order["updated_at"])
            assert updated.get(order_id, moment) <= moment <= now
            updated[order_id] = moment
