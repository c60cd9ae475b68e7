"""Amazon's request limits: one token bucket per operation, filled by the emulator's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PREVIEW = "patchListingsItem:VALIDATION_PREVIEW"
LISTINGS_FEED = "createFeed:JSON_LISTINGS_FEED"


@dataclass(frozen=True, slots=True)
class UsagePlan:
    """What Amazon publishes for an operation: requests per second, and how many may come at once."""

    rate: float
    burst: float


PUBLISHED_PLANS = {
    "searchOrders": UsagePlan(0.0056, 20),
    "getOrder": UsagePlan(0.5, 30),
    "getListingsItem": UsagePlan(5, 10),
    "searchListingsItems": UsagePlan(5, 5),
    "patchListingsItem": UsagePlan(5, 5),
    PREVIEW: UsagePlan(1, 1),
    "createFeedDocument": UsagePlan(0.5, 15),
    "createFeed": UsagePlan(0.0083, 15),
    # Five submissions in five minutes.
    LISTINGS_FEED: UsagePlan(5 / 300, 5),
    "getFeed": UsagePlan(2, 15),
    "getFeeds": UsagePlan(0.0222, 10),
    "cancelFeed": UsagePlan(2, 15),
    "getFeedDocument": UsagePlan(0.0222, 10),
    "createReport": UsagePlan(0.0167, 15),
    "getReport": UsagePlan(2, 15),
    "getReports": UsagePlan(0.0222, 10),
    "cancelReport": UsagePlan(0.0222, 10),
    "getReportDocument": UsagePlan(0.0167, 15),
    "getMarketplaceParticipations": UsagePlan(0.016, 15),
    "createDestination": UsagePlan(1, 5),
    "getDestinations": UsagePlan(1, 5),
    "getDestination": UsagePlan(1, 5),
    "deleteDestination": UsagePlan(1, 5),
    "createSubscription": UsagePlan(1, 5),
    "getSubscription": UsagePlan(1, 5),
    "getSubscriptions": UsagePlan(1, 5),
    "getSubscriptionById": UsagePlan(1, 5),
    "deleteSubscriptionById": UsagePlan(1, 5),
}


class RateLimits:
    """Counts requests against the published plans times a factor (rate and burst alike).

    A refused request takes nothing from any bucket, so that hammering does not postpone the recovery.
    """

    def __init__(self, factor: float, start_at: datetime) -> None:
        self._plans = {
            name: UsagePlan(plan.rate * factor, max(1.0, plan.burst * factor))
            for name, plan in PUBLISHED_PLANS.items()
        }
        self._tokens = {name: plan.burst for name, plan in self._plans.items()}
        self._filled_at = dict.fromkeys(self._plans, start_at)

    def take(self, names: list[str], now: datetime) -> bool:
        """Use one token of every named bucket, or none at all when any of them is empty."""
        for name in names:
            self._refill(name, now)
        # The tolerance absorbs the rounding of a refill that should end exactly on a whole token.
        if any(self._tokens[name] < 1 - 1e-9 for name in names):
            return False
        for name in names:
            self._tokens[name] -= 1
        return True

    def _refill(self, name: str, now: datetime) -> None:
        plan = self._plans[name]
        elapsed = max(0.0, (now - self._filled_at[name]).total_seconds())
        self._tokens[name] = min(plan.burst, self._tokens[name] + elapsed * plan.rate)
        self._filled_at[name] = max(now, self._filled_at[name])

    def rate_text(self, name: str) -> str | None:
        """The rate as the response header shows it: requests per second, never the burst."""
        plan = self._plans.get(name)
        return None if plan is None else str(float(f"{plan.rate:.6g}"))
