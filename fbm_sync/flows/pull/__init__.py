"""Pull: bring Amazon's orders and offers and the seller's own records into the ledger.

Here: one module for each of the three, one for what Amazon hints at in between, one for what Amazon says of
the account, two for catching up with a long past. Not here: what Amazon's fields are called
(`adapters.spapi`), how files are read (`adapters.supply`), which order counts as demand (`domain`).
"""

from fbm_sync.flows.pull.by_id import OrdersPulled, pull_named_orders
from fbm_sync.flows.pull.hints import HintsPulled, HintTerms, pull_hints
from fbm_sync.flows.pull.offers import OffersPulled, pull_offers
from fbm_sync.flows.pull.orders import expected_pages, next_window, pull_orders
from fbm_sync.flows.pull.performance import PerformancePulled, pull_performance
from fbm_sync.flows.pull.performance import is_wanted as is_performance_wanted
from fbm_sync.flows.pull.supply import SupplyPulled, pull_supply
from fbm_sync.flows.pull.terms import Means, PullTerms
from fbm_sync.flows.pull.walk import TOKEN_LIFE

__all__ = [
    "TOKEN_LIFE",
    "HintTerms",
    "HintsPulled",
    "Means",
    "OffersPulled",
    "OrdersPulled",
    "PerformancePulled",
    "PullTerms",
    "SupplyPulled",
    "expected_pages",
    "is_performance_wanted",
    "next_window",
    "pull_hints",
    "pull_named_orders",
    "pull_offers",
    "pull_orders",
    "pull_performance",
    "pull_supply",
]
