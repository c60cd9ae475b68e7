"""`fbm-sync emulator`: Amazon on loopback, for trying things out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbm_sync.cli.screen import Screen
from fbm_sync.cli.session import Session
from fbm_sync.emulator import CONTROL_HELP
from fbm_sync.errors import ConfigError

if TYPE_CHECKING:
    from fbm_sync.emulator import World


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("emulator", epilog=_as_written(CONTROL_HELP))(emulator)


def _as_written(text: str) -> str:
    """Keep the help's own lines: each paragraph is marked as not to be rewrapped."""
    return "\b\n" + text.replace("\n\n", "\n\n\b\n")


def emulator(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 9480,
    scenario: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON scenario; else a small shop.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Same seed, same ids.")] = None,
    sqs_endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Where notifications are sent to; else nowhere.")
    ] = None,
) -> int:
    """Serve an emulated Amazon on 127.0.0.1 until interrupted."""
    from fbm_sync.emulator import ScenarioError, load_scenario, serve

    session: Session = context.obj
    try:
        world = load_scenario(scenario, seed=seed, sqs_endpoint=sqs_endpoint)
    except ScenarioError as error:
        raise ConfigError(error.problems, next_step="Correct the scenario and start again.") from error
    try:
        serve(world, port, lambda url: _announce(session.screen, url, world))
    except OSError as error:
        raise ConfigError([f"--port {port}: {error.strerror}"], next_step="Choose another port.") from error
    return 0


def _announce(screen: Screen, url: str, world: "World") -> None:
    """Say where it answers, in the words of the configuration; a waiting program is told at once."""
    rules, token_url = world.rules, f"{url}/auth/o2/token"
    screen.warn(f"The emulated Amazon answers on {url} (stop with Ctrl-C)")
    screen.warn(f'  endpoint       = "{url}"')
    screen.warn(f'  token_endpoint = "{token_url}"')
    screen.warn(
        f"Seller {rules.seller_id}, marketplace {rules.marketplace_id}. More: fbm-sync emulator --help"
    )
    if screen.as_json:
        facts = {"endpoint": url, "token_endpoint": token_url}
        screen.document(facts | {"seller_id": rules.seller_id, "marketplace_id": rules.marketplace_id})
        sys.stdout.flush()
