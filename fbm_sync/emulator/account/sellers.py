"""The Sellers API v1: where the seller sells, and whether Amazon has taken the offers down there."""

from __future__ import annotations

from datetime import datetime

from fbm_sync.emulator.gate.exchange import Answer, Call
from fbm_sync.emulator.shop import MARKETPLACE_NAMES, ShopRules

STORE_NAME = "Example Store"
# Country, currency and language of each marketplace the emulator knows by name.
_PLACES = {
    "ATVPDKIKX0DER": ("US", "USD", "en_US"),
    "A2EUQ1WTGCTBG2": ("CA", "CAD", "en_CA"),
    "A1AM78C64UM0Y8": ("MX", "MXN", "es_MX"),
    "A1F83G8C2ARO7P": ("GB", "GBP", "en_GB"),
    "A1PA6795UKMFR9": ("DE", "EUR", "de_DE"),
    "A13V1IB3VIYZZH": ("FR", "EUR", "fr_FR"),
    "APJ6JRA9NG5V4": ("IT", "EUR", "it_IT"),
    "A1RKKUPIHCS9HS": ("ES", "EUR", "es_ES"),
    "A1VC38T7YXB528": ("JP", "JPY", "ja_JP"),
    "A39IBJ37TRP1C6": ("AU", "AUD", "en_AU"),
}
_ELSEWHERE = ("US", "USD", "en_US")


class SellerCalls:
    """Answers the Sellers API for one account; nothing personal is ever told."""

    def __init__(self, rules: ShopRules) -> None:
        self._rules = rules

    def marketplace_participations(self, call: Call, now: datetime) -> Answer:
        """The one marketplace of the account."""
        marketplace_id = self._rules.marketplace_id
        country, currency, language = _PLACES.get(marketplace_id, _ELSEWHERE)
        name = MARKETPLACE_NAMES.get(marketplace_id, "Amazon.com")
        marketplace = {
            "id": marketplace_id,
            "name": name,
            "countryCode": country,
            "defaultCurrencyCode": currency,
            "defaultLanguageCode": language,
            "domainName": f"www.{name.lower()}",
        }
        participation = {"isParticipating": True, "hasSuspendedListings": self._rules.suspended}
        one = {"marketplace": marketplace, "storeName": STORE_NAME, "participation": participation}
        return Answer(body={"payload": [one]})
