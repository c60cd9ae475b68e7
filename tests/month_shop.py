"""The shop of a simulated month: forty SKUs, purchase orders that slip, bad luck, a count once a day."""

import dataclasses
import math
from datetime import date, datetime, timedelta

from fbm_sync.demo.shop import LANTERN, PurchaseOrder, Shop

SOLD_AHEAD = 12
"""So many SKUs may be sold before their purchase orders are here; the others are always in stock."""

_SPIKE = 5
_CERTAIN_SLIP = 9
"""So many days late is the first purchase order of the SKU that sells best, and nobody says so."""
_DAYS_ORDERED_BEFORE = 28


@dataclasses.dataclass(slots=True, kw_only=True)
class Fate:
    """What becomes of one purchase order; `told_on` is when its supplier says so, `None`: never.

    `shown_at` is when the seller's records first showed that it is not as confirmed.
    """

    confirmed_on: date
    told_on: date | None
    shown_at: datetime | None = None


class MonthShop(Shop):
    """A shop with enough of everything but a dozen SKUs, which live from purchase order to purchase order."""

    def __init__(self, seed: int, start_on: date, days: int, orders_a_day: int, slip_share: float) -> None:
        super().__init__(seed, start_on)
        self.start_on, self._slip_share = start_on, slip_share
        scale = orders_a_day / sum(product.units_a_day for product in self.products.values())
        self.sold_ahead = list(self.products)[-SOLD_AHEAD:]
        self.fates: dict[str, Fate] = {}
        self.lost: dict[str, datetime | None] = {}
        self.purchase_orders = []
        for sku, product in self.products.items():
            product.units_a_day *= scale
            if sku in self.sold_ahead:
                product.policy = "ahead"
                product.on_hand = math.ceil(product.units_a_day / 2)
                self._order_inbound(sku, days)
            else:
                product.on_hand = math.ceil(product.units_a_day * (days + 6) * 1.4) + 10

    def _order_inbound(self, sku: str, days: int) -> None:
        """Place a purchase order for every week of a SKU, each with its fate."""
        product, due = self.products[sku], self._dice.randint(1, 3)
        while due < days + 10:
            promised_on = self.start_on + timedelta(days=due)
            slip, told_on = self._draw_slip(promised_on)
            if sku == LANTERN and promised_on < self.start_on + timedelta(days=4):
                slip, told_on = _CERTAIN_SLIP, None
            number = len(self.purchase_orders) + 1
            po = PurchaseOrder(
                po_id=f"PO-{number:04}",
                sku=sku,
                supplier=product.supplier,
                quantity=math.ceil(product.units_a_day * 7.5),
                ordered_on=promised_on - timedelta(days=_DAYS_ORDERED_BEFORE),
                promised_on=promised_on,
                arrives_on=promised_on + timedelta(days=slip),
            )
            self.purchase_orders.append(po)
            self.fates[po.po_id] = Fate(confirmed_on=promised_on, told_on=told_on)
            due += self._dice.randint(6, 8)

    def _draw_slip(self, promised_on: date) -> tuple[int, date | None]:
        """Draw how late a purchase order is, and when its supplier says so; every other one never does."""
        luck = self._dice.random()
        if luck >= self._slip_share:
            return self._dice.choice((0, 0, 0, 0, 0, -1)), None
        if luck < self._slip_share / 2:
            return self._dice.choice((1, 2, 3, 5, 8)), None
        slip = self._dice.randint(5, 12)
        return slip, promised_on - timedelta(days=self._dice.randint(1, 5))

    def open_the_books(self, today: date, now: datetime) -> None:
        """Begin a day: put away yesterday's deliveries, take note of what suppliers say, count."""
        self.receive(today - timedelta(days=1))
        for po in self.purchase_orders:
            fate = self.fates[po.po_id]
            if fate.told_on is not None and fate.told_on <= today:
                po.promised_on = po.arrives_on
            is_late = not po.received and po.arrives_on > fate.confirmed_on
            if (
                is_late
                and fate.shown_at is None
                and (po.promised_on != fate.confirmed_on or today > po.promised_on)
            ):
                fate.shown_at = now
        for sku, shown_at in self.lost.items():
            if shown_at is None:
                self.lost[sku] = now

    def lose_stock(self) -> str:
        """Let most of what lies on the shelf of one SKU be gone, which nobody knows before the next count."""
        whole = [sku for sku in self.products if sku not in self.sold_ahead and sku not in self.lost]
        sku = max(whole, key=lambda one: self.products[one].units_a_day)
        self.products[sku].on_hand = 0
        self.lost[sku] = None
        return sku

    def becomes_fashion(self) -> str:
        """Let buyers want one SKU that is sold ahead several times as much."""
        sku = self._dice.choice(self.sold_ahead)
        self.products[sku].units_a_day *= _SPIKE
        return sku

    def goes_out_of_fashion(self, sku: str) -> None:
        """Let buyers want a SKU as much as before."""
        self.products[sku].units_a_day /= _SPIKE

    def waits_for_late_delivery(self, sku: str) -> list[Fate]:
        """Return the fates of a SKU's purchase orders that are later than confirmed and not here yet."""
        return [
            self.fates[po.po_id]
            for po in self.purchase_orders
            if po.sku == sku and not po.received and po.arrives_on > self.fates[po.po_id].confirmed_on
        ]
