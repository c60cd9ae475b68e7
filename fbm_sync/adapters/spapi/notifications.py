"""Where Amazon sends an account's notifications: Amazon's Notifications API, version 1.

Here: finding out what is set up, and setting up what is missing, so that both can be repeated at any time.
What exists is kept; a subscription that leads somewhere else is somebody's, and is moved only when asked to.
Not here: the queue itself (the seller's, at AWS), and what a notification says (`hints`).
"""

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fbm_sync.adapters.spapi.gateway import Gateway
from fbm_sync.adapters.spapi.reading import section, sections, text
from fbm_sync.errors import RemoteError, RequestRejected

_TO_QUEUE = {
    "ORDER_CHANGE": "1.0",
    "ACCOUNT_STATUS_CHANGED": "2021-01-01",
    "FEED_PROCESSING_FINISHED": "2020-09-04",
    "REPORT_PROCESSING_FINISHED": "2020-09-04",
}
"""What Amazon delivers to a queue, with the version of its content."""

_TO_EVENT_BRIDGE = {"LISTINGS_ITEM_MFN_QUANTITY_CHANGE": "1.0", "LISTINGS_ITEM_ISSUES_CHANGE": "2023-12-13"}
"""What Amazon delivers to EventBridge only."""

_LONGEST_NAME = 256
_SET_UP = "Run `fbm-sync notifications setup`."
_MOVE = "If nothing else needs it there, run `fbm-sync notifications setup --replace`."


class Standing(enum.StrEnum):
    """How something stands that notifications need."""

    PRESENT = "present"
    MADE = "made"
    MISSING = "missing"
    ELSEWHERE = "elsewhere"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """One thing that notifications need at Amazon, how it stands, and what is left to do."""

    what: str
    standing: Standing
    detail: str = ""
    next_step: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it works as it stands."""
        return self.standing in (Standing.PRESENT, Standing.MADE)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EventBridge:
    """The region and AWS account in which the seller receives events."""

    region: str
    account: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where notifications shall go; without `event_bridge` those about listings are done without."""

    queue_arn: str
    event_bridge: EventBridge | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """One destination: what Amazon is told of it, and the notifications that go there."""

    what: str
    name: str
    specification: Mapping[str, Mapping[str, str]]
    kinds: Mapping[str, str]

    def is_at(self, resource: Mapping[str, Any]) -> bool:
        """Tell whether an existing destination leads to the same place."""
        (kind, wanted), *_ = self.specification.items()
        found = section(resource, kind)
        return all(found.get(key) == value for key, value in wanted.items())


def _places(wanted: Wanted) -> Iterator[_Place]:
    _, _, _, region, owner, queue = wanted.queue_arn.split(":", 5)
    yield _Place(
        what="destination queue",
        name=f"fbm_sync-{region}-{owner}-{queue}"[:_LONGEST_NAME],
        specification={"sqs": {"arn": wanted.queue_arn}},
        kinds=_TO_QUEUE,
    )
    if wanted.event_bridge is not None:
        bridge = wanted.event_bridge
        yield _Place(
            what="destination EventBridge",
            name=f"fbm_sync-{bridge.region}-{bridge.account}",
            specification={"eventBridge": {"region": bridge.region, "accountId": bridge.account}},
            kinds=_TO_EVENT_BRIDGE,
        )


class Subscriptions:
    """What one account has subscribed to, and where it goes.

    Trouble with one thing becomes its line of the report and keeps no other from being looked at.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def status(self, wanted: Wanted) -> tuple[Arrangement, ...]:
        """Say what is there and what is missing; nothing is changed."""
        return tuple(self._arranged(wanted, make=False, replace=False))

    def setup(self, wanted: Wanted, *, replace: bool = False) -> tuple[Arrangement, ...]:
        """Make what is missing and say how everything stands then.

        With `replace` a subscription that leads somewhere else is moved here; whoever listened there then
        hears no more of it.
        """
        return tuple(self._arranged(wanted, make=True, replace=replace))

    def _arranged(self, wanted: Wanted, *, make: bool, replace: bool) -> Iterator[Arrangement]:
        for place in _places(wanted):
            arrangement, destination_id = self._destination(place, make=make)
            yield arrangement
            for kind, version in place.kinds.items():
                try:
                    yield self._subscription(kind, version, destination_id, make=make, replace=replace)
                except RemoteError as error:
                    yield _failed(kind, error)

    # --- where to ---------------------------------------------------------------------------------

    def _destination(self, place: _Place, *, make: bool) -> tuple[Arrangement, str | None]:
        """Return how a destination stands, and its id where there is one."""
        try:
            found, standing = self._found_destination(place), Standing.PRESENT
            if found is None and make:
                found, standing = self._made_destination(place), Standing.MADE
        except RemoteError as error:
            return _failed(place.what, error), None
        if found is None:
            return Arrangement(what=place.what, standing=Standing.MISSING, next_step=_SET_UP), None
        source = text(section(section(found, "resource"), "eventBridge"), "name")
        detail = f"{text(found, 'name')}, event source {source}" if source else text(found, "name") or ""
        return Arrangement(what=place.what, standing=standing, detail=detail), text(found, "destinationId")

    def _found_destination(self, place: _Place) -> Mapping[str, Any] | None:
        """Look for the place, whatever its name: it may have been made by hand, or for another seller."""
        destinations = sections(self._gateway.call("getDestinations").body or {}, "payload")
        return next((one for one in destinations if place.is_at(section(one, "resource"))), None)

    def _made_destination(self, place: _Place) -> Mapping[str, Any]:
        body = {"name": place.name, "resourceSpecification": place.specification}
        try:
            return section(self._gateway.call("createDestination", body=body).body or {}, "payload")
        except RequestRejected as error:
            # Made by someone else since we looked, or a lost answer to our own first try.
            found = self._found_destination(place) if error.status == HTTPStatus.CONFLICT else None
            if found is None:
                raise
            return found

    # --- what of ----------------------------------------------------------------------------------

    def _subscription(
        self, kind: str, version: str, destination_id: str | None, *, make: bool, replace: bool
    ) -> Arrangement:
        found = self._found_subscription(kind)
        if destination_id is None:
            standing = Standing.MISSING if found is None else Standing.ELSEWHERE
            return Arrangement(what=kind, standing=standing, next_step="Its destination comes first.")
        if found is not None and text(found, "destinationId") == destination_id:
            return Arrangement(what=kind, standing=Standing.PRESENT, detail=_versioned(found))
        if found is not None and not (make and replace):
            return _elsewhere(kind, found)
        if not make:
            return Arrangement(what=kind, standing=Standing.MISSING, next_step=_SET_UP)
        if found is not None:
            self._gateway.call("deleteSubscriptionById", kind, text(found, "subscriptionId") or "")
        return self._subscribed(kind, version, destination_id)

    def _found_subscription(self, kind: str) -> Mapping[str, Any] | None:
        """Return the account's subscription of one kind; `None` when Amazon knows of none."""
        try:
            return section(self._gateway.call("getSubscription", kind).body or {}, "payload") or None
        except RequestRejected as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _subscribed(self, kind: str, version: str, destination_id: str) -> Arrangement:
        body = {"payloadVersion": version, "destinationId": destination_id}
        try:
            self._gateway.call("createSubscription", kind, body=body)
        except RequestRejected as error:
            found = self._found_subscription(kind) if error.status == HTTPStatus.CONFLICT else None
            if found is None:
                raise
            if text(found, "destinationId") != destination_id:
                return _elsewhere(kind, found)
        return Arrangement(what=kind, standing=Standing.MADE, detail=f"version {version}")


def _versioned(subscription: Mapping[str, Any]) -> str:
    return f"version {text(subscription, 'payloadVersion') or 'unknown'}"


def _elsewhere(kind: str, subscription: Mapping[str, Any]) -> Arrangement:
    where = text(subscription, "destinationId") or "unknown"
    return Arrangement(
        what=kind, standing=Standing.ELSEWHERE, detail=f"goes to destination {where}", next_step=_MOVE
    )


def _failed(what: str, error: RemoteError) -> Arrangement:
    # An error's own words end with what to do next.
    return Arrangement(what=what, standing=Standing.FAILED, detail=str(error))
