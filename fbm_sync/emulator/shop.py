"""What does not change while the emulator runs: the seller's account and Amazon's rules for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

JsonObject = dict[str, Any]

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
