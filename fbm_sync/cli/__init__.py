"""The command `fbm-sync`: parse, call one flow or look-up, show the result, exit.

Here: one file per group of commands, the screen (tables, progress bars, JSON), the exit codes. Not
here: any decision, any query of its own making. Exit codes: 0 done, 1 ran but something failed, 2
cannot run (every problem is listed), 3 ran and a push is held.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    from fbm_sync.cli.commands import run

    sys.exit(run(list(sys.argv[1:] if argv is None else argv)))
