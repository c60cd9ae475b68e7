"""Amazon's own examples of the Listings Items API 2021-08-01, read by us without loss.

The models are Amazon's files, laid beside the checkout in `../shared/spapi-models`; without them these tests
are skipped.
"""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.listings import AmazonListings, patch_for, read_offer
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange

MODEL = Path(__file__).parents[2].parent / "shared" / "spapi-models" / "listingsItems_2021-08-01.json"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ITEMS = "/listings/2021-08-01/items/{sellerId}"
ITEM = ITEMS + "/{sku}"


def model():
    return json.loads(MODEL.read_text(encoding="utf-8"))


def answers(path, method):
    """Every 200 answer of an operation: its example and its sandbox pairs."""
    if not MODEL.exists():
        return []
    success = model()["paths"][path][method]["responses"]["200"]
    pairs = [pair["response"] for pair in success["x-amzn-api-sandbox"]["static"]]
    return [*success["examples"].values(), *pairs]


SEARCHES = answers(ITEMS, "get")
LISTINGS = answers(ITEM, "get") + [item for answer in SEARCHES for item in answer["items"]]
VERDICTS = answers(ITEM, "patch")

pytestmark = pytest.mark.skipif(
    not MODEL.exists(), reason=f"Amazon's models are not beside the checkout ({MODEL.parent.name})"
)

CHANGE = OfferChange(
    account="main",
    sku="GM-ZDPI-9B4E",
    product_type="LUGGAGE",
    before=Offer(quantity=100, handling_days=None),
    after=Offer(quantity=5, handling_days=3, restock_on=date(2026, 3, 20)),
)


class CannedGateway:
    def __init__(self, body):
        self.body = body

    def call(self, *_, **__):
        return Answer(status=200, headers={}, body=self.body)


class StoppedClock:
    def now(self):
        return NOW

    def sleep(self, seconds):
        raise AssertionError("nothing here waits")


def channel(body):
    return AmazonListings(CannedGateway(body), StoppedClock(), account="main", seller_id="S")


def test_there_are_examples():
    assert (len(SEARCHES), len(VERDICTS)) == (2, 4)
    assert len(LISTINGS) >= 4


@pytest.mark.parametrize("shown", LISTINGS, ids=lambda listing: listing["sku"])
def test_every_listing_keeps_its_sku_quantity_and_names(shown):
    seen = read_offer(shown, "main", NOW)
    assert seen.sku == shown["sku"]
    summary = shown["summaries"][0]
    assert (seen.product_type, seen.title) == (summary["productType"], summary["itemName"])
    quantities = {
        entry["fulfillmentChannelCode"]: entry.get("quantity", 0)
        for entry in shown.get("fulfillmentAvailability", [])
    }
    assert seen.offer.quantity == quantities.pop("DEFAULT", 0)
    assert set(seen.other_channels) == set(quantities)


@pytest.mark.parametrize("shown", LISTINGS, ids=lambda listing: listing["sku"])
def test_every_listing_bears_the_loss_of_any_section(shown):
    for key in shown.keys() - {"sku"}:
        smaller = {name: value for name, value in shown.items() if name != key}
        assert read_offer(smaller, "main", NOW).sku == shown["sku"]


@pytest.mark.parametrize("shown", SEARCHES, ids=lambda answer: str(len(answer["items"])))
def test_every_page_of_a_search_is_read_whole(shown):
    page = next(channel(shown).sweep())
    assert page.unreadable == ()
    assert [offer.sku for offer in page.offers] == [item["sku"] for item in shown["items"]]
    assert page.expected_total == shown["numberOfResults"]


@pytest.mark.parametrize("shown", VERDICTS, ids=lambda answer: answer["sku"] + "-" + answer["status"])
def test_every_verdict_on_a_patch_becomes_a_receipt(shown):
    receipt = channel(shown).apply(CHANGE)
    assert (
        receipt.outcome
        is {
            "ACCEPTED": PushOutcome.ACCEPTED,
            "VALID": PushOutcome.VALID,
            "INVALID": PushOutcome.REJECTED,
        }[shown["status"]]
    )
    assert receipt.submission_id == shown["submissionId"]
    assert len(receipt.problems) == len(shown["issues"])
    for problem, issue in zip(receipt.problems, shown["issues"], strict=True):
        assert problem.startswith(f"{issue['code']}: {issue['message']}".rstrip("."))


def test_we_know_every_verdict_that_amazon_documents():
    documented = model()["definitions"]["ListingsItemSubmissionResponse"]["properties"]["status"]["enum"]
    assert set(documented) == {"ACCEPTED", "INVALID", "VALID"}


def test_our_patches_have_the_shape_that_amazon_documents():
    definitions = model()["definitions"]
    body = patch_for(CHANGE)
    request = definitions["ListingsItemPatchRequest"]
    assert set(request["required"]) <= set(body) <= set(request["properties"])
    operation = definitions["PatchOperation"]
    for patch in body["patches"]:
        assert set(operation["required"]) <= set(patch) <= set(operation["properties"])
        assert patch["op"] in operation["properties"]["op"]["enum"]
        assert patch["path"].count("/") == 2


def test_the_parameters_we_send_are_amazons():
    def parameters(path, method):
        return {one["name"]: one for one in model()["paths"][path][method]["parameters"]}

    search = parameters(ITEMS, "get")
    assert {"marketplaceIds", "includedData", "identifiers", "identifiersType", "sortBy", "sortOrder"} <= set(
        search
    )
    assert {"createdAfter", "pageSize", "pageToken"} <= set(search)
    assert search["pageSize"]["maximum"] == 20
    assert search["identifiers"]["maxItems"] == 20
    # Lists go comma-joined: that is how Amazon documents them.
    assert {search[name].get("collectionFormat", "csv") for name in ("identifiers", "includedData")} == {
        "csv"
    }
    assert {"marketplaceIds", "mode"} <= set(parameters(ITEM, "patch"))
    assert {"marketplaceIds", "includedData"} <= set(parameters(ITEM, "get"))
