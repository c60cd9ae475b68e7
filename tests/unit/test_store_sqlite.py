"""The store's file on disk: who may read it, who may share it, and what is said when it cannot be used."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from fbm_sync.adapters.store.engine import parse_url
from fbm_sync.adapters.store.ledger import SqlLedger, open_ledger
from fbm_sync.errors import StoreError

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "store.db"


def fresh(file):
    return open_ledger(f"sqlite:///{file}", create=True)


def use(url, **options):
    with open_ledger(url, **options) as ledger, ledger.transaction() as books:
        books.runs.pause("x", NOW)


def test_importing_the_folder_costs_nothing():
    code = "import sys, fbm_sync.adapters.store; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, env=_here()).returncode == 0


def test_a_new_file_is_for_this_users_eyes_only(file):
    with fresh(file) as ledger, ledger.transaction() as books:
        books.runs.pause("x", NOW)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_an_empty_file_counts_as_fresh(file):
    file.touch()
    with fresh(file) as ledger:
        assert ledger.status().is_current


def test_a_store_that_has_its_schema_is_opened_as_it_is(file):
    use(f"sqlite:///{file}", create=True)
    with fresh(file) as ledger, ledger.transaction() as books:
        assert books.runs.paused() is not None


def test_asking_for_the_status_creates_no_file(file):
    with SqlLedger(f"sqlite:///{file}") as ledger:
        assert ledger.status().current is None
    assert not file.exists()


def test_another_programs_database_is_not_taken_over(file):
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="no schema yet"):
        fresh(file)


def test_a_store_in_memory_is_shared_by_threads():
    with open_ledger("sqlite://", create=True) as ledger:

        def pause():
            with ledger.transaction() as books:
                books.runs.pause("x", NOW)

        thread = threading.Thread(target=pause)
        thread.start()
        thread.join()
        with ledger.transaction() as books:
            assert books.runs.paused() is not None


def test_the_file_is_set_up_for_readers_beside_a_writer_and_for_whole_orders(file):
    with fresh(file) as ledger, ledger._engine.begin() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


def test_an_upgrade_leaves_the_guard_over_orders_on(file):
    with fresh(file) as ledger:
        ledger.upgrade()
        with ledger._engine.begin() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


_WRITER = """
import sys
from datetime import UTC, datetime
from fbm_sync.adapters.store.ledger import open_ledger
with open_ledger(sys.argv[1], create=True) as ledger:
    for minute in range(60):
        now = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
        with ledger.transaction() as books:
            books.orders.watermark("main")
            books.orders.advance_watermark("main", now)
            books.runs.succeeded("pull", sys.argv[2], str(minute), now)
"""


def test_processes_that_start_together_share_one_file(file):
    command = [sys.executable, "-c", _WRITER, f"sqlite:///{file}"]
    writers = [subprocess.Popen([*command, str(number)], env=_here()) for number in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    with open_ledger(f"sqlite:///{file}") as ledger, ledger.transaction() as books:
        last = datetime(2026, 1, 1, 0, 59, tzinfo=UTC)
        assert books.orders.watermark("main") == last
        assert [books.runs.last_success("pull", str(number)) for number in range(4)] == [last] * 4


def test_a_killed_process_leaves_the_last_whole_transaction(file):
    dies = """
import os, sys
from datetime import UTC, datetime
from fbm_sync.adapters.store.ledger import open_ledger
ledger = open_ledger(sys.argv[1], create=True)
with ledger.transaction() as books:
    books.runs.pause("kept", datetime(2026, 1, 1, tzinfo=UTC))
with ledger.transaction() as books:
    books.runs.resume()
    os._exit(9)
"""
    command = [sys.executable, "-c", dies, f"sqlite:///{file}"]
    assert subprocess.run(command, check=False, env=_here()).returncode == 9
    with open_ledger(f"sqlite:///{file}") as ledger, ledger.transaction() as books:
        assert books.runs.paused().reason == "kept"


def _here():
    """The environment of a process that imports the same package as this one."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


# --- what is said when it cannot be used -------------------------------------------------------------


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"directory .*/missing of the store does not exist\. Create it"):
        use(f"sqlite:///{tmp_path}/missing/store.db", create=True)


def test_a_missing_file_asks_for_the_upgrade_that_makes_it(file):
    with pytest.raises(StoreError, match=r"Run 'fbm-sync db upgrade'\.$"):
        use(f"sqlite:///{file}")
    assert not file.exists()


@pytest.mark.parametrize("make", [lambda file: file.mkdir(), lambda file: file.parent.joinpath("x").touch()])
def test_a_path_that_cannot_be_a_file_is_said_to_be_so(file, make):
    make(file)
    url = f"sqlite:///{file}" if file.is_dir() else f"sqlite:///{file.parent}/x/store.db"
    with pytest.raises(StoreError, match=r"cannot be written: .* correct store\.url\.$"):
        use(url, create=True)


def test_a_directory_in_place_of_the_file_is_said_to_be_so(tmp_path):
    with pytest.raises(StoreError, match=r"cannot be opened .* this user may write to\.$"):
        use(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_said_to_be_so(file):
    file.write_text("order-id,sku\n" * 100)
    with pytest.raises(StoreError, match=r"is not an SQLite database.*another file\.$"):
        use(f"sqlite:///{file}", create=True)
    assert file.read_text() == "order-id,sku\n" * 100


def test_a_read_only_file_is_said_to_be_so(file):
    fresh(file).close()
    with pytest.raises(StoreError, match=r"cannot be written .* write permission for the file"):
        use(f"sqlite:///file:{file}?mode=ro&uri=true")


def test_a_file_that_another_process_holds_is_said_to_be_so(file):
    fresh(file).close()
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        StoreError, match=r"kept busy by another process \(database is locked\)\. Stop the process"
    ):
        use(f"sqlite:///{file}", patience_seconds=0.05)
    holder.close()


def test_tables_that_somebody_deleted_ask_for_an_upgrade(file):
    with fresh(file) as ledger:
        with ledger._engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE pause")
        refused = pytest.raises(StoreError, match=r"no such table: pause\)\. Run 'fbm-sync db upgrade'\.$")
        with refused, ledger.transaction() as books:
            books.runs.paused()


def test_anything_else_is_repeated_in_the_databases_words(file):
    with fresh(file) as ledger:
        with ledger._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER t BEFORE INSERT ON pause BEGIN SELECT raise(ABORT, 'Nein.'); END"
            )
        refused = pytest.raises(StoreError, match=r"failed \(Nein\)\. Run again; .* report it\.$")
        with refused, ledger.transaction() as books:
            books.runs.pause("x", NOW)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:secret@host/db", "names mysql, which is not supported"),
        ("secret", "cannot be read"),
        ("postgresql+psycopg2://u:secret@host/db", "names postgresql.psycopg2"),
        ("postgresql://u:secret@127.0.0.1:1/db", r"cannot be reached .* store\.url is right\.$"),
        (
            "postgres://u:secret@127.0.0.1:1/db",
            r"postgresql\+psycopg://u:\*\*\*@127.0.0.1:1/db cannot be reached",
        ),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_without_its_password(url, words):
    with pytest.raises(StoreError, match=words) as caught:
        use(url)
    assert "secret" not in str(caught.value)


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'fbm-sync\[postgres\]'\.$"):
        use("postgresql://127.0.0.1/db")


def test_the_plain_names_of_postgresql_mean_the_driver_we_use():
    for name in ("postgres", "postgresql", "postgresql+psycopg"):
        assert parse_url(f"{name}://host/db").drivername == "postgresql+psycopg"
