"""The account's orders: Amazon's Orders API 2026-01-01, and what its JSON means.

Here: the two reads and the pure translation beside them. Only fulfilment, cancellation and packages are
asked for, and no field about the buyer or the recipient is ever read. Not here: which orders count as
demand, or whether one is late.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import (
    NotUnderstood,
    format_instant,
    instant,
    minor_units,
    required_instant,
    required_text,
    required_units,
    section,
    sections,
    text,
    units,
)
from fbm_sync.domain.order import Fulfiller, Order, OrderId, OrderItem, OrderStatus, Shipment, Sku
from fbm_sync.errors import UnexpectedPayload
from fbm_sync.ports import Clock, OrderPage, OrderWindow, Unreadable

_INCLUDED_DATA = "FULFILLMENT,CANCELLATION,PACKAGES"
_PAGE_SIZE = "100"
_NOT_YET_READABLE = timedelta(minutes=2, seconds=5)
"""Amazon refuses an upper bound younger than two minutes; the rest is for clocks that differ a little."""

_STILL_OPEN = "PENDING_AVAILABILITY,PENDING,UNSHIPPED,PARTIALLY_SHIPPED"
_TOKEN_SEPARATOR = "|"


class AmazonOrders:
    """One account's merchant-fulfilled orders, read from Amazon."""

    def __init__(self, gateway: Gateway, clock: Clock, *, account: str) -> None:
        self._gateway = gateway
        self._clock = clock
        self._account = account

    def page(self, window: OrderWindow, token: str | None = None) -> OrderPage:
        """Read one page of a window, at most 100 orders.

        Amazon wants every parameter repeated unchanged with a page token, so the token handed out here
        carries the upper bound that its first page was asked with. A window that begins in the last two
        minutes is not readable yet: its page is empty and has no `read_up_to`.
        """
        if token is None:
            if window.since >= self._clock.now() - _NOT_YET_READABLE:
                return OrderPage(orders=())
            before, amazon_token = self._upper_bound(window), ""
        else:
            before, _, amazon_token = token.partition(_TOKEN_SEPARATOR)
        params = {
            "lastUpdatedAfter": format_instant(window.since),
            "fulfilledBy": "MERCHANT",
            "includedData": _INCLUDED_DATA,
            "maxResultsPerPage": _PAGE_SIZE,
        }
        params |= {"fulfillmentStatuses": _STILL_OPEN} if window.only_open else {}
        params |= {"lastUpdatedBefore": before} if before else {}
        params |= {"paginationToken": amazon_token} if amazon_token else {}
        answer = self._gateway.call("searchOrders", params=params)
        page = _read_page(answer, self._account)
        if page.next_token is None:
            return page
        if page.next_token == amazon_token:
            raise _not_as_documented("the next page is this page again.", "searchOrders", answer)
        return dataclasses.replace(page, next_token=f"{before}{_TOKEN_SEPARATOR}{page.next_token}")

    def order(self, order_id: OrderId) -> Order:
        """Read one order by id, whoever fulfils it.

        Raises `RequestRejected` (status 404) when Amazon does not know it, and `UnexpectedPayload` when
        it cannot be understood.
        """
        answer = self._gateway.call("getOrder", order_id, params={"includedData": _INCLUDED_DATA})
        try:
            return read_order(section(answer.body or {}, "order"), self._account)
        except NotUnderstood as error:
            raise _not_as_documented(f"{error}.", "getOrder", answer) from None

    def _upper_bound(self, window: OrderWindow) -> str:
        if window.until is None:
            return ""
        return format_instant(min(window.until, self._clock.now() - _NOT_YET_READABLE))


def _not_as_documented(problem: str, operation: str, answer: Answer) -> UnexpectedPayload:
    return UnexpectedPayload(problem, operation=operation, status=answer.status, request_id=answer.request_id)


def _read_page(answer: Answer, account: str) -> OrderPage:
    """Return a page with Amazon's own token; an order that makes no sense is set aside with its reason."""
    body = answer.body or {}
    if not isinstance(body["orders"], list):
        raise _not_as_documented("'orders' is not a list.", "searchOrders", answer)
    orders: list[Order] = []
    unreadable: list[Unreadable] = []
    for json in body["orders"]:
        source = json if isinstance(json, dict) else {}
        try:
            orders.append(read_order(source, account))
        except NotUnderstood as error:
            subject = text(source, "orderId") or "order without an id"
            unreadable.append(Unreadable(subject=subject, reason=str(error)))
    return OrderPage(
        orders=tuple(orders),
        unreadable=tuple(unreadable),
        read_up_to=instant(body, "lastUpdatedBefore"),
        next_token=text(section(body, "pagination"), "nextToken"),
    )


def read_order(json: Mapping[str, Any], account: str) -> Order:
    """Return an order as Amazon shows it.

    Everything Amazon may leave out is left out here too, and a state we do not know is kept by its
    name. Raises `NotUnderstood` for what an order cannot do without (its id, its times, the id and units
    of each line, the lines themselves once it is to be shipped) and for absurd numbers.
    """
    order_id = required_text(json, "orderId")
    updated_at = required_instant(json, "lastUpdatedTime")
    fulfillment = section(json, "fulfillment")
    status_text = text(fulfillment, "fulfillmentStatus") or ""
    status = OrderStatus(status_text) if status_text in set(OrderStatus) else OrderStatus.UNKNOWN
    items = tuple(_read_item(item) for item in _lines(json, status))
    if len({item.order_item_id for item in items}) < len(items):
        raise NotUnderstood("two lines have the same orderItemId")
    return Order(
        account=account,
        order_id=OrderId(order_id),
        status=status,
        status_text=status_text if status is OrderStatus.UNKNOWN else "",
        created_at=required_instant(json, "createdTime"),
        updated_at=updated_at,
        items=items,
        marketplace=text(section(json, "salesChannel"), "marketplaceId"),
        fulfilled_by=_fulfiller(text(fulfillment, "fulfilledBy")),
        ship_by_at=instant(section(fulfillment, "shipByWindow"), "latestDateTime"),
        deliver_by_at=instant(section(fulfillment, "deliverByWindow"), "latestDateTime"),
        service_level=text(fulfillment, "fulfillmentServiceLevel"),
        programs=_words(json.get("programs")),
        shipments=_read_shipments(sections(json, "packages"), items, order_id, updated_at),
    )


def _lines(json: Mapping[str, Any], status: OrderStatus) -> list[Mapping[str, Any]]:
    """Return the order's lines, which Amazon sometimes withholds while the payment is pending."""
    lines = json.get("orderItems")
    if lines is None and status not in (OrderStatus.UNSHIPPED, OrderStatus.PARTIALLY_SHIPPED):
        return []
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        # An order to be shipped without a known line would look like nothing to do.
        raise NotUnderstood("orderItems is missing or unusable")
    return lines


def _fulfiller(word: str | None) -> Fulfiller:
    return Fulfiller(word) if word in set(Fulfiller) else Fulfiller.UNKNOWN


def _words(values: object) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _read_item(json: Mapping[str, Any]) -> OrderItem:
    item_id = required_text(json, "orderItemId")
    product = section(json, "product")
    fulfillment = section(json, "fulfillment")
    cancellation = section(json, "cancellation")
    price = section(section(product, "price"), "unitPrice")
    request = cancellation.get("cancellationRequest")
    return OrderItem(
        order_item_id=item_id,
        sku=_sku(product, item_id),
        ordered_units=required_units(json, "quantityOrdered"),
        shipped_units=units(fulfillment, "quantityFulfilled") or 0,
        unfulfilled_units=units(fulfillment, "quantityUnfulfilled"),
        unit_price_minor=minor_units(price),
        currency=text(price, "currencyCode"),
        cancel_requested=isinstance(request, dict) and text(request, "requester") in (None, "BUYER"),
        cancelled_by=text(section(cancellation, "cancellationExecution"), "cancelledBy"),
    )


def _sku(product: Mapping[str, Any], item_id: str) -> Sku:
    """Return the line's SKU; where Amazon leaves it out, a name that matches no stock, so that it is seen."""
    return Sku(text(product, "sellerSku") or f"(no SKU: {text(product, 'asin') or item_id})")


def _read_shipments(
    packages: list[Mapping[str, Any]], items: tuple[OrderItem, ...], order_id: str, updated_at: datetime
) -> tuple[Shipment, ...]:
    """Return which units left and when.

    Cancelled parcels never left. Units Amazon counts as fulfilled that are in no parcel become one
    shipment for each line, at the order's last update: the latest they can have left. A parcel that holds
    more than Amazon counts as fulfilled (a label bought, not yet handed over) counts only so far. Of a
    tracking number only that there is one is taken.
    """
    by_id = {item.order_item_id: item for item in items}
    unplaced = {item.order_item_id: item.shipped_units for item in items}
    shipments: list[Shipment] = []
    for number, package in enumerate(packages, start=1):
        status = text(section(package, "packageStatus"), "status")
        if status == "CANCELLED":
            continue
        shipped_at = instant(package, "shipTime") or instant(package, "createdTime") or updated_at
        # The position keeps two parcels apart that Amazon calls the same.
        name = f"{number}-{text(package, 'packageReferenceId') or ''}"
        for item_id, packed in _contents(package).items():
            left = min(packed, unplaced.get(item_id, 0))
            if left > 0:
                unplaced[item_id] -= left
                shipment = _shipment(order_id, name, by_id[item_id], left, shipped_at)
                tracked, delivered = text(package, "trackingNumber") is not None, status == "DELIVERED"
                shipments.append(
                    dataclasses.replace(shipment, parcel=name, tracked=tracked, delivered=delivered)
                )
    shipments += [
        _shipment(order_id, "no-package", by_id[item_id], left, updated_at)
        for item_id, left in unplaced.items()
        if left > 0
    ]
    return tuple(shipments)


def _contents(package: Mapping[str, Any]) -> dict[str, int]:
    contents: dict[str, int] = {}
    for entry in sections(package, "packageItems"):
        item_id = text(entry, "orderItemId")
        if item_id is not None:
            contents[item_id] = contents.get(item_id, 0) + required_units(entry, "quantity")
    return contents


def _shipment(order_id: str, package: str, item: OrderItem, left: int, shipped_at: datetime) -> Shipment:
    return Shipment(
        shipment_id=f"{order_id}/{package}/{item.order_item_id}",
        order_item_id=item.order_item_id,
        sku=item.sku,
        units=left,
        shipped_at=shipped_at,
    )
