"""What may happen to orders, and what it does to the listings they were sold from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fbm_sync.emulator.clock import Agenda, format_instant, parse_instant
from fbm_sync.emulator.listings.catalogue import Catalogue
from fbm_sync.emulator.notifications.shapes import ORDER_CHANGE
from fbm_sync.emulator.orders.notices import BUYER_REQUEST, STATUS_CHANGE, order_fact
from fbm_sync.emulator.orders.order import (
    NO_INVENTORY,
    PARTIALLY_SHIPPED,
    PENDING,
    UNSHIPPED,
    AnyOrder,
    Order,
    OrderItem,
    Package,
    Promise,
    RawOrder,
)
from fbm_sync.emulator.orders.wishes import Line, Outcome, Parcel, Wish
from fbm_sync.emulator.shipdays import ShipDays
from fbm_sync.emulator.shop import Announce, JsonObject, ShopRules

AUTO_CANCEL_DAYS = 7
RESTOCK_HORIZON = timedelta(days=30)
_NOT_OURS = "no such order, or one given as raw JSON"


@dataclass(frozen=True, slots=True)
class OrderIds:
    """Where new order ids and order item ids come from."""

    order: Callable[[], str]
    item: Callable[[], str]


class OrderBook:
    """All orders of the account and the rules of their life."""

    def __init__(
        self,
        rules: ShopRules,
        days: ShipDays,
        catalogue: Catalogue,
        agenda: Agenda,
        ids: OrderIds,
        announce: Announce,
    ) -> None:
        self._rules = rules
        self._days = days
        self._catalogue = catalogue
        self._agenda = agenda
        self._ids = ids
        self._announce = announce
        self.orders: dict[str, AnyOrder] = {}

    def place(self, wish: Wish, now: datetime) -> Outcome:
        """Sell: the live quantity falls at once, even while the payment is pending."""
        why = self._why_not_placed(wish, now)
        if why is not None:
            return Outcome(wish.order_id, done=False, why=why)
        created_at = wish.created_at or now
        items = [self._new_item(line, now, takes=not wish.is_history) for line in wish.lines]
        order = Order(
            order_id=wish.order_id or self._new_order_id(),
            marketplace_id=self._rules.marketplace_id,
            created_at=created_at,
            updated_at=created_at,
            listed_from_at=created_at + timedelta(seconds=wish.hidden_seconds),
            status=PENDING if wish.pending_seconds else UNSHIPPED,
            items=items,
            promise=self._promise(wish, created_at),
            service_level=wish.service_level,
            programs=wish.programs,
            is_back_order=any(self._restock_ahead(line.sku, wish, created_at) for line in wish.lines),
        )
        self.orders[order.order_id] = order
        self._tell(order, STATUS_CHANGE, created_at)
        self._plan_ahead(order, wish.pending_seconds)
        return Outcome(order.order_id, done=True)

    def _why_not_placed(self, wish: Wish, now: datetime) -> str | None:
        if wish.order_id in self.orders:
            return "an order with this id exists"
        if wish.created_at is not None and wish.created_at > now:
            return "created_at lies in the future"
        if not wish.lines:
            return "the order has no items"
        wanted: dict[str, int] = {}
        for line in wish.lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        for sku, quantity in wanted.items():
            listing = self._catalogue.listings.get(sku)
            if listing is None:
                return f"no listing has the SKU {sku}"
            if wish.force or wish.is_history:
                continue
            live = listing.merchant
            if live is None or live.quantity < quantity:
                return f"{sku} has {live.quantity if live else 0} on offer, {quantity} wanted"
            horizon = self._days.local_day(now + RESTOCK_HORIZON)
            if live.restock_on is not None and live.restock_on > horizon:
                return f"{sku} is back on {live.restock_on}, too far ahead to be ordered"
        return None

    def _new_item(self, line: Line, now: datetime, *, takes: bool) -> OrderItem:
        listing = self._catalogue.listings[line.sku]
        return OrderItem(
            order_item_id=self._ids.item(),
            sku=line.sku,
            asin=listing.asin,
            title=listing.title,
            quantity=line.quantity,
            price=listing.price if line.price is None else line.price,
            currency=listing.currency,
            # History was sold before the quantity in the scenario was counted, so its units may return.
            taken=self._catalogue.take_units(line.sku, line.quantity, now) if takes else line.quantity,
        )

    def _new_order_id(self) -> str:
        while (order_id := self._ids.order()) in self.orders:
            pass
        return order_id

    def _promise(self, wish: Wish, created_at: datetime) -> Promise:
        """The windows of an order, from what is live (not from what was submitted) when it is placed."""
        placed_on = self._days.local_day(created_at)
        ship_on = max(self._ship_day(line.sku, wish, created_at) for line in wish.lines)
        ship_by_at = wish.ship_by_at or self._days.day_end(ship_on)
        ship_on = self._days.local_day(ship_by_at)
        deliver_on = self._days.add(ship_on, self._rules.transit_days)
        deliver_from = self._days.add(ship_on, min(1, self._rules.transit_days))
        return Promise(
            ship_from_at=min(self._days.day_start(self._days.on_or_after(placed_on)), ship_by_at),
            ship_by_at=ship_by_at,
            deliver_from_at=self._days.day_start(deliver_from),
            deliver_by_at=wish.deliver_by_at or self._days.day_end(deliver_on),
        )

    def _ship_day(self, sku: str, wish: Wish, created_at: datetime) -> date:
        restock_on = self._restock_ahead(sku, wish, created_at)
        if restock_on is not None:
            return self._days.on_or_after(restock_on)
        live = self._catalogue.listings[sku].merchant
        return self._days.add(self._days.local_day(created_at), self._catalogue.handling_days(live))

    def _restock_ahead(self, sku: str, wish: Wish, created_at: datetime) -> date | None:
        """The day a back-ordered SKU returns, None where it was there to be sold."""
        live = self._catalogue.listings[sku].merchant
        restock_on = None if live is None or wish.is_history else live.restock_on
        is_ahead = restock_on is not None and restock_on > self._days.local_day(created_at)
        return restock_on if is_ahead else None

    def _plan_ahead(self, order: Order, pending_seconds: float) -> None:
        if pending_seconds:
            ready_at = order.created_at + timedelta(seconds=pending_seconds)
            self._agenda.schedule(ready_at, lambda at: self._become_ready(order, at))
        due_on = self._days.add(self._days.local_day(order.promise.ship_by_at), AUTO_CANCEL_DAYS)
        self._agenda.schedule(self._days.day_end(due_on), lambda at: self._auto_cancel(order, at))

    def _become_ready(self, order: Order, at: datetime) -> None:
        if order.status == PENDING:
            order.status = UNSHIPPED
            order.updated_at = at
            self._tell(order, STATUS_CHANGE, at)

    def _tell(self, order: Order, change: str, at: datetime) -> None:
        self._announce(ORDER_CHANGE, order_fact(order, change, at), at)

    def _auto_cancel(self, order: Order, at: datetime) -> None:
        if order.status in (PENDING, UNSHIPPED):
            self._end(order, "AMAZON", "NOT_SHIPPED_IN_TIME", at)

    def ship(self, order_id: str, parcel: Parcel, now: datetime) -> Outcome:
        """Confirm one parcel."""
        order = self.orders.get(order_id)
        if not isinstance(order, Order):
            return Outcome(order_id, done=False, why=_NOT_OURS)
        if order.status not in (UNSHIPPED, PARTIALLY_SHIPPED):
            return Outcome(order_id, done=False, why=f"the order is {order.status}")
        shipped_at = parcel.shipped_at or now
        if not order.created_at <= shipped_at <= now:
            return Outcome(order_id, done=False, why="it would ship before it was placed, or in the future")
        if parcel.delivered_at is not None and parcel.delivered_at < shipped_at:
            return Outcome(order_id, done=False, why="it would arrive before it was shipped")
        contents = _contents(order, parcel.lines)
        if isinstance(contents, str):
            return Outcome(order_id, done=False, why=contents)
        number = parcel.tracking_number
        if number is None:
            number = f"1Z{order_id.replace('-', '')}{len(order.packages) + 1:02d}"
        package = Package(
            reference=str(len(order.packages) + 1),
            created_at=now,
            shipped_at=shipped_at,
            carrier=parcel.carrier,
            tracking_number=number,
            contents=contents,
            delivered_at=parcel.delivered_at,
        )
        order.ship(package, now)
        self._agenda.schedule(self._arrives_at(package), lambda at: order.arrive(package, at))
        self._tell(order, STATUS_CHANGE, now)
        return Outcome(order_id, done=True)

    def _arrives_at(self, package: Package) -> datetime:
        """When a parcel reaches the buyer: as was said, else at the end of the last day of its transit."""
        if package.delivered_at is not None:
            return package.delivered_at
        left_on = self._days.local_day(package.shipped_at)
        return self._days.day_end(self._days.add(left_on, self._rules.transit_days))

    def cancel(self, order_id: str, by: str, reason: str, now: datetime) -> Outcome:
        """Cancel a whole order nothing of which has shipped."""
        order = self.orders.get(order_id)
        if not isinstance(order, Order):
            return Outcome(order_id, done=False, why=_NOT_OURS)
        if order.status not in (PENDING, UNSHIPPED):
            return Outcome(order_id, done=False, why=f"the order is {order.status}")
        self._end(order, by, reason, now)
        return Outcome(order_id, done=True)

    def _end(self, order: Order, by: str, reason: str, at: datetime) -> None:
        order.cancel(by, reason, at)
        self._tell(order, STATUS_CHANGE, at)
        if reason != NO_INVENTORY:
            for item in order.items:
                self._catalogue.put_back(item.sku, item.taken, at)

    def request_cancel(self, order_id: str, reason: str, now: datetime) -> Outcome:
        """The buyer asks for a cancellation that only the seller can carry out."""
        order = self.orders.get(order_id)
        if not isinstance(order, Order):
            return Outcome(order_id, done=False, why=_NOT_OURS)
        if order.status not in (PENDING, UNSHIPPED, PARTIALLY_SHIPPED):
            return Outcome(order_id, done=False, why=f"the order is {order.status}")
        order.ask_to_cancel(reason, now)
        self._tell(order, BUYER_REQUEST, now)
        return Outcome(order_id, done=True)

    def touch(self, order_id: str, now: datetime) -> None:
        """Something about the order changes that only its time of change tells."""
        order = self.orders[order_id]
        order.updated_at = now
        if isinstance(order, RawOrder):
            order.body = order.body | {"lastUpdatedTime": format_instant(now)}

    def add_raw(self, body: JsonObject, now: datetime) -> Outcome:
        """Take a finished Amazon order as it is, replacing one with the same id."""
        order_id = body.get("orderId")
        if not isinstance(order_id, str) or not order_id:
            return Outcome(None, done=False, why="orderId is missing")
        fulfillment = body.get("fulfillment")
        facts = fulfillment if isinstance(fulfillment, dict) else {}
        channel = body.get("salesChannel")
        marketplace = channel.get("marketplaceId") if isinstance(channel, dict) else None
        created_at = _instant_or(body.get("createdTime"), now)
        self.orders[order_id] = RawOrder(
            order_id=order_id,
            marketplace_id=str(marketplace or self._rules.marketplace_id),
            created_at=created_at,
            updated_at=_instant_or(body.get("lastUpdatedTime"), now),
            listed_from_at=created_at,
            status=str(facts.get("fulfillmentStatus", UNSHIPPED)),
            fulfilled_by=str(facts.get("fulfilledBy", "MERCHANT")),
            body=body,
        )
        return Outcome(order_id, done=True)


def _contents(order: Order, lines: list[Line] | None) -> dict[str, int] | str:
    """Units per order item id, or why the lines do not fit what is still open."""
    open_units = {item.order_item_id: item.quantity - item.shipped for item in order.items}
    if lines is None:
        return {item_id: units for item_id, units in open_units.items() if units}
    contents: dict[str, int] = {}
    for line in lines:
        left = line.quantity
        for item in order.items:
            if item.sku == line.sku:
                units = min(left, open_units[item.order_item_id] - contents.get(item.order_item_id, 0))
                left -= units
                if units:
                    contents[item.order_item_id] = contents.get(item.order_item_id, 0) + units
        if left:
            return f"{line.sku} has fewer than {line.quantity} units open"
    return contents


def _instant_or(value: object, default: datetime) -> datetime:
    try:
        return parse_instant(value) if isinstance(value, str) else default
    except ValueError:
        return default
