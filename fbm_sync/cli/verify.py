"""`fbm-sync verify`: whether what we know is true, held against itself and against Amazon."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from fbm_sync.cli.health import refuse_unknown
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session, instant
from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import describe
from fbm_sync.domain.order_comparison import OrderDifference
from fbm_sync.errors import ConfigError
from fbm_sync.flows.verify import OrdersVerified
from fbm_sync.verification import AccountVerified, Verified, expected_calls, verify
from fbm_sync.wiring import App

_LONG_SECONDS = 60.0


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("verify")(verify_command)


def verify_command(
    context: typer.Context,
    repair: Annotated[
        bool, typer.Option("--repair", help="Read in what is missing; never writes to Amazon.")
    ] = False,
    account: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this account; may repeat.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="7d|ISO", help="How far back to compare with Amazon's report of orders."),
    ] = None,
) -> int:
    """Compare the store with itself and with Amazon: what is missing, what has drifted.

    Exits with 0 when all is true, 1 when something is missing, drifted or could not be compared.
    """
    session: Session = context.obj
    with session.app() as app:
        refuse_unknown(account or [], app.shop_terms)
        begin = _begin(app, since)
        for line in _cost(app, account or list(app.shop_terms.accounts)):
            session.screen.say(line)
        with session.screen.watching() as progress:
            verified = verify(app, accounts=account or (), since=begin, repair=repair, progress=progress)
    _show(session.screen, verified, repaired=repair)
    return 0 if verified.is_true else 1


def _begin(app: App, text: str | None) -> datetime | None:
    """Read how far back to compare. Raises `ConfigError` for what was never read, or lies ahead."""
    now = app.clock.now()
    since = instant(text, now, "--since")
    first = app.pull_terms.first
    if since is not None and not now - first - timedelta(minutes=1) <= since < now:
        raise ConfigError(
            [f"--since: {text} is not within the last {first.days} days (orders.first_days), which are read"]
        )
    return since


def _cost(app: App, accounts: list[str]) -> list[str]:
    """Say beforehand how long it takes, where that is long."""
    lines = []
    for name in accounts:
        calls = expected_calls(app, name)
        seconds = app.account(name).gateway.throttle.seconds_for(calls)
        if seconds >= _LONG_SECONDS:
            count = sum(calls.values())
            lines.append(f"{name}: about {count} requests, {seconds / 60:.0f} min at Amazon's limits.")
    return lines


def _show(screen: Screen, verified: Verified, *, repaired: bool) -> None:
    if screen.as_json:
        screen.document(verified.as_json())
        return
    broken = [one for one in verified.invariants if not one.ok]
    screen.say(f"Store    {len(verified.invariants)} rules checked, {len(broken)} broken")
    for rule in broken:
        screen.say(f"         {rule.name.replace('_', ' ')}: {rule.detail}", style="red")
    for name, one in verified.accounts.items():
        screen.say(f"{name:<8} {one.orders.compared} orders and {one.offers.compared} listings compared")
        for line in _account_lines(one):
            screen.say(f"         {line}")
    drifted = len(verified.changed) + len(verified.drifts)
    mended = f", {verified.read_in} orders read in" if repaired else ""
    screen.say(f"{len(verified.missing)} missing, {drifted} drifted{mended}")
    for line in _what_is_left(verified, repaired=repaired):
        screen.say(line)


def _account_lines(one: AccountVerified) -> list[str]:
    """Say what is wrong with an account, place by place."""
    return [
        *(_order_words(difference, one.orders) for difference in one.orders.differences),
        *map(_drift_words, one.offers.drifts),
        *(f"{sku} is not listed at Amazon any more" for sku in one.offers.gone),
        *(f"not compared: {doubt}" for doubt in one.doubts),
    ]


def _order_words(difference: OrderDifference, orders: OrdersVerified) -> str:
    fault = difference.fault.value.replace("_", " ")
    words = f": {', '.join(difference.words)}" if difference.words else ""
    read = "; read in" if difference.order_id in orders.read_in else ""
    return f"order {difference.order_id} {fault}{words}{read}"


def _drift_words(drift: Drift) -> str:
    life = "came back to life: " if drift.raised and drift.was.quantity == 0 else ""
    return f"{drift.sku} {life}shows {describe(drift.shown)}, was left with {describe(drift.was)}"


def _what_is_left(verified: Verified, *, repaired: bool) -> list[str]:
    """Say what to do next."""
    lines = []
    if verified.drifts:
        first = "" if repaired else "'fbm-sync verify --repair', then "
        lines.append(f"To mend the listings: {first}'fbm-sync plan', then 'fbm-sync push --apply'.")
    if any(one.still_wrong for one in verified.accounts.values()):
        lines.append(
            "What could not be read in: look at it in Seller Central."
            if repaired
            else "To read in what is missing: 'fbm-sync verify --repair'."
        )
    return lines
