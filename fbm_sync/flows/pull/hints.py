"""Hints: what Amazon's notifications point at is read at once, instead of with the next sweep.

A hint is never the record: it costs one look at Amazon, and only what Amazon shows then is recorded. Hints
may be late, double, out of order or lost; the sweeps find whatever they miss, and nothing depends on them.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from fbm_sync.domain.order import Fulfiller, OrderId, Sku
from fbm_sync.errors import AccessRefused, RemoteError, Throttled
from fbm_sync.flows.pull.by_id import pull_named_orders
from fbm_sync.ports import (
    AccountStatusChanged,
    Clock,
    Failure,
    Hint,
    HintSource,
    JobFinished,
    Ledger,
    ListingChanged,
    OfferChannel,
    OrderChanged,
    OrderSource,
    ToldStatus,
    WaitingHint,
)

HINTS_OF_OTHERS = "hints_of_others"
HINTS_GIVEN_UP = "hints_given_up"

_SETTLING = timedelta(minutes=2)
"""How long a listing may still show its former state after Amazon announced a new one."""

_MOST_DELIVERIES = 20
"""A hint that led to nothing so often leads to nothing; the sweep has had its turns meanwhile."""

_log = structlog.get_logger()

_Subject = TypeVar("_Subject", OrderId, Sku)
_News = TypeVar("_News", OrderChanged, ListingChanged)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HintTerms:
    """Whose hints count, and how much one round may do.

    `most_orders` leaves the larger part of what Amazon grants for reading single orders to others: half of
    what flows in within a minute. What is over waits in the queue.
    """

    seller_id: str
    marketplaces: Collection[str]
    most_hints: int = 100
    most_orders: int = 15
    most_listings: int = 30


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class HintsPulled:
    """What one round of hints led to: how many came, which reads they caused, how many went back.

    `known` told nothing new, `ignored` were another seller's, about what the account does not sell or ship,
    or no hints at all. `left` come again later.
    """

    received: int = 0
    orders: int = 0
    listings: int = 0
    known: int = 0
    ignored: int = 0
    left: int = 0
    account_status: AccountStatusChanged | None = None
    finished: tuple[JobFinished, ...] = ()
    latest_at: datetime | None = None
    failures: tuple[Failure, ...] = ()


def pull_hints(
    account: str,
    hints: HintSource,
    orders: OrderSource,
    offers: OfferChannel,
    ledger: Ledger,
    clock: Clock,
    terms: HintTerms,
) -> HintsPulled:
    """Take the hints that wait, read what they name once each, record it, and only then let them go.

    Raises `RemoteError` when the queue cannot be asked; an order or a listing that cannot be read leaves its
    hints waiting and keeps no other from its turn.
    """
    doing = _Round(account, ledger, terms)
    doing.take(hints)
    ours = doing.keep_ours()
    doing.look_at_orders(_by_subject(ours, OrderChanged, lambda news: news.order_id), orders, clock)
    doing.look_at_listings(_by_subject(ours, ListingChanged, lambda news: news.sku), offers)
    told = [one for one in ours if isinstance(one.hint.news, AccountStatusChanged | JobFinished)]
    doing.remember_status([one.hint for one in told], clock)
    doing.settled += told
    doing.let_go(hints)
    return doing.report([one.hint for one in told])


class _Round:
    """One round: what waits, what is settled of it, and what was done for that."""

    def __init__(self, account: str, ledger: Ledger, terms: HintTerms) -> None:
        self.account, self.ledger, self.terms = account, ledger, terms
        self.waiting: list[WaitingHint] = []
        self.settled: list[WaitingHint] = []
        self.failures: list[Failure] = []
        self.orders = self.listings = self.known = self.ignored = 0

    def take(self, source: HintSource) -> None:
        """Take hints until none waits or there are enough; a queue that fails midway ends it."""
        while len(self.waiting) + self.ignored < self.terms.most_hints:
            try:
                batch = source.receive()
            except RemoteError as error:
                if not self.waiting:
                    raise
                self._fail("hints", error)
                return
            if batch.is_empty:
                return
            self.waiting += batch.hints
            self.ignored += batch.discarded

    def keep_ours(self) -> list[WaitingHint]:
        """Return the hints that concern this account's own selling; the others are settled by that."""
        strange = [one for one in self.waiting if one.hint.seller_id not in (None, self.terms.seller_id)]
        if strange:
            _log.warning(HINTS_OF_OTHERS, account=self.account, count=len(strange))
        elsewhere = [
            one for one in self.waiting if one not in strange and not _is_sold_here(one.hint, self.terms)
        ]
        self.settled += strange + elsewhere
        self.ignored += len(strange) + len(elsewhere)
        return [one for one in self.waiting if one not in strange and one not in elsewhere]

    def look_at_orders(
        self, hinted: Mapping[OrderId, list[WaitingHint]], source: OrderSource, clock: Clock
    ) -> None:
        """Read each order that may be newer than what is recorded of it, once."""
        if not hinted:
            return
        with self.ledger.transaction() as books:
            recorded = books.orders.known(self.account, list(hinted))
        fresh = self._news(hinted, {order_id: order.updated_at for order_id, order in recorded.items()})
        wanted = fresh[: self.terms.most_orders]
        pulled = pull_named_orders(self.account, source, self.ledger, clock, wanted)
        self.orders += pulled.pulled
        self.failures += pulled.failures
        for order_id in wanted:
            if order_id not in pulled.left:
                self.settled += hinted[order_id]

    def look_at_listings(self, hinted: Mapping[Sku, list[WaitingHint]], channel: OfferChannel) -> None:
        """Read each listing that was not seen since its change had time to settle, once."""
        if not hinted:
            return
        with self.ledger.transaction() as books:
            recorded = books.offers.observed(self.account, list(hinted))
        fresh = self._news(hinted, {sku: offer.observed_at - _SETTLING for sku, offer in recorded.items()})
        for sku in fresh[: self.terms.most_listings]:
            try:
                found = channel.observe([sku])
            except RemoteError as error:
                self._fail(f"listing {sku}", error)
                if isinstance(error, AccessRefused | Throttled):
                    return
                continue
            with self.ledger.transaction() as books:
                books.offers.record_observed(list(found.values()))
            self.listings += len(found)
            self.settled += hinted[sku]

    def remember_status(self, told: Sequence[Hint], clock: Clock) -> None:
        """Record what Amazon said last of the account, before its hints are let go."""
        latest = _newest_status(told)
        if latest is None or not isinstance(latest.news, AccountStatusChanged):
            return
        status = ToldStatus(
            status=latest.news.status,
            former=latest.news.former,
            told_at=latest.announced_at or clock.now(),
        )
        with self.ledger.transaction() as books:
            books.health.record_status(self.account, status)

    def let_go(self, source: HintSource) -> None:
        """Report the settled hints as done, and with them those that have led to nothing too often.

        What cannot be reported comes again, and is known then.
        """
        settled = {one.handle for one in self.settled}
        left = [one for one in self.waiting if one.handle not in settled]
        hopeless = [one for one in left if one.deliveries >= _MOST_DELIVERIES]
        if hopeless:
            _log.warning(HINTS_GIVEN_UP, account=self.account, count=len(hopeless))
            self.settled += hopeless
        try:
            if self.settled:
                source.done(self.settled)
        except RemoteError as error:
            self._fail("hints", error)

    def report(self, told: Sequence[Hint]) -> HintsPulled:
        """Return the round's result, with what was told that leads to no read."""
        status = _newest_status(told)
        moments = [one.hint.announced_at for one in self.waiting if one.hint.announced_at is not None]
        return HintsPulled(
            received=len(self.waiting),
            orders=self.orders,
            listings=self.listings,
            known=self.known,
            ignored=self.ignored,
            left=len(self.waiting) - len(self.settled),
            account_status=status.news if status and isinstance(status.news, AccountStatusChanged) else None,
            finished=tuple(dict.fromkeys(hint.news for hint in told if isinstance(hint.news, JobFinished))),
            latest_at=max(moments, default=None),
            failures=tuple(self.failures),
        )

    def _news(
        self, hinted: Mapping[_Subject, list[WaitingHint]], known_at: Mapping[_Subject, datetime]
    ) -> list[_Subject]:
        """Return what must be read; hints that are older than what is known are settled without a read."""
        wanted: list[_Subject] = []
        for subject, waiting in hinted.items():
            if all(_is_known(one.hint, known_at.get(subject)) for one in waiting):
                self.settled += waiting
                self.known += len(waiting)
            else:
                wanted.append(subject)
        return wanted

    def _fail(self, what: str, error: RemoteError) -> None:
        self.failures.append(Failure(what=what, why=str(error), next=error.next_step))


def _by_subject(
    waiting: Sequence[WaitingHint], kind: type[_News], subject: Callable[[_News], _Subject]
) -> dict[_Subject, list[WaitingHint]]:
    """Return the hints of one kind by what they name, the longest waiting first."""
    found: dict[_Subject, list[WaitingHint]] = {}
    for one in waiting:
        if isinstance(one.hint.news, kind):
            found.setdefault(subject(one.hint.news), []).append(one)
    return found


def _is_sold_here(hint: Hint, terms: HintTerms) -> bool:
    """Tell whether the sweep would read it too: the merchant's own orders in the account's marketplaces."""
    news = hint.news
    if not isinstance(news, OrderChanged):
        return True
    elsewhere = news.marketplace is not None and news.marketplace not in terms.marketplaces
    return news.fulfilled_by is not Fulfiller.AMAZON and not elsewhere


def _is_known(hint: Hint, known_at: datetime | None) -> bool:
    changed_at = hint.news.changed_at if isinstance(hint.news, OrderChanged | ListingChanged) else None
    return known_at is not None and changed_at is not None and changed_at <= known_at


def _newest_status(hints: Sequence[Hint]) -> Hint | None:
    """Return the latest hint about the account's state, in whichever order they came."""
    told = [hint for hint in hints if isinstance(hint.news, AccountStatusChanged)]
    return max(
        told, key=lambda hint: hint.announced_at.timestamp() if hint.announced_at else 0.0, default=None
    )
