"""`fbm-sync init` and `fbm-sync db`: the first files, and the schema of the store."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

import fbm_sync
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.errors import ConfigError

_TEMPLATE = "config_template"


def register(command: typer.Typer) -> None:
    """Add the commands."""
    command.command("init")(init)
    group = typer.Typer(no_args_is_help=True, help="The schema of the store.", rich_markup_mode=None)
    group.command("upgrade")(upgrade)
    group.command("status")(status)
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
