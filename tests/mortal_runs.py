"""Real runs of the command that are killed: forked from a process that has everything imported already.

A command that starts anew spends most of its time importing, and most kills would fall there. So a *stable*
(one process without threads) imports once and forks a child for each run. The child is the command: it reads
its configuration, opens its store, talks HTTP, and ends by its exit code or by SIGKILL. Beside the words of
the command it is told how far its clock is ahead of the machine's, so that both sides may live through days.
"""

import contextlib
import functools
import json
import mmap
import os
import select
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

_GLANCE_SECONDS = 0.005
STARTING, BETWEEN = "starting", "between steps"


class Run(subprocess.CompletedProcess):
    """How a run ended, as `subprocess.run` tells it, and how long it took and where it was killed."""

    def __init__(self, words, code, out, err, *, phase, seconds):
        super().__init__(words, code, out, err)
        self.phase, self.seconds = phase, seconds

    @property
    def was_killed(self):
        return self.returncode == -signal.SIGKILL

    @property
    def document(self):
        """The one JSON document on standard output."""
        return json.loads(self.stdout)


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

    def run(self, *words, **terms):
        """Run a command to its end, or kill it after so many seconds, or as soon as it is in a phase."""
        self.start(*words, **terms)
        return self.ended()

    def start(
        self,
        *words,
        ahead=timedelta(0),
        killed_after=None,
        killed_in=None,
        name="run",
        folder=None,
        environment=None,
    ):
        """Begin a run; several may be under way under different names.

        It runs in the stable's folder and environment, if none of its own are named.
        """
        wish = {"words": words, "ahead": ahead.total_seconds(), "name": name}
        wish |= {"killed_after": killed_after, "killed_in": killed_in}
        wish |= {"folder": None if folder is None else str(folder), "environment": environment}
        print(json.dumps(wish), file=self._process.stdin, flush=True)

    def ended(self):
        """Wait for the next run that ends."""
        line = self._process.stdout.readline()
        assert line, (self._folder / "stable.txt").read_text()
        answer = json.loads(line)
        name = answer.pop("name")
        out, err = ((self._folder / f"{name}.{part}").read_text() for part in ("out", "err"))
        return Run(answer.pop("words"), answer.pop("code"), out, err, **answer)


# --- within the stable ------------------------------------------------------------------------------------


def serve():
    """Read wishes, fork a child for each, and tell how each ended; until nobody wishes any more."""
    phase = mmap.mmap(-1, 64)  # shared with the children: what they write is there after they are killed
    _import_all()
    _mark_phases(phase)
    under_way = {}
    while True:
        ends = [one["alive"] for one in under_way.values()]
        ready, _, _ = select.select([sys.stdin.fileno(), *ends], [], [], _next_look(under_way))
        if sys.stdin.fileno() in ready:
            line = _read_line()
            if not line:
                break
            wish = json.loads(line)
            under_way[wish["name"]] = _begin(wish, phase)
        _kill_those_due(under_way, _read(phase))
        for name, one in list(under_way.items()):
            if one["alive"] in ready:
                del under_way[name]
                _tell(name, one, phase)
    for one in under_way.values():
        os.kill(one["pid"], signal.SIGKILL)


def _read_line():
    """Read one line, and nothing of the next: `select` must see that one."""
    line = bytearray()
    while (byte := os.read(sys.stdin.fileno(), 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


def _next_look(under_way):
    if any(one["dies_in"] for one in under_way.values()):
        return _GLANCE_SECONDS
    due = [one["dies_at"] for one in under_way.values() if one["dies_at"] is not None]
    return max(0.0, min(due) - time.monotonic()) if due else None


def _kill_those_due(under_way, now_in):
    for one in under_way.values():
        is_late = one["dies_at"] is not None and time.monotonic() >= one["dies_at"]
        if is_late or one["dies_in"] == now_in:
            os.kill(one["pid"], signal.SIGKILL)
            one |= {"dies_at": None, "dies_in": None}


def _begin(wish, phase):
    alive, held_by_child = os.pipe()
    phase[:] = bytes(len(phase))
    begun = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(alive)
        _be_the_command(wish, phase)
    os.close(held_by_child)
    span = wish["killed_after"]
    dies_at = None if span is None else begun + span
    deadly = {"dies_at": dies_at, "dies_in": wish["killed_in"]}
    return {"words": wish["words"], "pid": pid, "alive": alive, "begun": begun} | deadly


def _tell(name, one, phase):
    os.close(one["alive"])
    _, status = os.waitpid(one["pid"], 0)
    answer = {
        "name": name,
        "words": one["words"],
        "code": os.waitstatus_to_exitcode(status),
        "phase": _read(phase),
        "seconds": time.monotonic() - one["begun"],
    }
    print(json.dumps(answer), flush=True)


def _be_the_command(wish, phase):
    """Be the command from here on, and never come back."""
    code = 1
    try:
        for number, part in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{wish['name']}.{part}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        if wish["folder"] is not None:
            os.chdir(wish["folder"])
        if wish["environment"] is not None:
            os.environ.clear()
            os.environ.update(wish["environment"])
        _write(phase, STARTING)
        _set_clock(timedelta(seconds=wish["ahead"]))
        from fbm_sync.cli import main

        main(wish["words"])
    except SystemExit as leaving:
        code = leaving.code or 0
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _set_clock(ahead):
    """Let the command's clock be ahead of the machine's."""
    from fbm_sync import wiring

    class AheadClock(wiring.SystemClock):
        def now(self):
            return super().now() + ahead

    wiring.SystemClock = AheadClock


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


# --- phases -----------------------------------------------------------------------------------------------


def _mark_phases(phase):
    """Let each part of a run note that it is at work."""
    from fbm_sync import cycle
    from fbm_sync.flows import push

    for name in ("supply", "orders", "offers", "performance", "plan", "push", "alert", "notify"):
        setattr(cycle.Turn, name, _marked(getattr(cycle.Turn, name), name, phase))
    for name in ("follow", "glance", "settle_unknown", "confirm", "draw_up", "zero_out", "write", "hand_in"):
        if hasattr(push, name):
            setattr(push, name, _marked(getattr(push, name), f"push: {name}", phase))


def _marked(work, name, phase):
    @functools.wraps(work)
    def marked(*args, **options):
        before = bytes(phase)
        _write(phase, name)
        try:
            return work(*args, **options)
        finally:
            phase[:] = before if b"push" in before else BETWEEN.encode().ljust(len(phase), b"\0")

    return marked


def _read(phase):
    return bytes(phase).rstrip(b"\0").decode()


def _write(phase, name):
    phase[:] = name.encode().ljust(len(phase), b"\0")
