"""Are the orders we know the orders Amazon has? What is missing here, and what has changed behind our back.

A newer word of Amazon's can show that ours is behind; an older one shows nothing, for lists and reports are
minutes to hours late. What came to be after the instant up to which orders are known is not missing: the
next pull brings it.
"""

import dataclasses
import enum
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from fbm_sync.domain.order import (
    Fulfiller,
    Order,
    OrderId,
    OrderItem,
    OrderStatus,
    ReportedOrderLine,
    Sku,
    lines_by_order,
)


class OrderFault(enum.StrEnum):
    """What is wrong with what we know of an order.

    MISSING: Amazon has it, we do not. BEHIND: Amazon changed it and we have not noticed. DIFFERENT: of the
    very same version we know something else. UNKNOWN_THERE: it is open here, and Amazon knows no such order.
    """

    MISSING = "missing"
    BEHIND = "behind"
    DIFFERENT = "different"
    UNKNOWN_THERE = "unknown_there"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OrderDifference:
    """One order that is not here as it is at Amazon; `words` say in which way."""

    account: str
    order_id: OrderId
    fault: OrderFault
    words: tuple[str, ...] = ()


def compare_orders(
    ours: Mapping[OrderId, Order], theirs: Iterable[Order], known_up_to: datetime | None
) -> tuple[OrderDifference, ...]:
    """Hold orders as Amazon shows them now against the recorded ones; orders that Amazon ships are left out.

    `known_up_to` is the instant up to which orders should be known, `None` where none ever were read: then
    everything should. Of an order that Amazon shows twice the newest version counts.
    """
    newest: dict[OrderId, Order] = {}
    for order in theirs:
        before = newest.get(order.order_id)
        if before is None or before.updated_at < order.updated_at:
            newest[order.order_id] = order
    found = []
    for order_id, order in sorted(newest.items()):
        fault = _fault(ours.get(order_id), order, known_up_to)
        if fault is not None:
            found.append(fault)
    return tuple(found)


def _fault(ours: Order | None, theirs: Order, known_up_to: datetime | None) -> OrderDifference | None:
    if ours is None:
        is_ours = theirs.fulfilled_by is not Fulfiller.AMAZON
        if not is_ours or not _should_be_known(theirs.updated_at, known_up_to):
            return None
        return _difference(theirs, OrderFault.MISSING, ())
    if theirs.updated_at < ours.updated_at:
        return None
    is_same_version = theirs.updated_at == ours.updated_at
    words = differences(ours, theirs)
    if not words or not (is_same_version or _should_be_known(theirs.updated_at, known_up_to)):
        return None
    return _difference(theirs, OrderFault.DIFFERENT if is_same_version else OrderFault.BEHIND, words)


def _difference(order: Order, fault: OrderFault, words: tuple[str, ...]) -> OrderDifference:
    return OrderDifference(account=order.account, order_id=order.order_id, fault=fault, words=words)


def _should_be_known(updated_at: datetime, known_up_to: datetime | None) -> bool:
    return known_up_to is None or updated_at <= known_up_to


def differences(ours: Order, theirs: Order) -> tuple[str, ...]:
    """Say in which ways two versions of an order differ that matter to whoever ships it.

    What only our own experience tells (when it was first read, how long it keeps its units, when a parcel
    was first reported) is no difference.
    """
    words = [
        f"{name}: {_said(here)} here, {_said(there)} at Amazon"
        for name, here, there in (
            ("state", _state(ours), _state(theirs)),
            ("shipped by", ours.fulfilled_by.value, theirs.fulfilled_by.value),
            ("ship-by", ours.ship_by_at, theirs.ship_by_at),
            ("deliver-by", ours.deliver_by_at, theirs.deliver_by_at),
        )
        if here != there
    ]
    here, there = _lines(ours), _lines(theirs)
    for name in sorted(here.keys() | there.keys()):
        words += _line_words(here.get(name), there.get(name))
    return tuple(words)


def _state(order: Order) -> str:
    """Return the state in Amazon's word, also where we do not know the word."""
    return order.status_text if order.status is OrderStatus.UNKNOWN else order.status.value


def _lines(order: Order) -> Mapping[str, OrderItem]:
    return {item.order_item_id: item for item in order.items}


def _line_words(here: OrderItem | None, there: OrderItem | None) -> list[str]:
    if here is None or there is None:
        item, where = (there, "at Amazon") if here is None else (here, "here")
        return [f"a line of {item.ordered_units} {item.sku} only {where}"] if item else []
    return [
        f"{name} of {there.sku}: {_said(mine)} here, {_said(theirs)} at Amazon"
        for name, mine, theirs in (
            ("SKU", here.sku, there.sku),
            ("units ordered", here.ordered_units, there.ordered_units),
            ("units shipped", here.shipped_units, there.shipped_units),
            ("units to ship", here.open_units, there.open_units),
            ("buyer's wish to cancel", here.cancel_requested, there.cancel_requested),
            ("cancelled by", here.cancelled_by, there.cancelled_by),
        )
        if mine != theirs
    ]


def _said(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else str(value)


# --- the open ones -----------------------------------------------------------------------------------


def expected_open(ours: Iterable[Order], read_up_to: datetime | None) -> frozenset[OrderId]:
    """Return the recorded orders that Amazon's list of open ones must show, as it is of an instant.

    What has changed since that instant need not be on the list; without an instant everything must.
    """
    return frozenset(
        order.order_id for order in ours if order.is_open and _should_be_known(order.updated_at, read_up_to)
    )


# --- what a report says ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportedDoubts:
    """What a report makes doubtful: orders not known here, and orders to be read before anything is said."""

    missing: tuple[OrderId, ...] = ()
    doubtful: tuple[OrderId, ...] = ()


_WORDS: Mapping[str, frozenset[OrderStatus]] = {
    "pending": frozenset({OrderStatus.PENDING, OrderStatus.PENDING_AVAILABILITY}),
    "pendingavailability": frozenset({OrderStatus.PENDING_AVAILABILITY}),
    "unshipped": frozenset({OrderStatus.UNSHIPPED, OrderStatus.PARTIALLY_SHIPPED}),
    "partiallyshipped": frozenset({OrderStatus.PARTIALLY_SHIPPED}),
    "shipped": frozenset({OrderStatus.SHIPPED}),
    "cancelled": frozenset({OrderStatus.CANCELLED}),
    "canceled": frozenset({OrderStatus.CANCELLED}),
    "unfulfillable": frozenset({OrderStatus.UNFULFILLABLE}),
}
"""What the report's words may mean; it also says "Shipped - Delivered to Buyer"."""

_NO_LETTER = re.compile(r"[^a-z]")


def doubt_orders(
    ours: Mapping[OrderId, Order],
    lines: Iterable[ReportedOrderLine],
    known_up_to: datetime | None,
    set_aside: Collection[OrderId] = (),
) -> ReportedDoubts:
    """Say of which orders a report tells more than we know: later changes, or orders never heard of.

    Only what should be known counts, and of that only what the report knows later than we do. What waits
    `set_aside` because it cannot be read is told elsewhere.
    """
    missing: list[OrderId] = []
    doubtful: list[OrderId] = []
    for order_id, rows in lines_by_order(lines).items():
        told_at = max(row.updated_at for row in rows)
        fulfillers = {row.fulfilled_by for row in rows}
        if fulfillers == {Fulfiller.AMAZON} or not _should_be_known(told_at, known_up_to):
            continue
        order = ours.get(order_id)
        if order is not None:
            if told_at > order.updated_at and not _agrees(order, rows):
                doubtful.append(order_id)
        elif order_id not in set_aside:
            (missing if Fulfiller.MERCHANT in fulfillers else doubtful).append(order_id)
    return ReportedDoubts(missing=tuple(sorted(missing)), doubtful=tuple(sorted(doubtful)))


def _agrees(order: Order, rows: Sequence[ReportedOrderLine]) -> bool:
    """Tell whether a report says of an order what we know: its state and, unless cancelled, its units."""
    known = [_WORDS.get(_NO_LETTER.sub("", row.status_text.partition(" - ")[0].lower())) for row in rows]
    if any(word is not None and order.status not in word for word in known):
        return False
    if order.status is OrderStatus.CANCELLED or any(row.units is None for row in rows):
        return True
    told: dict[Sku, int] = {}
    for row in rows:
        told[row.sku] = told.get(row.sku, 0) + (row.units or 0)
    here: dict[Sku, int] = {}
    for item in order.items:
        if item.cancelled_by is None:
            here[item.sku] = here.get(item.sku, 0) + item.ordered_units
    return {sku: units for sku, units in told.items() if units} == here
