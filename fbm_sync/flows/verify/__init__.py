"""Verify: compare what is recorded with what Amazon shows now, and name what is missing or has drifted.

Here: one module for orders, one for offers. Nothing is concluded from an answer that is too strange to be
believed, nothing is ever deleted, and nothing is written to Amazon: what listings show is recorded, and the
next plan and push mend them. Not here: what counts as a difference (`domain`), what is told of it (`cycle`'s
neighbour `verification`).
"""

from fbm_sync.flows.verify.offers import OffersVerified, verify_offers
from fbm_sync.flows.verify.orders import OrdersVerified, RecordOrders, VerifyTerms, verify_orders

__all__ = [
    "OffersVerified",
    "OrdersVerified",
    "RecordOrders",
    "VerifyTerms",
    "verify_offers",
    "verify_orders",
]
