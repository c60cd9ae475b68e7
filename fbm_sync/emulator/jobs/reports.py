"""The reports of the account: ordered, then written a while later, or cancelled for want of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fbm_sync.emulator.clock import Agenda, format_instant
from fbm_sync.emulator.jobs.documents import REPORT_DOCUMENT, Documents
from fbm_sync.emulator.jobs.job import CANCELLED, DONE, IN_QUEUE, Job
from fbm_sync.emulator.jobs.report_contents import ReportContents
from fbm_sync.emulator.shop import Announce, JobRules, JsonObject


@dataclass(slots=True, kw_only=True)
class Report(Job):
    """One report ordered; `too_soon` after the last of its type means it will not be written."""

    data_from: datetime | None
    data_to: datetime | None
    too_soon: bool

    def to_json(self) -> JsonObject:
        """The report as Amazon prints it, without its content."""
        shape: JsonObject = {"reportId": self.job_id, "reportType": self.job_type}
        if self.data_from is not None:
            shape["dataStartTime"] = format_instant(self.data_from)
        if self.data_to is not None:
            shape["dataEndTime"] = format_instant(self.data_to)
        return shape | self.progress_json(REPORT_DOCUMENT)


class Reports:
    """Writes each report in its own time: half of it in the queue, half of it in progress.

    A report tells the state of things when it is finished, not when it was ordered.
    """

    def __init__(
        self,
        rules: JobRules,
        agenda: Agenda,
        documents: Documents,
        contents: ReportContents,
        announce: Announce,
        new_id: Callable[[], str],
    ) -> None:
        self._rules = rules
        self._agenda = agenda
        self._documents = documents
        self._contents = contents
        self._announce = announce
        self._new_id = new_id
        self.reports: dict[str, Report] = {}

    def order(
        self,
        report_type: str,
        marketplace_ids: tuple[str, ...],
        data_from: datetime | None,
        data_to: datetime | None,
        now: datetime,
    ) -> Report:
        """Take a report on; it starts when half of its time has passed."""
        report_id = self._new_id()
        while report_id in self.reports:
            report_id = self._new_id()
        report = Report(
            job_id=report_id,
            job_type=report_type,
            marketplace_ids=marketplace_ids,
            created_at=now,
            data_from=data_from,
            data_to=data_to,
            too_soon=self._is_too_soon(report_type, now),
        )
        self.reports[report_id] = report
        half = timedelta(seconds=self._rules.report_seconds / 2)
        self._agenda.schedule(now + half, lambda at: self._start(report, at, half))
        return report

    def _is_too_soon(self, report_type: str, now: datetime) -> bool:
        interval = timedelta(seconds=self._rules.report_interval_seconds)
        return any(
            now - earlier.created_at < interval
            for earlier in self.reports.values()
            if earlier.job_type == report_type and earlier.status != CANCELLED and not earlier.too_soon
        )

    def cancel(self, report: Report, now: datetime) -> bool:
        """Take a report back; answers whether it had not been started."""
        if report.status != IN_QUEUE:
            return False
        self._end(report, CANCELLED, now)
        return True

    def _start(self, report: Report, at: datetime, pause: timedelta) -> None:
        if report.status != IN_QUEUE:
            return
        if report.too_soon:
            self._end(report, CANCELLED, at)
            return
        report.start(at)
        self._agenda.schedule(at + pause, lambda moment: self._finish(report, moment))

    def _finish(self, report: Report, at: datetime) -> None:
        # Amazon's default for either end of the range is the moment of the request.
        since, until = report.data_from or report.created_at, report.data_to or report.created_at
        written = self._contents.write(report.job_type, since, until, at)
        if written is None:
            self._end(report, CANCELLED, at)
            return
        document_id = self._documents.keep(
            written.text, key=REPORT_DOCUMENT, kind=written.kind, charset=written.charset
        )
        self._end(report, DONE, at, document_id)

    def _end(self, report: Report, status: str, at: datetime, document_id: str | None = None) -> None:
        report.end(status, at, document_id)
        fact = {"reportId": report.job_id, "reportType": report.job_type, "processingStatus": status}
        if document_id is not None:
            fact[REPORT_DOCUMENT] = document_id
        self._announce("REPORT_PROCESSING_FINISHED", fact, at)
