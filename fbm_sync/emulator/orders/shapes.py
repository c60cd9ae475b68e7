"""An order as Amazon's Orders API 2026-01-01 prints it; a section appears only when asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.orders.order import CANCELLED, PENDING, AnyOrder, Order, OrderItem, Package, RawOrder
from fbm_sync.emulator.shop import MARKETPLACE_NAMES, JsonObject

SECTIONS = {
    "BUYER": "buyer",
    "RECIPIENT": "recipient",
    "PROCEEDS": "proceeds",
    "EXPENSE": "expense",
    "PROMOTION": "promotion",
    "CANCELLATION": "cancellation",
    "FULFILLMENT": "fulfillment",
    "PACKAGES": "packages",
    "TAX": "tax",
    "PAYMENT": "payment",
    "FULFILLMENT_ORDERS": "fulfillmentOrders",
}


def order_json(order: AnyOrder, included: Collection[str]) -> JsonObject:
    """The order with the sections asked for; the emulator's own orders hold no buyer data at all."""
    if isinstance(order, RawOrder):
        return _filtered(order.body, included)
    shape: JsonObject = {
        "orderId": order.order_id,
        "createdTime": format_instant(order.created_at),
        "lastUpdatedTime": format_instant(order.updated_at),
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": order.marketplace_id,
            "marketplaceName": MARKETPLACE_NAMES.get(order.marketplace_id, "Amazon"),
        },
    }
    if order.programs:
        shape["programs"] = list(order.programs)
    if "PROCEEDS" in included and (total := _order_total(order)) is not None:
        shape["proceeds"] = {"grandTotal": total, "breakdowns": [{"type": "ITEM", "subtotal": total}]}
    if "FULFILLMENT" in included:
        shape["fulfillment"] = _fulfillment(order)
    shape["orderItems"] = [_item(item, order, included) for item in order.items]
    if "PACKAGES" in included and order.packages:
        shape["packages"] = [
            _package(package, arrived=package.reference in order.arrived) for package in order.packages
        ]
    return shape


def _filtered(body: JsonObject, included: Collection[str]) -> JsonObject:
    hidden = {key for section, key in SECTIONS.items() if section not in included}
    shape = {key: value for key, value in body.items() if key not in hidden}
    items = shape.get("orderItems")
    if isinstance(items, list):
        shape["orderItems"] = [
            {key: value for key, value in item.items() if key not in hidden}
            if isinstance(item, dict)
            else item
            for item in items
        ]
    return shape


def _fulfillment(order: Order) -> JsonObject:
    promise = order.promise
    shape: JsonObject = {
        "fulfillmentStatus": order.status,
        "fulfilledBy": order.fulfilled_by,
        "fulfillmentServiceLevel": order.service_level,
        "shipByWindow": _window(promise.ship_from_at, promise.ship_by_at),
    }
    if order.status != PENDING:
        # Amazon tells the delivery promise of an order only once its payment is through.
        shape["deliverByWindow"] = _window(promise.deliver_from_at, promise.deliver_by_at)
    return shape


def _window(earliest: datetime, latest: datetime) -> JsonObject:
    return {"earliestDateTime": format_instant(earliest), "latestDateTime": format_instant(latest)}


def _item(item: OrderItem, order: Order, included: Collection[str]) -> JsonObject:
    product: JsonObject = {
        "asin": item.asin,
        "title": item.title,
        "sellerSku": item.sku,
        "condition": {"conditionType": "NEW", "conditionSubtype": "NEW"},
    }
    shape: JsonObject = {
        "orderItemId": item.order_item_id,
        "quantityOrdered": item.quantity,
        "product": product,
    }
    if item.price is not None and order.status != PENDING:
        product["price"] = {"unitPrice": {"amount": item.price, "currencyCode": item.currency}}
        if "PROCEEDS" in included:
            total = _money(Decimal(item.price) * item.quantity, item.currency)
            shape["proceeds"] = {
                "proceedsTotal": total,
                "breakdowns": [{"type": "ITEM", "subtotal": total}],
            }
    cancellation: JsonObject = {}
    if item.cancel_request:
        cancellation["cancellationRequest"] = dict(item.cancel_request)
    if item.cancel_execution:
        cancellation["cancellationExecution"] = dict(item.cancel_execution)
    if "CANCELLATION" in included and cancellation:
        shape["cancellation"] = cancellation
    if "FULFILLMENT" in included:
        unfulfilled = 0 if order.status == CANCELLED else item.quantity - item.shipped
        shape["fulfillment"] = {"quantityFulfilled": item.shipped, "quantityUnfulfilled": unfulfilled}
    return shape


def _package(package: Package, *, arrived: bool) -> JsonObject:
    status = {"status": "SHIPPED", "detailedStatus": "PICKED_UP"}
    if arrived:
        status = {"status": "DELIVERED", "detailedStatus": "DELIVERED"}
    return {
        "packageReferenceId": package.reference,
        "createdTime": format_instant(package.created_at),
        "packageStatus": status,
        "carrier": package.carrier,
        "shipTime": format_instant(package.shipped_at),
        "trackingNumber": package.tracking_number,
        "packageItems": [
            {"orderItemId": order_item_id, "quantity": quantity}
            for order_item_id, quantity in package.contents.items()
        ],
    }


def _order_total(order: Order) -> JsonObject | None:
    priced = [item for item in order.items if item.price is not None]
    if not priced or order.status == PENDING:
        return None
    total = sum((Decimal(item.price or 0) * item.quantity for item in priced), Decimal(0))
    return _money(total, priced[0].currency)


def _money(amount: Decimal, currency: str) -> JsonObject:
    return {"amount": f"{amount:.2f}", "currencyCode": currency}
