"""`fbm-sync alerts`: what is wrong now, who knows of it, and whether a channel works."""

from typing import Annotated, Any

import typer

from fbm_sync.cli.session import Session
from fbm_sync.domain.alert import (
    Alert,
    AlertState,
    Finding,
    Notification,
    Severity,
    Transition,
    TransitionKind,
)
from fbm_sync.errors import ConfigError, DeliveryError
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("alerts")(alerts)


def alerts(
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is still wrong.")] = False,
    ack: Annotated[str | None, typer.Option(metavar="KEY", help="Note that a person knows.")] = None,
    test: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Send a test through a channel.")
    ] = None,
) -> int:
    """Show the alert list; acknowledge one; test a channel."""
    session: Session = context.obj
    with session.app() as app:
        if test is not None:
            return _send_test(session, app, test)
        with app.ledger.transaction() as books:
            if ack is not None and not books.alerts.acknowledge(ack, app.clock.now()):
                raise ConfigError(
                    [f"--ack {ack}: there is no open alert with this key"],
                    next_step="'fbm-sync alerts --open' shows the keys.",
                )
            found = books.alerts.alerts(open_only=only_open)
    if session.screen.as_json:
        session.screen.document([alert_json(one) for one in found])
        return 0
    rows = [
        (_state(one), one.finding.severity.value, one.finding.stage, one.opened_at, one.key, one.finding.text)
        for one in found
    ]
    session.screen.table("Alerts", ("state", "severity", "stage", "opened", "key", "what"), rows)
    still = sum(one.state is AlertState.OPEN for one in found)
    session.screen.say(f"{still} open, {len(found) - still} resolved.")
    return 0


def _state(one: Alert) -> str:
    return "known" if one.state is AlertState.OPEN and one.acknowledged_at else one.state.value


def alert_json(one: Alert) -> dict[str, Any]:
    """Return an alert in the documented shape."""
    finding = one.finding
    return {
        "key": one.key,
        "kind": finding.kind,
        "subject": finding.subject,
        "account": finding.account,
        "severity": finding.severity.value,
        "stage": finding.stage,
        "state": one.state.value,
        "opened_at": one.opened_at,
        "resolved_at": one.resolved_at,
        "acknowledged_at": one.acknowledged_at,
        "text": finding.text,
        "orders": list(finding.orders),
        "action": finding.action,
    }


def _send_test(session: Session, app: App, channel: str) -> int:
    """Send a made-up piece of news, so that the first real one is not the test."""
    notifier = app.notifiers.get(channel)
    if notifier is None:
        known = ", ".join(app.notifiers)
        raise ConfigError([f"--test {channel}: there is no such channel (known: {known})"])
    now = app.clock.now()
    finding = Finding(
        account="",
        kind="test",
        subject="test",
        severity=Severity.WARNING,
        text="This is a test of the channel; nothing is wrong.",
        action="Nothing to do.",
    )
    alert = Alert(finding=finding, state=AlertState.OPEN, opened_at=now, changed_at=now)
    step = Transition(alert=alert, kind=TransitionKind.OPENED, reason="test", at=now, not_before=now)
    try:
        notifier.deliver(Notification(notification_id=0, channel=channel, transition=step))
    except DeliveryError as error:
        session.screen.warn(f"The test did not arrive: {error}")
        if session.screen.as_json:
            session.screen.document({"channel": channel, "delivered": False, "error": str(error)})
        return 1
    if session.screen.as_json:
        session.screen.document({"channel": channel, "delivered": True, "error": None})
    session.screen.say(f"The test went out through {channel}.")
    return 0
