"""What a person reviewed before a push, as a checksum: only that is made, or nothing."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from fbm_sync.domain.listing import Offer, OfferChange

_LENGTH = 12
"""Hexadecimal digits: enough that no other push has the same, few enough to copy by hand."""


def checksum_of_changes(go: Iterable[OfferChange], held: Iterable[OfferChange]) -> str:
    """Return what one account's changes are reviewed as: each offer, what it shall be, whether it waits.

    It does not depend on their sequence.
    """
    lines = sorted(
        json.dumps([one.account, one.sku, one.product_type, _words(one.before), _words(one.after), waits])
        for some, waits in ((go, False), (held, True))
        for one in some
    )
    return _digest(lines)


def checksum_of_accounts(reviewed: Mapping[str, str]) -> str:
    """Return the checksum of all that was shown, by what each account's part of it is reviewed as."""
    return _digest(f"{account} {part}" for account, part in sorted(reviewed.items()))


def _words(offer: Offer) -> tuple[int, int | None, str | None]:
    restock_on = None if offer.restock_on is None else offer.restock_on.isoformat()
    return offer.quantity, offer.handling_days, restock_on


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_LENGTH]
