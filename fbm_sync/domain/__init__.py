"""What the daemon decides, in the seller's words: pure functions over frozen values.

Here: ship days, orders, listings, supply, how late it comes, allocation, promises, backorder policy,
what an account can stand, offers, order risk, account health, the plan of the whole shop, what would
change it, what if, the life of an alert, findings. Not here: clocks, files, networks, databases,
wording for screens. Anyone may call it; it calls nobody but the standard library. Each module uses only
those below it; the layers stand in `pyproject.toml`, from `calendar` up to `finding`.
"""
