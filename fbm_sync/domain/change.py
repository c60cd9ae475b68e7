"""A push of changes to Amazon: the limits set for it, what Amazon answered, what proves it live."""

import dataclasses
import enum
from datetime import date, datetime

from fbm_sync.domain.listing import Offer, OfferChange


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushLimits:
    """How much one push may change before a person is asked; the first limit reached holds the raises.

    Shares are of the account's listings, that of raised units of the units it has on sale (1 doubles them).
    The age limits keep a raise from resting on stale facts.
    """

    max_changed: int = 500
    max_changed_share: float = 0.3
    max_zeroed: int = 100
    max_zeroed_share: float = 0.2
    max_raised_units: int = 10_000
    max_raised_share: float = 0.5
    max_lengthened: int = 200
    max_lengthened_share: float = 0.2
    max_order_age_minutes: int = 15
    max_supply_age_hours: int = 26
    max_supply_shrink_share: float = 0.5
    confirm_grace_minutes: int = 360
    feed_patience_minutes: int = 30


class PushOutcome(enum.StrEnum):
    """What became of a change; ACCEPTED means queued at Amazon, only CONFIRMED means seen live.

    FAILED means that it was not made, UNKNOWN that Amazon cannot say: only a look at the listing can.
    """

    VALID = "valid"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushReceipt:
    """Amazon's answer to one change; `problems` are Amazon's own words.

    Once the change was seen live, `accepted_at` tells when Amazon had accepted it.
    """

    change: OfferChange
    outcome: PushOutcome
    at: datetime
    submission_id: str | None = None
    problems: tuple[str, ...] = ()
    accepted_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FeedTicket:
    """Changes handed to Amazon in one feed, which it works off in its own time: what to ask for the outcome.

    Amazon speaks of a change by its number in the feed, the first being 1.
    """

    feed_id: str
    submitted_at: datetime
    changes: tuple[OfferChange, ...]

    def change(self, number: int) -> OfferChange | None:
        """Return the change of that number; `None` when there is none."""
        return self.changes[number - 1] if 0 < number <= len(self.changes) else None


def is_live(change: OfferChange, seen: Offer, *, bought_units: int = 0, returned_units: int = 0) -> bool:
    """Tell whether what Amazon shows now proves that a change has taken effect.

    Orders lower the live quantity after a change, so a raise is proven by any quantity above the old
    one, a decrease by any quantity not above the new one. Of `bought_units` it is known that they were
    bought since, without them more would be shown; `returned_units` came back from cancelled orders, without
    them less. A decrease taken for made too early is seen to be missing at once, and sent again. The promise
    must match exactly.
    """
    if _promise(seen) != _promise(change.after):
        return False
    if change.after.quantity > change.before.quantity:
        return change.before.quantity < seen.quantity + bought_units
    return seen.quantity <= change.after.quantity + returned_units


def rebase(change: OfferChange, seen: Offer, *, gone_units: int = 0) -> OfferChange | None:
    """Return a planned change as it must be now that the listing shows `seen`; `None`: plan it again.

    Orders placed since the plan's look have lowered the live quantity; writing the planned number would
    sell those units a second time, so the change is lowered by as many. If the plan knew of them
    already, that is one unit too few for one more turn, never one too many. `gone_units` had left the listing
    before the plan's look, and no order was read that tells why: they count as sold, too. A listing that
    shows more units than expected, or another promise, was moved by somebody else: then only a decrease goes.
    """
    sold = max(0, change.before.quantity - seen.quantity) + gone_units
    after = dataclasses.replace(change.after, quantity=max(0, change.after.quantity - sold))
    moved = _promise(seen) != _promise(change.before)
    if after.quantity < seen.quantity and moved:
        after = dataclasses.replace(seen, quantity=after.quantity)
    elif after.quantity >= seen.quantity and (moved or seen.quantity > change.before.quantity):
        return None
    return None if after == seen else _to(change, seen, after)


def _promise(offer: Offer) -> tuple[int | None, date | None]:
    return (offer.handling_days, offer.restock_on)


def lowering_part(change: OfferChange) -> OfferChange | None:
    """Return the part of a waiting change that takes units off sale, which need not wait."""
    if change.after.quantity >= change.before.quantity:
        return None
    return _to(change, change.before, dataclasses.replace(change.before, quantity=change.after.quantity))


def _to(change: OfferChange, before: Offer, after: Offer) -> OfferChange:
    return dataclasses.replace(change, before=before, after=after)
