"""What Amazon itself says of the seller: its verdict on the account, its figures and its targets.

Nothing is measured or judged here. Amazon's word wins over ours wherever both speak.
"""

import dataclasses
import enum
from datetime import datetime
from decimal import Decimal


class AccountStatus(enum.StrEnum):
    """Whether Amazon lets the account sell; `UNKNOWN` keeps a word Amazon invented after this was written."""

    NORMAL = "NORMAL"
    AT_RISK = "AT_RISK"
    DEACTIVATED = "DEACTIVATED"
    UNKNOWN = "UNKNOWN"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMetric:
    """One measure as Amazon itself states it: window, figures, target, verdict; nothing is computed here.

    `name` is LSR, CR, VTR, OTDR, ODR or Amazon's own word. `rate` and `target` are shares (0.04
    is 4 %), to be compared by `condition` (LESS_THAN, GREATER_THAN, EQUALS); what is only counted has a
    `numerator` and no rate. `verdict` is Amazon's word: GOOD, BAD, or NONE where there is nothing to judge.
    """

    name: str
    verdict: str | None
    since: datetime | None = None
    until: datetime | None = None
    rate: Decimal | None = None
    target: Decimal | None = None
    condition: str | None = None
    numerator: int | None = None
    denominator: int | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MarketplacePerformance:
    """What Amazon thinks of the seller in one marketplace; measures only where Amazon gives any.

    `status_text` keeps Amazon's spelling where `status` is UNKNOWN. `warnings` are Amazon's names of bad
    habits it warns of, `rating` is its word for the account as a whole.
    """

    marketplace: str
    status: AccountStatus
    status_text: str = ""
    metrics: tuple[ReportedMetric, ...] = ()
    warnings: tuple[str, ...] = ()
    rating: str | None = None

    def metric(self, name: str) -> ReportedMetric | None:
        """Return the measure of that name; `None` where Amazon does not state it."""
        return next((metric for metric in self.metrics if metric.name == name), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SellerPerformance:
    """What Amazon thinks of the seller, by marketplace, and when we read it. Amazon keeps no history."""

    account: str
    marketplaces: tuple[MarketplacePerformance, ...]
    read_at: datetime | None = None
