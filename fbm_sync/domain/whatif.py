"""What if? The same shop planned twice at the same moment, without and with what is supposed."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime

from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.health import headroom
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.plan import ShopPlan, plan_shop
from fbm_sync.domain.risk import OrderOutlook, OrderState
from fbm_sync.domain.shop import ShopFacts, ShopTerms
from fbm_sync.domain.supposition import Supposed


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ShortageChange:
    """Units of a SKU that nothing covers, without and with what is supposed, and the orders short then."""

    account: str
    sku: str
    before: int
    after: int
    orders: tuple[OrderId, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many more late and cancelled orders an account can take once what is planned has come true.

    Late orders that will leave after their ship-by use up the room for late ones, orders that nothing
    covers the room for cancelled ones; below zero the account is over Amazon's limit by so many.
    """

    late_orders: int
    cancelled_orders: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a supposition changes: offers, orders that become late or are late no more, shortages, room.

    `offers` are pairs of decisions, without and with what is supposed. `rooms` are such pairs by account.
    """

    offers: tuple[tuple[OfferDecision, OfferDecision], ...]
    newly_late: tuple[OrderOutlook, ...]
    no_longer_late: tuple[OrderOutlook, ...]
    shortages: tuple[ShortageChange, ...]
    rooms: Mapping[str, tuple[Room, Room]]


def what_if(
    facts: ShopFacts, terms: ShopTerms, supposed: Supposed, *, now: datetime, run_id: str
) -> Difference:
    """Plan a shop without and with what is supposed, at the same moment, and say what differs."""
    before = plan_shop(facts, terms, now=now, run_id=run_id)
    after = plan_shop(supposed.facts, supposed.terms, now=now, run_id=run_id)
    was_late = {_key(one) for one in before.orders.outlooks if is_late(one)}
    will_be_late = {_key(one) for one in after.orders.outlooks if is_late(one)}
    decisions = {(one.account, one.sku): one for one in before.decisions}
    pairs = ((decisions[one.account, one.sku], one) for one in after.decisions)
    return Difference(
        offers=tuple((old, new) for old, new in pairs if (old.mode, old.desired) != (new.mode, new.desired)),
        newly_late=tuple(one for one in after.orders.outlooks if _key(one) in will_be_late - was_late),
        no_longer_late=tuple(one for one in after.orders.outlooks if _key(one) in was_late - will_be_late),
        shortages=_shortage_changes(before, after),
        rooms={
            account: (_room(facts, before, account, now), _room(supposed.facts, after, account, now))
            for account in sorted(terms.accounts)
        },
    )


def is_late(outlook: OrderOutlook) -> bool:
    """Tell whether an order is not expected to leave by its ship-by; never where that is unknown."""
    if outlook.ship_by_at is None or outlook.state is OrderState.CANCEL_REQUESTED:
        return False
    return outlook.promise_on is None or (outlook.slack_days is not None and outlook.slack_days < 0)


def _key(outlook: OrderOutlook) -> tuple[str, str]:
    return outlook.account, outlook.order_id


def _shortage_changes(before: ShopPlan, after: ShopPlan) -> tuple[ShortageChange, ...]:
    old, new = before.orders.short, after.orders.short
    changes = []
    for account, sku in sorted(old.keys() | new.keys()):
        was, (units, orders) = old.get((account, sku), (0, ()))[0], new.get((account, sku), (0, ()))
        if was != units:
            changes.append(ShortageChange(account=account, sku=sku, before=was, after=units, orders=orders))
    return tuple(changes)


def _room(facts: ShopFacts, plan: ShopPlan, account: str, now: datetime) -> Room:
    """Take what is planned off the account's headroom; an order overdue already counts as late in it."""
    room = headroom((order for order in facts.recent if order.account == account), now)
    late = [one for one in plan.orders.outlooks if one.account == account and is_late(one)]
    uncovered = sum(one.promise_on is None for one in late)
    overdue = sum(one.promise_on is not None and _is_over(one, now) for one in late)
    return Room(
        late_orders=room.late_orders - (len(late) - uncovered - overdue),
        cancelled_orders=room.cancelled_orders - uncovered,
    )


def _is_over(outlook: OrderOutlook, now: datetime) -> bool:
    return outlook.ship_by_at is not None and outlook.ship_by_at < now
