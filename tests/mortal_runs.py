"""Real runs of the command, forked from a process that has everything imported already.

A command that starts anew spends most of its time importing. So a *stable* (one process without threads)
imports once and forks a child for each run. The child is the command: it reads its configuration, opens its
store, talks HTTP, and ends by its exit code, or by SIGKILL when it takes too long.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path


class Stable:
    """Where runs come from; to be used with `with`."""

    def __init__(self, folder, environment):
        self._folder = Path(folder)
        self._errors = (self._folder / "stable.txt").open("w")
        paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import mortal_runs; mortal_runs.serve()"],
            cwd=self._folder,
            env=environment | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def run(self, *words, folder, environment, killed_after):
        """Run a command in a folder to its end, as `subprocess.run` does.

        Raises `subprocess.TimeoutExpired` when it had to be killed after so many seconds.
        """
        wish = {"words": words, "folder": str(folder), "environment": environment}
        print(json.dumps(wish | {"killed_after": killed_after}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, (self._folder / "stable.txt").read_text()
        out, err = ((self._folder / f"run.{part}").read_text() for part in ("out", "err"))
        code = json.loads(line)
        if code is None:
            raise subprocess.TimeoutExpired(words, killed_after, out, err)
        return subprocess.CompletedProcess(words, code, out, err)


# --- within the stable ------------------------------------------------------------------------------------


def serve():
    """Read wishes, fork a child for each, and tell how each ended; until nobody wishes any more."""
    _import_all()
    for line in sys.stdin:
        wish = json.loads(line)
        alive, held_by_child = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(alive)
            _be_the_command(wish)
        os.close(held_by_child)
        print(json.dumps(_end_of(pid, alive, time.monotonic() + wish["killed_after"])), flush=True)


def _end_of(pid, alive, dies_at):
    """Wait for the end of a run; return its exit code, or `None` when its end was ours to make."""
    ended, _, _ = select.select([alive], [], [], max(0.0, dies_at - time.monotonic()))
    if not ended:
        os.kill(pid, signal.SIGKILL)
    os.close(alive)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


def _be_the_command(wish):
    """Be the command from here on, and never come back."""
    code = 1
    try:
        for number, part in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"run.{part}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(wish["folder"])
        os.environ.clear()
        os.environ.update(wish["environment"])
        from fbm_sync.cli import main

        main(wish["words"])
    except SystemExit as leaving:
        code = leaving.code or 0
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _import_all():
    """Import whatever a run may need, so that no child spends its time on it."""
    import fbm_sync.adapters.notify.pages
    import fbm_sync.adapters.notify.webhook
    import fbm_sync.adapters.notify.wording
    import fbm_sync.adapters.spapi.account
    import fbm_sync.adapters.store.ledger
    import fbm_sync.adapters.supply.csv_files
    import fbm_sync.cli.commands
    import fbm_sync.daemon  # noqa: F401
