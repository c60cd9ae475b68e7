"""How accounts share the seller's stock: which pool each sells from, and what part of it may be shown.

The accounts of a pool together never show more than the pool has: their parts add up to at most the
whole, and every part is rounded down.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from fractions import Fraction


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """How one account sells: its pool (empty for all stock), its share, the units it leaves to others.

    A `share` of `None` is an equal part of what the accounts with a share of their own leave over.
    `reserve_units` are the last units of each SKU, which this account never shows.
    """

    pool: str = ""
    share: float | None = None
    reserve_units: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """The part of a pool's units of one SKU that one account may show: `part` of `whole`, less a reserve."""

    part: int = 1
    whole: int = 1
    reserve_units: int = 0

    def of(self, units: int) -> int:
        """Return the account's part of so many units, rounded down and never negative."""
        return max(0, min(units * self.part // self.whole, units - self.reserve_units))

    def least_for(self, units: int) -> int | None:
        """Return how many units the pool must have for the account's part to be so many; `None`: never."""
        if self.part == 0:
            return None
        return max(-(-units * self.whole // self.part), units + self.reserve_units)


ALL_OF_IT = Portion()


def portions(channels: Mapping[str, Channel], accounts: Iterable[str]) -> Mapping[str, Portion]:
    """Divide a SKU among the accounts of one pool that list it.

    An account that does not list the SKU needs no part of it, so what is left is divided among those
    without a share of their own. Shares are taken as the decimals they were written as: 0.6 of five is
    three. Should they add up to more than one, they are shrunk in proportion, and nothing is left for the
    others.
    """
    listing = {account: channels.get(account, Channel()) for account in sorted(accounts)}
    own = {
        account: Fraction(str(channel.share))
        for account, channel in listing.items()
        if channel.share is not None
    }
    whole = max(Fraction(1), sum(own.values(), Fraction(0)))
    each = (whole - sum(own.values())) / max(1, len(listing) - len(own))
    return {
        account: _portion(own.get(account, each) / whole, channel.reserve_units)
        for account, channel in listing.items()
    }


def _portion(share: Fraction, reserve_units: int) -> Portion:
    return Portion(part=share.numerator, whole=share.denominator, reserve_units=reserve_units)
