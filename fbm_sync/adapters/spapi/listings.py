"""The account's offers: Amazon's Listings Items API 2021-08-01, and what its JSON means.

Here: reading listings, previewing and making changes, and the pure translations beside them. A change only
ever touches the entry of the merchant's own channel. Not here: which change is wanted or allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog

from fbm_sync.adapters.spapi.answers import RejectedByAmazon, problem_words
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import (
    NotUnderstood,
    day,
    required_text,
    sections,
    text,
    units,
)
from fbm_sync.adapters.spapi.search import INCLUDED_DATA, MOST_IDENTIFIERS, ListingSearch
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import ObservedOffer, Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.errors import RequestRejected, UnexpectedPayload
from fbm_sync.ports import Clock, OfferPage, Unreadable

LISTING_UNREADABLE = "listing_unreadable"

_MERCHANT_CHANNEL = "DEFAULT"
_ANY_PRODUCT_TYPE = "PRODUCT"
_OUTCOMES = {
    "ACCEPTED": PushOutcome.ACCEPTED,
    "VALID": PushOutcome.VALID,
    "INVALID": PushOutcome.REJECTED,
}

_log = structlog.get_logger(__name__)


class AmazonListings:
    """One account's offers at Amazon."""

    def __init__(self, gateway: Gateway, clock: Clock, *, account: str, seller_id: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._account = account
        self._seller_id = seller_id
        self._search = ListingSearch(gateway, clock, seller_id=seller_id)
        # A patch names only marketplaces where the SKU was seen: elsewhere it would make a new listing.
        self._listed_in: dict[Sku, tuple[str, ...]] = {}

    def sweep(self) -> Iterator[OfferPage]:
        """Read every listing, oldest first, each once, those that Amazon fulfils included.

        Raises `UnexpectedPayload` when Amazon's pages repeat themselves or cannot reach every listing.
        """
        for page in self._search.everything():
            offers, unreadable = self._read(page.items, page.asked_at)
            yield OfferPage(offers=offers, unreadable=unreadable, expected_total=page.total)

    def observe(self, skus: Sequence[Sku]) -> Mapping[Sku, ObservedOffer]:
        """Read the given listings only; a SKU that Amazon does not know is left out.

        So is one whose listing cannot be understood, with a line in the log. SKUs with a comma cannot
        be asked for together with others.
        """
        wanted = list(dict.fromkeys(skus))
        alone = wanted if len(wanted) == 1 else [sku for sku in wanted if "," in sku]
        together = [sku for sku in wanted if sku not in set(alone)]
        found: list[ObservedOffer] = []
        for sku in alone:
            found += self._observe_one(sku)
        for start in range(0, len(together), MOST_IDENTIFIERS):
            found += self._observe_some(together[start : start + MOST_IDENTIFIERS])
        asked = set(wanted)
        return {offer.sku: offer for offer in found if offer.sku in asked}

    def preview(self, change: OfferChange) -> PushReceipt:
        """Let Amazon judge a change without making it."""
        return self._patch(change, preview=True)

    def apply(self, change: OfferChange) -> PushReceipt:
        """Make a change. Repeating it after a lost answer is safe: it sets values, it does not add."""
        return self._patch(change, preview=False)

    def _observe_one(self, sku: Sku) -> list[ObservedOffer]:
        if sku in {"", ".", ".."}:
            return []  # cannot be addressed, so cannot be a listing that we could change
        observed_at = self._clock.now()
        try:
            answer = self._gateway.call(
                "getListingsItem", self._seller_id, sku, params={"includedData": INCLUDED_DATA}
            )
        except RequestRejected as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return []
            raise
        return self._read_logged([answer.body or {}], observed_at)

    def _observe_some(self, skus: Sequence[Sku]) -> list[ObservedOffer]:
        found: list[ObservedOffer] = []
        params = {"identifiers": ",".join(skus), "identifiersType": "SKU"}
        for page in self._search.pages(params):
            found += self._read_logged(page.items, page.asked_at)
        return found

    def _read_logged(self, items: Sequence[Mapping[str, Any]], observed_at: datetime) -> list[ObservedOffer]:
        offers, unreadable = self._read(items, observed_at)
        for one in unreadable:
            _log.warning(LISTING_UNREADABLE, account=self._account, sku=one.subject, reason=one.reason)
        return list(offers)

    def _read(
        self, items: Sequence[Mapping[str, Any]], observed_at: datetime
    ) -> tuple[tuple[ObservedOffer, ...], tuple[Unreadable, ...]]:
        offers: list[ObservedOffer] = []
        unreadable: list[Unreadable] = []
        for item in items:
            try:
                offer = read_offer(item, self._account, observed_at)
            except NotUnderstood as error:
                subject = text(item, "sku") or "listing without a SKU"
                unreadable.append(Unreadable(subject=subject, reason=str(error)))
                continue
            offers.append(offer)
            places = [text(summary, "marketplaceId") for summary in sections(item, "summaries")]
            self._listed_in[offer.sku] = tuple(place for place in places if place)
        return tuple(offers), tuple(unreadable)

    def _patch(self, change: OfferChange, *, preview: bool) -> PushReceipt:
        """Send a change or a preview of it; what Amazon refuses becomes a receipt, not an error."""
        try:
            answer = self._gateway.call(
                "patchListingsItem",
                self._seller_id,
                change.sku,
                params={"mode": "VALIDATION_PREVIEW"} if preview else {},
                body=patch_for(change),
                marketplaces=self._listed_in.get(change.sku, ()),
                preview=preview,
            )
        except RequestRejected as error:
            problems = error.problems if isinstance(error, RejectedByAmazon) else ()
            return PushReceipt(
                change=change,
                outcome=PushOutcome.REJECTED,
                at=self._clock.now(),
                problems=problems or (str(error),),
            )
        body = answer.body or {}
        outcome = _OUTCOMES.get(str(body["status"]))
        if outcome is None:
            raise UnexpectedPayload(
                "the status of the submission is not a known one.",
                operation="patchListingsItem",
                status=answer.status,
                request_id=answer.request_id,
            )
        return PushReceipt(
            change=change,
            outcome=outcome,
            at=self._clock.now(),
            submission_id=text(body, "submissionId"),
            problems=problem_words(body.get("issues")),
        )


def read_offer(json: Mapping[str, Any], account: str, observed_at: datetime) -> ObservedOffer:
    """Return what Amazon shows of one listing.

    The quantity is the live one; handling time and restock date are what was last submitted, for Amazon
    shows no live value of them. A listing without an entry of the merchant's channel has quantity 0, and
    the channels it does have are named. Raises `NotUnderstood` without a SKU or with absurd numbers.
    """
    sku = required_text(json, "sku")
    live = _by_channel(sections(json, "fulfillmentAvailability"), "fulfillmentChannelCode")
    attributes = json.get("attributes")
    entries = sections(attributes, "fulfillment_availability") if isinstance(attributes, dict) else []
    submitted = _by_channel(entries, "fulfillment_channel_code")
    own = submitted.get(_MERCHANT_CHANNEL, {})
    summaries = sections(json, "summaries")
    return ObservedOffer(
        account=account,
        sku=Sku(sku),
        offer=Offer(
            quantity=units(live.get(_MERCHANT_CHANNEL, {}), "quantity") or 0,
            handling_days=units(own, "lead_time_to_ship_max_days"),
            restock_on=day(own, "restock_date"),
        ),
        observed_at=observed_at,
        product_type=_first_text(summaries, "productType") or _ANY_PRODUCT_TYPE,
        title=_first_text(summaries, "itemName"),
        other_channels=tuple(code for code in live | submitted if code != _MERCHANT_CHANNEL),
    )


def patch_for(change: OfferChange) -> dict[str, Any]:
    """Return the body of the patch that makes a change, naming only what changes.

    `merge` leaves alone what it does not name, `replace` wipes it; so `merge` it is, except for taking a
    restock date or a handling time of one's own away, which no merge can: then the whole entry is given.
    Amazon refuses a handling time without a quantity, so the quantity always goes with it.
    """
    before, after = change.before, change.after
    clears = (after.restock_on is None and before.restock_on is not None) or (
        after.handling_days is None and before.handling_days is not None
    )
    new_handling = after.handling_days != before.handling_days
    new_restock = after.restock_on != before.restock_on
    entry: dict[str, Any] = {"fulfillment_channel_code": _MERCHANT_CHANNEL}
    if clears or new_handling or change.changes_quantity or not new_restock:
        entry["quantity"] = after.quantity
    if after.handling_days is not None and (clears or new_handling):
        entry["lead_time_to_ship_max_days"] = after.handling_days
    if after.restock_on is not None and (clears or new_restock):
        entry["restock_date"] = after.restock_on.isoformat()
    patch = {
        "op": "replace" if clears else "merge",
        "path": "/attributes/fulfillment_availability",
        "value": [entry],
    }
    return {"productType": change.product_type, "patches": [patch]}


def _by_channel(entries: Sequence[Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    """Return entries by their channel code, the first of each: more are copies for other marketplaces."""
    by_channel: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        code = text(entry, name)
        if code is not None:
            by_channel.setdefault(code, entry)
    return by_channel


def _first_text(sources: Sequence[Mapping[str, Any]], name: str) -> str | None:
    return next((value for source in sources if (value := text(source, name))), None)
