"""The gate of the emulated Amazon: who may come in, how often, and which operation answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from .clock import format_instant
from .exchange import Answer, Call, Refused, error_answer
from .faults import FaultRule
from .limits import PREVIEW
from .world import World

Handler = Callable[[World, Call, datetime], Answer]
TOKEN = "token"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One of Amazon's operations: its name there, how it is reached, what answers it."""

    name: str
    method: str
    path: str
    handler: Handler


OPERATIONS = (
    Operation(TOKEN, "POST", "/auth/o2/token", lambda world, call, now: world.access.grant(call, now)),
    Operation(
        "searchOrders",
        "GET",
        "/orders/2026-01-01/orders",
        lambda world, call, now: world.order_calls.search(call, now),
    ),
    Operation(
        "getOrder",
        "GET",
        "/orders/2026-01-01/orders/{order_id}",
        lambda world, call, now: world.order_calls.get(call, now),
    ),
    Operation(
        "searchListingsItems",
        "GET",
        "/listings/2021-08-01/items/{seller_id}",
        lambda world, call, now: world.listing_calls.search(call, now),
    ),
    Operation(
        "getListingsItem",
        "GET",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world, call, now: world.listing_calls.get(call, now),
    ),
    Operation(
        "patchListingsItem",
        "PATCH",
        "/listings/2021-08-01/items/{seller_id}/{sku:path}",
        lambda world, call, now: world.listing_calls.patch(call, now),
    ),
)


def _no_operation(world: World, call: Call, now: datetime) -> Answer:
    raise Refused(404, "NotFound", "The emulator has no such operation.", f"{call.method} {call.path}")


NO_OPERATION = Operation(UNKNOWN, "*", "/{path:path}", _no_operation)


def serve_call(world: World, operation: Operation, call: Call, fault: FaultRule | None) -> Answer:
    """Answer one request of a client and write it down; a fault may take the operation's place."""
    with world.lock:
        now = world.tick()
        answer: Answer | None = None
        if fault is None or not fault.needs_no_answer:
            answer = _answer(world, operation, call, now)
        if fault is not None:
            answer = fault.spoil(answer)
        final = answer or Answer(body={})
        status = 0 if final.reset else final.status
        world.journal.record(call, status, now, fault.name if fault else "")
        final.headers.setdefault("x-amzn-RequestId", world.new_request_id())
        final.headers.setdefault("Date", http_date(now))
        rate = world.limits.rate_text(operation.name)
        if rate is not None and final.status in (200, 400, 404):
            final.headers.setdefault("x-amzn-RateLimit-Limit", rate)
        return final


def _answer(world: World, operation: Operation, call: Call, now: datetime) -> Answer:
    try:
        if operation.name != TOKEN:
            world.access.check(call, now)
            _check_quota(world, operation, call, now)
        return operation.handler(world, call, now)
    except Refused as refusal:
        return error_answer(refusal)


def _check_quota(world: World, operation: Operation, call: Call, now: datetime) -> None:
    if operation.name == UNKNOWN:
        return
    buckets = [operation.name]
    if operation.name == "patchListingsItem" and call.params.one("mode") == "VALIDATION_PREVIEW":
        buckets.append(PREVIEW)
    if not world.limits.take(buckets, now):
        details = f"{operation.name} at {format_instant(now)}"
        raise Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", details)


def http_date(moment: datetime) -> str:
    """The moment as the Date header of HTTP writes it."""
    return format_datetime(moment, usegmt=True)
