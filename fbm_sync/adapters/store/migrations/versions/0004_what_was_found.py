"""What is found by those who look rarely."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "noted_findings",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("noted_at", _MOMENT, nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_noted_findings"),
    )
