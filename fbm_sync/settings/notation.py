"""How times, amounts and addresses are written in the configuration file.

Each function returns what a text means, or raises `ValueError` with what follows the text in a message:
"is not a time of day; write one like 14:00".
"""

import re
from datetime import time
from decimal import Decimal
from ipaddress import ip_address
from urllib.parse import urlsplit

_LARGEST_PORT = 65_535
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_MONEY = re.compile(r"\d{1,12}(\.\d{1,2})?")


def clock_time(text: str) -> time:
    """Return the time of day that "HH:MM" names."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError("is not a time of day; write one like 14:00")
    return time(int(match[1]), int(match[2]))


def maybe_clock_time(text: str) -> time | None:
    """Return the time of day that "HH:MM" names; nothing for an empty text."""
    return clock_time(text) if text.strip() else None


def quiet_span(text: str) -> tuple[time, time] | None:
    """Return start and end of "HH:MM-HH:MM", which may run past midnight; nothing for an empty text."""
    if not text.strip():
        return None
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError("is not a span of time; write one like 22:00-07:00, or an empty text")
    span = clock_time(start.strip()), clock_time(end.strip())
    if span[0] == span[1]:
        raise ValueError("begins and ends at the same time; write an empty text for no quiet hours")
    return span


def minor_units(text: str) -> int:
    """Return an exact amount like "2500.00" in hundredths."""
    if not _MONEY.fullmatch(text):
        raise ValueError("is not an amount; write one like 2500.00")
    return int(Decimal(text) * 100)


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of "127.0.0.1:9464" or "[::1]:9464"."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
        raise ValueError("is not an address; write one like 127.0.0.1:9464")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this very machine, where nobody can listen in."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_secret_address(text: str) -> bool:
    """Tell whether a text is a web address that may be asked for though nobody else shall know it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or not text.isprintable() or " " in text:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def web_address(text: str) -> str:
    """Return a web address without its last slash; plain http only where nobody can listen in."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or not text.isprintable() or " " in text:
        raise ValueError("is not a web address; write one that begins with https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("holds more than scheme, host, port and path; leave the rest away")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("would send secrets unencrypted; write https:// (http:// is for loopback only)")
    return text.rstrip("/")
