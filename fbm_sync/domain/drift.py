"""Offers that changed at Amazon without us: somebody edited them, or what was sold out came back to life.

What we wrote, what buyers took and what cancelled orders gave back is no drift. A drift lasts until the
listing shows again what it showed, or what we have written since.
"""

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import ObservedOffer, Offer, count_units, describe
from fbm_sync.domain.order import Sku

OURS = frozenset({PushOutcome.ACCEPTED, PushOutcome.CONFIRMED, PushOutcome.UNKNOWN})
"""What became of a change that may show at Amazon."""

ECHO = timedelta(days=1)
"""How long what we wrote, or what a cancelled order gave back, may take to show."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """An offer that is not as it was left: what it showed before, what it shows, when that was seen."""

    account: str
    sku: Sku
    was: Offer
    shown: Offer
    seen_at: datetime

    @property
    def moved_promise(self) -> bool:
        """Whether the handling time or the restock date moved."""
        return _promise(self.was) != _promise(self.shown)

    @property
    def raised(self) -> bool:
        """Whether more units are on sale than before."""
        return self.shown.quantity > self.was.quantity


def may_have_drifted(before: ObservedOffer, seen: ObservedOffer) -> bool:
    """Tell whether a listing shows something that buyers alone cannot have brought about."""
    known, shown = before.offer, seen.offer
    return shown.quantity > known.quantity or _promise(_lapsed(known, seen)) != _promise(shown)


def drift_between(
    before: ObservedOffer, seen: ObservedOffer, answers: Iterable[PushReceipt], returned_units: int
) -> Drift | None:
    """Say how a listing drifted between two looks; `None` when all of it is explained.

    `answers` are Amazon's to our latest changes of it, `returned_units` were on orders cancelled lately. A
    restock date that is over may vanish by itself.
    """
    if not may_have_drifted(before, seen):
        return None
    was, shown = _lapsed(before.offer, seen), seen.offer
    if is_ours(shown, answers, before.observed_at - ECHO):
        return None
    if _promise(was) == _promise(shown) and shown.quantity <= was.quantity + returned_units:
        return None
    return Drift(account=seen.account, sku=seen.sku, was=was, shown=shown, seen_at=seen.observed_at)


def is_ours(shown: Offer, answers: Iterable[PushReceipt], since: datetime) -> bool:
    """Tell whether a listing shows what we have written since an instant, less what buyers took of it."""
    written = [one.change.after for one in answers if one.outcome in OURS and one.at >= since]
    return any(_promise(shown) == _promise(offer) and shown.quantity <= offer.quantity for offer in written)


def is_over(drift: Drift, shown: Offer) -> bool:
    """Tell whether a listing is again as it was before it drifted, apart from what was sold."""
    return _promise(shown) == _promise(drift.was) and shown.quantity <= drift.was.quantity


def drift_finding(drift: Drift, wanted: Offer | None) -> Finding | None:
    """Return the finding that a listing shows what we did not write; `None` where that is what we want.

    More units on sale than there are is the worst of it: that sells what nobody has.
    """
    if wanted is not None and is_over(dataclasses.replace(drift, was=wanted), drift.shown):
        return None
    oversells = drift.raised and wanted is not None and drift.shown.quantity > wanted.quantity
    what = "came back to life" if drift.raised and drift.was.quantity == 0 else "was changed at Amazon"
    text = (
        f"{drift.sku} {what}, and not by us: it shows {describe(drift.shown)}, "
        f"where it showed {describe(drift.was)}."
    )
    if wanted is not None:
        text += f" It should show {describe(wanted)}."
    if oversells and wanted is not None:
        more = count_units(drift.shown.quantity - wanted.quantity)
        text += f" {more} more can be sold than there should be."
    return Finding(
        account=drift.account,
        kind="drift",
        subject=drift.sku,
        severity=Severity.CRITICAL if oversells else Severity.WARNING,
        text=text,
        action="The next push puts it right; find out who or what edits the listing.",
    )


def _promise(offer: Offer) -> tuple[object, object]:
    return (offer.handling_days, offer.restock_on)


def _lapsed(offer: Offer, seen: ObservedOffer) -> Offer:
    """Return an offer without a restock date that is over, where that has vanished."""
    restock_on = offer.restock_on
    if restock_on is None or seen.offer.restock_on is not None or restock_on > seen.observed_at.date():
        return offer
    return dataclasses.replace(offer, restock_on=None)
