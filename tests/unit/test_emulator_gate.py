"""The gate of the emulated Amazon: tokens, limits, headers, faults and the record of requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.emulator import create_app, load_scenario
from fbm_sync.emulator.gate.limits import PUBLISHED_PLANS, RateLimits

from emulated import MARKET, NOON, SELLER, Shop

ORDERS = "/orders/2026-01-01/orders"
ITEM = f"/listings/2021-08-01/items/{SELLER}/MUG"
NAMED = {"client_id": "app", "client_secret": "hush", "refresh_token": "Atzr|1"}


def search(shop, **details):
    params = {"lastUpdatedAfter": "2026-01-01T00:00:00Z"}
    return shop.ask("GET", ORDERS, params=params, **details)


def patch(shop, **params):
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 1}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    body = {"productType": "HOME", "patches": patches}
    return shop.ask("PATCH", ITEM, params={"marketplaceIds": MARKET} | params, json=body)


# --- tokens


def ask_token(shop, **form):
    usual = {"grant_type": "refresh_token"} | NAMED
    wanted = {name: value for name, value in (usual | form).items() if value is not None}
    return shop.ask("POST", "/auth/o2/token", data=wanted)


def strict():
    """A shop whose scenario names the credentials; the client of the tests is let in all the same."""
    shop = Shop.__new__(Shop)
    shop.world = load_scenario({"start_at": NOON, "credentials": NAMED})
    shop.app, shop.headers = create_app(shop.world), {}
    return shop


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "loud"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"refresh_token": "Atzr|2"}, 400, "invalid_grant"),
        ({"refresh_token": None}, 400, "invalid_request"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_answered_in_the_words_of_lwa(form, status, error):
    answer = ask_token(strict(), **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_the_named_credentials_are_let_in():
    assert ask_token(strict()).json()["token_type"] == "bearer"


def test_a_token_request_must_be_form_encoded():
    answer = Shop().ask("POST", "/auth/o2/token", json=NAMED)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_access_token_lasts_as_long_as_it_says():
    shop = Shop(token_seconds=600)
    assert ask_token(shop).json()["expires_in"] == 600
    shop.advance(seconds=599)
    assert search(shop).status_code == 200
    shop.advance(seconds=1)
    expired = search(shop)
    assert (expired.status_code, expired.json()["errors"][0]["code"]) == (403, "Unauthorized")


@pytest.mark.parametrize("headers", [{}, {"x-amz-access-token": "Atza|made-up"}])
def test_without_a_good_access_token_nothing_is_told(headers):
    assert search(Shop(), headers=headers).status_code == 403


# --- limits


def spend(shop, times, ask):
    return [ask(shop).status_code for _ in range(times)]


def test_the_burst_may_be_used_at_once_and_then_the_rate_counts():
    shop = Shop(rate_factor=1)
    assert spend(shop, 21, search) == [200] * 20 + [429]
    shop.advance(seconds=178)
    assert search(shop).status_code == 429
    shop.advance(seconds=1)
    assert spend(shop, 2, search) == [200, 429]
    assert search(shop).json()["errors"][0]["code"] == "QuotaExceeded"


def test_previews_have_a_limit_of_their_own_besides():
    shop = Shop(rate_factor=1)
    assert spend(shop, 2, lambda s: patch(s, mode="VALIDATION_PREVIEW")) == [200, 429]
    assert spend(shop, 5, patch) == [200] * 4 + [429]


def test_each_operation_has_its_own_bucket():
    shop = Shop(rate_factor=1)
    spend(shop, 21, search)
    assert patch(shop).status_code == 200


def test_the_rate_factor_scales_rate_and_burst():
    shop = Shop(rate_factor=2)
    assert spend(shop, 41, search) == [200] * 40 + [429]
    assert patch(shop).headers["x-amzn-RateLimit-Limit"] == "10.0"


def test_refused_requests_do_not_postpone_the_recovery():
    shop = Shop(rate_factor=1)
    spend(shop, 60, search)
    shop.advance(seconds=179)
    assert search(shop).status_code == 200


@given(st.lists(st.floats(0, 400), max_size=60), st.sampled_from(sorted(PUBLISHED_PLANS)))
def test_over_any_stretch_no_more_than_burst_plus_rate_is_granted(pauses, name):
    start = datetime(2026, 3, 2, tzinfo=UTC)
    limits, now, granted = RateLimits(1, start), start, 0
    for pause in [0.0, *pauses] * 2:
        now += timedelta(seconds=pause)
        granted += limits.take([name], now)
        plan = PUBLISHED_PLANS[name]
        assert granted <= plan.burst + plan.rate * (now - start).total_seconds() + 1e-6


# --- headers


def test_every_answer_carries_a_request_id_and_the_emulators_time():
    shop = Shop(rate_factor=1)
    shop.advance(hours=1)
    answers = [search(shop), search(shop, headers={}), ask_token(shop), *[search(shop) for _ in range(20)]]
    assert len({answer.headers["x-amzn-RequestId"] for answer in answers}) == len(answers)
    for answer in answers:
        assert parsedate_to_datetime(answer.headers["date"]) == datetime(2026, 3, 2, 21, tzinfo=UTC)


def test_the_rate_is_shown_on_success_bad_request_and_not_found_only():
    shop = Shop(rate_factor=1)
    shown = [search(shop), shop.ask("GET", ORDERS), shop.ask("GET", f"{ORDERS}/111-0000000-0000000")]
    assert [answer.status_code for answer in shown] == [200, 400, 404]
    rates = [answer.headers["x-amzn-RateLimit-Limit"] for answer in shown]
    assert rates == ["0.0056", "0.0056", "0.5"]
    spend(shop, 20, search)
    for answer in (search(shop), search(shop, headers={})):
        assert answer.status_code in (403, 429)
        assert "x-amzn-RateLimit-Limit" not in answer.headers


def test_what_is_not_emulated_says_so():
    shop = Shop()
    assert shop.ask("GET", "/reports/2021-06-30/schedules").json()["errors"][0]["code"] == "NotFound"
    assert shop.ask("PUT", ITEM).status_code == 404
    assert shop.ask("GET", "/_emulator/weather").status_code == 404


# --- faults


@pytest.mark.parametrize(
    ("rule", "content_type", "text"),
    [
        ({"status": 503}, "application/json", '"ServiceUnavailable"'),
        ({"status": 500, "body": "no_errors"}, "application/json", '{"errors": []}'),
        ({"status": 403, "body": "message"}, "application/json", '{"message": "Emulated fault."}'),
        ({"status": 503, "body": "html"}, "text/html; charset=utf-8", "<h1>503"),
        ({"status": 429, "body": "empty"}, "text/plain; charset=utf-8", ""),
    ],
)
def test_a_fault_answers_in_the_operations_place(rule, content_type, text):
    shop = Shop()
    shop.control("faults", rule | {"operation": "searchOrders", "headers": {"Retry-After": "7"}})
    answer = search(shop)
    assert answer.status_code == rule["status"]
    assert answer.headers["content-type"] == content_type
    assert answer.headers["retry-after"] == "7"
    assert text in answer.text
    assert search(shop).status_code == 200


def test_a_fault_lets_some_pass_then_meets_as_many_as_it_says():
    shop = Shop()
    shop.control("faults", {"operation": "searchOrders", "status": 500, "skip": 2, "count": 2})
    assert patch(shop).status_code == 200
    assert spend(shop, 6, search) == [200, 200, 500, 500, 200, 200]


def test_a_fault_for_all_operations_spares_the_token():
    shop = Shop()
    shop.control("faults", {"status": 500, "forever": True})
    assert ask_token(shop).status_code == 200
    assert spend(shop, 3, search) == [500] * 3
    shop.control("faults", {"clear": True})
    assert search(shop).status_code == 200


def test_the_token_endpoint_can_fail_by_name():
    shop = Shop()
    shop.control("faults", [{"operation": "token", "status": 503}])
    assert ask_token(shop).status_code == 503


def test_faults_take_their_turn_in_the_order_given():
    shop = Shop()
    shop.control("faults", {"add": [{"status": 500}, {"status": 503}]})
    assert spend(shop, 3, search) == [500, 503, 200]


@pytest.mark.parametrize(("after", "quantity"), [(False, 10), (True, 1)])
def test_a_write_whose_answer_is_lost_may_have_happened(after, quantity):
    shop = Shop()
    shop.control("faults", {"operation": "patchListingsItem", "status": 500, "after": after})
    assert patch(shop).status_code == 500
    assert shop.state()["listings"]["MUG"]["submitted"][0]["quantity"] == quantity


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_without_a_real_connection_a_lost_one_is_an_error_of_the_transport(kind):
    shop = Shop()
    shop.control("faults", {kind: True})
    with pytest.raises(ConnectionResetError):
        search(shop)


def test_a_delayed_answer_is_an_ordinary_one():
    shop = Shop()
    shop.control("faults", {"delay_seconds": 0.01})
    assert search(shop).status_code == 200
    assert shop.ask("GET", "/_emulator/requests").json()["requests"][-1]["fault"] == "delay"


def test_a_page_can_be_made_to_come_again_and_again():
    history = [
        {"created_at": f"2026-02-20T10:{n:02d}:00Z", "items": [{"sku": "MUG", "quantity": 1}]}
        for n in range(9)
    ]
    shop = Shop(orders=history)
    shop.control("faults", {"operation": "searchOrders", "page_token": "repeat", "forever": True})
    params = {"lastUpdatedAfter": "2026-01-01T00:00:00Z", "maxResultsPerPage": 4}
    first = shop.ask("GET", ORDERS, params=params).json()
    token = first["pagination"]["nextToken"]
    second = shop.ask("GET", ORDERS, params=params | {"paginationToken": token}).json()
    assert second["orders"] == first["orders"]
    assert "nextToken" in second["pagination"]


def test_listing_pages_can_repeat_too():
    shop = Shop()
    shop.control("faults", {"operation": "searchListingsItems", "page_token": "repeat"})
    params = {"marketplaceIds": MARKET}
    path = f"/listings/2021-08-01/items/{SELLER}"
    first = shop.ask("GET", path, params=params).json()
    again = shop.ask("GET", path, params=params | {"pageToken": first["pagination"]["nextToken"]}).json()
    assert again["items"] == first["items"]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ({"operation": "getWeather", "status": 500}, "add[0].operation"),
        ({"status": 20}, "add[0].status"),
        ({"status": 500, "body": "xml"}, "add[0].body"),
        ({"status": 500, "headers": {"A": 1}}, "add[0].headers"),
        ({"status": 500, "times": 3}, "add[0].times"),
        ({}, "add[0]"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_its_place(rule, place):
    shop = Shop()
    answer = shop.ask("POST", "/_emulator/faults", json=rule)
    assert answer.status_code == 400
    assert answer.json()["problems"][0].startswith(place)
    assert shop.state()["faults"] == []


# --- the record


def test_every_request_is_on_record_without_any_token():
    shop = Shop()
    search(shop)
    patch(shop)
    shop.ask("GET", ORDERS, params={"lastUpdatedAfter": "x", "paginationToken": "secret-page"})
    record = shop.ask("GET", "/_emulator/requests")
    told = [(entry["operation"], entry["status"]) for entry in record.json()["requests"]]
    assert told == [
        ("token", 200),
        ("searchOrders", 200),
        ("patchListingsItem", 200),
        ("searchOrders", 400),
    ]
    patched = record.json()["requests"][2]["params"]
    assert (patched["sku"], patched["body"]["patches"][0]["op"]) == ("MUG", "merge")
    for secret in (shop.headers["x-amz-access-token"], "secret-page"):
        assert secret not in record.text


def test_the_record_can_be_read_from_where_one_left_off():
    shop = Shop()
    last = shop.ask("GET", "/_emulator/requests").json()["last"]
    search(shop)
    shop.ask("PATCH", ITEM, content=b"{")
    newer = shop.ask("GET", "/_emulator/requests", params={"since": last}).json()
    assert [entry["n"] for entry in newer["requests"]] == [last + 1, last + 2]
    assert newer["requests"][1]["params"]["body"] is None
    assert newer["counts"]["searchOrders"] == {"200": 1}
    assert shop.ask("GET", "/_emulator/requests", params={"since": "x"}).status_code == 400


def test_a_dropped_connection_is_on_record_with_status_zero():
    shop = Shop()
    shop.control("faults", {"reset": True})
    with pytest.raises(ConnectionResetError):
        search(shop)
    assert shop.ask("GET", "/_emulator/requests").json()["requests"][-1]["status"] == 0
