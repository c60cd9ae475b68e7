"""Who is told what: the destinations an application has named and its subscriptions to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fbm_sync.emulator.notifications.shapes import EVENT_BRIDGE, ORDER_CHANGE, SQS, NoticeKind
from fbm_sync.emulator.shop import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place notifications are delivered to: an SQS queue by its ARN, or the bus of an AWS account."""

    destination_id: str
    name: str
    arn: str = ""
    region: str = ""
    account_id: str = ""

    @property
    def channel(self) -> str:
        """Which of the two kinds it is."""
        return SQS if self.arn else EVENT_BRIDGE

    def source(self, application_id: str) -> str:
        """The partner event source of a bus, which is also its resource's name."""
        return f"aws.partner/sellingpartnerapi.amazon.com/{self.account_id}/{application_id}"

    def shape(self, application_id: str) -> JsonObject:
        """The destination as the Notifications API prints it."""
        resource: JsonObject = {"arn": self.arn}
        if self.channel == EVENT_BRIDGE:
            source = self.source(application_id)
            resource = {"name": source, "region": self.region, "accountId": self.account_id}
        return {
            "destinationId": self.destination_id,
            "name": self.name,
            "resource": {self.channel: resource},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A wish to be told of one type, in one payload version; `directive` may narrow it down."""

    subscription_id: str
    kind: NoticeKind
    version: str
    destination: Destination
    directive: JsonObject = field(default_factory=dict)

    def shape(self) -> JsonObject:
        """The subscription as the Notifications API prints it."""
        shape: JsonObject = {
            "subscriptionId": self.subscription_id,
            "payloadVersion": self.version,
            "destinationId": self.destination.destination_id,
        }
        return shape | ({"processingDirective": self.directive} if self.directive else {})

    def wants(self, fact: Mapping[str, Any]) -> bool:
        """Whether its filter lets this one through; only order changes can be filtered."""
        chosen = self.directive.get("eventFilter", {})
        if self.kind.name != ORDER_CHANGE or not chosen:
            return True
        marketplaces, changes = chosen.get("marketplaceIds"), chosen.get("orderChangeTypes")
        return (not marketplaces or fact["Summary"]["MarketplaceId"] in marketplaces) and (
            not changes or fact["OrderChangeType"] in changes
        )


@dataclass(slots=True)
class Directory:
    """All destinations and subscriptions, by their ids, in the order they were made."""

    destinations: dict[str, Destination] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def of_kind(self, kind: str) -> Iterator[Subscription]:
        """The subscriptions to one type."""
        return (one for one in self.subscriptions.values() if one.kind.name == kind)
