"""Amazon's own examples of the Listings Items API 2021-08-01, read by us without loss.

The models are Amazon's files, laid beside the checkout in `../shared/spapi-models`; without them these tests
are skipped.
"""

from datetime import UTC, datetime

import pytest

from fbm_sync.adapters.spapi.listings import read_offer

from amazon_models import ARE_HERE, WHY_SKIPPED, model, samples

pytestmark = pytest.mark.skipif(not ARE_HERE, reason=WHY_SKIPPED)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LISTINGS = [sample.body for sample in samples("getListingsItem")]
LISTINGS += [item for sample in samples("searchListingsItems") for item in sample.body["items"]]


def test_there_are_examples():
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


def test_we_know_every_verdict_that_amazon_documents():
    documented = model("listingsItems_2021-08-01.json")["definitions"]["ListingsItemSubmissionResponse"][
        "properties"
    ]["status"]["enum"]
    assert set(documented) == {"ACCEPTED", "INVALID", "VALID"}
