"""Changes by the thousand: handed in as feeds, found again after a crash, followed until they are over.

A feed is recorded before it is handed in. Until Amazon has worked it off nothing else is done to its SKUs;
only when it is stuck are those taken off sale that must be.
"""

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta

from fbm_sync.domain.change import FeedTicket, PushOutcome, PushReceipt
from fbm_sync.domain.lanes import Lanes, LaneTerms, choose_lanes, patches_done, usual_feed_time
from fbm_sync.domain.listing import ObservedOffer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.errors import RemoteError, Unavailable, UnexpectedPayload
from fbm_sync.flows.errand import Errand, batches
from fbm_sync.flows.writing import let_urgent_through, send
from fbm_sync.ports import Failure, FeedChannel, JobState, OpenFeed

_FOUND_AFTER = timedelta(minutes=10)
"""After this long nobody is handing a feed in any more, and Amazon's list shows it if it has it."""

_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_A_DAY = timedelta(days=1)
_FEEDS_AT_ONCE, _FEEDS_WITHIN = 5, timedelta(minutes=5)
_LATEST_FEEDS = 5
_TAKEN_AT_ONCE = 1_000
"""Changes in one transaction: others want to write, too."""


def choose(errand: Errand, changes: Sequence[OfferChange]) -> Lanes:
    """Send each change the way that is done with it first, by the account's own last feeds."""
    terms, now = LaneTerms(), errand.clock.now()
    if errand.feeds is None or not changes:
        return Lanes(alone=tuple(changes))
    with errand.ledger.snapshot() as books:
        latest = books.pushes.latest_feed_times(errand.account, _LATEST_FEEDS)
        terms = dataclasses.replace(terms, feed_time=usual_feed_time(latest))
        if patches_done(len(changes), terms) <= terms.feed_time:
            return Lanes(alone=tuple(changes))
        begun = books.pushes.feeds_begun_since(errand.account, now - _FEEDS_WITHIN)
        sold = books.watch.busy_skus(errand.account, now - _A_DAY, 1)
    terms = dataclasses.replace(terms, feeds_left=max(0, _FEEDS_AT_ONCE - begun))
    return choose_lanes(changes, {sku: sum(units) for sku, units in sold.items()}, terms)


class Looking:
    """The looks at the listings of one feed, some of them at a time, so that other things need not wait."""

    def __init__(self, errand: Errand, changes: Sequence[OfferChange]) -> None:
        self.errand, self.changes = errand, changes
        self._left = list(batches(changes))
        self._left.reverse()
        self._fresh: dict[Sku, ObservedOffer] = {}

    def in_passing(self) -> None:
        """Look at some listings now; where that fails, it is done again when it must be."""
        if not self._left:
            return
        batch = self._left[-1]
        with contextlib.suppress(RemoteError):
            seen = self.errand.channel.observe([change.sku for change in batch])
            self.errand.note_gone(batch, seen)
            self._fresh |= seen
            self._left.pop()

    def finish(self) -> Mapping[Sku, ObservedOffer]:
        """Look at the other listings; what must go off sale does so in between."""
        errand = self.errand
        while self._left and not errand.is_shut_out():
            let_urgent_through(errand)
            self._fresh |= errand.look(self._left.pop())
            errand.progress("look", len(self._fresh), len(self.changes))
        return self._fresh


def hand_in(errand: Errand, looking: Looking) -> tuple[OfferChange, ...]:
    """Hand changes in as one feed, each on a fresh look at its listing; what is not handed in waits.

    Returns what has come to take units off sale meanwhile: it is too urgent for a feed.
    """
    fresh = looking.finish()
    readable = [change for change in looking.changes if change.sku in fresh]
    if errand.feeds is None or errand.is_shut_out() or not readable:
        return ()
    urgent: list[OfferChange] = []
    for part in errand.feeds.split(readable):
        going: list[OfferChange] = []
        for start in range(0, len(part), _TAKEN_AT_ONCE):
            some = part[start : start + _TAKEN_AT_ONCE]
            with errand.ledger.transaction() as books:
                taken = errand.take(books, some, {change.sku: fresh[change.sku] for change in some})
                lowered = {one.sku for one in taken if one.after.quantity < one.before.quantity}
                errand.let_go(books, lowered)
            going += [one for one in taken if one.sku not in lowered]
            urgent += [change for change in some if change.sku in lowered]
        if going:
            _begin(errand, errand.feeds, going)
    return tuple(urgent)


def _begin(errand: Errand, channel: FeedChannel, changes: Sequence[OfferChange]) -> None:
    with errand.ledger.transaction() as books:
        number = books.pushes.begin_feed(errand.account, changes, errand.run_id, errand.clock.now())
        errand.taken -= {one.sku for one in changes}
    _submit(errand, channel, number, changes)


def _submit(errand: Errand, channel: FeedChannel, number: int, changes: Sequence[OfferChange]) -> None:
    """Give a recorded feed to Amazon; where nobody knows whether it arrived, it stays open and is found."""
    try:
        ticket = channel.submit(changes)
    except RemoteError as error:
        errand.failed(f"a feed of {len(changes)} changes", error)
        in_doubt = isinstance(error, Unavailable | UnexpectedPayload) and error.operation == "createFeed"
        if not in_doubt:
            with errand.ledger.transaction() as books:
                books.pushes.close_feed(number, "never handed in", errand.clock.now())
        return
    with errand.ledger.transaction() as books:
        books.pushes.feed_submitted(number, ticket.feed_id, ticket.submitted_at)
    errand.handed_in += len(changes)


# --- following it ---------------------------------------------------------------------------------------


def follow(errand: Errand) -> None:
    """Ask how unfinished feeds stand, record what became of the finished, overtake those that are stuck."""
    if errand.feeds is None:
        return
    with errand.ledger.snapshot() as books:
        unfinished = books.pushes.open_feeds(errand.account)
    for feed in unfinished:
        try:
            _follow_one(errand, errand.feeds, feed)
        except RemoteError as error:
            errand.failures.append(
                Failure(what=f"feed {feed.feed_id or feed.number}", why=str(error), next=error.next_step)
            )


def _follow_one(errand: Errand, channel: FeedChannel, feed: OpenFeed) -> None:
    if feed.feed_id is None:
        found = _find(errand, channel, feed)
        if found is not None:
            _follow_one(errand, channel, found)
        return
    with errand.ledger.snapshot() as books:
        changes = books.pushes.changes_of(feed.number)
    submitted_at = feed.submitted_at or feed.begun_at
    ticket = FeedTicket(feed_id=feed.feed_id, submitted_at=submitted_at, changes=changes)
    state = channel.state(ticket)
    patience = timedelta(minutes=errand.terms.limits.feed_patience_minutes)
    if not state.is_finished and errand.clock.now() - submitted_at > patience:
        state = _overtake(errand, channel, feed, ticket, state)
    if state.is_finished:
        _finish(errand, channel, feed, ticket, state)


def _finish(
    errand: Errand, channel: FeedChannel, feed: OpenFeed, ticket: FeedTicket, state: JobState
) -> None:
    """Record what became of each change; what was zeroed in spite of the feed must be looked at again."""
    try:
        receipts = channel.receipts(ticket)
    except UnexpectedPayload as error:
        receipts = _all(errand, ticket.changes, PushOutcome.UNKNOWN, str(error))
    with errand.ledger.transaction() as books:
        if feed.number not in {one.number for one in books.pushes.open_feeds(errand.account)}:
            return  # another process has recorded it
        still_its = books.pushes.close_feed(feed.number, state.value, errand.clock.now())
        zeroed = [one for one in receipts if one.change.sku not in still_its]
        its = [one for one in receipts if one.change.sku in still_its]
        in_doubt = [dataclasses.replace(one, outcome=PushOutcome.UNKNOWN) for one in zeroed]
        books.offers.record_receipts([*its, *in_doubt], errand.run_id)
    errand.receipts += receipts


def _find(errand: Errand, channel: FeedChannel, feed: OpenFeed) -> OpenFeed | None:
    """Find a feed again of which a crash, or a lost answer, has left only our own record.

    Returns it where Amazon has it; where it cannot be found, its changes are to be made anew.
    """
    if errand.clock.now() - feed.begun_at < _FOUND_AFTER:
        return None
    with errand.ledger.snapshot() as books:
        known, changes = books.pushes.known_feed_ids(errand.account), books.pushes.changes_of(feed.number)
    strange = [one for one in channel.submitted_since(feed.begun_at - _CLOCKS_DIFFER_BY) if one not in known]
    if len(strange) == 1:
        with errand.ledger.transaction() as books:
            books.pushes.feed_submitted(feed.number, strange[0], feed.begun_at)
        return dataclasses.replace(feed, feed_id=strange[0], submitted_at=feed.begun_at)
    outcome, why = PushOutcome.FAILED, "Amazon never got the feed"
    if strange:
        outcome, why = PushOutcome.UNKNOWN, "it is not known which of Amazon's feeds it went with"
    with errand.ledger.transaction() as books:
        books.pushes.close_feed(feed.number, outcome.value, errand.clock.now())
        books.offers.record_receipts(_all(errand, changes, outcome, why), errand.run_id)
    return None


def _overtake(
    errand: Errand, channel: FeedChannel, feed: OpenFeed, ticket: FeedTicket, state: JobState
) -> JobState:
    """Take SKUs off sale although a stuck feed has them: withdraw the feed, or else zero them beside it."""
    with errand.ledger.snapshot() as books:
        held = books.pushes.overtakable(feed.number)
        desired = books.offers.desired(errand.account, held)
        shown = books.offers.observed(errand.account, sorted(held)) if held else {}
    urgent = [
        OfferChange(
            account=errand.account,
            sku=sku,
            product_type=shown[sku].product_type,
            before=shown[sku].offer,
            after=dataclasses.replace(shown[sku].offer, quantity=0),
        )
        for sku in sorted(held)
        if sku in shown and sku in desired and desired[sku].quantity == 0 < shown[sku].offer.quantity
    ]
    if not urgent:
        return state
    if state is JobState.IN_QUEUE and channel.cancel(ticket):
        state = channel.state(ticket)
        if state.is_finished:
            return state
    for change in urgent:
        if not errand.is_shut_out():
            send(errand, change, despite_feed=feed.number)
    return state


def _all(
    errand: Errand, changes: Sequence[OfferChange], outcome: PushOutcome, why: str
) -> tuple[PushReceipt, ...]:
    now = errand.clock.now()
    return tuple(PushReceipt(change=one, outcome=outcome, at=now, problems=(why,)) for one in changes)
