"""Suppositions: a delivery slips, demand doubles, an option has another value; nothing of it is real.

A supposition is one changed fact or rule. It is read from a short text and applied to the facts and terms
of a shop, which can then be planned as if it were so.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.order import Order, OrderId, OrderItem, Sku, held_units, urgency
from fbm_sync.domain.policy import BackorderPolicy
from fbm_sync.domain.shop import ShopFacts, ShopTerms
from fbm_sync.domain.supply import Lot, LotStatus, StockCount, sellable_on_hand

FORMS = {
    "po": "po:PO-17 +9d, po:PO-17/1 -3d, po:PO-17 on 2026-04-01, po:PO-17/1 quantity 50, po:PO-17 cancelled",
    "sku": "sku:ABC on_hand 40, sku:ABC on_hand 40 in POOL, sku:ABC demand x2",
    "policy": "policy:default confidence=0.9",
}
"""What may be supposed, by the word a supposition begins with, in examples."""

_LOT = re.compile(
    r"po:(?P<name>\S.*?)\s+(?:(?P<days>[+-]\d{1,3})d|on\s+(?P<on>\d{4}-\d\d-\d\d)"
    r"|quantity\s+(?P<units>\d{1,9})|(?P<cancelled>cancelled))"
)
_SKU = re.compile(
    r"sku:(?P<name>\S.*?)\s+(?:on_hand\s+(?P<units>\d{1,9})(?:\s+in\s+(?P<pool>\S.*))?"
    r"|demand\s+x(?P<factor>\d{1,3}(?:\.\d{1,3})?))"
)
_POLICY = re.compile(r"policy:(?P<name>[^\s=]+)\s+(?P<key>[a-z_]+)\s*=\s*(?P<value>\S.*)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LotChange:
    """A purchase order, or one line of it, comes otherwise; exactly one of the fields says how.

    `name` is a purchase order or a line of one ("PO-17/1"). `days` moves its date, `on` sets it.
    """

    name: str
    days: int | None = None
    on: date | None = None
    units: int | None = None
    cancelled: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CountChange:
    """Another count of a SKU, now; `pool` is needed only where it is counted in several."""

    sku: Sku
    units: int
    pool: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class DemandChange:
    """A SKU sells so many times as fast.

    Above 1 each open order of it also gets company: new orders, due at the same time, for the units
    that come on top. Below 1 the orders that are there stay.
    """

    sku: Sku
    factor: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """A policy's option has another value, as the configuration file would spell it."""

    policy: str
    key: str
    value: str


Change = LotChange | CountChange | DemandChange | PolicyChange


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """One changed fact or rule, with the text it was read from and its place among the others."""

    place: int
    text: str
    change: Change

    def fault(self, why: str) -> str:
        """Say what is wrong with it."""
        return _fault(self.place, self.text, why)


def _fault(place: int, text: str, why: str) -> str:
    return f"--what-if number {place} ({text!r}): {why}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The suppositions that could be read, and what is wrong with each of the others."""

    suppositions: tuple[Supposition, ...]
    faults: tuple[str, ...]


def parse(texts: Iterable[str]) -> Parsed:
    """Read suppositions; every text that is none is named with its place and what may be written."""
    found, faults = [], []
    for place, text in enumerate(texts, start=1):
        change = _change(" ".join(text.split()))
        if isinstance(change, str):
            faults.append(_fault(place, text, change))
        else:
            found.append(Supposition(place=place, text=text, change=change))
    return Parsed(suppositions=tuple(found), faults=tuple(faults))


def _change(text: str) -> Change | str:
    """Return what a text supposes, or why it supposes nothing."""
    kind, colon, _ = text.partition(":")
    if not colon or kind not in FORMS:
        return f"begins with none of po:, sku:, policy:; write for example {FORMS['po'].split(', ')[0]}"
    if match := _LOT.fullmatch(text):
        return _lot_change(match)
    if match := _SKU.fullmatch(text):
        if match["units"] is not None:
            return CountChange(sku=Sku(match["name"]), units=int(match["units"]), pool=match["pool"])
        return DemandChange(sku=Sku(match["name"]), factor=float(match["factor"]))
    if match := _POLICY.fullmatch(text):
        return PolicyChange(policy=match["name"], key=match["key"], value=match["value"])
    return f"cannot be read; write it like {FORMS[kind]}"


def _lot_change(match: re.Match[str]) -> LotChange | str:
    on = None
    if match["on"] is not None:
        try:
            on = date.fromisoformat(match["on"])
        except ValueError:
            return f"there is no day {match['on']}"
    return LotChange(
        name=match["name"],
        days=None if match["days"] is None else int(match["days"]),
        on=on,
        units=None if match["units"] is None else int(match["units"]),
        cancelled=match["cancelled"] is not None,
    )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """A shop as supposed; not to be used when there are faults."""

    facts: ShopFacts
    terms: ShopTerms
    faults: tuple[str, ...] = ()


def suppose(
    facts: ShopFacts,
    terms: ShopTerms,
    suppositions: Iterable[Supposition],
    *,
    now: datetime,
    policies: Mapping[str, BackorderPolicy] | None = None,
) -> Supposed:
    """Change facts and terms as supposed, one supposition after the other, in the order given.

    `policies` are all policies with the supposed options in them: what an option may hold is for the
    configuration to say. A supposition about what the shop does not have is a fault.
    """
    supposed = Supposed(
        facts=facts, terms=terms if policies is None else dataclasses.replace(terms, policies=policies)
    )
    for one in suppositions:
        outcome = _with(supposed.facts, one.change, now)
        if isinstance(outcome, str):
            supposed = dataclasses.replace(supposed, faults=(*supposed.faults, one.fault(outcome)))
        else:
            supposed = dataclasses.replace(supposed, facts=outcome)
    return supposed


def _with(facts: ShopFacts, change: Change, now: datetime) -> ShopFacts | str:
    """Return the facts with one change, or why there is nothing it could change."""
    match change:
        case LotChange():
            return _with_lots(facts, change)
        case CountChange():
            return _with_count(facts, change, now)
        case DemandChange():
            return _with_demand(facts, change, now)
    return facts


def _with_lots(facts: ShopFacts, change: LotChange) -> ShopFacts | str:
    changed, lots = 0, []
    for lot in facts.supply.lots:
        if change.name in (lot.po_id, lot.lot_id) and lot.open_units:
            moved = _changed_lot(lot, change)
            if moved is None:
                return f"{lot.lot_id} has no date that could move; write 'po:{lot.lot_id} on' and the day"
            lots.append(moved)
            changed += 1
        else:
            lots.append(lot)
    if not changed:
        known = sorted({lot.po_id for lot in facts.supply.lots if lot.open_units})
        return f"no purchase order {change.name} is open (open are {_some(known)})"
    return dataclasses.replace(facts, supply=dataclasses.replace(facts.supply, lots=tuple(lots)))


def _changed_lot(lot: Lot, change: LotChange) -> Lot | None:
    """Return a lot as supposed; `None` when its date shall move but it has none."""
    if change.cancelled:
        return dataclasses.replace(lot, status=LotStatus.CANCELLED)
    if change.units is not None:
        return dataclasses.replace(lot, quantity=lot.received_units + change.units)
    if change.on is None:
        return _moved(lot, timedelta(days=change.days or 0))
    if lot.planned_on is None:
        return dataclasses.replace(lot, promised_on=change.on)
    return _moved(lot, change.on - lot.planned_on)


def _moved(lot: Lot, shift: timedelta) -> Lot | None:
    """Let a lot come earlier or later: all that is left of its way, its date, or its day of ordering."""
    if lot.planned_on is None:
        # Its arrival is reckoned from the day of ordering.
        return dataclasses.replace(lot, ordered_on=lot.ordered_on + shift) if lot.ordered_on else None
    behind = min(len(lot.legs) - len(lot.legs_ahead), max(0, len(lot.legs) - 1))
    ahead = (dataclasses.replace(leg, planned_end_on=leg.planned_end_on + shift) for leg in lot.legs[behind:])
    return dataclasses.replace(
        lot,
        promised_on=lot.promised_on and lot.promised_on + shift,
        legs=(*lot.legs[:behind], *ahead),
    )


def _with_count(facts: ShopFacts, change: CountChange, now: datetime) -> ShopFacts | str:
    """Put another count in the place of the last one, as old as that: one count does not freshen the rest."""
    ours = [count for count in facts.supply.stock if count.sku == change.sku]
    pools = sorted({count.pool for count in ours})
    if change.pool is not None and change.pool not in pools:
        return f"{change.sku} is not counted in the pool {change.pool} (counted in {_some(pools)})"
    if change.pool is None and len(ours) > 1:
        return f"{change.sku} is counted in several pools ({_some(pools)}); write 'in' and the pool"
    if not ours and not _is_known(facts, change.sku):
        return f"neither the stock list nor a listing or an order has the SKU {change.sku}"
    if not ours:
        new = StockCount(sku=change.sku, on_hand=change.units, counted_at=facts.supply.counted_at or now)
        counts = (*facts.supply.stock, new)
    else:
        (old,) = [count for count in ours if change.pool in (None, count.pool)]
        # What left in parcels since that count comes off again, and is not what is supposed.
        left = old.sellable_units - sellable_on_hand([old], facts.recent).get(change.sku, 0)
        new = dataclasses.replace(old, on_hand=change.units + left)
        counts = tuple(new if count is old else count for count in facts.supply.stock)
    return dataclasses.replace(facts, supply=dataclasses.replace(facts.supply, stock=counts))


def _with_demand(facts: ShopFacts, change: DemandChange, now: datetime) -> ShopFacts | str:
    if not _is_known(facts, change.sku):
        return f"no listing and no order has the SKU {change.sku}"
    factor = facts.demand_factors.get(change.sku, 1.0) * change.factor
    return dataclasses.replace(
        facts,
        holding=(*facts.holding, *_company(facts.holding, change, now)),
        demand_factors={**facts.demand_factors, change.sku: factor},
    )


def _is_known(facts: ShopFacts, sku: Sku) -> bool:
    listed = any(sku in offers for offers in facts.observed.values())
    orders = (*facts.holding, *facts.recent)
    return listed or any(item.sku == sku for order in orders for item in order.items)


def _company(orders: Sequence[Order], change: DemandChange, now: datetime) -> Iterable[Order]:
    """Yield the orders that come on top of the open ones, whole units in sum as exact as they can be."""
    more = max(0.0, change.factor - 1.0)
    before = 0
    for order in sorted(orders, key=urgency):
        wanted = sum(units for item, units in held_units(order, now).items() if item.sku == change.sku)
        units = math.floor((before + wanted) * more + 0.5) - math.floor(before * more + 0.5)
        before += wanted
        if units:
            item = OrderItem(order_item_id="supposed", sku=change.sku, ordered_units=units)
            name = OrderId(f"{order.order_id} (supposed)")
            yield dataclasses.replace(
                order, order_id=name, items=(item,), shipments=(), created_at=now, units_kept_until=None
            )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(name or "the one without a name" for name in names[:8])
    return f"{shown}, …" if len(names) > 8 else shown or "none"  # noqa: PLR2004 - what fits a line
