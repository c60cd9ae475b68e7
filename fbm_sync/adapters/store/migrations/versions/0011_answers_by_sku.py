"""Amazon's answers about one listing are found without going through all others."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_push_receipts_account_sku_answered_at", "push_receipts", ["account", "sku", "answered_at"]
    )
