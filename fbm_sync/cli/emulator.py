"""`fbm-sync emulator`: Amazon on loopback, for trying things out."""

from pathlib import Path
from typing import Annotated

import typer

from fbm_sync.cli.session import Session
from fbm_sync.emulator import CONTROL_HELP
from fbm_sync.errors import ConfigError


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("emulator", epilog=_as_written(CONTROL_HELP))(emulator)


def _as_written(text: str) -> str:
    """Keep the help's own lines: each paragraph is marked as not to be rewrapped."""
    return "\b\n" + text.replace("\n\n", "\n\n\b\n")


def emulator(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="Port on 127.0.0.1.")] = 9480,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON scenario; else a small shop.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Same seed, same ids.")] = None,
) -> int:
    """Serve an emulated Amazon on 127.0.0.1 until interrupted."""
    from fbm_sync.emulator import ScenarioError, load_scenario, serve

    session: Session = context.obj
    try:
        world = load_scenario(scenario, seed=seed)
    except ScenarioError as error:
        raise ConfigError(error.problems, next_step="Correct the scenario and start again.") from error
    session.screen.warn(f"The emulated Amazon answers on http://127.0.0.1:{port} (stop with Ctrl-C)")
    session.screen.warn(f'  endpoint       = "http://127.0.0.1:{port}"')
    session.screen.warn(f'  token_endpoint = "http://127.0.0.1:{port}/auth/o2/token"')
    try:
        serve(world, port)
    except OSError as error:
        raise ConfigError([f"--port {port}: {error.strerror}"], next_step="Choose another port.") from error
    return 0
