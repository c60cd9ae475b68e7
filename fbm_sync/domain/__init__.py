"""What the daemon decides, in the seller's words: pure functions over frozen values.

Here: ship days, orders, supply, lead times, allocation, promises, backorder policy, offers and their
changes, order risk, account health, the plan of the whole shop, the life of an alert, findings. Not
here: clocks, files, networks, databases, wording for screens. Anyone may call it; it calls nobody but
the standard library. Modules import leftwards only: calendar < order < supply < leadtime < allocation
< promise < policy < offer < change < risk < health < plan < alert < finding.
"""
