"""`fbm-sync plan`, `pause`, `resume`: what should be on sale, and whether it may be raised."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fbm_sync import cycle
from fbm_sync.cli import whatif
from fbm_sync.cli.decisions import decision_json, offer_words
from fbm_sync.cli.session import Session
from fbm_sync.cli.wording import plainly
from fbm_sync.domain.decision import OfferDecision
from fbm_sync.domain.order import Sku
from fbm_sync.errors import ConfigError
from fbm_sync.flows import plan as plan_flow
from fbm_sync.ports import Books
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the commands."""
    command.command("plan")(plan)
    command.command("pause")(pause)
    command.command("resume")(resume)


def plan(
    context: typer.Context,
    sku: Annotated[list[str] | None, typer.Option(metavar="SKU", help="Only this SKU; may repeat.")] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only offers that should change.")] = False,
    what_if: Annotated[
        list[str] | None,
        typer.Option(metavar="'po:PO-17 +9d'", help="Suppose this and show what differs; may repeat."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Decide every listing anew, not only what has changed.")
    ] = False,
) -> int:
    """Decide every offer from what is known; show it beside what Amazon shows now.

    Offers of which nothing has changed since the last plan stand as they were decided; --whole decides
    them again all the same, and comes to the same answers.

    With --what-if nothing is recorded: the shop is planned without and with what is supposed, and only
    the difference is shown. A purchase order (or a line of one) may move, change or fail: 'po:PO-17 +9d',
    'po:PO-17/1 on 2026-04-01', 'po:PO-17 quantity 50', 'po:PO-17 cancelled'. A SKU may be counted anew or
    sell faster: 'sku:ABC on_hand 40', 'sku:ABC demand x2'. An option of a policy may have another value:
    'policy:default confidence=0.9'.
    """
    session: Session = context.obj
    if what_if:
        return whatif.show(session, what_if, sku or ())
    with session.app() as app:
        with session.screen.watching() as progress:
            planned = plan_flow.plan(
                app.ledger,
                app.clock,
                app.shop_terms,
                run_id=cycle.new_run_id(app.clock.now()),
                whole=whole,
                progress=progress,
            )
        with app.ledger.snapshot() as books:
            skus = [Sku(one) for one in sku or ()]
            decisions = _changed(app, books) if changed and not skus else books.offers.decisions(skus=skus)
    shown = [one for one in decisions if one.change is not None or not changed]
    refuse_unknown(sku or (), [one.sku for one in decisions])
    screen = session.screen
    if screen.as_json:
        screen.document([decision_json(one) for one in shown])
        return 0
    rows = [
        (
            one.account,
            one.sku,
            one.mode.value,
            offer_words(one.observed),
            offer_words(one.desired),
            one.atp_today,
            plainly(one.reasons[0]),
        )
        for one in shown
    ]
    columns = ("account", "SKU", "mode", "Amazon shows", "should be", "ATP", "why")
    screen.table("Offers", columns, rows)
    screen.say(
        f"{len(shown)} shown; {planned.skus} listings, {planned.anew} decided anew, "
        f"{planned.changed} should change."
    )
    if not planned.skus:
        screen.say("No listing is known yet: run 'fbm-sync sync' first.")
    return 0


def _changed(app: App, books: Books) -> tuple[OfferDecision, ...]:
    """Return the decisions that ask for a change, without going through the whole shop."""
    accounts = sorted(account.name for account in app.settings.accounts)
    return tuple(one for account in accounts for one in books.offers.asking(account))


def refuse_unknown(wanted: Sequence[str], known: Sequence[str]) -> None:
    """Refuse SKUs that no account lists."""
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        problems = [f"--sku {sku}: no listing with this SKU is known" for sku in unknown]
        raise ConfigError(
            problems, next_step="Check the spelling, or read the listings with 'fbm-sync sync'."
        )


def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(metavar="T", help="Why; shown wherever raises wait.")] = "by hand",
) -> int:
    """Switch raises off for every account; decreases still go."""
    session: Session = context.obj
    with session.app() as app, app.ledger.transaction() as books:
        books.runs.pause(reason, app.clock.now())
    if session.screen.as_json:
        session.screen.document({"paused": True, "reason": reason})
    session.screen.say(f"Paused: nothing is raised until 'fbm-sync resume' ({reason}).")
    return 0


def resume(context: typer.Context) -> int:
    """Switch raises on again."""
    session: Session = context.obj
    with session.app() as app, app.ledger.transaction() as books:
        books.runs.resume()
    if session.screen.as_json:
        session.screen.document({"paused": False, "reason": None})
    session.screen.say("Raises are on again, from the next push.")
    return 0
