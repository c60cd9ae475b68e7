"""Is a restock date a promise? Only once an order shows that buyers are told it.

Amazon takes a restock date, and shows it when asked, without always using it: now and then one counts only
after somebody has saved it by hand in Seller Central. The ship-by of the first order tells. Until then few
units are sold ahead by it; and none, for some days, where an order is due before it.
"""

import dataclasses
from datetime import date, datetime

from fbm_sync.domain.order import OrderId

PROVEN_DAYS = 30
"""How long an order proves a listing's restock dates: as long as Amazon shows one ahead."""

DENIED_DAYS = 7
"""How long nothing is sold by a restock date after an order that ignored it; then it is tried again."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RestockShown:
    """What the latest order sold by a listing's restock date shows of it.

    `off_days` are ship days between the restock date and Amazon's ship-by: negative when it is due earlier.
    """

    order_id: OrderId
    created_at: datetime
    off_days: int

    def proves(self, today: date) -> bool:
        """Tell whether buyers are told the restock date: the order is due no earlier."""
        return self.off_days >= 0 and self._age_days(today) <= PROVEN_DAYS

    def denies(self, today: date) -> bool:
        """Tell whether Amazon has ignored the restock date lately."""
        return self.off_days < 0 and self._age_days(today) <= DENIED_DAYS

    def _age_days(self, today: date) -> int:
        return (today - self.created_at.date()).days
