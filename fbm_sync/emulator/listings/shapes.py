"""A listing as Amazon's Listings Items API prints it, data set by data set."""

from __future__ import annotations

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.listings.catalogue import Listing, submitted_copy
from fbm_sync.emulator.shop import JsonObject

DATA_SETS = (
    "summaries",
    "attributes",
    "issues",
    "offers",
    "fulfillmentAvailability",
    "procurement",
    "relationships",
    "productTypes",
)


def listing_json(listing: Listing, included: list[str], marketplace_id: str) -> JsonObject:
    """The listing with the data sets asked for, and no others."""
    shape: JsonObject = {"sku": listing.sku}
    if "summaries" in included:
        shape["summaries"] = [_summary(listing, marketplace_id)]
    if "attributes" in included:
        shape["attributes"] = _attributes(listing, marketplace_id)
    if "issues" in included:
        shape["issues"] = [dict(issue) for issue in listing.issues]
    if "offers" in included:
        shape["offers"] = _offers(listing, marketplace_id)
    if "fulfillmentAvailability" in included:
        shape["fulfillmentAvailability"] = [
            {"fulfillmentChannelCode": channel, "quantity": live.quantity}
            for channel, live in listing.live.items()
        ]
    if "procurement" in included:
        shape["procurement"] = []
    if "relationships" in included:
        shape["relationships"] = [{"marketplaceId": marketplace_id, "relationships": []}]
    if "productTypes" in included:
        shape["productTypes"] = [{"marketplaceId": marketplace_id, "productType": listing.product_type}]
    return shape


def listing_statuses(listing: Listing) -> list[str]:
    """BUYABLE while units are on offer; every listing here can be found."""
    return ["BUYABLE", "DISCOVERABLE"] if listing.is_buyable else ["DISCOVERABLE"]


def _summary(listing: Listing, marketplace_id: str) -> JsonObject:
    return {
        "marketplaceId": marketplace_id,
        "asin": listing.asin,
        "productType": listing.product_type,
        "conditionType": "new_new",
        "status": listing_statuses(listing),
        "itemName": listing.title,
        "createdDate": format_instant(listing.created_at),
        "lastUpdatedDate": format_instant(listing.updated_at),
    }


def _attributes(listing: Listing, marketplace_id: str) -> JsonObject:
    attributes: JsonObject = {
        "item_name": [{"value": listing.title, "language_tag": "en_US", "marketplace_id": marketplace_id}],
        "condition_type": [{"value": "new_new", "marketplace_id": marketplace_id}],
    }
    if listing.submitted:
        attributes["fulfillment_availability"] = submitted_copy(listing)
    if listing.price is not None:
        offer = {
            "currency": listing.currency,
            "our_price": [{"schedule": [{"value_with_tax": float(listing.price)}]}],
            "marketplace_id": marketplace_id,
        }
        attributes["purchasable_offer"] = [offer]
    return attributes


def _offers(listing: Listing, marketplace_id: str) -> list[JsonObject]:
    if listing.price is None:
        return []
    return [
        {
            "marketplaceId": marketplace_id,
            "offerType": "B2C",
            "price": {"currencyCode": listing.currency, "amount": listing.price},
            "audience": {"value": "ALL", "displayName": "Sell on Amazon"},
        }
    ]
