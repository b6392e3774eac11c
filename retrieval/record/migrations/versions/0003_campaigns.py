"""What is shown for money: campaigns, what they spent on each day, and each time that one was shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a column and three tables; nothing that is there changes."""
    op.add_column("state", sa.Column("campaigns_version", sa.BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("bid", sa.BigInteger, nullable=False),
        sa.Column("daily_budget", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String, nullable=False),
        sa.Column("starts_at", sa.Float),
        sa.Column("ends_at", sa.Float),
        sa.Column("targeting", sa.Text, nullable=False),
        sa.Column("cap_per_day", sa.Integer),
        sa.Column("creative", sa.Text),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_campaigns"),
    )
    op.create_index("ix_campaigns_version", "campaigns", ["version"])
    _what_happened()


def _what_happened() -> None:
    op.create_table(
        "ad_days",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.Column("clicked", sa.Integer, nullable=False),
        sa.Column("uncharged", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", name="pk_ad_days"),
    )
    op.create_index("ix_ad_days_day", "ad_days", ["day"])
    op.create_table(
        "ad_shows",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("user_id", ID),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("probability", sa.Float, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("pays", sa.String, nullable=False),
        sa.Column("shown_at", sa.Float, nullable=False),
        sa.Column("clicked_at", sa.Float),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "campaign_id", name="pk_ad_shows"),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name="fk_ad_shows_user_id"),
    )
    op.create_index("ix_ad_shows_user_id", "ad_shows", ["user_id"])
    op.create_index("ix_ad_shows_campaign_id", "ad_shows", ["campaign_id", "user_id", "day"])
