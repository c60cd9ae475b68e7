"""What was so before: dates of lots, terms of listings, drifts, audits of promises; worries of decisions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)

# A lot with legs goes by their dates, which no column tells: it is remembered from its next list on.
_FIRST_DATES = """
    INSERT INTO lot_dates (pool, po_id, line, sku, supplier, first_on, planned_on, slipped_days, moved_at)
    SELECT pool, po_id, line, sku, MIN(supplier), MIN(promised_on), MIN(promised_on), 0, NULL FROM lots
    WHERE promised_on IS NOT NULL AND rest IS NULL AND received_units < quantity
    AND status NOT IN ('received', 'cancelled')
    GROUP BY pool, po_id, line, sku
"""


def upgrade() -> None:
    _remember_lots()
    _remember_listings()
    _remember_promises()
    with op.batch_alter_table("offer_decisions") as decisions:
        decisions.add_column(
            sa.Column("has_worries", sa.Boolean(), nullable=False, server_default=sa.text("false"))
        )
    with op.batch_alter_table("offer_decisions") as decisions:
        decisions.alter_column("has_worries", server_default=None)
    op.create_index(
        "ix_offer_decisions_worrying",
        "offer_decisions",
        ["account", "sku"],
        sqlite_where=sa.text("superseded_at IS NULL AND has_worries = 1"),
        postgresql_where=sa.text("superseded_at IS NULL AND has_worries"),
    )


def _remember_lots() -> None:
    op.create_table(
        "lot_dates",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("po_id", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("slipped_days", sa.Integer(), nullable=False),
        sa.Column("moved_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("pool", "po_id", "line", "sku", name="pk_lot_dates"),
    )
    op.create_index("ix_lot_dates_slipped_days", "lot_dates", ["slipped_days"])
    op.create_index("ix_lot_dates_planned_on", "lot_dates", ["planned_on"])
    op.execute(_FIRST_DATES)


def _remember_listings() -> None:
    with op.batch_alter_table("observed_offers") as offers:
        offers.add_column(sa.Column("terms_since", _MOMENT, nullable=True))
    op.execute("UPDATE observed_offers SET terms_since = observed_at")
    with op.batch_alter_table("observed_offers") as offers:
        offers.alter_column("terms_since", existing_type=_MOMENT, nullable=False)
    op.create_table(
        "former_terms",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("last_seen_at", _MOMENT, nullable=False),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("handling_days", sa.Integer(), nullable=True),
        sa.Column("restock_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("account", "sku", "last_seen_at", name="pk_former_terms"),
    )
    op.create_index("ix_former_terms_last_seen_at", "former_terms", ["last_seen_at"])
    op.create_table(
        "drifts",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "sku", name="pk_drifts"),
    )


def _remember_promises() -> None:
    op.create_table(
        "promise_audits",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("handling_days", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("off_days", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account", "order_id"],
            ["orders.account", "orders.order_id"],
            ondelete="CASCADE",
            name="fk_promise_audits_orders",
        ),
        sa.PrimaryKeyConstraint("account", "order_id", name="pk_promise_audits"),
    )
    op.create_index("ix_promise_audits_account_created_at", "promise_audits", ["account", "created_at"])
