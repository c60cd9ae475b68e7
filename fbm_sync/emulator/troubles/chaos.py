"""Troubles at random, for tests of endurance: the same seed and the same requests meet the same ones."""

from __future__ import annotations

import random
from typing import Any

from fbm_sync.emulator.fields import Fields
from fbm_sync.emulator.shop import JsonObject
from fbm_sync.emulator.troubles.faults import ANY_OPERATION, OPERATIONS, FaultRule

# Real delays are kept tiny: they are there for the order of things, not for patience.
KINDS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429-retry-after": {"status": 429, "headers": {"Retry-After": "1"}},
    "500-errors": {"status": 500},
    "500-no-errors": {"status": 500, "body": "no_errors"},
    "503-html": {"status": 503, "body": "html"},
    "503-empty": {"status": 503, "body": "empty"},
    "503-after": {"status": 503, "body": "html", "after": True},
    "403-message": {"status": 403, "body": "message"},
    "redirect": {"redirect": True},
    "reset": {"reset": True},
    "reset-after": {"reset": True, "after": True},
    "cut": {"cut": True},
    "json-cut": {"json": "cut"},
    "json-list": {"json": "list"},
    "delay": {"delay_seconds": 0.02},
    "slow": {"slow_seconds": 0.03},
    "expire-tokens": {"expire_tokens": True},
    "page-duplicate": {"page": "duplicate"},
    "page-reorder": {"page": "reorder"},
    "touch": {"touch": 1},
    "enum-unknown": {"new_words": True},
    "missing-optional": {"only_promised": True},
}
USUAL_KINDS = (
    "429",
    "503-html",
    "500-errors",
    "403-message",
    "reset",
    "cut",
    "json-cut",
    "redirect",
    "slow",
    "expire-tokens",
)


class Chaos:
    """Draws a trouble, or none, for each request in turn."""

    def __init__(self, *, share: float, seed: int, kinds: list[str], operations: list[str]) -> None:
        self._share = share
        self._seed = seed
        self._kinds = kinds
        self._operations = operations
        self._luck = random.Random(f"{seed}/chaos")

    def draw(self, operation: str) -> FaultRule | None:
        """The trouble this request meets."""
        is_meant = operation in self._operations or (
            ANY_OPERATION in self._operations and operation != "token"
        )
        if not is_meant or self._luck.random() >= self._share:
            return None
        kind = self._luck.choice(self._kinds)
        return FaultRule(label=f"chaos:{kind}", **KINDS[kind])

    def listing(self) -> JsonObject:
        """What it does, for people."""
        return {
            "operation": ",".join(self._operations),
            "count": None,
            "skip": 0,
            "does": f"chaos {self._share:g} seed {self._seed}: {', '.join(self._kinds)}",
        }


def read_chaos(source: Fields) -> Chaos:
    """A mix of troubles as a scenario or a control request writes it; nothing named is the usual ten."""
    kinds = source.texts("kinds") or list(USUAL_KINDS)
    operations = source.texts("operations") or [ANY_OPERATION]
    for kind in kinds:
        if kind not in KINDS:
            source.problem("kinds", f"{kind!r} is not one of {', '.join(KINDS)}")
    for operation in operations:
        if operation not in (*OPERATIONS, ANY_OPERATION):
            source.problem("operations", f"{operation!r} is not one of {', '.join(OPERATIONS)}, *")
    chaos = Chaos(
        share=source.share("share", 0.3), seed=source.whole("seed", 1), kinds=kinds, operations=operations
    )
    source.close()
    return chaos
