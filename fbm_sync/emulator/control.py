"""The control desk: what a test or a demo may ask of the emulated world, and never a real client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from fbm_sync.emulator.account.performance import ACCOUNT_STATUSES
from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.fields import Fields
from fbm_sync.emulator.jobs.job import job_states
from fbm_sync.emulator.listings.catalogue import Edit
from fbm_sync.emulator.listings.patches import MAX_LEAD_TIME
from fbm_sync.emulator.orders.book import OrderBook
from fbm_sync.emulator.orders.wishes import Outcome, Parcel
from fbm_sync.emulator.scenario import CANCELLERS, read_line, read_wish
from fbm_sync.emulator.shop import JsonObject
from fbm_sync.emulator.troubles.chaos import read_chaos
from fbm_sync.emulator.troubles.faults import read_fault
from fbm_sync.emulator.world import World

FLUSH_SECONDS = 30.0
Deed = tuple[str, Callable[[], Outcome]]


class BadControl(Exception):
    """A control request cannot be read; `problems` says all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def advance(world: World, body: Any) -> JsonObject:
    """Move the clock forward."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    seconds = fields.number("seconds", 0.0, required=True)
    _finish(fields, problems)
    return {"now": format_instant(world.advance(seconds))}


def change_faults(world: World, body: Any) -> JsonObject:
    """Order or end troubles; nothing is changed when any part of the request is wrong."""
    problems: list[str] = []
    if isinstance(body, dict) and not ({"clear", "add", "chaos"} & set(body)):
        body = {"add": [body]}
    elif isinstance(body, list):
        body = {"add": body}
    fields = Fields(body, "", problems)
    clear = fields.flag("clear")
    rules = [read_fault(one) for one in fields.objects("add")]
    mix = fields.object_or_none("chaos")
    chaos = None if mix is None else read_chaos(mix)
    _finish(fields, problems)
    with world.lock:
        if clear:
            world.faults.clear()
        world.faults.add(rules)
        if chaos is not None:
            world.faults.unleash(chaos)
        return {"faults": world.faults.listing()}


def change_tokens(world: World, body: Any) -> JsonObject:
    """End the life of access tokens, or give the application a new client secret."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    expire = fields.flag("expire")
    new_secret, end_rotation = fields.text("new_client_secret"), fields.flag("end_rotation")
    if not (expire or new_secret or end_rotation):
        fields.problem("", "does nothing: give expire, new_client_secret or end_rotation")
    if (new_secret or end_rotation) and not world.access.are_named:
        fields.problem("", "there is no client secret to rotate: the scenario names no credentials")
    _finish(fields, problems)
    with world.lock:
        now = world.tick()
        if expire:
            world.access.expire_all(now)
        if new_secret:
            world.access.rotate(new_secret)
        if end_rotation:
            world.access.end_rotation()
    return {"now": format_instant(now)}


def change_feeds(world: World, body: Any) -> JsonObject:
    """Stop the queue of feeds, or let it go on."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    frozen = fields.flag("frozen")
    if not fields.given("frozen"):
        fields.problem("frozen", "is missing")
    _finish(fields, problems)
    with world.lock:
        now = world.tick()
        world.feeds.freeze(now, frozen=frozen)
        return {"now": format_instant(now), "frozen": frozen, "feeds": job_states(world.feeds.feeds)}


def change_account(world: World, body: Any) -> JsonObject:
    """Let Amazon think better or worse of the account."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    status = fields.choice("status", ACCOUNT_STATUSES, "", required=True)
    _finish(fields, problems)
    with world.lock:
        now = world.tick()
        world.judge_account(status, now)
        return {"now": format_instant(now), "account_status": world.account_status}


def flush_notifications(world: World, body: Any) -> JsonObject:
    """Wait until every notification that is due has been sent or given up."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    if not fields.flag("flush"):
        fields.problem("flush", "must be true")
    seconds = fields.number("within_seconds", FLUSH_SECONDS)
    _finish(fields, problems)
    now = world.now()
    # Without the lock: requests go on being answered meanwhile.
    flushed = world.notices.flush(seconds)
    with world.lock:
        return {"now": format_instant(now), "flushed": flushed} | world.notices.state()


def change_listings(world: World, body: Any) -> JsonObject:
    """Edit listings as a person does in Seller Central: live at once."""
    problems: list[str] = []
    several = isinstance(body, list)
    edits = []
    for index, one in enumerate(body if several else [body]):
        fields = Fields(one, f"[{index}]" if several else "", problems)
        edits.append(
            Edit(
                sku=fields.text("sku", required=True),
                quantity=fields.whole_or_none("quantity"),
                handling_days=fields.whole_or_none("handling_days", most=MAX_LEAD_TIME),
                restock_on=fields.day_or_none("restock_on"),
                clear_restock=fields.flag("clear_restock"),
                issues=fields.documents("issues") if fields.given("issues") else None,
            )
        )
        fields.close()
    if problems:
        raise BadControl(problems)
    with world.lock:
        now = world.tick()
        results = [{"sku": edit.sku, "why": world.catalogue.edit(edit, now)} for edit in edits]
    return {"now": format_instant(now), "listings": [r | {"done": r["why"] is None} for r in results]}


def change_orders(world: World, body: Any) -> JsonObject:
    """Place, ship and cancel orders; all is read before anything is done, each entry has its outcome."""
    problems: list[str] = []
    fields = Fields(body, "", problems)
    with world.lock:
        now = world.tick()
        deeds = [
            *_placements(world.book, fields, now),
            *_shipments(world.book, fields, now),
            *_cancel_requests(world.book, fields, now),
            *_cancellations(world.book, fields, now),
            *_raw_orders(world.book, fields, now),
        ]
        _finish(fields, problems)
        answer: JsonObject = {"now": format_instant(now)}
        for name, deed in deeds:
            outcome = deed()
            done = "placed" if name in ("place", "raw") else "done"
            entry = {"order_id": outcome.order_id, done: outcome.done, "why": outcome.why}
            answer.setdefault(name, []).append(entry)
    return answer


def _placements(book: OrderBook, fields: Fields, now: datetime) -> list[Deed]:
    deeds: list[Deed] = []
    for one in fields.objects("place"):
        wish = read_wish(one)
        one.close()
        deeds.append(("place", partial(book.place, wish, now)))
    return deeds


def _shipments(book: OrderBook, fields: Fields, now: datetime) -> list[Deed]:
    deeds: list[Deed] = []
    for one in fields.objects("ship"):
        order_id = one.text("order_id", required=True)
        parcel = Parcel(
            lines=[read_line(item) for item in one.objects("items")] or None,
            shipped_at=one.instant_or_none("shipped_at"),
            carrier=one.text("carrier", "UPS"),
            tracking_number="" if one.flag("untracked") else one.text("tracking_number") or None,
            delivered_at=one.instant_or_none("delivered_at"),
        )
        one.close()
        deeds.append(("ship", partial(book.ship, order_id, parcel, now)))
    return deeds


def _cancel_requests(book: OrderBook, fields: Fields, now: datetime) -> list[Deed]:
    deeds: list[Deed] = []
    for one in fields.objects("request_cancel"):
        order_id = one.text("order_id", required=True)
        reason = one.text("reason", "Ordered by mistake")
        one.close()
        deeds.append(("request_cancel", partial(book.request_cancel, order_id, reason, now)))
    return deeds


def _cancellations(book: OrderBook, fields: Fields, now: datetime) -> list[Deed]:
    deeds: list[Deed] = []
    for one in fields.objects("cancel"):
        order_id = one.text("order_id", required=True)
        by = one.choice("by", CANCELLERS, "BUYER")
        reason = one.text("reason", "BUYER_CANCELLED")
        one.close()
        deeds.append(("cancel", partial(book.cancel, order_id, by, reason, now)))
    return deeds


def _raw_orders(book: OrderBook, fields: Fields, now: datetime) -> list[Deed]:
    return [("raw", partial(book.add_raw, one, now)) for one in fields.documents("raw")]


def _finish(fields: Fields, problems: list[str]) -> None:
    fields.close()
    if problems:
        raise BadControl(problems)
