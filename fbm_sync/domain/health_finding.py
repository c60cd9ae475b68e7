"""What is wrong with the account's health, in words a person can act on."""

from collections.abc import Collection, Iterable
from datetime import datetime

from fbm_sync.domain.alert import Finding, Severity
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.domain.health_line import AmazonFigure, HealthLine, day_of
from fbm_sync.domain.performance import AccountStatus
from fbm_sync.domain.projection import DayAhead
from fbm_sync.domain.standing import Metric, Rule, Target

_NAMES = {
    Metric.LSR: "late shipment rate",
    Metric.CR: "cancellation rate",
    Metric.OTDR: "on-time delivery rate",
    Metric.VTR: "valid tracking rate",
}
_MISSED = {
    Metric.LSR: "Ship and confirm what is due before anything else; nothing is sold ahead until it recovers.",
    Metric.CR: "Cancel nothing more: find the units elsewhere; nothing is sold ahead until it recovers.",
    Metric.OTDR: "Ship earlier or by a faster service; see in Seller Central which listings are worst.",
    Metric.VTR: "Add the missing tracking numbers in Seller Central; confirm shipments with one.",
}
_COMING = {
    Metric.LSR: "Expedite what open orders wait for, or find units elsewhere: 'fbm-sync orders --at-risk'.",
    Metric.CR: "Find the units for orders that nothing covers; what the buyer asks to cancel is free.",
    Metric.OTDR: "Ship what is open by a faster service: 'fbm-sync orders --at-risk'.",
    Metric.VTR: "Confirm shipments with their tracking numbers.",
}
_LIKELY = 0.5
_AT_RISK = "metric_at_risk"

_STATUS_WORDS = {
    AccountStatus.AT_RISK: "Amazon says the account is at risk of deactivation",
    AccountStatus.DEACTIVATED: "Amazon has deactivated the account",
}


def metric_findings(
    lines: Iterable[HealthLine],
    calendar: ShipCalendar,
    now: datetime,
    limit: float,
    known: Collection[str] = (),
) -> list[Finding]:
    """Return one finding for each measure that misses Amazon's target, or will with at least this chance.

    Nobody can act on orders that are still to come, and a small shop is never sure of itself: unless a breach
    is more likely than not anyway, there must be open orders that make it that much more likely. Of the two
    windows of late shipments the longer one's finding goes with the shorter one's. What is `known` already
    (by key) is over only once the chance has halved, or people would be told in and out of it all day.
    """
    found: list[Finding] = []
    for line in lines:
        standing = line.standing
        subject = f"{standing.metric.value} {standing.window_days} days"
        is_known = f"{line.account}:{_AT_RISK}:{subject}" in known
        ahead = _threat(line, limit / 2 if is_known else limit)
        if not line.is_breached and ahead is None:
            continue
        finding = Finding(
            account=line.account,
            kind=_AT_RISK,
            subject=subject,
            severity=Severity.CRITICAL if line.is_breached else Severity.WARNING,
            text=_text(line, ahead, calendar, now),
            action=(_MISSED if line.is_breached else _COMING)[standing.metric],
            bundle=_bundle(line, found),
        )
        found.append(finding)
    return found


def _threat(line: HealthLine, limit: float) -> DayAhead | None:
    """Return the first day ahead that a person should hear of; `None` while there is nothing to act on."""
    ahead, projection = line.breach_ahead(limit), line.projection
    if ahead is None or projection is None:
        return None
    caused = max(day.chance - day.anyway for day in projection.ahead)
    anyway = max(day.anyway for day in projection.ahead)
    return ahead if caused >= limit or anyway > _LIKELY else None


def _bundle(line: HealthLine, found: Iterable[Finding]) -> str:
    metric = line.standing.metric.value
    same = (one.key for one in found if one.account == line.account and one.subject.startswith(f"{metric} "))
    return next(same, "")


def _text(line: HealthLine, ahead: DayAhead | None, calendar: ShipCalendar, now: datetime) -> str:
    standing = line.standing
    said = f"The {_NAMES[standing.metric]} of {standing.window_days} days is {_counted(line)}"
    sentences = [f"{said}; Amazon asks for {target_words(standing.target)}."]
    if line.amazon is not None and line.amazon.is_bad:
        sentences.append(f"Amazon's own figure is {_amazon_words(line.amazon)} and called bad.")
    if not line.is_breached and ahead is not None:
        on = day_of(ahead, calendar, now)
        worst = line.projection.worst.chance if line.projection else ahead.chance
        sentences.append(
            f"It misses that on {on} with a chance of {ahead.chance:.0%} (at worst {worst:.0%}); "
            f"room is left for {standing.headroom_orders} more."
        )
    return " ".join(sentences)


def _counted(line: HealthLine) -> str:
    standing = line.standing
    if standing.rate is None:
        return "not known to us yet"
    return f"{standing.rate:.1%} ({standing.numerator} of {standing.denominator} {standing.metric.counts})"


def _amazon_words(amazon: AmazonFigure) -> str:
    told = amazon.told
    rate = "unknown" if told.rate is None else f"{told.rate:.1%}"
    if told.numerator is None or told.denominator is None:
        return rate
    return f"{rate} ({told.numerator} of {told.denominator})"


def target_words(target: Target) -> str:
    """Say what Amazon asks for."""
    words = {Rule.BELOW: "less than", Rule.AT_LEAST: "at least", Rule.ABOVE: "more than"}
    return f"{words[target.rule]} {100 * target.part / target.whole:g}%"


def status_finding(
    account: str, status: AccountStatus, word: str, told_at: datetime, where: str
) -> Finding | None:
    """Return the finding that Amazon doubts the account, or has closed it; a word we do not know is told."""
    if status is AccountStatus.NORMAL or (status is AccountStatus.UNKNOWN and not word):
        return None
    said = _STATUS_WORDS.get(status, f"Amazon calls the account {word!r}")
    return Finding(
        account=account,
        kind="account_status",
        subject=where,
        severity=Severity.CRITICAL if status is AccountStatus.DEACTIVATED else Severity.WARNING,
        text=f"{said}, as of {told_at:%Y-%m-%d %H:%M}Z.",
        action="Open Account Health in Seller Central and answer what Amazon asks for there.",
    )
