"""`fbm-sync emulator` in a process of its own, found by the address it announces."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys

import httpx

LINES = 4


@dataclasses.dataclass
class Served:
    """A running emulator; `announcement` is the lines it said first."""

    process: subprocess.Popen
    announcement: list[str]
    http: httpx.Client

    @property
    def url(self):
        return str(self.http.base_url).rstrip("/")

    @property
    def port(self):
        return str(self.http.base_url.port)

    def interrupt(self):
        """Press Ctrl-C; the exit code and what was printed after the announcement."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out + err


@contextlib.contextmanager
def serving(*words, folder=None):
    """Serve on a free port while the block runs."""
    command = [sys.executable, "-W", "error", "-m", "fbm_sync", "emulator", *words, "--port", "0"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=plain_environment(), text=True, **pipes) as process:
        try:
            announcement = [process.stderr.readline()]
            assert "answers on " in announcement[0], announcement[0] + process.stderr.read()
            url = announcement[0].split("answers on ")[1].split()[0]
            announcement += [process.stderr.readline() for _ in range(LINES - 1)]
            with httpx.Client(base_url=url, verify=False) as http:
                yield Served(process, announcement, http)
        finally:
            if process.poll() is None:
                process.kill()


def plain_environment():
    """Our surroundings without what would lead a client elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SP_API_")}
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"}
