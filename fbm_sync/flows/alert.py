"""Alert: look for trouble, remember what people are to be told, and whom. Sending it is `notify`."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from fbm_sync.domain.alert import Finding, Severity, Transition, TransitionKind, update_alerts
from fbm_sync.domain.calendar import ShipCalendars
from fbm_sync.domain.delivering import channel_findings
from fbm_sync.domain.plan import assess_orders
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.domain.telling import Manners, QuietHours, Route, address
from fbm_sync.flows.facts import load_orders, load_totals
from fbm_sync.flows.findings import gather_findings
from fbm_sync.flows.lookout import look_out
from fbm_sync.flows.scope import scope_of
from fbm_sync.ports import Books, Clock, Ledger


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertTerms:
    """Whom to tell besides the log, and when to leave them alone.

    Without `routes` all `channels` hear of everything. `remind_after` says by severity after how long
    people are reminded of what nobody has acknowledged; where it says nothing they are not. Without
    `digest_at` low-urgency news stay in the log. `stale_minutes` without a complete pull of orders is
    trouble itself. `secrets_created` says, by account, on which day its client secret was made, where that
    is known.
    """

    channels: Sequence[str] = ()
    routes: Sequence[Route] = ()
    quiet_hours: QuietHours | None = None
    digest_at: time | None = None
    remind_after: Mapping[Severity, timedelta] = dataclasses.field(default_factory=dict)
    stale_minutes: int = 60
    secrets_created: Mapping[str, date] = dataclasses.field(default_factory=dict)

    @property
    def manners(self) -> Manners:
        """Whom to tell of what, and when not."""
        everybody = (Route(channels=tuple(self.channels)),)
        return Manners(
            routes=tuple(self.routes) or everybody, quiet_hours=self.quiet_hours, digest_at=self.digest_at
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What changed in the alert list."""

    opened: int = 0
    escalated: int = 0
    reminded: int = 0
    resolved: int = 0
    transitions: tuple[Transition, ...] = ()


def alert(ledger: Ledger, clock: Clock, shop: ShopTerms, terms: AlertTerms) -> AlertReport:
    """Judge every open order again, update the alert list, and put what is news into the outbox.

    Time alone changes an order's state, so this runs without a new plan. The list and the outbox change
    together or not at all: a crash neither loses news nor makes the same news twice.
    """
    now = clock.now()
    with ledger.transaction() as books:
        _judge(books, now, shop)
        look_out(books, shop, now)
        found = gather_findings(
            books, shop, now, stale_minutes=terms.stale_minutes, secrets_created=terms.secrets_created
        )
        found += channel_findings(books.alerts.outbox.channels().values(), terms.manners.channels, now)
        steps = remember(books, found, shop.calendars, terms, now)
    kinds = Counter(step.kind for step in steps)
    return AlertReport(
        opened=kinds[TransitionKind.OPENED],
        escalated=kinds[TransitionKind.ESCALATED],
        reminded=kinds[TransitionKind.REMINDED],
        resolved=kinds[TransitionKind.RESOLVED],
        transitions=steps,
    )


def remember(
    books: Books, findings: Iterable[Finding], calendars: ShipCalendars, terms: AlertTerms, now: datetime
) -> tuple[Transition, ...]:
    """Record what follows from the present findings: alerts, and for each channel what it shall hear."""
    update = update_alerts(books.alerts.alerts(), findings, now=now, remind_after=terms.remind_after)
    books.alerts.record(update.alerts)
    over = [step.alert.key for step in update.transitions if step.is_over]
    heard = books.alerts.outbox.hearing(over) if over else {}
    books.alerts.outbox.enqueue(address(update.transitions, terms.manners, calendars, heard))
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
