"""Whether what the store says is true: what must hold, what is too strange to be believed, what to tell.

Looking once a day is enough: what is found stays told until the next look finds it gone.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.order import OrderId, Sku
from fbm_sync.domain.order_comparison import OrderDifference, OrderFault

MOST_VANISHED_SHARE, MOST_VANISHED = 0.2, 10
"""An answer that lacks more of what is known than this share, and than this many, is not believed."""

_MOST_NAMED = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """Something that must hold in the store; `detail` names the first culprits, and how many there are."""

    name: str
    ok: bool
    detail: str = ""


def invariant(name: str, culprits: Iterable[str]) -> Invariant:
    """Return an invariant that holds unless there are culprits."""
    found = list(culprits)
    return Invariant(name=name, ok=not found, detail=named(found) if found else "")


def named(culprits: Sequence[str]) -> str:
    """Name the first few of many, and say how many there are."""
    shown = ", ".join(culprits[:_MOST_NAMED])
    return shown if len(culprits) <= _MOST_NAMED else f"{shown} … ({len(culprits)} in all)"


def doubt_about(what: str, *, known: int, shown: int, may_be_empty: bool = False) -> str:
    """Say why an answer should not be believed that shows only so many of what is known; "" if it may be.

    A broken answer looks exactly like a shop that is sold out. `may_be_empty` is for what is looked up one
    by one before anything is concluded.
    """
    if not shown and known and not may_be_empty:
        return f"Amazon's {what} show none of the {known} known here"
    vanished = known - shown
    if vanished > MOST_VANISHED and vanished > MOST_VANISHED_SHARE * known:
        return f"Amazon's {what} show only {shown} of the {known} known here"
    return ""


def is_due(at: time | None, last: datetime | None, now: datetime, calendar: ShipCalendar) -> bool:
    """Tell whether the daily look is due: its time of day has come, by the house's clock, since the last one.

    Never without a time. A look missed while the daemon stood still is made up for, once; a clock that was
    set back is no reason not to look.
    """
    if at is None:
        return False
    today = calendar.local_date(now)
    moment = calendar.at(today, at)
    if moment > now:
        moment = calendar.at(today - timedelta(days=1), at)
    return last is None or not moment <= last <= now


# --- what to tell ------------------------------------------------------------------------------------


def missing_orders_finding(
    account: str, differences: Sequence[OrderDifference], read_in: frozenset[OrderId]
) -> Finding | None:
    """Return the finding that orders were not here as they are at Amazon; `None` when all were.

    What was read in meanwhile did harm only until then; what was not may be late before anybody knows of it.
    """
    if not differences:
        return None
    missing = [one.order_id for one in differences if one.fault is OrderFault.MISSING]
    others = [one.order_id for one in differences if one.fault is not OrderFault.MISSING]
    left = [one.order_id for one in differences if one.order_id not in read_in]
    parts = []
    if missing:
        parts.append(f"{_orders(missing)} at Amazon that nobody here knew of")
    if others:
        parts.append(f"{_orders(others)} otherwise here than at Amazon")
    outcome = f"{len(left)} of them still to be read in" if left else "all of them were read in meanwhile"
    return Finding(
        account=account,
        kind="orders_missing",
        subject=account,
        severity=Severity.CRITICAL if left else Severity.WARNING,
        text=f"{' and '.join(parts)}; {outcome}.",
        action=(
            "Run 'fbm-sync verify --repair'; of what it cannot read, look in Seller Central."
            if left
            else "If it comes back day after day, raise orders.sweep_back_hours."
        ),
        orders=tuple(sorted(one.order_id for one in differences)),
    )


def _orders(order_ids: Sequence[OrderId]) -> str:
    count = "1 order" if len(order_ids) == 1 else f"{len(order_ids)} orders"
    return f"{count} ({named(order_ids)})"


def broken_invariants(invariants: Iterable[Invariant]) -> list[Finding]:
    """Return one finding for each thing that must hold in the store and does not."""
    return [
        Finding(
            account="",
            kind="store_broken",
            subject=one.name,
            severity=Severity.CRITICAL,
            text=f"The store contradicts itself ({one.name.replace('_', ' ')}): {one.detail}.",
            action="Run 'fbm-sync plan --whole', then 'fbm-sync verify'; if it stays, please report it.",
        )
        for one in invariants
        if not one.ok
    ]


def gone_finding(account: str, skus: Sequence[Sku]) -> Finding | None:
    """Return the finding that listings are gone which should sell; `None` when there are none."""
    if not skus:
        return None
    return Finding(
        account=account,
        kind="listing_gone",
        subject=account,
        severity=Severity.WARNING,
        text=f"Amazon has not shown for a day or more what should sell: {named(skus)}.",
        action="See in Seller Central whether it was closed or deleted; list it again, or stop stocking it.",
    )


def unverified_finding(account: str, reasons: Sequence[str]) -> Finding | None:
    """Return the finding that not everything could be compared with Amazon; `None` when it was."""
    if not reasons:
        return None
    told = "; ".join(reason.rstrip(".") for reason in reasons)
    return Finding(
        account=account,
        kind="not_verified",
        subject=account,
        severity=Severity.WARNING,
        text=f"What is recorded could not be compared with Amazon: {told}.",
        action="It is tried again tomorrow; 'fbm-sync verify' tries at once.",
    )
