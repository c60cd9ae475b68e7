"""Orders as the seller sees them: what was bought, what still has to leave, and by when."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NewType

Sku = NewType("Sku", str)
OrderId = NewType("OrderId", str)

PENDING_COOL_OFF = timedelta(hours=4)
"""How long a pending order that was cancelled keeps its units: such orders sometimes come back."""


class OrderStatus(enum.StrEnum):
    """Amazon's state of an order; `UNKNOWN` keeps a value Amazon invented after this was written."""

    PENDING_AVAILABILITY = "PENDING_AVAILABILITY"
    PENDING = "PENDING"
    UNSHIPPED = "UNSHIPPED"
    PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
    SHIPPED = "SHIPPED"
    CANCELLED = "CANCELLED"
    UNFULFILLABLE = "UNFULFILLABLE"
    UNKNOWN = "UNKNOWN"


_OPEN = frozenset(
    {
        OrderStatus.PENDING_AVAILABILITY,
        OrderStatus.PENDING,
        OrderStatus.UNSHIPPED,
        OrderStatus.PARTIALLY_SHIPPED,
        # An order in a state we do not know may still have to ship: it keeps its units until Amazon
        # says something we understand.
        OrderStatus.UNKNOWN,
    }
)
PENDING = frozenset({OrderStatus.PENDING_AVAILABILITY, OrderStatus.PENDING})


class Fulfiller(enum.StrEnum):
    """Who ships the order; only the merchant's own orders are demand on the merchant's stock."""

    MERCHANT = "MERCHANT"
    AMAZON = "AMAZON"
    UNKNOWN = "UNKNOWN"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """Units of one order item that left, and when Amazon says they did."""

    shipment_id: str
    order_item_id: str
    sku: Sku
    units: int
    shipped_at: datetime


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderItem:
    """One line of an order.

    `unfulfilled_units` is Amazon's own count of what is still to ship, `None` where Amazon left it
    out. `unit_price_minor` is in minor units (cents) of `currency`. `cancelled_by` is Amazon's word
    (BUYER, MERCHANT, AMAZON) once the item is cancelled.
    """

    order_item_id: str
    sku: Sku
    ordered_units: int
    shipped_units: int = 0
    unfulfilled_units: int | None = None
    unit_price_minor: int | None = None
    currency: str | None = None
    cancel_requested: bool = False
    cancelled_by: str | None = None

    @property
    def open_units(self) -> int:
        """Units of this line that still have to leave, whatever the order's state."""
        if self.cancelled_by is not None:
            return 0
        if self.unfulfilled_units is not None:
            return max(0, self.unfulfilled_units)
        return max(0, self.ordered_units - self.shipped_units)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer order, without a word about the buyer.

    `ship_by_at` is Amazon's latest ship moment and authoritative; it may be missing, and then the
    deadline is unknown, never assumed. `units_kept_until` is set by `carry_over` alone. `status_text`
    keeps Amazon's spelling where `status` is UNKNOWN.
    `programs` are Amazon's names (PRIME, PREMIUM, …). `first_read_at` is when we first saw it: our own
    experience, no part of what the order is.
    """

    account: str
    order_id: OrderId
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    items: tuple[OrderItem, ...]
    status_text: str = ""
    marketplace: str | None = None
    fulfilled_by: Fulfiller = Fulfiller.MERCHANT
    ship_by_at: datetime | None = None
    deliver_by_at: datetime | None = None
    service_level: str | None = None
    programs: tuple[str, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    units_kept_until: datetime | None = None
    first_read_at: datetime | None = dataclasses.field(default=None, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether the merchant still has to ship something of it."""
        return self.status in _OPEN and self.fulfilled_by is not Fulfiller.AMAZON and self.open_units > 0

    @property
    def is_pending(self) -> bool:
        """Whether Amazon still checks the payment: it holds its units but must not ship."""
        return self.status in PENDING

    @property
    def open_units(self) -> int:
        """Units still to ship over all lines."""
        return sum(item.open_units for item in self.items)

    @property
    def cancel_requested(self) -> bool:
        """Whether the buyer asked to cancel something that has not shipped."""
        return any(item.cancel_requested and item.open_units > 0 for item in self.items)

    @property
    def shipped_at(self) -> datetime | None:
        """When its last parcel left, as far as Amazon says."""
        return max((shipment.shipped_at for shipment in self.shipments), default=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOrderLine:
    """One line of an order as a report of Amazon's names it: a second witness, without ship-by or item id.

    An order has a row for each of its lines, so two rows that look alike are two lines. `status_text` and
    `item_status_text` are the report's words, which are not those of `OrderStatus`. `units` is `None`
    where the report leaves it out.
    """

    account: str
    order_id: OrderId
    sku: Sku
    created_at: datetime
    updated_at: datetime
    status_text: str
    item_status_text: str | None = None
    units: int | None = None
    fulfilled_by: Fulfiller = Fulfiller.UNKNOWN
    sales_channel: str | None = None


def lines_by_order(lines: Iterable[ReportedOrderLine]) -> Mapping[OrderId, tuple[ReportedOrderLine, ...]]:
    """Return reported lines by their order, in the order of the report, every one of them."""
    orders: dict[OrderId, list[ReportedOrderLine]] = {}
    for line in lines:
        orders.setdefault(line.order_id, []).append(line)
    return {order_id: tuple(found) for order_id, found in orders.items()}


def carry_over(previous: Order | None, current: Order, *, read_at: datetime | None = None) -> Order:
    """Return an order as now reported, with what only its own past can tell.

    A pending order that vanishes (payment failed, buyer gone) keeps its units for `PENDING_COOL_OFF`,
    because such a payment is often repeated. One that came back has nothing left to keep.
    A parcel keeps the earliest time it was ever reported with: later updates of the order must not
    make it look as if it had left after the last stock count. What was never seen before was first read
    now (`read_at`).
    """
    first_read_at = read_at if previous is None else previous.first_read_at
    current = dataclasses.replace(current, first_read_at=first_read_at)
    if previous is not None and previous.shipments:
        left_at = {parcel.shipment_id: parcel.shipped_at for parcel in previous.shipments}
        current = dataclasses.replace(
            current, shipments=tuple(_no_later(parcel, left_at) for parcel in current.shipments)
        )
    if previous is None or current.status is not OrderStatus.CANCELLED:
        return dataclasses.replace(current, units_kept_until=None)
    if previous.is_pending:
        return dataclasses.replace(current, units_kept_until=current.updated_at + PENDING_COOL_OFF)
    return dataclasses.replace(current, units_kept_until=previous.units_kept_until)


def _no_later(parcel: Shipment, left_at: Mapping[str, datetime]) -> Shipment:
    known = left_at.get(parcel.shipment_id, parcel.shipped_at)
    return dataclasses.replace(parcel, shipped_at=min(parcel.shipped_at, known))


def held_units(order: Order, now: datetime) -> Mapping[OrderItem, int]:
    """Return the units each line of an order takes away from sale at this moment; empty lines left out."""
    if order.is_open:
        return {item: item.open_units for item in order.items if item.open_units}
    merchants = order.fulfilled_by is not Fulfiller.AMAZON
    if merchants and order.units_kept_until is not None and now < order.units_kept_until:
        return {
            item: item.ordered_units - item.shipped_units
            for item in order.items
            if item.ordered_units > item.shipped_units
        }
    return {}


def demand_units(orders: Iterable[Order], now: datetime) -> Mapping[Sku, int]:
    """Sum the units that orders hold, by SKU."""
    units: dict[Sku, int] = {}
    for order in orders:
        for item, wanted in held_units(order, now).items():
            units[item.sku] = units.get(item.sku, 0) + wanted
    return units


def urgency(order: Order) -> tuple[bool, datetime, datetime, str]:
    """Sort key of fairness: earliest ship-by first, then earliest created, then order id.

    An unknown deadline comes last: it must not take stock from an order whose deadline is known.
    """
    return (order.ship_by_at is None, order.ship_by_at or order.created_at, order.created_at, order.order_id)
