"""A shop of real size for tests and benchmarks: an emulated Amazon account and the seller's own records.

`real_shop` joins two real data sets: a web shop's order lines, and the purchase orders of a health-supply
programme, whose suppliers' slips are dealt out to the shop's SKUs. Demand and supply come from different
firms: `Shop.source` says so, and so should every report. `generated_shop` draws the like from a seed.
Run as a script it prints how well the generator agrees with the data.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from shop_generator import (
    EARLY_YEARS_SLIPS,
    PUBLISHED_SLIPS,
    DeliveryLine,
    Quantiles,
    SaleLine,
    draw_deliveries,
    draw_sales,
)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SALES_FILE, DELIVERIES_FILE = "order_lines.csv.gz", "inbound_receipts.csv"

SELLER_ID, MARKETPLACE_ID, TIMEZONE = "A1EXAMPLE", "ATVPDKIKX0DER", "America/Los_Angeles"
ACCOUNT = "main"
HANDLING_DAYS = 2
CREDENTIALS = {
    "FBM_SYNC_MAIN_CLIENT_ID": "amzn1.application-oa2-client.madeup",
    "FBM_SYNC_MAIN_CLIENT_SECRET": "amzn1.oa2-cs.v1.madeup",
    "FBM_SYNC_MAIN_REFRESH_TOKEN": "Atzr|madeup",
}
CATEGORIES = ("kitchen", "garden", "gifts", "stationery", "toys", "lighting", "textiles", "music")

_ZONE = ZoneInfo(TIMEZONE)
_ORDER_NUMBER = re.compile(r"\d+")  # C… is a cancellation, A… a correction of the books
_PRODUCT_CODE = re.compile(r"\d{5}[A-Z]{0,3}")  # POST, DOT, M, BANK CHARGES, gift_0001_20 … are no goods
_LANES = {"Air": "air", "Ocean": "ocean", "Truck": "road"}
_LAST_ORDER_BEFORE_NOW = timedelta(hours=1)
_QUIET_BEFORE_NOW = timedelta(hours=2)  # nothing ships after the counts, so that no unit is taken off twice

_REAL_SOURCE = (
    "Demand: order lines of a UK web shop, 2010-12 to 2011-08 (Online Retail, D. Chen, CC0). Supply: "
    "purchase orders of a health-supply programme, received before 2013 (USAID SCMS Delivery History, open "
    "data). Two different firms; stock, listings, open purchase orders, costs and the fate of the orders are "
    "made up."
)
_GENERATED_SOURCE = (
    "Everything is made up, after real order lines of one firm and purchase orders of another."
)


# --- what comes out ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """Units of one SKU in one order."""

    sku: str
    units: int
    price: str


@dataclass(frozen=True, slots=True)
class Sale:
    """One order that was kept: the id it has at Amazon, the id in the books it comes from."""

    order_id: str
    source_id: str
    created_at: datetime
    items: tuple[Item, ...]


Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A seller: what Amazon knows (`scenario`), what the seller's files say, and what is in them in short.

    The scenario's clock starts at `now` and runs with real time; `shop.scenario | {"speed": 0}` stands
    still. `window` are the first and last day of the sales in the books they come from.
    """

    now: datetime
    source: str
    window: tuple[date, date]
    scenario: dict[str, Any]
    sales: tuple[Sale, ...]
    tables: Mapping[str, list[Row]]
    summary: Counter[str]

    def scenario_json(self) -> str:
        """The scenario as the emulator's file, one order or listing a line, so that it can be read."""
        parts = []
        for key, value in self.scenario.items():
            if key in ("listings", "orders"):
                rows = ",\n  ".join(json.dumps(one) for one in value)
                parts.append(f"{json.dumps(key)}: [\n  {rows}\n ]")
            else:
                parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
        return "{" + ",\n ".join(parts) + "}\n"

    def write_supply(self, directory: Path) -> Path:
        """Write the seller's four files into a folder, which is made if need be."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, rows in self.tables.items():
            with (directory / name).open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS[name], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        return directory

    def write(self, directory: Path, base_url: str) -> Path:
        """Write scenario.json, supply/ and a config that finds Amazon at `base_url`; answer the config."""
        self.write_supply(directory / "supply")
        (directory / "scenario.json").write_text(self.scenario_json(), encoding="utf-8")
        config = directory / "fbm_sync.toml"
        config.write_text(config_text(base_url.rstrip("/"), self.scenario["rate_factor"]), encoding="utf-8")
        return config


COLUMNS = {
    "stock.csv": ("sku", "on_hand", "counted_at", "damaged", "quality_hold", "reserved_elsewhere"),
    "inbound.csv": (
        *("po_id", "line", "sku", "quantity", "supplier", "ordered_on", "promised_on", "status"),
        *("received_units", "lane"),
    ),
    "receipts.csv": (
        *("po_id", "supplier", "received_on", "quantity", "delivery_id", "sku", "ordered_on", "promised_on"),
        "lane",
    ),
    "catalog.csv": (
        *("sku", "policy", "product_type", "category", "unit_cost", "price", "handling_days", "supplier"),
        "prime_template",
    ),
}


def config_text(base_url: str, rate_factor: float) -> str:
    """A config for the shop: nothing is pushed by itself, and a first full run is not held."""
    return f"""\
[store]
url = "sqlite:///fbm_sync.db"

[[accounts]]
name = "{ACCOUNT}"
seller_id = "{SELLER_ID}"
marketplaces = ["{MARKETPLACE_ID}"]
endpoint = "{base_url}"
token_endpoint = "{base_url}/auth/o2/token"
automated_handling_time = "off"
push = false
rate_factor = {float(rate_factor)}

[supply]
kind = "csv"
directory = "supply"

[calendar]
timezone = "{TIMEZONE}"
holidays = ""

[policy.default]
handling_days = {HANDLING_DAYS}

[policy.backorder]
backorder = "backorder"

[limits]
max_changed = 1000000
max_changed_share = 1.0
max_zeroed = 1000000
max_zeroed_share = 1.0
max_raised_units = 1000000000
max_raised_share = 1000.0
max_lengthened = 1000000
max_lengthened_share = 1.0
"""


# --- the two ways in --------------------------------------------------------------------------------


def real_shop(
    now: datetime,
    days: int = 30,
    seed: int = 0,
    data: Path = DATA,
    *,
    skus: int = 600,
    suppliers: int = 40,
    rate_factor: float = 100.0,
) -> Shop:
    """A shop on so many consecutive days of real order lines, busy ones chosen by the seed.

    Only the `skus` with most order lines are kept; orders that lose all their lines drop out.
    """
    lines = _window_of(read_sales(data / SALES_FILE), days, random.Random(f"{seed}/window"))
    terms = _Terms(now, days, seed, suppliers, rate_factor, _REAL_SOURCE)
    return _Builder(terms, best_sellers(lines, skus), read_deliveries(data / DELIVERIES_FILE)).shop()


def generated_shop(
    now: datetime,
    days: int = 30,
    seed: int = 0,
    skus: int = 300,
    orders_per_day: float = 20.0,
    suppliers: int = 24,
    *,
    slips: Quantiles = PUBLISHED_SLIPS,
    yearly_drift: bool = False,
    rate_factor: float = 100.0,
) -> Shop:
    """A made-up shop of the same nature and of any size."""
    sales = draw_sales(seed, date(2011, 3, 1), days, skus, orders_per_day)
    deliveries = draw_deliveries(seed, date(2012, 12, 31), suppliers, slips=slips, yearly_drift=yearly_drift)
    terms = _Terms(now, days, seed, suppliers, rate_factor, _GENERATED_SOURCE)
    return _Builder(terms, sales, deliveries).shop()


@lru_cache(maxsize=2)
def read_sales(path: Path) -> tuple[SaleLine, ...]:
    """The goods sold: no cancellations, returns, corrections, charges or give-aways.

    Lines of one SKU in one order are merged, at their mean price; an order is as old as its first line.
    """
    merged: dict[tuple[str, str], list[tuple[int, Decimal]]] = defaultdict(list)
    begun: dict[str, datetime] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            order_id, sku = row["order_id"], row["sku"].upper()
            units, price = int(row["quantity"]), Decimal(row["unit_price"])
            if not _ORDER_NUMBER.fullmatch(order_id) or not _PRODUCT_CODE.fullmatch(sku):
                continue
            if units <= 0 or price <= 0:
                continue
            moment = datetime.fromisoformat(row["ordered_at"])
            begun[order_id] = min(moment, begun.get(order_id, moment))
            merged[order_id, sku].append((units, price))
    return tuple(
        SaleLine(
            order_id=order_id,
            ordered_at=begun[order_id],
            sku=sku,
            units=sum(units for units, _ in parts),
            price=_mean_price(parts),
        )
        for (order_id, sku), parts in merged.items()
    )


@lru_cache(maxsize=2)
def read_deliveries(path: Path) -> tuple[DeliveryLine, ...]:
    """The received lines of real purchase orders, impossible dates included."""
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            DeliveryLine(
                po_id=row["po_id"],
                delivery_id=row["delivery_id"],
                supplier=row["supplier"],
                mode=row["mode"],
                ordered_on=date.fromisoformat(row["ordered_on"]),
                promised_on=date.fromisoformat(row["promised_on"]),
                received_on=date.fromisoformat(row["received_on"]),
            )
            for row in csv.DictReader(file)
        )


def _mean_price(parts: Sequence[tuple[int, Decimal]]) -> Decimal:
    paid = sum((units * price for units, price in parts), Decimal(0))
    return _cents(paid / sum(units for units, _ in parts))


def _cents(amount: Decimal) -> Decimal:
    return max(Decimal("0.01"), amount.quantize(Decimal("0.01"), ROUND_HALF_UP))


def _window_of(lines: Sequence[SaleLine], days: int, rng: random.Random) -> list[SaleLine]:
    """The lines of so many consecutive days, ending on a day of trade, among the busiest quarter of such."""
    per_day = Counter(line.ordered_at.date() for line in lines)
    opened = min(per_day)
    totals = {}
    for last in per_day:
        if last - timedelta(days=days - 1) >= opened:
            totals[last] = sum(per_day[last - timedelta(days=back)] for back in range(days))
    busiest = sorted(totals, key=lambda last: (-totals[last], last))[: max(1, len(totals) // 4)]
    last = rng.choice(sorted(busiest))
    first = last - timedelta(days=days - 1)
    return [line for line in lines if first <= line.ordered_at.date() <= last]


def best_sellers(lines: Sequence[SaleLine], skus: int) -> list[SaleLine]:
    """The lines of the SKUs that are ordered most often."""
    counts = Counter(line.sku for line in lines)
    kept = set(sorted(counts, key=lambda sku: (-counts[sku], sku))[:skus])
    return [line for line in lines if line.sku in kept]


# --- how a shop comes about -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Terms:
    now: datetime
    days: int
    seed: int
    suppliers: int
    rate_factor: float
    source: str


@dataclass(slots=True, kw_only=True)
class _Good:
    """One SKU of the shop: what it is, how it sells, what is on the shelf and what Amazon shows of it."""

    sku: str
    price: Decimal
    units_per_day: float
    supplier: str = ""
    policy: str = ""
    state: str = "stocked"  # stocked, low, sold_out, short (less than the open orders want)
    open_units: int = 0
    free_units: int = 0
    prime: bool = False


@dataclass(slots=True, kw_only=True)
class _Supplier:
    """One supplier of the shop and the real past that was dealt to it."""

    name: str
    code: str
    past: list[DeliveryLine]
    lead_factor: float
    goods: list[_Good] = field(default_factory=list)

    def lead_days(self, line: DeliveryLine) -> int:
        """The planned lead time of one of its lines, as long as this shop's lead times are."""
        return max(1, round(line.planned_days * self.lead_factor))


class _Builder:
    """Puts one shop together; every part draws from a stream of its own, so that none disturbs another."""

    def __init__(self, terms: _Terms, lines: Sequence[SaleLine], deliveries: Sequence[DeliveryLine]) -> None:
        if not lines:
            raise ValueError("there are no sales to make a shop of")
        self._terms = terms
        self._now = terms.now.astimezone(UTC).replace(microsecond=0)
        self._today = self._now.astimezone(_ZONE).date()
        self._last_day = max(line.ordered_at.date() for line in lines)
        self._sales = self._shifted(lines)
        self._deliveries = deliveries
        self._counts: Counter[str] = Counter()

    def shop(self) -> Shop:
        """The finished shop."""
        orders = [self._order(sale) for sale in self._sales]
        goods = self._goods(orders)
        suppliers = self._suppliers()
        self._deal_goods(suppliers, goods)
        self._stock_shelves(goods)
        tables = {
            "stock.csv": [self._stock_row(good) for good in goods],
            "inbound.csv": self._inbound(suppliers),
            "receipts.csv": self._receipts(suppliers),
            "catalog.csv": [self._catalog_row(good) for good in goods],
        }
        listings = [self._listing(good) for good in goods]
        self._count_all(orders, goods, suppliers, tables)
        return Shop(
            now=self._now,
            source=self._terms.source,
            window=(self._last_day - timedelta(days=self._terms.days - 1), self._last_day),
            scenario=self._scenario(listings, orders),
            sales=tuple(self._sales),
            tables=tables,
            summary=Counter(dict(sorted(self._counts.items()))),
        )

    def _rng(self, part: str) -> random.Random:
        return random.Random(f"{self._terms.seed}/{part}")

    def _scenario(self, listings: list[dict[str, Any]], orders: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "seller_id": SELLER_ID,
            "marketplace_id": MARKETPLACE_ID,
            "timezone": TIMEZONE,
            "start_at": _instant(self._now),
            "speed": 1,
            "seed": self._terms.seed,
            "rate_factor": self._terms.rate_factor,
            "default_handling_days": HANDLING_DAYS,
            "listings": listings,
            "orders": orders,
        }

    # --- orders ---

    def _shifted(self, lines: Sequence[SaleLine]) -> list[Sale]:
        """The orders moved in time as one, so that the last is placed an hour before now."""
        latest = max(line.ordered_at for line in lines)
        offset = self._now - _LAST_ORDER_BEFORE_NOW - latest.replace(tzinfo=UTC)
        by_order: dict[str, list[SaleLine]] = defaultdict(list)
        for line in lines:
            by_order[line.order_id].append(line)
        sales = [
            Sale(
                order_id=amazon_order_id(order_id),
                source_id=order_id,
                created_at=group[0].ordered_at.replace(tzinfo=UTC) + offset,
                items=tuple(Item(line.sku, line.units, f"{line.price:.2f}") for line in group),
            )
            for order_id, group in by_order.items()
        ]
        return sorted(sales, key=lambda sale: (sale.created_at, sale.order_id))

    def _order(self, sale: Sale) -> dict[str, Any]:
        """The order as the scenario has it, with what has become of it."""
        rng = self._rng(f"order/{sale.order_id}")
        ship_by = ship_by_of(sale.created_at)
        order: dict[str, Any] = {
            "order_id": sale.order_id,
            "created_at": _instant(sale.created_at),
            "ship_by": _instant(ship_by),
            "items": [{"sku": item.sku, "quantity": item.units, "price": item.price} for item in sale.items],
        }
        if rng.random() < 0.03:
            order["service_level"] = "EXPEDITED"
        fate = self._due_fate(rng, sale, ship_by) if ship_by <= self._now else self._new_fate(rng, sale)
        return order | fate

    def _due_fate(self, rng: random.Random, sale: Sale, ship_by: datetime) -> dict[str, Any]:
        """An order whose ship-by has passed: nearly always shipped, sometimes late, sometimes cancelled."""
        draw = rng.random()
        if draw < 0.015:
            return self._cancelled(rng, sale)
        if draw < 0.04:
            shipped_at = ship_by + timedelta(minutes=rng.randrange(60, 72 * 60))
            if shipped_at > self._now - _QUIET_BEFORE_NOW:
                return self._overdue()
            self._counts["orders_shipped_late"] += 1
            return _shipped(shipped_at)
        if draw > 0.97 and ship_by > self._now - timedelta(days=4):
            return self._overdue()
        return self._shipped_in_time(rng, sale, min(ship_by, self._now - _QUIET_BEFORE_NOW))

    def _overdue(self) -> dict[str, Any]:
        self._counts["orders_overdue"] += 1
        return {"status": "unshipped"}

    def _new_fate(self, rng: random.Random, sale: Sale) -> dict[str, Any]:
        """An order that is not due yet: mostly still to be shipped."""
        age = self._now - sale.created_at
        draw = rng.random()
        if draw < 0.01 and age > _QUIET_BEFORE_NOW:
            return self._cancelled(rng, sale)
        if draw < 0.25 and age > timedelta(hours=8):
            return self._shipped_in_time(rng, sale, self._now - _QUIET_BEFORE_NOW)
        if draw > 0.88 and age < timedelta(days=2):
            self._counts["orders_pending"] += 1
            pending = int(age.total_seconds()) + rng.randrange(3600, 172_800)
            return {"status": "unshipped", "pending_seconds": pending}
        return {"status": "unshipped"}

    def _shipped_in_time(self, rng: random.Random, sale: Sale, latest: datetime) -> dict[str, Any]:
        span = (latest - sale.created_at).total_seconds()
        return _shipped(sale.created_at + timedelta(seconds=int(span * rng.uniform(0.15, 0.95))))

    def _cancelled(self, rng: random.Random, sale: Sale) -> dict[str, Any]:
        by_buyer = (
            self._counts["orders_cancelled_by_buyer"] <= 2 * self._counts["orders_cancelled_by_merchant"]
        )
        self._counts["orders_cancelled_by_buyer" if by_buyer else "orders_cancelled_by_merchant"] += 1
        span = min(self._now - sale.created_at - _LAST_ORDER_BEFORE_NOW, timedelta(hours=30))
        moment = sale.created_at + timedelta(seconds=int(span.total_seconds() * rng.uniform(0.05, 1)))
        return {
            "status": "cancelled",
            "cancelled_at": _instant(moment),
            "cancelled_by": "BUYER" if by_buyer else "MERCHANT",
            "cancel_reason": "BUYER_CANCELLED" if by_buyer else "NO_INVENTORY",
        }

    # --- goods and shelves ---

    def _goods(self, orders: Iterable[Mapping[str, Any]]) -> list[_Good]:
        prices: dict[str, list[Decimal]] = defaultdict(list)
        units: Counter[str] = Counter()
        for sale in self._sales:
            for item in sale.items:
                prices[item.sku].append(Decimal(item.price))
                units[item.sku] += item.units
        waiting: Counter[str] = Counter()
        for order in orders:
            if order["status"] == "unshipped":
                waiting.update({item["sku"]: item["quantity"] for item in order["items"]})
        return [
            _Good(
                sku=sku,
                price=_cents(median(prices[sku])),
                units_per_day=units[sku] / self._terms.days,
                open_units=waiting[sku],
            )
            for sku in sorted(units)
        ]

    def _stock_shelves(self, goods: Sequence[_Good]) -> None:
        """Say how each SKU stands; few are short, as an order of many lines waits for its worst one."""
        rng = self._rng("shelves")
        shuffled = list(goods)
        rng.shuffle(shuffled)
        # The short ones are SKUs with open orders, or nothing would be short of anything.
        shuffled.sort(key=lambda good: good.open_units == 0)
        short = math.ceil(len(goods) * 0.01)
        rest = shuffled[short:]
        rng.shuffle(rest)
        sold_out, low = round(len(goods) * 0.17), round(len(goods) * 0.12)
        states = ["short"] * short + ["sold_out"] * sold_out + ["low"] * low
        for good, state in zip(shuffled[:short] + rest, states, strict=False):
            good.state = state
        for good in goods:
            good.free_units = _free_units(good, rng)
            wanted = 0.6 if good.state in ("sold_out", "short") else 0.15
            good.policy = "backorder" if rng.random() < wanted else rng.choice(("default", ""))
            good.prime = rng.random() < 0.04

    def _stock_row(self, good: _Good) -> Row:
        rng = self._rng(f"stock/{good.sku}")
        set_aside = {"damaged": 0.08, "quality_hold": 0.03, "reserved_elsewhere": 0.06}
        aside = {
            column: rng.randint(1, max(1, math.ceil(good.units_per_day))) if rng.random() < share else 0
            for column, share in set_aside.items()
        }
        # Each aisle is counted in one go.
        counted_at = self._now - timedelta(minutes=rng.choice((20, 35, 50)))
        on_hand = good.open_units + good.free_units + sum(aside.values())
        return {
            "sku": good.sku,
            "on_hand": str(on_hand),
            "counted_at": _instant(counted_at),
            **{column: str(units) if units else "" for column, units in aside.items()},
        }

    def _catalog_row(self, good: _Good) -> Row:
        rng = self._rng(f"catalog/{good.sku}")
        return {
            "sku": good.sku,
            "policy": good.policy,
            "product_type": "HOME",
            "category": rng.choices(CATEGORIES, (20, 12, 20, 14, 12, 10, 10, 2))[0],
            "unit_cost": f"{_cents(good.price * Decimal(rng.randint(35, 70)) / 100):.2f}",
            "price": f"{good.price:.2f}",
            "handling_days": str(rng.choice((1, 3))) if rng.random() < 0.04 else "",
            "supplier": good.supplier,
            "prime_template": "true" if good.prime else "",
        }

    def _listing(self, good: _Good) -> dict[str, Any]:
        """What Amazon shows of a SKU: right for most, wrong for enough of them to give a plan real work."""
        rng = self._rng(f"listing/{good.sku}")
        right = max(0, good.free_units)
        listing: dict[str, Any] = {
            "sku": good.sku,
            "title": f"Article {good.sku}",
            "product_type": "HOME",
            "price": f"{good.price:.2f}",
            "created_at": _instant(self._now - timedelta(days=rng.randint(60, 900))),
            "quantity": self._listed_units(good, right, rng),
        }
        if rng.random() < 0.08:
            listing["handling_days"] = rng.choice((5, 7, 10, 14))
            self._counts["handling_off"] += 1
        elif rng.random() < 0.25:
            listing["handling_days"] = HANDLING_DAYS
        if right and rng.random() < 0.05:
            listing["restock_on"] = (self._today + timedelta(days=rng.randint(-10, 25))).isoformat()
            self._counts["restock_date_left"] += 1
        elif not right and listing["quantity"] and good.policy == "backorder" and rng.random() < 0.5:
            listing["restock_on"] = (self._today + timedelta(days=rng.randint(4, 28))).isoformat()
            self._counts["listed_ahead"] += 1
        return listing

    def _listed_units(self, good: _Good, right: int, rng: random.Random) -> int:
        draw = rng.random()
        if draw < 0.18:
            self._counts["over_listed"] += 1
            most = max(right, math.ceil(good.units_per_day * 2), 1)
            return right + rng.randint(1, most)
        if draw < 0.32 and right:
            self._counts["under_listed"] += 1
            return rng.randrange(right)
        return right

    # --- suppliers, past and coming deliveries ---

    def _suppliers(self) -> list[_Supplier]:
        """Suppliers, each with the past of one in the data: half of them with fewer than five receipts."""
        rng = self._rng("suppliers")
        past: dict[str, list[DeliveryLine]] = defaultdict(list)
        for line in self._deliveries:
            past[line.supplier].append(line)
        few = sorted(name for name, lines in past.items() if len(lines) < 5)
        many = sorted(past.keys() - set(few))
        half = self._terms.suppliers // 2
        donors = _draw(rng, few or many, half) + _draw(rng, many or few, self._terms.suppliers - half)
        rng.shuffle(donors)
        suppliers = []
        for number, donor in enumerate(donors, start=1):
            planned = [line.planned_days for line in past[donor] if line.planned_days > 0]
            factor = rng.uniform(8, 27) / median(planned or [30])
            name, code = f"Supplier {number:02d}", f"S{number:02d}"
            suppliers.append(_Supplier(name=name, code=code, past=past[donor], lead_factor=factor))
        return suppliers

    def _deal_goods(self, suppliers: Sequence[_Supplier], goods: Sequence[_Good]) -> None:
        """Give every SKU a supplier: each has one at least, those with much experience have most."""
        rng = self._rng("goods")
        shuffled = list(goods)
        rng.shuffle(shuffled)
        weights = [len(supplier.past) ** 0.5 for supplier in suppliers]
        for index, good in enumerate(shuffled):
            first_round = index < len(suppliers)
            supplier = suppliers[index] if first_round else rng.choices(suppliers, weights)[0]
            good.supplier = supplier.name
            supplier.goods.append(good)

    def _receipts(self, suppliers: Sequence[_Supplier]) -> list[Row]:
        """The suppliers' real past, as if the data had ended yesterday: slips as they were, leads scaled."""
        newest = max(line.received_on for line in self._deliveries)
        offset = self._today - timedelta(days=1) - newest
        rng = self._rng("receipts")
        rows: list[Row] = []
        for supplier in suppliers:
            for line in supplier.past if supplier.goods else ():
                good = rng.choice(supplier.goods)
                received_on = line.received_on + offset
                row = {
                    "po_id": f"{supplier.code}-{line.po_id}",
                    "supplier": supplier.name,
                    "received_on": received_on.isoformat(),
                    "quantity": str(math.ceil(good.units_per_day * rng.uniform(7, 30))),
                    "delivery_id": f"{supplier.code}-{line.delivery_id}",
                    "sku": good.sku,
                    "ordered_on": (received_on - timedelta(days=_raw_days(supplier, line))).isoformat(),
                    "promised_on": (line.promised_on + offset).isoformat(),
                    "lane": _LANES.get(line.mode, ""),
                }
                rows.append(row)
        return sorted(rows, key=lambda row: (row["received_on"], row["po_id"], row["sku"]))

    def _inbound(self, suppliers: Sequence[_Supplier]) -> list[Row]:
        """Open purchase orders of one to five SKUs: most promised for the weeks to come, a few in trouble."""
        rng = self._rng("inbound")
        batches: list[tuple[_Supplier, list[_Good]]] = []
        for supplier in suppliers:
            wanted = [
                good
                for good in supplier.goods
                if rng.random() < (0.8 if good.state in ("sold_out", "short") else 0.2)
            ]
            while wanted:
                size = rng.randint(1, 5)
                batches.append((supplier, wanted[:size]))
                wanted = wanted[size:]
        kinds = _kinds_of(len(batches), rng)
        rows: list[Row] = []
        for number, ((supplier, goods), kind) in enumerate(zip(batches, kinds, strict=True), start=1):
            self._counts[f"purchase_orders_{kind}"] += 1
            rows += self._purchase_order(f"PO-{number:05d}", supplier, goods, kind, rng)
        return rows

    def _purchase_order(
        self, po_id: str, supplier: _Supplier, goods: Sequence[_Good], kind: str, rng: random.Random
    ) -> list[Row]:
        like = rng.choice(supplier.past)
        lead = max(3, supplier.lead_days(like))
        promised_on, status = self._outlook(kind, lead, rng)
        ordered_on = min(promised_on - timedelta(days=lead), self._today - timedelta(days=1))
        rows = []
        for line, good in enumerate(goods, start=1):
            short = max(0, -good.free_units)
            quantity = short + math.ceil(good.units_per_day * rng.uniform(10, 30))
            begun = status != "planned" and rng.random() < 0.08
            received = int(quantity * rng.uniform(0.2, 0.6)) if begun else 0
            row = {
                "po_id": po_id,
                "line": str(line),
                "sku": good.sku,
                "quantity": str(quantity),
                "supplier": supplier.name,
                "ordered_on": ordered_on.isoformat(),
                "promised_on": "" if kind == "planned" and line == 1 else promised_on.isoformat(),
                "status": status,
                "received_units": str(received) if received else "",
                "lane": _LANES.get(like.mode, ""),
            }
            rows.append(row)
        return rows

    def _outlook(self, kind: str, lead: int, rng: random.Random) -> tuple[date, str]:
        """The promised day and the status of a purchase order of this kind."""
        status = rng.choices(("confirmed", "in_transit", "customs"), (5, 4, 1))[0]
        if kind == "planned":
            return self._today + timedelta(days=lead), "planned"
        if kind == "overdue":
            return self._today - timedelta(days=rng.randint(1, 12)), status
        if kind == "absurd":
            return self._today - timedelta(days=rng.randint(60, 400)), status
        return self._today + timedelta(days=rng.randint(1, max(2, lead - 1))), status

    # --- in short ---

    def _count_all(
        self,
        orders: Sequence[Mapping[str, Any]],
        goods: Sequence[_Good],
        suppliers: Sequence[_Supplier],
        tables: Mapping[str, list[Row]],
    ) -> None:
        horizon = (self._today + timedelta(days=30)).isoformat()
        soon = {
            row["sku"]
            for row in tables["inbound.csv"]
            if row["status"] != "planned" and self._today.isoformat() <= row["promised_on"] <= horizon
        }
        empty = [good for good in goods if good.free_units <= 0]
        past = Counter(row["supplier"] for row in tables["receipts.csv"])
        self._counts.update(f"orders_{order['status']}" for order in orders)
        self._counts.update(
            orders=len(orders),
            order_lines=sum(len(order["items"]) for order in orders),
            units=sum(item["quantity"] for order in orders for item in order["items"]),
            open_units=sum(good.open_units for good in goods),
            skus=len(goods),
            skus_sold_out=len(empty),
            skus_short=sum(good.free_units < 0 for good in goods),
            skus_sold_out_with_firm_inbound=sum(good.sku in soon for good in empty),
            skus_backorder=sum(good.policy == "backorder" for good in goods),
            suppliers=len(suppliers),
            suppliers_below_five_receipts=sum(past[supplier.name] < 5 for supplier in suppliers),
            inbound_lines=len(tables["inbound.csv"]),
            receipts=len(tables["receipts.csv"]),
        )


def amazon_order_id(source_id: str) -> str:
    """An id of Amazon's shape that stays the same for the same order."""
    number = int(source_id)
    return f"111-{number:07d}-{number * 7919 % 10**7:07d}"


def ship_by_of(created_at: datetime) -> datetime:
    """The last second of the ship day two business days after the order, as Amazon promises it."""
    day = created_at.astimezone(_ZONE).date()
    for _ in range(HANDLING_DAYS):
        day += timedelta(days=1)
        while day.weekday() > 4:
            day += timedelta(days=1)
    return datetime.combine(day, time(23, 59, 59), _ZONE).astimezone(UTC)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _shipped(moment: datetime) -> dict[str, Any]:
    return {"status": "shipped", "shipped_at": _instant(moment)}


def _free_units(good: _Good, rng: random.Random) -> int:
    """Units nobody has ordered yet; below zero where open orders want more than there is."""
    if good.state == "short":
        return -min(good.open_units, max(1, int(good.open_units * rng.uniform(0.2, 0.8))))
    if good.state == "sold_out":
        return 0
    if good.state == "low":
        return rng.randint(1, max(2, math.ceil(good.units_per_day)))
    return math.ceil(good.units_per_day * rng.uniform(5, 45)) + 1


def _raw_days(supplier: _Supplier, line: DeliveryLine) -> int:
    """Days from order to receipt: the scaled plan plus the slip; dates impossible in the data stay so."""
    real = (line.received_on - line.ordered_on).days
    if real <= 0:
        return real
    return max(1, supplier.lead_days(line) + line.slip_days)


def _draw(rng: random.Random, names: Sequence[str], count: int) -> list[str]:
    """So many of the names: no name twice before each was taken once."""
    drawn: list[str] = []
    while len(drawn) < count:
        drawn += rng.sample(names, min(len(names), count - len(drawn)))
    return drawn


def _kinds_of(count: int, rng: random.Random) -> list[str]:
    """What each purchase order is like: at least one of every kind once there are eight."""
    shares = {"planned": 0.08, "overdue": 0.07, "absurd": 0.03} if count >= 8 else {}
    kinds = [kind for kind, share in shares.items() for _ in range(math.ceil(count * share))]
    kinds += ["expected"] * (count - len(kinds))
    rng.shuffle(kinds)
    return kinds


# --- how well the generator agrees with the data ----------------------------------------------------


def demand_figures(lines: Sequence[SaleLine]) -> dict[str, float]:
    """How orders are made up and how unequal the SKUs are."""
    per_order = sorted(Counter(line.order_id for line in lines).values())
    units = sorted(line.units for line in lines)
    per_sku: Counter[str] = Counter()
    for line in lines:
        per_sku[line.sku] += line.units
    top = sorted(per_sku.values(), reverse=True)
    figures = {f"lines per order, {share:.0%}": _rank(per_order, share) for share in (0.25, 0.5, 0.75, 0.95)}
    figures["lines per order, mean"] = sum(per_order) / len(per_order)
    for share in (0.25, 0.5, 0.75, 0.95, 0.99):
        figures[f"units per line, {share:.0%}"] = _rank(units, share)
    figures["share of top 10 % SKUs in units"] = sum(top[: max(1, len(top) // 10)]) / sum(top)
    return figures


def supply_figures(lines: Sequence[DeliveryLine]) -> dict[str, float]:
    """How far promised and actual days of arrival lie apart, and how unequal the suppliers are."""
    slips = sorted(line.slip_days for line in lines)
    receipts = Counter(line.supplier for line in lines)
    groups: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        groups[line.delivery_id].append(line.slip_days)
    shared = [group for group in groups.values() if len(group) > 1]
    late = [[float(slip > 0) for slip in group] for group in shared]
    return {
        "slip early": sum(slip < 0 for slip in slips) / len(slips),
        "slip late": sum(slip > 0 for slip in slips) / len(slips),
        **{f"slip, {share:.0%} (days)": _rank(slips, share) for share in (0.05, 0.5, 0.95, 0.99)},
        "deliveries of several lines: all the same slip": sum(len(set(g)) == 1 for g in shared) / len(shared),
        "lateness within a delivery, correlation": _intra_class_correlation(late),
        "suppliers with fewer than five receipts": sum(n < 5 for n in receipts.values()) / len(receipts),
    }


def _intra_class_correlation(groups: Sequence[Sequence[float]]) -> float:
    """How alike the members of a group are: 0 not at all, 1 entirely (one-way analysis of variance)."""
    total = sum(len(group) for group in groups)
    mean = sum(map(sum, groups)) / total
    between = sum(len(group) * (sum(group) / len(group) - mean) ** 2 for group in groups) / (len(groups) - 1)
    within = sum((one - sum(group) / len(group)) ** 2 for group in groups for one in group)
    within /= total - len(groups)
    size = (total - sum(len(group) ** 2 for group in groups) / total) / (len(groups) - 1)
    return (between - within) / (between + (size - 1) * within)


def _rank(ordered: Sequence[int], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def generated_demand(seed: int = 0) -> list[SaleLine]:
    """A month of sales of as large a shop as the real one."""
    return draw_sales(seed, date(2011, 3, 1), 30, 2450, 57)


def generated_supply(seed: int = 0, slips: Quantiles = PUBLISHED_SLIPS) -> list[DeliveryLine]:
    """The pasts of many suppliers, so that chance between suppliers evens out."""
    return draw_deliveries(seed, date(2012, 12, 31), 300, slips=slips)


def _print_table(title: str, columns: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title}")
    print(" " * 48 + "".join(f"{name:>16}" for name in columns))
    for row in next(iter(columns.values())):
        cells = "".join(f"{figures[row]:16.3f}" for figures in columns.values())
        print(f"{row:48}{cells}")


def main() -> None:
    """Print the comparison, and what a shop of each kind holds."""
    now = datetime(2026, 11, 2, 17, tzinfo=UTC)
    demand = {"generated": demand_figures(generated_demand())}
    supply = {
        "gen. (published)": supply_figures(generated_supply()),
        "gen. (to 2012)": supply_figures(generated_supply(slips=EARLY_YEARS_SLIPS)),
    }
    shops = {"generated": generated_shop(now)}
    if (DATA / SALES_FILE).exists():
        sales = read_sales(DATA / SALES_FILE)
        demand = {
            "real, a month": demand_figures(_window_of(sales, 30, random.Random("0/window"))),
            "real, all": demand_figures(sales),
        } | demand
        supply = {"real (to 2012)": supply_figures(read_deliveries(DATA / DELIVERIES_FILE))} | supply
        shops = {"real": real_shop(now)} | shops
    else:
        print(f"The real data are not here (looked in {DATA}); only the generator is shown.")
    _print_table("Demand", demand)
    _print_table("Supply (published: early 27 %, median 0, 95 % 14 d, 99 % 51 d)", supply)
    for name, shop in shops.items():
        print(f"\nThe {name} shop. {shop.source}")
        for key, value in shop.summary.items():
            print(f"  {key:40}{value:10,}")


if __name__ == "__main__":
    main()
