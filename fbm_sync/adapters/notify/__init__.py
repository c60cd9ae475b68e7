"""Channels to people and programs: the log, whatever an Apprise address names, signed webhooks.

Here: the words of a message and how they stand on the page, and getting it there within a time limit. Not
here: whether someone should be told, when, how often, and what together (`domain.telling`,
`domain.letters`, `flows.notify`). Only `wiring` and the demo may call it.
"""
