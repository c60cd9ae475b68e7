"""Faults put into the push engine on purpose, by name: whoever watches its writes must notice each."""

import contextlib
import dataclasses
from unittest import mock

from fbm_sync.adapters.spapi.listings import patch_for
from fbm_sync.domain.change import rebase


def _replacing(change):
    """Name what changes, but let it take the place of everything else."""
    body = patch_for(change)
    body["patches"][0]["op"] = "replace"
    return body


def _as_planned(change, seen, *, gone_units=0):
    """Write the planned quantity, whatever was sold since."""
    return None if change.after == seen else dataclasses.replace(change, before=seen)


def _without_gone_units(change, seen, *, gone_units=0):
    return rebase(change, seen)


_NOTHING_WAITS = {"return_value": None}
SABOTAGES = {
    "replace": (
        ("fbm_sync.adapters.spapi.listings.patch_for", {"new": _replacing}),
        ("fbm_sync.adapters.spapi.feeds.patch_for", {"new": _replacing}),
    ),
    "no-order-check": (
        ("fbm_sync.flows.errand.why_raises_wait", _NOTHING_WAITS),
        ("fbm_sync.flows.agenda.why_raises_wait", _NOTHING_WAITS),
    ),
    "no-second-look": (("fbm_sync.flows.errand.rebase", {"new": _as_planned}),),
    "sales-forgotten": (("fbm_sync.flows.errand.rebase", {"new": _without_gone_units}),),
    "news-ignored": (
        ("fbm_sync.adapters.store.plan_book.SqlPlanBook.changed", {"return_value": frozenset()}),
    ),
}
"""What is broken, by the name that asks for it."""


@contextlib.contextmanager
def sabotaged(name):
    """Break one thing while the block runs; an empty name breaks nothing."""
    with contextlib.ExitStack() as broken:
        for target, instead in SABOTAGES[name] if name else ():
            broken.enter_context(mock.patch(target, **instead))
        yield
