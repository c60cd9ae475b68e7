"""What the seller has and what is coming, as the seller's own records say it."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NewType

from fbm_sync.domain.order import Fulfiller, Order, Sku

LotId = NewType("LotId", str)

_FACTORY, _CUSTOMS = "factory", "customs"


class LotStatus(enum.StrEnum):
    """How far a purchase order line has come."""

    PLANNED = "planned"
    CONFIRMED = "confirmed"
    IN_TRANSIT = "in_transit"
    CUSTOMS = "customs"
    RECEIVED = "received"
    CANCELLED = "cancelled"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    """One SKU's count in the warehouse at an instant; units on the shelf, never a listing's quantity."""

    sku: Sku
    on_hand: int
    counted_at: datetime
    damaged: int = 0
    quality_hold: int = 0
    reserved_elsewhere: int = 0
    pool: str = ""

    @property
    def sellable_units(self) -> int:
        """Units free for Amazon orders at the time of the count; below zero when others hold too many."""
        return self.on_hand - self.damaged - self.quality_hold - self.reserved_elsewhere


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One stage of a lot's way, such as factory, ocean, customs, road, and the day it should be over."""

    name: str
    planned_end_on: date


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One expected receipt: the unit that is late together.

    `promised_on` is the supplier's confirmed date of arrival, `ordered_on` the day we ordered; `legs`
    are the stages of its way in their order, if they are known.
    """

    po_id: str
    line: str
    sku: Sku
    quantity: int
    supplier: str
    status: LotStatus = LotStatus.CONFIRMED
    received_units: int = 0
    ordered_on: date | None = None
    promised_on: date | None = None
    lane: str = ""
    pool: str = ""
    legs: tuple[Leg, ...] = ()

    @property
    def lot_id(self) -> LotId:
        """The name under which decisions and alerts blame this lot."""
        return LotId(f"{self.po_id}/{self.line}")

    @property
    def open_units(self) -> int:
        """Units still expected; nothing once it is received or cancelled."""
        if self.status in (LotStatus.RECEIVED, LotStatus.CANCELLED):
            return 0
        return max(0, self.quantity - self.received_units)

    @property
    def planned_on(self) -> date | None:
        """The day it is planned to arrive: the end of its last leg, else as the supplier confirmed."""
        return self.legs[-1].planned_end_on if self.legs else self.promised_on

    @property
    def legs_ahead(self) -> tuple[Leg, ...]:
        """The legs that are not over yet, as far as the status tells.

        What travels has left the factory; what is at customs has all legs before customs behind it.
        """
        names = [leg.name for leg in self.legs]
        done = 0
        if self.status in (LotStatus.IN_TRANSIT, LotStatus.CUSTOMS) and _FACTORY in names:
            done = names.index(_FACTORY) + 1
        if self.status is LotStatus.CUSTOMS and _CUSTOMS in names:
            done = max(done, names.index(_CUSTOMS))
        return self.legs[done:]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A past arrival: what really happened to a purchase order, the food of lead-time learning.

    It may also be the end of one leg of the way: then `lane` is the leg's name, and the dates are those
    of the leg: planned and real end, as planned when it began.
    """

    po_id: str
    supplier: str
    received_on: date
    quantity: int
    delivery_id: str = ""
    sku: Sku | None = None
    ordered_on: date | None = None
    promised_on: date | None = None
    lane: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """What the seller says of a SKU beyond its stock: its policy and the numbers behind it.

    Money is in minor units of the account's currency. `None` means "use the policy's value". The listing
    of a `locked` SKU is left as it is, whatever happens.
    """

    sku: Sku
    policy: str | None = None
    product_type: str | None = None
    category: str | None = None
    unit_cost_minor: int | None = None
    price_minor: int | None = None
    safety_stock: int | None = None
    max_listed: int | None = None
    handling_days: int | None = None
    supplier: str | None = None
    prime_template: bool = False
    release_on: date | None = None
    locked: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SupplySnapshot:
    """Everything the seller's records say at one reading."""

    stock: tuple[StockCount, ...]
    lots: tuple[Lot, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    catalog: tuple[CatalogEntry, ...] = ()

    @property
    def counted_at(self) -> datetime | None:
        """The newest count in it: how old the truth about stock is at best."""
        return max((count.counted_at for count in self.stock), default=None)

    @property
    def counted_by_pool(self) -> Mapping[str, datetime]:
        """The newest count of each pool."""
        newest: dict[str, datetime] = {}
        for count in self.stock:
            newest[count.pool] = max(count.counted_at, newest.get(count.pool, count.counted_at))
        return newest

    @property
    def on_hand_units(self) -> int:
        """All units counted, the measure by which a shrunken snapshot is noticed."""
        return sum(count.on_hand for count in self.stock)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSummary:
    """What is remembered of the last accepted snapshot, enough to doubt the next one."""

    counted_at: datetime | None
    skus: int
    on_hand_units: int


_CLOCK_TOLERANCE = timedelta(minutes=10)


def doubts_about(
    candidate: SupplySnapshot, previous: SnapshotSummary | None, *, now: datetime, max_shrink_share: float
) -> tuple[str, ...]:
    """Say why a new snapshot should not be believed; empty when it may be recorded.

    A snapshot is refused when it is older than the last one, counted in the future, empty where the
    last one was full, or shrunken by more than `max_shrink_share` of its SKUs or of its units: a
    broken export looks exactly like a sold-out shop.
    """
    counted_at = candidate.counted_at
    doubts = []
    if counted_at is not None and counted_at > now + _CLOCK_TOLERANCE:
        doubts.append(f"counted at {counted_at:%Y-%m-%d %H:%M}Z, which is in the future")
    if previous is None or previous.skus == 0:
        return tuple(doubts)
    if not candidate.stock:
        return (f"the stock list is empty, the last one had {previous.skus} SKUs",)
    if counted_at is not None and previous.counted_at is not None and counted_at < previous.counted_at:
        last = f"{previous.counted_at:%Y-%m-%d %H:%M}Z"
        doubts.append(f"counted at {counted_at:%Y-%m-%d %H:%M}Z, before the last one ({last})")
    skus = len({count.sku for count in candidate.stock})
    if skus < previous.skus * (1 - max_shrink_share):
        doubts.append(f"{skus} SKUs where the last one had {previous.skus}")
    if candidate.on_hand_units < previous.on_hand_units * (1 - max_shrink_share):
        doubts.append(
            f"{candidate.on_hand_units} units on hand where the last one had {previous.on_hand_units}"
        )
    return tuple(doubts)


def why_stale(counted_at: datetime | None, now: datetime, *, max_age_hours: int) -> str | None:
    """Say why the stock list is too old to raise anything; `None` while it is fresh.

    The words name the count's time, not its age: a decision does not change because a minute passed.
    """
    if counted_at is None:
        return "no stock has been counted yet."
    if now - counted_at <= timedelta(hours=max_age_hours):
        return None
    return f"the stock list was counted at {counted_at:%Y-%m-%d %H:%M}Z, more than {max_age_hours} h ago."


def sellable_on_hand(counts: Iterable[StockCount], orders: Iterable[Order]) -> Mapping[Sku, int]:
    """Return the units on the shelf that may go to Amazon orders, by SKU; may be negative.

    Units that left in a parcel after the count come off, until the next count has seen it. Safety
    stock is not withheld here: it is withheld from *sale*, while open orders may still use it.
    """
    counted_at: dict[Sku, datetime] = {}
    units: dict[Sku, int] = {}
    for count in counts:
        units[count.sku] = units.get(count.sku, 0) + count.sellable_units
        counted_at[count.sku] = min(counted_at.get(count.sku, count.counted_at), count.counted_at)
    for order in orders:
        if order.fulfilled_by is Fulfiller.AMAZON:
            continue
        for shipment in order.shipments:
            if shipment.sku in counted_at and shipment.shipped_at > counted_at[shipment.sku]:
                units[shipment.sku] -= shipment.units
    return units
