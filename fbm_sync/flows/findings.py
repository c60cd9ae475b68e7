"""All that is wrong now, collected from what is recorded; remembering and telling it is the alert's work."""

from collections.abc import Mapping
from datetime import date, datetime

from fbm_sync.domain.alert import Finding
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
from fbm_sync.domain.risk import shortages
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.supply import why_stale
from fbm_sync.flows.health import look_at_health
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
    found = [
        *order_findings(worrying),
        *oversold_findings(shortages(worrying)),
        *supply_findings(stale, state.doubts),
        *books.alerts.noted(),
    ]
    for account in shop.accounts:
        found.extend(push_findings(books.offers.receipts(account), now, shop.limits))
        found.extend(
            hold_finding(account, hold.hold_id, hold.reasons, len(hold.changes))
            for hold in books.offers.holds(account)
            if hold.released_at is None
        )
        late = stale_orders_finding(account, books.runs.last_success("pull", account), now, stale_minutes)
        created_on = secrets_created.get(account)
        expiring = credential_finding(account, created_on, now.date()) if created_on else None
        found.extend(one for one in (late, expiring) if one is not None)
    found.extend(
        quarantine_finding(item.account, item.subject, item.reason) for item in books.orders.quarantined()
    )
    return found
