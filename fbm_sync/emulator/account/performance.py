"""What Amazon would say of the seller's performance, from every order there really was.

The windows roll with the moment the report is made, both ends included:

- late shipments: orders whose ship-by fell in the last 30 days. Late is what was complete only after its
  ship-by, by the ship time of the parcel that completed it, and what is past it and still incomplete.
- pre-fulfilment cancellations: orders created in the last 7 days. The seller's fault is a cancellation by
  the seller that the buyer had not asked for, and one by Amazon after the ship-by; never that of an order
  that was not paid.
- valid tracking: parcels shipped in the last 30 days; valid is any with a tracking number.
- on-time delivery: tracked parcels whose deliver-by fell in 14 days, the last 7 left out, because by then
  their fate is known; by parcel, and by unit in the American marketplace, where alone Amazon counts so.
  A parcel arrives when the scenario says, else at the end of the day `transit_days` business days later.
- order defects: orders created in the last 60 days, of which the emulator knows no defects.

Pending orders count nowhere; cancelled ones count for cancellations alone. A rate is a fraction; without
anything to count it is 0 and its status NONE.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fbm_sync.emulator.orders.order import CANCELLED, PENDING, Order, Package
from fbm_sync.emulator.shipdays import ShipDays
from fbm_sync.emulator.shop import JsonObject, ShopRules

NORMAL = "NORMAL"
DEACTIVATED = "DEACTIVATED"
ACCOUNT_STATUSES = (NORMAL, "AT_RISK", DEACTIVATED)
SPELLINGS = ("schema", "example")
UNITS_COUNTED_IN = "ATVPDKIKX0DER"
_LESS_THAN = "LESS_THAN"
_GREATER_THAN = "GREATER_THAN"
_VIOLATIONS = (
    "listingPolicyViolations",
    "productAuthenticityCustomerComplaints",
    "productConditionCustomerComplaints",
    "productSafetyCustomerComplaints",
    "receivedIntellectualPropertyComplaints",
    "restrictedProductPolicyViolations",
    "suspectedIntellectualPropertyViolations",
    "foodAndProductSafetyIssues",
    "otherPolicyViolations",
    "documentRequests",
)
# Amazon's own example of the report is spelt otherwise than its schema, so clients must expect both.
_EXAMPLE_NAMES = {
    "preFulfillmentCancellationRate": "prefulfillmentCancelRate",
    "warningStates": "warningState",
    "documentRequests": "documentRequest",
}


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of time that ends some days before now, both ends included."""

    since: datetime
    until: datetime

    @classmethod
    def of(cls, days: int, now: datetime, *, lag_days: int = 0) -> _Window:
        until = now - timedelta(days=lag_days)
        return cls(until - timedelta(days=days), until)

    def __contains__(self, moment: datetime) -> bool:
        return self.since <= moment <= self.until

    @property
    def range_json(self) -> JsonObject:
        return {
            "reportingDateRange": {
                "reportingDateFrom": f"{self.since:%Y-%m-%dT%H:%MZ}",
                "reportingDateTo": f"{self.until:%Y-%m-%dT%H:%MZ}",
            }
        }


def performance_report(
    orders: Iterable[Order], now: datetime, *, rules: ShopRules, days: ShipDays, account_status: str
) -> JsonObject:
    """The account health report of one marketplace, in the spelling the rules ask for."""
    known = [order for order in orders if order.marketplace_id == rules.marketplace_id]
    own = [order for order in known if order.fulfilled_by == "MERCHANT" and order.status != PENDING]
    metrics: JsonObject = {
        "marketplaceId": rules.marketplace_id,
        "invoiceDefectRate": _no_invoice_defects(now),
        "lateShipmentRate": _late_shipments(own, now),
        "orderDefectRate": {
            "mfn": _no_order_defects(own, now, "mfn"),
            "afn": _no_order_defects([], now, "afn"),
        },
        **_on_time_deliveries(own, now, rules, days),
        "validTrackingRate": _valid_tracking(own, now),
        "preFulfillmentCancellationRate": _cancellations(own, now),
        "warningStates": [],
        "accountHealthRating": _rating(now, account_status),
    }
    metrics |= {name: _no_violations(now) for name in _VIOLATIONS}
    if rules.jobs.performance_spelling == "example":
        metrics = {_EXAMPLE_NAMES.get(name, name): value for name, value in metrics.items()}
        del metrics["accountHealthRating"]["accountHealthRatingStatus"]
        account_status = "SUSPENDED" if account_status == DEACTIVATED else account_status
    return {
        "accountStatuses": [{"marketplaceId": rules.marketplace_id, "status": account_status}],
        "performanceMetrics": [metrics],
    }


def _judged(part: int, whole: int, target: float, condition: str) -> JsonObject:
    rate = part / whole if whole else 0.0
    met = rate < target if condition == _LESS_THAN else rate > target
    return {
        "status": ("GOOD" if met else "BAD") if whole else "NONE",
        "rate": rate,
        "targetValue": target,
        "targetCondition": condition,
    }


def _late_shipments(orders: list[Order], now: datetime) -> JsonObject:
    window = _Window.of(30, now)
    due = [o for o in orders if o.status != CANCELLED and o.promise.ship_by_at in window]
    late = sum(_is_late(order, now) for order in due)
    counts = {"orderCount": len(due), "lateShipmentCount": late}
    return window.range_json | counts | _judged(late, len(due), 0.04, _LESS_THAN)


def _is_late(order: Order, now: datetime) -> bool:
    completed_at = _completed_at(order)
    return (completed_at or now) > order.promise.ship_by_at


def _completed_at(order: Order) -> datetime | None:
    """The ship time of the first parcel after which nothing was left to ship."""
    open_units = sum(item.quantity for item in order.items)
    for package in order.packages:
        open_units -= sum(package.contents.values())
        if open_units <= 0:
            return package.shipped_at
    return None


def _cancellations(orders: list[Order], now: datetime) -> JsonObject:
    window = _Window.of(7, now)
    created = [order for order in orders if order.created_at in window]
    faults = sum(_is_seller_fault(order) for order in created)
    counts = {"orderCount": len(created), "cancellationCount": faults}
    return window.range_json | counts | _judged(faults, len(created), 0.025, _LESS_THAN)


def _is_seller_fault(order: Order) -> bool:
    if order.status != CANCELLED or order.never_paid:
        return False
    cancelled_by = (order.items[0].cancel_execution or {}).get("cancelledBy")
    if cancelled_by == "AMAZON":
        return order.updated_at > order.promise.ship_by_at
    return cancelled_by == "MERCHANT" and not any(item.cancel_request for item in order.items)


def _valid_tracking(orders: list[Order], now: datetime) -> JsonObject:
    window = _Window.of(30, now)
    shipped = [p for order in orders for p in order.packages if p.shipped_at in window]
    valid = sum(bool(package.tracking_number) for package in shipped)
    counts = {"shipmentCount": len(shipped), "validTrackingCount": valid}
    return window.range_json | counts | _judged(valid, len(shipped), 0.95, _GREATER_THAN)


def _on_time_deliveries(
    orders: list[Order], now: datetime, rules: ShopRules, days: ShipDays
) -> dict[str, JsonObject]:
    window = _Window.of(14, now, lag_days=7)
    parcels = list(_tracked(orders, window))
    in_time = [p for p, deliver_by in parcels if _arrives_at(p, rules, days) <= deliver_by]
    counts = {"shipmentCountWithValidTracking": len(parcels), "onTimeDeliveryCount": len(in_time)}
    counted = rules.marketplace_id == UNITS_COUNTED_IN
    units = sum(sum(p.contents.values()) for p, _ in parcels) if counted else 0
    units_in_time = sum(sum(p.contents.values()) for p in in_time) if counted else 0
    unit_counts = {"totalUnitCount": units, "unitOnTimeDeliveryCount": units_in_time}
    return {
        "onTimeDeliveryRate": window.range_json
        | counts
        | _judged(len(in_time), len(parcels), 0.9, _GREATER_THAN),
        "unitOnTimeDeliveryRate": window.range_json
        | unit_counts
        | _judged(units_in_time, units, 0.9, _GREATER_THAN),
    }


def _tracked(orders: list[Order], window: _Window) -> Iterator[tuple[Package, datetime]]:
    """The parcels with a tracking number that were promised within the window, and for when."""
    for order in orders:
        if order.promise.deliver_by_at in window:
            for package in order.packages:
                if package.tracking_number:
                    yield package, order.promise.deliver_by_at


def _arrives_at(package: Package, rules: ShopRules, days: ShipDays) -> datetime:
    if package.delivered_at is not None:
        return package.delivered_at
    return days.day_end(days.add(days.local_day(package.shipped_at), rules.transit_days))


def _no_order_defects(orders: list[Order], now: datetime, fulfillment: str) -> JsonObject:
    window = _Window.of(60, now)
    count = sum(order.created_at in window for order in orders)
    none = {"count": 0, "status": "GOOD" if count else "NONE"}
    return (
        window.range_json
        | {"orderCount": count, "fulfillmentType": fulfillment}
        | dict.fromkeys(("orderWithDefects", "claims", "chargebacks", "negativeFeedback"), none)
        | _judged(0, count, 0.01, _LESS_THAN)
    )


def _no_invoice_defects(now: datetime) -> JsonObject:
    none = {"count": 0, "status": "NONE"}
    counts = {"orderCount": 0, "invoiceDefect": none, "missingInvoice": none, "lateInvoice": none}
    return _Window.of(7, now).range_json | counts | _judged(0, 0, 0.05, _LESS_THAN)


def _no_violations(now: datetime) -> JsonObject:
    verdict = {"defectsCount": 0, "status": "GOOD", "targetValue": 0, "targetCondition": "EQUALS"}
    return _Window.of(180, now).range_json | verdict


def _rating(now: datetime, account_status: str) -> JsonObject:
    rating = "GREAT" if account_status == NORMAL else "WARNED"
    # The schema demands one key and describes the other, so both are there.
    names = {"ahrStatus": rating, "accountHealthRatingStatus": rating}
    return _Window.of(180, now).range_json | names
