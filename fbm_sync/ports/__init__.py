"""The doors of the house, as Protocols in domain terms: what the flows need from the world.

Here: time (`work`), Amazon's orders, offers and reports (`amazon`), what Amazon tells by itself (`hints`),
the seller's records and people (`seller`), the store (`ledger`). Not here: any implementation (see
`adapters`), any decision (see `domain`). The flows depend on these alone; which concrete class stands behind
each is chosen in `wiring` and nowhere else. One behaviour suite for each door runs on the fake and on the
real adapter (`tests/contract`). All names are imported from here.
"""

from fbm_sync.ports.amazon import (
    BudgetMemory,
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
    HistoryBook,
    Hold,
    Horizon,
    Ledger,
    OfferBook,
    OrderBook,
    PageCursor,
    Pause,
    QuarantinedItem,
    RunBook,
    SupplyBook,
    SupplyReading,
)
from fbm_sync.ports.seller import Notifier, SupplySource
from fbm_sync.ports.work import Clock, Failure, Progress, unwatched

__all__ = [
    "AccountStatusChanged",
    "AlertBook",
    "Books",
    "BudgetMemory",
    "Clock",
    "Failure",
    "Hint",
    "HintBatch",
    "HintSource",
    "HistoryBook",
    "Hold",
    "Horizon",
    "JobFinished",
    "JobKind",
    "Ledger",
    "ListingChanged",
    "ListingReport",
    "Notifier",
    "OfferBook",
    "OfferChannel",
    "OfferPage",
    "OrderBook",
    "OrderChanged",
    "OrderPage",
    "OrderReport",
    "OrderSource",
    "OrderWindow",
    "PageCursor",
    "Pause",
    "Progress",
    "QuarantinedItem",
    "ReportSource",
    "RequestBudget",
    "RunBook",
    "SupplyBook",
    "SupplyReading",
    "SupplySource",
    "Unreadable",
    "WaitingHint",
    "unwatched",
]
