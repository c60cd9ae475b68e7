"""One account's push while it is under way: its doors, what has come of it, and the right to write.

Whoever writes takes the SKUs first, in one transaction that looks once more whether the change still
stands. What is taken is nobody else's until the answer is recorded.
"""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from fbm_sync.domain.change import PushLimits, PushReceipt, rebase
from fbm_sync.domain.listing import ObservedOffer, Offer, OfferChange, describe
from fbm_sync.domain.order import Sku
from fbm_sync.domain.remembered import may_hide_sales
from fbm_sync.errors import AccessRefused, RemoteError, Throttled
from fbm_sync.flows.agenda import why_raises_wait
from fbm_sync.ports import (
    Books,
    Clock,
    Failure,
    FeedChannel,
    Ledger,
    OfferChannel,
    Progress,
    Quota,
    ReportSource,
)

_log = structlog.get_logger()
_T = TypeVar("_T")

_BATCH = 20
"""Listings read at once just before a write, the most one call of Amazon's search names."""

_MAY_BE_SOLD_OUT = timedelta(minutes=30)
"""So long a raise that does not show may have come about and been sold out between two looks.

Looks are minutes apart: had it been on sale for longer, one of them would have shown it.
"""

_LEASE = timedelta(minutes=5)
"""How long a SKU is one writer's: longer than any single write takes. After a crash others wait for that."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushTerms:
    """The guards, how many changes a preview lets Amazon judge, how long to wait for the proof.

    With `turn_seconds` a push is one turn of many: after so long it begins nothing more that can wait, and
    what a plan takes off sale meanwhile goes at once. Without, it makes what it began with, however long.
    """

    limits: PushLimits
    validated_previews: int = 20
    confirm_wait_seconds: float = 0.0
    turn_seconds: float | None = None


@dataclasses.dataclass(kw_only=True)
class Errand:
    """One account's push: where it goes, on which terms, and what it has come to so far.

    `decided` are the offers that the changes rest on; a change whose offer is decided otherwise since
    `begun_at`, or made by another run, is left to the next push. `planned_at` is the plan that is known of,
    `added` what a later one has taken off sale meanwhile, `left` counts what this turn did not come to.
    Without `feeds` every change goes alone, without `reports` each is read back, without `quota` nothing is
    done while a request waits for its turn.
    """

    account: str
    channel: OfferChannel
    ledger: Ledger
    clock: Clock
    terms: PushTerms
    run_id: str
    progress: Progress
    feeds: FeedChannel | None = None
    reports: ReportSource | None = None
    quota: Quota | None = None
    begun_at: datetime
    planned_at: datetime | None = None
    decided: Mapping[Sku, Offer] = dataclasses.field(default_factory=dict)
    receipts: list[PushReceipt] = dataclasses.field(default_factory=list)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    added: list[OfferChange] = dataclasses.field(default_factory=list)
    deferred: int = 0
    left: int = 0
    handed_in: int = 0
    _shut_out: bool = False
    taken: set[Sku] = dataclasses.field(default_factory=set)

    def failed(self, what: str, error: RemoteError) -> None:
        """Note what did not work; a spent quota or a closed door ends the errand."""
        self.failures.append(Failure(what=what, why=str(error), next=error.next_step))
        self._shut_out = self._shut_out or isinstance(error, AccessRefused | Throttled)

    def is_shut_out(self) -> bool:
        """Tell whether Amazon takes nothing more from us now."""
        return self._shut_out

    def knows_plan(self, books: Books) -> datetime | None:
        """Take note of the latest plan, and return which one was known until now."""
        basis, known = books.plans.basis(), self.planned_at
        self.planned_at = None if basis is None else basis.planned_at
        return known

    def is_over(self) -> bool:
        """Tell whether this turn has lasted long enough: others may have something more urgent to do."""
        seconds = self.terms.turn_seconds
        return seconds is not None and self.clock.now() - self.begun_at >= timedelta(seconds=seconds)

    def look(self, batch: Sequence[OfferChange]) -> Mapping[Sku, ObservedOffer]:
        """Read listings just before writing to them; what cannot be read now is left out."""
        try:
            fresh = self.channel.observe([change.sku for change in batch])
        except RemoteError as error:
            self.failed(f"reading {len(batch)} listings", error)
            return {}
        self.note_gone(batch, fresh)
        return fresh

    def note_gone(self, batch: Sequence[OfferChange], fresh: Mapping[Sku, ObservedOffer]) -> None:
        """Note which of the listings that were looked at Amazon does not know."""
        for change in batch:
            if change.sku not in fresh:
                why = "Amazon no longer knows this listing."
                self.failures.append(
                    Failure(what=f"listing {change.sku}", why=why, next="Check it in Seller Central.")
                )

    def take(
        self,
        books: Books,
        changes: Sequence[OfferChange],
        fresh: Mapping[Sku, ObservedOffer] | None,
        decided: Mapping[Sku, Offer] | None = None,
    ) -> list[OfferChange]:
        """Return those of the changes that may be made now, as they must be now, and reserve their SKUs.

        Without a `fresh` look they must be zero-outs, which need none. Nothing is raised on a SKU of which
        something is news since the plan, nor on orders read too long ago, nor where sales may hide behind a
        lowering of our own. Others are left to the next push.
        `decided` is what the changes rest on, where that is not what the errand began with.
        """
        basis = self.decided if decided is None else decided
        now, skus = self.clock.now(), [change.sku for change in changes]
        desired = books.offers.desired(self.account, skus)
        news, gone = books.plans.changed(skus), books.offers.unexplained(self.account, skus)
        raises_wait = why_raises_wait(books, self.account, self.terms.limits, now) is not None
        doubtful: frozenset[Sku] = frozenset()
        if fresh is not None:
            books.offers.record_observed(list(fresh.values()))
            doubtful = self._hiding_sales(books, skus, fresh)
        theirs = books.offers.answered_to_others(self.account, skus, self.run_id, self.begun_at)
        still = [
            change
            for change in changes
            if change.sku not in theirs and desired.get(change.sku) == basis.get(change.sku)
        ]
        good: dict[Sku, OfferChange] = {}
        for change in still:
            current: OfferChange | None = change
            if fresh is not None:
                seen = fresh[change.sku].offer
                current = rebase(change, seen, gone_units=gone.get(change.sku, 0))
            if current is None or (
                not current.is_decrease
                and fresh is not None
                and (
                    raises_wait or change.sku in news or (current.raised_units > 0 and change.sku in doubtful)
                )
            ):
                _log.info("change_deferred", sku=change.sku, wanted=describe(change.after))
                continue
            good[change.sku] = current
        free = books.pushes.claim(self.account, good.keys(), self.run_id, now, now + _LEASE)
        self.taken |= free
        self.deferred += len(changes) - len(free)
        return [change for sku, change in good.items() if sku in free]

    def _hiding_sales(
        self, books: Books, skus: Sequence[Sku], fresh: Mapping[Sku, ObservedOffer]
    ) -> frozenset[Sku]:
        known_up_to, now = books.orders.placed_up_to(self.account), self.clock.now()
        answers = books.offers.answers(self.account, skus)
        return frozenset(
            sku
            for sku, answer in answers.items()
            if may_hide_sales(
                answer, fresh[sku].offer, known_up_to, is_waited_for=now - answer.at < _MAY_BE_SOLD_OUT
            )
        )

    def let_go(self, books: Books, skus: Collection[Sku]) -> None:
        """Let others write to SKUs again."""
        books.pushes.release(self.account, skus, self.run_id)
        self.taken -= set(skus)


def batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Cut a sequence into pieces that one call can name."""
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
