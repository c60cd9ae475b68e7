"""The Notifications API v1: destinations of the application, subscriptions of the seller."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from fbm_sync.emulator.gate.exchange import Answer, Call, Refused
from fbm_sync.emulator.notifications.shapes import KINDS, ORDER_CHANGE, SQS, NoticeKind
from fbm_sync.emulator.notifications.sqs import QueueTrouble
from fbm_sync.emulator.notifications.subscriptions import Destination, Directory, Subscription
from fbm_sync.emulator.shop import JsonObject

MAX_NAME = 256
MAX_ARN = 1000
MAX_EXPRESSION = 256
_ARN = re.compile(r"arn:aws:sqs:[^:\s]+:[^:\s]+:[^:\s]+")
_ACCOUNT = re.compile(r"\d{12}")
_CHANGE_TYPES = ("BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange")
_FILTERED_KINDS = ("ANY_OFFER_CHANGED", ORDER_CHANGE, "SHIPMENT_TRACKING_MILESTONE_CHANGED")
_FILTERS = {
    "eventFilterType",
    "marketplaceIds",
    "orderChangeTypes",
    "aggregationSettings",
    "trackingIdentifier",
}


class NotificationCalls:
    """Answers the Notifications API; `check_queue` raises `QueueTrouble` for a queue that is not there."""

    def __init__(
        self,
        directory: Directory,
        application_id: str,
        new_id: Callable[[], str],
        check_queue: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._application_id = application_id
        self._new_id = new_id
        self._check_queue = check_queue

    def create_destination(self, call: Call, now: datetime) -> Answer:
        """Name a queue or a bus; the queue must exist."""
        body = _read_body(call)
        name = body.get("name")
        if not isinstance(name, str) or not name or len(name) > MAX_NAME:
            raise _invalid(f"'name' must be a text of 1 to {MAX_NAME} characters.")
        wanted = _read_resource(body.get("resourceSpecification"))
        if any(one.name == name for one in self._directory.destinations.values()):
            raise _conflict(f"A destination named '{name}' exists already.")
        destination = Destination(destination_id=self._new_id(), name=name, **wanted)
        if destination.channel == SQS:
            try:
                self._check_queue(destination.arn)
            except QueueTrouble as trouble:
                raise _invalid(f"The queue cannot be used: {trouble}.") from trouble
        self._directory.destinations[destination.destination_id] = destination
        return self._shown(destination)

    def destinations(self, call: Call, now: datetime) -> Answer:
        """All destinations of the application."""
        found = self._directory.destinations.values()
        return Answer(body={"payload": [one.shape(self._application_id) for one in found]})

    def destination(self, call: Call, now: datetime) -> Answer:
        """One destination by id."""
        return self._shown(self._destination(call.path_values["destination_id"]))

    def delete_destination(self, call: Call, now: datetime) -> Answer:
        """Forget a destination nothing is sent to any more."""
        destination = self._destination(call.path_values["destination_id"])
        if any(one.destination == destination for one in self._directory.subscriptions.values()):
            raise _conflict("A subscription still uses this destination.")
        del self._directory.destinations[destination.destination_id]
        return Answer(body={})

    def create_subscription(self, call: Call, now: datetime) -> Answer:
        """Ask to be told of one type from now on."""
        kind, body = _read_kind(call.path_values["kind"]), _read_body(call)
        version, destination_id = body.get("payloadVersion"), body.get("destinationId")
        if version not in kind.versions:
            raise _invalid(f"'payloadVersion' of {kind.name} is {' or '.join(kind.versions)}.")
        if not isinstance(destination_id, str) or not destination_id:
            raise _invalid("'destinationId' is required.")
        directive = _read_directive(kind, body.get("processingDirective"))
        destination = self._destination(destination_id)
        if destination.channel != kind.channel:
            raise _invalid(f"{kind.name} can only be sent to a destination of the kind '{kind.channel}'.")
        if any(one.version == version for one in self._directory.of_kind(kind.name)):
            raise _conflict(f"A subscription to {kind.name} {version} exists already.")
        subscription = Subscription(
            subscription_id=self._new_id(),
            kind=kind,
            version=version,
            destination=destination,
            directive=directive,
        )
        self._directory.subscriptions[subscription.subscription_id] = subscription
        return Answer(body={"payload": subscription.shape()})

    def subscription(self, call: Call, now: datetime) -> Answer:
        """The subscription to one type; without a version the one to the latest payload."""
        kind = _read_kind(call.path_values["kind"])
        found = self._of_version(kind, call.params.one("payloadVersion"))
        if not found:
            raise _not_found(f"There is no such subscription to {kind.name}.")
        latest = max(found, key=lambda one: kind.versions.index(one.version))
        return Answer(body={"payload": latest.shape()})

    def subscriptions(self, call: Call, now: datetime) -> Answer:
        """All subscriptions to one type; there are never more of them than fit a page."""
        kinds = call.params.many("notificationTypes")
        if len(kinds) != 1:
            raise _invalid("'notificationTypes' takes exactly one type.")
        size = call.params.one("pageSize")
        if size is not None and not (size.isascii() and size.isdigit() and 30 <= int(size) <= 100):
            raise _invalid("'pageSize' must be from 30 to 100.")
        if call.params.one("nextToken") is not None:
            raise _invalid("'nextToken' is not one that was handed out.")
        found = self._of_version(_read_kind(kinds[0]), call.params.one("payloadVersion"))
        return Answer(body={"payload": {"subscriptions": [one.shape() for one in found]}})

    def subscription_by_id(self, call: Call, now: datetime) -> Answer:
        """One subscription by type and id."""
        return Answer(body={"payload": self._by_id(call).shape()})

    def delete_subscription(self, call: Call, now: datetime) -> Answer:
        """Stop a subscription; what is on its way still arrives."""
        del self._directory.subscriptions[self._by_id(call).subscription_id]
        return Answer(body={})

    def _shown(self, destination: Destination) -> Answer:
        return Answer(body={"payload": destination.shape(self._application_id)})

    def _destination(self, destination_id: str) -> Destination:
        destination = self._directory.destinations.get(destination_id)
        if destination is None:
            raise _not_found(f"There is no destination '{destination_id}'.")
        return destination

    def _of_version(self, kind: NoticeKind, version: str | None) -> list[Subscription]:
        return [one for one in self._directory.of_kind(kind.name) if version in (None, one.version)]

    def _by_id(self, call: Call) -> Subscription:
        kind = _read_kind(call.path_values["kind"])
        found = self._directory.subscriptions.get(call.path_values["subscription_id"])
        if found is None or found.kind != kind:
            raise _not_found(f"There is no such subscription to {kind.name}.")
        return found


def _invalid(details: str) -> Refused:
    return Refused(400, "InvalidInput", "Request has missing or invalid parameters.", details)


def _not_found(details: str) -> Refused:
    return Refused(404, "NotFound", "The resource specified does not exist.", details)


def _conflict(details: str) -> Refused:
    return Refused(409, "Conflict", "The resource specified conflicts with the current state.", details)


def _read_body(call: Call) -> JsonObject:
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _invalid("The request body is not a JSON object.")
    return body


def _read_kind(name: str) -> NoticeKind:
    kind = KINDS.get(name)
    if kind is None:
        raise _invalid(f"'{name}' is no notification type known here: {', '.join(KINDS)}.")
    return kind


def _read_resource(resource: Any) -> dict[str, str]:
    """The fields of a destination; a queue or a bus, never both and never neither."""
    given = {name: value for name, value in resource.items() if value} if isinstance(resource, dict) else {}
    if len(given) != 1 or not isinstance(next(iter(given.values())), dict):
        raise _invalid("'resourceSpecification' takes exactly one of 'sqs' and 'eventBridge'.")
    if "sqs" in given:
        arn = given["sqs"].get("arn")
        if not isinstance(arn, str) or len(arn) > MAX_ARN or not _ARN.fullmatch(arn):
            raise _invalid("'arn' must be that of an SQS queue: arn:aws:sqs:REGION:ACCOUNT:NAME.")
        if arn.endswith(".fifo"):
            raise _invalid("A FIFO queue cannot receive notifications; use a standard queue.")
        return {"arn": arn}
    if "eventBridge" in given:
        region, account_id = given["eventBridge"].get("region"), given["eventBridge"].get("accountId")
        if not isinstance(region, str) or not region:
            raise _invalid("'region' is required.")
        if not isinstance(account_id, str) or not _ACCOUNT.fullmatch(account_id):
            raise _invalid("'accountId' must be the twelve digits of an AWS account.")
        return {"region": region, "account_id": account_id}
    raise _invalid("'resourceSpecification' takes exactly one of 'sqs' and 'eventBridge'.")


def _read_directive(kind: NoticeKind, directive: Any) -> JsonObject:
    if directive is None:
        return {}
    if not isinstance(directive, dict) or directive.keys() - {"eventFilter", "filterExpression"}:
        raise _invalid("'processingDirective' takes 'eventFilter' or 'filterExpression'.")
    if "eventFilter" in directive and "filterExpression" in directive:
        raise _invalid("'eventFilter' and 'filterExpression' exclude each other.")
    if "filterExpression" in directive:
        expression = directive["filterExpression"]
        if not isinstance(expression, str) or not 1 <= len(expression) <= MAX_EXPRESSION:
            raise _invalid(f"'filterExpression' must have 1 to {MAX_EXPRESSION} characters.")
        raise _invalid("'filterExpression' is not emulated.")
    if "eventFilter" in directive:
        _check_filter(kind, directive["eventFilter"])
    return directive


def _check_filter(kind: NoticeKind, chosen: Any) -> None:
    if not isinstance(chosen, dict) or chosen.keys() - _FILTERS:
        raise _invalid(f"'eventFilter' takes {', '.join(sorted(_FILTERS))}.")
    if chosen.get("eventFilterType") not in _FILTERED_KINDS:
        raise _invalid(f"'eventFilterType' is required: one of {', '.join(_FILTERED_KINDS)}.")
    if chosen["eventFilterType"] != kind.name:
        raise _invalid(f"{kind.name} cannot be filtered by '{chosen['eventFilterType']}'.")
    if chosen.keys() & {"aggregationSettings", "trackingIdentifier"}:
        raise _invalid(f"{kind.name} can be neither aggregated nor followed by a tracking identifier.")
    changes, marketplaces = chosen.get("orderChangeTypes", []), chosen.get("marketplaceIds", [])
    if not isinstance(changes, list) or any(change not in _CHANGE_TYPES for change in changes):
        raise _invalid(f"'orderChangeTypes' takes only {', '.join(_CHANGE_TYPES)}.")
    if not isinstance(marketplaces, list) or not all(isinstance(one, str) for one in marketplaces):
        raise _invalid("'marketplaceIds' must be a list of marketplace ids.")
