"""Alerts in words: a headline that says what and how long is left, and the parts of a message.

Here: what is said of each step. How the parts stand on the page is up to the templates.
"""

import dataclasses
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from fbm_sync.domain.alert import Finding, Reason, Severity, Transition
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.letters import Letter
from fbm_sync.domain.risk import span_words
from fbm_sync.domain.telling import Purpose

MOST_ORDERS_LISTED = 20

SELLER_CENTRAL = "https://sellercentral.amazon.com"
"""Where an order is looked at, unless the account's marketplace has a Seller Central of its own."""

LONGEST_SUBJECT = 160

_ORDER_ID = re.compile(r"\d{3}-\d{7}-\d{7}")
_DAYS_WITHOUT_DATE = 6
_URGENCY = {Severity.INFO: "Note", Severity.WARNING: "Warning", Severity.CRITICAL: "Act now"}
_ORDER_TROUBLE = {
    "due_soon": "",
    "at_risk": "may ship late",
    "late_certain": "will ship late",
    "overdue": "is late",
    "auto_cancel_soon": "will soon be cancelled by Amazon",
    "cancel_requested": "do not ship: the buyer asks to cancel",
    "unknown_deadline": "has no ship-by date",
    "pending_stuck": "has been pending for too long",
}
_OTHER_TROUBLE = {
    "po_slipped": "purchase order {subject} slipped; orders that wait for it: {orders}",
    "oversold": "{subject} is oversold; orders hit: {orders}",
    "inbound_overcommitted": "more of {subject} is promised than inbound brings",
    "safety_stock_breached": "orders use the safety stock of {subject}",
    "demand_spike": "{subject} sells far faster than usual",
    "promise_mismatch": "ship-by dates are not what the listings say · {subject}",
    "handling_padded": "{subject} ships faster than its handling time says",
    "drift": "{subject} was changed at Amazon, not by us",
    "stale_supply": "your stock list is too old",
    "suspect_snapshot": "your new stock list was not believed",
    "stale_orders": "orders are not being read · {subject}",
    "push_held": "changes wait for your word · {subject}",
    "push_rejected": "Amazon refused a change of {subject}",
    "push_unconfirmed": "Amazon does not show a change of {subject}",
    "credential_expiring": "the key to Amazon ends soon · {subject}",
    "quarantined": "{subject} could not be read",
    "orders_missing": "orders were not here as they are at Amazon: {orders} · {subject}",
    "store_broken": "the records contradict themselves · {subject}",
    "listing_gone": "listings are gone from Amazon · {subject}",
    "not_verified": "the records could not be compared with Amazon · {subject}",
    "metric_at_risk": "{subject} is over Amazon's limit, or may get there",
    "account_status": "Amazon doubts the account · {subject}",
    "channel_failed": "the channel {subject} does not work",
}
_WITHOUT_DEADLINE = frozenset({"cancel_requested", "unknown_deadline", "pending_stuck"})
"""Trouble whose next step does not depend on the ship-by date."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One letter as a person reads it: a single line, plain text, and the same as a page."""

    subject: str
    text: str
    html: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step in words; a part that does not apply is empty. `headline` is enough on a locked telephone.

    `news` says what is wrong, or what was, `change` what brought the message about; `link` leads to the
    order.
    """

    headline: str
    short: str
    news: str
    change: str
    deadline: str
    action: str
    link: str
    key: str
    orders: tuple[str, ...]
    more_orders: int
    severity: str
    is_over: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that a template may speak of: the entry that leads, the other bad news, and the good ones.

    With `has_one_cause` the first explains the others. `ack` is the key under which all of that is known.
    """

    lead: Entry
    others: tuple[Entry, ...]
    over: tuple[Entry, ...]
    is_digest: bool
    has_one_cause: bool
    ack: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words letters: times are those of the account, what is left counts from the moment it is read.

    `hosts` says by account where its orders are looked at; where there are several, each is named.
    """

    calendars: ShipCalendars
    hosts: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def story(self, letter: Letter, now: datetime) -> Story:
        """Return the parts of a letter."""
        seconds = letter.purpose is Purpose.SECOND
        entries = [self.entry(step, now, is_second=seconds) for step in letter.transitions]
        lead, rest = entries[0], entries[1:]
        named = {step.alert.finding.subject for step in letter.transitions[1:]}
        orders = tuple(order for order in lead.orders if order not in named)
        return Story(
            lead=dataclasses.replace(lead, orders=orders),
            others=tuple(one for one in rest if not one.is_over),
            over=tuple(one for one in rest if one.is_over),
            is_digest=letter.purpose is Purpose.DIGEST,
            has_one_cause=letter.has_one_cause,
            ack=_ack_key(letter),
        )

    def entry(self, step: Transition, now: datetime, *, is_second: bool = False) -> Entry:
        """Return one step in words."""
        finding = step.alert.finding
        calendar = self.calendars.of(finding.account)
        deadline = "" if step.is_over else _deadline(finding, calendar, now)
        short = _short(step, calendar, now)
        mark = _mark(step, is_second=is_second)
        account = finding.account if len(self.hosts) > 1 else ""
        orders = _orders(finding)
        return Entry(
            headline=_one_line(" · ".join(part for part in (mark, account, short) if part)),
            short=_one_line(short),
            news=f"It was: {finding.text}" if step.is_over else finding.text,
            change=_change(step, now, is_second=is_second),
            deadline=f"{deadline[0].upper()}{deadline[1:]}." if deadline else "",
            action="" if step.is_over else finding.action,
            link=f"{self._host(finding)}/orders-v3/order/{finding.subject}" if _is_order(finding) else "",
            key=finding.key,
            orders=orders[:MOST_ORDERS_LISTED],
            more_orders=max(len(orders) - MOST_ORDERS_LISTED, 0),
            severity=finding.severity.value,
            is_over=step.is_over,
        )

    def _host(self, finding: Finding) -> str:
        return self.hosts.get(finding.account, SELLER_CENTRAL)


def _ack_key(letter: Letter) -> str:
    """Return the key to acknowledge: the cause, where several share it."""
    finding = letter.transition.alert.finding
    is_shared = len(letter.transitions) > 1 and letter.has_one_cause
    return finding.bundle if is_shared and finding.bundle else finding.key


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"


def _mark(step: Transition, *, is_second: bool) -> str:
    """Return the word that says how soon a person must act."""
    finding = step.alert.finding
    if step.is_over:
        return "Resolved"
    if is_second:
        return "Nobody reacted"
    if step.reason in (Reason.STILL_OPEN, Reason.SNOOZE_OVER):
        return "Still open"
    return finding.stage or _URGENCY[finding.severity]


def _short(step: Transition, calendar: ShipCalendar, now: datetime) -> str:
    """Return what is wrong in half a line."""
    finding = step.alert.finding
    if not _is_order(finding):
        words = _OTHER_TROUBLE.get(finding.kind, f"{finding.kind.replace('_', ' ')} · {{subject}}")
        return words.format(subject=finding.subject, orders=len(finding.orders))
    trouble = _ORDER_TROUBLE.get(finding.kind, finding.kind.replace("_", " "))
    if step.is_over:
        return f"order {finding.subject} · {trouble or 'due soon'}"
    due = "" if finding.kind in _WITHOUT_DEADLINE else _deadline(finding, calendar, now)
    return f"order {finding.subject} {'; '.join(part for part in (trouble, due) if part)}"


def _change(step: Transition, now: datetime, *, is_second: bool) -> str:
    """Return what brought the message about; that something is new needs no words."""
    alert = step.alert
    if is_second and not step.is_over:
        return f"Critical for {span_words(now - step.at)}, and nobody has acknowledged it."
    open_for = span_words(max(now - alert.opened_at, timedelta(0)))
    words = {
        Reason.FIRST_FOUND: "",
        Reason.STAGE_REACHED: f"It got more urgent: stage {alert.finding.stage} reached.",
        Reason.GOT_WORSE: f"It got more urgent: now {alert.finding.severity.value}.",
        Reason.STILL_OPEN: f"Open for {open_for}, and nobody has acknowledged it.",
        Reason.SNOOZE_OVER: f"The snooze is over. It has been open for {open_for}.",
        Reason.NO_LONGER_FOUND: "Resolved: the trouble is no longer found.",
        Reason.GOES_ON: "Resolved: it turned into another trouble of the same order.",
    }
    return words[step.reason]


def _deadline(finding: Finding, calendar: ShipCalendar, now: datetime) -> str:
    """Return "must ship by Tue 14:00 PST, 11 h left"; the date joins in when the weekday is not enough."""
    if finding.due_at is None:
        return ""
    local = calendar.local(finding.due_at)
    near = abs((local.date() - calendar.local_date(now)).days) <= _DAYS_WITHOUT_DATE
    when = f"{local:%a %H:%M %Z}" if near else f"{local:%a %d %b %Y %H:%M %Z}"
    if finding.due_at > now:
        verb = "must ship by" if _is_order(finding) else "due"
        return f"{verb} {when}, {span_words(finding.due_at - now)} left"
    return f"was due {when}, {span_words(now - finding.due_at)} ago"


def _orders(finding: Finding) -> tuple[str, ...]:
    """Return the orders it hurts; one about a single order has named it already."""
    return () if finding.is_order else finding.orders


def _is_order(finding: Finding) -> bool:
    return _ORDER_ID.fullmatch(finding.subject) is not None
