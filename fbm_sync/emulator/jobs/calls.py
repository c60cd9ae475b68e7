"""How the Feeds and the Reports API read a request, list their jobs and word a refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from fbm_sync.emulator.gate.exchange import Answer, Call, Params, Refused
from fbm_sync.emulator.gate.pages import Page, PageTokens
from fbm_sync.emulator.jobs.documents import Documents
from fbm_sync.emulator.jobs.job import STATUSES, Job
from fbm_sync.emulator.shop import JsonObject

MAX_MARKETPLACES = 25
MAX_FILTERS = 10
MAX_PAGE = 100
DEFAULT_PAGE = 10
KEPT = timedelta(days=90)
_JOB_ID = re.compile(r"\d+")
AnyJob = TypeVar("AnyJob", bound=Job)


def invalid(details: str) -> Refused:
    """A request the Feeds or Reports API cannot accept."""
    return Refused(400, "400", "Invalid input", details)


def missing(details: str) -> Refused:
    """A request for something that is not there."""
    return Refused(404, "404", "Resource not found", details)


class Specification:
    """The JSON body of a creating request, read field by field."""

    def __init__(self, call: Call) -> None:
        try:
            body = json.loads(call.body)
        except ValueError:
            raise invalid("The request body is not JSON.") from None
        if not isinstance(body, dict):
            raise invalid("The request body is not a JSON object.")
        self._body = body

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self._body.get(name)
        if not isinstance(value, str) or not value.strip():
            raise invalid(f"'{name}' is required.")
        return value

    def marketplaces(self, own: str) -> tuple[str, ...]:
        """The marketplaces named, all of them ones the seller is in."""
        values = self._body.get("marketplaceIds")
        if not isinstance(values, list) or not 1 <= len(values) <= MAX_MARKETPLACES:
            raise invalid(f"'marketplaceIds' needs from 1 to {MAX_MARKETPLACES} values.")
        if any(value != own for value in values):
            raise invalid("'marketplaceIds' names a marketplace this seller is not in.")
        return tuple(dict.fromkeys(values))

    def options(self, name: str) -> None:
        """Options are texts by name; the emulator knows none that would change anything."""
        values = self._body.get(name, {})
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise invalid(f"'{name}' must be an object of texts.")

    def instant(self, name: str) -> datetime | None:
        """A moment, or None when not given."""
        value = self._body.get(name)
        if value is None:
            return None
        return Params([(name, str(value))]).instant(name, invalid)


def find_job(jobs: Mapping[str, AnyJob], job_id: str) -> AnyJob:
    """The job of that id; what could never be one is invalid, any other is just not there."""
    if not _JOB_ID.fullmatch(job_id):
        raise invalid(f"'{job_id}' is not an id.")
    if job_id not in jobs:
        raise missing(job_id)
    return jobs[job_id]


def document_answer(documents: Documents, key: str, call: Call, now: datetime) -> Answer:
    """Where to fetch a document from; one that was never filled is not there either."""
    document_id = call.path_values["document_id"]
    document = documents.find(key, document_id)
    if not document_id.startswith("amzn1."):
        raise invalid(f"'{document_id}' is not a document id.")
    if document is None or document.content is None:
        raise missing(document_id)
    unpack = call.params.flag("enableContentEncodingUrlHeader", invalid)
    return Answer(body={key: document_id} | documents.download_facts(document, call, now, unpack=unpack))


class JobList:
    """Lists jobs page by page, newest first; which belong to the answer is settled with page one."""

    def __init__(self, name: str, types_name: str, pages: PageTokens) -> None:
        self._name = name
        self._types_name = types_name
        self._pages = pages

    def page(self, call: Call, jobs: Mapping[str, Job], now: datetime) -> tuple[tuple[str, ...], JsonObject]:
        """The ids on the page asked for, and the token of the next page where there is one."""
        asked_for = self._page_asked_for(call, jobs, now)
        page = call.walk.shuffled(asked_for, asked_for.size)
        following = call.walk.following(page, page.size, now)
        more: JsonObject = {}
        if following is not None:
            more["nextToken"] = self._pages.issue(following)
        return page.ids[page.offset : page.offset + page.size], more

    def _page_asked_for(self, call: Call, jobs: Mapping[str, Job], now: datetime) -> Page:
        token = call.params.one("nextToken")
        if token is None:
            ids = self._matching(call.params, jobs, now)
            size = _page_size(call.params)
            return Page(query=self._name, ids=ids, offset=0, bound="", issued_at=now, size=size)
        if any(name != "nextToken" for name, _ in call.params.pairs):
            raise invalid("'nextToken' must be the only parameter.")
        page = self._pages.find(token, self._name, now)
        if page is None:
            raise invalid("'nextToken' is not valid.")
        return page

    def _matching(self, params: Params, jobs: Mapping[str, Job], now: datetime) -> tuple[str, ...]:
        types = _few(params, self._types_name)
        if not types:
            raise invalid(f"Either '{self._types_name}' or 'nextToken' is required.")
        marketplaces = set(_few(params, "marketplaceIds"))
        statuses = params.words("processingStatuses", STATUSES, invalid)
        since = params.instant("createdSince", invalid) or now - KEPT
        until = params.instant("createdUntil", invalid) or now
        found = [
            job
            for job in jobs.values()
            if job.job_type in types
            and (not statuses or job.status in statuses)
            and (not marketplaces or marketplaces & set(job.marketplace_ids))
            and max(since, now - KEPT) <= job.created_at <= until
        ]
        # Jobs are kept in the order they came, which tells apart those of one moment.
        return tuple(job.job_id for job in reversed(found))


def _few(params: Params, name: str) -> list[str]:
    values = params.many(name)
    if len(values) > MAX_FILTERS:
        raise invalid(f"'{name}' takes at most {MAX_FILTERS} values.")
    return values


def _page_size(params: Params) -> int:
    text = params.one("pageSize") or str(DEFAULT_PAGE)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_PAGE:
        raise invalid(f"'pageSize' must be from 1 to {MAX_PAGE}.")
    return int(text)
