"""What an account's open orders put at risk, by SKU: those that wait for the same lots are late together."""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime

from fbm_sync.domain.allocation import CoverSource
from fbm_sync.domain.budget import LateOdds
from fbm_sync.domain.order import Sku
from fbm_sync.domain.risk import OrderOutlook


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenRisk:
    """So many open orders that wait for one SKU's inbound, and the chance that they are late together."""

    orders: int = 0
    chance: float = 0.0

    @property
    def late_odds(self) -> LateOdds:
        """All of them are late, or none is: they hang on the same lots."""
        return {0: 1 - self.chance, self.orders: self.chance} if self.orders else {0: 1.0}

    def joined_by(self, other: "OpenRisk") -> "OpenRisk":
        """Return the risk with more orders; the worst chance of any counts for all."""
        return OpenRisk(orders=self.orders + other.orders, chance=max(self.chance, other.chance))


NO_RISK = OpenRisk()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenRisks:
    """What an account's open orders put at risk, by SKU.

    `waiting` will be in time unless inbound is later than expected: new orders would hang on the same
    lots. `doubtful` are at risk or lost already, whatever is sold now.
    """

    waiting: Mapping[Sku, OpenRisk] = dataclasses.field(default_factory=dict)
    doubtful: Mapping[Sku, OpenRisk] = dataclasses.field(default_factory=dict)

    def waiting_orders(self, sku: Sku) -> int:
        """Return how many orders wait for inbound of a SKU without being at risk."""
        return self.waiting.get(sku, NO_RISK).orders

    def joined_by(self, other: "OpenRisks") -> "OpenRisks":
        """Return the risks of these orders and others together."""
        return OpenRisks(
            waiting=_joined(self.waiting, other.waiting), doubtful=_joined(self.doubtful, other.doubtful)
        )


def _joined(one: Mapping[Sku, OpenRisk], other: Mapping[Sku, OpenRisk]) -> Mapping[Sku, OpenRisk]:
    return {sku: one.get(sku, NO_RISK).joined_by(other.get(sku, NO_RISK)) for sku in {**one, **other}}


def open_risks(outlooks: Iterable[OrderOutlook], account: str, now: datetime, late_limit: float) -> OpenRisks:
    """Sum up what an account's open orders put at risk, each counted once.

    Orders past their ship-by are late already and stand in the account's headroom; those without a
    deadline cannot be late.
    """
    waiting: dict[Sku, OpenRisk] = {}
    doubtful: dict[Sku, OpenRisk] = {}
    for outlook in outlooks:
        chance, sku = outlook.late_probability, waits_for(outlook)
        if outlook.account != account or sku is None or chance is None:
            continue
        if outlook.ship_by_at is None or outlook.ship_by_at < now:
            continue
        group = doubtful if chance >= late_limit else waiting
        group[sku] = group.get(sku, NO_RISK).joined_by(OpenRisk(orders=1, chance=chance))
    return OpenRisks(waiting=waiting, doubtful=doubtful)


def waits_for(outlook: OrderOutlook) -> Sku | None:
    """Return the SKU whose supply decides when an order can leave; `None` while nothing can make it late.

    That is so for what lies on the shelf, and without a deadline.
    """
    if outlook.late_probability is None or (outlook.late_probability == 0 and outlook.blamed_lot is None):
        return None
    deciding = (
        item.sku
        for item in outlook.items
        for part in item.cover
        if part.source is CoverSource.SHORTAGE or (part.lot is not None and part.lot == outlook.blamed_lot)
    )
    return next(deciding, outlook.items[0].sku if outlook.items else None)
