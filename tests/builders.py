"""Shops in a line each: orders, stock, inbound and offers with sensible defaults, overridden by keyword.

Everything happens around `NOW`, a Monday morning in winter. `an_order(units=3)` is an order of one
line; give `items=` for more. `shops()` draws whole shops for Hypothesis.
"""

import dataclasses
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from fbm_sync.domain.alert import Alert, AlertState, Finding, Reason, Severity, Transition, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.change import PushLimits
from fbm_sync.domain.channel import Channel
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.delay import Evidence, ForecastMethod, law_of
from fbm_sync.domain.leadtime import ArrivalForecast, ArrivalTerms, ExpectedLot
from fbm_sync.domain.letters import Notification
from fbm_sync.domain.listing import ObservedOffer, Offer, OfferChange
from fbm_sync.domain.offer import AutomatedHandling
from fbm_sync.domain.order import Order, OrderId, OrderItem, OrderStatus, Shipment, Sku
from fbm_sync.domain.plan import ShopPlan
from fbm_sync.domain.policy import BackorderKind, BackorderPolicy, Lever
from fbm_sync.domain.shop import ShopFacts, ShopTerms
from fbm_sync.domain.supply import CatalogEntry, Lot, LotStatus, Receipt, StockCount, SupplySnapshot

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
SKU = Sku("CUP-BLUE")
ACCOUNT = "us"
SUPPLIER = "Acme"

_SEEDS = st.integers(min_value=0, max_value=2**32)


def in_days(days: float) -> datetime:
    """The instant so many days from now; negative for the past."""
    return NOW + timedelta(days=days)


def on_day(days: int) -> date:
    """The date so many days from today; negative for the past."""
    return TODAY + timedelta(days=days)


# --- orders --------------------------------------------------------------------------------------


def an_item(sku: str = SKU, units: int = 1, **changes: Any) -> OrderItem:
    fields: dict[str, Any] = {"order_item_id": f"item-{sku}", "sku": Sku(sku), "ordered_units": units}
    return OrderItem(**(fields | changes))


def an_order(order_id: str = "111-1", *, sku: str = SKU, units: int = 1, **changes: Any) -> Order:
    """An unshipped order of one line, created an hour ago, to leave within three days."""
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "order_id": OrderId(order_id),
        "status": OrderStatus.UNSHIPPED,
        "created_at": in_days(-1 / 24),
        "updated_at": in_days(-1 / 24),
        "items": (an_item(sku, units),),
        "ship_by_at": in_days(3),
    }
    return Order(**(fields | changes))


def a_shipment(sku: str = SKU, units: int = 1, **changes: Any) -> Shipment:
    fields: dict[str, Any] = {
        "shipment_id": "parcel-1",
        "order_item_id": f"item-{sku}",
        "sku": Sku(sku),
        "units": units,
        "shipped_at": in_days(-1 / 24),
    }
    return Shipment(**(fields | changes))


def a_shipped_order(
    order_id: str = "111-9", *, shipped_at: datetime = NOW, units: int = 1, **changes: Any
) -> Order:
    """An order whose only line has left."""
    fields: dict[str, Any] = {
        "status": OrderStatus.SHIPPED,
        "items": (an_item(units=units, shipped_units=units, unfulfilled_units=0),),
        "shipments": (a_shipment(units=units, shipped_at=shipped_at),),
    }
    return an_order(order_id, **(fields | changes))


# --- supply --------------------------------------------------------------------------------------


def a_count(on_hand: int = 10, sku: str = SKU, **changes: Any) -> StockCount:
    fields: dict[str, Any] = {"sku": Sku(sku), "on_hand": on_hand, "counted_at": in_days(-2 / 24)}
    return StockCount(**(fields | changes))


def a_lot(po_id: str = "PO-1", quantity: int = 100, sku: str = SKU, **changes: Any) -> Lot:
    """A confirmed purchase order line that the supplier promises in seven days."""
    fields: dict[str, Any] = {
        "po_id": po_id,
        "line": "1",
        "sku": Sku(sku),
        "quantity": quantity,
        "supplier": SUPPLIER,
        "ordered_on": on_day(-30),
        "promised_on": on_day(7),
    }
    return Lot(**(fields | changes))


def a_receipt(slip: int = 0, **changes: Any) -> Receipt:
    """A past receipt that came `slip` days after the confirmed date and 30 days after ordering."""
    received_on = changes.pop("received_on", on_day(-60))
    fields: dict[str, Any] = {
        "po_id": f"OLD-{received_on}",
        "supplier": SUPPLIER,
        "received_on": received_on,
        "quantity": 10,
        "promised_on": received_on - timedelta(days=slip),
        "ordered_on": received_on - timedelta(days=30),
    }
    return Receipt(**(fields | changes))


def some_receipts(
    supplier: str = SUPPLIER, slips: Sequence[int] = (0,) * 20, **changes: Any
) -> tuple[Receipt, ...]:
    """One delivery of a supplier for each slip, a day apart."""
    return tuple(
        a_receipt(slip, supplier=supplier, po_id=f"OLD-{number}", received_on=on_day(-60 - number), **changes)
        for number, slip in enumerate(slips)
    )


def an_entry(sku: str = SKU, **changes: Any) -> CatalogEntry:
    return CatalogEntry(**({"sku": Sku(sku)} | changes))


def a_supply(
    stock: Sequence[StockCount] = (),
    lots: Sequence[Lot] = (),
    receipts: Sequence[Receipt] = (),
    catalog: Sequence[CatalogEntry] = (),
) -> SupplySnapshot:
    return SupplySnapshot(
        stock=tuple(stock), lots=tuple(lots), receipts=tuple(receipts), catalog=tuple(catalog)
    )


def an_expected_lot(
    po_id: str = "PO-1",
    units: int = 100,
    *,
    ready_in: int = 7,
    chances: Mapping[int, float] | None = None,
    receiving_days: int = 0,
    **changes: Any,
) -> ExpectedLot:
    """A believed lot; `chances` maps days from today to the probability of having arrived by then."""
    law = {ready_in: 0.95} if chances is None else chances
    forecast = ArrivalForecast(
        arrives_by=on_day(ready_in),
        confidence=0.95,
        method=ForecastMethod.SUPPLIER,
        receipts=20,
        effective_receipts=20,
        law=law_of(sorted(law.items()), [Evidence(method=ForecastMethod.SUPPLIER, receipts=20)], ready_in),
        base=TODAY,
        age=0,
    )
    return ExpectedLot(
        lot=a_lot(po_id, units, **changes),
        forecast=forecast,
        ready_on=on_day(ready_in),
        receiving_days=receiving_days,
    )


def expected_lots(max_size: int = 5) -> st.SearchStrategy[tuple[ExpectedLot, ...]]:
    """One to so many believed lots of one supplier, earliest first, of which half may come a day earlier."""
    return st.builds(random_expected_lots, _SEEDS, st.integers(min_value=1, max_value=max_size))


def random_expected_lots(seed: int, size: int) -> tuple[ExpectedLot, ...]:
    rng = random.Random(seed)
    lots = []
    for number in range(size):
        day, chance = rng.randint(1, 20), rng.choice((0.95, 0.99, rng.uniform(0.05, 0.999)))
        law = {day - 1: chance / 2, day: chance}
        lots.append(an_expected_lot(f"PO-{number}", rng.randint(1, 30), ready_in=day, chances=law))
    return tuple(sorted(lots, key=lambda lot: (lot.ready_on, lot.lot_id)))


# --- terms and offers ----------------------------------------------------------------------------


def a_calendar(**changes: Any) -> ShipCalendar:
    """A shop that ships every day until 14:00 UTC, so that days are easy to count."""
    return ShipCalendar(**({"weekdays": frozenset(range(7))} | changes))


def arrival_terms(**changes: Any) -> ArrivalTerms:
    fields: dict[str, Any] = {
        "confidence": 0.95,
        "receiving_days": 0,
        "past_due_days": 14,
        "default_slip_days": 7,
        "firm_statuses": frozenset({LotStatus.CONFIRMED, LotStatus.IN_TRANSIT, LotStatus.CUSTOMS}),
        "half_life_receipts": 0,
    }
    return ArrivalTerms(**(fields | changes))


def a_policy(**changes: Any) -> BackorderPolicy:
    """A policy that sells ahead when `some_receipts()` are known; buffer, half-life and proof are off."""
    fields: dict[str, Any] = {
        "backorder": BackorderKind.BACKORDER,
        "latency_risk": 0.0,
        "receiving_days": 0,
        "half_life_receipts": 0,
        "unproven_units": 0,
    }
    return BackorderPolicy(**(fields | changes))


def an_observed_offer(
    quantity: int = 0,
    sku: str = SKU,
    *,
    handling_days: int | None = 2,
    restock_on: date | None = None,
    **changes: Any,
) -> ObservedOffer:
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "sku": Sku(sku),
        "offer": Offer(quantity=quantity, handling_days=handling_days, restock_on=restock_on),
        "observed_at": in_days(-1 / 24),
    }
    return ObservedOffer(**(fields | changes))


def a_change(before: Offer | int = 0, after: Offer | int = 5, sku: str = SKU, **changes: Any) -> OfferChange:
    """A change from one offer to another; a bare number is a quantity with two days of handling."""
    fields: dict[str, Any] = {
        "account": ACCOUNT,
        "sku": Sku(sku),
        "product_type": "PRODUCT",
        "before": Offer(quantity=before, handling_days=2) if isinstance(before, int) else before,
        "after": Offer(quantity=after, handling_days=2) if isinstance(after, int) else after,
    }
    return OfferChange(**(fields | changes))


def shop_terms(policy: BackorderPolicy | None = None, **changes: Any) -> ShopTerms:
    fields: dict[str, Any] = {
        "policies": {"default": policy or a_policy()},
        "calendar": a_calendar(),
        "limits": PushLimits(),
        "accounts": {ACCOUNT: AutomatedHandling.OFF},
    }
    return ShopTerms(**(fields | changes))


def shop_facts(
    orders: Sequence[Order] = (),
    stock: Sequence[StockCount] = (),
    lots: Sequence[Lot] = (),
    *,
    receipts: Sequence[Receipt] | None = None,
    catalog: Sequence[CatalogEntry] = (),
    offers: Sequence[ObservedOffer] = (),
    recent: Sequence[Order] | None = None,
    **changes: Any,
) -> ShopFacts:
    """The facts of a shop; receipts default to a supplier that has been on time twenty times."""
    supply = a_supply(stock, lots, some_receipts() if receipts is None else receipts, catalog)
    return ShopFacts(
        holding=tuple(orders),
        recent=tuple(orders if recent is None else recent),
        supply=supply,
        observed=by_account(offers),
        **changes,
    )


def by_account(offers: Sequence[ObservedOffer]) -> dict[str, dict[Sku, ObservedOffer]]:
    found: dict[str, dict[Sku, ObservedOffer]] = {}
    for offer in offers:
        found.setdefault(offer.account, {})[offer.sku] = offer
    return found


def the_decision(plan: ShopPlan, sku: str = SKU, account: str = ACCOUNT) -> OfferDecision:
    """The plan's decision about one listing."""
    return next(one for one in plan.decisions if (one.account, one.sku) == (account, sku))


# --- whole shops ---------------------------------------------------------------------------------
#
# Drawn by seed and size: realistic mixtures come quickly, and a failing example shrinks to a small shop.

SKUS = ("A", "B", "C")
ACCOUNTS = ("us", "uk")


def orders(max_size: int = 8) -> st.SearchStrategy[list[Order]]:
    """Orders of one or two lines in every state, due from two days ago to four weeks ahead."""
    return st.builds(random_orders, _SEEDS, st.integers(min_value=0, max_value=max_size))


def random_orders(seed: int, size: int, skus: Sequence[str] = SKUS) -> list[Order]:
    rng = random.Random(seed)
    return [random_order(rng, f"{number:03}", skus) for number in range(size)]


def random_order(rng: random.Random, order_id: str, skus: Sequence[str]) -> Order:
    wish = rng.random() < 0.07
    overdue = rng.random() < 0.07
    items = tuple(
        an_item(sku, rng.randint(1, 8), cancel_requested=wish)
        for sku in rng.sample(skus, rng.choice((1, 1, 2)))
    )
    due = rng.choice((rng.randint(1, 28 * 24), rng.randint(1, 28 * 24), rng.randint(1, 100), None))
    return an_order(
        order_id,
        account=rng.choice(ACCOUNTS),
        status=rng.choice((*[OrderStatus.UNSHIPPED] * 8, *OrderStatus)),
        items=items,
        ship_by_at=NOW - timedelta(hours=rng.randint(0, 48))
        if overdue
        else due and NOW + timedelta(hours=due),
        created_at=NOW - timedelta(hours=rng.randint(1, 30 * 24)),
        programs=rng.choice(((), ("PRIME",))),
    )


def counts() -> st.SearchStrategy[list[StockCount]]:
    """A count of some of the SKUs; other channels may hold more than there is."""
    return st.builds(random_counts, _SEEDS, st.integers(min_value=0, max_value=len(SKUS)))


def random_counts(seed: int, size: int, skus: Sequence[str] = SKUS) -> list[StockCount]:
    rng = random.Random(seed)
    return [
        a_count(
            rng.choice((0, rng.randint(0, 8), rng.randint(0, 30))),
            sku,
            reserved_elsewhere=rng.choice((0, 0, 0, 0, 1, 5)),
        )
        for sku in rng.sample(skus, size)
    ]


def lots(max_size: int = 6) -> st.SearchStrategy[list[Lot]]:
    """Purchase order lines in every state, promised from three weeks ago to six weeks ahead."""
    return st.builds(random_lots, _SEEDS, st.integers(min_value=0, max_value=max_size))


def random_lots(seed: int, size: int, skus: Sequence[str] = SKUS) -> list[Lot]:
    rng = random.Random(seed)
    return [
        a_lot(
            f"PO-{number}",
            rng.randint(1, 40),
            rng.choice(skus),
            received_units=rng.choice((0, 0, 3)),
            promised_on=rng.choice((on_day(rng.randint(1, 15)), on_day(rng.randint(-21, 42)), None)),
            ordered_on=rng.choice((on_day(-30), on_day(-5), on_day(-90), None)),
            status=rng.choice((*[LotStatus.CONFIRMED] * 8, LotStatus.IN_TRANSIT, *LotStatus)),
            supplier=rng.choice((SUPPLIER, SUPPLIER, "Bolt", "New")),
        )
        for number in range(size)
    ]


def histories() -> st.SearchStrategy[tuple[Receipt, ...]]:
    """Past receipts of two suppliers, from none to plenty."""
    deliveries = st.one_of(st.integers(min_value=19, max_value=40), st.integers(min_value=0, max_value=40))
    return st.builds(random_receipts, _SEEDS, deliveries, deliveries)


def random_receipts(seed: int, ours: int, others: int) -> tuple[Receipt, ...]:
    rng = random.Random(seed)
    worst = rng.choice((0, 3, 20))
    slips = [rng.randint(-5, worst) for _ in range(ours + others)]
    return (*some_receipts(SUPPLIER, slips[:ours]), *some_receipts("Bolt", slips[ours:]))


def random_policy(rng: random.Random) -> BackorderPolicy:
    """A policy of any kind and lever, with its limits on or off."""
    return a_policy(
        backorder=rng.choice((*[BackorderKind.BACKORDER] * 6, BackorderKind.PREORDER, BackorderKind.NEVER)),
        lever=rng.choice(list(Lever)),
        confidence=rng.choice((0.5, 0.8, 0.95)),
        handling_days=rng.randint(0, 4),
        receiving_days=rng.randint(0, 2),
        safety_stock=rng.choice((0, 0, 2, 5)),
        reopen_units=rng.randint(1, 6),
        max_listed=rng.choice((3, 1000, 1000)),
        latency_risk=rng.choice((0.0, 0.01)),
        min_receipts=rng.choice((0, 0, 5)),
        max_slip_spread_days=0,
        min_supplier_on_time=0.0,
        inbound_share=rng.choice((0.5, 0.8, 1.0)),
        late_risk=rng.choice((0.05, 0.3, 0.5)),
        account_risk=rng.choice((0.0, 0.05, 0.5)),
        max_units=rng.choice((None, None, 4)),
        late_order_cost_minor=rng.choice((None, None, 100)),
        no_show_share=rng.choice((0.0, 0.0, 0.02)),
        short_share=rng.choice((0.0, 0.0, 0.1)),
    )


def random_entry(rng: random.Random, sku: str) -> CatalogEntry:
    return an_entry(
        sku,
        price_minor=rng.choice((None, 1000)),
        unit_cost_minor=rng.choice((None, 400, 700)),
        safety_stock=rng.choice((None, 0, 2)),
        handling_days=rng.choice((None, 1)),
        release_on=rng.choice((None, on_day(10))),
    )


def random_offer(rng: random.Random, account: str, sku: str) -> ObservedOffer:
    return an_observed_offer(
        rng.choice((0, 0, 1, 3, 50)),
        sku,
        account=account,
        handling_days=rng.choice((None, 0, 2, 9)),
        restock_on=rng.choice((None, None, on_day(-1), on_day(5), on_day(20))),
        other_channels=rng.choice((*[()] * 9, ("AMAZON_NA",))),
    )


def a_good_past(size: int = 100) -> tuple[Order, ...]:
    """Orders of each account shipped in time lately: the basis of its headroom."""
    return tuple(
        a_shipped_order(
            f"{account}-{number}",
            account=account,
            items=(an_item("PAST", shipped_units=1, unfulfilled_units=0),),
            shipments=(a_shipment("PAST", shipped_at=in_days(-3)),),
            created_at=in_days(-4),
            updated_at=in_days(-3),
            ship_by_at=in_days(-2),
        )
        for account in ACCOUNTS
        for number in range(size)
    )


_PAST = a_good_past()


def _no_channels(_: random.Random) -> dict[str, Channel]:
    return {}


def _random_shares(rng: random.Random) -> dict[str, Channel]:
    """Every account sells from all stock, some with a share of their own."""
    return {
        account: Channel(share=rng.choice((None, 0.1, 0.35, 0.5)), reserve_units=rng.choice((0, 0, 2)))
        for account in ACCOUNTS
    }


def _random_pools(rng: random.Random) -> dict[str, Channel]:
    """Every account sells from a pool, of its own or not."""
    return {account: Channel(pool=rng.choice(("east", "west"))) for account in ACCOUNTS}


class Shop(tuple[ShopFacts, ShopTerms]):
    """Facts and terms, printed without the long past."""

    __slots__ = ()

    def __repr__(self) -> str:
        facts, terms = self
        known = (facts.holding, facts.supply.stock, facts.supply.lots, facts.observed)
        parts = (*known, terms.policies, terms.channels)
        return f"Shop({', '.join(map(str, parts))})"


def shops(max_orders: int = 6, max_lots: int = 6) -> st.SearchStrategy[Shop]:
    """A whole shop: two accounts that may list the same SKUs, and the terms it works under."""
    return st.builds(a_random_shop, _SEEDS, orders(max_orders), counts(), lots(max_lots), histories())


def a_random_shop(
    seed: int,
    holding: Sequence[Order],
    stock: Sequence[StockCount],
    inbound: Sequence[Lot],
    receipts: Sequence[Receipt],
    skus: Sequence[str] = SKUS,
) -> Shop:
    rng = random.Random(seed)
    channels = rng.choice((_no_channels, _random_shares, _random_pools))(rng)
    pools = sorted({channel.pool for channel in channels.values()} | {""})
    stock = [dataclasses.replace(count, pool=rng.choice(pools)) for count in stock]
    inbound = [dataclasses.replace(lot, pool=rng.choice(pools)) for lot in inbound]
    listings = [(account, sku) for account in ACCOUNTS for sku in skus]
    terms = shop_terms(
        random_policy(rng),
        accounts={account: rng.choice(list(AutomatedHandling)) for account in ACCOUNTS},
        lag_minutes=rng.choice((15.0, 600.0)),
        channels=channels,
        calendar=rng.choice((a_calendar(), ShipCalendar(timezone="America/Los_Angeles"))),
    )
    facts = shop_facts(
        holding,
        stock,
        inbound,
        receipts=receipts,
        catalog=[random_entry(rng, sku) for sku in rng.sample(skus, rng.randint(0, len(skus)))],
        offers=[
            random_offer(rng, *listing) for listing in rng.sample(listings, rng.randint(1, len(listings)))
        ],
        recent=(*holding, *rng.choice((_PAST, _PAST, ()))),
    )
    return Shop((facts, terms))


def a_finding(
    kind: str = "due_soon", subject: str = "111-1", severity: Severity = Severity.WARNING, **changes: Any
) -> Finding:
    """Something wrong right now."""
    facts = {"account": ACCOUNT, "kind": kind, "subject": subject, "severity": severity}
    return Finding(**{"text": "-", "action": "-"} | facts | changes)


def an_alert(finding: Finding | None = None, **changes: Any) -> Alert:
    """An open alert, from now on."""
    facts = {"finding": finding or a_finding(), "state": AlertState.OPEN, "opened_at": NOW, "changed_at": NOW}
    return Alert(**facts | changes)


def a_step(
    alert: Alert | None = None,
    kind: TransitionKind = TransitionKind.OPENED,
    reason: Reason = Reason.FIRST_FOUND,
    **changes: Any,
) -> Transition:
    """A step in an alert's life, now."""
    return Transition(**{"alert": alert or an_alert(), "kind": kind, "reason": reason, "at": NOW} | changes)


def a_notification(number: int = 1, step: Transition | None = None, **changes: Any) -> Notification:
    """A step on its way to the telephone, due now."""
    facts = {
        "notification_id": number,
        "channel": "phone",
        "transition": step or a_step(),
        "not_before": NOW,
    }
    return Notification(**facts | changes)
