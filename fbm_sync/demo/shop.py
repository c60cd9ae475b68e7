"""The made-up shop: forty SKUs, three suppliers with a past, a warehouse that keeps its own records."""

import csv
import dataclasses
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

TIMEZONE = "America/Los_Angeles"
SELLER_ID = "A1DEMOSHOP"
MARKETPLACE_ID = "ATVPDKIKX0DER"

LANTERN, KETTLE = "LANTERN-CAMP", "KETTLE-COPPER"
"""The two SKUs of the story: one runs out and comes back as promised, one waits for a PO that slips."""

LANTERN_PO, KETTLE_PO = "PO-1007", "PO-1012"

_COLOURS = ("OAK", "SLATE", "SAND", "MOSS", "CLAY", "INK")
_THINGS = ("MUG", "BOWL", "TRAY", "LAMP", "VASE", "CLOCK", "STOOL")
_SECOND_LINE_SHARE = 0.1
_PAST_SLIPS = (-3, -2, -2, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3)


@dataclasses.dataclass(slots=True, kw_only=True)
class Product:
    """One SKU: how it sells and what it costs, and how many are on the shelf now."""

    sku: str
    supplier: str
    price: str
    cost: str
    units_a_day: float
    on_hand: int
    policy: str = "default"


@dataclasses.dataclass(slots=True, kw_only=True)
class PurchaseOrder:
    """One open purchase order line; `arrives_on` is what really happens, which nobody knows yet."""

    po_id: str
    sku: str
    supplier: str
    quantity: int
    ordered_on: date
    promised_on: date
    arrives_on: date
    received: bool = False


class Shop:
    """The shop's goods and records; `write_records` puts them where the daemon reads them."""

    def __init__(self, seed: int, start_on: date) -> None:
        self._dice = random.Random(seed)
        self.products = {product.sku: product for product in self._range()}
        self.purchase_orders = _purchase_orders(start_on)
        self._receipts = _past_receipts(start_on)

    def _range(self) -> Iterable[Product]:
        names = [f"{thing}-{colour}" for thing in _THINGS for colour in _COLOURS][:38]
        for index, name in enumerate(names):
            rate = round(0.4 + 3.2 * self._dice.random() ** 3, 2)
            yield Product(
                sku=name,
                supplier=("Harbour Pottery", "Northwood")[index % 2],
                price=f"{self._dice.randint(12, 60)}.90",
                cost=f"{self._dice.randint(4, 9)}.40",
                units_a_day=rate,
                on_hand=int(rate * 25) + self._dice.randint(5, 20),
            )
        yield Product(
            sku=LANTERN,
            supplier="Lumen Works",
            price="39.90",
            cost="14.20",
            units_a_day=7,
            on_hand=16,
            policy="ahead",
        )
        yield Product(
            sku=KETTLE,
            supplier="Lumen Works",
            price="74.00",
            cost="31.00",
            units_a_day=3,
            on_hand=6,
            policy="ahead",
        )

    def baskets(self, hours: float) -> list[dict[str, int]]:
        """Draw what buyers want in a span of time: mostly one line, now and then two."""
        baskets = []
        skus = list(self.products)
        for product in self.products.values():
            for _ in range(self._arrivals(product.units_a_day * hours / 24)):
                basket = {product.sku: 1}
                if self._dice.random() < _SECOND_LINE_SHARE:
                    basket[self._dice.choice(skus[:38])] = 1
                baskets.append(basket)
        return baskets

    def _arrivals(self, mean: float) -> int:
        """Draw a Poisson number by counting exponential gaps."""
        count, left = 0, mean
        while (left := left - self._dice.expovariate(1.0)) > 0:
            count += 1
        return count

    def receive(self, today: date) -> list[PurchaseOrder]:
        """Put away what arrives by today; return the purchase orders that came."""
        landed = [po for po in self.purchase_orders if not po.received and po.arrives_on <= today]
        for po in landed:
            po.received = True
            self.products[po.sku].on_hand += po.quantity
            self._receipts.append(
                _receipt(po.po_id, po.supplier, po.ordered_on, po.promised_on, today, po.quantity)
            )
        return landed

    def slip(self, po_id: str, days: int) -> PurchaseOrder:
        """Let a supplier confirm a later date."""
        po = next(po for po in self.purchase_orders if po.po_id == po_id)
        po.promised_on += timedelta(days=days)
        po.arrives_on += timedelta(days=days)
        return po

    def take(self, items: Mapping[str, int]) -> bool:
        """Take an order's units off the shelf, all or nothing."""
        if any(self.products[sku].on_hand < units for sku, units in items.items()):
            return False
        for sku, units in items.items():
            self.products[sku].on_hand -= units
        return True

    def write_records(self, directory: Path, now: datetime) -> None:
        """Write the four CSV files."""
        directory.mkdir(parents=True, exist_ok=True)
        _write(
            directory / "stock.csv",
            ("sku", "on_hand", "counted_at"),
            [(product.sku, product.on_hand, now.isoformat()) for product in self.products.values()],
        )
        _write(
            directory / "inbound.csv",
            ("po_id", "line", "sku", "quantity", "supplier", "ordered_on", "promised_on", "status"),
            [
                (po.po_id, 1, po.sku, po.quantity, po.supplier, po.ordered_on, po.promised_on, "confirmed")
                for po in self.purchase_orders
                if not po.received
            ],
        )
        _write(
            directory / "receipts.csv",
            ("po_id", "supplier", "ordered_on", "promised_on", "received_on", "quantity", "delivery_id"),
            self._receipts,
        )
        _write(
            directory / "catalog.csv",
            ("sku", "policy", "supplier", "price", "unit_cost", "category"),
            [(p.sku, p.policy, p.supplier, p.price, p.cost, "home") for p in self.products.values()],
        )

    def scenario(self, start_at: datetime, seed: int) -> dict[str, Any]:
        """Return the shop as Amazon sees it on the first day."""
        return {
            "seller_id": SELLER_ID,
            "marketplace_id": MARKETPLACE_ID,
            "timezone": TIMEZONE,
            "start_at": start_at.isoformat(),
            "seed": seed,
            "listings": [
                {
                    "sku": product.sku,
                    "title": product.sku.replace("-", " ").title(),
                    "quantity": product.on_hand,
                    "handling_days": 2,
                    "price": product.price,
                    "currency": "USD",
                }
                for product in self.products.values()
            ],
        }


def _purchase_orders(start_on: date) -> list[PurchaseOrder]:
    def day(offset: int) -> date:
        return start_on + timedelta(days=offset)

    def order(po_id: str, sku: str, quantity: int, due: int) -> PurchaseOrder:
        return PurchaseOrder(
            po_id=po_id,
            sku=sku,
            supplier="Lumen Works",
            quantity=quantity,
            ordered_on=day(-30),
            promised_on=day(due),
            arrives_on=day(due),
        )

    return [order(LANTERN_PO, LANTERN, 90, 6), order(KETTLE_PO, KETTLE, 60, 9)]


def _past_receipts(start_on: date) -> list[tuple[object, ...]]:
    """Give each supplier two dozen past deliveries, mostly on time, some early, a few late."""
    receipts = []
    for number, supplier in enumerate(("Harbour Pottery", "Northwood", "Lumen Works")):
        for index, slip in enumerate(_PAST_SLIPS):
            promised = start_on - timedelta(days=20 + 11 * index + number)
            received = promised + timedelta(days=slip)
            ordered = promised - timedelta(days=28)
            receipts.append(_receipt(f"PO-{number}{index:02}", supplier, ordered, promised, received, 50))
    return receipts


def _receipt(
    po_id: str, supplier: str, ordered: date, promised: date, received: date, units: int
) -> tuple[object, ...]:
    return (po_id, supplier, ordered, promised, received, units, f"D-{po_id}")


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
