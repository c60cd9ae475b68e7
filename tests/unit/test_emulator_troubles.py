"""Troubles the emulated Amazon makes when asked to: broken answers, disturbed walks, a mix of all."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from fbm_sync.emulator import CONTROL_HELP, ScenarioError, load_scenario, running
from fbm_sync.emulator.troubles import faults
from fbm_sync.emulator.troubles.chaos import KINDS, USUAL_KINDS

from amazon_models import model
from emulated import MARKET, NOON, SELLER, Shop

ORDERS = "/orders/2026-01-01/orders"
ITEMS = f"/listings/2021-08-01/items/{SELLER}"
SINCE = {"lastUpdatedAfter": "2026-01-01T00:00:00Z"}
IDS = [f"111-0000000-{number:07d}" for number in range(1, 7)]
FORM = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}


def busy_shop(**scenario):
    """Six orders placed a minute apart, a day ago."""
    orders = [
        {
            "order_id": order_id,
            "created_at": f"2026-03-01T20:{number:02d}:00Z",
            "items": [{"sku": "MUG", "quantity": 1}],
            "programs": ["PRIME"],
        }
        for number, order_id in enumerate(IDS)
    ]
    return Shop(orders=orders, **scenario)


def ordered(shop, **rule):
    return shop.control("faults", rule)


def search(shop, **params):
    return shop.ask("GET", ORDERS, params=SINCE | params)


def last_fault(shop):
    return shop.ask("GET", "/_emulator/requests").json()["requests"][-1]["fault"]


def walk(shop, size=2, path=ORDERS, params=SINCE, token="paginationToken", pages=20):
    """The ids of every page of a walk."""
    asked = dict(params) | {"maxResultsPerPage": size, "pageSize": size}
    found = []
    for _ in range(pages):
        answer = shop.ask("GET", path, params=asked).json()
        shown = answer.get("orders", answer.get("items"))
        found.append([one.get("orderId", one.get("sku")) for one in shown])
        following = answer.get("pagination", {}).get("nextToken")
        if following is None:
            return found
        asked[token] = following
    raise AssertionError("the walk does not end")


def flat(pages):
    return [one for page in pages for one in page]


# --- answers that are none


def test_a_redirect_leads_nowhere_on_the_same_host():
    shop = busy_shop()
    ordered(shop, redirect=True)
    answer = search(shop)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/maintenance.html")
    assert (answer.headers["Content-Type"], "<html>" in answer.text) == ("text/html; charset=utf-8", True)
    assert last_fault(shop) == "redirect"
    assert search(shop).status_code == 200


def test_json_cut_in_the_middle_comes_with_a_right_length():
    shop = busy_shop()
    ordered(shop, json="cut")
    answer = search(shop)
    assert (answer.status_code, int(answer.headers["Content-Length"])) == (200, len(answer.content))
    with pytest.raises(ValueError, match="line 1"):
        answer.json()
    assert last_fault(shop) == "json-cut"


def test_json_may_be_a_list_where_an_object_is_expected():
    shop = busy_shop()
    ordered(shop, json="list")
    (only,) = search(shop).json()
    assert len(only["orders"]) == 6


def test_a_patch_whose_answer_is_cut_has_taken_effect():
    shop = busy_shop()
    ordered(shop, operation="patchListingsItem", json="cut")
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 1}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    body = {"productType": "HOME", "patches": patches}
    shop.ask("PATCH", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET}, json=body)
    assert shop.state()["counts"]["in_flight"] == 1


def test_tokens_expire_in_the_middle_of_the_work():
    shop = busy_shop()
    ordered(shop, tokens="expire", skip=1)
    assert [search(shop).status_code for _ in range(3)] == [200, 403, 403]
    assert "expired" in search(shop).text
    token = shop.ask("POST", "/auth/o2/token", data=FORM).json()["access_token"]
    assert search(shop).status_code == 403
    shop.headers["x-amz-access-token"] = token
    assert search(shop).status_code == 200
    faults = [one["fault"] for one in shop.ask("GET", "/_emulator/requests").json()["requests"]]
    assert faults.count("expire-tokens") == 1


def test_a_refusal_may_say_when_to_come_back():
    shop = busy_shop()
    ordered(shop, status=429, headers={"Retry-After": "7"})
    ordered(shop, status=429)
    assert [search(shop).headers.get("Retry-After") for _ in range(2)] == ["7", None]


# --- walks


def test_a_page_served_twice_is_followed_by_the_rest():
    shop = busy_shop()
    ordered(shop, page="duplicate", skip=1)
    assert walk(shop) == [IDS[:2], IDS[2:4], IDS[2:4], IDS[4:]]


def test_every_page_may_be_served_twice_and_the_walk_still_ends():
    shop = busy_shop()
    ordered(shop, page="duplicate", forever=True)
    assert walk(shop) == [IDS[:2], IDS[:2], IDS[2:4], IDS[2:4], IDS[4:], IDS[4:]]
    assert walk(shop, size=100) == [IDS, IDS]


def test_the_last_page_may_be_served_twice_too():
    shop = busy_shop()
    ordered(shop, page="duplicate", skip=2)
    assert walk(shop) == [IDS[:2], IDS[2:4], IDS[4:], IDS[4:]]


def test_orders_may_come_in_another_order_and_none_gets_lost():
    pages = []
    for _ in range(2):
        shop = busy_shop()
        ordered(shop, page="reorder", forever=True)
        pages.append(walk(shop, size=3))
        assert last_fault(shop) == "reorder"
    assert pages[0] == pages[1]
    assert sorted(flat(pages[0])) == IDS != flat(pages[0])
    assert {len(page) for page in pages[0]} == {3}


def test_a_shuffle_reaches_across_two_pages():
    shop = busy_shop()
    ordered(shop, page="reorder")
    first, second, third = walk(shop)
    assert (set(first + second), third) == (set(IDS[:4]), IDS[4:])
    assert set(first) != set(IDS[:2])


def test_listings_are_served_twice_and_shuffled_alike():
    skus = [f"S{number}" for number in range(6)]
    shop = Shop(listings=[{"sku": sku} for sku in skus])
    params = {"marketplaceIds": MARKET, "sortBy": "sku", "sortOrder": "ASC"}
    for word, length in (("duplicate", 12), ("reorder", 6)):
        ordered(shop, operation="searchListingsItems", page=word, forever=True)
        found = flat(walk(shop, path=ITEMS, params=params, token="pageToken"))
        assert (len(found), set(found)) == (length, set(skus))
        assert found != sorted(found)
        shop.control("faults", {"clear": True})


def test_orders_that_change_during_the_walk_leave_it_and_are_found_by_the_next():
    shop = busy_shop()
    ordered(shop, operation="searchOrders", touch=4)
    seen = flat(walk(shop))
    assert len(seen) < 6
    orders = shop.state()["orders"].items()
    changed = [order_id for order_id, order in orders if order["updated_at"] == NOON]
    assert len(changed) == 4
    assert set(IDS) - set(seen) <= set(changed)
    shop.advance(minutes=3)
    assert sorted(flat(walk(shop, params={"lastUpdatedAfter": "2026-03-02T19:00:00Z"}))) == sorted(changed)


def test_orders_that_change_stay_in_a_walk_by_the_time_they_were_placed():
    shop = busy_shop()
    ordered(shop, operation="searchOrders", touch=6)
    assert sorted(flat(walk(shop, params={"createdAfter": "2026-01-01T00:00:00Z"}))) == IDS


def test_an_order_given_as_raw_json_can_change_too():
    shop = Shop()
    raw = {"orderId": IDS[0], "lastUpdatedTime": "2026-03-01T00:00:00Z", "orderItems": []}
    shop.control("orders", {"raw": [raw]})
    ordered(shop, operation="searchOrders", touch=1)
    search(shop)
    assert shop.ask("GET", f"{ORDERS}/{IDS[0]}").json()["order"]["lastUpdatedTime"] == NOON


# --- contents


SECTIONS = {"includedData": "FULFILLMENT,PACKAGES,CANCELLATION,PROCEEDS"}


def test_words_nobody_knows_stand_in_open_and_closed_lists():
    shop = busy_shop()
    shop.control("orders", {"ship": [{"order_id": IDS[0]}], "cancel": [{"order_id": IDS[1]}]})
    shop.advance(minutes=3)
    ordered(shop, enum="unknown")
    orders = {one["orderId"]: one for one in search(shop, **SECTIONS).json()["orders"]}
    shipped, new = orders[IDS[0]], "NOT_KNOWN_YET"
    assert {shipped["fulfillment"][key] for key in ("fulfillmentStatus", "fulfilledBy")} == {new}
    assert shipped["packages"][0]["packageStatus"] == {"status": new, "detailedStatus": new}
    assert shipped["programs"] == ["PRIME", new]
    execution = orders[IDS[1]]["orderItems"][0]["cancellation"]["cancellationExecution"]
    assert execution == {"cancelledBy": new, "cancelReason": new}
    assert shipped["orderItems"][0]["quantityOrdered"] == 1
    assert last_fault(shop) == "enum-unknown"


def test_listings_have_words_nobody_knows_too():
    shop = busy_shop()
    shop.control("listings", {"sku": "MUG", "issues": [{"code": "1", "message": "m", "severity": "ERROR"}]})
    ordered(shop, enum="unknown")
    params = {"marketplaceIds": MARKET, "includedData": "summaries,issues"}
    listing = shop.ask("GET", f"{ITEMS}/MUG", params=params).json()
    assert listing["summaries"][0]["status"] == ["BUYABLE", "DISCOVERABLE", "NOT_KNOWN_YET"]
    assert listing["issues"][0]["severity"] == "NOT_KNOWN_YET"


def promised(name, definition):
    """What Amazon's model requires of an object."""
    return set(model(name)["definitions"][definition].get("required", []))


def test_an_order_may_hold_no_more_than_amazons_model_promises():
    name = "orders_2026-01-01.json"
    shop = busy_shop()
    ordered(shop, missing="optional", count=2)
    order = search(shop, **SECTIONS).json()["orders"][0]
    assert set(order) == promised(name, "Order")
    assert set(order["salesChannel"]) == promised(name, "SalesChannel")
    assert set(order["orderItems"][0]) == promised(name, "OrderItem")
    assert set(order["orderItems"][0]["product"]) == promised(name, "ItemProduct") == set()
    assert shop.ask("GET", f"{ORDERS}/{IDS[0]}", params=SECTIONS).json()["order"] == order
    assert last_fault(shop) == "missing-optional"


def test_a_listing_may_hold_no_more_than_amazons_model_promises():
    shop = busy_shop()
    ordered(shop, missing="optional", count=2)
    params = {"marketplaceIds": MARKET, "includedData": "summaries,attributes,fulfillmentAvailability"}
    assert set(shop.ask("GET", f"{ITEMS}/MUG", params=params).json()) == {"sku"}
    page = shop.ask("GET", ITEMS, params=params | {"pageSize": 1}).json()
    assert page["items"] in ([{"sku": "MUG"}], [{"sku": "BOWL"}])
    assert (page["numberOfResults"], "pagination" in page) == (2, True)
    assert promised("listingsItems_2021-08-01.json", "Item") == {"sku"}


def test_a_patch_is_answered_in_full_while_listings_lack_fields():
    shop = busy_shop()
    ordered(shop, missing="optional")
    value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 1}]
    patches = [{"op": "merge", "path": "/attributes/fulfillment_availability", "value": value}]
    body = {"productType": "HOME", "patches": patches}
    answer = shop.ask("PATCH", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET}, json=body).json()
    assert answer["status"] == "ACCEPTED"


def test_a_refusal_is_left_as_it_is_by_troubles_of_content():
    shop = busy_shop()
    ordered(shop, missing="optional", enum="unknown")
    answer = shop.ask("GET", ORDERS)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidInput")


# --- the wire


def test_a_right_answer_may_trickle_in():
    world = busy_shop().world
    with running(world) as address, httpx.Client(base_url=address) as client:
        token = client.post("/auth/o2/token", data=FORM).json()["access_token"]
        client.headers["x-amz-access-token"] = token
        client.post("/_emulator/faults", json={"slow": 0.2})
        started = time.monotonic()
        with client.stream("GET", ORDERS, params=SINCE) as answer:
            pieces = list(answer.iter_raw())
        assert time.monotonic() - started >= 0.2
        assert len(pieces) > 2
        assert len(json.loads(b"".join(pieces))["orders"]) == 6
        assert world.journal.since(0)["requests"][-1]["fault"] == "slow"


# --- everything at once


MIX = {"share": 0.4, "seed": 7}


def storm(times=120, **mix):
    """What became of so many searches in a mix of troubles."""
    shop = busy_shop(chaos=MIX | mix)
    for _ in range(times):
        try:
            if search(shop).status_code == 403:
                shop.headers["x-amz-access-token"] = shop.ask("POST", "/auth/o2/token", data=FORM).json()[
                    "access_token"
                ]
        except (httpx.HTTPError, ConnectionResetError):
            continue
    entries = shop.ask("GET", "/_emulator/requests").json()["requests"]
    return [(one["operation"], one["status"], one["fault"]) for one in entries]


def test_the_same_seed_brings_the_same_troubles():
    kinds = ["429", "500-errors", "503-html", "403-message", "json-cut", "redirect", "expire-tokens"]
    first, second = storm(kinds=kinds), storm(kinds=kinds)
    assert first == second
    assert first != storm(kinds=kinds, seed=8)
    met = Counter(fault for _, _, fault in first if fault)
    assert set(met) == {f"chaos:{kind}" for kind in kinds}
    assert 0.3 < met.total() / len(first) < 0.5
    assert not any(fault for operation, _, fault in first if operation == "token")


def test_a_mix_names_its_kinds_and_those_named_by_nobody_are_the_usual_ones():
    shop = busy_shop()
    told = shop.control("faults", {"chaos": {"share": 0.2, "seed": 3}})["faults"]
    assert told[0]["does"] == f"chaos 0.2 seed 3: {', '.join(USUAL_KINDS)}"
    assert shop.control("faults", {"clear": True})["faults"] == []
    assert {search(shop).status_code for _ in range(20)} == {200}


def test_a_mix_may_be_meant_for_tokens_or_one_operation_only():
    shop = busy_shop(chaos={"share": 1, "kinds": ["503-html"], "operations": ["getOrder"]})
    assert search(shop).status_code == 200
    assert shop.ask("GET", f"{ORDERS}/{IDS[0]}").status_code == 503
    shop.control("faults", {"chaos": {"share": 1, "kinds": ["503-html"], "operations": ["token"]}})
    assert shop.ask("POST", "/auth/o2/token", data=FORM).status_code == 503
    assert shop.ask("GET", f"{ORDERS}/{IDS[0]}").status_code == 200


def test_an_ordered_trouble_comes_before_a_drawn_one():
    shop = busy_shop(chaos={"share": 1, "kinds": ["429"]})
    ordered(shop, status=500)
    assert [search(shop).status_code for _ in range(2)] == [500, 429]


@pytest.fixture(scope="module")
def served():
    """An empty shop behind a socket, and a client of it."""
    world = load_scenario({"start_at": NOON, "listings": [{"sku": "MUG"}]})
    with running(world) as address, httpx.Client(base_url=address) as client:
        yield world, client


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_the_mix_is_met_over_the_wire(served, kind):
    world, client = served
    client.post("/_emulator/faults", json={"clear": True})
    client.headers["x-amz-access-token"] = client.post("/auth/o2/token", data=FORM).json()["access_token"]
    client.post("/_emulator/faults", json={"chaos": {"share": 1, "kinds": [kind]}})
    client.post("/_emulator/advance", json={"seconds": 200})
    right = {"orders": [], "lastUpdatedBefore": (world.now() - timedelta(minutes=2)).strftime("%FT%TZ")}
    try:
        answer = client.get(ORDERS, params=SINCE)
        is_right = answer.status_code == 200 and answer.json() == right
    except (httpx.HTTPError, ValueError):
        is_right = False
    # With nothing on the page there is nothing to change or to leave out.
    harmless = kind in ("delay", "slow", "touch", "enum-unknown", "missing-optional", "page-reorder")
    entry = world.journal.since(0)["requests"][-1]
    assert (entry["fault"], is_right) == (f"chaos:{kind}", harmless)


def test_the_reference_names_every_trouble():
    source = Path(faults.__file__).read_text(encoding="utf-8")
    words = set(re.findall(r'source\.\w+\("(\w+)"', source))
    assert {"page", "touch", "tokens", "slow", "missing"} <= words
    assert [word for word in sorted(words) if f'"{word}": ' not in CONTROL_HELP] == []
    assert [kind for kind in KINDS if kind not in CONTROL_HELP] == []
    assert ", ".join(USUAL_KINDS) in " ".join(CONTROL_HELP.split())


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"chaos": {"kinds": ["meteor"]}}, "chaos.kinds"),
        ({"chaos": {"operations": ["everything"]}}, "chaos.operations"),
        ({"chaos": {"share": 2}}, "chaos.share"),
        ({"chaos": {"sed": 1}}, "chaos.sed"),
        ({"json": "torn"}, "add[0].json"),
        ({"page": "lost"}, "add[0].page"),
        ({"tokens": "eternal"}, "add[0].tokens"),
        ({"enum": "known"}, "add[0].enum"),
        ({"missing": "all"}, "add[0].missing"),
        ({"slow": -1}, "add[0].slow"),
        ({"touch": -1}, "add[0].touch"),
    ],
)
def test_a_trouble_that_makes_no_sense_is_refused_with_its_place(body, place):
    shop = Shop()
    answer = shop.ask("POST", "/_emulator/faults", json=body)
    assert answer.status_code == 400
    assert any(problem.startswith(f"{place}: ") for problem in answer.json()["problems"])
    assert shop.state()["faults"] == []


def test_a_scenario_may_begin_in_the_storm_but_not_in_nonsense():
    assert load_scenario({"chaos": {"share": 0.1}}).state()["faults"][0]["does"].startswith("chaos 0.1")
    with pytest.raises(ScenarioError, match=r"chaos\.kinds"):
        load_scenario({"chaos": {"kinds": ["meteor"]}})
