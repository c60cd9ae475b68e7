"""The flows: pull facts, plan offers, push them, look for trouble (alert), tell people (notify).

Each has one shape: load, decide (pure, in `domain`), record in one transaction, act, record the
outcome. They never call each other and meet only in the ledger; no transaction is open while the
network is in use. Not here: rules (domain), Amazon's spelling and SQL (adapters), the order in which
flows run (`cycle`, `daemon`).
"""
