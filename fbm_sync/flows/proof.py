"""The proof that Amazon made what it accepted: by a look at the listing, or for thousands by a report."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, repeat

from fbm_sync.domain.change import PushOutcome, PushReceipt, is_live
from fbm_sync.domain.listing import ObservedOffer
from fbm_sync.domain.order import Sku
from fbm_sync.domain.proof import goes_by_report, proven_by
from fbm_sync.errors import RemoteError, Unfinished
from fbm_sync.flows.errand import Errand, batches
from fbm_sync.flows.writing import let_urgent_through
from fbm_sync.ports import Books, Failure

_CONFIRM_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further look at what Amazon accepted; the last one is repeated."""

_ORDERED, _READ = "proof ordered", "proof read"
_AT_A_GLANCE = 800
"""Listings read back before anything is written: eight seconds' worth, at Amazon's limits."""

_LOOKING_LASTS = timedelta(minutes=1)
"""So long one turn reads back; the next one goes on with it."""

_MAY_STILL_COME = timedelta(minutes=5)
"""A change that Amazon has made may take so long until it shows."""

_REPORT_LIFE = timedelta(hours=2)
"""A report that nobody has read for so long is given up."""


def glance(errand: Errand) -> None:
    """Read back some of what Amazon accepted; what is to go off sale now does not wait for all of it."""
    settle_unknown(errand, most=_AT_A_GLANCE)
    with errand.ledger.transaction() as books:
        waiting = books.offers.receipts(errand.account, [PushOutcome.ACCEPTED], most=_AT_A_GLANCE)
    _read_back(errand, waiting)


def confirm(errand: Errand, *, wait_seconds: float) -> None:
    """Read accepted changes back until all are seen live or the patience is used up."""
    until = errand.clock.now() + timedelta(seconds=wait_seconds)
    pauses = chain(_CONFIRM_PAUSES, repeat(_CONFIRM_PAUSES[-1]))
    while True:
        with errand.ledger.transaction() as books:
            waiting = books.offers.receipts(errand.account, [PushOutcome.ACCEPTED])
        left = _read_back(errand, _in_turns(errand, _not_reported(errand, waiting)))
        if not left or errand.clock.now() >= until:
            return
        errand.clock.sleep(next(pauses))


def _in_turns(errand: Errand, waiting: Sequence[PushReceipt]) -> Sequence[PushReceipt]:
    """Begin each turn with another one: those that never come about must not be all that is looked at."""
    if errand.terms.turn_seconds is None or not waiting:
        return waiting
    first = int(errand.clock.now().timestamp()) % len(waiting)
    return (*waiting[first:], *waiting[:first])


def settle_unknown(errand: Errand, *, most: int | None = None) -> None:
    """Look at the listings of which Amazon could not say whether it changed them: only they can tell.

    What does not show may still come about; only after some minutes it counts as not made.
    """
    with errand.ledger.transaction() as books:
        unknown = books.offers.receipts(errand.account, [PushOutcome.UNKNOWN], most=most)
    for batch in batches(unknown):
        let_urgent_through(errand)
        try:
            seen = errand.channel.observe([receipt.change.sku for receipt in batch])
        except RemoteError as error:
            errand.failures.append(Failure(what="looking again", why=str(error), next=error.next_step))
            return
        with errand.ledger.transaction() as books:
            books.offers.record_observed(list(seen.values()))
            live = [r for r in batch if r.change.sku in seen and is_live(r.change, seen[r.change.sku].offer)]
            _record_proofs(errand, books, live)
            now = errand.clock.now()
            failed = [
                dataclasses.replace(receipt, outcome=PushOutcome.FAILED, at=now)
                for receipt in batch
                if receipt not in live and now - receipt.at >= _MAY_STILL_COME
            ]
            books.offers.record_receipts(failed, errand.run_id)


def _not_reported(errand: Errand, waiting: Sequence[PushReceipt]) -> Sequence[PushReceipt]:
    """Return what a report does not prove; while one is being made, what it could prove is left to it."""
    if errand.reports is None or not goes_by_report(waiting):
        return waiting
    ordered_at = _ordered_at(errand)
    try:
        report = errand.reports.merchant_listings(patience_seconds=errand.terms.confirm_wait_seconds)
    except Unfinished:
        # Whichever is faster: a turn looks meanwhile, as far as it comes.
        return () if errand.terms.turn_seconds is None else waiting
    except RemoteError as error:
        errand.failures.append(Failure(what="reading back", why=str(error), next=error.next_step))
        return waiting
    proven = proven_by(waiting, report.listings, ordered_at)
    with errand.ledger.transaction() as books:
        remembered = books.offers.observed(errand.account, [one.change.sku for one in proven])
        shown = [
            dataclasses.replace(
                remembered[one.change.sku],
                offer=dataclasses.replace(
                    remembered[one.change.sku].offer, quantity=one.change.after.quantity
                ),
                observed_at=ordered_at,
            )
            for one in proven
            if one.change.sku in remembered
        ]
        books.offers.record_observed(shown)
        _record_proofs(errand, books, proven)
        books.runs.succeeded(_READ, errand.account, errand.run_id, errand.clock.now())
    done = {one.change.sku for one in proven}
    return [one for one in waiting if one.change.sku not in done]


def _ordered_at(errand: Errand) -> datetime:
    """Return when the report was ordered that is about to be read: now, or by a push that could not wait."""
    now = errand.clock.now()
    with errand.ledger.transaction() as books:
        ordered = books.runs.last_success(_ORDERED, errand.account)
        read = books.runs.last_success(_READ, errand.account)
        if ordered is not None and (read is None or read < ordered) and now - ordered < _REPORT_LIFE:
            return ordered
        books.runs.succeeded(_ORDERED, errand.account, errand.run_id, now)
    return now


def _read_back(errand: Errand, waiting: Sequence[PushReceipt]) -> int:
    """Compare accepted changes with what Amazon shows now; return how many are not live yet."""
    left, until = len(waiting), errand.clock.now() + _LOOKING_LASTS
    for batch in batches(waiting):
        if errand.terms.turn_seconds is not None and errand.clock.now() >= until:
            break
        let_urgent_through(errand)
        try:
            seen = errand.channel.observe([receipt.change.sku for receipt in batch])
        except RemoteError as error:
            errand.failures.append(Failure(what="reading back", why=str(error), next=error.next_step))
            return 0
        with errand.ledger.transaction() as books:
            books.offers.record_observed(list(seen.values()))
            live = _seen_live(errand, books, batch, seen)
            _record_proofs(errand, books, live)
        left -= len(live)
        errand.progress("read back", len(waiting) - left, len(waiting))
    return left


def _seen_live(
    errand: Errand, books: Books, batch: Sequence[PushReceipt], seen: Mapping[Sku, ObservedOffer]
) -> list[PushReceipt]:
    """Return the changes that listings prove; what was bought or came back since hides none.

    A lowering that is not seen to have come about keeps its SKU waiting, while units that came back are sold.
    """
    bought = books.watch.bought_since(errand.account, {one.change.sku: one.at for one in batch})
    live = []
    for receipt in batch:
        sku, change = receipt.change.sku, receipt.change
        if sku not in seen:
            continue
        shown, returned = seen[sku].offer, 0
        if change.before.quantity >= change.after.quantity < shown.quantity:
            returned = books.truth.returned_units(errand.account, sku, receipt.at)
        if is_live(change, shown, bought_units=bought.get(sku, 0), returned_units=returned):
            live.append(receipt)
    return live


def _record_proofs(errand: Errand, books: Books, live: Sequence[PushReceipt]) -> None:
    now = errand.clock.now()
    confirmed = [
        dataclasses.replace(receipt, outcome=PushOutcome.CONFIRMED, at=now, accepted_at=receipt.at)
        for receipt in live
    ]
    books.offers.record_receipts(confirmed, errand.run_id)
