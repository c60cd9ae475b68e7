"""Prune: let go of history that nobody will ask for any more; what is in force is never touched."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from fbm_sync.ports import Clock, Horizon, Ledger

FEWEST_ORDER_DAYS = 60
"""Orders are kept at least this long after the last thing that happened to them: demand and Amazon's longest
window look back 30 days, and Amazon reports some things late."""

_BATCH = 2_000
"""Rows of each kind forgotten in one transaction: the other flows get their turn in between."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """How much of each kind of history is beyond the horizon; gone unless it was a dry run.

    `horizon` is `None` where everything is kept.
    """

    horizon: Horizon | None
    counts: Mapping[str, int]


def horizon_of(keep_days: int, now: datetime) -> Horizon | None:
    """Return how far back the past is kept; `None` for 0 days, which keeps everything."""
    if keep_days == 0:
        return None
    return Horizon(
        records=now - timedelta(days=keep_days),
        orders=now - timedelta(days=max(keep_days, FEWEST_ORDER_DAYS)),
    )


def prune(ledger: Ledger, clock: Clock, *, keep_days: int, dry_run: bool = False) -> PruneReport:
    """Forget what was over more than `keep_days` ago; a dry run only counts it."""
    horizon = horizon_of(keep_days, clock.now())
    if horizon is None:
        return PruneReport(horizon=None, counts={})
    if dry_run:
        with ledger.transaction() as books:
            return PruneReport(horizon=horizon, counts=books.history.count(horizon))
    gone: Counter[str] = Counter()
    while True:
        with ledger.transaction() as books:
            batch = books.history.drop(horizon, limit=_BATCH)
        gone.update(batch)
        if max(batch.values()) < _BATCH:
            return PruneReport(horizon=horizon, counts=gone)
