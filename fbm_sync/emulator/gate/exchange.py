"""One request and its answer, free of any web framework, and the way Amazon words a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fbm_sync.emulator.clock import parse_instant
from fbm_sync.emulator.gate.pages import NO_TROUBLE, WalkTrouble
from fbm_sync.emulator.shop import JsonObject


class Refused(Exception):
    """Amazon declines the request; carries the status and the one error it will show."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error: JsonObject = {"code": code, "message": message, "details": details}


class Params:
    """Query parameters; a list may be comma-joined, repeated, or both, as Amazon accepts."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)

    def one(self, name: str) -> str | None:
        """The last value given, or None when absent or empty."""
        values = [value for key, value in self.pairs if key == name and value]
        return values[-1] if values else None

    def many(self, name: str) -> list[str]:
        """All values of a list parameter, in the order given."""
        joined = [value for key, value in self.pairs if key == name]
        return [part for value in joined for part in value.split(",") if part]

    def instant(self, name: str, refuse: Callable[[str], Refused]) -> datetime | None:
        """The value as a moment; one that is none is refused in the words of the API asked."""
        text = self.one(name)
        if text is None:
            return None
        try:
            return parse_instant(text)
        except ValueError:
            raise refuse(f"'{name}' is not an ISO 8601 date and time.") from None

    def flag(self, name: str, refuse: Callable[[str], Refused]) -> bool:
        """A yes or no, false when absent; Amazon's own SDK writes it as Python does, with a capital."""
        text = (self.one(name) or "false").lower()
        if text not in ("true", "false"):
            raise refuse(f"'{name}' takes only true, false.")
        return text == "true"

    def words(self, name: str, allowed: tuple[str, ...], refuse: Callable[[str], Refused]) -> frozenset[str]:
        """The values, all of them from a closed list."""
        words = frozenset(self.many(name))
        if not words <= set(allowed):
            raise refuse(f"'{name}' takes only {', '.join(allowed)}.")
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as the operations see it.

    `origin` is the address it came in at, whatever its Host header says: one client cuts the first letter
    off. `walk` is how a fault disturbs the paging.
    """

    operation: str
    method: str
    origin: str
    path: str
    params: Params
    path_values: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    walk: WalkTrouble = NO_TROUBLE


@dataclass(slots=True, kw_only=True)
class Answer:
    """What goes back: `body` is JSON unless it is already text."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    cut: bool = False
    reset: bool = False
    slow_seconds: float = 0.0


def error_answer(refusal: Refused) -> Answer:
    """A refusal in Amazon's error envelope."""
    return Answer(status=refusal.status, body={"errors": [refusal.error]})
