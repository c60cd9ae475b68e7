"""All that is wrong now, collected from what is recorded; remembering and telling it is the alert's work."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from fbm_sync.domain.alert import Finding
from fbm_sync.domain.deadline import MOMENT
from fbm_sync.domain.drift import drift_finding
from fbm_sync.domain.finding import (
    credential_finding,
    hold_finding,
    order_findings,
    oversold_findings,
    push_findings,
    quarantine_finding,
    stale_orders_finding,
    supply_findings,
)
from fbm_sync.domain.remedy import action_of
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, shortages
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.sku_finding import worry_findings
from fbm_sync.domain.slip import OrderKey, Slip, SlippedLot, bundles_of, slip_finding, slips_of
from fbm_sync.domain.supply import why_stale
from fbm_sync.flows.health import look_at_health
from fbm_sync.flows.remedies import load_remedies
from fbm_sync.ports import Books


def gather_findings(
    books: Books,
    shop: ShopTerms,
    now: datetime,
    *,
    stale_minutes: int,
    secrets_created: Mapping[str, date],
) -> list[Finding]:
    """Collect all that is wrong now: orders, stock, the seller's records, pushes, reading itself.

    What takes longer to look for is noted by whoever looks, and found here until it is looked for again.
    """
    look_at_health(books, shop, now)
    state = books.supply.state()
    counted_at = max(state.counted_at.values(), default=None)
    stale = why_stale(counted_at, now, max_age_hours=shop.limits.max_supply_age_hours)
    worrying = books.orders.worrying()
    slips = _slips(books, shop, now)
    found = [
        *order_findings(worrying, _actions(books, shop, worrying, now), bundles_of(slips)),
        *(slip_finding(slip, shop.calendar.local_date(now)) for slip in slips),
        *oversold_findings(shortages(worrying)),
        *supply_findings(stale, state.doubts),
        *_listing_findings(books),
        *books.alerts.noted(),
    ]
    for account in shop.accounts:
        found.extend(push_findings(books.offers.receipts(account), now, shop.limits))
        found.extend(
            hold_finding(account, hold.hold_id, hold.reasons, len(hold.changes))
            for hold in books.offers.holds(account)
            if not hold.is_released(now)
        )
        late = stale_orders_finding(account, books.runs.last_success("pull", account), now, stale_minutes)
        created_on = secrets_created.get(account)
        expiring = credential_finding(account, created_on, now.date()) if created_on else None
        found.extend(one for one in (late, expiring) if one is not None)
    found.extend(
        quarantine_finding(item.account, item.subject, item.reason) for item in books.orders.quarantined()
    )
    return found


def _actions(
    books: Books, shop: ShopTerms, worrying: Sequence[OrderOutlook], now: datetime
) -> Mapping[OrderKey, str]:
    """Return the least bad step for each order in danger."""
    weighed = load_remedies(books, shop, worrying, now)
    return {
        (one.account, one.order_id): action_of(weighed.get((one.account, one.order_id), ()), one.action)
        for one in worrying
    }


def _slips(books: Books, shop: ShopTerms, now: datetime) -> tuple[Slip, ...]:
    """Return the purchase orders that slipped and that open orders wait for.

    How an order stood before is looked up at the last moment before the date moved, or had passed.
    """
    today = shop.calendar.local_date(now)
    lots = books.watch.slipped_lots(today)
    if not lots:
        return ()
    waiting = books.watch.waiting_for({lot.sku for lot in lots})
    slipped_at = {lot.lot: _slipped_at(lot, shop, today) for lot in lots}
    endangered: dict[datetime, list[OrderOutlook]] = {}
    for one in waiting:
        if one.state in IN_DANGER and one.blamed_lot in slipped_at:
            endangered.setdefault(slipped_at[one.blamed_lot], []).append(one)
    before = {
        key
        for at, some in endangered.items()
        for key, state in books.watch.states_at([one.order_id for one in some], at - MOMENT).items()
        if state in IN_DANGER
    }
    return slips_of(lots, waiting, before)


def _slipped_at(lot: SlippedLot, shop: ShopTerms, today: date) -> datetime:
    if lot.moved_at is not None and lot.planned_on >= today:
        return lot.moved_at
    return shop.calendar.start_of_day(lot.planned_on + timedelta(days=1))


def _listing_findings(books: Books) -> Iterator[Finding]:
    """Yield what is wrong with listings: they drifted, or worried who decided about them."""
    worried = books.watch.worried()
    outdated = {(one.worried.account, one.worried.sku) for one in worried if one.is_outdated}
    yield from worry_findings([one.worried for one in worried], outdated=outdated)
    drifts = books.watch.drifts()
    if not drifts:
        return
    # Whoever locks a listing edits it himself.
    locked = books.supply.locked()
    decided = books.offers.decisions(skus=sorted({drift.sku for drift, _ in drifts}))
    wanted = {(one.account, one.sku): one.desired for one in decided}
    for drift, shown in drifts:
        if drift.sku in locked:
            continue
        now_shown = dataclasses.replace(drift, shown=shown)
        found = drift_finding(now_shown, wanted.get((drift.account, drift.sku)))
        if found is not None:
            yield found
