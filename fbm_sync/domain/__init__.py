"""What the daemon decides, in the seller's words: pure functions over frozen values.

Here: ship days, orders, listings, supply, lead times, allocation, promises, backorder policy, changes
of offers, offers, order risk, account health, the plan of the whole shop, the life of an alert,
findings. Not here: clocks, files, networks, databases, wording for screens. Anyone may call it; it
calls nobody but the standard library. Modules import leftwards only: calendar < order < listing <
supply < student < shrinkage < delay | delivery < leadtime < fewest_late < claims | dealing < pegging
< allocation < readiness < promise < policy < change < offer < risk < health < plan < alert < finding.
"""
