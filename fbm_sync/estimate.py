"""What a run will cost before it runs: requests by operation, and how long Amazon's limits make them take."""

import dataclasses
from collections import Counter
from typing import Any

from fbm_sync.cycle import Wish
from fbm_sync.flows.pull import is_performance_wanted, next_window
from fbm_sync.wiring import App


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCalls:
    """How often an operation will be called, and how long its limit makes that take."""

    operation: str
    calls: int
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run will cost, before it runs."""

    operations: tuple[PlannedCalls, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape."""
        return {
            "operations": [dataclasses.asdict(call) for call in self.operations],
            "seconds": round(self.seconds, 1),
        }


_ORDERS_A_PAGE = 100
_LISTINGS_A_PAGE = 20
_DAY_SECONDS = 86_400


def estimate(app: App, wish: Wish) -> Estimate:
    """Estimate the calls of a run from what the ledger knows; asks Amazon nothing.

    Orders expected in the window come from the recent daily rate, listings from the last look; before
    the first run both are unknown and counted as one page, which a note says.
    """
    names = list(wish.accounts) or [account.name for account in app.settings.accounts]
    calls: Counter[str] = Counter()
    notes: list[str] = []
    slowest: dict[str, float] = {}
    for name in names:
        planned = _planned_calls(app, wish, name, notes)
        throttle = app.account(name).gateway.throttle
        for operation, count in planned.items():
            slowest[operation] = max(slowest.get(operation, 0.0), throttle.seconds_for({operation: count}))
        calls += planned
    operations = tuple(
        PlannedCalls(operation=operation, calls=calls[operation], seconds=round(slowest[operation], 1))
        for operation in sorted(calls)
    )
    return Estimate(
        operations=operations, seconds=sum(call.seconds for call in operations), notes=tuple(notes)
    )


def _planned_calls(app: App, wish: Wish, name: str, notes: list[str]) -> Counter[str]:
    now = app.clock.now()
    with app.ledger.transaction() as books:
        watermark = books.orders.watermark(name)
        window = next_window(books, name, app.pull_terms, now)
        month = books.orders.touched_since(now - app.pull_terms.first)
        listings = len(books.offers.observed(name))
        decisions = books.offers.decisions()
    calls: Counter[str] = Counter()
    if wish.order_ids:
        return Counter(getOrder=len(wish.order_ids))
    if wish.only in (None, "orders"):
        since = wish.since or window.since
        a_day = sum(order.account == name for order in month) / app.pull_terms.first.days
        span_days = ((wish.until or now) - since).total_seconds() / _DAY_SECONDS
        calls["searchOrders"] = 1 + int(a_day * span_days / _ORDERS_A_PAGE)
        if watermark is None:
            notes.append(f"Account {name} was never read: the number of its orders is not known yet.")
    if wish.only in (None, "offers"):
        calls["searchListingsItems"] = 1 + listings // _LISTINGS_A_PAGE
        if not listings:
            notes.append(f"The listings of account {name} were never read: their number is not known yet.")
    if wish.only is None and is_performance_wanted(app.ledger, name, now):
        calls.update({"getReports": 1, "createReport": 1, "getReport": 1})
    changes = sum(one.account == name and one.change is not None for one in decisions)
    if wish.only is None and wish.apply:
        calls["patchListingsItem"] = changes
        calls["searchListingsItems"] += 2 * -(-changes // _LISTINGS_A_PAGE)
    elif wish.only is None:
        calls["validationPreview"] = min(changes, app.push_terms().validated_previews)
    return +calls
