"""Turns a scenario (JSON) into a world, or lists every problem in it with its place."""

from __future__ import annotations

import codecs
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fbm_sync.emulator.account.performance import ACCOUNT_STATUSES, SPELLINGS
from fbm_sync.emulator.clock import Clock
from fbm_sync.emulator.fields import Fields
from fbm_sync.emulator.listings.catalogue import Listing, Live, submitted_entry
from fbm_sync.emulator.listings.patches import MAX_LEAD_TIME, SELECTOR
from fbm_sync.emulator.notifications.sqs import is_available
from fbm_sync.emulator.orders.order import Order
from fbm_sync.emulator.orders.wishes import Line, Outcome, Parcel, Wish
from fbm_sync.emulator.shop import MERCHANT_CHANNEL, Credentials, JobRules, NoticeRules, ShopRules
from fbm_sync.emulator.small_shop import default_scenario
from fbm_sync.emulator.troubles.chaos import read_chaos
from fbm_sync.emulator.troubles.faults import read_fault
from fbm_sync.emulator.world import World

HISTORY_STATUSES = ("unshipped", "shipped", "cancelled")
CANCELLERS = ("BUYER", "MERCHANT", "AMAZON")


class ScenarioError(Exception):
    """A scenario cannot be used; `problems` holds all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The scenario cannot be used: " + "; ".join(problems))
        self.problems = problems


def load_scenario(
    source: Path | dict[str, Any] | None = None,
    *,
    seed: int | None = None,
    sqs_endpoint: str | None = None,
) -> World:
    """The world a scenario describes: a JSON file, its content, or the small default shop.

    `seed` and `sqs_endpoint` replace the scenario's own.
    """
    document: Any = default_scenario() if source is None else source
    if isinstance(source, Path):
        try:
            document = json.loads(source.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ScenarioError([f"{source}: cannot be read as JSON: {error}"]) from error
    named = {"seed": seed, "sqs_endpoint": sqs_endpoint}
    if isinstance(document, dict):
        document = document | {key: value for key, value in named.items() if value is not None}
    problems: list[str] = []
    fields = Fields(document, "", problems)
    clock = _read_clock(fields)
    rules = _read_rules(fields)
    listings, orders, faults = fields.objects("listings"), fields.objects("orders"), fields.objects("faults")
    chaos = fields.object_or_none("chaos")
    fields.close()
    world = World(rules, clock)
    now = clock.now()
    for one in listings:
        _add_listing(world, one, now)
    for one in orders:
        _add_order(world, one, now)
    world.faults.add([read_fault(one) for one in faults])
    if chaos is not None:
        world.faults.unleash(read_chaos(chaos))
    if problems:
        raise ScenarioError(problems)
    world.now()
    return world


def _read_clock(fields: Fields) -> Clock:
    start_at = fields.instant_or_none("start_at")
    speed = fields.number("speed", 0.0) if fields.given("speed") else None
    fields.raw("speed")
    return Clock(start_at=start_at, speed=speed)


def _read_rules(fields: Fields) -> ShopRules:
    usual = ShopRules()
    return ShopRules(
        seller_id=fields.text("seller_id", usual.seller_id),
        marketplace_id=fields.text("marketplace_id", usual.marketplace_id),
        timezone=_read_timezone(fields, usual.timezone),
        holidays=fields.days("holidays"),
        default_handling_days=fields.whole(
            "default_handling_days", usual.default_handling_days, most=MAX_LEAD_TIME
        ),
        automated_handling_days=fields.whole_or_none("automated_handling_days", most=MAX_LEAD_TIME),
        transit_days=fields.whole("transit_days", usual.transit_days, most=60),
        apply_seconds=fields.number("apply_seconds", usual.apply_seconds),
        never_effective=frozenset(fields.texts("never_effective")),
        lead_time_alone=fields.flag("lead_time_alone"),
        token_seconds=fields.whole("token_seconds", usual.token_seconds, least=1),
        rate_factor=fields.number("rate_factor", usual.rate_factor, above=0),
        seed=fields.whole("seed", usual.seed),
        credentials=_read_credentials(fields.object_or_none("credentials")),
        suspended=fields.flag("suspended"),
        account_status=fields.choice("account_status", ACCOUNT_STATUSES, usual.account_status),
        jobs=_read_jobs(fields, usual.jobs),
        notices=_read_notices(fields),
    )


def _read_jobs(fields: Fields, usual: JobRules) -> JobRules:
    charset = fields.text("report_charset", usual.report_charset)
    try:
        codecs.lookup(charset)
    except LookupError:
        fields.problem("report_charset", f"is not a character set: {charset!r:.60}")
        charset = usual.report_charset
    return JobRules(
        feed_queue_seconds=fields.number("feed_queue_seconds", usual.feed_queue_seconds),
        feed_seconds=fields.number("feed_seconds", usual.feed_seconds),
        feeds_frozen=fields.flag("feeds_frozen"),
        report_seconds=fields.number("report_seconds", usual.report_seconds),
        report_interval_seconds=fields.number("report_interval_seconds", usual.report_interval_seconds),
        report_charset=charset,
        performance_spelling=fields.choice("performance_spelling", SPELLINGS, usual.performance_spelling),
        compressed=fields.choice("document_compression", ("GZIP", "none"), "GZIP") == "GZIP",
    )


def _read_notices(fields: Fields) -> NoticeRules:
    endpoint = fields.text("sqs_endpoint") or None
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        fields.problem("sqs_endpoint", f"must be an http:// or https:// address, not {endpoint!r:.60}")
    elif endpoint is not None and not is_available():
        fields.problem("sqs_endpoint", "needs boto3: pip install 'fbm-sync[notifications]'")
    return NoticeRules(
        sqs_endpoint=endpoint,
        event_bridge_queue=fields.text("event_bridge_queue") or None,
        delay_seconds=fields.number("notification_seconds", 0.0),
        lost=fields.share("notifications_lost"),
        duplicated=fields.share("notifications_duplicated"),
    )


def _read_timezone(fields: Fields, usual: str) -> str:
    name = fields.text("timezone", usual)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fields.problem("timezone", f"is not a time zone: {name!r}")
        return usual
    return name


def _read_credentials(fields: Fields | None) -> Credentials | None:
    if fields is None:
        return None
    credentials = Credentials(
        client_id=fields.text("client_id", required=True),
        client_secret=fields.text("client_secret", required=True),
        refresh_token=fields.text("refresh_token", required=True),
        former_client_secret=fields.text("former_client_secret") or None,
    )
    fields.close()
    return credentials


def _add_listing(world: World, fields: Fields, now: datetime) -> None:
    sku = fields.text("sku", required=True)
    if sku in world.catalogue.listings:
        fields.problem("sku", f"{sku!r} is listed twice")
    created_at = fields.instant_or_none("created_at") or now
    if created_at > now:
        fields.problem("created_at", "lies in the future")
    listing = Listing(
        sku=sku,
        asin=fields.text("asin", f"B0{len(world.catalogue.listings):08d}"),
        title=fields.text("title", sku),
        product_type=fields.text("product_type", "HOME"),
        price=fields.amount_or_none("price"),
        currency=fields.text("currency", "USD"),
        created_at=created_at,
        updated_at=created_at,
        issues=fields.documents("issues"),
    )
    live = Live(
        quantity=fields.whole("quantity"),
        handling_days=fields.whole_or_none("handling_days", most=MAX_LEAD_TIME),
        restock_on=fields.day_or_none("restock_on"),
    )
    if fields.flag("merchant", default=True):
        listing.live[MERCHANT_CHANNEL] = live
        listing.submitted.append(submitted_entry(live, world.rules.marketplace_id))
    for channel in fields.objects("channels"):
        _add_channel(listing, channel, world.rules.marketplace_id)
    fields.close()
    world.catalogue.listings[sku] = listing


def _add_channel(listing: Listing, fields: Fields, marketplace_id: str) -> None:
    code = fields.text(SELECTOR, required=True)
    if code in listing.live:
        fields.problem(SELECTOR, f"{code!r} is there already")
    listing.live[code] = Live(quantity=fields.whole("quantity"))
    listing.submitted.append({SELECTOR: code, "marketplace_id": marketplace_id})
    fields.close()


def read_wish(fields: Fields) -> Wish:
    """An order to place, as a scenario or a control request writes it; leaves the key check to the caller."""
    lines = [read_line(one) for one in fields.objects("items")]
    if not lines:
        fields.problem("items", "needs at least one item")
    return Wish(
        lines=lines,
        order_id=fields.text("order_id") or None,
        created_at=fields.instant_or_none("created_at"),
        pending_seconds=fields.number("pending_seconds", 0.0),
        hidden_seconds=fields.number("hidden_seconds", 0.0),
        service_level=fields.text("service_level", "STANDARD"),
        programs=fields.texts("programs"),
        ship_by_at=fields.instant_or_none("ship_by"),
        deliver_by_at=fields.instant_or_none("deliver_by"),
        force=fields.flag("force"),
        takes_units=fields.flag("takes_units"),
    )


def read_line(fields: Fields) -> Line:
    """One SKU and how many."""
    line = Line(
        fields.text("sku", required=True),
        fields.whole("quantity", 1, least=1, required=True),
        fields.amount_or_none("price"),
    )
    fields.close()
    return line


def _add_order(world: World, fields: Fields, now: datetime) -> None:
    """Put a past order in the book, with what has happened to it since."""
    wish = read_wish(fields)
    if wish.created_at is None and not fields.given("created_at"):
        fields.problem("created_at", "is missing")
    status = fields.choice("status", HISTORY_STATUSES, "unshipped")
    shipped_at = fields.instant_or_none("shipped_at")
    parcel = Parcel(
        delivered_at=fields.instant_or_none("delivered_at"),
        tracking_number="" if fields.flag("untracked") else None,
    )
    cancelled_at = fields.instant_or_none("cancelled_at")
    cancelled_by = fields.choice("cancelled_by", CANCELLERS, "BUYER")
    reason = fields.text("cancel_reason", "BUYER_CANCELLED")
    fields.close()
    if wish.created_at is None or not wish.lines:
        return
    if status == "unshipped" and shipped_at is not None:
        status = "shipped"
    outcome = world.book.place(wish, now)
    order = world.book.orders.get(outcome.order_id or "")
    if not outcome.done or not isinstance(order, Order):
        fields.problem("", outcome.why or "cannot be placed")
    elif status == "shipped":
        moment = shipped_at or min(max(order.promise.ship_by_at - timedelta(hours=6), order.created_at), now)
        _settle(fields, "shipped_at", world.book.ship(order.order_id, parcel, moment))
    elif status == "cancelled":
        moment = cancelled_at or min(order.created_at + timedelta(hours=1), now)
        # Its units were back on sale before the scenario's quantity was counted.
        for item in order.items:
            item.taken = 0
        _settle(fields, "cancelled_at", world.book.cancel(order.order_id, cancelled_by, reason, moment))


def _settle(fields: Fields, key: str, outcome: Outcome) -> None:
    if not outcome.done:
        fields.problem(key, outcome.why or "is not possible")
