"""Which changes a person said no to, and which listings are locked."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dropped_changes",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("hold_id", sa.String(), nullable=False),
        sa.Column("dropped_at", _MOMENT, nullable=False),
        sa.Column("offer", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "sku", name="pk_dropped_changes"),
    )
    with op.batch_alter_table("catalog") as catalog:
        catalog.add_column(sa.Column("locked", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    with op.batch_alter_table("catalog") as catalog:
        catalog.alter_column("locked", server_default=None)
    op.create_index(
        "ix_catalog_locked",
        "catalog",
        ["sku"],
        sqlite_where=sa.text("locked = 1"),
        postgresql_where=sa.text("locked"),
    )
