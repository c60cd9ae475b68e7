"""A notification as Amazon words it: which types there are, where they go, and how each is spelt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.shop import JsonObject

SQS = "sqs"
EVENT_BRIDGE = "eventBridge"
ORDER_CHANGE = "ORDER_CHANGE"
QUANTITY_CHANGE = "LISTINGS_ITEM_MFN_QUANTITY_CHANGE"
ISSUES_CHANGE = "LISTINGS_ITEM_ISSUES_CHANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeKind:
    """One type of notification: its channel, the payload versions one may subscribe to, its spelling.

    `section` is the key the payload puts its contents under; the listings types have none. `printed` is
    the version an envelope shows where it is not the one subscribed to.
    """

    name: str
    channel: str
    versions: tuple[str, ...] = ("1.0",)
    section: str = ""
    envelope_version: str = "1.0"
    printed: str = ""

    @property
    def is_pascal(self) -> bool:
        """Whether keys begin with a capital, as in the types about orders and listings."""
        return self.name.startswith(("ORDER_", "LISTINGS_"))


_KINDS = (
    NoticeKind(name=ORDER_CHANGE, channel=SQS, section="OrderChangeNotification"),
    NoticeKind(
        name="ACCOUNT_STATUS_CHANGED",
        channel=SQS,
        versions=("1.0", "2021-01-01"),
        section="accountStatusChangeNotification",
        printed="2021-01-01",
    ),
    NoticeKind(
        name="FEED_PROCESSING_FINISHED",
        channel=SQS,
        versions=("1.0", "2020-09-04"),
        section="feedProcessingFinishedNotification",
        envelope_version="2020-09-04",
        printed="2020-09-04",
    ),
    NoticeKind(
        name="REPORT_PROCESSING_FINISHED",
        channel=SQS,
        versions=("1.0", "2020-09-04"),
        section="reportProcessingFinishedNotification",
        envelope_version="2020-09-04",
        printed="2020-09-04",
    ),
    NoticeKind(name=QUANTITY_CHANGE, channel=EVENT_BRIDGE),
    NoticeKind(name=ISSUES_CHANGE, channel=EVENT_BRIDGE, versions=("1.0", "2023-12-13")),
)
KINDS = {kind.name: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What happened, told to one subscription under an id that a second copy would share."""

    kind: NoticeKind
    version: str
    fact: Mapping[str, Any]
    happened_at: datetime
    notification_id: str
    subscription_id: str


def envelope(notice: Notice, *, seller_id: str, application_id: str, published_at: datetime) -> JsonObject:
    """The whole document as the type's subscribers receive it."""
    kind = notice.kind
    document: JsonObject = {
        "notificationVersion": kind.envelope_version,
        "notificationType": kind.name,
        "payloadVersion": kind.printed or notice.version,
        "eventTime": format_instant(notice.happened_at),
        "payload": None,
        "notificationMetadata": None,
    }
    metadata: JsonObject = {
        "applicationId": application_id,
        "subscriptionId": notice.subscription_id,
        "publishTime": format_instant(published_at),
        "notificationId": notice.notification_id,
    }
    if kind.is_pascal:
        document, metadata = _pascal(document), _pascal(metadata)
        document |= {"Payload": _payload(notice, seller_id), "NotificationMetadata": metadata}
    else:
        document |= {"payload": _payload(notice, seller_id), "notificationMetadata": metadata}
    return document


def _pascal(document: JsonObject) -> JsonObject:
    return {name[0].upper() + name[1:]: value for name, value in document.items()}


def _payload(notice: Notice, seller_id: str) -> JsonObject:
    name, contents = notice.kind.name, dict(notice.fact)
    if notice.kind.is_pascal:
        contents = {"SellerId": seller_id} | contents
    elif name.endswith("_PROCESSING_FINISHED"):
        account = {"sellerId": seller_id, "accountId": f"amzn1.merchant.o.{seller_id}"}
        # A feed or report that ended without a document does not mention one.
        contents = account | {key: value for key, value in contents.items() if value is not None}
    if name == ISSUES_CHANGE and notice.version == "1.0":
        # The first version of the payload knows no other consequence.
        known = [action for action in contents["EnforcementActions"] if action == "SEARCH_SUPPRESSED"]
        contents["EnforcementActions"] = known
    return {notice.kind.section: contents} if notice.kind.section else contents


def issues_fact(sku: str, asin: str, marketplace_id: str, issues: list[JsonObject]) -> JsonObject:
    """What is told when the issues of a listing change; none left reads NONE."""
    severities = {issue.get("severity") for issue in issues} & {"ERROR", "WARNING"}
    actions = {
        action.get("action")
        for issue in issues
        for action in (issue.get("enforcements") or {}).get("actions") or []
    }
    return {
        "MarketplaceId": marketplace_id,
        "Asin": asin,
        "Sku": sku,
        "Severities": sorted(severities) or ["NONE"],
        "EnforcementActions": sorted(actions - {None}),
    }


def bridged(document: JsonObject, *, source: str, account_id: str, region: str) -> JsonObject:
    """The document as EventBridge hands it to the target of a rule."""
    metadata = document["NotificationMetadata"]
    return {
        "version": "0",
        "id": metadata["NotificationId"],
        "detail-type": document["NotificationType"],
        "source": source,
        "account": account_id,
        "time": metadata["PublishTime"],
        "region": region,
        "resources": [],
        "detail": document,
    }
