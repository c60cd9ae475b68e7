"""The six Feeds 2021-06-30 operations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime

from fbm_sync.emulator.account.performance import DEACTIVATED
from fbm_sync.emulator.gate.exchange import Answer, Call
from fbm_sync.emulator.gate.pages import PageTokens
from fbm_sync.emulator.jobs.calls import JobList, Specification, document_answer, find_job, invalid
from fbm_sync.emulator.jobs.documents import FEED_DOCUMENT, Documents
from fbm_sync.emulator.jobs.feeds import LISTINGS_FEED, Feeds
from fbm_sync.emulator.shop import ShopRules

_FEED_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")


class FeedCalls:
    """Answers the Feeds API for one account."""

    def __init__(
        self,
        rules: ShopRules,
        feeds: Feeds,
        documents: Documents,
        pages: PageTokens,
        account_status: Callable[[], str],
    ) -> None:
        self._rules = rules
        self._feeds = feeds
        self._documents = documents
        self._account_status = account_status
        self._list = JobList("feeds", "feedTypes", pages)

    def create_document(self, call: Call, now: datetime) -> Answer:
        """An address to upload a feed's content to."""
        document = self._documents.expect_upload(Specification(call).text("contentType").strip())
        url = self._documents.upload_address(document, call, now)
        return Answer(status=201, body={FEED_DOCUMENT: document.document_id, "url": url})

    def create(self, call: Call, now: datetime) -> Answer:
        """Submit an uploaded document."""
        wanted = Specification(call)
        feed_type, input_id = wanted.text("feedType"), wanted.text("inputFeedDocumentId")
        marketplaces = wanted.marketplaces(self._rules.marketplace_id)
        wanted.options("feedOptions")
        if not _FEED_TYPE.fullmatch(feed_type):
            raise invalid(f"'{feed_type}' is not a feed type.")
        if self._documents.find(FEED_DOCUMENT, input_id) is None:
            raise invalid(f"'{input_id}' is not a feed document.")
        if self._account_status() == DEACTIVATED:
            raise invalid("The seller's account is not active.")
        feed = self._feeds.submit(feed_type, marketplaces, input_id, now)
        return Answer(status=202, body={"feedId": feed.job_id})

    def get(self, call: Call, now: datetime) -> Answer:
        """How one feed stands."""
        return Answer(body=find_job(self._feeds.feeds, call.path_values["feed_id"]).to_json())

    def search(self, call: Call, now: datetime) -> Answer:
        """A page of feeds."""
        ids, more = self._list.page(call, self._feeds.feeds, now)
        return Answer(body={"feeds": [self._feeds.feeds[feed_id].to_json() for feed_id in ids]} | more)

    def cancel(self, call: Call, now: datetime) -> Answer:
        """Withdraw a feed that has not been started."""
        feed = find_job(self._feeds.feeds, call.path_values["feed_id"])
        if not self._feeds.cancel(feed, now):
            raise invalid(f"The feed is {feed.status}; only one IN_QUEUE can be cancelled.")
        return Answer(body="")

    def get_document(self, call: Call, now: datetime) -> Answer:
        """Where a processing report can be fetched."""
        return document_answer(self._documents, FEED_DOCUMENT, call, now)


def submits_listings(call: Call) -> bool:
    """Whether a createFeed request is for the feed type that has a limit of its own."""
    try:
        body = json.loads(call.body)
    except ValueError:
        return False
    return isinstance(body, dict) and body.get("feedType") == LISTINGS_FEED
