"""How a SKU sells, measured from our own orders: how fast, how evenly, how often it is cancelled."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import Fulfiller, Order, OrderStatus, Sku
from fbm_sync.domain.policy import DemandRecord

DEMAND_DAYS = 30
"""How far back a SKU's own sales are looked at."""

_TELLING_DAYS = 14


def demand_records(
    orders: Iterable[Order],
    calendar: ShipCalendar,
    now: datetime,
    sold_out: Collection[Sku] = (),
    *,
    since: datetime | None = None,
) -> Mapping[Sku, DemandRecord]:
    """Measure each SKU's sales over the last `DEMAND_DAYS` dates, today included, or as many as are known.

    Only dates count, never the time of day, so that inside a day nothing but news changes a rate.
    Without stock nobody can buy, so for a SKU that is `sold_out` now the days after its last sale are no
    days without demand; they are left out. Earlier days without stock are not known here and count: a
    rate can then only be too low. How much demand varies is not said before two weeks are known: a new
    shop would look erratic. `since` tells when the shop's first order of that time was placed (see
    `known_since`), where these are not all its orders.
    """
    orders = list(orders)
    today = calendar.local_date(now)
    known = list(_counted(orders, calendar, today))
    begun = since or known_since(orders, calendar, now)
    first = today if begun is None else calendar.local_date(begun)
    span = max(1, (today - first).days + 1)  # an order may be dated tomorrow: clocks differ
    daily: dict[Sku, dict[date, int]] = {}
    seen: dict[Sku, list[bool]] = {}
    for day, order in known:
        for item in order.items:
            units = daily.setdefault(item.sku, {})
            units[day] = units.get(day, 0) + item.ordered_units
            seen.setdefault(item.sku, []).append(order.status is OrderStatus.CANCELLED)
    return {
        sku: _record(units, seen[sku], span - _days_since(max(units), today) if sku in sold_out else span)
        for sku, units in daily.items()
    }


def known_since(orders: Iterable[Order], calendar: ShipCalendar, now: datetime) -> datetime | None:
    """Return when the first order of those that rates are taken from was placed; `None` without any."""
    counted = _counted(orders, calendar, calendar.local_date(now))
    return min((order.created_at for _, order in counted), default=None)


def _counted(orders: Iterable[Order], calendar: ShipCalendar, today: date) -> Iterator[tuple[date, Order]]:
    """Yield the orders that count as sales, each with its local date."""
    earliest = today - timedelta(days=DEMAND_DAYS - 1)
    for order in orders:
        if order.fulfilled_by is not Fulfiller.AMAZON:
            day = calendar.local_date(order.created_at)
            if day >= earliest:
                yield day, order


def _days_since(last_sale: date, today: date) -> int:
    return max(0, (today - last_sale).days)


def _record(units: Mapping[date, int], cancelled: Sequence[bool], days: int) -> DemandRecord:
    days = max(1, days)
    return DemandRecord(
        days=days,
        orders=len(cancelled),
        units_per_day=sum(units.values()) / days,
        variation=_variation(list(units.values()), days) if days >= _TELLING_DAYS else None,
        cancelled_orders=sum(cancelled),
    )


def _variation(units_on_selling_days: Sequence[int], days: int) -> float | None:
    """Return the coefficient of variation of daily units, days without a sale included."""
    total = sum(units_on_selling_days)
    if total == 0:
        return None
    mean = total / days
    squares = sum(units * units for units in units_on_selling_days) / days
    return math.sqrt(max(0.0, squares - mean * mean)) / mean
