"""What is wrong right now, in words a person can act on: from outlooks, supply and pushes to findings.

A finding has no memory: the same trouble gives the same finding every time it is looked for.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.change import PushLimits, PushOutcome, PushReceipt
from fbm_sync.domain.order import OrderId
from fbm_sync.domain.risk import OrderOutlook, OrderState, span_words

_SEVERITY = {
    OrderState.DUE_SOON: Severity.INFO,
    OrderState.AT_RISK: Severity.WARNING,
    OrderState.LATE_CERTAIN: Severity.CRITICAL,
    OrderState.OVERDUE: Severity.CRITICAL,
    OrderState.AUTO_CANCEL_SOON: Severity.CRITICAL,
    OrderState.CANCEL_REQUESTED: Severity.WARNING,
    OrderState.UNKNOWN_DEADLINE: Severity.WARNING,
    OrderState.PENDING_STUCK: Severity.INFO,
}
_STAGE_SEVERITY = {"T-24": Severity.INFO, "T-12": Severity.WARNING, "T-4": Severity.CRITICAL}


CLIENT_SECRET_LIFE = timedelta(days=180)
"""Amazon makes every application renew its client secret that often; with an older one all calls fail."""

_SECRET_WARNING_DAYS, _SECRET_URGENT_DAYS = 30, 7


def order_findings(
    outlooks: Iterable[OrderOutlook],
    actions: Mapping[tuple[str, OrderId], str] | None = None,
    bundles: Mapping[tuple[str, OrderId], str] | None = None,
) -> list[Finding]:
    """Return one finding for each order that is not on track, its severity rising with its stage.

    By account and id, `actions` hold the least bad step where it was weighed, `bundles` the key of the
    finding that explains why the order is late.
    """
    actions, bundles = actions or {}, bundles or {}
    found = []
    for outlook in outlooks:
        severity = _SEVERITY.get(outlook.state)
        if severity is None:
            continue
        key = (outlook.account, outlook.order_id)
        staged = outlook.state in (OrderState.DUE_SOON, OrderState.AT_RISK)
        if outlook.stage is not None and staged:
            severity = max(severity, _STAGE_SEVERITY[outlook.stage], key=list(Severity).index)
        found.append(
            Finding(
                account=outlook.account,
                kind=outlook.state.value,
                subject=outlook.order_id,
                severity=severity,
                text=outlook.reason,
                action=actions.get(key, outlook.action),
                stage=outlook.stage if staged else None,
                orders=(outlook.order_id,),
                due_at=outlook.ship_by_at,
                bundle=bundles.get(key, ""),
            )
        )
    return found


def oversold_findings(short: Mapping[tuple[str, str], tuple[int, tuple[OrderId, ...]]]) -> list[Finding]:
    """Return one finding for each SKU that was sold beyond all stock and believed inbound."""
    return [
        Finding(
            account=account,
            kind="oversold",
            subject=sku,
            severity=Severity.CRITICAL,
            text=f"{units} of {sku} sold beyond stock and believed inbound; orders hit: {len(orders)}.",
            action="Find stock or a firm purchase order for it, or cancel the newest of these orders early.",
            orders=orders,
        )
        for (account, sku), (units, orders) in sorted(short.items())
    ]


def supply_findings(why_stale: str | None, doubts: tuple[str, ...]) -> list[Finding]:
    """Return findings about the seller's own records: too old, or a new version that looks broken."""
    found = []
    if why_stale is not None:
        found.append(
            Finding(
                account="",
                kind="stale_supply",
                subject="stock",
                severity=Severity.WARNING,
                text=f"Nothing is raised any more: {why_stale}",
                action="Write a fresh stock list; quantities may still be lowered meanwhile.",
            )
        )
    if doubts:
        found.append(
            Finding(
                account="",
                kind="suspect_snapshot",
                subject="stock",
                severity=Severity.CRITICAL,
                text=f"The new stock list was not believed: {'; '.join(doubts)}. The last one stays in use.",
                action="Check the export. If it is right, raise limits.max_supply_shrink_share for one run.",
            )
        )
    return found


def push_findings(receipts: Iterable[PushReceipt], now: datetime, limits: PushLimits) -> list[Finding]:
    """Return findings about changes that Amazon refused or that never showed up live."""
    found = []
    grace = timedelta(minutes=limits.confirm_grace_minutes)
    for receipt in receipts:
        change = receipt.change
        if receipt.outcome is PushOutcome.REJECTED:
            problems = "; ".join(receipt.problems) or "no reason given"
            text = f"Amazon refused the change of {change.sku}: {problems}"
            action = "Correct the listing in Seller Central; it is tried again when the decision changes."
            kind, severity = "push_rejected", Severity.WARNING
        elif receipt.outcome is PushOutcome.ACCEPTED and now - receipt.at > grace:
            ago = span_words(now - receipt.at)
            text = f"Amazon accepted a change of {change.sku} {ago} ago but does not show it."
            action = "Look at the listing in Seller Central; saving it there once has helped others."
            kind, severity = "push_unconfirmed", Severity.WARNING
        else:
            continue
        found.append(
            Finding(
                account=change.account,
                kind=kind,
                subject=change.sku,
                severity=severity,
                text=text,
                action=action,
            )
        )
    return found


def hold_finding(account: str, hold_id: str, reasons: tuple[str, ...], changes: int) -> Finding:
    """Return the finding that raises wait for a person."""
    return Finding(
        account=account,
        kind="push_held",
        subject=hold_id,
        severity=Severity.WARNING,
        text=f"{changes} changes wait for a person: {'; '.join(reasons)}.",
        action=(
            f"Look at them with 'fbm-sync push', then let them go with 'fbm-sync push --apply --release "
            f"{hold_id}', or say no to them with 'fbm-sync push --drop {hold_id}'."
        ),
    )


def quarantine_finding(account: str, subject: str, reason: str) -> Finding:
    """Return the finding that something Amazon sent could not be understood."""
    return Finding(
        account=account,
        kind="quarantined",
        subject=subject,
        severity=Severity.WARNING,
        text=f"It could not be read and is set aside: {reason}",
        action="Look at it in Seller Central; reading it is tried again with every pull.",
    )


def stale_orders_finding(
    account: str, last_success: datetime | None, now: datetime, minutes: int
) -> Finding | None:
    """Return the finding that orders have not been read for too long; the clock raises it, not the pull."""
    if last_success is not None and now - last_success <= timedelta(minutes=minutes):
        return None
    read = (
        "have never been read completely"
        if last_success is None
        else f"were last read completely {span_words(now - last_success)} ago"
    )
    return Finding(
        account=account,
        kind="stale_orders",
        subject=account,
        severity=Severity.CRITICAL,
        text=f"Orders {read}; what happened since is unknown.",
        action="Run 'fbm-sync check' to see what is in the way.",
    )


def credential_finding(account: str, created_on: date, today: date) -> Finding | None:
    """Return the finding that the application's client secret expires soon, or has expired.

    Nothing works without it: no orders, no offers. It is told a month before, and again in the last week.
    """
    expires_on = created_on + CLIENT_SECRET_LIFE
    days = (expires_on - today).days
    if days > _SECRET_WARNING_DAYS:
        return None
    when = f"expires in {days} {'day' if days == 1 else 'days'}, on" if days > 0 else "has expired, on"
    return Finding(
        account=account,
        kind="credential_expiring",
        subject="client_secret",
        severity=Severity.CRITICAL if days <= _SECRET_URGENT_DAYS else Severity.WARNING,
        text=f"The client secret {when} {expires_on}; without it Amazon answers nothing.",
        action=(
            "Make a new one in Amazon's developer console, keep the present one as former client secret for "
            "a few days, and set client_secret_created_on to today."
        ),
    )
