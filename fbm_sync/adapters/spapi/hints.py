"""What Amazon's notifications hint at: an order, a listing, the account's state, a finished job.

Here: the pure translation of one notification. Only what says where to look is read; everything else in it
(quantities, states, a buyer's postal code) is left alone, for a notification is never the record. Not here:
how notifications arrive, and what becomes of a hint.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fbm_sync.adapters.spapi.reading import NotUnderstood, instant, required_text, section, text
from fbm_sync.domain.order import Fulfiller, OrderId, Sku
from fbm_sync.ports import (
    AccountStatusChanged,
    Hint,
    JobFinished,
    JobKind,
    ListingChanged,
    OrderChanged,
)

_News = OrderChanged | ListingChanged | AccountStatusChanged | JobFinished
_FULFILLERS = {"MFN": Fulfiller.MERCHANT, "AFN": Fulfiller.AMAZON}


def read_hint(json: Mapping[str, Any]) -> Hint | None:
    """Return what a notification hints at; `None` when it makes no sense or is of a kind not looked at.

    Amazon writes its keys with a capital first letter in some kinds of notification and with a small one
    in others, so the first letter never counts.
    """
    notification = _small(json)
    kind = text(notification, "notificationType") or ""
    if kind not in _READERS:
        return None
    wrapping, read = _READERS[kind]
    payload = _small(section(notification, "payload"))
    fact = _small(section(payload, wrapping)) if wrapping else payload
    try:
        return Hint(
            hint_id=required_text(_small(section(notification, "notificationMetadata")), "notificationId"),
            news=read(fact, notification),
            announced_at=instant(notification, "eventTime"),
            seller_id=text(fact, "sellerId"),
        )
    except NotUnderstood:
        return None


def _small(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same with keys that begin with a small letter."""
    return {key[:1].lower() + key[1:]: value for key, value in source.items()}


def _order_changed(fact: Mapping[str, Any], notification: Mapping[str, Any]) -> OrderChanged:
    trigger = _small(section(fact, "orderChangeTrigger"))
    summary = _small(section(fact, "summary"))
    return OrderChanged(
        order_id=OrderId(required_text(fact, "amazonOrderId")),
        changed_at=instant(trigger, "timeOfOrderChange") or instant(notification, "eventTime"),
        marketplace=text(summary, "marketplaceId"),
        fulfilled_by=_FULFILLERS.get(text(summary, "fulfillmentType") or "", Fulfiller.UNKNOWN),
    )


def _listing_changed(fact: Mapping[str, Any], notification: Mapping[str, Any]) -> ListingChanged:
    return ListingChanged(sku=Sku(required_text(fact, "sku")), changed_at=instant(notification, "eventTime"))


def _account_status_changed(fact: Mapping[str, Any], _: Mapping[str, Any]) -> AccountStatusChanged:
    return AccountStatusChanged(
        status=required_text(fact, "currentAccountStatus"), former=text(fact, "previousAccountStatus")
    )


def _feed_finished(fact: Mapping[str, Any], _: Mapping[str, Any]) -> JobFinished:
    return JobFinished(kind=JobKind.FEED, job_id=required_text(fact, "feedId"))


def _report_finished(fact: Mapping[str, Any], _: Mapping[str, Any]) -> JobFinished:
    return JobFinished(kind=JobKind.REPORT, job_id=required_text(fact, "reportId"))


_READERS: Mapping[str, tuple[str, Callable[[Mapping[str, Any], Mapping[str, Any]], _News]]] = {
    "ORDER_CHANGE": ("orderChangeNotification", _order_changed),
    "LISTINGS_ITEM_MFN_QUANTITY_CHANGE": ("", _listing_changed),
    "LISTINGS_ITEM_ISSUES_CHANGE": ("", _listing_changed),
    "ACCOUNT_STATUS_CHANGED": ("accountStatusChangeNotification", _account_status_changed),
    "FEED_PROCESSING_FINISHED": ("feedProcessingFinishedNotification", _feed_finished),
    "REPORT_PROCESSING_FINISHED": ("reportProcessingFinishedNotification", _report_finished),
}
"""For each kind: the section of the payload that holds the fact, and how to read it."""
