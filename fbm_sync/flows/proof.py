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
from fbm_sync.ports import Books, Failure

_CONFIRM_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further look at what Amazon accepted; the last one is repeated."""

_ORDERED, _READ = "proof ordered", "proof read"
_REPORT_LIFE = timedelta(hours=2)
"""A report that nobody has read for so long is given up."""


def confirm(errand: Errand, *, wait_seconds: float) -> None:
    """Read accepted changes back until all are seen live or the patience is used up."""
    until = errand.clock.now() + timedelta(seconds=wait_seconds)
    pauses = chain(_CONFIRM_PAUSES, repeat(_CONFIRM_PAUSES[-1]))
    while True:
        with errand.ledger.transaction() as books:
            waiting = books.offers.receipts(errand.account, [PushOutcome.ACCEPTED])
        left = _read_back(errand, _not_reported(errand, waiting))
        if not left or errand.clock.now() >= until:
            return
        errand.clock.sleep(next(pauses))


def settle_unknown(errand: Errand) -> None:
    """Look at the listings of which Amazon could not say whether it changed them: only they can tell."""
    with errand.ledger.transaction() as books:
        unknown = books.offers.receipts(errand.account, [PushOutcome.UNKNOWN])
    for batch in batches(unknown):
        try:
            seen = errand.channel.observe([receipt.change.sku for receipt in batch])
        except RemoteError as error:
            errand.failures.append(Failure(what="looking again", why=str(error), next=error.next_step))
            return
        with errand.ledger.transaction() as books:
            books.offers.record_observed(list(seen.values()))
            for receipt in batch:
                shown = seen.get(receipt.change.sku)
                if shown is not None and is_live(receipt.change, shown.offer):
                    _record_proof(errand, books, receipt)
                else:
                    failed = dataclasses.replace(receipt, outcome=PushOutcome.FAILED, at=errand.clock.now())
                    books.offers.record_receipt(failed, errand.run_id)


def _not_reported(errand: Errand, waiting: Sequence[PushReceipt]) -> Sequence[PushReceipt]:
    """Return what a report does not prove; while one is being made, what it could prove is left to it."""
    if errand.reports is None or not goes_by_report(waiting):
        return waiting
    ordered_at = _ordered_at(errand)
    try:
        report = errand.reports.merchant_listings(patience_seconds=errand.terms.confirm_wait_seconds)
    except Unfinished:
        return ()
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
        for receipt in proven:
            _record_proof(errand, books, receipt)
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
    left = len(waiting)
    for batch in batches(waiting):
        try:
            seen = errand.channel.observe([receipt.change.sku for receipt in batch])
        except RemoteError as error:
            errand.failures.append(Failure(what="reading back", why=str(error), next=error.next_step))
            return 0
        with errand.ledger.transaction() as books:
            books.offers.record_observed(list(seen.values()))
            live = _seen_live(errand, books, batch, seen)
            for receipt in live:
                _record_proof(errand, books, receipt)
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


def _record_proof(errand: Errand, books: Books, receipt: PushReceipt) -> None:
    confirmed = dataclasses.replace(
        receipt, outcome=PushOutcome.CONFIRMED, at=errand.clock.now(), accepted_at=receipt.at
    )
    books.offers.record_receipt(confirmed, errand.run_id)
