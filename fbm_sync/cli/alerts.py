"""`fbm-sync alerts`: what is wrong now, who knows of it, and whether a channel works."""

from datetime import datetime
from typing import Annotated, Any

import typer

from fbm_sync.cli.session import Session, span
from fbm_sync.domain.alert import Alert, AlertState, Finding, Reason, Severity, Transition, TransitionKind
from fbm_sync.domain.delivering import ChannelState
from fbm_sync.domain.letters import Letter, Notification
from fbm_sync.errors import ConfigError, DeliveryError
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("alerts")(alerts)


def alerts(
    context: typer.Context,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is still wrong.")] = False,
    ack: Annotated[
        str | None, typer.Option(metavar="KEY", help="Note that a person knows: no more reminders.")
    ] = None,
    snooze: Annotated[
        str | None, typer.Option(metavar="KEY", help="Silence, unless it gets critical; needs --for.")
    ] = None,
    snooze_for: Annotated[
        str | None, typer.Option("--for", metavar="4h|2d", help="How long the silence lasts.")
    ] = None,
    test: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="Send a test through a channel.")
    ] = None,
) -> int:
    """Show the alert list; acknowledge or silence one; test a channel."""
    session: Session = context.obj
    if (snooze is None) != (snooze_for is None):
        raise ConfigError(["--snooze KEY and --for SPAN belong together"])
    silence = None if snooze_for is None else span(snooze_for, "--for")
    with session.app() as app:
        if test is not None:
            return _send_test(session, app, test)
        now = app.clock.now()
        with app.ledger.transaction() as books:
            if ack is not None and not books.alerts.acknowledge(ack, now):
                raise _unknown("--ack", ack)
            if (
                snooze is not None
                and silence is not None
                and not books.alerts.snooze(snooze, now + silence, now)
            ):
                raise _unknown("--snooze", snooze)
            found = books.alerts.alerts(open_only=only_open)
            told = books.alerts.outbox.hearing([one.key for one in found])
        _show(session, app, found, {life: sorted(names) for life, names in told.items()}, now)
    return 0


def _unknown(option: str, key: str) -> ConfigError:
    return ConfigError(
        [f"{option} {key}: there is no open alert with this key"],
        next_step="'fbm-sync alerts --open' shows the keys.",
    )


def _show(
    session: Session,
    app: App,
    found: tuple[Alert, ...],
    told: dict[tuple[str, datetime], list[str]],
    now: datetime,
) -> None:
    if session.screen.as_json:
        session.screen.document([alert_json(one) | {"channels": told.get(one.life, [])} for one in found])
        return
    rows = [
        (
            _state(one, app, now),
            one.finding.severity.value,
            one.finding.stage,
            one.opened_at,
            one.key,
            one.finding.text,
        )
        for one in found
    ]
    session.screen.table("Alerts", ("state", "severity", "stage", "opened", "key", "what"), rows)
    still = sum(one.state is AlertState.OPEN for one in found)
    session.screen.say(f"{still} open, {len(found) - still} resolved.")


def _state(one: Alert, app: App, now: datetime) -> str:
    if one.state is not AlertState.OPEN:
        return one.state.value
    if one.snoozed_until is not None and one.is_snoozed(now):
        local = app.shop_terms.calendars.of(one.finding.account).local(one.snoozed_until)
        return f"silent until {local:%a %H:%M}"
    return "known" if one.acknowledged_at else one.state.value


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
        "snoozed_until": one.snoozed_until,
        "reminded_at": one.reminded_at,
        "due_at": finding.due_at,
        "bundle": finding.bundle or None,
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
    try:
        notifier.deliver(_test_letter(channel, app.clock.now()))
    except DeliveryError as error:
        session.screen.warn(f"The test did not arrive: {error}")
        if session.screen.as_json:
            session.screen.document({"channel": channel, "delivered": False, "error": str(error)})
        return 1
    with app.ledger.transaction() as books:
        if channel in books.alerts.outbox.channels():
            books.alerts.outbox.record_channel(ChannelState(channel=channel))
    if session.screen.as_json:
        session.screen.document({"channel": channel, "delivered": True, "error": None})
    session.screen.say(f"The test went out through {channel}.")
    return 0


def _test_letter(channel: str, now: datetime) -> Letter:
    finding = Finding(
        account="",
        kind="test",
        subject="test",
        severity=Severity.WARNING,
        text="This is a test of the channel; nothing is wrong.",
        action="Nothing to do.",
    )
    alert = Alert(finding=finding, state=AlertState.OPEN, opened_at=now, changed_at=now)
    step = Transition(alert=alert, kind=TransitionKind.OPENED, reason=Reason.FIRST_FOUND, at=now)
    note = Notification(notification_id=0, channel=channel, transition=step, not_before=now)
    return Letter(channel=channel, notifications=(note,))
