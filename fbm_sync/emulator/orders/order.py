"""The order book: orders are placed, become ready, ship or are cancelled, each change with its moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fbm_sync.emulator.shop import JsonObject

PENDING = "PENDING"
UNSHIPPED = "UNSHIPPED"
PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
SHIPPED = "SHIPPED"
CANCELLED = "CANCELLED"
NO_INVENTORY = "NO_INVENTORY"


@dataclass(slots=True, kw_only=True)
class OrderItem:
    """One line of an order; `taken` units came off the listing and may have to go back."""

    order_item_id: str
    sku: str
    asin: str
    title: str
    quantity: int
    price: str | None
    currency: str
    shipped: int = 0
    taken: int = 0
    cancel_request: JsonObject | None = None
    cancel_execution: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One parcel the seller confirmed, and the units of each order item in it.

    `delivered_at` is when it reaches the buyer, where that was said; it may lie ahead.
    """

    reference: str
    created_at: datetime
    shipped_at: datetime
    carrier: str
    tracking_number: str
    contents: dict[str, int]
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The windows an order was sold with; they never move afterwards."""

    ship_from_at: datetime
    ship_by_at: datetime
    deliver_from_at: datetime
    deliver_by_at: datetime


@dataclass(slots=True, kw_only=True)
class Order:
    """One seller-fulfilled order; `listed_from_at` is when searches begin to show it.

    `arrived` are the references of the parcels that have reached the buyer. `never_paid` is a cancelled one
    whose payment was still pending.
    """

    order_id: str
    marketplace_id: str
    created_at: datetime
    updated_at: datetime
    listed_from_at: datetime
    status: str
    items: list[OrderItem]
    promise: Promise
    service_level: str = "STANDARD"
    programs: list[str] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    arrived: set[str] = field(default_factory=set)
    never_paid: bool = False
    fulfilled_by: str = "MERCHANT"
    is_back_order: bool = False

    def ship(self, package: Package, now: datetime) -> None:
        """Take a parcel whose contents are known to be still open."""
        for item in self.items:
            item.shipped += package.contents.get(item.order_item_id, 0)
        self.packages.append(package)
        complete = all(item.shipped == item.quantity for item in self.items)
        self.status = SHIPPED if complete else PARTIALLY_SHIPPED
        self.updated_at = now

    def arrive(self, package: Package, at: datetime) -> None:
        """A parcel reaches the buyer, which is a change of the order like any other."""
        self.arrived.add(package.reference)
        self.updated_at = max(self.updated_at, at)

    def cancel(self, by: str, reason: str, now: datetime) -> None:
        """End the order; what happens to its units is the order book's matter."""
        self.never_paid = self.status == PENDING
        self.status = CANCELLED
        self.updated_at = now
        for item in self.items:
            item.cancel_execution = {"cancelledBy": by, "cancelReason": reason}

    def ask_to_cancel(self, reason: str, now: datetime) -> None:
        """The buyer asks the seller to cancel; nothing else changes."""
        self.updated_at = now
        for item in self.items:
            item.cancel_request = {"requester": "BUYER", "cancelReason": reason}


@dataclass(slots=True, kw_only=True)
class RawOrder:
    """An order given as finished Amazon JSON, however odd, and served as it is."""

    order_id: str
    marketplace_id: str
    created_at: datetime
    updated_at: datetime
    listed_from_at: datetime
    status: str
    fulfilled_by: str
    body: JsonObject


AnyOrder = Order | RawOrder
