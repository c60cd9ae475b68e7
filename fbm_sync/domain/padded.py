"""Which SKUs leave faster than their handling time says: Amazon flags them, and then sets it itself."""

import dataclasses
from collections.abc import Iterable
from datetime import date

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import Sku

PADDED_DAYS = 30
"""How far back Amazon compares the handling time with when orders really left."""

_FEWEST = 10
_CONSISTENT = (4, 5)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One shipped order of a SKU: its setting, the last ship day by it, and the day it really left."""

    account: str
    sku: Sku
    handling_days: int
    due_on: date
    left_on: date


def padded_findings(handled: Iterable[Handled], calendar: ShipCalendar) -> list[Finding]:
    """Return one finding for each SKU that nearly always leaves a day or more before its handling time ends.

    Amazon flags such a SKU after 30 days and then sets the handling time itself. Ten orders are the fewest
    that say anything, and four of five must have left early. Orders on a restock date do not count.
    """
    by_sku: dict[tuple[str, Sku], list[Handled]] = {}
    for one in handled:
        by_sku.setdefault((one.account, one.sku), []).append(one)
    found = []
    for (account, sku), some in sorted(by_sku.items()):
        gaps = sorted(calendar.ship_days_between(one.left_on, one.due_on) for one in some)
        part, whole = _CONSISTENT
        early = sum(gap >= 1 for gap in gaps)
        if len(some) < _FEWEST or whole * early < part * len(some):
            continue
        setting = max(some, key=lambda one: (one.due_on, one.handling_days)).handling_days
        # What four of five orders keep is safe to promise.
        spare = gaps[len(gaps) * (whole - part) // whole]
        if setting < 1 or spare < 1:
            continue
        found.append(
            Finding(
                account=account,
                kind="handling_padded",
                subject=sku,
                severity=Severity.INFO,  # Amazon leaves 30 days to mend it
                text=(
                    f"{early} of {len(some)} orders of {sku} in {PADDED_DAYS} days left a ship day or more "
                    f"before its handling time of {setting} days was over; most had "
                    f"{spare} {'day' if spare == 1 else 'days'} to spare."
                ),
                action=(
                    f"Set handling_days to {max(0, setting - spare)} for it: Amazon flags padded handling "
                    "time and then sets it itself."
                ),
            )
        )
    return found
