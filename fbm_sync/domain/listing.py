"""What a listing shows: units on sale, handling time, restock date; and a step from one to another."""

import dataclasses
import enum
from datetime import date, datetime

from fbm_sync.domain.order import Sku


class ListingMode(enum.StrEnum):
    """How a listing sells: one quantity and one promise serve every unit, so modes never mix."""

    IN_STOCK = "in_stock"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    SOLD_OUT = "sold_out"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a listing offers: units, ship days of handling time, and the restock date or `None`.

    `handling_days` of `None` means the account's default, which no one has overridden.
    """

    quantity: int
    handling_days: int | None
    restock_on: date | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObservedOffer:
    """What Amazon showed for a SKU when we last looked: the memory against which changes are found.

    `offer.quantity` is the *live* quantity, which Amazon lowers as orders arrive; handling time and
    restock date are what was last submitted (Amazon shows no live value of them). `other_channels`
    names channel codes besides the merchant's own: such a SKU is never touched.
    """

    account: str
    sku: Sku
    offer: Offer
    observed_at: datetime
    product_type: str = "PRODUCT"
    title: str | None = None
    other_channels: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedListing:
    """One listing as a report of Amazon's names it: a second witness beside what the listing itself shows.

    `quantity` is `None` where the report leaves it out, as it does for what Amazon fulfils. `status` is
    Amazon's word and `channel` the code of who fulfils; `None` where that report does not say.
    """

    account: str
    sku: Sku
    marketplace: str
    quantity: int | None = None
    status: str | None = None
    channel: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OfferChange:
    """One SKU's step from what Amazon shows to what it should show."""

    account: str
    sku: Sku
    product_type: str
    before: Offer
    after: Offer

    @property
    def raised_units(self) -> int:
        """Units put on sale by it; zero for a decrease."""
        return max(0, self.after.quantity - self.before.quantity)

    @property
    def zeroes(self) -> bool:
        """Whether it takes the SKU off sale: the most urgent change there is."""
        return self.after.quantity == 0 < self.before.quantity

    @property
    def changes_quantity(self) -> bool:
        """Whether the quantity moves."""
        return self.after.quantity != self.before.quantity

    @property
    def changes_promise(self) -> bool:
        """Whether handling time or restock date moves."""
        return (self.after.handling_days, self.after.restock_on) != (
            self.before.handling_days,
            self.before.restock_on,
        )

    @property
    def lengthens(self) -> bool:
        """Whether buyers are promised a later day: more handling time, or a new or later restock date.

        The account's default handling time is not known, so a step from it or to it counts as one.
        """
        before, after = self.before, self.after
        if after.restock_on is not None and (
            before.restock_on is None or after.restock_on > before.restock_on
        ):
            return True
        if after.handling_days is None or before.handling_days is None:
            return after.handling_days != before.handling_days
        return after.handling_days > before.handling_days

    @property
    def is_decrease(self) -> bool:
        """Whether it only takes units off sale, which is safe at any time."""
        return self.after.quantity < self.before.quantity and not self.changes_promise


def describe(offer: Offer) -> str:
    """Say an offer in words: quantity, handling time, restock date."""
    handling = (
        "account's handling time" if offer.handling_days is None else f"{offer.handling_days} days handling"
    )
    restock = f", back in stock {offer.restock_on}" if offer.restock_on else ""
    return f"{count_units(offer.quantity)}, {handling}{restock}"


def count_units(units: int | None) -> str:
    """Say a number of units in words."""
    return "unknown" if units is None else f"{units} unit" if units == 1 else f"{units} units"
