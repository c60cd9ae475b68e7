"""Push: bring Amazon's offers to what was decided: guarded, one SKU at a time, and read back.

Nothing is written in a preview. A raise needs fresh orders, an unchanged listing, no pause and no
breached limit; a decrease always goes, and first. ACCEPTED means queued: only what was read back
counts as done.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import chain, repeat
from typing import TypeVar

import structlog

from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt, is_live, rebase
from fbm_sync.domain.listing import ObservedOffer, OfferChange, describe
from fbm_sync.domain.order import Sku
from fbm_sync.errors import AccessRefused, RemoteError, Throttled
from fbm_sync.flows.agenda import draw_up
from fbm_sync.ports import Books, Clock, Failure, Ledger, OfferChannel, Progress, unwatched

_log = structlog.get_logger()
_T = TypeVar("_T")

_BATCH = 20
"""Listings read at once just before a write, the most one call of Amazon's search names."""

_CONFIRM_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further look at what Amazon accepted; the last one is repeated."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushTerms:
    """The guards, how many changes a preview lets Amazon judge, how long to wait for the proof."""

    limits: PushLimits
    validated_previews: int = 20
    confirm_wait_seconds: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What became of one account's changes.

    `deferred` SKUs moved at Amazon while we were deciding; the next plan takes them up. `hold_reasons`
    say why raises wait; `hold_id` names the hold when a person can release it. `dropped` changes were said no
    to, those `waiting` are held; `checksum` is what the changes are reviewed as.
    """

    previewed: int = 0
    applied: int = 0
    held: int = 0
    unchanged: int = 0
    rejected: int = 0
    unconfirmed: int = 0
    deferred: int = 0
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
) -> PushReport:
    """Preview or apply the changes between what Amazon shows and what was decided.

    `release` lets the changes of a hold go. Raises `ConfigError` when there is no such hold, and when the
    changes are not those `reviewed`, by their checksum.
    """
    return _Push(account, channel, ledger, clock, terms, run_id, progress).run(apply, skus, release, reviewed)


class _Push:
    """One account's push: the agenda first, then the changes one by one, then the proof."""

    def __init__(
        self,
        account: str,
        channel: OfferChannel,
        ledger: Ledger,
        clock: Clock,
        terms: PushTerms,
        run_id: str,
        progress: Progress,
    ) -> None:
        self.account, self.channel, self.ledger, self.clock = account, channel, ledger, clock
        self.terms, self.run_id, self.progress = terms, run_id, progress
        self.receipts: list[PushReceipt] = []
        self.failures: list[Failure] = []
        self.deferred = 0
        self.shut_out = False

    def run(
        self,
        apply: bool,  # noqa: FBT001
        skus: Sequence[Sku],
        release: str | None,
        reviewed: str | None,
    ) -> PushReport:
        if apply:
            self._confirm(wait_seconds=0.0)
        with self.ledger.transaction() as books:
            agenda = draw_up(
                books,
                self.account,
                self.terms.limits,
                self.clock.now(),
                skus,
                release=release,
                reviewed=reviewed,
            )
        self.deferred = agenda.deferred
        if apply:
            self._apply(agenda.go)
            self._confirm(wait_seconds=self.terms.confirm_wait_seconds)
        else:
            self._preview((*agenda.go, *agenda.held))
        with self.ledger.transaction() as books:
            waiting = books.offers.receipts(self.account, [PushOutcome.ACCEPTED])
            if apply and not self.shut_out:
                books.runs.succeeded("push", self.account, self.run_id, self.clock.now())
        return PushReport(
            previewed=0 if apply else len(agenda.go) + len(agenda.held),
            applied=sum(receipt.outcome is PushOutcome.ACCEPTED for receipt in self.receipts),
            held=len(agenda.held),
            unchanged=agenda.unchanged,
            rejected=sum(receipt.outcome is PushOutcome.REJECTED for receipt in self.receipts),
            unconfirmed=len(waiting),
            deferred=self.deferred,
            dropped=agenda.dropped,
            checksum=agenda.checksum,
            hold_id=agenda.hold_id,
            hold_reasons=agenda.reasons,
            receipts=tuple(self.receipts),
            changes=(*agenda.go, *agenda.held),
            waiting=agenda.held,
            failures=tuple(self.failures),
        )

    # --- doing it ------------------------------------------------------------------------------

    def _preview(self, changes: tuple[OfferChange, ...]) -> None:
        """Let Amazon judge the most urgent changes without making them (it takes one a second)."""
        sample = changes[: self.terms.validated_previews]
        for done, change in enumerate(sample, start=1):
            try:
                self.receipts.append(self.channel.preview(change))
            except RemoteError as error:
                self._failed(f"listing {change.sku}", error)
            if self.shut_out:
                return
            self.progress("preview", done, len(sample))

    def _apply(self, changes: tuple[OfferChange, ...]) -> None:
        """Make the changes: zero-outs at once, the others only after a fresh look at the listing."""
        done = 0
        for batch in _batches([change for change in changes if change.zeroes]):
            done = self._send_all(batch, done, len(changes))
        for batch in _batches([change for change in changes if not change.zeroes]):
            fresh = {} if self.shut_out else self._fresh(batch)
            current = [self._rebased(change, fresh[change.sku]) for change in batch if change.sku in fresh]
            self._send_all([change for change in current if change is not None], done, len(changes))
            done += len(batch)

    def _fresh(self, batch: Sequence[OfferChange]) -> Mapping[Sku, ObservedOffer]:
        """Read the listings again just before writing to them; what cannot be read now is left out."""
        try:
            fresh = self.channel.observe([change.sku for change in batch])
        except RemoteError as error:
            self._failed(f"reading {len(batch)} listings", error)
            return {}
        with self.ledger.transaction() as books:
            books.offers.record_observed(list(fresh.values()))
        for change in batch:
            if change.sku not in fresh:
                why = "Amazon no longer knows this listing."
                self.failures.append(
                    Failure(what=f"listing {change.sku}", why=why, next="Check it in Seller Central.")
                )
        return fresh

    def _rebased(self, change: OfferChange, seen: ObservedOffer) -> OfferChange | None:
        """Return the change as it must be now; `None` when the listing must be planned again."""
        current = rebase(change, seen.offer)
        if current is None:
            self.deferred += 1
            _log.info("change_deferred", sku=change.sku, seen=describe(seen.offer))
        return current

    def _send_all(self, changes: Sequence[OfferChange], done: int, total: int) -> int:
        """Send changes one by one until Amazon shuts us out; return how many steps are behind us."""
        for change in changes:
            if self.shut_out:
                return done
            self._send(change)
            done += 1
            self.progress("push", done, total)
        return done

    def _send(self, change: OfferChange) -> None:
        """Send one change and record Amazon's answer.

        A change sent again keeps the time of its first acceptance: it is not live since then.
        """
        try:
            receipt = self.channel.apply(change)
        except RemoteError as error:
            self._failed(f"listing {change.sku}", error)
            return
        self.receipts.append(receipt)
        with self.ledger.transaction() as books:
            books.offers.record_receipt(self._since_first(receipt, books), self.run_id)

    def _since_first(self, receipt: PushReceipt, books: Books) -> PushReceipt:
        queued = {
            earlier.change.sku: earlier
            for earlier in books.offers.receipts(self.account, [PushOutcome.ACCEPTED])
        }
        earlier = queued.get(receipt.change.sku)
        again = earlier is not None and earlier.change.after == receipt.change.after
        if receipt.outcome is not PushOutcome.ACCEPTED or earlier is None or not again:
            return receipt
        return dataclasses.replace(receipt, at=earlier.at)

    def _failed(self, what: str, error: RemoteError) -> None:
        self.failures.append(Failure(what=what, why=str(error), next=error.next_step))
        self.shut_out = self.shut_out or isinstance(error, AccessRefused | Throttled)

    # --- proof ---------------------------------------------------------------------------------

    def _confirm(self, *, wait_seconds: float) -> None:
        """Read accepted changes back until all are seen live or the patience is used up."""
        until = self.clock.now() + timedelta(seconds=wait_seconds)
        pauses = chain(_CONFIRM_PAUSES, repeat(_CONFIRM_PAUSES[-1]))
        while True:
            with self.ledger.transaction() as books:
                waiting = books.offers.receipts(self.account, [PushOutcome.ACCEPTED])
            left = self._read_back(waiting)
            if not left or self.clock.now() >= until:
                return
            self.clock.sleep(next(pauses))

    def _read_back(self, waiting: Sequence[PushReceipt]) -> int:
        """Compare accepted changes with what Amazon shows now; return how many are not live yet."""
        left = len(waiting)
        for batch in _batches(waiting):
            try:
                seen = self.channel.observe([receipt.change.sku for receipt in batch])
            except RemoteError as error:
                self.failures.append(Failure(what="reading back", why=str(error), next=error.next_step))
                return 0
            live = [r for r in batch if r.change.sku in seen and is_live(r.change, seen[r.change.sku].offer)]
            with self.ledger.transaction() as books:
                books.offers.record_observed(list(seen.values()))
                for receipt in live:
                    confirmed = dataclasses.replace(
                        receipt,
                        outcome=PushOutcome.CONFIRMED,
                        at=self.clock.now(),
                        accepted_at=receipt.at,
                    )
                    books.offers.record_receipt(confirmed, self.run_id)
            left -= len(live)
            self.progress("read back", len(waiting) - left, len(waiting))
        return left


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
