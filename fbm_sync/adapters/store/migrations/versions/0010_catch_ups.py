"""How far a catch-up has come; nothing that is recorded changes."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "catch_ups",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.Column("fresh_up_to", _MOMENT, nullable=False),
        sa.Column("joins", sa.Boolean(), nullable=False),
        sa.Column("slice_seconds", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", _MOMENT, nullable=False),
        sa.Column("open_read", sa.Boolean(), nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("left_orders", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("account", name="pk_catch_ups"),
    )
    op.create_table(
        "catch_up_cursors",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("walk", sa.String(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("until", _MOMENT, nullable=True),
        sa.Column("only_open", sa.Boolean(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("read_up_to", _MOMENT, nullable=True),
        sa.Column("saved_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account", "walk", name="pk_catch_up_cursors"),
    )
    op.create_table(
        "wanted_orders",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "order_id", name="pk_wanted_orders"),
    )
