"""`fbm-sync push`: writing to Amazon, what waits for a person, and the person's answer."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from fbm_sync import cycle
from fbm_sync.cli.decisions import offer_json
from fbm_sync.cli.offers import refuse_unknown
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.cli.sync import show_report
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.hold import Hold
from fbm_sync.domain.listing import describe
from fbm_sync.domain.order import Sku
from fbm_sync.domain.review import checksum_of_accounts
from fbm_sync.errors import ConfigError
from fbm_sync.flows import agenda
from fbm_sync.flows import push as push_flow
from fbm_sync.ports import Failure, Progress
from fbm_sync.report import RunReport
from fbm_sync.wiring import App


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("push")(push)


def push(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Write to Amazon.")] = False,
    sku: Annotated[list[str] | None, typer.Option(metavar="SKU", help="Only this SKU; may repeat.")] = None,
    release: Annotated[str | None, typer.Option(metavar="HOLD", help="Let a hold go, then push.")] = None,
    drop: Annotated[
        str | None,
        typer.Option(metavar="HOLD", help="Say no to the changes of a hold (with --sku to those)."),
    ] = None,
    only_if: Annotated[
        str | None,
        typer.Option(metavar="CHECKSUM", help="Do nothing unless the changes are those once shown so."),
    ] = None,
) -> int:
    """Show the changes the last plan asks for; with --apply, make them and read them back.

    What would change an absurd part of the shop is held: --release lets it go for an hour, exactly as it was
    shown; --drop says no, and it is not made until something else is decided for the SKU. What is shown has a
    checksum: --apply --only-if CHECKSUM makes just what was shown so, or nothing.
    """
    session: Session = context.obj
    _refuse_odd(apply=apply, release=release, drop=drop, only_if=only_if)
    skus = [Sku(one) for one in sku or ()]
    with session.app() as app:
        _refuse_unknown_skus(app, skus)
        if drop is not None:
            _drop(session.screen, app, drop, skus)
        doing = Pushing(app, skus, apply=apply, release=release, reviewed=_reviewed(app, skus, only_if))
        with session.screen.watching() as progress:
            doing.run(progress)
    _show_changes(session.screen, doing.pushes)
    _show_holds(session.screen, doing.report.holds, app)
    if not apply and any(pushed.changes for pushed in doing.pushes):
        session.screen.say(f"Checksum {doing.report.checksum}: make just this with --apply --only-if.")
    return show_report(session.screen, doing.report, applied=apply, parts=("push",))


def _refuse_odd(*, apply: bool, release: str | None, drop: str | None, only_if: str | None) -> None:
    """Refuse options that say nothing by themselves, or contradict each other."""
    problems = []
    if release is not None and not apply:
        problems.append("--release: a hold is only let go together with --apply")
    if only_if is not None and not apply:
        problems.append("--only-if: it says when to write, so it stands together with --apply")
    if drop is not None and (release is not None or only_if is not None):
        problems.append("--drop: say no first, then look at what is left; it stands without the others")
    if problems:
        raise ConfigError(problems)


def _refuse_unknown_skus(app: App, skus: Sequence[Sku]) -> None:
    if skus:
        with app.ledger.snapshot() as books:
            refuse_unknown(skus, [one.sku for one in books.offers.decisions(skus=skus)])


def _accounts(app: App) -> list[str]:
    return [account.name for account in app.settings.accounts]


def _owner_of(app: App, option: str, hold_id: str) -> str:
    """Return the account of a hold. Raises `ConfigError` when it is none of those in force."""
    with app.ledger.snapshot() as books:
        owners = {hold.hold_id: hold.account for hold in books.offers.holds()}
    if hold_id not in owners:
        raise agenda.no_such_hold(option, hold_id, owners)
    return owners[hold_id]


def _drop(screen: Screen, app: App, hold_id: str, skus: Sequence[Sku]) -> None:
    owner = _owner_of(app, "--drop", hold_id)
    with app.ledger.transaction() as books:
        count = agenda.drop(books, owner, app.push_terms().limits, app.clock.now(), hold_id, skus)
    changes = "1 change is" if count == 1 else f"{count} changes are"
    screen.say(f"Dropped: {changes} not made until something else is decided.")


def _reviewed(app: App, skus: Sequence[Sku], checksum: str | None) -> Mapping[str, str]:
    """Return what each account was reviewed as. Raises `ConfigError` when that is not how things are now."""
    if checksum is None:
        return {}
    now, limits = app.clock.now(), app.push_terms().limits
    with app.ledger.snapshot() as books:
        parts = {name: agenda.preview(books, name, limits, now, skus).checksum for name in _accounts(app)}
    found = checksum_of_accounts(parts)
    if found != checksum:
        raise ConfigError(
            [f"--only-if {checksum}: what would be done now was not reviewed; its checksum is {found}"],
            next_step="Look at it with 'fbm-sync push', then say --only-if with the checksum shown there.",
        )
    return parts


class Pushing:
    """The push of all accounts, or of the one whose hold is let go; and its report."""

    def __init__(
        self, app: App, skus: Sequence[Sku], *, apply: bool, release: str | None, reviewed: Mapping[str, str]
    ) -> None:
        self.app, self.skus, self.apply, self.release, self.reviewed = app, skus, apply, release, reviewed
        self.accounts = _accounts(app) if release is None else [_owner_of(app, "--release", release)]
        self.report = RunReport()
        self.pushes: list[push_flow.PushReport] = []

    def run(self, progress: Progress) -> None:
        """Push each account in turn."""
        app, begun_at = self.app, self.app.clock.now()
        run_id = cycle.new_run_id(begun_at)
        for account in self.accounts:
            try:
                pushed = self._push(account, run_id, progress)
            except ConfigError as error:
                if not self.pushes:
                    raise
                # Another account has been written to already; of this one nothing is.
                why = "; ".join(error.problems)
                self.report.failed.append(
                    Failure(what=f"push of account {account}", why=why, next=error.next_step)
                )
                continue
            self.pushes.append(pushed)
            self.report.note_push(pushed)
            self.report.reviewed[account] = pushed.checksum
        self.report.shown = [shown for pushed in self.pushes for shown in _changes_json(pushed)]
        with app.ledger.snapshot() as books:
            self.report.holds = list(books.offers.holds())
        self.report.note_traffic(cycle.traffic(app))
        self.report.duration_seconds = (app.clock.now() - begun_at).total_seconds()

    def _push(self, account: str, run_id: str, progress: Progress) -> push_flow.PushReport:
        app, wait = self.app, cycle.CONFIRM_WAIT_SECONDS if self.apply else 0.0
        return push_flow.push(
            account,
            app.account(account).offers,
            app.ledger,
            app.clock,
            app.push_terms(confirm_wait_seconds=wait),
            run_id=run_id,
            apply=self.apply,
            skus=self.skus,
            release=self.release,
            reviewed=self.reviewed.get(account),
            progress=progress,
            feeds=app.account(account).feeds,
            reports=app.account(account).reports,
            quota=app.account(account).gateway.throttle,
        )


def _changes_json(pushed: push_flow.PushReport) -> list[dict[str, object]]:
    waiting = set(pushed.waiting)
    return [
        {
            "account": change.account,
            "sku": change.sku,
            "before": offer_json(change.before),
            "after": offer_json(change.after),
            "held": change in waiting,
        }
        for change in pushed.changes
    ]


def _show_changes(screen: Screen, pushes: Sequence[push_flow.PushReport]) -> None:
    rows = []
    for pushed in pushes:
        answers, waiting = {one.change.sku: one for one in pushed.receipts}, set(pushed.waiting)
        rows += [
            (
                change.account,
                change.sku,
                describe(change.before),
                describe(change.after),
                "held" if change in waiting else "goes",
                _answer(answers.get(change.sku)),
            )
            for change in pushed.changes
        ]
    if rows:
        columns = ("account", "SKU", "Amazon shows", "should be", "now", "Amazon's answer")
        screen.table("Changes", columns, rows)
    else:
        screen.say("Nothing to change: Amazon shows what was decided.")


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


def _show_holds(screen: Screen, holds: Sequence[Hold], app: App) -> None:
    """Show the holds in force, and how to answer those that wait for it."""
    now = app.clock.now()
    rows = [
        (
            hold.hold_id,
            hold.account,
            hold.held_at,
            len(hold.changes),
            f"released {hold.released_at:%H:%M}Z" if hold.is_released(now) else "waits for you",
            "; ".join(hold.reasons),
        )
        for hold in holds
    ]
    if rows:
        screen.table("Holds in force", ("hold", "account", "since", "changes", "state", "why"), rows)
    for hold in holds:
        if not hold.is_released(now):
            screen.say(
                f"Held: release with 'fbm-sync push --apply --release {hold.hold_id}', "
                f"say no with 'fbm-sync push --drop {hold.hold_id}'.",
                style="yellow",
            )
