"""The way to the database: its address, its settings, one transaction at a time, its errors in words.

Both databases are used in the same way: a transaction has the store to itself from its first statement
to its last. What a flow reads therefore still holds when it writes, and no two processes can deadlock or
upgrade a lock in vain. Transactions are short, and none is open while the network is in use.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from fbm_sync.adapters.store.shapes import storable
from fbm_sync.errors import StoreError

PATIENCE_SECONDS = 30.0
"""How long a transaction waits for its turn."""

_CONNECT_SECONDS = 10
_IDLE_SECONDS = 300
_READS = "fbm_sync_only_reads"
_TURN = 0x66626D5F73796E63  # the key of PostgreSQL's advisory lock: "fbm_sync" in ASCII

_EXPLAINED = (
    # what the database says (in lower case) → what it means → what to do next
    (
        ("database is locked", "database table is locked", "lock timeout", "queuepool limit"),
        "is kept busy by another process",
        "Stop the process that holds it, then run again.",
    ),
    (
        ("readonly database", "read-only transaction"),
        "cannot be written",
        "Give this user write permission for the file and its directory (PostgreSQL: for the database).",
    ),
    (
        ("file is not a database", "malformed"),
        "is not an SQLite database, or a damaged one",
        "Restore it from a backup, or set store.url to another file.",
    ),
    (
        ("unable to open database file",),
        "cannot be opened",
        "Check that store.url names a file in a directory that this user may write to.",
    ),
    (
        ("database or disk is full", "disk i/o error", "no space left"),
        "cannot be written because the disk is full or broken",
        "Free some space or repair the disk, then run again.",
    ),
    (
        ("no such table", "no such column", "undefinedtable", "undefinedcolumn"),
        "does not have the tables this version needs",
        "Run 'fbm-sync db upgrade'.",
    ),
    (
        ("connection", "could not translate host", "does not exist", "authentication failed", "pg_hba"),
        "cannot be reached",
        "Check that the server runs, that the database exists and that store.url is right.",
    ),
)


def parse_url(text: str) -> URL:
    """Read the store's address: SQLite or PostgreSQL, the latter always through psycopg."""
    try:
        url = make_url(text)
    except ArgumentError:
        # The text is not repeated: it may hold a password.
        raise StoreError(
            "store.url cannot be read. Write sqlite:///file.db or postgresql+psycopg://…"
        ) from None
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise StoreError(
            f"store.url names {url.drivername}, which is not supported. "
            "Write sqlite:///file.db or postgresql+psycopg://…"
        )
    return url


def sqlite_file(url: URL) -> Path | None:
    """Return the file of an SQLite store; `None` when it lies in memory or on a server."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name)


def create_file(file: Path) -> None:
    """Create the database file for this user's eyes only; an existing one keeps its permissions."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except FileNotFoundError:
        raise StoreError(
            f"The directory {file.parent} of the store does not exist. Create it, or correct store.url."
        ) from None
    except OSError as error:
        raise StoreError(
            f"The store {file} cannot be written: {error.strerror}. "
            "Check the permissions of the file and its directory, or correct store.url."
        ) from error


def make_engine(url: URL, patience_seconds: float) -> Engine:
    """Return an engine whose every transaction waits for its turn, has the store to itself and ends soon."""
    with in_plain_words(url):
        try:
            return _sqlite(url, patience_seconds) if _is_sqlite(url) else _postgresql(url, patience_seconds)
        except ModuleNotFoundError as error:
            raise StoreError(
                "PostgreSQL needs the package psycopg. Run pip install 'fbm-sync[postgres]'."
            ) from error


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _sqlite(url: URL, patience_seconds: float) -> Engine:
    # A database in memory lives and dies with its connection: threads take turns on the only one.
    in_memory = url.database in (None, "", ":memory:")
    pool = {"pool_size": 1, "max_overflow": 0} if in_memory else {}
    engine = create_engine(
        url,
        hide_parameters=True,
        poolclass=QueuePool,
        pool_timeout=patience_seconds,
        connect_args={"check_same_thread": False, "timeout": patience_seconds},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: it would begin them as readers, and a
        # reader that turns writer after another one wrote is refused without waiting.
        connection.isolation_level = None
        for setting in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def take_turn(connection: Connection) -> None:
        # A reader sees the store as it was when it began, and neither waits nor lets others wait.
        connection.exec_driver_sql("BEGIN" if _only_reads(connection) else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL, patience_seconds: float) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=patience_seconds,
        connect_args={"connect_timeout": _CONNECT_SECONDS},
    )
    patience = f"{int(patience_seconds * 1000)}ms"

    @event.listens_for(engine, "begin")
    def take_turn(connection: Connection) -> None:
        if _only_reads(connection):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return
        # Settings and lock end with the transaction, so a connection pooler in between does no harm.
        connection.exec_driver_sql(
            f"SELECT set_config('lock_timeout', '{patience}', true),"
            f" set_config('idle_in_transaction_session_timeout', '{_IDLE_SECONDS}s', true)"
        )
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")

    return engine


def reader(engine: Engine) -> Engine:
    """Return the same engine for transactions that only read, each all at one moment."""
    return engine.execution_options(**{_READS: True})


def _only_reads(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_READS))


@contextlib.contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Let a migration rebuild SQLite tables: dropping the old copy must not delete what refers to it."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        if isinstance(driver, sqlite3.Connection):
            driver.execute("PRAGMA foreign_keys = ON")


@contextlib.contextmanager
def in_plain_words(url: URL) -> Iterator[None]:
    """Turn the database's errors into one clear message that ends with what to do next."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(_explain(error, url)) from error


def _explain(error: SQLAlchemyError, url: URL) -> str:
    cause = getattr(error, "orig", None) or error
    # The first line says what is wrong; the following ones may quote rows.
    reason = next(iter(storable(str(cause)).strip().splitlines()), type(cause).__name__).rstrip(".")
    clues = f"{type(cause).__name__} {reason}".lower()
    store = url.render_as_string(hide_password=True)
    for needles, meaning, next_step in _EXPLAINED:
        if any(needle in clues for needle in needles):
            return f"The store {store} {meaning} ({reason}). {next_step}"
    return f"The store {store} failed ({reason}). Run again; if it fails again, please report it."
