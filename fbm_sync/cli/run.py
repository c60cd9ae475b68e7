"""`fbm-sync run`: the daemon."""

import typer

from fbm_sync.cli.session import Session


def register(command: typer.Typer) -> None:
    """Add the command."""
    command.command("run")(run)


def run(context: typer.Context) -> int:
    """Run the daemon until SIGTERM or Ctrl-C; SIGHUP takes up the configuration anew."""
    from fbm_sync import daemon

    session: Session = context.obj
    daemon.run(session.settings)
    return 0
