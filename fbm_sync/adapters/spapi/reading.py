"""How a field of Amazon's JSON becomes a value of ours (and an instant one of Amazon's), and when it cannot.

Here: pure readers that never raise anything but `NotUnderstood`, whose text names the field and what is
wrong with it, never its value (a value may be buyer data). Not here: which field means what.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

MOST_UNITS = 2**31 - 1
"""No count is larger: it would be an error of Amazon's, and no database column holds it."""


_MINOR_UNIT_DIGITS = {"JPY": 0} | dict.fromkeys(
    (
        *("USD", "CAD", "MXN", "BRL"),
        *("EUR", "GBP", "SEK", "PLN", "TRY", "AED", "SAR", "EGP", "INR", "ZAR"),
        *("AUD", "SGD"),
    ),
    2,
)
"""The decimals of the currencies Amazon's marketplaces sell in: Japan, the Americas, Europe, the Far East."""


class NotUnderstood(ValueError):
    """Amazon sent something that makes no sense; the text is fit to be shown."""


def section(source: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a nested object; an empty one where it is missing or something else."""
    value = source.get(name)
    return value if isinstance(value, dict) else {}


def sections(source: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects, leaving out what is not an object."""
    value = source.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(source: Mapping[str, Any], name: str) -> str | None:
    """Return a non-empty text that every database can keep; `None` otherwise."""
    value = source.get(name)
    if not isinstance(value, str) or not value or "\x00" in value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def required_text(source: Mapping[str, Any], name: str) -> str:
    """Return a text that must be there."""
    value = text(source, name)
    if value is None:
        raise NotUnderstood(f"{name} is missing or unusable")
    return value


def units(source: Mapping[str, Any], name: str) -> int | None:
    """Return a count of units; `None` where it is missing, and `NotUnderstood` where it is absurd."""
    value = source.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotUnderstood(f"{name} is not a whole number")
    if not 0 <= value <= MOST_UNITS:
        raise NotUnderstood(f"{name} is negative or absurdly large")
    return value


def count(source: Mapping[str, Any], name: str) -> int | None:
    """Return a number that only informs; `None` where there is no usable one."""
    value = source.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def required_units(source: Mapping[str, Any], name: str) -> int:
    """Return a count of units that must be there."""
    value = units(source, name)
    if value is None:
        raise NotUnderstood(f"{name} is missing")
    return value


def instant(source: Mapping[str, Any], name: str) -> datetime | None:
    """Return a moment in UTC, with or without fractions and offset; one without is taken as UTC.

    `None` where it is missing or cannot be read: an unknown deadline is a state of its own.
    """
    try:
        moment = datetime.fromisoformat(source[name])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def required_instant(source: Mapping[str, Any], name: str) -> datetime:
    """Return a moment that must be there."""
    moment = instant(source, name)
    if moment is None:
        raise NotUnderstood(f"{name} is missing or not a date and time")
    return moment


def day(source: Mapping[str, Any], name: str) -> date | None:
    """Return a calendar day, written as a date or as a date and time, as it is written.

    `NotUnderstood` where there is a value that is neither.
    """
    value = source.get(name)
    if value is None or value == "":
        return None
    try:
        # The day is the seller's own, so a time or offset behind it must not move it.
        return date.fromisoformat(str(value)[: len("2026-12-31")])
    except ValueError:
        raise NotUnderstood(f"{name} is not a date") from None


def minor_units(money: Mapping[str, Any]) -> int | None:
    """Return a sum of money in minor units (cents, whole yen), exactly.

    `None` where the amount or its currency is missing or unknown: a price is never worth an order.
    """
    digits = _MINOR_UNIT_DIGITS.get(text(money, "currencyCode") or "")
    amount = money.get("amount")
    if digits is None or isinstance(amount, bool) or not isinstance(amount, str | int | float):
        return None
    try:
        minor = Decimal(str(amount)).scaleb(digits)
        # Bounds come first: the whole number in "1e999999" would fill the memory.
        return int(minor.to_integral_value()) if 0 <= minor <= MOST_UNITS else None
    except ArithmeticError:
        return None


def format_instant(moment: datetime) -> str:
    """Return an instant as Amazon wants it: ISO 8601, UTC, `Z`; milliseconds only where there are any.

    The same instant is always written the same way, because a page token is good only for a request that
    is repeated to the letter.
    """
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond // 1000 else "seconds") + "Z"
