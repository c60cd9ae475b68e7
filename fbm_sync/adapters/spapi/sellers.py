"""Where the account may sell: Amazon's Sellers API, and what its JSON means.

Here: the marketplaces an account takes part in. Nothing about the person behind the account is asked for.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import section, sections, text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """The account in one marketplace: whether it sells there, and whether Amazon took its listings down."""

    marketplace: str
    country: str
    sells: bool
    suspended: bool


def participations(gateway: Gateway) -> tuple[Participation, ...]:
    """Ask in which marketplaces the account takes part. Amazon allows one such request a minute."""
    answer = gateway.call("getMarketplaceParticipations")
    return read_participations(answer.body or {})


def read_participations(body: Mapping[str, Any]) -> tuple[Participation, ...]:
    """Return what the answer says; an entry without a marketplace says nothing."""
    found = []
    for entry in sections(body, "payload"):
        marketplace, part = section(entry, "marketplace"), section(entry, "participation")
        marketplace_id = text(marketplace, "id")
        if marketplace_id is None:
            continue
        found.append(
            Participation(
                marketplace=marketplace_id,
                country=text(marketplace, "countryCode") or marketplace_id,
                sells=part.get("isParticipating") is True,
                suspended=part.get("hasSuspendedListings") is True,
            )
        )
    return tuple(found)
