"""`fbm-sync init` and `fbm-sync db`: the first files, the schema of the store, and what it may forget."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

import fbm_sync
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.errors import ConfigError
from fbm_sync.flows import prune as prune_flow

_TEMPLATE = "config_template"


def register(command: typer.Typer) -> None:
    """Add the commands."""
    command.command("init")(init)
    group = typer.Typer(
        no_args_is_help=True, help="The schema of the store, and what it may forget.", rich_markup_mode=None
    )
    group.command("upgrade")(upgrade)
    group.command("status")(status)
    group.command("prune")(prune)
    command.add_typer(group, name="db")


def init(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write; made if absent.")
    ] = Path(),
) -> int:
    """Write a commented configuration and example CSV files; nothing is overwritten."""
    session: Session = context.obj
    files = dict(_template_files())
    taken = sorted(str(directory / name) for name in files if (directory / name).exists())
    if taken:
        raise ConfigError(
            [f"{name}: is there already" for name in taken],
            next_step="Choose another folder; existing files are never overwritten.",
        )
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read_bytes())
    screen = session.screen
    if screen.as_json:
        screen.document({"written": sorted(str(directory / name) for name in files)})
    for name in sorted(files):
        screen.say(f"wrote {directory / name}")
    screen.say("Next: fill in seller_id and marketplaces, set the three secrets, then run 'fbm-sync check'.")
    return 0


def _template_files() -> list[tuple[str, Traversable]]:
    """Return the example files with their names; from the installed package, or from a checkout."""
    root: Traversable = resources.files(fbm_sync) / _TEMPLATE
    if not root.is_dir():
        root = Path(fbm_sync.__file__).parent.parent / "config"
    found = [(entry.name, entry) for entry in root.iterdir() if entry.is_file()]
    supply = root / "supply"
    found.extend((f"supply/{entry.name}", entry) for entry in supply.iterdir() if entry.is_file())
    return found


def upgrade(context: typer.Context) -> int:
    """Bring the store to this version's schema; safe to repeat."""
    session: Session = context.obj
    with session.app() as app, app.bare_store() as store:
        found = store.upgrade()
    _show_schema(session.screen, found.current, found.head)
    return 0


def status(context: typer.Context) -> int:
    """Say which schema the store has and which this version needs."""
    session: Session = context.obj
    with session.app() as app, app.bare_store() as store:
        found = store.status()
    _show_schema(session.screen, found.current, found.head)
    return 0 if found.is_current else 1


def _show_schema(screen: Screen, current: str | None, head: str) -> None:
    ready = current == head
    if screen.as_json:
        screen.document({"current": current, "head": head, "ready": ready})
    if ready:
        screen.say(f"The store has schema {current}, which is what this version needs.")
    else:
        screen.say(
            f"The store has {f'schema {current}' if current else 'no schema'}, this version needs {head}."
        )
        screen.say("Run 'fbm-sync db upgrade'.")


_KINDS = {
    "decisions": "decisions that newer ones replaced",
    "outlooks": "judgements of orders that no longer hold",
    "answers": "answers of Amazon that newer ones replaced",
    "alerts": "resolved alerts",
    "notifications": "notifications that were delivered or given up",
    "orders": "orders that are shipped or cancelled",
}


def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
) -> int:
    """Forget history older than [store] keep_days; what is in force is never touched.

    The daemon does the same once a day.
    """
    session: Session = context.obj
    with session.app() as app:
        keep_days = app.settings.keep_days
        pruned = prune_flow.prune(app.ledger, app.clock, keep_days=keep_days, dry_run=dry_run)
    screen = session.screen
    counts = {name: pruned.counts.get(name, 0) for name in _KINDS}
    if screen.as_json:
        horizon = pruned.horizon
        screen.document(
            {
                "dry_run": dry_run,
                "keep_days": keep_days,
                "records_before": horizon and horizon.records,
                "orders_before": horizon and horizon.orders,
                "pruned": counts,
            }
        )
    if pruned.horizon is None:
        screen.say("Nothing is ever forgotten: [store] keep_days is 0.")
        return 0
    before = {"orders": pruned.horizon.orders}
    rows = [(_KINDS[name], before.get(name, pruned.horizon.records), count) for name, count in counts.items()]
    screen.table("History", ("what", "over before", "to go" if dry_run else "gone"), rows)
    screen.say("Nothing was changed." if dry_run else f"{sum(counts.values())} records are forgotten.")
    return 0
