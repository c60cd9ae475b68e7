"""What one push is about to do: which changes go, which wait, and for whom they wait."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt, guard_push, lowering_part, rebase
from fbm_sync.domain.listing import Offer, OfferChange, describe
from fbm_sync.domain.order import Sku
from fbm_sync.errors import ConfigError
from fbm_sync.ports import Books, Hold

RELEASE_LIFE = timedelta(hours=1)
"""How long a person's word lets a held change go."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The changes of one push, sorted.

    `held` wait, for the `reasons`; `hold_id` names the hold when a person can release it. `deferred`
    counts listings that moved since they were planned, `queued` those that an unfinished feed changes.
    """

    go: tuple[OfferChange, ...]
    held: tuple[OfferChange, ...] = ()
    reasons: tuple[str, ...] = ()
    hold_id: str | None = None
    unchanged: int = 0
    deferred: int = 0
    queued: int = 0


def draw_up(books: Books, account: str, limits: PushLimits, now: datetime, skus: Sequence[Sku]) -> Agenda:
    """Sort an account's wanted changes into those that go and those that wait, and record the hold.

    `skus` narrows it. Of a change that waits, the part that takes units off sale goes all the same.
    """
    wanted = _wanted(books, account, limits, now, set(skus))
    guarded = guard_push(wanted.changes, len(books.offers.observed(account)), limits)
    released = _released(books, account, now)
    allowed = tuple(change for change in guarded.held if _is_released(change, released))
    held = tuple(change for change in guarded.held if change not in allowed)
    go, reasons = (*guarded.go, *allowed), guarded.reasons if held else ()
    hold_id = _record_hold(books, account, held, reasons, now)
    if not guarded.held and not skus:
        # Nothing breaks a limit any more. While it does, a release must outlive a push that could not
        # use it; and a look at a few SKUs says nothing about the others.
        books.offers.drop_holds(account)
    why = why_raises_wait(books, account, limits, now)
    raises = tuple(change for change in go if why is not None and not change.is_decrease)
    if why is not None and raises:
        go, held, reasons = tuple(one for one in go if one not in raises), (*held, *raises), (*reasons, why)
    lowered = tuple(part for part in map(lowering_part, held) if part is not None)
    return Agenda(
        go=(*lowered, *go),
        held=held,
        reasons=reasons,
        hold_id=hold_id,
        unchanged=wanted.unchanged,
        deferred=wanted.deferred,
        queued=wanted.queued,
    )


@dataclasses.dataclass(slots=True)
class _Wanted:
    changes: tuple[OfferChange, ...] = ()
    unchanged: int = 0
    deferred: int = 0
    queued: int = 0


def _wanted(books: Books, account: str, limits: PushLimits, now: datetime, only: set[Sku]) -> _Wanted:
    """Return the changes still to be made, and how many SKUs need none or must be planned again.

    A change that Amazon refused, or that is queued there, is not sent again until the decision or the
    grace time says so.
    """
    answered = {receipt.change.sku: receipt for receipt in books.offers.receipts(account)}
    in_feeds = books.pushes.in_feeds(account)
    pushed_at = books.runs.last_success("push", account)
    observed = books.offers.observed(account)
    found = _Wanted()
    for decision in books.offers.decisions():
        seen = observed.get(decision.sku)
        if decision.account != account or (only and decision.sku not in only) or seen is None:
            continue
        if decision.desired is None:
            continue
        if decision.sku in in_feeds:
            found.queued += 1
            continue
        planned = OfferChange(
            account=account,
            sku=decision.sku,
            product_type=seen.product_type,
            before=decision.observed or seen.offer,
            after=decision.desired,
        )
        receipt = answered.get(decision.sku)
        if seen.offer == decision.desired or _is_answered(planned.after, receipt, limits, pushed_at, now):
            found.unchanged += 1
        elif (rebased := rebase(planned, seen.offer)) is not None:
            found.changes = (*found.changes, rebased)
        else:
            found.deferred += 1
    return found


def _is_answered(
    wanted: Offer,
    receipt: PushReceipt | None,
    limits: PushLimits,
    pushed_at: datetime | None,
    now: datetime,
) -> bool:
    """Tell whether Amazon refused just this offer, or has it queued, or cannot say what became of it.

    What was not made (FAILED) is sent again at once. The others wait: what nobody knows until it was looked
    at. A refusal or a queue is tried again once for each grace time that passes: a listing may have been
    mended in Seller Central, and a queue may have lost something.
    """
    if receipt is None or receipt.change.after != wanted:
        return False
    if receipt.outcome is PushOutcome.UNKNOWN:
        return True
    if receipt.outcome not in (PushOutcome.ACCEPTED, PushOutcome.REJECTED):
        return False
    grace = timedelta(minutes=max(1, limits.confirm_grace_minutes))
    last = max(receipt.at, pushed_at or receipt.at)
    return (now - receipt.at) // grace == (last - receipt.at) // grace


def why_raises_wait(books: Books, account: str, limits: PushLimits, now: datetime) -> str | None:
    """Say why nothing may be raised now, for as long as it lasts; no person can release that."""
    pause = books.runs.paused()
    if pause is not None:
        return f"raises are paused since {pause.since:%Y-%m-%d %H:%M}Z: {pause.reason}"
    last, limit = books.runs.last_success("pull", account), limits.max_order_age_minutes
    if last is None or now - last > timedelta(minutes=limit):
        age = "never" if last is None else f"{(now - last).total_seconds() / 60:.0f} min ago"
        return f"orders were last read {age}, limits.max_order_age_minutes allows {limit} min"
    return None


# --- holds -------------------------------------------------------------------------------------------


def let_go(books: Books, account: str, hold_id: str, now: datetime) -> None:
    """Mark a hold as released by a person. Raises `ConfigError` when there is no such hold in force."""
    known = [hold.hold_id for hold in books.offers.holds(account)]
    if hold_id not in known or books.offers.release(hold_id, now) is None:
        names = ", ".join(known) or "none"
        raise ConfigError([f"--release {hold_id}: there is no such hold in force (in force: {names})"])


def hold_id_of(account: str, changes: Sequence[OfferChange]) -> str:
    """Name a hold by its content, so that what is released is exactly what was shown."""
    lines = sorted(f"{change.sku} {describe(change.after)}" for change in changes)
    return hashlib.sha256("\n".join([account, *lines]).encode()).hexdigest()[:8]


def _record_hold(
    books: Books, account: str, held: tuple[OfferChange, ...], reasons: tuple[str, ...], now: datetime
) -> str | None:
    if not held:
        return None
    hold = Hold(
        hold_id=hold_id_of(account, held), account=account, reasons=reasons, changes=held, held_at=now
    )
    books.offers.record_hold(hold)
    return hold.hold_id


def _released(books: Books, account: str, now: datetime) -> Mapping[Sku, Offer]:
    return {
        change.sku: change.after
        for hold in books.offers.holds(account)
        if hold.released_at is not None and now - hold.released_at <= RELEASE_LIFE
        for change in hold.changes
    }


def _is_released(change: OfferChange, released: Mapping[Sku, Offer]) -> bool:
    """Tell whether a person let this change go; sales since then may only have made it smaller."""
    offer = released.get(change.sku)
    if offer is None or change.after.quantity > offer.quantity:
        return False
    return (change.after.handling_days, change.after.restock_on) == (offer.handling_days, offer.restock_on)
