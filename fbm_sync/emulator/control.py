"""The control desk: what a test or a demo may ask of the emulated world, and never a real client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from .clock import format_instant
from .faults import read_fault
from .fields import Fields
from .listings import Edit
from .order_book import OrderBook
from .patches import MAX_LEAD_TIME
from .scenario import CANCELLERS, read_line, read_wish
from .shop import JsonObject
from .wishes import Outcome, Parcel
from .world import World

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
    if isinstance(body, dict) and not ({"clear", "add"} & set(body)):
        body = {"add": [body]}
    elif isinstance(body, list):
        body = {"add": body}
    fields = Fields(body, "", problems)
    clear = fields.flag("clear")
    rules = [read_fault(one) for one in fields.objects("add")]
    _finish(fields, problems)
    with world.lock:
        if clear:
            world.faults.clear()
        world.faults.add(rules)
        return {"faults": world.faults.listing()}


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
            tracking_number=one.text("tracking_number") or None,
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
