"""Prompts, where the operator asked to keep them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from retrieval.record.schema import ID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "prompts",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("user_id", ID),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("prompts", sa.Text, nullable=False),
        sa.Column("shows_others", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_prompts"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="fk_prompts_user_id"),
    )
    for column in ("user_id", "asked_at", "shows_others"):
        op.create_index(f"ix_prompts_{column}", "prompts", [column])
