"""What every command shares: the global options, the settings they lead to, the house built from them."""

import dataclasses
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fbm_sync.cli.screen import Screen
from fbm_sync.errors import ConfigError
from fbm_sync.settings import Settings, find_config, load
from fbm_sync.wiring import App, build

_AGO = re.compile(r"(\d+)\s*([mhdw])")
_LONGEST_SPAN = timedelta(days=366)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclasses.dataclass
class Session:
    """One call of the command: its global options and its screen."""

    config: Path | None
    screen: Screen
    verbose: bool = False

    def settings(self) -> Settings:
        """Read the configuration. Raises `ConfigError` with every fault in it."""
        return load(find_config(self.config, os.environ, Path.cwd()))

    def app(self) -> App:
        """Build the house; to be used with `with`."""
        return build(self.settings())


def instant(text: str | None, now: datetime, option: str) -> datetime | None:
    """Read "7d", "36h", "90m" (ago) or an ISO instant with its zone."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    try:
        at = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):  # not a date, or one before the year 1
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigError(
            [f"{option}: {text!r} is neither a span (7d, 36h, 90m) nor an instant (2026-11-01T00:00Z)"],
            next_step="Give it in one of these forms.",
        )
    return at.astimezone(UTC)


def span(text: str, option: str) -> timedelta:
    """Read "4h", "90m", "2d": how long something shall last, at most a year."""
    match = _AGO.fullmatch(text.strip())
    try:
        length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)
    except OverflowError:
        length = timedelta(0)
    if not timedelta(0) < length <= _LONGEST_SPAN:
        raise ConfigError(
            [f"{option}: {text!r} is not a span (90m, 4h, 2d), above 0 and at most a year"],
            next_step="Give it in one of these forms.",
        )
    return length
