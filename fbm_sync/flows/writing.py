"""Changes made one by one: previewed, or taken, written, and Amazon's answer recorded."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.errors import RemoteError
from fbm_sync.flows.agenda import preview as preview_agenda
from fbm_sync.flows.errand import Errand, batches
from fbm_sync.ports import Books

_READING_LASTS = timedelta(seconds=10)
"""A quantity is written only while the look it rests on is no older; then the listing is looked at again."""

_PATCH = "patchListingsItem"
"""Amazon's name for a single change, and for its request limit."""


def preview(errand: Errand, changes: Sequence[OfferChange]) -> None:
    """Let Amazon judge the most urgent changes without making them (it takes one a second)."""
    sample = changes[: errand.terms.validated_previews]
    for done, change in enumerate(sample, start=1):
        try:
            errand.receipts.append(errand.channel.preview(change))
        except RemoteError as error:
            errand.failed(f"listing {change.sku}", error)
        if errand.is_shut_out():
            return
        errand.progress("preview", done, len(sample))


def zero_out(
    errand: Errand,
    changes: Sequence[OfferChange],
    *,
    decided: Mapping[Sku, Offer] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> None:
    """Take SKUs off sale at once, without another look.

    `meanwhile` is done when Amazon lets no change in just now: it must not take long, nor any changes.
    """
    done = 0
    for batch in batches(changes):
        if errand.is_shut_out():
            return
        with errand.ledger.transaction() as books:
            taken = errand.take(books, batch, None, decided)
        for change in taken:
            send(errand, change)
            if errand.is_shut_out():
                return
            if meanwhile is not None and errand.quota is not None and not errand.quota.tokens_left()[_PATCH]:
                meanwhile()
        done += len(batch)
        errand.progress("zero", done, len(changes))


def let_urgent_through(errand: Errand) -> None:
    """Take off sale at once what a plan says that was made while this turn is under way.

    Nobody else can: the next turn begins when this one is over.
    """
    if errand.terms.turn_seconds is None or errand.is_shut_out():
        return
    with errand.ledger.snapshot() as books:
        known = errand.knows_plan(books)
        if known is None or errand.planned_at == known:
            return
        skus = books.offers.decided_since(errand.account, known)
        if not skus:
            return
        agenda = preview_agenda(books, errand.account, errand.terms.limits, errand.clock.now(), skus)
        zeroing = [change for change in agenda.go if change.zeroes]
        decided = books.offers.desired(errand.account, [change.sku for change in zeroing])
    errand.added += zeroing
    zero_out(errand, zeroing, decided=decided)


def write(errand: Errand, changes: Sequence[OfferChange]) -> None:
    """Make changes, each on a look at its listing that is only seconds old, until the turn is over.

    Some are made in any turn, or a store that is very slow would never come to the end.
    """
    done = 0
    for batch in batches(changes):
        if done and errand.is_over():
            errand.left += len(changes) - done
            return
        let_urgent_through(errand)
        left = batch
        while left and not errand.is_shut_out():
            left = _write_some(errand, left)
        done += len(batch)
        errand.progress("push", done, len(changes))


def _write_some(errand: Errand, batch: Sequence[OfferChange]) -> Sequence[OfferChange]:
    """Look, take, write; return what must be looked at again because the writing took too long."""
    looked_at = errand.clock.now()
    fresh = errand.look(batch)
    readable = [change for change in batch if change.sku in fresh]
    if errand.is_shut_out() or not readable:
        return ()
    with errand.ledger.transaction() as books:
        taken = errand.take(books, readable, fresh)
    for number, change in enumerate(taken):
        if errand.clock.now() - looked_at > _READING_LASTS:
            late = {one.sku for one in taken[number:]}
            with errand.ledger.transaction() as books:
                errand.let_go(books, late)
            if number == 0:
                errand.deferred += len(late)
                return ()  # looking itself takes too long now
            return [one for one in batch if one.sku in late]
        send(errand, change)
        if errand.is_shut_out():
            return ()
    return ()


def send(errand: Errand, change: OfferChange, *, despite_feed: int | None = None) -> None:
    """Send one change and record Amazon's answer; from then on others may write to the SKU again.

    A change sent again keeps the time of its first acceptance: it is not live since then. `despite_feed`
    names the feed that is stuck and has the SKU.
    """
    try:
        receipt = errand.channel.apply(change)
    except RemoteError as error:
        errand.failed(f"listing {change.sku}", error)
        with errand.ledger.transaction() as books:
            errand.let_go(books, [change.sku])
        return
    errand.receipts.append(receipt)
    with errand.ledger.transaction() as books:
        books.offers.record_receipt(_since_first(errand, receipt, books), errand.run_id)
        if despite_feed is not None:
            books.pushes.overtaken(despite_feed, change.sku)
        errand.let_go(books, [change.sku])


def _since_first(errand: Errand, receipt: PushReceipt, books: Books) -> PushReceipt:
    queued = books.offers.receipt_of(errand.account, receipt.change.sku)
    if queued is None or queued.outcome is not PushOutcome.ACCEPTED:
        return receipt
    if receipt.outcome is not PushOutcome.ACCEPTED or queued.change.after != receipt.change.after:
        return receipt
    return dataclasses.replace(receipt, at=queued.at)
