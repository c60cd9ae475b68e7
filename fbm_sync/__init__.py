"""fbm_sync keeps an Amazon FBM seller's promises: from inbound purchase order to ship-by risk.

Four flows, one verb each, meet only in the store: **pull** facts, **plan** offers, **push** them,
**alert** people. Everything that matters to the business is decided in `fbm_sync.domain`, which is
pure: time is an argument and nothing in it reads a file, a clock or a network.
"""

__version__ = "0.1.0"
