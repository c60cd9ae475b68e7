"""Reads typed fields out of JSON that people write, and lists every problem with its place."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from fbm_sync.emulator.clock import parse_instant

_MISSING = object()


class Fields:
    """One JSON object being read; a field that is wrong yields its default and one more problem.

    Null counts as absent. `close` reports the keys nobody asked for, which are misspellings as a rule.
    """

    def __init__(self, source: object, place: str, problems: list[str]) -> None:
        self._place = place
        self._problems = problems
        self._seen: set[str] = set()
        if isinstance(source, dict):
            self._source: dict[str, Any] = source
        else:
            self._source = {}
            self.problem("", f"must be an object, not {source!r:.60}")

    def place(self, key: str) -> str:
        """Where a key stands, as a person would look for it: `orders[2].items[0].sku`."""
        return f"{self._place}.{key}" if self._place and key else self._place or key

    def problem(self, key: str, text: str) -> None:
        """Note one more problem at that key."""
        self._problems.append(f"{self.place(key) or 'document'}: {text}")

    def _take(self, key: str, *, required: bool) -> Any:
        self._seen.add(key)
        value = self._source.get(key)
        if value is None:
            if required:
                self.problem(key, "is missing")
            return _MISSING
        return value

    def _wrong(self, key: str, wanted: str, value: object) -> None:
        self.problem(key, f"must be {wanted}, not {value!r:.60}")

    def given(self, key: str) -> bool:
        """Whether the key is there and not null."""
        return self._source.get(key) is not None

    def raw(self, key: str) -> Any:
        """The value as it stands, or None."""
        value = self._take(key, required=False)
        return None if value is _MISSING else value

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A non-empty text."""
        value = self._take(key, required=required)
        if value is _MISSING:
            return default
        if not isinstance(value, str) or not value:
            self._wrong(key, "a text", value)
            return default
        return value

    def choice(self, key: str, allowed: Collection[str], default: str, *, required: bool = False) -> str:
        """One of a closed set of words."""
        value = self.text(key, default, required=required)
        if value not in allowed and self.given(key):
            self._wrong(key, "one of " + ", ".join(sorted(allowed)), value)
            return default
        return value

    def whole(
        self, key: str, default: int = 0, *, least: int = 0, most: int | None = None, required: bool = False
    ) -> int:
        """A whole number within bounds."""
        value = self._take(key, required=required)
        if value is _MISSING:
            return default
        if type(value) is not int or value < least or (most is not None and value > most):
            bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
            self._wrong(key, f"a whole number {bounds}", value)
            return default
        return value

    def whole_or_none(self, key: str, *, least: int = 0, most: int | None = None) -> int | None:
        """A whole number within bounds, or None when absent."""
        if self.given(key):
            return self.whole(key, least=least, most=most)
        self._seen.add(key)
        return None

    def number(
        self, key: str, default: float, *, above: float | None = None, required: bool = False
    ) -> float:
        """A finite number of at least 0, or greater than `above`."""
        value = self._take(key, required=required)
        if value is _MISSING:
            return default
        fits = type(value) in (int, float) and math.isfinite(value) and value >= 0
        if not fits or (above is not None and value <= above):
            bounds = "of at least 0" if above is None else f"above {above:g}"
            self._wrong(key, f"a number {bounds}", value)
            return default
        return float(value)

    def share(self, key: str, default: float = 0.0) -> float:
        """A part of the whole, from 0 to 1."""
        value = self.number(key, default)
        if value > 1:
            self._wrong(key, "a number from 0 to 1", value)
            return default
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._take(key, required=False)
        if value is _MISSING:
            return default
        if not isinstance(value, bool):
            self._wrong(key, "true or false", value)
            return default
        return value

    def instant_or_none(self, key: str, *, required: bool = False) -> datetime | None:
        """An ISO instant with its time zone."""
        value = self._take(key, required=required)
        if value is _MISSING:
            return None
        try:
            return parse_instant(value)
        except (TypeError, ValueError):
            self._wrong(key, "an instant such as 2026-03-02T09:00:00Z", value)
            return None

    def day_or_none(self, key: str) -> date | None:
        """A calendar day."""
        value = self._take(key, required=False)
        return None if value is _MISSING else self._day(key, value)

    def amount_or_none(self, key: str) -> str | None:
        """A sum of money as Amazon prints it, a decimal text with two places."""
        value = self._take(key, required=False)
        if value is _MISSING:
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(-1)
        if isinstance(value, bool) or not amount.is_finite() or amount < 0:
            self._wrong(key, "an amount such as 19.99", value)
            return None
        return f"{amount:.2f}"

    def days(self, key: str) -> frozenset[date]:
        """A list of calendar days."""
        values = self._list(key)
        read = [self._day(f"{key}[{index}]", value) for index, value in enumerate(values)]
        return frozenset(day for day in read if day is not None)

    def _day(self, place: str, value: object) -> date | None:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self._wrong(place, "a day such as 2026-03-02", value)
            return None

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        values = self._list(key)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                self._wrong(f"{key}[{index}]", "a text", value)
        return [value for value in values if isinstance(value, str)]

    def objects(self, key: str) -> list[Fields]:
        """A list of objects, each ready to be read."""
        return [
            Fields(value, self.place(f"{key}[{index}]"), self._problems)
            for index, value in enumerate(self._list(key))
        ]

    def documents(self, key: str) -> list[dict[str, Any]]:
        """A list of objects taken as they are, such as pieces of Amazon's own JSON."""
        values = self._list(key)
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                self._wrong(f"{key}[{index}]", "an object", value)
        return [value for value in values if isinstance(value, dict)]

    def object_or_none(self, key: str) -> Fields | None:
        """One nested object, ready to be read."""
        value = self._take(key, required=False)
        return None if value is _MISSING else Fields(value, self.place(key), self._problems)

    def _list(self, key: str) -> list[Any]:
        value = self._take(key, required=False)
        if value is _MISSING:
            return []
        if not isinstance(value, list):
            self._wrong(key, "a list", value)
            return []
        return value

    def close(self) -> None:
        """Report the keys that mean nothing here."""
        for key in self._source:
            if key not in self._seen:
                self.problem(str(key), "is not a known key")
