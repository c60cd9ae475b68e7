"""Trouble that takes longer to look for: looked for now and then, and noted until the next look."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.alert import Finding
from fbm_sync.domain.order import Sku
from fbm_sync.domain.padded import PADDED_DAYS, Handled, padded_findings
from fbm_sync.domain.promise_audit import (
    AUDIT_DAYS,
    audit_promise,
    mismatch_findings,
)
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.sku_finding import (
    FEWEST_ORDERS,
    RATE_DAYS,
    SPIKE_HOURS,
    Burst,
    is_spike,
    spike_findings,
)
from fbm_sync.ports import Books

PROMISES, DEMAND, HANDLING = "promises", "demand", "handling"
"""The names under which findings are noted."""

_AUDIT_WITHIN = timedelta(days=1)
"""An order whose listings were not looked at for so long after it was read is not audited."""

_EACH = {PROMISES: timedelta(hours=1), DEMAND: timedelta(minutes=10), HANDLING: timedelta(days=1)}
_TERMS_KEPT = timedelta(days=60)


def look_out(books: Books, shop: ShopTerms, now: datetime) -> None:
    """Audit the ship-by of new orders, and look for what is looked for rarely where it is time to."""
    audited = sum([_audit(books, shop, account, now) for account in shop.accounts])
    if audited or _is_due(books, PROMISES, now):
        books.alerts.note(PROMISES, list(_mismatches(books, shop, now)), now)
    if _is_due(books, DEMAND, now):
        books.alerts.note(DEMAND, list(_spikes(books, shop, now)), now)
    if _is_due(books, HANDLING, now):
        books.alerts.note(HANDLING, list(_padded(books, shop, now)), now)
        books.watch.forget(now - _TERMS_KEPT)


def _is_due(books: Books, source: str, now: datetime) -> bool:
    """Tell whether it is time to look again; a clock that was set back is no reason not to."""
    last = books.alerts.noted_at(source)
    return last is None or not last <= now < last + _EACH[source]


def _audit(books: Books, shop: ShopTerms, account: str, now: datetime) -> int:
    """Hold the ship-by of new orders against their listings; return how many were told."""
    orders = books.watch.unaudited(account, now - _AUDIT_WITHIN)
    if not orders:
        return 0
    terms = books.watch.terms_of(account, {item.sku for order in orders for item in order.items})
    calendar = shop.calendars.of(account)
    settle = timedelta(minutes=shop.limits.confirm_grace_minutes)
    audits = [audit_promise(order, terms, calendar, settle) for order in orders]
    told = [audit for audit in audits if audit is not None]
    books.watch.record_audits(told)
    return len(told)


def _mismatches(books: Books, shop: ShopTerms, now: datetime) -> Iterator[Finding]:
    for account in shop.accounts:
        audits = books.watch.audits(account, now - timedelta(days=AUDIT_DAYS))
        yield from mismatch_findings(account, audits)


def _padded(books: Books, shop: ShopTerms, now: datetime) -> Iterator[Finding]:
    for account in shop.accounts:
        calendar = shop.calendars.of(account)
        shipped = books.watch.shipped_audits(account, now - timedelta(days=PADDED_DAYS))
        handled = [
            Handled(
                account=account,
                sku=one.audit.sku,
                handling_days=one.audit.handling_days,
                due_on=one.audit.due_on,
                left_on=calendar.local_date(one.shipped_at),
            )
            for one in shipped
            if one.audit.handling_days is not None and one.audit.due_on is not None
        ]
        yield from padded_findings(handled, calendar)


def _spikes(books: Books, shop: ShopTerms, now: datetime) -> Iterator[Finding]:
    """Find the SKUs that suddenly sell; only of these it is looked up how many there are."""
    since = now - timedelta(hours=SPIKE_HOURS)
    before = since - timedelta(days=RATE_DAYS)
    for account in shop.accounts:
        busy = books.watch.busy_skus(account, since, FEWEST_ORDERS)
        first = books.orders.first_created(account, before)
        if not busy or first is None or first >= since:
            continue
        usual = books.watch.orders_between(account, busy.keys(), before, since)
        bursts = [
            Burst(
                account=account,
                sku=sku,
                units=units,
                orders_before=usual.get(sku, 0),
                known_days=min(RATE_DAYS, (since - first).days),
                available=None,
            )
            for sku, units in busy.items()
        ]
        spiking = {burst.sku: burst for burst in bursts if is_spike(burst)}
        if spiking:
            yield from spike_findings(_with_stock(books, account, spiking))


def _with_stock(books: Books, account: str, bursts: Mapping[Sku, Burst]) -> list[Burst]:
    """Add what can still be promised from stock, where it was decided."""
    decided = {
        one.sku: max(0, one.atp_today)
        for one in books.offers.decisions(skus=sorted(bursts))
        if one.account == account and one.desired is not None
    }
    return [dataclasses.replace(burst, available=decided.get(sku)) for sku, burst in sorted(bursts.items())]
