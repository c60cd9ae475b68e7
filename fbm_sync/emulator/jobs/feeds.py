"""The feeds of the account: queued, worked off one after another in order, each with its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fbm_sync.emulator.clock import Agenda
from fbm_sync.emulator.jobs.documents import FEED_DOCUMENT, Documents
from fbm_sync.emulator.jobs.job import CANCELLED, IN_QUEUE, Job
from fbm_sync.emulator.jobs.listing_feeds import FeedOutcome, ListingsFeedProcessor, failed_feed, feed_issue
from fbm_sync.emulator.shop import Announce, JsonObject, ShopRules

LISTINGS_FEED = "JSON_LISTINGS_FEED"


@dataclass(slots=True, kw_only=True)
class Feed(Job):
    """One submission; `input_id` is the document that was uploaded for it."""

    input_id: str

    def to_json(self) -> JsonObject:
        """The feed as Amazon prints it."""
        names: JsonObject = {"feedId": self.job_id, "feedType": self.job_type}
        return names | self.progress_json("resultFeedDocumentId")


class Feeds:
    """Works feeds off in the order they came: each waits its time in the queue and for the one before.

    While `frozen` none is started; one that is under way is finished.
    """

    def __init__(
        self,
        rules: ShopRules,
        agenda: Agenda,
        documents: Documents,
        processor: ListingsFeedProcessor,
        announce: Announce,
        new_id: Callable[[], str],
    ) -> None:
        self._rules = rules
        self._agenda = agenda
        self._documents = documents
        self._processor = processor
        self._announce = announce
        self._new_id = new_id
        self._running: Feed | None = None
        self.frozen = rules.jobs.feeds_frozen
        self.feeds: dict[str, Feed] = {}

    def submit(self, feed_type: str, marketplace_ids: tuple[str, ...], input_id: str, now: datetime) -> Feed:
        """Put a feed into the queue; its document is read when its turn has come."""
        feed_id = self._new_id()
        while feed_id in self.feeds:
            feed_id = self._new_id()
        feed = Feed(
            job_id=feed_id,
            job_type=feed_type,
            marketplace_ids=marketplace_ids,
            created_at=now,
            input_id=input_id,
        )
        self.feeds[feed_id] = feed
        self._agenda.schedule(self._ready_at(feed), self._start_next)
        return feed

    def cancel(self, feed: Feed, now: datetime) -> bool:
        """Take a feed out of the queue; answers whether it was still in it."""
        if feed.status != IN_QUEUE:
            return False
        self._end(feed, CANCELLED, now)
        return True

    def freeze(self, now: datetime, *, frozen: bool) -> None:
        """Stop starting feeds, or go on with those that waited."""
        self.frozen = frozen
        self._start_next(now)

    def _ready_at(self, feed: Feed) -> datetime:
        return feed.created_at + timedelta(seconds=self._rules.jobs.feed_queue_seconds)

    def _start_next(self, at: datetime) -> None:
        if self.frozen or self._running is not None:
            return
        feed = next((one for one in self.feeds.values() if one.status == IN_QUEUE), None)
        if feed is None or self._ready_at(feed) > at:
            return
        self._running = feed
        feed.start(at)
        ready_at = at + timedelta(seconds=self._rules.jobs.feed_seconds)
        self._agenda.schedule(ready_at, lambda moment: self._finish(feed, moment))

    def _finish(self, feed: Feed, at: datetime) -> None:
        outcome = self._outcome(feed, at)
        text = json.dumps(outcome.report, ensure_ascii=False)
        result_id = self._documents.keep(text, key=FEED_DOCUMENT, kind="application/json", charset="UTF-8")
        self._end(feed, outcome.status, at, result_id)
        self._running = None
        self._start_next(at)

    def _outcome(self, feed: Feed, at: datetime) -> FeedOutcome:
        document = self._documents.find(FEED_DOCUMENT, feed.input_id)
        if feed.job_type == LISTINGS_FEED:
            return self._processor.process(feed.job_id, document.content if document else None, at)
        why = f"This emulator knows only {LISTINGS_FEED}, not {feed.job_type}."
        return failed_feed(feed.job_id, self._rules.seller_id, feed_issue(why))

    def _end(self, feed: Feed, status: str, at: datetime, result_id: str | None = None) -> None:
        feed.end(status, at, result_id)
        fact = {"feedId": feed.job_id, "feedType": feed.job_type, "processingStatus": status}
        if result_id is not None:
            fact["resultFeedDocumentId"] = result_id
        self._announce("FEED_PROCESSING_FINISHED", fact, at)
