"""What a list was part of: its experiment, who picked its items, and its rung."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three columns; nothing that is there changes."""
    op.add_column("requests", sa.Column("experiment", sa.String))
    op.add_column("requests", sa.Column("teams", sa.Text))
    op.add_column("requests", sa.Column("rung", sa.String))
