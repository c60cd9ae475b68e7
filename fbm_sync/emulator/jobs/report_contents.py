"""What stands in a report: tab-separated tables of listings and orders, and the performance report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fbm_sync.emulator.account.performance import performance_report
from fbm_sync.emulator.clock import parse_instant
from fbm_sync.emulator.listings.catalogue import Catalogue, Listing
from fbm_sync.emulator.listings.shapes import listing_statuses
from fbm_sync.emulator.orders.book import OrderBook
from fbm_sync.emulator.orders.order import AnyOrder, Order
from fbm_sync.emulator.orders.shapes import order_json
from fbm_sync.emulator.shipdays import ShipDays
from fbm_sync.emulator.shop import MERCHANT_CHANNEL, JsonObject, ShopRules

ALL_LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
OPEN_LISTINGS = "GET_FLAT_FILE_OPEN_LISTINGS_DATA"
ORDERS_BY_UPDATE = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
PERFORMANCE = "GET_V2_SELLER_PERFORMANCE_REPORT"
REPORT_TYPES = (ALL_LISTINGS, OPEN_LISTINGS, ORDERS_BY_UPDATE, PERFORMANCE)

_ALL_LISTINGS_COLUMNS = (
    *("item-name", "item-description", "listing-id", "seller-sku", "price", "quantity", "open-date"),
    *("image-url", "item-is-marketplace", "product-id-type", "zshop-shipping-fee", "item-note"),
    *("item-condition", "zshop-category1", "zshop-browse-path", "zshop-storefront-feature", "asin1"),
    *("asin2", "asin3", "will-ship-internationally", "expedited-shipping", "zshop-boldface", "product-id"),
    *("bid-for-featured-placement", "add-delete", "pending-quantity", "fulfillment-channel"),
    *("merchant-shipping-group", "status"),
)
_OPEN_LISTINGS_COLUMNS = (
    *("sku", "asin", "price", "quantity", "Business Price", "Quantity Price Type"),
    *(f"{what} {step}" for step in range(1, 6) for what in ("Quantity Lower Bound", "Quantity Price")),
)
_ORDER_COLUMNS = (
    *("amazon-order-id", "merchant-order-id", "purchase-date", "last-updated-date", "order-status"),
    *("fulfillment-channel", "sales-channel", "order-channel", "url", "ship-service-level", "product-name"),
    *("sku", "asin", "item-status", "quantity", "currency", "item-price", "item-tax", "shipping-price"),
    *("shipping-tax", "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount"),
    *("ship-promotion-discount", "ship-city", "ship-state", "ship-postal-code", "ship-country"),
    *("promotion-ids", "is-business-order", "purchase-order-number", "price-designation"),
)


@dataclass(frozen=True, slots=True)
class Written:
    """The text of a report and what it is to be served as."""

    text: str
    kind: str
    charset: str


class ReportContents:
    """Writes reports from the state of things at one moment; nothing to tell means no report."""

    def __init__(
        self,
        rules: ShopRules,
        catalogue: Catalogue,
        book: OrderBook,
        days: ShipDays,
        account_status: Callable[[], str],
    ) -> None:
        self._rules = rules
        self._catalogue = catalogue
        self._book = book
        self._days = days
        self._account_status = account_status

    def write(self, report_type: str, since: datetime, until: datetime, now: datetime) -> Written | None:
        """The report; the range matters to the order report alone."""
        if report_type == PERFORMANCE:
            return Written(json.dumps(self._performance(now)), "application/json", "UTF-8")
        if report_type == ORDERS_BY_UPDATE:
            rows = [row for order in self._updated(since, until) for row in _order_rows(order)]
            return self._table(_ORDER_COLUMNS, rows)
        listings = self._catalogue.listings.values()
        if report_type == OPEN_LISTINGS:
            rows = [_open_listing_row(listing) for listing in listings if listing.live]
            return self._table(_OPEN_LISTINGS_COLUMNS, rows)
        return self._table(_ALL_LISTINGS_COLUMNS, [self._listing_row(listing) for listing in listings])

    def _performance(self, now: datetime) -> JsonObject:
        orders = [order for order in self._book.orders.values() if isinstance(order, Order)]
        return performance_report(
            orders, now, rules=self._rules, days=self._days, account_status=self._account_status()
        )

    def _table(self, columns: tuple[str, ...], rows: list[dict[str, str]]) -> Written | None:
        if not rows:
            return None
        cells = [columns, *([_cell(row.get(name, "")) for name in columns] for row in rows)]
        text = "".join("\t".join(line) + "\r\n" for line in cells)
        return Written(text, "text/plain", self._rules.jobs.report_charset)

    def _updated(self, since: datetime, until: datetime) -> Iterable[AnyOrder]:
        found = [order for order in self._book.orders.values() if since <= order.updated_at <= until]
        own = [order for order in found if order.marketplace_id == self._rules.marketplace_id]
        return sorted(own, key=lambda order: (order.updated_at, order.order_id))

    def _listing_row(self, listing: Listing) -> dict[str, str]:
        return {
            "item-name": listing.title,
            "listing-id": _listing_id(listing.sku),
            "seller-sku": listing.sku,
            "price": listing.price or "",
            "quantity": _merchant_quantity(listing),
            "open-date": f"{self._days.local_time(listing.created_at):%Y-%m-%d %H:%M:%S %Z}",
            "item-is-marketplace": "y",
            "product-id-type": "1",
            "item-condition": "11",
            "asin1": listing.asin,
            "product-id": listing.asin,
            "pending-quantity": "0",
            "fulfillment-channel": _channel(listing),
            "merchant-shipping-group": "Migrated Template",
            "status": "Active" if "BUYABLE" in listing_statuses(listing) else "Inactive",
        }


def _cell(value: str) -> str:
    """A value as Amazon's flat files carry it: quotes stand for themselves, so no tab can be kept."""
    return " ".join(value.replace("\t", " ").splitlines())


def _merchant_quantity(listing: Listing) -> str:
    """Units the seller ships; empty where Amazon does, as in the real reports."""
    return "" if listing.merchant is None else str(listing.merchant.quantity)


def _channel(listing: Listing) -> str:
    if listing.merchant is not None:
        return MERCHANT_CHANNEL
    return next(iter(listing.live), MERCHANT_CHANNEL)


def _listing_id(sku: str) -> str:
    return hashlib.sha256(sku.encode("utf-8", "replace")).hexdigest()[:11].upper()


def _open_listing_row(listing: Listing) -> dict[str, str]:
    return {
        "sku": listing.sku,
        "asin": listing.asin,
        "price": listing.price or "",
        "quantity": _merchant_quantity(listing),
    }


def _order_rows(order: AnyOrder) -> Iterable[dict[str, str]]:
    """One row for each item, from the order as its own API shows it, without buyer and address."""
    shape = order_json(order, ("FULFILLMENT", "PROCEEDS"))
    fulfillment = _object(shape, "fulfillment")
    status = str(fulfillment.get("fulfillmentStatus", order.status))
    programs = shape.get("programs")
    row = {
        "amazon-order-id": order.order_id,
        "merchant-order-id": order.order_id,
        "purchase-date": _moment(shape.get("createdTime"), order.created_at),
        "last-updated-date": _moment(shape.get("lastUpdatedTime"), order.updated_at),
        "order-status": _words(status),
        "fulfillment-channel": "Amazon" if order.fulfilled_by == "AMAZON" else "Merchant",
        "sales-channel": str(_object(shape, "salesChannel").get("marketplaceName", "")),
        "ship-service-level": _words(str(fulfillment.get("fulfillmentServiceLevel", ""))),
        "is-business-order": str(isinstance(programs, list) and "AMAZON_BUSINESS" in programs).lower(),
    }
    items = shape.get("orderItems")
    return [
        row | _item_cells(item, status)
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]


def _item_cells(item: JsonObject, order_status: str) -> dict[str, str]:
    product, done = _object(item, "product"), _object(item, "fulfillment")
    ordered = item.get("quantityOrdered", 0)
    unit = _object(_object(product, "price"), "unitPrice")
    shipped = done.get("quantityFulfilled", 0) == ordered
    return {
        "product-name": str(product.get("title", "")),
        "sku": str(product.get("sellerSku", "")),
        "asin": str(product.get("asin", "")),
        "item-status": "Shipped" if shipped and order_status != "CANCELLED" else _item_status(order_status),
        "quantity": str(ordered),
        "currency": str(unit.get("currencyCode", "")),
        "item-price": _line_price(unit.get("amount"), ordered),
    }


def _line_price(amount: object, ordered: object) -> str:
    """What a whole line costs; empty for a pending order, which tells no price, and for odd raw ones."""
    try:
        return f"{Decimal(str(amount)) * int(str(ordered)):.2f}"
    except (ArithmeticError, ValueError):
        return ""


def _item_status(order_status: str) -> str:
    return "Unshipped" if order_status == "PARTIALLY_SHIPPED" else _words(order_status)


def _object(holder: Mapping[str, object], name: str) -> JsonObject:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _words(constant: str) -> str:
    """PARTIALLY_SHIPPED as the order reports say it: PartiallyShipped."""
    return "".join(word.capitalize() for word in constant.split("_"))


def _moment(text: object, known: datetime) -> str:
    try:
        moment = parse_instant(str(text))
    except ValueError:
        moment = known
    return moment.isoformat(timespec="seconds")
