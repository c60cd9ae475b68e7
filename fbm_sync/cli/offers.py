"""`fbm-sync plan`, `push`, `pause`, `resume`: what should be on sale, and writing it to Amazon."""

from collections.abc import Sequence
from typing import Annotated

import typer

from fbm_sync import cycle
from fbm_sync.cli import whatif
from fbm_sync.cli.decisions import decision_json, offer_words
from fbm_sync.cli.session import Session
from fbm_sync.cli.sync import show_report
from fbm_sync.cli.wording import plainly
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import describe
from fbm_sync.domain.order import Sku
from fbm_sync.errors import ConfigError
from fbm_sync.flows import plan as plan_flow
from fbm_sync.flows import push as push_flow
from fbm_sync.report import RunReport
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the commands."""
    command.command("plan")(plan)
    command.command("push")(push)
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
            decisions = books.offers.decisions(skus=[Sku(one) for one in sku or ()])
    shown = [one for one in decisions if one.change is not None or not changed]
    _refuse_unknown(sku or (), [one.sku for one in decisions])
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


def _refuse_unknown(wanted: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        problems = [f"--sku {sku}: no listing with this SKU is known" for sku in unknown]
        raise ConfigError(
            problems, next_step="Check the spelling, or read the listings with 'fbm-sync sync'."
        )


def push(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Write to Amazon.")] = False,
    sku: Annotated[list[str] | None, typer.Option(metavar="SKU", help="Only this SKU; may repeat.")] = None,
    release: Annotated[str | None, typer.Option(metavar="HOLD", help="Let a hold go, then push.")] = None,
) -> int:
    """Show the changes the last plan asks for; with --apply, make them and read them back."""
    session: Session = context.obj
    with session.app() as app:
        _refuse_empty_release(release, apply=apply)
        with app.ledger.transaction() as books:
            _refuse_unknown(sku or (), [one.sku for one in books.offers.decisions()])
        report, begun_at = RunReport(), app.clock.now()
        wait = cycle.CONFIRM_WAIT_SECONDS if apply else 0.0
        run_id = cycle.new_run_id(begun_at)
        pushes: list[push_flow.PushReport] = []
        with session.screen.watching() as progress:
            for account in _accounts_of(app, release):
                pushed = push_flow.push(
                    account,
                    app.account(account).offers,
                    app.ledger,
                    app.clock,
                    app.push_terms(confirm_wait_seconds=wait),
                    run_id=run_id,
                    apply=apply,
                    skus=[Sku(one) for one in sku or ()],
                    release=release,
                    progress=progress,
                    feeds=app.account(account).feeds,
                    reports=app.account(account).reports,
                )
                pushes.append(pushed)
                report.note_push(pushed)
        report.note_traffic(cycle.traffic(app))
        report.duration_seconds = (app.clock.now() - begun_at).total_seconds()
    return _show_push(session, report, pushes, applied=apply)


def _refuse_empty_release(release: str | None, *, apply: bool) -> None:
    if release is not None and not apply:
        raise ConfigError(["--release: a hold is only let go together with --apply"])


def _accounts_of(app: App, release: str | None) -> list[str]:
    """Return the accounts to push: all, or the one whose hold is released."""
    names = [account.name for account in app.settings.accounts]
    if release is None:
        return names
    with app.ledger.transaction() as books:
        owners = [hold.account for hold in books.offers.holds() if hold.hold_id == release]
    if not owners:
        raise ConfigError(
            [f"--release {release}: there is no such hold in force"],
            next_step="See 'fbm-sync push' for the holds in force; new facts make an old hold void.",
        )
    return owners


def _show_push(
    session: Session, report: RunReport, pushes: Sequence[push_flow.PushReport], *, applied: bool
) -> int:
    screen = session.screen
    answers = {r.change.sku: r for pushed in pushes for r in pushed.receipts}
    rows = [
        (
            change.account,
            change.sku,
            describe(change.before),
            describe(change.after),
            _answer(answers.get(change.sku)),
        )
        for pushed in pushes
        for change in pushed.changes
    ]
    if rows:
        screen.table("Changes", ("account", "SKU", "Amazon shows", "should be", "Amazon's answer"), rows)
    else:
        screen.say("Nothing to change: Amazon shows what was decided.")
    for hold in report.hold_ids:
        screen.say(f"Held: release with 'fbm-sync push --apply --release {hold}'.", style="yellow")
    return show_report(screen, report, applied=applied, parts=("push",))


def _answer(receipt: PushReceipt | None) -> str:
    if receipt is None:
        return "not asked"
    words = {
        PushOutcome.VALID: "would accept",
        PushOutcome.ACCEPTED: "accepted",
        PushOutcome.REJECTED: "refused",
    }
    problems = f": {'; '.join(receipt.problems)}" if receipt.problems else ""
    return words.get(receipt.outcome, receipt.outcome.value) + problems


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
