"""Changes that wait for a person: what is held, what a person let go of it, what a person refused.

A hold is named by its content, so that whoever answers it answers what was shown, and nothing else. What
was held waits for the answer although the rest of its push has gone meanwhile and nothing breaks a limit
any more: otherwise every absurd push would go five minutes later, its decreases first.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.guard import OnSale, guard_push, most_urgent_first
from fbm_sync.domain.listing import Offer, OfferChange, describe
from fbm_sync.domain.order import Sku

RELEASE_LIFE = timedelta(hours=1)
"""How long a person's word lets a held change go."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Changes held back for a person; the id is a digest of them, so other changes are another hold."""

    hold_id: str
    account: str
    reasons: tuple[str, ...]
    changes: tuple[OfferChange, ...]
    held_at: datetime
    released_at: datetime | None = None

    def is_released(self, now: datetime) -> bool:
        """Tell whether a person's word lets its changes go now."""
        return self.released_at is not None and now - self.released_at <= RELEASE_LIFE

    def asks_for(self, wanted: Mapping[Sku, OfferChange]) -> bool:
        """Tell whether any of its changes is among those wanted, by SKU; sales may have made it smaller."""
        return any(one.sku in wanted and covers(one.after, wanted[one.sku]) for one in self.changes)

    def speaks_for(self, changes: Iterable[OfferChange]) -> bool:
        """Tell whether all of these are among its changes, or less than those."""
        shown = {change.sku: change.after for change in self.changes}
        return all(change.sku in shown and covers(shown[change.sku], change) for change in changes)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DroppedChange:
    """A change that a person said no to, and the hold it was shown in: it is not made."""

    account: str
    sku: Sku
    offer: Offer
    hold_id: str
    dropped_at: datetime

    def stops(self, change: OfferChange) -> bool:
        """Tell whether this is the change dropped, or less of it; a decrease is never stopped."""
        return not change.is_decrease and covers(self.offer, change)


def covers(shown: Offer, change: OfferChange) -> bool:
    """Tell whether an offer that a person saw is the one a change brings: its promise, no unit more."""
    after = change.after
    same_promise = (after.handling_days, after.restock_on) == (shown.handling_days, shown.restock_on)
    return same_promise and after.quantity <= shown.quantity


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SortedPush:
    """Changes sorted by what limits and people say: go, or held, for the `reasons`.

    `hold` is what people are to be asked, `None` when there is nothing to ask; `released` are the holds
    whose release may still let something go.
    """

    go: tuple[OfferChange, ...]
    held: tuple[OfferChange, ...] = ()
    reasons: tuple[str, ...] = ()
    hold: Hold | None = None
    released: tuple[Hold, ...] = ()


def sort_changes(
    account: str,
    changes: Sequence[OfferChange],
    on_sale: OnSale,
    limits: PushLimits,
    holds: Iterable[Hold],
    now: datetime,
    *,
    unsettled: Collection[Sku] = (),
) -> SortedPush:
    """Sort an account's wanted changes, one for each SKU, by its limits and by what people said.

    A SKU once held stays held, whatever raise is wanted of it, until that is let go or none is wanted any
    more. Of `unsettled` SKUs nobody can say just now what is wanted: what was held of them is in question
    still. A hold goes on under its id as long as it showed all that is held.
    """
    guarded = guard_push(changes, on_sale, limits)
    holds = sorted(holds, key=lambda hold: (hold.held_at, hold.hold_id))
    asked = [hold for hold in holds if not hold.is_released(now)]
    released = [hold for hold in holds if hold.is_released(now)]
    wanted = {change.sku: change for change in changes}
    free = {
        one.sku
        for hold in released
        for one in hold.changes
        if one.sku in wanted and covers(one.after, wanted[one.sku])
    }
    waiting = {change.sku for hold in asked for change in hold.changes}
    stopped = {change.sku for change in guarded.held}
    bound = (waiting | stopped) - free
    kept = {change.sku for change in changes if not change.is_decrease and change.sku in bound}
    ordered = most_urgent_first(changes)
    held = tuple(change for change in ordered if change.sku in kept)
    standing = (*held, *_in_question(asked, unsettled))
    reasons = guarded.reasons if kept & stopped else _reasons_of(asked, standing)
    return SortedPush(
        go=tuple(change for change in ordered if change.sku not in kept),
        held=held,
        reasons=reasons if held else (),
        hold=_question(account, standing, asked, reasons, now) if standing else None,
        released=tuple(
            hold
            for hold in released
            if hold.asks_for(wanted) or any(one.sku in unsettled for one in hold.changes)
        ),
    )


def _in_question(asked: Iterable[Hold], unsettled: Collection[Sku]) -> tuple[OfferChange, ...]:
    """Return what was held of SKUs of which nobody can say now what is wanted, each once."""
    found: dict[Sku, OfferChange] = {}
    for change in (change for hold in asked for change in hold.changes):
        if change.sku in unsettled:
            found.setdefault(change.sku, change)
    return tuple(found.values())


def _reasons_of(asked: Iterable[Hold], standing: Iterable[OfferChange]) -> tuple[str, ...]:
    """Return why SKUs were held that nothing but their hold keeps back."""
    skus = {change.sku for change in standing}
    reasons = (
        reason for hold in asked if any(one.sku in skus for one in hold.changes) for reason in hold.reasons
    )
    return tuple(dict.fromkeys(reasons))


def _question(
    account: str,
    standing: Sequence[OfferChange],
    asked: Iterable[Hold],
    reasons: tuple[str, ...],
    now: datetime,
) -> Hold:
    """Return the hold that asks for all of this: one that does already, else a new one."""
    known = next((hold for hold in asked if hold.speaks_for(standing)), None)
    if known is not None:
        # A release that is over asks again.
        return dataclasses.replace(known, released_at=None)
    hold_id = hold_id_of(account, standing)
    return Hold(hold_id=hold_id, account=account, reasons=reasons, changes=tuple(standing), held_at=now)


def hold_id_of(account: str, changes: Iterable[OfferChange]) -> str:
    """Name a hold by its content, so that what is released is exactly what was shown."""
    lines = sorted(f"{change.sku} {describe(change.after)}" for change in changes)
    return hashlib.sha256("\n".join([account, *lines]).encode()).hexdigest()[:8]
