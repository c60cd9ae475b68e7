"""What was expected of orders before, and what has changed since the last plan."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)

# What these say of an order follows from columns that are there already.
_IS_OPEN = """
    UPDATE orders SET is_open = true
    WHERE status IN ('PENDING_AVAILABILITY', 'PENDING', 'UNSHIPPED', 'PARTIALLY_SHIPPED', 'UNKNOWN')
    AND fulfilled_by <> 'AMAZON'
    AND EXISTS (
        SELECT 1 FROM order_items AS item
        WHERE item.account = orders.account AND item.order_id = orders.order_id
        AND item.cancelled_by IS NULL
        AND COALESCE(item.unfulfilled_units, item.ordered_units - item.shipped_units) > 0
    )
"""
_SELLER_FAULT = """
    UPDATE orders SET seller_fault = true
    WHERE units_kept_until IS NULL
    AND EXISTS (
        SELECT 1 FROM order_items AS item
        WHERE item.account = orders.account AND item.order_id = orders.order_id
        AND NOT item.cancel_requested
        AND (
            item.cancelled_by = 'MERCHANT'
            OR item.cancelled_by = 'AMAZON'
            AND (orders.ship_by_at IS NULL OR orders.updated_at > orders.ship_by_at)
        )
    )
"""


def upgrade() -> None:
    _remember_outlooks()
    _look_at_orders()
    _look_at_decisions()
    _note_changes()


def _add(table: str, columns: dict[str, Any], value: str) -> None:
    """Add columns that are never empty, with this value for the rows that are there, and for those only."""
    with op.batch_alter_table(table) as altered:
        for name, kind in columns.items():
            altered.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
    with op.batch_alter_table(table) as altered:
        for name in columns:
            altered.alter_column(name, server_default=None)


def _remember_outlooks() -> None:
    op.create_table(
        "outlook_history",
        sa.Column("outlook_id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("promise_on", sa.Date(), nullable=True),
        sa.Column("blamed_lot", sa.String(), nullable=True),
        sa.Column("first_judged_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
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


def _look_at_orders() -> None:
    op.add_column("orders", sa.Column("first_read_at", _MOMENT, nullable=True))
    _add("orders", {"is_open": sa.Boolean(), "seller_fault": sa.Boolean()}, "false")
    op.execute(_IS_OPEN)
    op.execute(_SELLER_FAULT)
    op.create_index("ix_orders_account_first_read_at", "orders", ["account", "first_read_at"])
    op.create_index(
        "ix_orders_created",
        "orders",
        ["account", "created_at", "fulfilled_by", "status", "seller_fault"],
    )
    op.create_index(
        "ix_orders_due",
        "orders",
        ["account", "ship_by_at", "fulfilled_by", "status", "is_open", "shipped_at"],
    )
    op.create_index("ix_order_items_sku", "order_items", ["sku"])
    op.create_index("ix_shipments_shipped_at", "shipments", ["shipped_at"])
    # What is expected of open orders is judged anew by the next plan, and by the next look for trouble.
    op.drop_table("order_outlooks")
    op.create_table(
        "order_outlooks",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("ship_by_at", _MOMENT, nullable=True),
        sa.Column("late_probability", sa.Float(), nullable=True),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("is_short", sa.Boolean(), nullable=False),
        sa.Column("holds_until", _MOMENT, nullable=True),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", "order_id", name="pk_order_outlooks"),
    )
    op.create_index("ix_order_outlooks_holds_until", "order_outlooks", ["holds_until"])
    op.create_index("ix_order_outlooks_state_is_short", "order_outlooks", ["state", "is_short"])
    op.create_index(
        "ix_order_outlooks_risks",
        "order_outlooks",
        ["account", "waits_for", "ship_by_at", "late_probability"],
    )


def _look_at_decisions() -> None:
    _add("offer_decisions", {"run_id": sa.String(), "evidence": sa.String()}, "''")
    flags = ("is_notable", "asks_for_change", "leaves_alone", "shares_budget")
    _add("offer_decisions", dict.fromkeys(flags, sa.Boolean()), "false")
    op.execute("UPDATE offer_decisions SET run_id = renewed_run_id, evidence = renewed_evidence")
    op.create_table(
        "verdicts",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_verdicts"),
    )
    op.execute("INSERT INTO verdicts SELECT digest, MIN(body) FROM offer_decisions GROUP BY digest")
    with op.batch_alter_table("offer_decisions") as decisions:
        decisions.drop_column("body")
    op.create_index(
        "ix_offer_decisions_notable",
        "offer_decisions",
        ["is_notable", "account", "sku", "asks_for_change", "leaves_alone", "shares_budget"],
        sqlite_where=sa.text("superseded_at IS NULL AND is_notable = 1"),
        postgresql_where=sa.text("superseded_at IS NULL AND is_notable"),
    )
    op.create_index(
        "ix_push_receipts_account_outcome_answered_at", "push_receipts", ["account", "outcome", "answered_at"]
    )


def _note_changes() -> None:
    _add("supply_readings", {"past_digest": sa.String()}, "''")
    _add("supply_readings", {"counted_by_pool": sa.String()}, "'{}'")
    for name in ("stock_counts", "lots", "catalog"):
        op.create_index(f"ix_{name}_sku", name, ["sku"])
    op.create_table(
        "changed_skus",
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sku", name="pk_changed_skus"),
    )
    op.create_index("ix_changed_skus_change", "changed_skus", ["change"])
    op.create_table(
        "plan_bases",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("planned_at", _MOMENT, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_plan_bases"),
    )
