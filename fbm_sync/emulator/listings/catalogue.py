"""The catalogue: what the seller submitted, what is live, and the time that passes in between."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from fbm_sync.emulator.clock import Agenda
from fbm_sync.emulator.listings.patches import (
    LEAD_TIME,
    QUANTITY,
    RESTOCK_DATE,
    SELECTOR,
    ChannelChange,
    Patch,
    apply_patches,
    issue,
)
from fbm_sync.emulator.notifications.shapes import ISSUES_CHANGE, QUANTITY_CHANGE, issues_fact
from fbm_sync.emulator.shop import MERCHANT_CHANNEL, Announce, JsonObject, ShopRules

GENERIC_PRODUCT_TYPE = "PRODUCT"


@dataclass(slots=True)
class Live:
    """What buyers are offered from one channel now; handling None means the account's default."""

    quantity: int = 0
    handling_days: int | None = None
    restock_on: date | None = None


@dataclass(slots=True)
class InFlight:
    """An accepted submission that is not live yet; without `due_at` it never will be."""

    submission_id: str
    due_at: datetime | None
    changes: list[ChannelChange]
    ends_listing: bool = False


@dataclass(slots=True, kw_only=True)
class Listing:
    """One SKU; `submitted` is what the seller last sent, `live` what Amazon makes of it, by channel."""

    sku: str
    asin: str
    title: str
    product_type: str
    price: str | None
    currency: str
    created_at: datetime
    updated_at: datetime
    submitted: list[JsonObject] = field(default_factory=list)
    live: dict[str, Live] = field(default_factory=dict)
    in_flight: list[InFlight] = field(default_factory=list)
    issues: list[JsonObject] = field(default_factory=list)

    @property
    def merchant(self) -> Live | None:
        """The seller-fulfilled offer, None where only Amazon ships this SKU."""
        return self.live.get(MERCHANT_CHANNEL)

    @property
    def is_buyable(self) -> bool:
        """Whether a buyer can order it now from any channel."""
        return any(live.quantity > 0 for live in self.live.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a person changes in Seller Central: live at once; None leaves a field as it is.

    `issues` is Amazon's side: what it finds fault with from now on.
    """

    sku: str
    quantity: int | None = None
    handling_days: int | None = None
    restock_on: date | None = None
    clear_restock: bool = False
    issues: list[JsonObject] | None = None

    @property
    def touches_offer(self) -> bool:
        """Whether the person changes the offer itself, not only what Amazon finds fault with."""
        given = (self.quantity, self.handling_days, self.restock_on)
        return self.clear_restock or given != (None, None, None) or self.issues is None


class Catalogue:
    """All listings of the account, and the rules by which submissions and orders change them."""

    def __init__(
        self, rules: ShopRules, agenda: Agenda, new_id: Callable[[], str], announce: Announce
    ) -> None:
        self._rules = rules
        self._agenda = agenda
        self._new_id = new_id
        self._announce = announce
        self.listings: dict[str, Listing] = {}

    def submit(
        self, listing: Listing, product_type: str, patches: list[Patch], now: datetime, *, preview: bool
    ) -> JsonObject:
        """Judge a patch; when accepted it is shown as submitted at once and goes live later.

        The quantity then goes live as the absolute number submitted: orders placed in between are
        overwritten, which is how a real seller comes to sell the same unit twice.
        """
        outcome = apply_patches(
            listing.submitted,
            patches,
            marketplace_id=self._rules.marketplace_id,
            lead_time_alone=self._rules.lead_time_alone,
        )
        if product_type not in (listing.product_type, GENERIC_PRODUCT_TYPE):
            message = f"'{product_type}' is not the product type of this listing."
            outcome.issues.insert(0, issue(message, "product_type"))
        answer: JsonObject = {"sku": listing.sku, "submissionId": self._new_id(), "issues": outcome.issues}
        if outcome.issues:
            return answer | {"status": "INVALID"}
        if preview:
            return answer | {"status": "VALID"}
        if listing.sku not in self.listings:
            # An offer of a product nobody has described: accepted, and never to be seen.
            return answer | {"status": "ACCEPTED"}
        listing.submitted = outcome.entries
        listing.updated_at = now
        self._send_off(listing, InFlight(answer["submissionId"], None, outcome.changes), now)
        return answer | {"status": "ACCEPTED"}

    def _send_off(self, listing: Listing, submission: InFlight, now: datetime) -> None:
        listing.in_flight.append(submission)
        if listing.sku in self._rules.never_effective:
            return
        submission.due_at = now + timedelta(seconds=self._rules.apply_seconds)
        self._agenda.schedule(submission.due_at, lambda at: self._go_live(listing, submission, at))

    def withdraw(self, listing: Listing, now: datetime) -> None:
        """Delete a listing: its offers end and it is gone once that is live, as late as any change."""
        ends = [ChannelChange(channel, {}, removed=True) for channel in listing.live]
        listing.updated_at = now
        self._send_off(listing, InFlight(self._new_id(), None, ends, ends_listing=True), now)

    def _go_live(self, listing: Listing, submission: InFlight, at: datetime) -> None:
        listing.in_flight.remove(submission)
        listing.updated_at = at
        for change in submission.changes:
            self._make_live(listing, change, at)
        if submission.ends_listing:
            self.listings.pop(listing.sku, None)

    def _make_live(self, listing: Listing, change: ChannelChange, at: datetime) -> None:
        before = listing.live.get(change.channel, Live()).quantity
        _change_live(listing, change)
        self._tell_quantity(listing, change.channel, before, at)

    def _tell_quantity(self, listing: Listing, channel: str, before: int, at: datetime) -> None:
        quantity = listing.live.get(channel, Live()).quantity
        if channel.startswith("AMAZON") or quantity == before:
            return
        fact = {"FulfillmentChannelCode": channel, "Sku": listing.sku, "Quantity": quantity}
        self._announce(QUANTITY_CHANGE, fact, at)

    def edit(self, edit: Edit, now: datetime) -> str | None:
        """Change a listing by hand, live at once; answers why not, or None when done."""
        listing = self.listings.get(edit.sku)
        if listing is None:
            return f"no listing has the SKU {edit.sku}"
        if edit.issues is not None:
            self._find_fault(listing, edit.issues, now)
        if edit.touches_offer:
            self._edit_offer(listing, edit, now)
        return None

    def _find_fault(self, listing: Listing, issues: list[JsonObject], now: datetime) -> None:
        if issues != listing.issues:
            listing.issues = issues
            fact = issues_fact(listing.sku, listing.asin, self._rules.marketplace_id, issues)
            self._announce(ISSUES_CHANGE, fact, now)

    def _edit_offer(self, listing: Listing, edit: Edit, now: datetime) -> None:
        named: JsonObject = {}
        if edit.quantity is not None:
            named[QUANTITY] = edit.quantity
        if edit.handling_days is not None:
            named[LEAD_TIME] = edit.handling_days
        if edit.restock_on is not None or edit.clear_restock:
            named[RESTOCK_DATE] = edit.restock_on.isoformat() if edit.restock_on else None
        self._make_live(listing, ChannelChange(MERCHANT_CHANNEL, named), now)
        entry: JsonObject = {SELECTOR: MERCHANT_CHANNEL, "marketplace_id": self._rules.marketplace_id}
        for earlier in listing.submitted:
            if earlier[SELECTOR] == MERCHANT_CHANNEL:
                entry |= earlier
        entry |= named
        others = [e for e in listing.submitted if e[SELECTOR] != MERCHANT_CHANNEL]
        listing.submitted = [{k: v for k, v in entry.items() if v is not None}, *others]
        listing.updated_at = now

    def handling_days(self, live: Live | None) -> int:
        """The handling time a new order gets: Amazon's automated one, else the SKU's, else the account's."""
        if self._rules.automated_handling_days is not None:
            return self._rules.automated_handling_days
        if live is not None and live.handling_days is not None:
            return live.handling_days
        return self._rules.default_handling_days

    def take_units(self, sku: str, quantity: int, at: datetime) -> int:
        """Lower the live quantity by an order; answers how many units were really there."""
        listing = self.listings[sku]
        live = listing.merchant
        if live is None:
            return 0
        before = live.quantity
        live.quantity -= min(before, quantity)
        self._tell_quantity(listing, MERCHANT_CHANNEL, before, at)
        return before - live.quantity

    def put_back(self, sku: str, quantity: int, at: datetime) -> None:
        """Offer cancelled units again."""
        listing = self.listings.get(sku)
        if listing is not None and listing.merchant is not None:
            before = listing.merchant.quantity
            listing.merchant.quantity += quantity
            self._tell_quantity(listing, MERCHANT_CHANNEL, before, at)


def _change_live(listing: Listing, change: ChannelChange) -> None:
    if change.removed:
        listing.live.pop(change.channel, None)
        return
    live = listing.live.setdefault(change.channel, Live())
    if QUANTITY in change.fields:
        live.quantity = change.fields[QUANTITY]
    if LEAD_TIME in change.fields:
        live.handling_days = change.fields[LEAD_TIME]
    if RESTOCK_DATE in change.fields:
        day = change.fields[RESTOCK_DATE]
        live.restock_on = None if day is None else date.fromisoformat(day)


def draft(sku: str, product_type: str, now: datetime) -> Listing:
    """The beginning of a listing: a SKU of which nothing is known yet."""
    return Listing(
        sku=sku,
        asin="",
        title="",
        product_type=product_type,
        price=None,
        currency="",
        created_at=now,
        updated_at=now,
    )


def submitted_entry(live: Live, marketplace_id: str) -> JsonObject:
    """The availability entry a seller must have submitted for this to be live."""
    entry: JsonObject = {SELECTOR: MERCHANT_CHANNEL, QUANTITY: live.quantity}
    if live.handling_days is not None:
        entry[LEAD_TIME] = live.handling_days
    if live.restock_on is not None:
        entry[RESTOCK_DATE] = live.restock_on.isoformat()
    return entry | {"marketplace_id": marketplace_id}


def submitted_copy(listing: Listing) -> list[JsonObject]:
    """The submitted entries, safe to hand out."""
    return copy.deepcopy(listing.submitted)
