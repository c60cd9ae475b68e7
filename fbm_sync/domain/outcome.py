"""How an open order will end: in time, late, cancelled by Amazon, or cancelled by its buyer.

These are the only four ways, so their chances add up to one. What Amazon cancels counts as a cancellation
instead of a late shipment; what a buyer asked for counts as neither.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import Fulfiller, Order, OrderStatus, Sku

CANCEL_DAYS = 30
"""How far back a SKU's own cancellations are looked at."""

_PRIOR_CANCELLED, _PRIOR_ORDERS = 1, 50
"""What is assumed of a SKU nobody knows: one buyer in fifty thinks better of it. It is a guess, since no
source states a figure, and weighs as much as fifty orders."""

_BUYER = "BUYER"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeOdds:
    """The chances of the four ways in which an order can end; they add up to one.

    `auto_cancelled` is Amazon's cancellation a week after ship-by, which counts against the seller.
    """

    on_time: float
    late: float
    auto_cancelled: float
    buyer_cancelled: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CancelRate:
    """How many of a SKU's recent orders their buyers had cancelled."""

    orders: int = 0
    cancelled: int = 0

    @property
    def chance(self) -> float:
        """The chance that a buyer cancels, drawn towards what is usual where few orders are known."""
        return (self.cancelled + _PRIOR_CANCELLED) / (self.orders + _PRIOR_ORDERS)


CancelRates = Mapping[Sku, CancelRate]
"""The rate of each SKU that has been ordered lately."""

NO_RATES: CancelRates = MappingProxyType({})
_UNKNOWN = CancelRate()


def cancel_rates(orders: Iterable[Order], calendar: ShipCalendar, now: datetime) -> CancelRates:
    """Count by SKU how many orders of the last `CANCEL_DAYS` dates, today included, their buyers gave up.

    Only dates count, so that inside a day nothing but news changes a rate. Orders whose payment is pending
    or failed say nothing about patience, nor do those that Amazon ships.
    """
    since = calendar.start_of_day(calendar.local_date(now) - timedelta(days=CANCEL_DAYS - 1))
    found: dict[Sku, list[bool]] = {}
    for order in orders:
        if order.fulfilled_by is Fulfiller.AMAZON or order.is_pending or order.created_at < since:
            continue
        if order.units_kept_until is None:
            for sku in {item.sku for item in order.items}:
                found.setdefault(sku, []).append(_given_up(order, sku))
    return {sku: CancelRate(orders=len(given_up), cancelled=sum(given_up)) for sku, given_up in found.items()}


def _given_up(order: Order, sku: Sku) -> bool:
    """Tell whether the buyer had units of a SKU cancelled, or asks for it; who carries it out is the same."""
    if any(item.sku == sku and item.cancelled_by == _BUYER for item in order.items):
        return True
    asked = any(item.sku == sku and item.cancel_requested for item in order.items)
    return asked and (order.status is OrderStatus.CANCELLED or order.is_open)


def chance_of_giving_up(order: Order, rates: CancelRates) -> float:
    """Return the chance that the buyer cancels: of several SKUs the most doubtful; 1 once it is asked for."""
    if order.cancel_requested:
        return 1.0
    return max((rates.get(item.sku, _UNKNOWN).chance for item in order.items), default=_UNKNOWN.chance)


def last_day_before_cancelling(
    auto_cancel_at: datetime, calendar: ShipCalendar, now: datetime
) -> date | None:
    """Return the last ship day before Amazon cancels an order; `None` when none is left.

    Only dates count: the day on which Amazon cancels is one on which a parcel may still leave.
    """
    last_on = calendar.ship_day_on_or_before(calendar.local_date(auto_cancel_at))
    return last_on if calendar.ship_day_on_or_after(calendar.local_date(now)) <= last_on else None


def outcome_odds(*, ready_in_time: float, ready_at_all: float, given_up: float) -> OutcomeOdds:
    """Return the odds of an order that leaves as soon as it is ready, unless its buyer cancels before.

    `ready_in_time` is the chance to be ready by ship-by, `ready_at_all` by the day Amazon cancels.
    """
    at_all = max(ready_in_time, ready_at_all)
    kept = 1 - given_up
    return OutcomeOdds(
        on_time=kept * ready_in_time,
        late=kept * (at_all - ready_in_time),
        auto_cancelled=kept * (1 - at_all),
        buyer_cancelled=given_up,
    )
