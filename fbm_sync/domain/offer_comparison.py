"""Do listings show what they were left with? What they show now, held against what was seen, written, wanted.

What buyers took, what cancelled orders gave back and what we have written is no drift, and neither is what
we want anyway. Beside the last look there is a second witness: what Amazon confirmed that we wrote. It tells
of a listing that came back to life long ago, before anybody looked.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.drift import ECHO, Drift, drift_between, is_ours, is_over, may_have_drifted
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.order import Sku

GONE_AFTER = timedelta(days=1)
"""A listing that was shown later than this ago may come back with the next look; then it is gone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KnownListing:
    """What is known of a listing before a look.

    `shown` is what the last look saw, `confirmed` the newest write that was seen live, `drift` one that is
    known and not over. `written` are Amazon's answers to our latest changes and `returned_units` were on
    orders cancelled lately; both are looked up only where `is_suspect` says that they matter. `wanted` is
    what was decided.
    """

    shown: ObservedOffer
    confirmed: PushReceipt | None = None
    drift: Drift | None = None
    wanted: Offer | None = None
    written: tuple[PushReceipt, ...] = ()
    returned_units: int = 0

    @property
    def witnesses(self) -> tuple[ObservedOffer, ...]:
        """What the listing must still show, less what was sold: by the last look, and by the last write."""
        if self.confirmed is None or self.confirmed.outcome is not PushOutcome.CONFIRMED:
            return (self.shown,)
        left = dataclasses.replace(
            self.shown, offer=self.confirmed.change.after, observed_at=self.confirmed.at
        )
        return (self.shown, left)

    @property
    def told_since(self) -> datetime:
        """Since when answers and cancelled orders explain what it shows."""
        return min(witness.observed_at for witness in self.witnesses) - ECHO


def is_suspect(known: KnownListing, seen: ObservedOffer) -> bool:
    """Tell whether a listing shows something that has to be explained."""
    return known.drift is not None or any(may_have_drifted(one, seen) for one in known.witnesses)


def compare_offers(known: Mapping[Sku, KnownListing], seen: Iterable[ObservedOffer]) -> tuple[Drift, ...]:
    """Say which listings show what neither buyers nor we brought about, by SKU.

    A listing that was never seen before is news, and a look older than the last one tells nothing.
    """
    found = []
    for offer in sorted(seen, key=lambda one: one.sku):
        listing = known.get(offer.sku)
        if listing is not None and listing.shown.observed_at <= offer.observed_at:
            drift = _drift(listing, offer)
            if drift is not None:
                found.append(drift)
    return tuple(found)


def _drift(known: KnownListing, seen: ObservedOffer) -> Drift | None:
    wanted, former = known.wanted, known.drift
    if wanted is not None and _shows(wanted, seen.offer):
        return None
    if former is not None:
        if is_over(former, seen.offer) or is_ours(seen.offer, known.written, former.seen_at):
            return None
        return dataclasses.replace(former, shown=seen.offer)
    drifts = (
        drift_between(witness, seen, known.written, known.returned_units) for witness in known.witnesses
    )
    return next((drift for drift in drifts if drift is not None), None)


def _shows(wanted: Offer, shown: Offer) -> bool:
    """Tell whether a listing shows what it should, apart from what was sold."""
    return shown == dataclasses.replace(wanted, quantity=shown.quantity) and shown.quantity <= wanted.quantity


def gone_listings(
    known: Iterable[ObservedOffer], wanted: Mapping[Sku, Offer | None], now: datetime
) -> tuple[Sku, ...]:
    """Return which of the listings that Amazon does not show any more are gone for good, and wanted.

    `known` are listings that neither the whole look nor a look at them alone has shown. One that was shown
    shortly before may come back; one that is not to sell anything anyway is nobody's loss.
    """
    found = []
    for listing in known:
        offer = wanted.get(listing.sku)
        if offer is not None and offer.quantity > 0 and now - listing.observed_at >= GONE_AFTER:
            found.append(listing.sku)
    return tuple(sorted(found))
