"""What was expected of orders before, so that yesterday's answer can be explained."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outlook_history",
        sa.Column("outlook_id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("promise_on", sa.Date(), nullable=True),
        sa.Column("blamed_lot", sa.String(), nullable=True),
        sa.Column("first_judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("outlook_id", name="pk_outlook_history"),
    )
    op.create_index(
        "ix_outlook_history_in_force",
        "outlook_history",
        ["account", "order_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_outlook_history_order_id_first_judged_at", "outlook_history", ["order_id", "first_judged_at"]
    )
