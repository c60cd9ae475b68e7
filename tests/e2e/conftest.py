"""The real command in a process of its own, and the emulated Amazon it talks to over HTTP."""

import contextlib
import csv
import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mortal_runs import Stable
from shop_data import CREDENTIALS, MARKETPLACE_ID, SELLER_ID, config_text

from fbm_sync.emulator import load_scenario, running

INSTALLED = Path(sysconfig.get_path("scripts")) / "fbm-sync"
COMMAND = [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-m", "fbm_sync"]
PATIENCE_SECONDS = 90


def environment(**variables: str) -> dict[str, str]:
    """Our own surroundings (coverage, import path), without any setting of a real shop."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("FBM_SYNC_", "SP_API_"))
    }
    kept.pop("CREDENTIALS_DIRECTORY", None)
    return kept | {"COLUMNS": "200", "NO_COLOR": "1"} | variables


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def everything(self) -> str:
        return self.out + self.err


@dataclasses.dataclass
class Seller:
    """A folder with a config and records, the command, and the seller's Amazon seen from outside."""

    folder: Path
    url: str = ""
    credentials: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(CREDENTIALS))
    http: httpx.Client | None = None
    world: Any = None
    stable: Stable | None = None

    # --- the command ---------------------------------------------------------------------------------

    def run(self, *words: str, code: int | None = None) -> Finished:
        """Run a command to its end; with `code` that must be its exit code.

        In a process of its own, forked from one that has imported everything: that takes most of the time.
        """
        assert self.stable is not None
        done = self.stable.run(
            *words,
            folder=self.folder,
            environment=environment(**self.credentials),
            killed_after=PATIENCE_SECONDS,
        )
        assert not done.was_killed, f"{words} took more than {PATIENCE_SECONDS} s"
        return self._checked(done, code)

    def run_as_installed(self, *words: str, code: int | None = None) -> Finished:
        """Run a command as a seller starts it."""
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.folder,
            env=environment(**self.credentials),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        return self._checked(done, code)

    @staticmethod
    def _checked(done: "subprocess.CompletedProcess[str]", code: int | None) -> Finished:
        finished = Finished(done.returncode, done.stdout, done.stderr)
        if code is not None:
            assert finished.code == code, f"{done.args}: exit {finished.code}\n{finished.out}\n{finished.err}"
        assert "Traceback" not in finished.everything, finished.everything
        return finished

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command with --json and return its document."""
        return self.run(*words, "--json", code=code).document

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command and leave it running; its output goes to the files out.txt and err.txt."""
        out, err = self.folder / "out.txt", self.folder / "err.txt"
        with out.open("w") as stdout, err.open("w") as stderr:
            return subprocess.Popen(
                [*COMMAND, *words],
                cwd=self.folder,
                env=environment(**self.credentials),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
            )

    @contextlib.contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs while the block does, and is gone after it."""
        process = self.start(*words)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()

    @staticmethod
    def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit code and how many seconds the end took."""
        begun = time.monotonic()
        process.send_signal(number)
        code = process.wait(timeout=PATIENCE_SECONDS)
        return code, time.monotonic() - begun

    @staticmethod
    def wait_until(told: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
        """Wait until something is true; that a process has ended meanwhile ends the wait as well."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not (found := told()):
            assert time.monotonic() < give_up, "waited in vain"
            assert process is None or process.poll() is None, "the process has ended"
            time.sleep(0.05)
        return found

    @property
    def log(self) -> str:
        """What a started command wrote to standard error so far."""
        return (self.folder / "err.txt").read_text()

    # --- the seller's own records --------------------------------------------------------------------

    @property
    def config(self) -> Path:
        return self.folder / "fbm_sync.toml"

    @property
    def database(self) -> Path:
        return self.folder / "fbm_sync.db"

    def change_config(self, before: str, after: str) -> None:
        text = self.config.read_text()
        assert text.count(before) == 1, before
        self.config.write_text(text.replace(before, after))

    def count(self, **on_hand: int) -> None:
        """Write the stock list anew, counted just now."""
        counted_at = datetime.now(UTC).isoformat(timespec="seconds")
        rows = [(sku, units, counted_at) for sku, units in on_hand.items()]
        self.write("stock.csv", ("sku", "on_hand", "counted_at"), rows)

    def write(self, name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        path = self.folder / "supply" / name
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database, table by table."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as store:
            names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: store.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}

    # --- Amazon --------------------------------------------------------------------------------------

    def amazon(self, path: str, body: Any = None) -> Any:
        """Look at the emulated Amazon, or with a body change something there."""
        assert self.http is not None
        if body is None:
            answer = self.http.get(f"/_emulator/{path}")
        else:
            answer = self.http.post(f"/_emulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def requests(self, operation: str | None = None) -> list[Any]:
        """Every request that Amazon saw."""
        seen = self.amazon("requests")["requests"]
        return [one for one in seen if operation in (None, one["operation"])]

    def writes(self) -> list[Any]:
        """Every request that changed a listing at Amazon."""
        patches = self.requests("patchListingsItem")
        return [one for one in patches if one["params"].get("mode") != "VALIDATION_PREVIEW"]

    def live(self, sku: str) -> int:
        """The quantity that buyers see."""
        return self.amazon("state")["listings"][sku]["live_quantity"]


def _moment(**ago: float) -> str:
    """An instant so long ago, as Amazon writes it."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="seconds")


def _an_order(number: int, sku: str = "CUP", units: int = 1, hours: float = 3, **more: Any) -> dict[str, Any]:
    """A past order, as a scenario writes it."""
    items = [{"sku": sku, "quantity": units}]
    return {"order_id": _order_id(number), "created_at": _moment(hours=hours), "items": items, **more}


def _order_id(number: int) -> str:
    return f"111-0000000-{number:07}"


def _small_shop(**changes: Any) -> dict[str, Any]:
    """Four listings: CUP shows too many, MUG too few, TRAY and LAMP what they should; two open orders."""
    listings = [
        {"sku": sku, "quantity": units, "handling_days": 2, "price": "10.00"}
        for sku, units in (("CUP", 30), ("LAMP", 7), ("MUG", 0), ("TRAY", 4))
    ]
    scenario: dict[str, Any] = {
        "seller_id": SELLER_ID,
        "marketplace_id": MARKETPLACE_ID,
        "rate_factor": 100,
        "apply_seconds": 0,
        "listings": listings,
        "orders": [_an_order(1), _an_order(2, "MUG", 2)],
    }
    return scenario | changes


@pytest.fixture(scope="session")
def an_order():
    """Makes a past order, as a scenario writes it; order number 1 is 111-0000000-0000001."""
    return _an_order


@pytest.fixture(scope="session")
def small_shop():
    """Makes the small shop's scenario."""
    return _small_shop


@pytest.fixture(scope="session")
def stable(tmp_path_factory):
    """Where the commands of all sellers come from."""
    with Stable(tmp_path_factory.mktemp("stable"), environment()) as one:
        yield one


@pytest.fixture
def opened(tmp_path, stable):
    """Opens sellers with their Amazon; all is closed at the end."""
    with contextlib.ExitStack() as stack:

        def open_one(scenario: Mapping[str, Any] | None = None, *, folder: str = "shop") -> Seller:
            world = load_scenario(dict(_small_shop() if scenario is None else scenario))
            url = stack.enter_context(running(world))
            http = stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))
            seller = Seller(tmp_path / folder, url=url, http=http, world=world, stable=stable)
            seller.folder.mkdir()
            text = config_text(url, float((scenario or {}).get("rate_factor", 100)))
            seller.config.write_text(text.replace("[policy.default]", "[policy.default]\nlatency_risk = 1.0"))
            seller.count(CUP=21, MUG=10, TRAY=4, LAMP=7)
            return seller

        yield open_one


@pytest.fixture
def seller(opened):
    """A seller with the small shop."""
    return opened()
