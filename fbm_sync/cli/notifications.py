"""`fbm-sync notifications`: what Amazon tells by itself, and where to."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.errors import ConfigError, RemoteError
from fbm_sync.wiring import App

if TYPE_CHECKING:
    from fbm_sync.adapters.queue.sqs import SqsHints
    from fbm_sync.adapters.spapi.notifications import Wanted

_GOOD = ("present", "made")
_BY_HAND = "by hand"
_Account = Annotated[str | None, typer.Option("--account", metavar="A", help="Only this account.")]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One thing that notifications need: how it stands, and what to do about it.

    `by hand` is what nobody can see from here; `policy` is to be pasted at AWS.
    """

    what: str
    state: str
    detail: str = ""
    next: str = ""
    policy: str | None = None

    @property
    def is_good(self) -> bool:
        return self.state in (*_GOOD, _BY_HAND)


def register(command: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="What Amazon tells by itself, and where to.", rich_markup_mode=None
    )
    group.command("setup")(setup)
    group.command("status")(status)
    command.add_typer(group, name="notifications")


def setup(
    context: typer.Context,
    account: _Account = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move subscriptions that go somewhere else.")
    ] = False,
) -> int:
    """Subscribe to Amazon's notifications; safe to repeat, what exists is kept."""
    return _shown(context.obj, account, make=True, replace=replace)


def status(context: typer.Context, account: _Account = None) -> int:
    """Say what is set up, here and at Amazon, and what is left to do; nothing is changed."""
    return _shown(context.obj, account, make=False, replace=False)


def _shown(session: Session, account: str | None, *, make: bool, replace: bool) -> int:
    found: dict[str, list[_Line]] = {}
    with session.app() as app:
        for name, wanted in _wanted(app, account).items():
            session.screen.say(f"account {name}")
            found[name] = []
            for line in _lines(app, name, wanted, make=make, replace=replace):
                found[name].append(line)
                _say(session.screen, line)
    if session.screen.as_json:
        session.screen.document(
            [
                {"account": name, "lines": [dataclasses.asdict(line) for line in lines]}
                for name, lines in found.items()
            ]
        )
    open_points = sum(not line.is_good for lines in found.values() for line in lines)
    if open_points:
        session.screen.say(f"{open_points} not in order.")
    return 1 if open_points else 0


def _wanted(app: App, account: str | None) -> "Mapping[str, Wanted]":
    """Return the accounts to look at, with where their notifications shall go.

    Raises `ConfigError` when none has notifications configured.
    """
    names = [account] if account else [one.name for one in app.settings.accounts]
    found = {name: wanted for name in names if (wanted := app.wanted_notifications(name))}
    if not found:
        where = f"accounts.{account}" if account else "accounts"
        raise ConfigError(
            [f"{where}.notifications: no queue is configured"],
            next_step="Add an [accounts.notifications] table with your queue; `fbm-sync init` shows one.",
        )
    return found


def _say(screen: Screen, line: _Line) -> None:
    words = ". ".join(text.rstrip(".") for text in (line.detail, line.next) if text)
    screen.say(f"  {line.state:<9}  {line.what}{f': {words}' if words else ''}")
    if line.policy is not None:
        screen.say(line.policy)


def _lines(app: App, name: str, wanted: "Wanted", *, make: bool, replace: bool) -> Iterator[_Line]:
    queues, subscriptions = app.hint_sources(name), app.account(name).subscriptions
    for queue in queues:
        seen = list(_queue_lines(queue))
        yield from seen
        if seen[-1].state == "refused":
            return
    for one in subscriptions.setup(wanted, replace=replace) if make else subscriptions.status(wanted):
        yield _Line(what=one.what, state=one.standing.value, detail=one.detail, next=one.next_step)
    if wanted.event_bridge is not None:
        yield _event_bridge(wanted, queues[-1])


def _queue_lines(queue: "SqsHints") -> Iterator[_Line]:
    """Say how a queue stands, as far as AWS lets us look."""
    what = f"queue {queue.url.rpartition('/')[2]}"
    try:
        state = queue.inspect()
    except RemoteError as error:
        yield _Line(what=what, state="failed", detail=str(error))
        return
    if state.is_fifo:
        told = "Amazon delivers to standard queues only"
        yield _Line(what=what, state="refused", detail=told, next="Make a standard queue and name it here.")
        return
    yield _Line(what=what, state="present", detail=f"{state.waiting} waiting")
    if state.policy is not None:
        yield _Line(
            what=f"policy of {what}",
            state="missing",
            detail="not everyone who delivers may send into it",
            next="At AWS, put this on the queue as its access policy, then run setup again.",
            policy=state.policy,
        )
    if state.encrypted_with is not None:
        yield _Line(
            what=f"encryption of {what}",
            state=_BY_HAND,
            detail=f"with key {state.encrypted_with}",
            next="It must let AWS account 437568002678 (Amazon) use kms:GenerateDataKey and kms:Decrypt; "
            "AWS's own key cannot be changed so, SQS's own encryption (SSE-SQS) needs nothing.",
        )


def _event_bridge(wanted: "Wanted", queue: "SqsHints") -> _Line:
    bridge = wanted.event_bridge
    where = "" if bridge is None else f" in {bridge.region} of account {bridge.account}"
    return _Line(
        what="EventBridge",
        state=_BY_HAND,
        detail=f"Amazon's events about listings arrive{where} as a partner event source",
        next="At AWS, associate the source named above with an event bus, and give that bus a rule for all "
        f"its events with the queue {queue.url} as target.",
    )
