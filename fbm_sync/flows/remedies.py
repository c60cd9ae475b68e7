"""What can be done about orders in danger, weighed by the account's room, by prices and other orders."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fbm_sync.domain.donor import donor_among
from fbm_sync.domain.order import Sku
from fbm_sync.domain.remedy import Money, Remedy, Room, remedies_for
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, OrderState
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.slip import OrderKey
from fbm_sync.domain.standing import CR_7, LSR_10, OTDR_14
from fbm_sync.domain.supply import CatalogEntry
from fbm_sync.flows.facts import load_standings
from fbm_sync.ports import Books


def load_remedies(
    books: Books, shop: ShopTerms, outlooks: Sequence[OrderOutlook], now: datetime
) -> Mapping[OrderKey, tuple[Remedy, ...]]:
    """Weigh what can be done about each of these orders that is in danger."""
    in_need = [one for one in outlooks if one.state in IN_DANGER or one.state is OrderState.CANCEL_REQUESTED]
    if not in_need:
        return {}
    rooms = {account: _room(books, shop, account, now) for account in {one.account for one in in_need}}
    skus = {item.sku for one in in_need for item in one.items}
    entries = {entry.sku: entry for entry in books.supply.part(skus).catalog}
    awaited = {item.sku for one in in_need if one.awaits and not one.is_short for item in one.items}
    givers = [one for one in books.watch.orders_for(awaited) if one.state is OrderState.ON_TRACK]
    by_sku: dict[tuple[str, Sku], list[OrderOutlook]] = {}
    for giver in givers:
        for sku in {item.sku for item in giver.items}:
            by_sku.setdefault((giver.account, sku), []).append(giver)
    found = {}
    for one in in_need:
        others = [giver for item in one.items for giver in by_sku.get((one.account, item.sku), ())]
        found[one.account, one.order_id] = remedies_for(
            one,
            room=rooms[one.account],
            money=_money(one, shop, entries),
            donor=donor_among(one, others),
            now=now,
            today=shop.calendars.of(one.account).local_date(now),
        )
    return found


def _room(books: Books, shop: ShopTerms, account: str, now: datetime) -> Room:
    """Return what an account has left now; where no delivery has been judged yet, nobody knows of units."""
    lsr, cr, otdr = load_standings(books, shop, now, account, (LSR_10, CR_7, OTDR_14))
    return Room(
        late_orders=lsr.headroom_orders,
        cancelled_orders=cr.headroom_orders,
        late_units=otdr.headroom_orders if otdr.denominator else None,
    )


def _money(outlook: OrderOutlook, shop: ShopTerms, entries: Mapping[Sku, CatalogEntry]) -> Money:
    """Return what a late order costs by its policy, and what cancelling it forgoes; `None` where unknown."""
    known = [entries.get(item.sku) or CatalogEntry(sku=item.sku) for item in outlook.items]
    late = [shop.policy_for(entry).late_order_cost_minor for entry in known]
    forgone = [
        None
        if entry.price_minor is None or entry.unit_cost_minor is None
        else max(0, entry.price_minor - entry.unit_cost_minor) * item.open_units
        for item, entry in zip(outlook.items, known, strict=True)
    ]
    costs = [cost for cost in late if cost is not None]
    return Money(
        late_minor=max(costs) if costs else None,
        forgone_minor=None if None in forgone else sum(part for part in forgone if part is not None),
    )
