"""Pull: bring Amazon's orders and offers and the seller's own records into the ledger.

Here: one module for each of the three. Not here: what Amazon's fields are called (`adapters.spapi`), how
files are read (`adapters.supply`), which order counts as demand (`domain`).
"""

from fbm_sync.flows.pull.offers import OffersPulled, pull_offers
from fbm_sync.flows.pull.orders import TOKEN_LIFE, OrdersPulled, PullTerms, pull_named_orders, pull_orders
from fbm_sync.flows.pull.supply import SupplyPulled, pull_supply

__all__ = [
    "TOKEN_LIFE",
    "OffersPulled",
    "OrdersPulled",
    "PullTerms",
    "SupplyPulled",
    "pull_named_orders",
    "pull_offers",
    "pull_orders",
    "pull_supply",
]
