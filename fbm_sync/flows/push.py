"""Push: bring Amazon's offers to what was decided: guarded, one SKU at a time, and read back.

Nothing is written in a preview. A raise needs fresh orders, an unchanged listing, no pause and no
breached limit; a decrease always goes, and first. ACCEPTED means queued: only what was read back
counts as done.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from datetime import timedelta

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.errors import StoreError
from fbm_sync.flows.agenda import Agenda, draw_up
from fbm_sync.flows.errand import Errand, PushTerms
from fbm_sync.flows.feeds import Looking, choose, follow, hand_in
from fbm_sync.flows.proof import confirm, glance, settle_unknown
from fbm_sync.flows.writing import preview, write, zero_out
from fbm_sync.ports import (
    Clock,
    Failure,
    FeedChannel,
    Ledger,
    OfferChannel,
    Progress,
    Quota,
    ReportSource,
    unwatched,
)

__all__ = ["PushReport", "PushTerms", "push"]


_SOON_LIVE = timedelta(minutes=30)
"""What is not live so long after Amazon accepted it is not worth a look every minute."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What became of one account's changes.

    `deferred` SKUs moved while we were deciding, or are another writer's; the next plan or push takes them
    up. `queued` ones lie at Amazon in a feed. `hold_reasons` say why raises wait; `hold_id` names the hold
    when a person can release it. `dropped` changes were said no to, those `waiting` are held; `checksum` is
    what the changes are reviewed as. This turn did not come to what is `left`; the next one goes on with it.
    `under_way` are changes that lie at Amazon and may be live any minute: it is worth looking again soon.
    """

    previewed: int = 0
    applied: int = 0
    held: int = 0
    unchanged: int = 0
    rejected: int = 0
    unconfirmed: int = 0
    deferred: int = 0
    queued: int = 0
    left: int = 0
    under_way: int = 0
    dropped: int = 0
    checksum: str = ""
    hold_id: str | None = None
    hold_reasons: tuple[str, ...] = ()
    receipts: tuple[PushReceipt, ...] = ()
    changes: tuple[OfferChange, ...] = ()
    waiting: tuple[OfferChange, ...] = ()
    failures: tuple[Failure, ...] = ()


def push(  # noqa: PLR0913 - what a person may ask of one push, each by name
    account: str,
    channel: OfferChannel,
    ledger: Ledger,
    clock: Clock,
    terms: PushTerms,
    *,
    run_id: str,
    apply: bool = False,
    skus: Sequence[Sku] = (),
    release: str | None = None,
    reviewed: str | None = None,
    progress: Progress = unwatched,
    feeds: FeedChannel | None = None,
    reports: ReportSource | None = None,
    quota: Quota | None = None,
) -> PushReport:
    """Preview or apply the changes between what Amazon shows and what was decided.

    `release` lets the changes of a hold go. Many changes go by `feeds`, and are proven by `reports`, where
    these are given; with `quota` the pauses that Amazon's limits impose are made use of. Raises `ConfigError`
    when there is no such hold, and when the changes are not those `reviewed`, by their checksum.
    """
    errand = Errand(
        account=account,
        channel=channel,
        ledger=ledger,
        clock=clock,
        terms=terms,
        run_id=run_id,
        progress=progress,
        begun_at=clock.now(),
        feeds=feeds,
        reports=reports,
        quota=quota,
    )
    if apply:
        follow(errand)
        glance(errand)
    with ledger.transaction() as books:
        errand.knows_plan(books)
        agenda = draw_up(books, account, terms.limits, clock.now(), skus, release=release, reviewed=reviewed)
        errand.decided = books.offers.desired(account, [change.sku for change in agenda.go])
    errand.deferred = agenda.deferred
    if apply:
        _apply(errand, agenda.go)
        settle_unknown(errand)
        confirm(errand, wait_seconds=terms.confirm_wait_seconds)
    else:
        preview(errand, (*agenda.go, *agenda.held))
    with ledger.transaction() as books:
        unconfirmed = books.offers.count_receipts(account, [PushOutcome.ACCEPTED])
        moving = books.offers.count_receipts(
            account, [PushOutcome.ACCEPTED, PushOutcome.UNKNOWN], since=clock.now() - _SOON_LIVE
        )
        if apply and not errand.is_shut_out():
            books.runs.succeeded("push", account, run_id, clock.now())
    return _report(errand, agenda, unconfirmed, moving, apply=apply)


def _apply(errand: Errand, changes: Sequence[OfferChange]) -> None:
    """Make the changes: zero-outs at once, then what lowers, then the rest by whichever way is faster."""
    zeroing = [change for change in changes if change.zeroes]
    lowering = [change for change in changes if change.is_decrease and not change.zeroes]
    rest = [change for change in changes if not change.zeroes and not change.is_decrease]
    try:
        lanes = choose(errand, rest)
        looking = [Looking(errand, batch) for batch in lanes.feeds]
        # While Amazon lets no change in, there is time for a look at what the first feed is about.
        zero_out(errand, zeroing, meanwhile=looking[0].in_passing if looking else None)
        write(errand, lowering)
        for number, feed in enumerate(looking):
            if number and errand.is_over():
                errand.left += len(feed.changes)
            else:
                write(errand, hand_in(errand, feed))
        write(errand, lanes.alone)
    finally:
        # Whatever ends the run, a wait cut short included: others need not wait for the lease to run out.
        if errand.taken:
            with contextlib.suppress(StoreError), errand.ledger.transaction() as books:
                errand.let_go(books, set(errand.taken))


def _report(errand: Errand, agenda: Agenda, unconfirmed: int, moving: int, *, apply: bool) -> PushReport:
    outcomes = [receipt.outcome for receipt in errand.receipts]
    queued = agenda.queued + errand.handed_in
    return PushReport(
        previewed=0 if apply else len(agenda.go) + len(agenda.held),
        applied=outcomes.count(PushOutcome.ACCEPTED),
        held=len(agenda.held),
        unchanged=agenda.unchanged,
        rejected=outcomes.count(PushOutcome.REJECTED),
        unconfirmed=unconfirmed,
        deferred=errand.deferred,
        queued=queued,
        left=errand.left,
        under_way=queued + moving,
        dropped=agenda.dropped,
        checksum=agenda.checksum,
        hold_id=agenda.hold_id,
        hold_reasons=agenda.reasons,
        receipts=tuple(errand.receipts),
        changes=(*agenda.go, *errand.added, *agenda.held),
        waiting=agenda.held,
        failures=tuple(errand.failures),
    )
