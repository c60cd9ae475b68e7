"""The doors of the house, as Protocols in domain terms: what the flows need from the world.

Here: time (`work`), Amazon's orders, offers and reports (`amazon`), what Amazon tells by itself (`hints`),
the seller's records and people (`seller`), the store (`ledger`, and of it what was so before: `watch`, what is
on its way to Amazon: `pushing`, and what those ask who doubt it: `truth`). Not here: any implementation (see
`adapters`), any decision (see `domain`). The flows depend on these alone; which concrete class stands behind
each is chosen in `wiring` and nowhere else. One behaviour suite for each door runs on the fake and on the real
adapter (`tests/contract`). All names are imported from here.
"""

from fbm_sync.domain.hold import Hold
from fbm_sync.ports.amazon import (
    BudgetMemory,
    FeedChannel,
    JobState,
    ListingReport,
    OfferChannel,
    OfferPage,
    OrderPage,
    OrderReport,
    OrderSource,
    OrderWindow,
    ReportSource,
    RequestBudget,
    Unreadable,
)
from fbm_sync.ports.hints import (
    AccountStatusChanged,
    Hint,
    HintBatch,
    HintSource,
    JobFinished,
    JobKind,
    ListingChanged,
    OrderChanged,
    WaitingHint,
)
from fbm_sync.ports.ledger import (
    AlertBook,
    Books,
    DecisionCensus,
    HealthBook,
    HistoryBook,
    Horizon,
    Ledger,
    News,
    OfferBook,
    OrderBook,
    Outbox,
    PageCursor,
    Pause,
    PlanBasis,
    PlanBook,
    QuarantinedItem,
    RunBook,
    SupplyBook,
    SupplyReading,
    SupplyState,
    ToldStatus,
)
from fbm_sync.ports.pushing import OpenFeed, PushBook
from fbm_sync.ports.seller import Notifier, SupplySource
from fbm_sync.ports.truth import TruthBook
from fbm_sync.ports.watch import ShippedAudit, WatchBook, WorriedDecision
from fbm_sync.ports.work import Clock, Failure, Progress, unwatched

__all__ = [
    "AccountStatusChanged",
    "AlertBook",
    "Books",
    "BudgetMemory",
    "Clock",
    "DecisionCensus",
    "Failure",
    "FeedChannel",
    "HealthBook",
    "Hint",
    "HintBatch",
    "HintSource",
    "HistoryBook",
    "Hold",
    "Horizon",
    "JobFinished",
    "JobKind",
    "JobState",
    "Ledger",
    "ListingChanged",
    "ListingReport",
    "News",
    "Notifier",
    "OfferBook",
    "OfferChannel",
    "OfferPage",
    "OpenFeed",
    "OrderBook",
    "OrderChanged",
    "OrderPage",
    "OrderReport",
    "OrderSource",
    "OrderWindow",
    "Outbox",
    "PageCursor",
    "Pause",
    "PlanBasis",
    "PlanBook",
    "Progress",
    "PushBook",
    "QuarantinedItem",
    "ReportSource",
    "RequestBudget",
    "RunBook",
    "ShippedAudit",
    "SupplyBook",
    "SupplyReading",
    "SupplySource",
    "SupplyState",
    "ToldStatus",
    "TruthBook",
    "Unreadable",
    "WaitingHint",
    "WatchBook",
    "WorriedDecision",
    "unwatched",
]
