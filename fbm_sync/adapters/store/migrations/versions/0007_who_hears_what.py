"""Whose news wait for whom, in which form, who is sending them, and how the channels do."""

import json
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ROWS = sa.table(
    "notifications",
    sa.column("notification_id", sa.Integer()),
    sa.column("transition", sa.String()),
    sa.column("alert_key", sa.String()),
    sa.column("opened_at", _MOMENT),
)
# Reasons were words; now each has a name.
_REASONS = (("stage ", "stage_reached"), ("now ", "got_worse"), ("the trouble", "no_longer_found"))


def upgrade() -> None:
    op.create_table(
        "alert_channels",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("retry_at", _MOMENT, nullable=True),
        sa.Column("refused_at", _MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_alert_channels"),
    )
    op.execute("UPDATE notifications SET not_before = retry_at WHERE pending AND retry_at > not_before")
    with op.batch_alter_table("notifications") as altered:
        altered.drop_column("retry_at")
        altered.add_column(
            sa.Column("purpose", sa.String(), nullable=False, server_default=sa.text("'news'"))
        )
        altered.add_column(sa.Column("alert_key", sa.String(), nullable=False, server_default=sa.text("''")))
        altered.add_column(sa.Column("opened_at", _MOMENT, nullable=True))
        altered.add_column(sa.Column("claimed_until", _MOMENT, nullable=True))
        altered.add_column(sa.Column("left_off", sa.Boolean(), nullable=False, server_default=sa.false()))
        altered.add_column(sa.Column("untold", sa.String(), nullable=True))
    _name_the_alerts()
    with op.batch_alter_table("notifications") as altered:
        altered.alter_column("purpose", server_default=None)
        altered.alter_column("alert_key", server_default=None)
        altered.alter_column("left_off", server_default=None)
        altered.alter_column("opened_at", nullable=False)
    op.create_index("ix_notifications_alert_key", "notifications", ["alert_key"])


def _name_the_alerts() -> None:
    """Write beside each notification which life of which alert it tells of."""
    connection = op.get_bind()
    rows = connection.execute(sa.select(_ROWS.c.notification_id, _ROWS.c.transition)).all()
    for number, text in rows:
        transition = json.loads(text)
        finding = transition["alert"]["finding"]
        reason = transition["reason"]
        named = (name for words, name in _REASONS if reason.startswith(words))
        transition["reason"] = next(named, "first_found")
        connection.execute(
            sa.update(_ROWS)
            .where(_ROWS.c.notification_id == number)
            .values(
                transition=json.dumps(transition),
                alert_key=f"{finding['account']}:{finding['kind']}:{finding['subject']}",
                opened_at=datetime.fromisoformat(transition["alert"]["opened_at"]).astimezone(UTC),
            )
        )
