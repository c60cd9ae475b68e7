"""The account's standing with Amazon: how many late and cancelled orders there are, and how many it can take.

Everything is integer arithmetic on orders: `100 · late ≥ 4 · orders` is a breach, and without orders
there is no rate. Amazon's own figures win where they are known.
"""

import dataclasses
import enum
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from fbm_sync.domain.order import Fulfiller, Order, OrderStatus
from fbm_sync.domain.policy import Headroom


class Metric(enum.StrEnum):
    """Amazon's measures of a seller that late and cancelled orders move."""

    LSR = "LSR"
    CR = "CR"


_BAD = "BAD"
_ON_TIME = "OTDR"
LSR_WINDOW = timedelta(days=10)
CR_WINDOW = timedelta(days=7)
_LSR_LIMIT = (4, 100)
_CR_LIMIT = (25, 1000)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One metric now: `numerator` bad orders of `denominator`, breached from the share `limit` on."""

    metric: Metric
    window_days: int
    numerator: int
    denominator: int
    limit: tuple[int, int]

    @property
    def breached(self) -> bool:
        """Whether Amazon's limit is reached; never without orders."""
        part, whole = self.limit
        return self.denominator > 0 and whole * self.numerator >= part * self.denominator

    @property
    def headroom_orders(self) -> int:
        """How many more bad orders keep the account below the limit; never negative."""
        part, whole = self.limit
        return max(0, -(-part * self.denominator // whole) - 1 - self.numerator)


class AccountStatus(enum.StrEnum):
    """Whether Amazon lets the account sell; `UNKNOWN` keeps a word Amazon invented after this was written."""

    NORMAL = "NORMAL"
    AT_RISK = "AT_RISK"
    DEACTIVATED = "DEACTIVATED"
    UNKNOWN = "UNKNOWN"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedMetric:
    """One measure as Amazon itself states it: window, figures, target, verdict; nothing is computed here.

    `name` is one of `Metric`, else VTR, OTDR, ODR or Amazon's own word. `rate` and `target` are shares (0.04
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
    """What Amazon thinks of the seller, by marketplace. Amazon keeps no history of it."""

    account: str
    marketplaces: tuple[MarketplacePerformance, ...]


def late_shipments(orders: Iterable[Order], now: datetime) -> Standing:
    """Measure the 10-day LSR: orders whose ship-by fell in the window, late when confirmed after it.

    An order past its ship-by and still unshipped is late already.
    """
    since = now - LSR_WINDOW
    due = [
        order
        for order in orders
        if _counts(order)
        and order.ship_by_at is not None
        and since <= order.ship_by_at <= now
        and order.status is not OrderStatus.CANCELLED
    ]
    return lsr_standing(late=sum(order.is_open or _shipped_late(order) for order in due), due=len(due))


def lsr_standing(*, late: int, due: int) -> Standing:
    """Return the late shipment rate of so many late orders among those due."""
    return Standing(
        metric=Metric.LSR, window_days=LSR_WINDOW.days, numerator=late, denominator=due, limit=_LSR_LIMIT
    )


def _shipped_late(order: Order) -> bool:
    return (
        order.shipped_at is not None and order.ship_by_at is not None and order.shipped_at > order.ship_by_at
    )


def cancellations(orders: Iterable[Order], now: datetime) -> Standing:
    """Measure the 7-day CR: orders created in the window, cancelled by the seller without a request.

    Amazon's own cancellation after ship-by counts against the seller too; a buyer's request does not,
    nor does what Amazon cancels while there is still time to ship.
    """
    since = now - CR_WINDOW
    created = [order for order in orders if _counts(order) and since <= order.created_at <= now]
    return cr_standing(cancelled=sum(is_seller_fault(order) for order in created), created=len(created))


def cr_standing(*, cancelled: int, created: int) -> Standing:
    """Return the cancellation rate of so many cancelled orders among those created."""
    return Standing(
        metric=Metric.CR,
        window_days=CR_WINDOW.days,
        numerator=cancelled,
        denominator=created,
        limit=_CR_LIMIT,
    )


def _counts(order: Order) -> bool:
    return order.fulfilled_by is not Fulfiller.AMAZON and not order.is_pending


def is_seller_fault(order: Order) -> bool:
    """Tell whether an order was cancelled in a way that counts against the seller, now or later."""
    if order.units_kept_until is not None:  # its payment failed
        return False
    too_late = order.ship_by_at is None or order.updated_at > order.ship_by_at
    faults = {"MERCHANT", "AMAZON"} if too_late else {"MERCHANT"}
    return any(item.cancelled_by in faults and not item.cancel_requested for item in order.items)


def headroom(orders: Iterable[Order], now: datetime) -> Headroom:
    """Return how many more late and cancelled orders the account can take now."""
    known = tuple(orders)
    return headroom_of(late_shipments(known, now), cancellations(known, now))


def headroom_of(lsr: Standing, cr: Standing) -> Headroom:
    """Return how many more late and cancelled orders these two measures leave."""
    return Headroom(
        late_orders=lsr.headroom_orders,
        cancelled_orders=cr.headroom_orders,
        breached=tuple(standing.metric.value for standing in (lsr, cr) if standing.breached),
    )


def with_reported(own: Headroom, reported: SellerPerformance | None) -> Headroom:
    """Let Amazon's own word count beside our figures: what it calls BAD is breached, whatever we measured.

    Deliveries on time (OTDR) are Amazon's figure alone; of several marketplaces the one closest to its
    target, or furthest below it, speaks.
    """
    metrics = [metric for place in reported.marketplaces for metric in place.metrics] if reported else []
    bad = {metric.name for metric in metrics if metric.verdict == _BAD and metric.name in tuple(Metric)}
    stated = [
        (float(metric.rate), float(metric.target))
        for metric in metrics
        if metric.name == _ON_TIME and metric.rate is not None and metric.target is not None
    ]
    rate, target = min(stated, key=lambda one: one[0] - one[1], default=(None, own.on_time_target))
    return dataclasses.replace(
        own,
        breached=tuple(name for name in Metric if name in {*own.breached, *bad}),
        on_time_rate=rate,
        on_time_target=target,
    )
