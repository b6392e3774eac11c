"""The scenario that a list is of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column; lists that were logged before tell of none."""
    op.add_column("requests", sa.Column("scenario", sa.String))
