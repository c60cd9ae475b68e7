"""Who writes to which SKU, the feeds handed in, and what is known of a remembered quantity."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "push_claims",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("held_until", _MOMENT, nullable=True),
        sa.Column("feed_number", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("account", "sku", name="pk_push_claims"),
    )
    op.create_index("ix_push_claims_feed_number", "push_claims", ["feed_number"])
    op.create_table(
        "feeds",
        sa.Column("feed_number", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("feed_id", sa.String(), nullable=True),
        sa.Column("submitted_at", _MOMENT, nullable=True),
        sa.Column("finished_at", _MOMENT, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("changes", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("feed_number", name="pk_feeds"),
    )
    op.create_index(
        "ix_feeds_unfinished",
        "feeds",
        ["account"],
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_feeds_account_finished_at", "feeds", ["account", "finished_at"])
    with op.batch_alter_table("observed_offers") as offers:
        for name in ("ordered_units", "gone_units"):
            offers.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0")))
        offers.add_column(sa.Column("gone_since", _MOMENT, nullable=True))
        offers.add_column(sa.Column("gone_by", _MOMENT, nullable=True))
    with op.batch_alter_table("observed_offers") as offers:
        for name in ("ordered_units", "gone_units"):
            offers.alter_column(name, server_default=None)
