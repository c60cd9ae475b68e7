"""What does not change while the emulator runs: the seller's account and Amazon's rules for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

JsonObject = dict[str, Any]
# Tells subscribers what happened: the type of notification, its fields, the moment.
Announce = Callable[[str, JsonObject, datetime], None]

MERCHANT_CHANNEL = "DEFAULT"

MARKETPLACE_NAMES = {
    "ATVPDKIKX0DER": "Amazon.com",
    "A2EUQ1WTGCTBG2": "Amazon.ca",
    "A1AM78C64UM0Y8": "Amazon.com.mx",
    "A1F83G8C2ARO7P": "Amazon.co.uk",
    "A1PA6795UKMFR9": "Amazon.de",
    "A13V1IB3VIYZZH": "Amazon.fr",
    "APJ6JRA9NG5V4": "Amazon.it",
    "A1RKKUPIHCS9HS": "Amazon.es",
    "A1VC38T7YXB528": "Amazon.co.jp",
    "A39IBJ37TRP1C6": "Amazon.com.au",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The only client and refresh token this Amazon lets in, where a scenario names them."""

    client_id: str
    client_secret: str
    refresh_token: str
    former_client_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """How notifications leave Amazon; without an endpoint none does. Shares are from 0 to 1."""

    sqs_endpoint: str | None = None
    event_bridge_queue: str | None = None
    delay_seconds: float = 0.0
    lost: float = 0.0
    duplicated: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRules:
    """How feeds and reports go; a report interval of 0 means one may be asked for as often as liked."""

    feed_queue_seconds: float = 10.0
    feed_seconds: float = 20.0
    feeds_frozen: bool = False
    report_seconds: float = 30.0
    report_interval_seconds: float = 0.0
    report_charset: str = "UTF-8"
    performance_spelling: str = "schema"
    compressed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRules:
    """The account's settings; `automated_handling_days` set means Amazon overrides the seller's own."""

    seller_id: str = "A1EXAMPLE"
    marketplace_id: str = "ATVPDKIKX0DER"
    timezone: str = "America/Los_Angeles"
    holidays: frozenset[date] = frozenset()
    default_handling_days: int = 2
    automated_handling_days: int | None = None
    transit_days: int = 3
    apply_seconds: float = 20.0
    never_effective: frozenset[str] = frozenset()
    lead_time_alone: bool = False
    token_seconds: int = 3600
    rate_factor: float = 1.0
    seed: int = 1
    credentials: Credentials | None = None
    suspended: bool = False
    account_status: str = "NORMAL"
    jobs: JobRules = JobRules()
    notices: NoticeRules = NoticeRules()
