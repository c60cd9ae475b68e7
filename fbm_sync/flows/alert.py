"""Alert: look for trouble, remember what people were told, and tell them what is new."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import structlog

from fbm_sync.domain.alert import (
    Finding,
    Notification,
    QuietHours,
    Severity,
    Transition,
    TransitionKind,
    update_alerts,
)
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
from fbm_sync.domain.plan import assess_orders
from fbm_sync.domain.risk import shortages
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.supply import why_stale
from fbm_sync.errors import DeliveryError
from fbm_sync.flows.facts import load_orders, load_totals
from fbm_sync.flows.scope import scope_of
from fbm_sync.ports import Books, Clock, Ledger, Notifier

_log = structlog.get_logger()

_RETRY_MINUTES = (1, 2, 5, 15, 60)
"""Pause after each failed attempt of a notification, in minutes; the last one repeats: news is never lost."""

LOG_CHANNEL = "log"
"""The channel that hears everything at once; low-urgency news stay in it and disturb nobody."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertTerms:
    """Whom to tell besides the log, and when to leave them alone.

    `stale_minutes` without a complete pull of orders is trouble itself. `secrets_created` says, by account,
    on which day its client secret was made, where that is known.
    """

    channels: Sequence[str] = ()
    quiet_hours: QuietHours | None = None
    stale_minutes: int = 60
    secrets_created: Mapping[str, date] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What changed in the alert list, and what was told."""

    opened: int = 0
    escalated: int = 0
    resolved: int = 0
    sent: int = 0
    failed: int = 0
    transitions: tuple[Transition, ...] = ()


def alert(
    ledger: Ledger,
    clock: Clock,
    shop: ShopTerms,
    terms: AlertTerms,
    notifiers: Mapping[str, Notifier],
) -> AlertReport:
    """Judge every open order again, update the alert list, and deliver what is due.

    Time alone changes an order's state, so this runs without a new plan. News are recorded before
    they are sent and marked after: a crash in between repeats one, and never loses one.
    """
    steps = _update(ledger, clock.now(), shop, terms)
    sent, failed = _deliver(ledger, clock, notifiers)
    kinds = Counter(step.kind for step in steps)
    return AlertReport(
        opened=kinds[TransitionKind.OPENED],
        escalated=kinds[TransitionKind.ESCALATED],
        resolved=kinds[TransitionKind.RESOLVED],
        sent=sent,
        failed=failed,
        transitions=steps,
    )


def _update(ledger: Ledger, now: datetime, shop: ShopTerms, terms: AlertTerms) -> tuple[Transition, ...]:
    with ledger.transaction() as books:
        _judge(books, now, shop)
        findings = _findings(books, shop, terms, now)
        update = update_alerts(
            books.alerts.alerts(), findings, shop.calendar, now=now, quiet_hours=terms.quiet_hours
        )
        books.alerts.record(update.alerts)
        loud = [step for step in update.transitions if step.alert.finding.severity is not Severity.INFO]
        books.alerts.enqueue(loud, terms.channels)
        # Quiet hours hold back what rings; a log does not ring.
        at_once = [dataclasses.replace(step, not_before=now) for step in update.transitions]
        books.alerts.enqueue(at_once, [LOG_CHANNEL])
    return update.transitions


def _judge(books: Books, now: datetime, shop: ShopTerms) -> None:
    """Judge the open orders anew that time or news may have changed; the plan has mostly done so already."""
    totals = load_totals(books, shop, now)
    scope = scope_of(books, shop, totals, now)
    if scope.is_empty:
        return
    facts = load_orders(books, shop, now, scope.skus)
    outlooks = assess_orders(facts, shop, now, totals).outlooks
    books.orders.record_outlooks(outlooks, now, scope.skus)


def _findings(books: Books, shop: ShopTerms, terms: AlertTerms, now: datetime) -> list[Finding]:
    """Collect all that is wrong now: orders, stock, the seller's records, pushes, reading itself."""
    state = books.supply.state()
    counted_at = max(state.counted_at.values(), default=None)
    stale = why_stale(counted_at, now, max_age_hours=shop.limits.max_supply_age_hours)
    worrying = books.orders.worrying()
    found = [
        *order_findings(worrying),
        *oversold_findings(shortages(worrying)),
        *supply_findings(stale, state.doubts),
    ]
    for account in shop.accounts:
        found.extend(push_findings(books.offers.receipts(account), now, shop.limits))
        found.extend(
            hold_finding(account, hold.hold_id, hold.reasons, len(hold.changes))
            for hold in books.offers.holds(account)
            if hold.released_at is None
        )
        late = stale_orders_finding(
            account, books.runs.last_success("pull", account), now, terms.stale_minutes
        )
        created_on = terms.secrets_created.get(account)
        expiring = credential_finding(account, created_on, now.date()) if created_on else None
        found.extend(one for one in (late, expiring) if one is not None)
    found.extend(
        quarantine_finding(item.account, item.subject, item.reason) for item in books.orders.quarantined()
    )
    return found


def _deliver(ledger: Ledger, clock: Clock, notifiers: Mapping[str, Notifier]) -> tuple[int, int]:
    """Send what is due, one at a time; a channel that fails is left for later and holds up nobody.

    All that waits for a failing channel is put off with its first, unsent: it would otherwise fill the
    list of what is due and keep the news of the other channels out of it.
    """
    sent = failed = 0
    put_off: dict[str, tuple[DeliveryError, datetime]] = {}
    with ledger.transaction() as books:
        due = books.alerts.due(clock.now())
    for notification in due:
        channel, number = notification.channel, notification.notification_id
        if channel in put_off:
            error, retry_at = put_off[channel]
            with ledger.transaction() as books:
                books.alerts.mark_failed(number, str(error), retry_at)
            continue
        failure = _send(notification, notifiers)
        with ledger.transaction() as books:
            if failure is None:
                books.alerts.mark_sent(number, clock.now())
                sent += 1
                continue
            again_at = _retry_at(notification, failure, clock.now())
            books.alerts.mark_failed(number, str(failure), again_at)
        failed += 1
        if again_at is not None:
            put_off[channel] = (failure, again_at)
    return sent, failed


def _send(notification: Notification, notifiers: Mapping[str, Notifier]) -> DeliveryError | None:
    notifier = notifiers.get(notification.channel)
    if notifier is None:
        return DeliveryError("This channel is no longer configured.", retryable=False)
    try:
        notifier.deliver(notification)
    except DeliveryError as error:
        _log.error("notification_failed", channel=notification.channel, error=str(error))
        return error
    return None


def _retry_at(notification: Notification, error: DeliveryError, now: datetime) -> datetime | None:
    if not error.retryable:
        return None
    return now + timedelta(minutes=_RETRY_MINUTES[min(notification.attempts, len(_RETRY_MINUTES) - 1)])
