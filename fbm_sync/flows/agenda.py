"""What one push is about to do: which changes go, which wait, and for whom they wait."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt, lowering_part, rebase
from fbm_sync.domain.guard import OnSale, is_modest
from fbm_sync.domain.hold import DroppedChange, Hold, SortedPush, sort_changes
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.domain.review import checksum_of_changes
from fbm_sync.errors import ConfigError
from fbm_sync.ports import Books


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The changes of one push, sorted.

    `held` wait, for the `reasons`; `hold_id` names the hold when a person can release it. `deferred`
    counts listings that moved since they were planned, `queued` those that an unfinished feed changes,
    `dropped` changes that a person said no to. What goes and what waits is reviewed as `checksum`.
    """

    go: tuple[OfferChange, ...]
    held: tuple[OfferChange, ...] = ()
    reasons: tuple[str, ...] = ()
    hold_id: str | None = None
    unchanged: int = 0
    deferred: int = 0
    queued: int = 0
    dropped: int = 0
    checksum: str = ""


def draw_up(
    books: Books,
    account: str,
    limits: PushLimits,
    now: datetime,
    skus: Sequence[Sku] = (),
    *,
    release: str | None = None,
    reviewed: str | None = None,
) -> Agenda:
    """Sort an account's wanted changes into those that go and those that wait, and record the hold.

    `skus` narrows it. Of a change that waits, the part that takes units off sale goes all the same.
    `release` lets the changes of a hold go; nothing is done unless the changes, before that, are those
    `reviewed`. Raises `ConfigError` when they are not, and when there is no such hold.
    """
    look = _look(books, account, limits, now, skus)
    if reviewed is not None and look.agenda.checksum != reviewed:
        raise ConfigError(
            [f"--only-if: the changes of account {account} are not those that were reviewed"],
            next_step="See with 'fbm-sync push' what they are now, and its new checksum.",
        )
    if release is not None:
        whole = _look(books, account, limits, now, ())
        hold = _in_force(whole, "--release", release)
        # Released again, it counts from now: a release does not last for ever.
        books.offers.record_hold(dataclasses.replace(hold, released_at=now))
        look = _look(books, account, limits, now, skus)
    _record(books, account, look, whole=not skus)
    return look.agenda


def preview(books: Books, account: str, limits: PushLimits, now: datetime, skus: Sequence[Sku]) -> Agenda:
    """Tell what a push would do now, and record nothing."""
    return _look(books, account, limits, now, skus).agenda


def drop(
    books: Books, account: str, limits: PushLimits, now: datetime, hold_id: str, skus: Sequence[Sku] = ()
) -> int:
    """Say no to the changes of a hold, or to those of some SKUs; return how many they are.

    They are not made until something else is decided. Raises `ConfigError` when there is no such hold, or it
    has nothing of a SKU.
    """
    hold = _in_force(_look(books, account, limits, now, ()), "--drop", hold_id)
    unknown = sorted(set(skus) - {change.sku for change in hold.changes})
    if unknown:
        raise ConfigError([f"--sku {sku}: hold {hold_id} has no change of this SKU" for sku in unknown])
    dropped = [
        DroppedChange(account=account, sku=change.sku, offer=change.after, hold_id=hold_id, dropped_at=now)
        for change in hold.changes
        if not skus or change.sku in skus
    ]
    books.offers.drop(dropped)
    _record(books, account, _look(books, account, limits, now, ()), whole=True)
    return len(dropped)


# --- what is wanted ----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at what is wanted: the agenda, what people were and are asked, and which drops are over."""

    agenda: Agenda
    holds: tuple[Hold, ...]
    sorted: SortedPush
    outdated: frozenset[Sku]


def _look(books: Books, account: str, limits: PushLimits, now: datetime, skus: Sequence[Sku]) -> _Look:
    holds = books.offers.holds(account)
    wanted = _wanted(books, account, limits, now, skus, holds)
    found = sort_changes(
        account,
        wanted.changes,
        OnSale() if is_modest(wanted.changes) else books.offers.on_sale(account),
        limits,
        holds,
        now,
        unsettled=wanted.deferred | wanted.queued,
    )
    why = why_raises_wait(books, account, limits, now)
    raises = tuple(change for change in found.go if why is not None and not change.is_decrease)
    held = (*found.held, *raises)
    lowered = (lowering_part(change) for change in (*held, *wanted.dropped))
    go = (
        *(part for part in lowered if part is not None),
        *(change for change in found.go if why is None or change.is_decrease),
    )
    agenda = Agenda(
        go=go,
        held=held,
        reasons=(*found.reasons, *([why] if why is not None and raises else [])),
        hold_id=found.hold.hold_id if found.hold is not None and found.held else None,
        unchanged=books.offers.count_decided(account, skus) - wanted.count,
        deferred=len(wanted.deferred),
        queued=len(wanted.queued),
        dropped=len(wanted.dropped),
        checksum=checksum_of_changes(go, held),
    )
    return _Look(agenda=agenda, holds=holds, sorted=found, outdated=wanted.outdated)


@dataclasses.dataclass(slots=True)
class _Wanted:
    """What is still to be made of the decisions: changes, those with a no, SKUs that moved or lie in a feed.

    `outdated` are SKUs of which a no is over, because something else is wanted now.
    """

    changes: list[OfferChange] = dataclasses.field(default_factory=list)
    dropped: list[OfferChange] = dataclasses.field(default_factory=list)
    deferred: set[Sku] = dataclasses.field(default_factory=set)
    queued: set[Sku] = dataclasses.field(default_factory=set)
    outdated: frozenset[Sku] = frozenset()

    @property
    def count(self) -> int:
        """How many SKUs these are."""
        return len(self.changes) + len(self.dropped) + len(self.deferred) + len(self.queued)


def _wanted(
    books: Books,
    account: str,
    limits: PushLimits,
    now: datetime,
    skus: Sequence[Sku],
    holds: Sequence[Hold],
) -> _Wanted:
    """Find what is wanted of an account's listings, or of some of them; a locked one is left alone.

    A change that Amazon refused, or that is queued there, is not sent again until the decision or the
    grace time says so, or a person lets it go.
    """
    asked = {change.sku: hold for hold in holds for change in hold.changes}
    locked = books.supply.locked()
    decisions = [
        one for one in books.offers.asking(account, skus, but_in_feeds=True) if one.sku not in locked
    ]
    observed = books.offers.observed(account, [one.sku for one in decisions]) if decisions else {}
    answers = books.offers.receipts(account, _ANSWERS) if decisions else ()
    answered = {receipt.change.sku: receipt for receipt in answers}
    pushed_at = books.runs.last_success("push", account)
    dropped = books.offers.dropped(account)
    in_feeds = books.pushes.in_feeds(account)
    found = _Wanted(queued=set(in_feeds.intersection(skus) if skus else in_feeds))
    for decision in decisions:
        sku, seen = decision.sku, observed.get(decision.sku)
        if decision.desired is None or seen is None:
            continue
        if seen.offer == decision.desired:
            continue
        planned = OfferChange(
            account=account,
            sku=sku,
            product_type=seen.product_type,
            before=decision.observed or seen.offer,
            after=decision.desired,
        )
        change, refused = rebase(planned, seen.offer), dropped.get(sku)
        answer = answered.get(sku)
        queued = _is_answered(planned.after, answer, limits, pushed_at, now)
        if change is not None and not change.is_decrease and answer is not None and sku in asked:
            # Held when its turn had come, it was not tried again: that is for a person to say.
            let_go_at = asked[sku].released_at
            queued = queued and let_go_at is not None and let_go_at <= answer.at
        if change is not None and refused is not None and refused.stops(change):
            found.dropped.append(change)
        elif change is None and (refused is not None or not queued):
            found.deferred.add(sku)
        elif change is not None and not queued:
            found.changes.append(change)
    stands = {change.sku for change in found.dropped} | found.deferred | found.queued
    found.outdated = frozenset(sku for sku in dropped if sku not in stands and (not skus or sku in skus))
    return found


_ANSWERS = (PushOutcome.ACCEPTED, PushOutcome.REJECTED, PushOutcome.UNKNOWN)
"""After which a change is not sent again for a while."""


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
    if receipt is None or receipt.change.after != wanted or receipt.outcome not in _ANSWERS:
        return False
    if receipt.outcome is PushOutcome.UNKNOWN:
        return True
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


def _record(books: Books, account: str, look: _Look, *, whole: bool) -> None:
    """Remember what people are asked, and forget the questions and answers that are over.

    A look at a few SKUs says nothing about the others.
    """
    asked = look.sorted.hold
    if asked is not None and asked not in look.holds:
        books.offers.record_hold(asked)
    if whole:
        holds = (*look.sorted.released, *([asked] if asked is not None else []))
        books.offers.end_holds(account, but=[hold.hold_id for hold in holds])
    if look.outdated:
        books.offers.take_up(account, look.outdated)


def _in_force(look: _Look, option: str, hold_id: str) -> Hold:
    """Return a hold that asks for something still wanted. Raises `ConfigError` when there is no such one."""
    wanted = {change.sku: change for change in (*look.sorted.go, *look.sorted.held) if not change.is_decrease}
    known = {hold.hold_id: hold for hold in look.holds if hold.asks_for(wanted)}
    if hold_id not in known:
        raise no_such_hold(option, hold_id, known)
    return known[hold_id]


def no_such_hold(option: str, hold_id: str, known: Iterable[str]) -> ConfigError:
    """Return the error that a hold is not, or no longer, in force; it names those that are."""
    names = ", ".join(known) or "none"
    return ConfigError(
        [f"{option} {hold_id}: there is no such hold in force (in force: {names})"],
        next_step="See 'fbm-sync push' for the holds in force; new facts make an old hold void.",
    )
