"""The list of commands, the global options, and what an error means for the exit code."""

from pathlib import Path
from typing import Annotated

import typer

from fbm_sync import __version__, logs
from fbm_sync.cli import (
    alerts,
    check,
    demo,
    emulator,
    explain,
    health,
    notifications,
    offers,
    orders,
    push,
    setup,
    sync,
    verify,
)
from fbm_sync.cli import run as daemon
from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.errors import ConfigError, FbmSyncError, RemoteError

DONE, FAILED, CANNOT_RUN = 0, 1, 2

_FLAGS = ("--json", "--verbose")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"fbm-sync {__version__}")
        raise typer.Exit


def _leave(code: int | None, **_options: object) -> None:
    """Leave with what the command returned."""
    raise typer.Exit(code or DONE)


command = typer.Typer(
    name="fbm-sync",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keeps an Amazon FBM seller's promises: from inbound purchase order to ship-by risk.",
    result_callback=_leave,
    epilog="--config, --json and --verbose may stand before or after the command.",
)

_GROUPS = (
    *(setup, check, sync, daemon, offers, push, orders, health, alerts, verify),
    *(explain, notifications, emulator, demo),
)
for group in _GROUPS:
    group.register(command)


@command.callback()
def _global_options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Configuration file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every step to standard error.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    # A person at a terminal reads the report; only the daemon's log tells every step and every alert.
    quiet = context.invoked_subcommand != "run" and not verbose
    logs.configure(verbose=verbose, quiet=quiet)
    context.obj = Session(config=config, screen=Screen(as_json=as_json), verbose=verbose)


def run(argv: list[str]) -> int:
    """Run one command and return its exit code; no error of ours ever shows a traceback."""
    argv = _global_options_first(argv)
    screen = Screen(as_json="--json" in argv)
    try:
        command(argv, prog_name="fbm-sync")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else DONE
    except ConfigError as error:
        _show_problems(screen, error)
        return CANNOT_RUN
    except FbmSyncError as error:
        screen.warn(str(error))
        if screen.as_json:
            screen.document({"error": str(error)})
        return FAILED if isinstance(error, RemoteError) else CANNOT_RUN
    return DONE


def _show_problems(screen: Screen, error: ConfigError) -> None:
    screen.warn(f"Cannot run: {error}")
    if screen.as_json:
        screen.document({"problems": list(error.problems), "next": error.next_step})


def _global_options_first(argv: list[str]) -> list[str]:
    """Move the global options to the front, so that they may stand anywhere before a bare `--`."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*front, *rest, word, *words]
        if word in _FLAGS or word.startswith("--config="):
            front.append(word)
        elif word == "--config":
            front.extend([word, *([value] if (value := next(words, None)) is not None else [])])
        else:
            rest.append(word)
    return [*front, *rest]
