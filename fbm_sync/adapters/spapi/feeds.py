"""Many changes in one feed: Amazon's Feeds API 2021-06-30 with JSON_LISTINGS_FEED, and what its report means.

Here: writing a feed, handing it in once, waiting for it, and telling what became of each change. A change is
written as the patch that a single one would be (`listings`). Not here: which change is wanted or allowed, nor
whether a feed is the right way: Amazon may sit on one for hours.
"""

import collections
import functools
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fbm_sync.adapters.spapi.answers import problem_words
from fbm_sync.adapters.spapi.documents import AddressExpired
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.jobs import Job, Waiting, read_state, required, start_once
from fbm_sync.adapters.spapi.listings import patch_for
from fbm_sync.adapters.spapi.reading import count, format_instant, instant, section, sections, text
from fbm_sync.domain.change import FeedTicket, PushOutcome, PushReceipt
from fbm_sync.domain.listing import OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.errors import RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.ports import Clock, JobState

FEED_TYPE = "JSON_LISTINGS_FEED"
MOST_CHANGES = 25_000
MOST_BYTES = 10 * 1024 * 1024
"""A feed has to be smaller than this."""

_CONTENT_TYPE = "application/json; charset=UTF-8"
_PATIENCE_SECONDS = 1800.0
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_FEEDS_REMEMBERED = 1000


class AmazonFeeds:
    """One account's feeds of offer changes."""

    def __init__(self, gateway: Gateway, clock: Clock, *, account: str, seller_id: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._account = account
        self._seller_id = seller_id
        self._waiting = Waiting(gateway, clock, operation="getFeed", look=self._job)
        self._submitting = threading.Lock()
        self._submitted: collections.deque[str] = collections.deque(maxlen=_FEEDS_REMEMBERED)

    def submit(self, changes: Sequence[OfferChange], *, marketplaces: Sequence[str] = ()) -> FeedTicket:
        """Hand in changes as one feed; `marketplaces` narrows the account's own to where the SKUs are listed.

        Never makes two feeds of them: where it is unknown whether Amazon has the feed, it is looked for.
        Raises `ValueError` for what would spoil the whole feed (see `write_feed`), an error of the
        `RemoteError` family otherwise; after an `Unavailable` from "createFeed" Amazon may have it.
        """
        for change in changes:
            if change.account != self._account:
                raise ValueError(f"the change of {change.sku} is of account {change.account}")
        content = write_feed(changes, self._seller_id)
        # One at a time, so that a feed that is looked for cannot be another thread's.
        with self._submitting:
            document_id, since = self._upload(content)
            body = {
                "feedType": FEED_TYPE,
                "marketplaceIds": list(marketplaces or self._gateway.marketplaces),
                "inputFeedDocumentId": document_id,
            }
            feed_id = start_once(
                self._clock,
                functools.partial(self._create, body),
                functools.partial(self._find_created, since),
            )
            self._submitted.append(feed_id)
        return FeedTicket(feed_id=feed_id, submitted_at=self._clock.now(), changes=tuple(changes))

    def split(self, changes: Sequence[OfferChange]) -> tuple[tuple[OfferChange, ...], ...]:
        """Split changes, in their order, into as few feeds as hold them."""
        return batches(changes, self._seller_id)

    def submitted_since(self, since: datetime) -> tuple[str, ...]:
        """Return the ids of the account's feeds of changes since an instant, whoever handed them in."""
        return tuple(feed_id for feed in self._listed(since) if (feed_id := text(feed, "feedId")) is not None)

    def cancel(self, ticket: FeedTicket) -> bool:
        """Take a feed back that Amazon has not begun; false when it is too late for that."""
        try:
            self._gateway.call("cancelFeed", ticket.feed_id)
        except RequestRejected:
            return False
        return True

    def state(self, ticket: FeedTicket) -> JobState:
        """Ask how a feed stands. DONE means worked off, not that every change was accepted."""
        return self._job(ticket.feed_id).state

    def wait(self, ticket: FeedTicket, *, patience_seconds: float = _PATIENCE_SECONDS) -> JobState:
        """Wait until a feed is finished, or until the patience is used up, and return how it stands."""
        return self._waiting.wait(ticket.feed_id, patience_seconds).state

    def finished(self, feed_id: str) -> None:
        """Hear, from any thread, that a feed is finished: whoever waits for it looks at once."""
        self._waiting.finished(feed_id)

    def receipts(self, ticket: FeedTicket) -> tuple[PushReceipt, ...]:
        """Return what became of each change, in their order; nothing while Amazon still works on the feed."""
        job = self._job(ticket.feed_id)
        if not job.state.is_finished:
            return ()
        report = None
        if job.document_id is not None and job.state is not JobState.CANCELLED:
            report = read_report(self._document(job.document_id), ticket.feed_id)
        return receipts_of(ticket, job.state, report, self._clock.now())

    def _job(self, feed_id: str) -> Job:
        body = self._gateway.call("getFeed", feed_id).body or {}
        return Job(job_id=feed_id, state=read_state(body), document_id=text(body, "resultFeedDocumentId"))

    def _document(self, document_id: str) -> str:
        return self._gateway.documents.fetch(lambda: self._gateway.call("getFeedDocument", document_id))

    def _upload(self, content: bytes) -> tuple[str, datetime]:
        """Store a feed; return its document's id and an instant, by Amazon's clock, before its creation."""
        try:
            return self._upload_once(content)
        except AddressExpired:
            return self._upload_once(content)

    def _upload_once(self, content: bytes) -> tuple[str, datetime]:
        answer = self._gateway.call("createFeedDocument", body={"contentType": _CONTENT_TYPE})
        document_id = required(answer, "createFeedDocument", "feedDocumentId")
        self._gateway.documents.upload(required(answer, "createFeedDocument", "url"), content, _CONTENT_TYPE)
        return document_id, answer.date or self._clock.now() - _CLOCKS_DIFFER_BY

    def _create(self, body: Mapping[str, Any]) -> str:
        return required(self._gateway.call("createFeed", body=body), "createFeed", "feedId")

    def _find_created(self, since: datetime) -> str | None:
        """Return the feed that must be ours, since it is the only new one; `None` when there is none.

        Amazon does not say which document a feed was made of.
        """
        new = [feed_id for feed_id in self.submitted_since(since) if feed_id not in self._submitted]
        if len(new) > 1:
            raise Unavailable(
                f"{len(new)} feeds appeared at once; none of them can be told to be ours.",
                operation="createFeed",
                next_step="Nothing is sent again now; the next look at the listings shows what came of it.",
            )
        return new[0] if new else None

    def _listed(self, since: datetime) -> list[Mapping[str, Any]]:
        params = {"feedTypes": FEED_TYPE, "createdSince": format_instant(since), "pageSize": "100"}
        body = self._gateway.call("getFeeds", params=params).body or {}
        return [
            feed
            for feed in sections(body, "feeds")
            if text(feed, "feedType") == FEED_TYPE and (instant(feed, "createdTime") or since) >= since
        ]


# --- writing a feed ------------------------------------------------------------------------------


def write_feed(changes: Sequence[OfferChange], seller_id: str) -> bytes:
    """Return the document that makes these changes, each with its number.

    Raises `ValueError` for what would cost the whole feed at Amazon: no change or too many, two for one
    SKU (which of them would win is anybody's guess), a negative quantity, a document that is too large.
    """
    _check(changes)
    if len(changes) > MOST_CHANGES:
        raise ValueError(f"{len(changes):,} changes do not fit in a feed of {MOST_CHANGES:,}")
    content = _frame(seller_id, [_message(number, change) for number, change in enumerate(changes, start=1)])
    if len(content) >= MOST_BYTES:
        raise ValueError(f"a feed of {len(content):,} bytes is too large; {MOST_BYTES:,} are not allowed")
    return content


def batches(changes: Sequence[OfferChange], seller_id: str) -> tuple[tuple[OfferChange, ...], ...]:
    """Split changes, in their order, into as few feeds as hold them.

    Raises `ValueError` for changes that no feed can hold, as `write_feed` does.
    """
    _check(changes)
    found: list[tuple[OfferChange, ...]] = []
    batch: list[OfferChange] = []
    empty = len(_frame(seller_id, []))
    size = empty
    for change in changes:
        # Measured with the longest number it can get, and the comma behind it.
        needed = len(_message(MOST_CHANGES, change)) + 1
        if batch and (len(batch) == MOST_CHANGES or size + needed >= MOST_BYTES):
            found.append(tuple(batch))
            batch, size = [], empty
        batch.append(change)
        size += needed
    return (*found, tuple(batch))


def _check(changes: Sequence[OfferChange]) -> None:
    if not changes:
        raise ValueError("a feed needs a change")
    seen = collections.Counter(change.sku for change in changes)
    twice = [sku for sku, times in seen.items() if times > 1]
    if twice:
        raise ValueError(f"more than one change of {', '.join(twice)}")
    negative = [change.sku for change in changes if change.after.quantity < 0]
    if negative:
        raise ValueError(f"a negative quantity for {', '.join(negative)}")


def _message(number: int, change: OfferChange) -> bytes:
    message = {"messageId": number, "sku": change.sku, "operationType": "PATCH", **patch_for(change)}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _frame(seller_id: str, messages: Sequence[bytes]) -> bytes:
    header = json.dumps({"sellerId": seller_id, "version": "2.0"}).encode()
    return b'{"header":' + header + b',"messages":[' + b",".join(messages) + b"]}"


# --- reading Amazon's report on it ---------------------------------------------------------------


def read_report(content: str, feed_id: str) -> Mapping[str, Any]:
    """Return the processing report of a feed. Raises `UnexpectedPayload` for anything else."""
    try:
        report = json.loads(content)
    except (ValueError, RecursionError):
        report = None
    if not isinstance(report, dict) or not isinstance(report.get("issues"), list):
        raise _not_a_report("it is not a processing report")
    if text(section(report, "header"), "feedId") not in (None, feed_id):
        raise _not_a_report("it is the report of another feed")
    return report


def _not_a_report(problem: str) -> UnexpectedPayload:
    return UnexpectedPayload(
        f"{problem}.",
        operation="getFeedDocument",
        next_step="Whether the changes were made, the next look at the listings shows; please report it.",
    )


def receipts_of(
    ticket: FeedTicket, state: JobState, report: Mapping[str, Any] | None, now: datetime
) -> tuple[PushReceipt, ...]:
    """Return what became of each change of a finished feed.

    A change with an error is refused. Of the others Amazon gives only the number that it accepted, so
    they are accepted, refused or unknown together. What Amazon says of no change in particular is said of
    each. A feed that broke off may have made some changes, none, or all.
    """
    numbers = {change.sku: number for number, change in enumerate(ticket.changes, start=1)}
    of_change: dict[int, list[Mapping[str, Any]]] = collections.defaultdict(list)
    for issue in sections(report or {}, "issues"):
        of_change[_number(ticket, numbers, issue)].append(issue)
    refused = {
        number
        for number, found in of_change.items()
        if number and any(text(issue, "severity") == "ERROR" for issue in found)
    }
    outcome, reason = _outcome_of_others(state, report, len(ticket.changes) - len(refused))
    receipts = []
    for number, change in enumerate(ticket.changes, start=1):
        words = problem_words([*of_change[number], *of_change[0]])
        receipts.append(
            PushReceipt(
                change=change,
                outcome=PushOutcome.REJECTED if number in refused else outcome,
                at=now,
                submission_id=ticket.feed_id,
                problems=words if number in refused or not reason else (reason, *words),
            )
        )
    return tuple(receipts)


def _number(ticket: FeedTicket, numbers: Mapping[Sku, int], issue: Mapping[str, Any]) -> int:
    """Return which change an issue is about; 0 when it is about none, or contradicts itself."""
    sku, number = text(issue, "sku"), count(issue, "messageId")
    if number is None:
        return numbers.get(Sku(sku or ""), 0)
    change = ticket.change(number)
    return number if change is not None and sku in (None, change.sku) else 0


def _outcome_of_others(
    state: JobState, report: Mapping[str, Any] | None, others: int
) -> tuple[PushOutcome, str]:
    """Return what became of the changes that Amazon names no error of, and why that is not plain."""
    if state is JobState.CANCELLED:
        return PushOutcome.FAILED, "Amazon cancelled the feed before it began"
    if state is not JobState.DONE:
        return PushOutcome.UNKNOWN, "Amazon broke the feed off; what is done of it, it does not say"
    accepted = count(section(report or {}, "summary"), "messagesAccepted")
    if accepted is None:
        return PushOutcome.UNKNOWN, "Amazon gave no report on the feed"
    if accepted >= others:
        return PushOutcome.ACCEPTED, ""
    if accepted == 0:
        return PushOutcome.REJECTED, ""
    return PushOutcome.UNKNOWN, "Amazon did not accept every change, and does not say which"
