"""Orders as a report tells them: less than Amazon's own list, and later, but all of them at once."""

from collections.abc import Iterable, Sequence

from fbm_sync.domain.order import (
    Fulfiller,
    Order,
    OrderId,
    OrderItem,
    OrderStatus,
    ReportedOrderLine,
    lines_by_order,
)

_STATUSES = {
    "pendingavailability": OrderStatus.PENDING_AVAILABILITY,
    "pending": OrderStatus.PENDING,
    "unshipped": OrderStatus.UNSHIPPED,
    "partiallyshipped": OrderStatus.PARTIALLY_SHIPPED,
    "shipped": OrderStatus.SHIPPED,
    "cancelled": OrderStatus.CANCELLED,
    "canceled": OrderStatus.CANCELLED,
    "unfulfillable": OrderStatus.UNFULFILLABLE,
}


def reported_orders(lines: Iterable[ReportedOrderLine]) -> tuple[Order, ...]:
    """Return the merchant's own orders as far as a report tells them, by id.

    It names neither ship-by nor parcels nor the ids of lines: what it leaves out is left out, and what stands
    in its place gives way to whatever is read of the order. So its version counts as old as the order itself,
    however late the report says it has changed. Left out are orders that Amazon ships or may ship, those with
    a status we do not know, and those in which the units of a line are missing though they are not cancelled:
    of these only reading the order itself tells.
    """
    found = (_as_order(order_id, own) for order_id, own in sorted(lines_by_order(lines).items()))
    return tuple(order for order in found if order is not None)


def status_in_words(text: str) -> OrderStatus:
    """Return what a report's word for a status means ("Shipped - Delivered to Buyer" is shipped)."""
    word = text.partition(" - ")[0].replace(" ", "").replace("_", "").lower()
    return _STATUSES.get(word, OrderStatus.UNKNOWN)


def _as_order(order_id: OrderId, lines: Sequence[ReportedOrderLine]) -> Order | None:
    status = status_in_words(max(lines, key=lambda line: line.updated_at).status_text)
    ours = all(line.fulfilled_by is Fulfiller.MERCHANT for line in lines)
    cancelled = status is OrderStatus.CANCELLED
    if not ours or status is OrderStatus.UNKNOWN:
        return None
    if not cancelled and any(line.units is None for line in lines):
        return None
    created_at = min(line.created_at for line in lines)
    return Order(
        account=lines[0].account,
        order_id=order_id,
        status=status,
        created_at=created_at,
        updated_at=created_at,
        items=tuple(_as_item(number, line, status) for number, line in enumerate(lines, start=1)),
    )


def _as_item(number: int, line: ReportedOrderLine, status: OrderStatus) -> OrderItem:
    units = line.units or 0
    shipped = status is OrderStatus.SHIPPED
    return OrderItem(
        order_item_id=f"reported-{number}",
        sku=line.sku,
        ordered_units=units,
        shipped_units=units if shipped else 0,
    )
