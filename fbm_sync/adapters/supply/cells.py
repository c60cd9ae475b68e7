"""What one cell of a supply file means. Each function raises `ValueError` with what is wrong with it."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from fbm_sync.domain.order import Sku
from fbm_sync.domain.supply import Leg, LotStatus

_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONEY = re.compile(r"(\d{1,12})(\.\d{1,12})?", re.ASCII)
_CACHED_CELLS = 4096
_LONGEST_SKU = 40
_LONGEST_TEXT = 200
_LARGEST_COUNT = 1_000_000_000
_LONGEST_HANDLING = 30
_TRUE = frozenset({"true", "yes", "1"})
_FALSE = frozenset({"false", "no", "0"})


def text(cell: str) -> str:
    """Return a short printable text."""
    if not cell.isprintable():
        raise ValueError("holds a character that cannot be seen")
    if len(cell) > _LONGEST_TEXT:
        raise ValueError(f"is longer than {_LONGEST_TEXT} characters")
    return cell


def sku(cell: str) -> Sku:
    """Return a SKU; Amazon allows 40 characters, and a lone dot would become another web address."""
    if len(cell) > _LONGEST_SKU:
        raise ValueError(f"is longer than the {_LONGEST_SKU} characters Amazon allows")
    if cell in {".", ".."}:
        raise ValueError("is not a SKU that can be asked for")
    return Sku(text(cell))


def count(cell: str) -> int:
    """Return a whole number, 0 or more."""
    if not _WHOLE.fullmatch(cell):
        raise ValueError("is not a whole number")
    if cell.startswith("-") and cell.strip("-0"):
        raise ValueError("is below 0")
    if len(cell.lstrip("+-0")) > len(str(_LARGEST_COUNT)) or int(cell) > _LARGEST_COUNT:
        raise ValueError(f"is above {_LARGEST_COUNT}")
    return int(cell)


def quantity(cell: str) -> int:
    """Return a whole number, 1 or more."""
    number = count(cell)
    if number == 0:
        raise ValueError("is not above 0")
    return number


def handling_days(cell: str) -> int:
    """Return ship days of handling time, within what Amazon accepts."""
    days = count(cell)
    if days > _LONGEST_HANDLING:
        raise ValueError(f"is above {_LONGEST_HANDLING}, the longest handling time Amazon accepts")
    return days


@lru_cache(maxsize=_CACHED_CELLS)
def instant(cell: str) -> datetime:
    """Return a moment in UTC; one without a zone could be any of 24 hours."""
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("is not a moment like 2026-03-31T18:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("has no time zone; end it with Z or an offset like +02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is not a moment like 2026-03-31T18:00:00Z") from None


@lru_cache(maxsize=_CACHED_CELLS)
def day(cell: str) -> date:
    """Return a date. Only one notation: 03/04/2026 is two different days."""
    if not _DATE.fullmatch(cell):
        raise ValueError("is not a date like 2026-03-31")
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError("is a date that does not exist") from None


def status(cell: str) -> LotStatus:
    """Return how far a purchase order line has come."""
    try:
        return LotStatus(cell.lower())
    except ValueError:
        raise ValueError(f"is not one of {', '.join(LotStatus)}") from None


def legs(cell: str) -> tuple[Leg, ...]:
    """Return the stages of a way in their order, from `factory:2026-03-01;ocean:2026-03-25`."""
    found: list[Leg] = []
    for part in cell.rstrip("; ").split(";"):
        name, colon, end = part.partition(":")
        name = text(name.strip().lower())
        if not name or not colon:
            raise ValueError("is not a list of legs like factory:2026-03-01;ocean:2026-03-25")
        if name in {leg.name for leg in found}:
            raise ValueError(f"names the leg {name} twice")
        try:
            planned_end_on = day(end.strip())
        except ValueError as fault:
            raise ValueError(f"has a leg {name} whose end {fault}") from None
        if found and planned_end_on < found[-1].planned_end_on:
            raise ValueError(f"lets the leg {name} end before {found[-1].name}; legs stand in their order")
        found.append(Leg(name=name, planned_end_on=planned_end_on))
    return tuple(found)


def money(cell: str) -> int:
    """Return an amount in hundredths, exactly."""
    if not _MONEY.fullmatch(cell):
        raise ValueError("is not an amount like 12.50")
    hundredths = Decimal(cell) * 100
    if hundredths != hundredths.to_integral_value():
        raise ValueError("has more than 2 decimals")
    return int(hundredths)


def switch(cell: str) -> bool:
    """Return yes or no."""
    lowered = cell.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("is not one of true, false, yes, no, 1, 0")
