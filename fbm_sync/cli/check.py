"""`fbm-sync check`: is everything in place, said in one line per check."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Annotated

import typer

from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.domain.finding import CLIENT_SECRET_LIFE, credential_finding
from fbm_sync.domain.risk import span_words
from fbm_sync.domain.supply import why_stale
from fbm_sync.errors import ConfigError, FbmSyncError, StoreError
from fbm_sync.pulse import Pulse, take_pulse
from fbm_sync.settings import AccountSettings
from fbm_sync.wiring import App

_TOLERATED_SKEW = timedelta(seconds=60)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at: whether it is right, and what was seen."""

    name: str
    ok: bool
    detail: str


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("check")(check)


def check(
    context: typer.Context,
    alive: Annotated[
        bool,
        typer.Option(
            "--alive",
            help="Only whether orders were read lately, from the store alone: for cron or a monitor.",
        ),
    ] = False,
) -> int:
    """Look at config, credentials, store, files, clock and, with one cheap read, each account."""
    session: Session = context.obj
    with session.app() as app:
        if alive:
            return _alive(app, session.screen)
        found = []
        for one in _checks(app):
            found.append(one)
            session.screen.say(f"{'ok    ' if one.ok else 'FAILED'}  {one.name}: {one.detail}")
    if session.screen.as_json:
        session.screen.document([dataclasses.asdict(one) for one in found])
    failed = sum(not one.ok for one in found)
    if failed:
        session.screen.say(f"{failed} of {len(found)} checks failed.")
    return 1 if failed else 0


def _alive(app: App, screen: Screen) -> int:
    """Say in one line whether each account's orders were read completely of late."""
    now, accounts = app.clock.now(), [account.name for account in app.settings.accounts]
    signs: tuple[Pulse, ...] = ()
    try:
        with app.existing_store() as store:
            signs = take_pulse(store, accounts, now, app.patience)
        missing = [one.complaint for one in signs if not one.alive]
    except StoreError as error:
        missing = [str(error)]
    if missing:
        told = f"NOT ALIVE: {'; '.join(missing)}"
    else:
        ages = (f"{one.account} {span_words(now - one.read_at)} ago" for one in signs if one.read_at)
        told = f"alive: orders were read completely, {', '.join(ages)}"
    screen.say(told)
    if screen.as_json:
        screen.document(
            {
                "alive": not missing,
                "detail": told,
                "patience_minutes": app.patience / timedelta(minutes=1),
                "accounts": [dataclasses.asdict(one) for one in signs],
            }
        )
    return 1 if missing else 0


def _checks(app: App) -> Iterator[Check]:
    settings = app.settings
    policies = ", ".join(sorted(settings.policies))
    yield Check(name="config", ok=True, detail=f"{settings.path} (policies: {policies})")
    yield _tried("calendar", lambda: f"{app.calendar.timezone}, {len(app.calendar.holidays)} holidays known")
    yield _tried("store", lambda: f"{app.ledger} is ready")
    yield _tried("supply", lambda: _supply(app))
    yield _tried("channels", lambda: ", ".join(app.notifiers))
    for account in settings.accounts:
        name = account.name
        yield _tried(f"account {name} credentials", partial(_credentials, app, name))
        yield _client_secret(account, app.clock.now().date())
        if name in app.connected:
            yield _account(app, name)
            yield _tried(f"account {name} marketplaces", partial(_marketplaces, app, account))
        if account.notifications is not None:
            yield _tried(f"account {name} queue", partial(_queue, app, name))
        writes = "the daemon may write" if account.push else "the daemon only previews (push = false)"
        yield Check(name=f"account {name} push", ok=True, detail=writes)


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=look())
    except ConfigError as error:
        return Check(name=name, ok=False, detail=_in_one_line(error))
    except FbmSyncError as error:
        return Check(name=name, ok=False, detail=str(error))


def _in_one_line(error: ConfigError) -> str:
    problems = "; ".join(problem.rstrip(".") for problem in error.problems)
    return f"{problems}. {error.next_step}"


def _supply(app: App) -> str:
    snapshot = app.supply.read()
    lots = sum(lot.open_units > 0 for lot in snapshot.lots)
    counted = f"counted {snapshot.counted_at:%Y-%m-%d %H:%M}Z" if snapshot.counted_at else "no counts"
    stale = why_stale(
        snapshot.counted_at, app.clock.now(), max_age_hours=app.settings.limits.max_supply_age_hours
    )
    if stale is not None:
        raise ConfigError([f"nothing would be raised: {stale}"], next_step="Write a fresh stock list.")
    return f"{len(snapshot.stock)} stock rows, {lots} open lots, {len(snapshot.receipts)} receipts, {counted}"


def _credentials(app: App, name: str) -> str:
    app.account(name)
    return "all three are set"


def _client_secret(account: AccountSettings, today: date) -> Check:
    """Say when the client secret ends, as far as the configuration tells."""
    label, created_on = f"account {account.name} client secret", account.client_secret_created_on
    if created_on is None:
        detail = "its end is not known; set client_secret_created_on and be warned in time"
        return Check(name=label, ok=True, detail=detail)
    trouble = credential_finding(account.name, created_on, today)
    if trouble is not None:
        return Check(name=label, ok=False, detail=f"{trouble.text} {trouble.action}")
    return Check(name=label, ok=True, detail=f"good until {created_on + CLIENT_SECRET_LIFE}")


def _marketplaces(app: App, account: AccountSettings) -> str:
    """Compare the configured marketplaces with those where Amazon lets the account sell."""
    known = {one.marketplace: one for one in app.account(account.name).participations()}
    problems = []
    for marketplace in account.marketplaces:
        one = known.get(marketplace)
        if one is None or not one.sells:
            problems.append(f"the account does not sell in {marketplace}")
        elif one.suspended:
            problems.append(f"Amazon has suspended listings in {one.country}")
    if problems:
        raise ConfigError(problems, next_step="See Account Health in Seller Central, or correct the list.")
    return ", ".join(known[marketplace].country for marketplace in account.marketplaces)


def _queue(app: App, name: str) -> str:
    """Look at the queues that the account's notifications come to."""
    waiting = 0
    for source in app.hint_sources(name):
        seen = source.inspect()
        waiting += seen.waiting
        if seen.policy is not None:
            why = f"Amazon may not deliver into {source.url}"
            raise ConfigError([why], next_step=f"Run 'fbm-sync notifications status --account {name}'.")
    return f"reachable, {waiting} notifications wait"


def _account(app: App, name: str) -> Check:
    """Make one small read, which proves credentials and seller id, and compare the clocks."""
    label = f"account {name} at Amazon"
    try:
        skew = app.account(name).server_time_skew()
    except FbmSyncError as error:
        return Check(name=label, ok=False, detail=str(error))
    if skew is None:
        return Check(name=label, ok=True, detail="answers; it did not tell its time")
    detail = f"answers; our clock is {skew.total_seconds():+.0f} s from Amazon's"
    if abs(skew) > _TOLERATED_SKEW:
        return Check(name=label, ok=False, detail=f"{detail}. Set the machine's clock (NTP).")
    return Check(name=label, ok=True, detail=detail)
