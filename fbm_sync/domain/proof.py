"""What proves that Amazon made a change, when a report is the witness and not the listing itself.

A report may be hours older than it looks. So it can prove, and only with a number that the listing did not
have before the change; it never disproves.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from fbm_sync.domain.change import PushReceipt
from fbm_sync.domain.listing import ReportedListing
from fbm_sync.domain.order import Sku

MANY = 2_000
"""More changes than this are proven by one report: reading them back one by one takes longer."""


def goes_by_report(receipts: Iterable[PushReceipt]) -> bool:
    """Tell whether so many quantities wait for their proof that a report is the faster witness."""
    return sum(_only_quantity(receipt) for receipt in receipts) > MANY


def proven_by(
    receipts: Iterable[PushReceipt], listings: Iterable[ReportedListing], ordered_at: datetime
) -> tuple[PushReceipt, ...]:
    """Return the accepted changes that a report ordered at an instant proves.

    Only quantities stand in it, so a change of the promise is never proven by it. Of a SKU that is listed in
    several marketplaces all must show the same.
    """
    shown: dict[Sku, set[int | None]] = {}
    for listing in listings:
        shown.setdefault(listing.sku, set()).add(listing.quantity)
    return tuple(
        receipt
        for receipt in receipts
        if receipt.at < ordered_at and _only_quantity(receipt) and _shows(shown, receipt)
    )


def _only_quantity(receipt: PushReceipt) -> bool:
    return receipt.change.changes_quantity and not receipt.change.changes_promise


def _shows(shown: Mapping[Sku, set[int | None]], receipt: PushReceipt) -> bool:
    return shown.get(receipt.change.sku) == {receipt.change.after.quantity}
