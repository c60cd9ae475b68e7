"""The seller's own records: stock, inbound purchase orders, past receipts, catalogue.

Here: reading them and refusing what is not sound, with file, line and column. Not here: whether a sound
reading should be believed (`domain.supply`), nor what follows from it. Only `wiring` may call it.
"""
