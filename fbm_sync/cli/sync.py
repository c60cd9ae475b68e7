"""`fbm-sync sync`: one catch-up run, or the estimate of one."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fbm_sync import cycle
from fbm_sync.cli.screen import Screen, span_in_words
from fbm_sync.cli.session import Session, instant
from fbm_sync.domain.order import OrderId
from fbm_sync.errors import ConfigError
from fbm_sync.estimate import Estimate, estimate
from fbm_sync.report import RunReport


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("sync")(sync)


def sync(
    context: typer.Context,
    account: Annotated[
        list[str] | None, typer.Option(metavar="A", help="Only this account; may repeat.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="7d|ISO", help="Read orders updated since then.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="ISO", help="Read orders updated until then.")] = None,
    order: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Read just this order; may repeat.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="orders|offers|supply", help="Read one part only.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write to Amazon; without it the push is a preview.")
    ] = False,
    only_estimate: Annotated[
        bool, typer.Option("--plan", help="Show requests and time needed, and stop.")
    ] = False,
) -> int:
    """Pull, plan, push and alert once. Without --apply nothing is written to Amazon.

    A run that was killed goes on where it was.
    """
    session: Session = context.obj
    _refuse_odd(order or [], since=since, until=until, only=only, apply=apply)
    with session.app() as app:
        now = app.clock.now()
        wish = cycle.Wish(
            accounts=account or (),
            since=instant(since, now, "--since"),
            until=instant(until, now, "--until"),
            order_ids=[OrderId(one) for one in dict.fromkeys(order or ())],
            only=only,
            apply=apply,
            report_wait_seconds=cycle.REPORT_WAIT_SECONDS,
        )
        if wish.since and wish.until and wish.since >= wish.until:
            raise ConfigError(["--since: does not lie before --until"])
        if only_estimate:
            _show_estimate(session.screen, estimate(app, wish))
            return 0
        with session.screen.watching() as progress:
            report = cycle.run(app, wish, progress)
    return show_report(session.screen, report, applied=apply, parts=_parts_of(wish))


def _refuse_odd(
    order_ids: Sequence[str], *, since: str | None, until: str | None, only: str | None, apply: bool
) -> None:
    """Refuse options that contradict each other: what would be left out must not seem to be done."""
    problems = []
    if only is not None and only not in cycle.PARTS:
        problems.append(f"--only: {only!r} is not one of {', '.join(cycle.PARTS)}")
    if only is not None and apply:
        problems.append("--apply: with --only nothing is decided, so there is nothing to write")
    if order_ids and only not in (None, "orders"):
        problems.append(f"--order: single orders are no part of --only {only}")
    if order_ids and (since is not None or until is not None):
        problems.append("--order: it is read whenever it changed, so it stands without --since and --until")
    if problems:
        raise ConfigError(problems)


_PARTS = ("orders", "offers", "supply", "plan", "push", "alerts")


def _parts_of(wish: cycle.Wish) -> Sequence[str]:
    """Return the parts that a run does: what was not looked at is not said to be empty."""
    if wish.only is not None:
        return (wish.only,)
    return [part for part in _PARTS if part not in ("offers", "supply") or not wish.order_ids]


def show_report(screen: Screen, report: RunReport, *, applied: bool, parts: Sequence[str] = _PARTS) -> int:
    """Show what a run did and return the exit code that says so; `parts` are the lines people see."""
    if screen.as_json:
        screen.document(report.as_json())
    for part in parts:
        screen.say(_SENTENCES[part](report, applied))
    if "alerts" in parts and report.alerts["opened"]:
        screen.say("         see them with 'fbm-sync alerts --open'")
    for note in report.notes:
        screen.say(note, style="yellow")
    for failure in report.failed:
        screen.say(f"Failed: {failure.what}: {failure.why}", style="red")
    requests = ", ".join(f"{count} {name}" for name, count in sorted(report.requests.items())) or "none"
    screen.say(f"Requests {requests}; throttled {report.throttled} times; {report.duration_seconds:.1f} s")
    if report.failed or report.push["rejected"] or report.alerts["failed"]:
        return 1
    return 3 if report.push["held"] else 0


def _orders(report: RunReport, _applied: bool) -> str:
    orders = report.orders
    aside = f", {orders['quarantined']} set aside" if orders["quarantined"] else ""
    return f"Orders   {orders['pulled']} read: {orders['new']} new, {orders['changed']} changed{aside}"


def _offers(report: RunReport, _applied: bool) -> str:
    return f"Offers   {report.offers['observed']} listings read"


def _supply(report: RunReport, _applied: bool) -> str:
    return (
        f"Supply   {report.supply['skus']} SKUs in the stock list, {report.supply['lots']} open inbound lots"
    )


def _plan(report: RunReport, _applied: bool) -> str:
    plan = report.plan
    return f"Plan     {plan['skus']} offers decided, {plan['changed']} differ from what Amazon shows"


def _push(report: RunReport, applied: bool) -> str:
    push = report.push
    dropped = f", {push['dropped']} dropped" if push["dropped"] else ""
    if not applied:
        changes = f"{push['previewed']} changes would be made, {push['held']} of them held{dropped}"
        return f"Push     preview: {changes}; nothing was written (use --apply)"
    waiting = f"{push['held']} held, {push['deferred']} left for the next plan{dropped}"
    lost = f"{push['unconfirmed']} not seen live yet, {push['rejected']} refused by Amazon"
    return f"Push     {push['applied']} applied, {lost}, {waiting}"


def _alerts(report: RunReport, _applied: bool) -> str:
    alerts = report.alerts
    changed = f"{alerts['opened']} opened, {alerts['escalated']} escalated, {alerts['resolved']} resolved"
    return f"Alerts   {changed}; {alerts['sent']} told, {alerts['failed']} not delivered"


_SENTENCES = {
    "orders": _orders,
    "offers": _offers,
    "supply": _supply,
    "plan": _plan,
    "push": _push,
    "alerts": _alerts,
}


def _show_estimate(screen: Screen, found: Estimate) -> None:
    if screen.as_json:
        screen.document(found.as_json())
        return
    several = len({step.account for step in found.steps}) > 1
    rows = [
        (
            f"{step.account}: {step.what}" if several else step.what,
            step.operation,
            step.calls,
            _when(step.done_after_seconds),
        )
        for step in found.steps
    ]
    title = "Requests this run will need, in the order of work"
    screen.table(title, ("step", "operation", "calls", "done after, at the account's limits"), rows)
    for note in found.notes:
        screen.say(note)
    beside = ", the accounts side by side" if several else ""
    how_long = (
        f"about {span_in_words(found.seconds)}{beside}" if found.seconds else "no wait for Amazon's limits"
    )
    screen.say(f"In all {how_long}. Nothing was read or written.")


def _when(seconds: float) -> str:
    return span_in_words(seconds) if seconds else "at once"
