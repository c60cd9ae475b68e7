"""What feeds and reports have in common: work Amazon takes on now, does later and remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.shop import JsonObject

IN_QUEUE = "IN_QUEUE"
IN_PROGRESS = "IN_PROGRESS"
DONE = "DONE"
FATAL = "FATAL"
CANCELLED = "CANCELLED"
STATUSES = (CANCELLED, DONE, FATAL, IN_PROGRESS, IN_QUEUE)


@dataclass(slots=True, kw_only=True)
class Job:
    """One feed or report; `result_id` is the document that came of it."""

    job_id: str
    job_type: str
    marketplace_ids: tuple[str, ...]
    created_at: datetime
    status: str = IN_QUEUE
    started_at: datetime | None = None
    ended_at: datetime | None = None
    result_id: str | None = None

    def start(self, at: datetime) -> None:
        """Begin to be worked on."""
        self.status, self.started_at = IN_PROGRESS, at

    def end(self, status: str, at: datetime, result_id: str | None = None) -> None:
        """Be done with, one way or another."""
        self.status, self.ended_at, self.result_id = status, at, result_id

    def progress_json(self, result_key: str) -> JsonObject:
        """How far it is, as Amazon prints it; what has not happened yet is not named."""
        shape: JsonObject = {
            "marketplaceIds": list(self.marketplace_ids),
            "createdTime": format_instant(self.created_at),
            "processingStatus": self.status,
        }
        if self.started_at is not None:
            shape["processingStartTime"] = format_instant(self.started_at)
        if self.ended_at is not None:
            shape["processingEndTime"] = format_instant(self.ended_at)
        if self.result_id is not None:
            shape[result_key] = self.result_id
        return shape


def job_states(jobs: Mapping[str, Job]) -> JsonObject:
    """The jobs for tests and demos: what was asked for, and how it stands."""
    return {job_id: {"type": job.job_type, "status": job.status} for job_id, job in jobs.items()}
