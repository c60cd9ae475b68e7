"""The outside world behind the doors of `ports`: Amazon and its messages, the store, the seller's records,
people.

Here: one folder for each remote; each translates between the remote's words and the domain's. Not here:
decisions. Only `wiring` may pick a class from these folders, and the folders do not know each other.
"""
