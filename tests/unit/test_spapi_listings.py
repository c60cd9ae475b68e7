"""What Amazon's listing JSON means, and what a change looks like as a patch, without any network."""

import copy
from datetime import UTC, date, datetime, timedelta

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.answers import Answer, RejectedByAmazon
from fbm_sync.adapters.spapi.listings import LISTING_UNREADABLE, AmazonListings, patch_for, read_offer
from fbm_sync.adapters.spapi.reading import NotUnderstood
from fbm_sync.adapters.spapi.search import ListingSearch
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.errors import RequestRejected, Unavailable, UnexpectedPayload

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

LISTING = {
    "sku": "MUG-BLUE",
    "summaries": [
        {
            "marketplaceId": "ATVPDKIKX0DER",
            "productType": "DRINKWARE",
            "itemName": "Stoneware mug, blue",
            "createdDate": "2025-01-01T00:00:00Z",
        }
    ],
    "attributes": {
        "fulfillment_availability": [
            {
                "fulfillment_channel_code": "DEFAULT",
                "quantity": 99,
                "lead_time_to_ship_max_days": 3,
                "restock_date": "2026-03-20",
            }
        ]
    },
    "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": 40}],
}


def read(change=lambda json: None):
    json = copy.deepcopy(LISTING)
    change(json)
    return read_offer(json, "main", NOW)


def submitted(**fields):
    return lambda json: json["attributes"]["fulfillment_availability"][0].update(fields)


# --- what is seen --------------------------------------------------------------------------------


def test_the_quantity_is_the_live_one_and_the_promise_what_was_last_submitted():
    seen = read()
    assert seen.offer == Offer(quantity=40, handling_days=3, restock_on=date(2026, 3, 20))
    assert (seen.account, seen.sku, seen.observed_at) == ("main", "MUG-BLUE", NOW)
    assert (seen.product_type, seen.title) == ("DRINKWARE", "Stoneware mug, blue")
    assert seen.other_channels == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-20", date(2026, 3, 20)),
        ("2026-03-20T23:00:00-08:00", date(2026, 3, 20)),
        ("2026-03-20T00:00:00.000Z", date(2026, 3, 20)),
        ("2019-01-01", date(2019, 1, 1)),
        ("", None),
        (None, None),
    ],
)
def test_a_restock_date_is_the_day_written_even_when_it_is_over(written, meant):
    assert read(submitted(restock_date=written)).offer.restock_on == meant


@pytest.mark.parametrize("key", ["summaries", "attributes", "fulfillmentAvailability"])
@pytest.mark.parametrize("junk", [None, [], {}, "junk", ["junk"]], ids=repr)
def test_a_listing_with_parts_missing_is_still_a_listing(key, junk):
    seen = read(lambda json: json.update({key: junk}))
    assert seen.sku == "MUG-BLUE"
    assert read(lambda json: json.pop(key)) == seen


def test_without_a_summary_the_product_type_is_the_one_that_fits_all():
    seen = read(lambda json: json.pop("summaries"))
    assert (seen.product_type, seen.title) == ("PRODUCT", None)


def test_a_listing_that_amazon_ships_offers_nothing_of_ours_and_names_the_channel():
    def amazon_only(json):
        json["fulfillmentAvailability"] = [{"fulfillmentChannelCode": "AMAZON_NA", "quantity": 7}]
        json["attributes"] = {}

    seen = read(amazon_only)
    assert seen.offer == Offer(quantity=0, handling_days=None)
    assert seen.other_channels == ("AMAZON_NA",)


def test_a_channel_seen_only_among_the_attributes_is_named_too():
    def both(json):
        json["fulfillmentAvailability"].append({"fulfillmentChannelCode": "AMAZON_NA"})
        json["attributes"]["fulfillment_availability"] += [
            {"fulfillment_channel_code": "AMAZON_EU"},
            {"fulfillment_channel_code": "AMAZON_NA"},
            {"no code": True},
        ]

    seen = read(both)
    assert seen.offer.quantity == 40
    assert seen.other_channels == ("AMAZON_NA", "AMAZON_EU")


def test_copies_of_the_entry_for_other_marketplaces_change_nothing():
    def copied(json):
        entries = json["attributes"]["fulfillment_availability"]
        entries.append(entries[0] | {"lead_time_to_ship_max_days": 9})

    assert read(copied) == read()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda json: json.pop("sku"), "sku"),
        (lambda json: json["fulfillmentAvailability"][0].update(quantity=-1), "quantity"),
        (lambda json: json["fulfillmentAvailability"][0].update(quantity="many"), "quantity"),
        (submitted(lead_time_to_ship_max_days=-2), "lead_time_to_ship_max_days"),
        (submitted(restock_date="soon"), "restock_date"),
    ],
)
def test_a_listing_with_an_absurd_number_is_set_aside(change, field):
    with pytest.raises(NotUnderstood, match=field):
        read(change)


# --- what a change looks like --------------------------------------------------------------------


def patch(before, after):
    change = OfferChange(account="main", sku="MUG-BLUE", product_type="DRINKWARE", before=before, after=after)
    body = patch_for(change)
    assert body["productType"] == "DRINKWARE"
    (operation,) = body["patches"]
    assert operation["path"] == "/attributes/fulfillment_availability"
    (entry,) = operation["value"]
    assert entry.pop("fulfillment_channel_code") == "DEFAULT"
    return operation["op"], entry


DAY, LATER = date(2026, 3, 20), date(2026, 3, 25)


@pytest.mark.parametrize(
    ("before", "after", "op", "entry"),
    [
        pytest.param((5, 3, DAY), (2, 3, DAY), "merge", {"quantity": 2}, id="quantity alone"),
        pytest.param((5, None, None), (0, None, None), "merge", {"quantity": 0}, id="off sale"),
        pytest.param(
            (5, 3, DAY),
            (5, 4, DAY),
            "merge",
            {"quantity": 5, "lead_time_to_ship_max_days": 4},
            id="handling time takes the quantity along",
        ),
        pytest.param(
            (5, None, None),
            (5, 0, None),
            "merge",
            {"quantity": 5, "lead_time_to_ship_max_days": 0},
            id="same-day handling is not no handling",
        ),
        pytest.param((5, 3, DAY), (5, 3, LATER), "merge", {"restock_date": "2026-03-25"}, id="restock alone"),
        pytest.param(
            (0, 3, None),
            (9, 3, DAY),
            "merge",
            {"quantity": 9, "restock_date": "2026-03-20"},
            id="back-order opens",
        ),
        pytest.param(
            (9, 3, DAY),
            (9, 3, None),
            "replace",
            {"quantity": 9, "lead_time_to_ship_max_days": 3},
            id="clearing the restock date keeps the handling time",
        ),
        pytest.param(
            (9, 3, DAY),
            (9, None, DAY),
            "replace",
            {"quantity": 9, "restock_date": "2026-03-20"},
            id="back to the default handling time keeps the restock date",
        ),
        pytest.param((9, 3, DAY), (4, None, None), "replace", {"quantity": 4}, id="back to normal"),
        pytest.param((9, 3, DAY), (9, 3, DAY), "merge", {"quantity": 9}, id="nothing changes"),
    ],
)
def test_a_patch_names_only_what_changes(before, after, op, entry):
    def offer(quantity, handling_days, restock_on):
        return Offer(quantity=quantity, handling_days=handling_days, restock_on=restock_on)

    assert patch(offer(*before), offer(*after)) == (op, entry)


offers = st.builds(
    Offer,
    quantity=st.integers(0, 5),
    handling_days=st.none() | st.integers(0, 3),
    restock_on=st.none() | st.sampled_from([DAY, LATER]),
)


@given(before=offers, after=offers)
@settings(max_examples=300, deadline=None)
def test_whatever_changes_the_listing_ends_up_as_wanted(before, after):
    """Amazon's own semantics: merge amends the entry, replace swaps it."""
    names = {
        "quantity": "quantity",
        "lead_time_to_ship_max_days": "handling_days",
        "restock_date": "restock_on",
    }
    entry = {
        "quantity": before.quantity,
        "lead_time_to_ship_max_days": before.handling_days,
        "restock_date": before.restock_on and before.restock_on.isoformat(),
    }
    op, value = patch(before, after)
    assert "lead_time_to_ship_max_days" not in value or "quantity" in value
    result = entry | value if op == "merge" else dict.fromkeys(names) | value
    assert result == {
        "quantity": after.quantity,
        "lead_time_to_ship_max_days": after.handling_days,
        "restock_date": after.restock_on and after.restock_on.isoformat(),
    }


# --- calls ---------------------------------------------------------------------------------------


class Clock:
    def now(self):
        return NOW

    def sleep(self, seconds):
        raise AssertionError("nothing here waits")


class CannedGateway:
    """Answers with what it was given; what really travels is tested over HTTP."""

    def __init__(self, *bodies):
        self.bodies = list(bodies)
        self.asked = []

    def call(self, operation, *path, **options):
        self.asked.append((operation, path, options))
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        if isinstance(body, Exception):
            raise body
        return Answer(status=200, headers={"x-amzn-requestid": "r"}, body=body)


def offers_of(*bodies):
    gateway = CannedGateway(*bodies)
    return AmazonListings(gateway, Clock(), account="main", seller_id="S"), gateway


def listing(number, *, created="2025-01-01T00:00:00Z", **fields):
    summary = {"marketplaceId": "ATVPDKIKX0DER", "productType": "X", "createdDate": created}
    return {"sku": f"SKU-{number:05d}", "summaries": [summary], **fields}


CHANGE = OfferChange(
    account="main",
    sku="MUG-BLUE",
    product_type="DRINKWARE",
    before=Offer(quantity=5, handling_days=None),
    after=Offer(quantity=2, handling_days=None),
)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [("ACCEPTED", PushOutcome.ACCEPTED), ("VALID", PushOutcome.VALID), ("INVALID", PushOutcome.REJECTED)],
)
def test_amazons_verdict_becomes_a_receipt(status, outcome):
    issues = [{"code": "90220", "message": "'size' is required.", "severity": "ERROR"}]
    channel, _ = offers_of({"sku": "MUG-BLUE", "status": status, "submissionId": "sub-1", "issues": issues})
    receipt = channel.apply(CHANGE)
    assert (receipt.outcome, receipt.submission_id, receipt.at) == (outcome, "sub-1", NOW)
    assert receipt.problems == ("90220: 'size' is required",)
    assert receipt.change is CHANGE


def test_a_refused_request_is_a_rejected_receipt_so_that_the_next_sku_has_its_turn():
    refusal = RejectedByAmazon(
        ("NOT_FOUND: no such SKU",), operation="patchListingsItem", status=404, request_id=None
    )
    channel, _ = offers_of(refusal)
    receipt = channel.preview(CHANGE)
    assert (receipt.outcome, receipt.problems) == (PushOutcome.REJECTED, ("NOT_FOUND: no such SKU",))


@pytest.mark.parametrize(
    "refusal",
    [
        RequestRejected("cannot be addressed.", operation="patchListingsItem"),
        RejectedByAmazon((), operation="patchListingsItem", status=400, request_id=None),
    ],
)
def test_a_rejected_receipt_always_has_a_reason(refusal):
    channel, _ = offers_of(refusal)
    assert channel.apply(CHANGE).problems == (str(refusal),)


def test_trouble_that_is_not_about_the_sku_stops_the_push():
    channel, _ = offers_of(Unavailable("down.", operation="patchListingsItem"))
    with pytest.raises(Unavailable):
        channel.apply(CHANGE)


def test_a_verdict_we_do_not_know_is_never_taken_for_success():
    channel, _ = offers_of({"sku": "MUG-BLUE", "status": "MAYBE"})
    with pytest.raises(UnexpectedPayload, match="not a known one"):
        channel.apply(CHANGE)


def test_only_a_preview_is_sent_as_a_preview():
    channel, gateway = offers_of({"sku": "MUG-BLUE", "status": "VALID"})
    channel.preview(CHANGE)
    channel.apply(CHANGE)
    previewed, applied = (options for _, _, options in gateway.asked)
    assert (previewed["params"], previewed["preview"]) == ({"mode": "VALIDATION_PREVIEW"}, True)
    assert (applied["params"], applied["preview"]) == ({}, False)


def test_a_patch_goes_to_the_marketplaces_where_the_sku_was_seen():
    channel, gateway = offers_of(LISTING, {"sku": "MUG-BLUE", "status": "ACCEPTED"})
    channel.observe(["MUG-BLUE"])
    channel.apply(CHANGE)
    assert gateway.asked[-1][2]["marketplaces"] == ("ATVPDKIKX0DER",)


def test_a_patch_of_a_sku_never_seen_goes_to_all_the_accounts_marketplaces():
    channel, gateway = offers_of({"sku": "MUG-BLUE", "status": "ACCEPTED"})
    channel.apply(CHANGE)
    assert gateway.asked[-1][2]["marketplaces"] == ()


def test_many_skus_are_asked_for_twenty_at_a_time():
    channel, gateway = offers_of({"items": [listing(1), listing(2)]})
    found = channel.observe([f"SKU-{number:05d}" for number in range(45)] + ["SKU-00001"])
    assert set(found) == {"SKU-00001", "SKU-00002"}
    sizes = [len(options["params"]["identifiers"].split(",")) for _, _, options in gateway.asked]
    assert sizes == [20, 20, 5]
    assert gateway.asked[0][2]["params"]["identifiersType"] == "SKU"


def test_a_sku_with_a_comma_is_asked_for_by_itself():
    channel, gateway = offers_of({"items": [], "sku": "A,B"})
    assert set(channel.observe(["A,B", "C", "D"])) == {"A,B"}
    assert [(operation, path) for operation, path, _ in gateway.asked] == [
        ("getListingsItem", ("S", "A,B")),
        ("searchListingsItems", ("S",)),
    ]


def test_a_listing_nobody_asked_for_is_not_handed_out():
    channel, _ = offers_of({"items": [listing(1), listing(2), listing(3)]})
    assert set(channel.observe(["SKU-00001", "SKU-00003"])) == {"SKU-00001", "SKU-00003"}


@pytest.mark.parametrize("sku", ["", ".", ".."])
def test_a_sku_that_cannot_be_addressed_is_not_known(sku):
    channel, gateway = offers_of({})
    assert channel.observe([sku]) == {}
    assert gateway.asked == []
    assert channel.observe([]) == {}


def test_a_sku_that_amazon_does_not_know_is_left_out_and_other_refusals_are_not():
    def refusal(status):
        return RejectedByAmazon((), operation="getListingsItem", status=status, request_id=None)

    channel, _ = offers_of(refusal(404))
    assert channel.observe(["MUG-BLUE"]) == {}
    channel, _ = offers_of(refusal(400))
    with pytest.raises(RequestRejected):
        channel.observe(["MUG-BLUE"])


def test_a_listing_that_cannot_be_understood_is_left_out_and_logged():
    channel, _ = offers_of(
        {
            "sku": "MUG-BLUE",
            "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": -4}],
        }
    )
    with structlog.testing.capture_logs() as lines:
        assert channel.observe(["MUG-BLUE"]) == {}
    assert [(line["event"], line["sku"]) for line in lines] == [(LISTING_UNREADABLE, "MUG-BLUE")]


# --- all listings --------------------------------------------------------------------------------


class Catalogue:
    """A search with Amazon's limit of 1,000; `repeats` shows that page a second time, `loops` for ever."""

    def __init__(self, listings, *, repeats=None, loops=False, total=True):
        self.listings = sorted(listings, key=lambda one: one["summaries"][0]["createdDate"])
        self.repeats, self.loops, self.total = repeats, loops, total
        self.calls = 0
        self.seen_since = []

    def call(self, operation, *path, params):
        self.calls += 1
        since = params.get("createdAfter", "")
        self.seen_since.append(since)
        found = [one for one in self.listings if one["summaries"][0]["createdDate"] >= since]
        start = int(params.get("pageToken", "0-").split("-")[0])
        page = found[start : start + 20]
        body = {"items": page}
        if self.total:
            body["numberOfResults"] = len(found)
        following = start + 20
        if self.repeats == start:
            following, self.repeats = start, None
        if self.loops:
            following = start
        if following < min(len(found), 1000):
            # A token of its own for each call, as a server may well make them.
            body["pagination"] = {"nextToken": f"{following}-{self.calls if self.loops != 'same' else ''}"}
        return Answer(status=200, headers={}, body=body)


def everything(catalogue):
    return list(ListingSearch(catalogue, Clock(), seller_id="S").everything())


def skus(pages):
    return [item["sku"] for page in pages for item in page.items]


def date_of(number):
    return (datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("count", [0, 1, 20, 999, 1000, 1001, 2500])
def test_every_listing_is_found_once_however_many_there_are(count):
    catalogue = Catalogue([listing(number, created=date_of(number)) for number in range(count)])
    pages = everything(catalogue)
    assert skus(pages) == [f"SKU-{number:05d}" for number in range(count)]
    assert {page.total for page in pages} == {count}
    assert catalogue.calls <= count / 20 + 4


def test_listings_made_at_the_same_time_are_found_across_the_limit():
    catalogue = Catalogue([listing(number, created=date_of(number // 400)) for number in range(2000)])
    assert len(set(skus(everything(catalogue)))) == 2000


def test_without_a_total_the_walk_goes_on_until_nothing_new_comes():
    catalogue = Catalogue([listing(number, created=date_of(number)) for number in range(1500)], total=False)
    pages = everything(catalogue)
    assert len(skus(pages)) == 1500
    assert pages[0].total is None


def test_too_many_listings_of_one_moment_are_said_plainly():
    catalogue = Catalogue([listing(number, created=date_of(0)) for number in range(1500)])
    with pytest.raises(UnexpectedPayload, match=r"1,000 or more listings share the creation date .* --sku"):
        everything(catalogue)


def test_too_many_listings_without_a_date_are_said_plainly():
    catalogue = Catalogue([listing(number, created="") for number in range(1500)])
    with pytest.raises(UnexpectedPayload, match="no readable creation date"):
        everything(catalogue)


def test_the_earliest_date_counts_where_marketplaces_differ():
    listings = [listing(number, created=date_of(number)) for number in range(1200)]
    for one in listings:
        one["summaries"].append({"marketplaceId": "CA", "createdDate": "2026-01-01T00:00:00Z"})
    assert len(skus(everything(Catalogue(listings)))) == 1200


def test_a_page_shown_twice_is_read_once():
    catalogue = Catalogue([listing(number, created=date_of(number)) for number in range(100)], repeats=40)
    assert len(skus(everything(catalogue))) == 100


@pytest.mark.parametrize("loops", [True, "same"])
def test_pages_that_go_round_in_circles_end_with_an_error(loops):
    catalogue = Catalogue([listing(number, created=date_of(number)) for number in range(100)], loops=loops)
    with pytest.raises(UnexpectedPayload, match="repeat themselves"):
        everything(catalogue)
    assert catalogue.calls <= 60


def test_a_sweep_reads_offers_and_sets_the_unreadable_aside():
    bad = listing(2, fulfillmentAvailability=[{"fulfillmentChannelCode": "DEFAULT", "quantity": -1}])
    channel, _ = offers_of({"numberOfResults": 3, "items": [listing(1), bad, {"summaries": []}]})
    (page,) = channel.sweep()
    assert [offer.sku for offer in page.offers] == ["SKU-00001"]
    assert [one.subject for one in page.unreadable] == ["SKU-00002", "listing without a SKU"]
    assert page.expected_total == 3


def test_a_page_without_listings_or_total_is_an_empty_page():
    channel, _ = offers_of({"items": None, "numberOfResults": True, "pagination": "junk"})
    (page,) = channel.sweep()
    assert (page.offers, page.expected_total) == ((), None)
