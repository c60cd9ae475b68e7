"""The account's reports: Amazon's Reports API 2021-06-30, from the order to the finished document.

Here: ordering a report once, waiting for it, fetching its text, and the reports we read, each with its
translation (`flat_files`, `performance`). A report shows what Amazon knew when it was made, listings up to
some hours earlier; it is a second witness, never faster than asking. Not here: what follows from it.
"""

import dataclasses
import enum
import functools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fbm_sync.adapters.spapi.answers import problem_words
from fbm_sync.adapters.spapi.flat_files import read_listings, read_order_lines
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.jobs import Job, Waiting, read_state, required, start_once
from fbm_sync.adapters.spapi.performance import read_performance
from fbm_sync.adapters.spapi.reading import NotUnderstood, format_instant, instant, sections, text
from fbm_sync.domain.performance import SellerPerformance
from fbm_sync.errors import RemoteError, ReportCancelled, RequestRejected, UnexpectedPayload, Unfinished
from fbm_sync.ports import Clock, JobState, ListingReport, OrderReport

_PATIENCE_SECONDS = 1800.0
_FRESH = timedelta(minutes=15)
"""A report of the same content that is no older does as well, and may be the one that was ordered."""

_OF_TODAY = timedelta(hours=6)
"""A report that Amazon makes once a day is no staler than that for being so old."""

_LONGEST_REASON = 300
_Read = TypeVar("_Read")


class ReportKind(enum.StrEnum):
    """The reports we read, by Amazon's names."""

    ALL_LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
    OPEN_LISTINGS = "GET_FLAT_FILE_OPEN_LISTINGS_DATA"
    ORDERS_BY_LAST_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
    SELLER_PERFORMANCE = "GET_V2_SELLER_PERFORMANCE_REPORT"


_OPTIONS = {
    # Without it the headings are in the language of the marketplace.
    ReportKind.OPEN_LISTINGS: {"preferredReportDocumentLocale": "en_US"},
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """What a report is to contain."""

    kind: ReportKind
    marketplaces: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None

    @property
    def shelf(self) -> tuple[ReportKind, tuple[str, ...]]:
        """Where a report that is not finished yet waits for the next call; one for each kind and place."""
        return (self.kind, self.marketplaces)

    def body(self) -> dict[str, Any]:
        """Return the order as Amazon wants it."""
        body: dict[str, Any] = {"reportType": self.kind.value, "marketplaceIds": list(self.marketplaces)}
        if self.since is not None:
            body["dataStartTime"] = format_instant(self.since)
        if self.until is not None:
            body["dataEndTime"] = format_instant(self.until)
        if self.kind in _OPTIONS:
            body["reportOptions"] = _OPTIONS[self.kind]
        return body

    def is_answered_by(self, report: Mapping[str, Any]) -> bool:
        """Tell whether a report in Amazon's list has this content, as far as the list says."""
        places = report.get("marketplaceIds")
        return (
            text(report, "reportType") == self.kind
            and (not isinstance(places, list) or set(places) == set(self.marketplaces))
            and _is_about(self.since, instant(report, "dataStartTime"))
            and _is_about(self.until, instant(report, "dataEndTime"))
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A report that was ordered and not read yet."""

    ask: _Ask
    report_id: str


class AmazonReports:
    """One account's reports.

    Each reader orders a report, waits for it and reads it. One that is not finished in time is not ordered
    again by the next call for the same, which goes on waiting for it: Amazon cancels what is asked too often.
    """

    def __init__(self, gateway: Gateway, clock: Clock, *, account: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._account = account
        self._waiting = Waiting(gateway, clock, operation="getReport", look=self._job)
        self._begun: dict[tuple[ReportKind, tuple[str, ...]], _Begun] = {}

    # --- the reports we read ------------------------------------------------------------------------

    def merchant_listings(self, *, patience_seconds: float = _PATIENCE_SECONDS) -> ListingReport:
        """Read every listing with its status, live or not."""
        return self._listings(ReportKind.ALL_LISTINGS, patience_seconds)

    def open_listings(self, *, patience_seconds: float = _PATIENCE_SECONDS) -> ListingReport:
        """Read the listings on sale and their quantities; Amazon may hand out one that is hours old."""
        return self._listings(ReportKind.OPEN_LISTINGS, patience_seconds)

    def orders_by_last_update(
        self, since: datetime, until: datetime, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> OrderReport:
        """Read the lines of all orders updated in a range of time, whoever fulfils them.

        One ordered for the same range by a process that was killed meanwhile is found again.
        """
        ask = _Ask(
            kind=ReportKind.ORDERS_BY_LAST_UPDATE,
            marketplaces=self._gateway.marketplaces,
            since=since,
            until=until,
        )
        self._take_up(ask)
        return self._read(ask, patience_seconds, lambda content: read_order_lines(content, self._account))

    def seller_performance(self, *, patience_seconds: float = _PATIENCE_SECONDS) -> SellerPerformance:
        """Read Amazon's verdict on the seller in every marketplace.

        It is made once a day, so one that was ordered lately, by whomever, does as well.
        """
        ask = _Ask(kind=ReportKind.SELLER_PERFORMANCE, marketplaces=self._gateway.marketplaces)
        self._take_up(ask)
        return self._read(ask, patience_seconds, lambda content: read_performance(content, self._account))

    # --- any report, step by step -------------------------------------------------------------------

    def order(
        self,
        kind: ReportKind,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        marketplaces: Sequence[str] = (),
    ) -> str:
        """Order a report and return its id; `marketplaces` narrows the account's own.

        Never orders twice: where it is unknown whether Amazon has the order, a report of the same content
        is looked for. Raises an error of the `RemoteError` family.
        """
        places = tuple(marketplaces) or self._gateway.marketplaces
        return self._order(_Ask(kind=kind, marketplaces=places, since=since, until=until))

    def state(self, report_id: str) -> JobState:
        """Ask how a report stands."""
        return self._job(report_id).state

    def wait(self, report_id: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> JobState:
        """Wait until a report is finished, or until the patience is used up, and return how it stands."""
        return self._waiting.wait(report_id, patience_seconds).state

    def finished(self, report_id: str) -> None:
        """Hear, from any thread, that a report is finished: whoever waits for it looks at once."""
        self._waiting.finished(report_id)

    def text(self, report_id: str) -> str:
        """Return a report's text.

        Raises `ReportCancelled`, `RequestRejected` with Amazon's reason where the report failed, and
        `Unavailable` while it is not finished.
        """
        return self._content(self._job(report_id))

    # --- behind them ----------------------------------------------------------------------------------

    def _listings(self, kind: ReportKind, patience_seconds: float) -> ListingReport:
        """Read one report for each marketplace, for a row does not say where it is listed."""
        reports = [
            self._read(
                _Ask(kind=kind, marketplaces=(place,)),
                patience_seconds,
                functools.partial(read_listings, account=self._account, marketplace=place),
            )
            for place in self._gateway.marketplaces
        ]
        return ListingReport(
            listings=tuple(listing for report in reports for listing in report.listings),
            unreadable=tuple(row for report in reports for row in report.unreadable),
        )

    def _read(self, ask: _Ask, patience_seconds: float, translate: Callable[[str], _Read]) -> _Read:
        begun = self._begun.get(ask.shelf)
        if begun is None or begun.ask != ask:
            begun = _Begun(ask=ask, report_id=self._order(ask))
            self._begun[ask.shelf] = begun
        try:
            content = self._content(self._waiting.wait(begun.report_id, patience_seconds))
        except (RequestRejected, UnexpectedPayload):
            self._begun.pop(ask.shelf, None)
            raise
        self._begun.pop(ask.shelf, None)
        try:
            return translate(content)
        except NotUnderstood as error:
            raise UnexpectedPayload(
                f"{ask.kind}: {error}.",
                operation="getReportDocument",
                next_step="Nothing was read from it; please report it.",
            ) from None

    def _take_up(self, ask: _Ask) -> None:
        """Go on with a report of the same content that was ordered lately, by whomever."""
        begun = self._begun.get(ask.shelf)
        if begun is not None and begun.ask == ask:
            return
        if (ordered := self._find_ordered(ask, _OF_TODAY)) is not None:
            self._begun[ask.shelf] = _Begun(ask=ask, report_id=ordered)

    def _order(self, ask: _Ask) -> str:
        return start_once(
            self._clock,
            lambda: required(self._gateway.call("createReport", body=ask.body()), "createReport", "reportId"),
            lambda: self._find_ordered(ask),
        )

    def _find_ordered(self, ask: _Ask, fresh: timedelta = _FRESH) -> str | None:
        """Return the newest report of this content; it does not matter who ordered it."""
        since = self._clock.now() - fresh
        params = {"reportTypes": ask.kind.value, "createdSince": format_instant(since), "pageSize": "100"}
        body = self._gateway.call("getReports", params=params).body or {}
        fitting = [
            (created_at, report_id)
            for report in sections(body, "reports")
            if (report_id := text(report, "reportId")) is not None
            and (created_at := instant(report, "createdTime")) is not None
            and created_at >= since
            and ask.is_answered_by(report)
            and read_state(report) not in (JobState.CANCELLED, JobState.FATAL)
        ]
        return max(fitting)[1] if fitting else None

    def _job(self, report_id: str) -> Job:
        body = self._gateway.call("getReport", report_id).body or {}
        return Job(
            job_id=report_id,
            state=read_state(body),
            kind=text(body, "reportType"),
            document_id=text(body, "reportDocumentId"),
        )

    def _content(self, job: Job) -> str:
        """Return the text of a report that is done; anything else is an error with a name."""
        kind = job.kind or "the report"
        if not job.state.is_finished:
            raise Unfinished(f"{kind} is not finished yet.", operation="getReport")
        if job.state is JobState.CANCELLED:
            raise ReportCancelled(f"{kind} was cancelled.", operation="getReport")
        if job.state is JobState.FATAL:
            raise RequestRejected(
                f"{kind} failed at Amazon: {self._reason(job)}.",
                operation="getReport",
                next_step="It is ordered again later; should it fail every time, see in Seller Central.",
            )
        if job.document_id is None:
            raise UnexpectedPayload(f"{kind} is done without a document.", operation="getReport")
        return self._document(job.document_id)

    def _reason(self, job: Job) -> str:
        """Return why a report failed, which Amazon at times tells in the document it left."""
        try:
            told = failure_reason(self._document(job.document_id)) if job.document_id else ""
        except RemoteError:
            told = ""  # the failure itself is the news
        return told or "no reason given"

    def _document(self, document_id: str) -> str:
        return self._gateway.documents.fetch(lambda: self._gateway.call("getReportDocument", document_id))


def _is_about(asked: datetime | None, stated: datetime | None) -> bool:
    """Tell whether Amazon states the bound that was asked for; it may leave out fractions of a second."""
    return asked is None or stated is None or abs(asked - stated) < timedelta(seconds=1)


def failure_reason(content: str) -> str:
    """Return Amazon's words from the document of a failed report; empty where it holds anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        # One line without columns is a sentence; a table would be data.
        line = content.strip()
        return "" if "\t" in line or "\n" in line else line[:_LONGEST_REASON].rstrip(".")
    if not isinstance(found, dict):
        return ""
    told = text(found, "errorDetails") or "; ".join(problem_words(found.get("errors")))
    return told[:_LONGEST_REASON].rstrip(".")
