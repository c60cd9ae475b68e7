"""Alerts in words: a subject that says what and how long is left, a body that says what to do."""

import dataclasses
import re
from datetime import datetime

from fbm_sync.domain.alert import Finding, Severity, Transition, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.risk import span_words

MOST_ORDERS_LISTED = 20

_ORDER_ID = re.compile(r"\d{3}-\d{7}-\d{7}")
_ORDER_PAGE = "https://sellercentral.amazon.com/orders-v3/order/"
_LONGEST_SUBJECT = 160
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
_WITHOUT_DEADLINE = frozenset({"cancel_requested", "unknown_deadline", "pending_stuck"})
"""Trouble whose next step does not depend on the ship-by date."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One alert as a person reads it: a single line, and plain text."""

    subject: str
    body: str


def word(transition: Transition, calendar: ShipCalendar, now: datetime) -> Message:
    """Word one step in an alert's life; times are the seller's own, what is left counts from `now`."""
    finding = transition.alert.finding
    subject = " ".join(_subject(transition, calendar, now).split())
    if len(subject) > _LONGEST_SUBJECT:
        subject = f"{subject[: _LONGEST_SUBJECT - 1]}…"
    paragraphs = [
        _news(transition),
        _deadline_line(finding, calendar, now),
        _orders(finding),
        "" if _is_over(transition) or not finding.action else f"What to do: {finding.action}",
        f"{_ORDER_PAGE}{finding.subject}" if _is_order(finding) else "",
        f"Alert {finding.key}",
    ]
    return Message(subject=subject, body="\n\n".join(paragraph for paragraph in paragraphs if paragraph))


def _subject(transition: Transition, calendar: ShipCalendar, now: datetime) -> str:
    """Return the line that must be enough on a locked telephone."""
    finding = transition.alert.finding
    over = _is_over(transition)
    mark = "Resolved" if over else finding.stage or _URGENCY[finding.severity]
    if not _is_order(finding):
        return f"{mark} · {finding.kind.replace('_', ' ')} · {finding.subject}"
    trouble = _ORDER_TROUBLE.get(finding.kind, finding.kind.replace("_", " "))
    if over:
        return f"{mark} · order {finding.subject} · {trouble or 'due soon'}"
    due = "" if finding.kind in _WITHOUT_DEADLINE else _deadline(finding, calendar, now)
    return f"{mark} · order {finding.subject} {'; '.join(part for part in (trouble, due) if part)}"


def _news(transition: Transition) -> str:
    """Return what happened, and what brought the message about."""
    finding = transition.alert.finding
    if _is_over(transition):
        return f"Resolved: {transition.reason}.\n\nIt was: {finding.text}"
    if transition.kind is TransitionKind.ESCALATED:
        return f"{finding.text}\n\nIt got more urgent: {transition.reason}."
    return finding.text


def _deadline_line(finding: Finding, calendar: ShipCalendar, now: datetime) -> str:
    deadline = _deadline(finding, calendar, now)
    return f"{deadline[0].upper()}{deadline[1:]}." if deadline else ""


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


def _orders(finding: Finding) -> str:
    """Return the orders it hurts; one about a single order has named it already."""
    if not finding.orders or finding.orders == (finding.subject,):
        return ""
    listed = [f"  {order_id}" for order_id in finding.orders[:MOST_ORDERS_LISTED]]
    more = len(finding.orders) - MOST_ORDERS_LISTED
    if more > 0:
        listed.append(f"  and {more} more")
    return "\n".join([f"Orders ({len(finding.orders)}):", *listed])


def _is_order(finding: Finding) -> bool:
    return _ORDER_ID.fullmatch(finding.subject) is not None


def _is_over(transition: Transition) -> bool:
    return transition.kind is TransitionKind.RESOLVED
