"""Five of the Reports 2021-06-30 operations; schedules are not emulated."""

from __future__ import annotations

from datetime import datetime

from fbm_sync.emulator.gate.exchange import Answer, Call
from fbm_sync.emulator.gate.pages import PageTokens
from fbm_sync.emulator.jobs.calls import JobList, Specification, document_answer, find_job, invalid
from fbm_sync.emulator.jobs.documents import REPORT_DOCUMENT, Documents
from fbm_sync.emulator.jobs.report_contents import REPORT_TYPES
from fbm_sync.emulator.jobs.reports import Reports
from fbm_sync.emulator.shop import ShopRules


class ReportCalls:
    """Answers the Reports API for one account."""

    def __init__(self, rules: ShopRules, reports: Reports, documents: Documents, pages: PageTokens) -> None:
        self._rules = rules
        self._reports = reports
        self._documents = documents
        self._list = JobList("reports", "reportTypes", pages)

    def create(self, call: Call, now: datetime) -> Answer:
        """Order a report."""
        wanted = Specification(call)
        report_type = wanted.text("reportType")
        if report_type not in REPORT_TYPES:
            raise invalid(f"'{report_type}' is not a report type of this emulator.")
        marketplaces = wanted.marketplaces(self._rules.marketplace_id)
        wanted.options("reportOptions")
        data_from, data_to = wanted.instant("dataStartTime"), wanted.instant("dataEndTime")
        if (data_from or now) > now or (data_to or now) > now:
            raise invalid("The range of a report may not lie in the future.")
        if (data_from or now) > (data_to or now):
            raise invalid("'dataEndTime' is earlier than 'dataStartTime'.")
        report = self._reports.order(report_type, marketplaces, data_from, data_to, now)
        return Answer(status=202, body={"reportId": report.job_id})

    def get(self, call: Call, now: datetime) -> Answer:
        """How one report stands."""
        return Answer(body=find_job(self._reports.reports, call.path_values["report_id"]).to_json())

    def search(self, call: Call, now: datetime) -> Answer:
        """A page of reports."""
        reports = self._reports.reports
        ids, more = self._list.page(call, reports, now)
        return Answer(body={"reports": [reports[report_id].to_json() for report_id in ids]} | more)

    def cancel(self, call: Call, now: datetime) -> Answer:
        """Take back a report that has not been started."""
        report = find_job(self._reports.reports, call.path_values["report_id"])
        if not self._reports.cancel(report, now):
            raise invalid(f"The report is {report.status}; only one IN_QUEUE can be cancelled.")
        return Answer(body="")

    def get_document(self, call: Call, now: datetime) -> Answer:
        """Where a finished report can be fetched."""
        return document_answer(self._documents, REPORT_DOCUMENT, call, now)
