"""The marketplaces a seller can name in the configuration, and which region's door each stands behind.

Source: Amazon's "Marketplace IDs", "SP-API Endpoints" and "Seller Central URLs" pages.
"""

import dataclasses
import enum
from collections.abc import Mapping
from types import MappingProxyType


class Region(enum.StrEnum):
    """One of Amazon's selling regions: an authorisation, an endpoint and a listing belong to exactly one."""

    NORTH_AMERICA = "na"
    EUROPE = "eu"
    FAR_EAST = "fe"

    @property
    def endpoint(self) -> str:
        """The address at which this region answers."""
        return f"https://sellingpartnerapi-{self.value}.amazon.com"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Marketplace:
    """One country's Amazon: its id at Amazon, ISO country and currency codes, and its region.

    `seller_central` is where its sellers look at their orders.
    """

    marketplace_id: str
    country: str
    currency: str
    region: Region
    seller_central: str


_TABLE = (
    ("A2EUQ1WTGCTBG2", "CA", "CAD", Region.NORTH_AMERICA, "sellercentral.amazon.ca"),
    ("ATVPDKIKX0DER", "US", "USD", Region.NORTH_AMERICA, "sellercentral.amazon.com"),
    ("A1AM78C64UM0Y8", "MX", "MXN", Region.NORTH_AMERICA, "sellercentral.amazon.com.mx"),
    ("A2Q3Y263D00KWC", "BR", "BRL", Region.NORTH_AMERICA, "sellercentral.amazon.com.br"),
    ("A28R8C7NBKEWEA", "IE", "EUR", Region.EUROPE, "sellercentral.amazon.ie"),
    ("A1RKKUPIHCS9HS", "ES", "EUR", Region.EUROPE, "sellercentral-europe.amazon.com"),
    ("A1F83G8C2ARO7P", "GB", "GBP", Region.EUROPE, "sellercentral-europe.amazon.com"),
    ("A13V1IB3VIYZZH", "FR", "EUR", Region.EUROPE, "sellercentral-europe.amazon.com"),
    ("AMEN7PMS3EDWL", "BE", "EUR", Region.EUROPE, "sellercentral.amazon.com.be"),
    ("A1805IZSGTT6HS", "NL", "EUR", Region.EUROPE, "sellercentral.amazon.nl"),
    ("A1PA6795UKMFR9", "DE", "EUR", Region.EUROPE, "sellercentral-europe.amazon.com"),
    ("APJ6JRA9NG5V4", "IT", "EUR", Region.EUROPE, "sellercentral-europe.amazon.com"),
    ("A2NODRKZP88ZB9", "SE", "SEK", Region.EUROPE, "sellercentral.amazon.se"),
    ("AE08WJ6YKNBMC", "ZA", "ZAR", Region.EUROPE, "sellercentral.amazon.co.za"),
    ("A1C3SOZRARQ6R3", "PL", "PLN", Region.EUROPE, "sellercentral.amazon.pl"),
    ("ARBP9OOSHTCHU", "EG", "EGP", Region.EUROPE, "sellercentral.amazon.eg"),
    ("A33AVAJ2PDY3EV", "TR", "TRY", Region.EUROPE, "sellercentral.amazon.com.tr"),
    ("A17E79C6D8DWNP", "SA", "SAR", Region.EUROPE, "sellercentral.amazon.sa"),
    ("A2VIGQ35RCS4UG", "AE", "AED", Region.EUROPE, "sellercentral.amazon.ae"),
    ("A21TJRUUN4KGV", "IN", "INR", Region.EUROPE, "sellercentral.amazon.in"),
    ("A19VAU5U5O7RUS", "SG", "SGD", Region.FAR_EAST, "sellercentral.amazon.sg"),
    ("A39IBJ37TRP1C6", "AU", "AUD", Region.FAR_EAST, "sellercentral.amazon.com.au"),
    ("A1VC38T7YXB528", "JP", "JPY", Region.FAR_EAST, "sellercentral.amazon.co.jp"),
)

MARKETPLACES: Mapping[str, Marketplace] = MappingProxyType(
    {
        marketplace_id: Marketplace(
            marketplace_id=marketplace_id,
            country=country,
            currency=currency,
            region=region,
            seller_central=f"https://{host}",
        )
        for marketplace_id, country, currency, region, host in _TABLE
    }
)
"""Every marketplace by its id."""
