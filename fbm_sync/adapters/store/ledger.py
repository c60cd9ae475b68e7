"""The ledger: the database opened as books, one transaction at a time, and the care for its schema."""

import contextlib
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from fbm_sync.adapters.store import schema
from fbm_sync.adapters.store.alert_book import SqlAlertBook
from fbm_sync.adapters.store.catch_up_book import SqlCatchUpBook
from fbm_sync.adapters.store.engine import (
    PATIENCE_SECONDS,
    create_file,
    in_plain_words,
    make_engine,
    parse_url,
    reader,
    sqlite_file,
    without_foreign_keys,
)
from fbm_sync.adapters.store.health_book import SqlHealthBook
from fbm_sync.adapters.store.history_book import SqlHistoryBook
from fbm_sync.adapters.store.offer_book import SqlOfferBook
from fbm_sync.adapters.store.order_book import SqlOrderBook
from fbm_sync.adapters.store.plan_book import SqlPlanBook
from fbm_sync.adapters.store.push_book import SqlPushBook
from fbm_sync.adapters.store.run_book import SqlRunBook
from fbm_sync.adapters.store.schema import SchemaStatus
from fbm_sync.adapters.store.supply_book import SqlSupplyBook
from fbm_sync.adapters.store.truth_book import SqlTruthBook
from fbm_sync.adapters.store.watch_book import SqlWatchBook
from fbm_sync.errors import StoreError
from fbm_sync.ports import (
    AlertBook,
    CatchUpBook,
    HealthBook,
    HistoryBook,
    OfferBook,
    OrderBook,
    PlanBook,
    PushBook,
    RunBook,
    SupplyBook,
    TruthBook,
    WatchBook,
)


class SqlBooks:
    """The books within one transaction; of no use after it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def orders(self) -> OrderBook:
        """Orders."""
        return SqlOrderBook(self._connection)

    @property
    def catch_ups(self) -> CatchUpBook:
        """Catch-ups."""
        return SqlCatchUpBook(self._connection)

    @property
    def supply(self) -> SupplyBook:
        """Supply."""
        return SqlSupplyBook(self._connection)

    @property
    def offers(self) -> OfferBook:
        """Offers."""
        return SqlOfferBook(self._connection)

    @property
    def alerts(self) -> AlertBook:
        """Alerts."""
        return SqlAlertBook(self._connection)

    @property
    def plans(self) -> PlanBook:
        """Plans."""
        return SqlPlanBook(self._connection)

    @property
    def pushes(self) -> PushBook:
        """Changes on their way to Amazon."""
        return SqlPushBook(self._connection)

    @property
    def runs(self) -> RunBook:
        """Runs."""
        return SqlRunBook(self._connection)

    @property
    def watch(self) -> WatchBook:
        """What was so before."""
        return SqlWatchBook(self._connection)

    @property
    def history(self) -> HistoryBook:
        """History."""
        return SqlHistoryBook(self._connection)

    @property
    def truth(self) -> TruthBook:
        """The store under doubt."""
        return SqlTruthBook(self._connection)

    @property
    def health(self) -> HealthBook:
        """Amazon's word on the account."""
        return SqlHealthBook(self._connection)


class SqlLedger:
    """The store in SQLite or PostgreSQL; threads may share it.

    Made directly it serves `status` and `upgrade` whatever the schema; to work with it, use
    `open_ledger`, which makes sure of the schema. Close it in the end.
    """

    def __init__(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._url = parse_url(url)
        self._file = sqlite_file(self._url)
        self._engine = make_engine(self._url, patience_seconds)
        self._here = threading.local()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[SqlBooks]:
        """Open the books; everything written is kept at the end, or nothing after an exception."""
        with self._turn() as connection:
            yield SqlBooks(connection)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[SqlBooks]:
        """Open the books for reading only, all as they were at one moment; others may write meanwhile."""
        with self._turn(reader(self._engine)) as connection:
            yield SqlBooks(connection)

    def status(self) -> SchemaStatus:
        """Return the schema's version beside the one this release needs; never creates a file."""
        if self._file is not None and not self._file.exists():
            return SchemaStatus(current=None, head=schema.head())
        with self._turn() as connection:
            return schema.status(connection)

    def upgrade(self) -> SchemaStatus:
        """Bring the schema to the version this release needs; create the SQLite file where it is missing.

        Raises `StoreError` when a newer release wrote the store: going back would lose what it knows.
        """
        if self._file is not None:
            create_file(self._file)
        with in_plain_words(self._url), self._engine.connect() as connection:
            with without_foreign_keys(connection), connection.begin():
                self._refuse_newer(schema.status(connection))
                schema.upgrade(connection)
            with connection.begin():
                return schema.status(connection)

    def make_ready(self, *, create: bool) -> None:
        """Make sure that this release can work with the schema; `create` lets a fresh file get one."""
        if create and self._is_fresh():
            self.upgrade()
            return
        status = self.status()
        self._refuse_newer(status)
        if not status.is_current:
            has = "no schema yet" if status.current is None else f"schema {status.current}"
            raise StoreError(
                f"The store {self} has {has}; this version needs {status.head}. Run 'fbm-sync db upgrade'."
            )

    def _is_fresh(self) -> bool:
        if self._engine.dialect.name != "sqlite":
            return False
        if self._file is not None:
            create_file(self._file)
        with self._turn() as connection:
            return schema.is_empty(connection)

    def _refuse_newer(self, status: SchemaStatus) -> None:
        if status.current is not None and not schema.is_known(status.current):
            raise StoreError(
                f"The store {self} has schema {status.current}, which this version does not know (it needs "
                f"{status.head}): a newer one wrote it. Install the newest fbm-sync, then run "
                "'fbm-sync db upgrade'."
            )

    @contextlib.contextmanager
    def _turn(self, engine: Engine | None = None) -> Iterator[Connection]:
        """Hold the store for one transaction.

        A second one inside it, in the same thread, would wait for the first for ever: refused at once.
        """
        if getattr(self._here, "busy", False):
            raise RuntimeError("this thread has a transaction open already: end it before the next one")
        self._here.busy = True
        try:
            with in_plain_words(self._url), (engine or self._engine).begin() as connection:
                yield connection
        finally:
            self._here.busy = False


def open_ledger(url: str, *, create: bool = False, patience_seconds: float = PATIENCE_SECONDS) -> SqlLedger:
    """Open the store for work.

    With `create` a fresh SQLite file gets its schema by itself; everything else is upgraded only when a
    person says so. Raises `StoreError` when the store cannot be used or its schema is not ours.
    """
    ledger = SqlLedger(url, patience_seconds=patience_seconds)
    try:
        ledger.make_ready(create=create)
    except BaseException:
        ledger.close()
        raise
    return ledger
