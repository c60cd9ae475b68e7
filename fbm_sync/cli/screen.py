"""What a person or a script gets to see: tables, progress bars, one JSON document, clear errors."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from fbm_sync import ports

_WIDTH_OF_A_FILE = 200
_SAID_IN_SECONDS, _SAID_IN_MINUTES = 120, 7_200


_WORDS = {
    "doubtful": "doubtful orders",
    "look": "looking again",
    "offers": "listings",
    "plan": "planning",
    "preview": "previewing",
    "push": "writing",
    "read back": "reading back",
    "zero": "taking off sale",
}
"""What the steps of a run are called where it is not their own name."""


class Screen:
    """Standard output and error of one command.

    With `as_json`, standard output carries exactly one JSON document and nothing else.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
        self.out = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=True)
        self.err = Console(file=sys.stderr, highlight=False, soft_wrap=True)

    def document(self, content: Any) -> None:
        """Print the JSON document."""
        print(json.dumps(content, default=plain, indent=2, ensure_ascii=False))

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print a line for people; nothing when a program reads."""
        if not self.as_json:
            self.out.print(text, style=style, markup=False)

    def warn(self, text: str) -> None:
        """Print a line for people on standard error."""
        self.err.print(text, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table for people; the last column may wrap."""
        if self.as_json:
            return
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for index, column in enumerate(columns):
            table.add_column(column, no_wrap=index < len(columns) - 1, overflow="fold")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        self.out.print(table, soft_wrap=False)

    @contextmanager
    def watching(self) -> Iterator[ports.Progress]:
        """Show a progress bar on a terminal while the block works; silence elsewhere."""
        if self.as_json or not sys.stderr.isatty():
            yield ports.unwatched
            return
        columns = (
            TextColumn("{task.description:>15}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}"),
        )
        with Progress(*columns, console=self.err, transient=True) as bars:
            yield _Bars(bars)


class _Bars:
    """A bar for each task, in the order in which they began.

    How much of a task of unknown length is left nobody knows until another one begins: then it is done.
    """

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._endless: dict[str, int] = {}

    def __call__(
        self,
        task: str,
        done: int,
        total: int | None,
        /,
        *,
        left_seconds: float | None = None,
        wait: ports.Wait | None = None,
    ) -> None:
        if task not in self._tasks:
            if wait is None:
                self._end_others(task)
            self._tasks[task] = self._bars.add_task(described(task), total=total, more="")
        is_over = wait is not None and wait.seconds <= 0
        more = waiting(wait) if wait else remaining(left_seconds)
        self._bars.update(self._tasks[task], completed=done, total=total, visible=not is_over, more=more)
        if total is None and wait is None:
            self._endless[task] = done

    def _end_others(self, task: str) -> None:
        """End what the same account did before, or everything where accounts have no names."""
        account = task.rpartition(": ")[0]
        for other in [name for name in self._endless if name.rpartition(": ")[0] == account]:
            done = self._endless.pop(other)
            self._bars.update(self._tasks.pop(other), completed=done, total=done, more="")


def described(task: str) -> str:
    """Return what people read of a task: "main: taking off sale"."""
    account, mark, name = task.rpartition(": ")
    return account + mark + _WORDS.get(name, name)


def waiting(wait: ports.Wait) -> str:
    """Say what work waits for."""
    return f"waiting {math.ceil(wait.seconds)} s for Amazon's quota of {wait.operation}"


def remaining(seconds: float | None) -> str:
    """Say how long what is known to be left takes at the account's limits; nothing where that is unknown."""
    return "" if not seconds else f"{span_in_words(seconds)} left at the account's limits"


def span_in_words(seconds: float) -> str:
    """Return a span in the largest unit that fits: "40 s", "12 min", "4.2 h"."""
    if seconds < _SAID_IN_SECONDS:
        return f"{math.ceil(seconds)} s"
    if seconds < _SAID_IN_MINUTES:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"


def plain(value: Any) -> Any:
    """Return what JSON has no word for in the words it has."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    return str(value)
