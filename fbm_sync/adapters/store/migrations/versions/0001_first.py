"""The first schema."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=optional)


def _moment(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def _day(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=optional)


def _units(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=optional)


def _number(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=optional)


def _flag(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=optional)


def _of_an_order(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account", "order_id"],
        ["orders.account", "orders.order_id"],
        name=f"fk_{table}_orders",
        ondelete="CASCADE",
    )


def upgrade() -> None:
    _create_orders()
    _create_parts_of_orders()
    _create_order_reading()
    _create_stock()
    _create_inbound()
    _create_offers()
    _create_pushes()
    _create_alerts()
    _create_runs()


def _create_orders() -> None:
    op.create_table(
        "orders",
        _text("account"),
        _text("order_id"),
        _text("status"),
        _text("status_text"),
        _text("marketplace", optional=True),
        _text("fulfilled_by"),
        _text("service_level", optional=True),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("ship_by_at", optional=True),
        _moment("deliver_by_at", optional=True),
        _moment("shipped_at", optional=True),
        _moment("units_kept_until", optional=True),
        _text("rest", optional=True),
        sa.PrimaryKeyConstraint("account", "order_id", name="pk_orders"),
    )
    op.create_index("ix_orders_created_at", "orders", ["created_at"])
    op.create_index("ix_orders_order_id", "orders", ["order_id"])
    op.create_index("ix_orders_ship_by_at", "orders", ["ship_by_at"])
    op.create_index("ix_orders_shipped_at", "orders", ["shipped_at"])
    op.create_index("ix_orders_status", "orders", ["status"])
    op.create_index("ix_orders_units_kept_until", "orders", ["units_kept_until"])


def _create_parts_of_orders() -> None:
    op.create_table(
        "order_items",
        _text("account"),
        _text("order_id"),
        _number("position"),
        _text("order_item_id"),
        _text("sku"),
        _units("ordered_units"),
        _units("shipped_units"),
        _units("unfulfilled_units", optional=True),
        _units("unit_price_minor", optional=True),
        _text("currency", optional=True),
        _flag("cancel_requested"),
        _text("cancelled_by", optional=True),
        _text("rest", optional=True),
        _of_an_order("order_items"),
        sa.PrimaryKeyConstraint("account", "order_id", "position", name="pk_order_items"),
    )
    op.create_table(
        "shipments",
        _text("account"),
        _text("order_id"),
        _number("position"),
        _text("shipment_id"),
        _text("order_item_id"),
        _text("sku"),
        _units("units"),
        _moment("shipped_at"),
        _text("rest", optional=True),
        _of_an_order("shipments"),
        sa.PrimaryKeyConstraint("account", "order_id", "position", name="pk_shipments"),
    )


def _create_order_reading() -> None:
    op.create_table(
        "quarantine",
        _text("account"),
        _text("subject"),
        _text("reason"),
        _moment("first_seen_at"),
        _moment("last_seen_at"),
        sa.PrimaryKeyConstraint("account", "subject", name="pk_quarantine"),
    )
    op.create_table(
        "watermarks",
        _text("account"),
        _moment("known_up_to"),
        sa.PrimaryKeyConstraint("account", name="pk_watermarks"),
    )
    op.create_table(
        "page_cursors",
        _text("account"),
        _moment("since"),
        _moment("until", optional=True),
        _text("token"),
        _moment("read_up_to", optional=True),
        _moment("saved_at"),
        sa.PrimaryKeyConstraint("account", name="pk_page_cursors"),
    )
    op.create_table(
        "order_outlooks",
        _text("account"),
        _text("order_id"),
        _text("state"),
        _moment("ship_by_at", optional=True),
        _text("body"),
        sa.PrimaryKeyConstraint("account", "order_id", name="pk_order_outlooks"),
    )


def _create_stock() -> None:
    op.create_table(
        "stock_counts",
        _number("position"),
        _text("sku"),
        _text("pool"),
        _units("on_hand"),
        _units("damaged"),
        _units("quality_hold"),
        _units("reserved_elsewhere"),
        _moment("counted_at"),
        _text("rest", optional=True),
        sa.PrimaryKeyConstraint("position", name="pk_stock_counts"),
    )
    op.create_table(
        "catalog",
        _number("position"),
        _text("sku"),
        _text("policy", optional=True),
        _text("product_type", optional=True),
        _text("category", optional=True),
        _units("unit_cost_minor", optional=True),
        _units("price_minor", optional=True),
        _units("safety_stock", optional=True),
        _units("max_listed", optional=True),
        _units("handling_days", optional=True),
        _text("supplier", optional=True),
        _flag("prime_template"),
        _day("release_on", optional=True),
        _text("rest", optional=True),
        sa.PrimaryKeyConstraint("position", name="pk_catalog"),
    )
    op.create_table(
        "supply_readings",
        _number("reading_id"),
        _moment("read_at"),
        _moment("counted_at", optional=True),
        _number("skus"),
        _units("on_hand_units"),
        _text("stock_digest"),
        _text("lots_digest"),
        _text("catalog_digest"),
        _text("doubts"),
        _moment("doubted_at", optional=True),
        sa.PrimaryKeyConstraint("reading_id", name="pk_supply_readings"),
    )


def _create_inbound() -> None:
    op.create_table(
        "lots",
        _number("position"),
        _text("po_id"),
        _text("line"),
        _text("sku"),
        _text("pool"),
        _units("quantity"),
        _units("received_units"),
        _text("supplier"),
        _text("lane"),
        _text("status"),
        _day("ordered_on", optional=True),
        _day("promised_on", optional=True),
        _text("rest", optional=True),
        sa.PrimaryKeyConstraint("position", name="pk_lots"),
    )
    op.create_table(
        "receipts",
        _text("natural_key"),
        _text("po_id"),
        _text("delivery_id"),
        _text("supplier"),
        _text("lane"),
        _text("sku", optional=True),
        _units("quantity"),
        _day("ordered_on", optional=True),
        _day("promised_on", optional=True),
        _day("received_on"),
        _text("rest", optional=True),
        sa.PrimaryKeyConstraint("natural_key", name="pk_receipts"),
    )
    op.create_index("ix_receipts_received_on", "receipts", ["received_on"])


def _create_offers() -> None:
    op.create_table(
        "observed_offers",
        _text("account"),
        _text("sku"),
        _units("quantity"),
        _moment("observed_at"),
        _text("body"),
        sa.PrimaryKeyConstraint("account", "sku", name="pk_observed_offers"),
    )
    op.create_table(
        "offer_decisions",
        _number("decision_id"),
        _text("account"),
        _text("sku"),
        _text("mode"),
        _moment("first_decided_at"),
        _moment("renewed_at"),
        _text("renewed_run_id"),
        _text("renewed_evidence"),
        _moment("superseded_at", optional=True),
        _text("digest"),
        _text("body"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_offer_decisions"),
    )
    op.create_index(
        "ix_offer_decisions_in_force",
        "offer_decisions",
        ["account", "sku"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_index("ix_offer_decisions_sku_first_decided_at", "offer_decisions", ["sku", "first_decided_at"])


def _create_pushes() -> None:
    op.create_table(
        "push_receipts",
        _number("receipt_id"),
        _text("account"),
        _text("sku"),
        _text("outcome"),
        _moment("answered_at"),
        _text("submission_id", optional=True),
        _text("run_id"),
        _flag("in_force"),
        _text("body"),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_push_receipts"),
    )
    op.create_index(
        "ix_push_receipts_in_force",
        "push_receipts",
        ["account", "sku"],
        unique=True,
        sqlite_where=sa.text("in_force"),
        postgresql_where=sa.text("in_force"),
    )
    op.create_table(
        "holds",
        _text("hold_id"),
        _text("account"),
        _moment("held_at"),
        _moment("released_at", optional=True),
        _text("reasons"),
        _text("changes"),
        sa.PrimaryKeyConstraint("hold_id", name="pk_holds"),
    )
    op.create_index("ix_holds_account", "holds", ["account"])


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        _text("key"),
        _text("account"),
        _text("kind"),
        _text("subject"),
        _text("severity"),
        _text("state"),
        _moment("opened_at"),
        _moment("changed_at"),
        _text("body"),
        sa.PrimaryKeyConstraint("key", name="pk_alerts"),
    )
    op.create_index("ix_alerts_state_changed_at", "alerts", ["state", "changed_at"])
    op.create_table(
        "notifications",
        _number("notification_id"),
        _text("channel"),
        _flag("pending"),
        _moment("not_before"),
        _moment("retry_at", optional=True),
        _number("attempts"),
        _moment("sent_at", optional=True),
        _text("error", optional=True),
        _text("transition"),
        sa.PrimaryKeyConstraint("notification_id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_pending_not_before", "notifications", ["pending", "not_before"])


def _create_runs() -> None:
    op.create_table(
        "successes",
        _text("flow"),
        _text("account"),
        _text("run_id"),
        _moment("succeeded_at"),
        sa.PrimaryKeyConstraint("flow", "account", name="pk_successes"),
    )
    op.create_table(
        "pause",
        _number("pause_id"),
        _text("reason"),
        _moment("since"),
        sa.PrimaryKeyConstraint("pause_id", name="pk_pause"),
    )
