"""The schema and its versions: what the database has, what this release needs, the way between them.

A new version: change a file with tables, write the next file in `migrations/versions` (alembic's
`command.revision(configuration(connection), message, autogenerate=True)` drafts it), and set `HEAD`. Tests
compare what the migrations make with the tables, on both databases, and `HEAD` with the newest of them.
Alembic is loaded only to change a schema: every command looks at its version, and loading takes a while. A
new database needs no alembic.
"""

import dataclasses
import threading
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, Select, String, Table, inspect, select

from fbm_sync.adapters.store import (
    alert_tables,
    catch_up_tables,
    health_tables,
    offer_tables,
    order_tables,
    plan_tables,
    push_tables,
    run_tables,
    supply_tables,
    watch_tables,
)
from fbm_sync.adapters.store.tables import StoreRow

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0011"
"""The version this release needs: that of the newest migration, known here without loading alembic."""

VERSION_TABLE = "fbm_sync_schema"
"""Not alembic's own name: a PostgreSQL database may serve other programs too."""

SUBJECTS = (
    order_tables,
    supply_tables,
    offer_tables,
    alert_tables,
    plan_tables,
    push_tables,
    run_tables,
    health_tables,
    watch_tables,
    catch_up_tables,
)
"""All files with tables; to import them is to fill `METADATA`."""

METADATA = StoreRow.metadata
"""The tables as this release needs them."""

_VERSIONS = Table(
    VERSION_TABLE,
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)
"""As alembic makes it."""

_SCRIPTS = "fbm_sync.adapters.store:migrations"

# Alembic keeps the migration in progress in module globals.
_one_at_a_time = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """The version the database has, `None` before the first, and the version this release needs."""

    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Whether this release can work with the database."""
        return self.current == self.head


def configuration(connection: Connection | None = None) -> "Config":
    """Return alembic's configuration, made here: an installed package has no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the version that this release needs."""
    return HEAD


def is_known(version: str) -> bool:
    """Tell whether this release has heard of a version; it has not when a newer release wrote it."""
    if version == HEAD:
        return True
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(configuration())
    return version in {script.revision for script in scripts.walk_revisions()}


def status(connection: Connection) -> SchemaStatus:
    """Return the database's version beside ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return SchemaStatus(current=None, head=HEAD)
    current: Select[str] = select(_VERSIONS.c.version_num)
    return SchemaStatus(current=connection.execute(current).scalar_one_or_none(), head=HEAD)


def is_empty(connection: Connection) -> bool:
    """Tell whether the database has no table at all, ours or another program's."""
    return not inspect(connection).get_table_names()


def upgrade(connection: Connection) -> None:
    """Bring the schema to the version this release needs, in the connection's transaction.

    Where there is none yet the tables are made as they are now, without the way through all versions: tests
    show that both end at the same.
    """
    with _one_at_a_time:
        if status(connection).current is None:
            METADATA.create_all(connection, checkfirst=False)
            _VERSIONS.create(connection)
            connection.execute(_VERSIONS.insert().values(version_num=HEAD))
            return
        from alembic import command

        command.upgrade(configuration(connection), "head")
