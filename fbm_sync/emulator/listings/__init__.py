"""The account's listings: what is on offer, how patches change it, how it is shown."""
