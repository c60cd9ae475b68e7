"""What Amazon says of the account, day by day; which parcels are tracked and have arrived."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "performance_reports",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("read_at", _MOMENT, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "day", "marketplace", name="pk_performance_reports"),
    )
    op.create_table(
        "account_statuses",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("former", sa.String(), nullable=True),
        sa.Column("told_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_account_statuses"),
    )
    # Of the parcels recorded so far it is not known whether they are tracked; they count nowhere.
    with op.batch_alter_table("shipments") as shipments:
        shipments.add_column(sa.Column("parcel", sa.String(), nullable=False, server_default=sa.text("''")))
        shipments.add_column(sa.Column("tracked", sa.Boolean(), nullable=True))
        shipments.add_column(
            sa.Column("delivered", sa.Boolean(), nullable=False, server_default=sa.text("false"))
        )
        shipments.add_column(sa.Column("delivered_at", _MOMENT, nullable=True))
    with op.batch_alter_table("shipments") as shipments:
        shipments.alter_column("parcel", server_default=None)
        shipments.alter_column("delivered", server_default=None)
    op.create_index("ix_orders_account_deliver_by_at", "orders", ["account", "deliver_by_at"])
