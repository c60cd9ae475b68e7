"""The gate of the emulated Amazon: who may come in, how often, and what is written down of it."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.gate.exchange import Answer, Call, Refused, error_answer
from fbm_sync.emulator.gate.limits import LISTINGS_FEED, PREVIEW
from fbm_sync.emulator.gate.operations import TOKEN, UNKNOWN, Operation
from fbm_sync.emulator.jobs.feed_calls import submits_listings
from fbm_sync.emulator.troubles.faults import FaultRule
from fbm_sync.emulator.world import World


def serve_call(world: World, operation: Operation, call: Call, fault: FaultRule | None) -> Answer:
    """Answer one request of a client and write it down; a fault may take the operation's place."""
    with world.lock:
        now = world.tick()
        answer: Answer | None = None
        if fault is not None and fault.expire_tokens:
            world.access.expire_all(now)
        if fault is None or not fault.needs_no_answer:
            answer = _answer(world, operation, call, now)
        if fault is not None:
            answer = fault.spoil(answer)
        final = answer or Answer(body={})
        status = 0 if final.reset else final.status
        world.journal.record(call, status, now, fault.name if fault else "")
        final.headers.setdefault("x-amzn-RequestId", world.new_request_id())
        final.headers.setdefault("Date", http_date(now))
        rate = world.limits.rate_text(_plan(operation, call))
        if rate is not None and final.status in (200, 201, 202, 204, 400, 404):
            final.headers.setdefault("x-amzn-RateLimit-Limit", rate)
        return final


def _answer(world: World, operation: Operation, call: Call, now: datetime) -> Answer:
    try:
        if operation.name != TOKEN and not operation.signed:
            world.access.check(call, now, grantless=operation.grantless)
            _check_quota(world, operation, call, now)
        return operation.handler(world)(call, now)
    except Refused as refusal:
        return error_answer(refusal)


def _check_quota(world: World, operation: Operation, call: Call, now: datetime) -> None:
    if operation.name == UNKNOWN:
        return
    buckets = [_plan(operation, call)]
    if operation.name == "patchListingsItem" and call.params.one("mode") == "VALIDATION_PREVIEW":
        buckets.append(PREVIEW)
    if not world.limits.take(buckets, now):
        details = f"{operation.name} at {format_instant(now)}"
        raise Refused(429, "QuotaExceeded", "You exceeded your quota for the requested resource.", details)


def _plan(operation: Operation, call: Call) -> str:
    """The usage plan a call goes by, which one type of feed has for itself."""
    is_listings_feed = operation.name == "createFeed" and submits_listings(call)
    return LISTINGS_FEED if is_listings_feed else operation.name


def http_date(moment: datetime) -> str:
    """The moment as the Date header of HTTP writes it."""
    return format_datetime(moment, usegmt=True)
