"""The schema and its versions: what the database has, what this release needs, the way between them.

A new version: change a file with tables, then write the next file in `migrations/versions` (alembic's
`command.revision(configuration(connection), message, autogenerate=True)` drafts it). A test compares what
the migrations make with the tables, on both databases.
"""

import dataclasses
import threading

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from fbm_sync.adapters.store import alert_tables, offer_tables, order_tables, run_tables, supply_tables
from fbm_sync.adapters.store.tables import StoreRow

VERSION_TABLE = "fbm_sync_schema"
"""Not alembic's own name: a PostgreSQL database may serve other programs too."""

SUBJECTS = (order_tables, supply_tables, offer_tables, alert_tables, run_tables)
"""All files with tables; to import them is to fill `METADATA`."""

METADATA = StoreRow.metadata
"""The tables as this release needs them."""

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


def configuration(connection: Connection | None = None) -> Config:
    """Return alembic's configuration, made here: an installed package has no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head() -> str:
    """Return the version that this release needs."""
    (version,) = _scripts().get_heads()
    return version


def is_known(version: str) -> bool:
    """Tell whether this release has heard of a version; it has not when a newer release wrote it."""
    return version in {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(configuration())


def status(connection: Connection) -> SchemaStatus:
    """Return the database's version beside ours."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return SchemaStatus(current=context.get_current_revision(), head=head())


def is_empty(connection: Connection) -> bool:
    """Tell whether the database has no table at all, ours or another program's."""
    return not inspect(connection).get_table_names()


def upgrade(connection: Connection) -> None:
    """Bring the schema to the version this release needs, in the connection's transaction."""
    with _one_at_a_time:
        command.upgrade(configuration(connection), "head")
