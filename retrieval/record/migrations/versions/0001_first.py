"""The first tables: state, items, users, interactions, demonstrations, tombstones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of an empty record."""
    op.create_table(
        "state",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("record_id", sa.String, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("demonstrations_of", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_state"),
    )
    _create_catalogue()
    _create_pairs()
    op.create_table(
        "tombstones",
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "entry_id", name="pk_tombstones"),
    )
    op.create_index("ix_tombstones_kind_version", "tombstones", ["kind", "version"])


def _create_catalogue() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", ID, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("added_at", sa.Float),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_items"),
    )
    op.create_index("ix_items_domain", "items", ["domain"])
    op.create_index("ix_items_version", "items", ["version"])
    op.create_table(
        "users",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="pk_users"),
    )
    op.create_index("ix_users_version", "users", ["version"])


def _create_pairs() -> None:
    own = {
        "interactions": [
            sa.Column("timestamp", sa.Float, nullable=False),
            sa.Column("liked", sa.Boolean, nullable=False),
            sa.Column("rating", sa.Float),
        ],
        "demonstrations": [
            sa.Column("chosen_at", sa.Float, nullable=False),
            sa.Column("before", sa.Text, nullable=False),
        ],
    }
    for table, columns in own.items():
        op.create_table(
            table,
            sa.Column("user_id", ID, nullable=False),
            sa.Column("item_id", ID, nullable=False),
            *columns,
            sa.Column("created", sa.BigInteger, nullable=False),
            sa.Column("version", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("user_id", "item_id", name=f"pk_{table}"),
            sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=f"fk_{table}_user_id"),
            sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name=f"fk_{table}_item_id"),
            sqlite_with_rowid=table != "interactions",
        )
        op.create_index(f"ix_{table}_item_id", table, ["item_id"])
        op.create_index(f"ix_{table}_version", table, ["version"])
