"""What a service needs: hidden and expiring items, the lists that were shown, and feedback on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add two columns and two tables; nothing that is there changes."""
    op.add_column("items", sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("items", sa.Column("expires_at", sa.Float))
    op.create_table(
        "requests",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("user_id", ID),
        sa.Column("door", sa.String, nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("ranked_by", sa.String, nullable=False),
        sa.Column("strategy", sa.String),
        sa.Column("template", sa.String),
        sa.Column("prompt_digest", sa.String),
        sa.Column("model", sa.String),
        sa.Column("adapter", sa.String),
        sa.Column("arm", sa.String),
        sa.PrimaryKeyConstraint("request_id", name="pk_requests"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="fk_requests_user_id"),
    )
    op.create_index("ix_requests_user_id", "requests", ["user_id"])
    op.create_index("ix_requests_asked_at", "requests", ["asked_at"])
    op.create_table(
        "feedback",
        sa.Column("feedback_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("request_id", ID),
        sa.Column("rank", sa.Integer),
        sa.PrimaryKeyConstraint("feedback_id", name="pk_feedback"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="fk_feedback_user_id"),
    )
    op.create_index("ix_feedback_user_id", "feedback", ["user_id"])
    op.create_index("ix_feedback_request_id", "feedback", ["request_id"])
