"""What Amazon tells about a changed order, in the old spellings that ORDER_CHANGE has kept."""

from __future__ import annotations

from datetime import datetime

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.orders.order import (
    CANCELLED,
    PARTIALLY_SHIPPED,
    PENDING,
    SHIPPED,
    UNSHIPPED,
    Order,
    OrderItem,
)
from fbm_sync.emulator.shop import JsonObject

STATUS_CHANGE = "OrderStatusChange"
BUYER_REQUEST = "BuyerRequestedChange"
_STATUSES = {
    PENDING: "Pending",
    UNSHIPPED: "Unshipped",
    PARTIALLY_SHIPPED: "PartiallyShipped",
    SHIPPED: "Shipped",
    CANCELLED: "Canceled",
}
_REASONS = {STATUS_CHANGE: "Order Status Change", BUYER_REQUEST: "Buyer Requested Cancel"}
_PROGRAMS = {"AMAZON_BUSINESS": "Business", "PRIME": "Prime", "PREMIUM": "Premium"}


def order_fact(order: Order, change: str, at: datetime) -> JsonObject:
    """The change and the order as it stands after it; where the buyer lives is never told here."""
    return {
        "NotificationLevel": "OrderLevel",
        "AmazonOrderId": order.order_id,
        "OrderChangeType": change,
        "OrderChangeTrigger": {"TimeOfOrderChange": format_instant(at), "ChangeReason": _REASONS[change]},
        "Summary": _summary(order),
    }


def _summary(order: Order) -> JsonObject:
    promise = order.promise
    units = sum(item.quantity for item in order.items)
    shipped = sum(item.shipped for item in order.items)
    summary: JsonObject = {
        "MarketplaceId": order.marketplace_id,
        "OrderStatus": _STATUSES[order.status],
        "PurchaseDate": format_instant(order.created_at),
        "DestinationPostalCode": None,
        "FulfillmentType": "MFN",
        "OrderType": _order_type(order),
        "NumberOfItemsShipped": shipped,
        "NumberOfItemsUnshipped": 0 if order.status == CANCELLED else units - shipped,
        "EarliestShipDate": format_instant(promise.ship_from_at),
        "LatestShipDate": format_instant(promise.ship_by_at),
        "CancelNotifyDate": format_instant(promise.ship_by_at),
        "OrderPrograms": [_PROGRAMS[name] for name in order.programs if name in _PROGRAMS],
        "ShippingPrograms": [],
        "OrderItems": [_item(item, order) for item in order.items],
    }
    if order.status != PENDING:
        summary["EarliestDeliveryDate"] = format_instant(promise.deliver_from_at)
        summary["LatestDeliveryDate"] = format_instant(promise.deliver_by_at)
    return summary


def _order_type(order: Order) -> str:
    if "PREORDER" in order.programs:
        return "Preorder"
    return "BackOrder" if order.is_back_order else "StandardOrder"


def _item(item: OrderItem, order: Order) -> JsonObject:
    shape: JsonObject = {
        "OrderItemId": item.order_item_id,
        "SellerSKU": item.sku,
        "SupplySourceId": None,
        "Quantity": item.quantity,
        "QuantityShipped": item.shipped,
        "IsBuyerRequestedCancel": item.cancel_request is not None,
    }
    if order.status != CANCELLED:
        shape["OrderItemStatus"] = "Shipped" if item.shipped == item.quantity else "Unshipped"
    if order.status != PENDING:
        shape["ItemEarliestDeliveryDate"] = format_instant(order.promise.deliver_from_at)
        shape["ItemLatestDeliveryDate"] = format_instant(order.promise.deliver_by_at)
    return shape
