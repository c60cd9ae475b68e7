"""`fbm-sync health`: Amazon's measures of each account: ours, Amazon's, and where they are going."""

from datetime import datetime
from typing import Annotated, Any

import typer

from fbm_sync.cli.session import Session
from fbm_sync.domain.health_finding import target_words
from fbm_sync.domain.health_line import HealthLine
from fbm_sync.domain.shop import ShopTerms
from fbm_sync.errors import ConfigError
from fbm_sync.flows.health import health_findings, health_of


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("health")(health)


def health(
    context: typer.Context,
    account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this account; may repeat.")
    ] = None,
) -> int:
    """Show LSR, CR, OTDR and VTR: Amazon's figure, ours, the chance of missing the target, the room left."""
    session: Session = context.obj
    with session.app() as app:
        terms, now = app.shop_terms, app.clock.now()
        refuse_unknown(account or [], terms)
        names = account or list(terms.accounts)
        with app.ledger.transaction() as books:
            lines = [line for name in names for line in health_of(books, terms, name, now)]
            found = [one for one in health_findings(books, terms, now) if one.account in names]
    screen = session.screen
    if screen.as_json:
        screen.document([line_json(line, terms, now) for line in lines])
        return 0
    columns = (
        *("account", "measure", "days", "target", "Amazon", "ours", "counted", "room"),
        *("P(breach)", "breach on", "note"),
    )
    screen.table("Account health", columns, [_row(line, terms, now) for line in lines])
    for finding in found:
        screen.say(f"! {finding.account}: {finding.text} {finding.action}")
    if not found:
        screen.say("Nothing is wrong, and nothing is about to be.")
    if any(line.amazon is None for line in lines):
        screen.say("Where Amazon's figure is missing, Amazon's daily report has none, or was not read yet.")
    return 0


def refuse_unknown(names: list[str], terms: ShopTerms) -> None:
    """Refuse accounts that are not configured. Raises `ConfigError`."""
    known = ", ".join(terms.accounts)
    problems = [
        f"--account {name}: there is no such account (known: {known})"
        for name in names
        if name not in terms.accounts
    ]
    if problems:
        raise ConfigError(problems)


def _row(line: HealthLine, terms: ShopTerms, now: datetime) -> tuple[object, ...]:
    standing, chance = line.standing, line.breach_probability
    calendar = terms.calendars.of(line.account)
    told = line.amazon.told if line.amazon else None
    return (
        line.account,
        standing.metric.value,
        standing.window_days,
        target_words(standing.target),
        None if told is None or told.rate is None else f"{told.rate:.1%}{' BAD' if _is_bad(line) else ''}",
        None if standing.rate is None else f"{standing.rate:.1%}{' BAD' if standing.breached else ''}",
        f"{standing.numerator} of {standing.denominator} {standing.metric.counts}",
        standing.headroom_orders if standing.denominator else None,
        None if chance is None else f"{chance:.1%}",
        line.breach_on(terms.health.breach_probability, calendar, now),
        line.note or None,
    )


def _is_bad(line: HealthLine) -> bool:
    return line.amazon is not None and line.amazon.is_bad


def line_json(line: HealthLine, terms: ShopTerms, now: datetime) -> dict[str, Any]:
    """Return a measure in the documented shape."""
    standing, target = line.standing, line.standing.target
    calendar = terms.calendars.of(line.account)
    amazon = line.amazon
    told = amazon.told if amazon else None
    days = line.projection.ahead if line.projection else ()
    return {
        "account": line.account,
        "metric": standing.metric.value,
        "window_days": standing.window_days,
        "target": target.part / target.whole,
        "target_rule": target.rule.value.lower(),
        "amazon_rate": None if told is None or told.rate is None else float(told.rate),
        "amazon_numerator": told.numerator if told else None,
        "amazon_denominator": told.denominator if told else None,
        "amazon_verdict": told.verdict if told else None,
        "amazon_as_of": amazon.as_of if amazon else None,
        "amazon_marketplace": amazon.marketplace if amazon else None,
        "same_as_amazon": amazon.is_matched if amazon else None,
        "rate": standing.rate,
        "numerator": standing.numerator,
        "denominator": standing.denominator,
        "counts": standing.metric.counts,
        "breached": line.is_breached,
        "headroom_orders": standing.headroom_orders if standing.denominator else None,
        "breach_probability": line.breach_probability,
        "breach_on": line.breach_on(terms.health.breach_probability, calendar, now),
        "ahead": [
            {"days": day.days, "breach_probability": day.chance, "headroom_orders": day.headroom}
            for day in days
        ],
        "note": line.note or None,
    }
