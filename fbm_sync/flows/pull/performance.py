"""Performance: what Amazon itself says of the account, read once a day and kept, for Amazon keeps nothing."""

import dataclasses
from datetime import datetime

from fbm_sync.errors import AccessRefused, ReportCancelled, Unfinished
from fbm_sync.ports import Clock, Ledger, ReportSource


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PerformancePulled:
    """Whether a report was read now, or `why` there is none of today yet."""

    read: bool = False
    why: str = ""


def is_wanted(ledger: Ledger, account: str, now: datetime) -> bool:
    """Tell whether the report of this day (UTC) is still to be read."""
    with ledger.transaction() as books:
        reported = books.health.performance(account)
    return reported is None or reported.read_at is None or reported.read_at.date() < now.date()


def pull_performance(
    account: str, source: ReportSource, ledger: Ledger, clock: Clock, *, patience_seconds: float
) -> PerformancePulled:
    """Read Amazon's report on the account, unless that of today is there already.

    A report that Amazon still makes, or will not make, is no failure: our own figures stand, and the next
    run asks again.
    """
    if not is_wanted(ledger, account, clock.now()):
        return PerformancePulled()
    try:
        performance = source.seller_performance(patience_seconds=patience_seconds)
    except (AccessRefused, ReportCancelled, Unfinished) as error:
        return PerformancePulled(why=str(error))
    with ledger.transaction() as books:
        books.health.record_performance(performance, clock.now())
    return PerformancePulled(read=True)
