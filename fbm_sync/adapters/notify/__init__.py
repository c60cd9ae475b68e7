"""Channels to people: the log, and whatever service an Apprise address names.

Here: the words of a message, and getting it there within a time limit. Not here: whether someone should
be told, when, and how often (`domain.alert`, `flows.alert`). Only `wiring` may call it.
"""
