"""Listings of the emulated Amazon: what is submitted, what is live, what is refused."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.emulator.listings.patches import apply_patches, read_patches

from emulated import MARKET, NOON, SELLER, Shop

ITEMS = f"/listings/2021-08-01/items/{SELLER}"
PATH = "/attributes/fulfillment_availability"


def default_entry(**fields):
    return {"fulfillment_channel_code": "DEFAULT"} | fields


def patch(shop, op, *entries, sku="MUG", product_type="HOME", path=PATH, **params):
    patches = [{"op": op, "path": path} | ({"value": list(entries)} if entries else {})]
    return shop.ask(
        "PATCH",
        f"{ITEMS}/{sku}",
        params={"marketplaceIds": MARKET} | params,
        json={"productType": product_type, "patches": patches},
    )


def submitted(shop, sku="MUG"):
    return shop.state()["listings"][sku]["submitted"]


def live(shop, sku="MUG"):
    listing = shop.state()["listings"][sku]
    return listing["live_quantity"], listing["listing_handling_days"], listing["effective_restock_on"]


def backordered(**scenario):
    """A mug with a handling time and a restock date of its own."""
    mug = {"sku": "MUG", "quantity": 10, "handling_days": 5, "restock_on": "2026-03-20"}
    return Shop(listings=[mug], **scenario)


@pytest.mark.parametrize("op", ["replace", "add"])
def test_a_replace_wipes_the_handling_time_and_restock_date_it_does_not_name(op):
    shop = backordered()
    assert patch(shop, op, default_entry(quantity=4)).json()["status"] == "ACCEPTED"
    shop.advance(seconds=20)
    assert live(shop) == (4, None, None)
    assert submitted(shop) == [default_entry(quantity=4, marketplace_id=MARKET)]


def test_a_merge_changes_only_what_it_names():
    shop = backordered()
    patch(shop, "merge", default_entry(quantity=4))
    shop.advance(seconds=20)
    assert live(shop) == (4, 5, "2026-03-20")


def test_a_merge_of_the_restock_date_leaves_the_quantity_to_the_orders():
    shop = backordered()
    patch(shop, "merge", default_entry(restock_date="2026-03-25"))
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 3}]}]})
    shop.advance(seconds=20)
    assert live(shop) == (7, 5, "2026-03-25")


def test_deleting_the_entry_takes_the_offer_down():
    shop = backordered()
    assert patch(shop, "delete", default_entry()).json()["status"] == "ACCEPTED"
    shop.advance(seconds=20)
    assert submitted(shop) == []
    assert live(shop) == (None, None, None)
    refused = shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 1}]}]})
    assert refused["place"][0] == {
        "order_id": None,
        "placed": False,
        "why": "MUG has 0 on offer, 1 wanted",
    }


def test_a_delete_without_a_value_ends_every_channel():
    shop = Shop(listings=[{"sku": "MUG", "channels": [{"fulfillment_channel_code": "AMAZON_NA"}]}])
    patch(shop, "delete")
    assert submitted(shop) == []


def test_a_second_channel_code_adds_an_entry_and_leaves_the_first():
    shop = Shop()
    patch(shop, "replace", {"fulfillment_channel_code": "AMAZON_NA"})
    assert [entry["fulfillment_channel_code"] for entry in submitted(shop)] == ["DEFAULT", "AMAZON_NA"]
    shop.advance(seconds=20)
    assert live(shop) == (10, None, None)


def test_what_is_accepted_shows_at_once_as_submitted_and_only_later_as_live():
    shop = Shop(apply_seconds=60)
    patch(shop, "merge", default_entry(quantity=25))
    shop.advance(seconds=59)
    answer = shop.ask(
        "GET",
        f"{ITEMS}/MUG",
        params={"marketplaceIds": MARKET, "includedData": "attributes,fulfillmentAvailability"},
    ).json()
    assert answer["attributes"]["fulfillment_availability"][0]["quantity"] == 25
    assert answer["fulfillmentAvailability"] == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 10}]
    shop.advance(seconds=1)
    assert live(shop)[0] == 25


def test_an_order_between_acceptance_and_effect_has_its_units_sold_again():
    shop = Shop()
    patch(shop, "merge", default_entry(quantity=10))
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 4}]}]})
    assert live(shop)[0] == 6
    shop.advance(seconds=20)
    assert live(shop)[0] == 10


def test_an_order_after_the_effect_lowers_the_new_quantity():
    shop = Shop()
    patch(shop, "merge", default_entry(quantity=25))
    shop.advance(seconds=20)
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 4}]}]})
    assert live(shop)[0] == 21


def test_two_patches_in_flight_take_effect_in_the_order_they_were_accepted():
    shop = Shop()
    patch(shop, "merge", default_entry(quantity=1))
    shop.advance(seconds=5)
    patch(shop, "merge", default_entry(quantity=2))
    assert len(shop.state()["listings"]["MUG"]["in_flight"]) == 2
    shop.advance(seconds=15)
    assert live(shop)[0] == 1
    shop.advance(hours=1)
    assert live(shop)[0] == 2


def test_some_skus_accept_everything_and_change_nothing():
    shop = Shop(never_effective=["MUG"])
    assert patch(shop, "merge", default_entry(quantity=0)).json()["status"] == "ACCEPTED"
    shop.advance(days=3)
    assert submitted(shop)[0]["quantity"] == 0
    assert live(shop)[0] == 10
    assert shop.state()["listings"]["MUG"]["in_flight"][0]["due_at"] is None


INVALID_VALUES = [
    {"quantity": -1},
    {"quantity": 1.5},
    {"quantity": "4"},
    {"quantity": True},
    {"quantity": None},
    {"quantity": 1, "lead_time_to_ship_max_days": 31},
    {"quantity": 1, "lead_time_to_ship_max_days": -1},
    {"quantity": 1, "restock_date": "2026-02-30"},
    {"quantity": 1, "restock_date": "20260301"},
    {"quantity": 1, "restock_date": "2026-03-01T00:00:00Z"},
    {"quantity": 1, "is_inventory_available": True},
    {"lead_time_to_ship_max_days": 3},
]


@pytest.mark.parametrize("op", ["merge", "replace"])
@pytest.mark.parametrize("values", INVALID_VALUES)
def test_values_out_of_bounds_are_answered_200_invalid_and_change_nothing(op, values):
    shop = Shop()
    before = shop.state()["listings"]
    answer = patch(shop, op, default_entry(**values))
    assert answer.status_code == 200
    assert answer.json()["status"] == "INVALID"
    assert answer.json()["issues"][0]["severity"] == "ERROR"
    shop.advance(hours=1)
    assert shop.state()["listings"] == before


@pytest.mark.parametrize("days", [0, 30])
def test_the_handling_time_may_be_anything_from_same_day_to_thirty_days(days):
    shop = Shop()
    patch(shop, "merge", default_entry(quantity=1, lead_time_to_ship_max_days=days))
    shop.advance(seconds=20)
    assert live(shop)[1] == days


def test_a_handling_time_alone_is_accepted_where_the_scenario_says_amazon_has_learnt_it():
    shop = Shop(lead_time_alone=True)
    answer = patch(shop, "merge", default_entry(lead_time_to_ship_max_days=3)).json()
    shop.advance(seconds=20)
    assert answer["status"] == "ACCEPTED"
    assert live(shop) == (10, 3, None)


def test_the_generic_product_type_is_taken_and_a_wrong_one_is_not():
    shop = Shop()
    answers = [
        patch(shop, "merge", default_entry(quantity=1), product_type=name).json()["status"]
        for name in ("HOME", "PRODUCT", "LUGGAGE")
    ]
    assert answers == ["ACCEPTED", "ACCEPTED", "INVALID"]


def test_a_replace_without_a_channel_code_is_invalid_but_such_a_merge_is_refused_outright():
    shop = Shop()
    assert patch(shop, "replace", {"quantity": 1}).json()["status"] == "INVALID"
    refused = patch(shop, "merge", {"quantity": 1})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "BAD_REQUEST"
    assert refused.json()["errors"][0]["message"] == "Invalid parameters provided."


def test_one_channel_named_twice_is_invalid():
    answer = patch(Shop(), "replace", default_entry(quantity=1), default_entry(quantity=2))
    assert answer.json()["status"] == "INVALID"


def test_other_attributes_are_not_pretended_to_be_patched():
    answer = patch(Shop(), "replace", {"value": "Cup"}, path="/attributes/item_name")
    assert answer.json()["status"] == "INVALID"


BROKEN_BODIES = [
    [],
    {},
    {"productType": "HOME"},
    {"productType": "HOME", "patches": []},
    {"productType": "HOME", "patches": ["x"]},
    {"productType": "HOME", "patches": [{"op": "move", "path": PATH, "value": []}]},
    {"productType": "HOME", "patches": [{"op": "replace", "path": "/quantity", "value": []}]},
    {"productType": "HOME", "patches": [{"op": "replace", "path": PATH}]},
    {"productType": "HOME", "patches": [{"op": "replace", "path": PATH, "value": {"quantity": 1}}]},
    {"productType": "HOME", "patches": [{"op": "merge", "path": PATH, "value": []}]},
]


@pytest.mark.parametrize("body", BROKEN_BODIES)
def test_a_patch_that_cannot_be_parsed_is_a_bad_request(body):
    answer = Shop().ask("PATCH", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET}, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")


def test_a_body_that_is_not_json_is_a_bad_request():
    answer = Shop().ask("PATCH", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET}, content=b"{")
    assert answer.status_code == 400


def test_a_preview_judges_and_changes_nothing():
    shop = Shop()
    before = shop.state()["listings"]
    mode = {"mode": "VALIDATION_PREVIEW", "includedData": "identifiers,issues"}
    good = patch(shop, "merge", default_entry(quantity=1), **mode).json()
    bad = patch(shop, "merge", default_entry(quantity=-1), **mode).json()
    shop.advance(hours=1)
    assert (good["status"], bad["status"]) == ("VALID", "INVALID")
    assert (len(good["identifiers"]), bad["identifiers"]) == (1, [])
    assert shop.state()["listings"] == before


def test_an_unknown_mode_is_a_bad_request():
    assert patch(Shop(), "merge", default_entry(quantity=1), mode="DRY").status_code == 400


def test_an_unknown_sku_is_not_found_although_a_patch_of_it_is_accepted():
    shop = Shop()
    params = {"marketplaceIds": MARKET}
    assert patch(shop, "merge", default_entry(quantity=1), sku="NOPE").json()["status"] == "ACCEPTED"
    shop.advance(seconds=60)
    assert "NOPE" not in shop.state()["listings"]
    assert shop.ask("GET", f"{ITEMS}/NOPE", params=params).json()["errors"][0]["code"] == "NOT_FOUND"


def test_another_seller_is_forbidden():
    other = "/listings/2021-08-01/items/A2OTHER"
    for path in (other, f"{other}/MUG"):
        assert Shop().ask("GET", path, params={"marketplaceIds": MARKET}).status_code == 403


@pytest.mark.parametrize("params", [{}, {"marketplaceIds": "A1PA6795UKMFR9"}])
def test_the_marketplace_must_be_named_and_the_sellers_own(params):
    assert Shop().ask("GET", f"{ITEMS}/MUG", params=params).status_code == 400


@pytest.mark.parametrize("sku", ["A/B", "A B", "50%", "Ä+1", "a?b#c", "%2F"])
def test_any_sku_can_be_addressed_when_percent_encoded(sku):
    shop = Shop(listings=[{"sku": sku, "quantity": 1}])
    path = f"{ITEMS}/{httpx.QueryParams({'s': sku})}".replace("/s=", "/").replace("+", "%20")
    answer = shop.ask("GET", path, params={"marketplaceIds": MARKET})
    assert answer.json()["sku"] == sku


def test_only_the_data_sets_asked_for_are_shown():
    shop = Shop()
    plain = shop.ask("GET", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET}).json()
    assert set(plain) == {"sku", "summaries"}
    names = {"offers", "issues", "productTypes", "relationships", "procurement", "attributes"}
    params = {"marketplaceIds": MARKET, "includedData": ",".join(names)}
    assert set(shop.ask("GET", f"{ITEMS}/MUG", params=params).json()) == names | {"sku"}
    params["includedData"] = "prices"
    assert shop.ask("GET", f"{ITEMS}/MUG", params=params).status_code == 400


def test_a_listing_is_buyable_while_units_are_on_offer():
    shop = Shop(listings=[{"sku": "MUG", "quantity": 1}])

    def status():
        answer = shop.ask("GET", f"{ITEMS}/MUG", params={"marketplaceIds": MARKET})
        return answer.json()["summaries"][0]["status"]

    assert "BUYABLE" in status()
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 1}]}]})
    assert "BUYABLE" not in status()


def search(shop, **params):
    return shop.ask("GET", ITEMS, params={"marketplaceIds": MARKET} | params)


def many(count, **scenario):
    return Shop(listings=[{"sku": f"S{n:04d}", "quantity": n % 2} for n in range(count)], **scenario)


def all_pages(shop, **params):
    skus, token = [], None
    while True:
        answer = search(shop, **params | ({"pageToken": token} if token else {})).json()
        skus += [item["sku"] for item in answer["items"]]
        token = answer.get("pagination", {}).get("nextToken")
        if token is None:
            return skus


@pytest.mark.parametrize(("params", "size"), [({}, 10), ({"pageSize": 20}, 20), ({"pageSize": 1}, 1)])
def test_a_search_page_is_ten_listings_long_unless_asked_otherwise(params, size):
    answer = search(many(25), **params).json()
    assert (len(answer["items"]), answer["numberOfResults"]) == (size, 25)


@pytest.mark.parametrize("size", ["0", "21", "x", "-1", "²"])
def test_a_search_page_has_one_to_twenty_listings(size):
    assert search(Shop(), pageSize=size).status_code == 400


def test_following_the_tokens_gives_every_listing_once():
    shop = many(45)
    assert all_pages(shop, sortBy="sku", sortOrder="ASC", pageSize=20) == [f"S{n:04d}" for n in range(45)]


def test_the_previous_token_leads_back():
    shop = many(25)
    first = search(shop, sortBy="sku").json()
    second = search(shop, sortBy="sku", pageToken=first["pagination"]["nextToken"]).json()
    back = search(shop, sortBy="sku", pageToken=second["pagination"]["previousToken"]).json()
    assert back["items"] == first["items"]


def test_no_more_than_a_thousand_listings_can_be_reached_by_one_search():
    assert len(all_pages(many(1010), pageSize=20)) == 1000


def test_a_token_of_another_search_is_refused():
    shop = many(25)
    token = search(shop, sortBy="sku").json()["pagination"]["nextToken"]
    assert search(shop, sortBy="createdDate", pageToken=token).status_code == 400


def test_listings_are_found_by_sku_or_asin():
    shop = Shop(listings=[{"sku": "A", "asin": "B01"}, {"sku": "B", "asin": "B02"}, {"sku": "C"}])
    assert all_pages(shop, identifiers="A,C", identifiersType="SKU", sortBy="sku") == ["C", "A"]
    assert all_pages(shop, identifiers="B02", identifiersType="ASIN") == ["B"]


@pytest.mark.parametrize(
    "params",
    [
        {"identifiers": "A"},
        {"identifiersType": "SKU"},
        {"identifiers": "1", "identifiersType": "EAN"},
        {"identifiers": ",".join(map(str, range(21))), "identifiersType": "SKU"},
        {"sortBy": "price"},
        {"sortOrder": "UP"},
        {"withStatus": "SOLD"},
        {"lastUpdatedAfter": "yesterday"},
    ],
)
def test_a_search_that_makes_no_sense_is_a_bad_request(params):
    answer = search(Shop(), **params)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("family", ["variationParentSku", "packageHierarchySku"])
def test_no_listing_is_part_of_another(family):
    assert all_pages(Shop(), **{family: "MUG"}) == []


def test_listings_are_found_by_status_and_by_issue():
    issue = {"code": "1", "message": "m", "severity": "ERROR", "categories": []}
    shop = Shop(listings=[{"sku": "IN", "quantity": 1}, {"sku": "OUT", "issues": [issue]}])
    assert all_pages(shop, withStatus="BUYABLE") == ["IN"]
    assert all_pages(shop, withoutStatus="BUYABLE") == ["OUT"]
    assert all_pages(shop, withIssueSeverity="ERROR") == ["OUT"]


def test_a_patch_moves_the_last_update_when_accepted_and_again_when_live_but_an_order_does_not():
    shop = Shop(listings=[{"sku": "MUG", "quantity": 5, "created_at": "2026-01-01T00:00:00Z"}])
    shop.control("orders", {"place": [{"items": [{"sku": "MUG", "quantity": 1}]}]})
    assert all_pages(shop, lastUpdatedAfter=NOON) == []
    patch(shop, "merge", default_entry(quantity=1))
    assert all_pages(shop, lastUpdatedAfter=NOON) == ["MUG"]
    shop.advance(seconds=20)
    assert all_pages(shop, lastUpdatedAfter="2026-03-02T20:00:20Z") == ["MUG"]
    assert all_pages(shop, createdBefore="2026-01-01T00:00:00Z") == ["MUG"]
    assert all_pages(shop, createdAfter="2026-01-01T00:00:01Z") == []


values = st.fixed_dictionaries(
    {},
    optional={
        "quantity": st.integers(0, 99),
        "lead_time_to_ship_max_days": st.integers(0, 30),
        "restock_date": st.dates(min_value=date(2026, 1, 1)).map(date.isoformat),
    },
)
steps = st.lists(st.tuples(st.sampled_from(["add", "replace", "merge", "delete"]), values), max_size=8)


@given(steps)
def test_submitted_entries_follow_the_operations_one_by_one(operations):
    """A plain dictionary obeys the same words: swap, amend, drop."""
    expected, entries = None, []
    for op, fields in operations:
        value = [default_entry(**({} if op == "delete" else fields))]
        _, patches = read_patches(
            {"productType": "PRODUCT", "patches": [{"op": op, "path": PATH, "value": value}]}
        )
        before = [dict(entry) for entry in entries]
        outcome = apply_patches(entries, patches, marketplace_id=MARKET, lead_time_alone=True)
        assert entries == before
        entries = outcome.entries
        if op == "delete":
            expected = None
        else:
            kept = (expected or {}) if op == "merge" else {}
            expected = default_entry(marketplace_id=MARKET) | kept | fields
        assert entries == ([] if expected is None else [expected])
