"""Tables of the record. A change here needs a new migration beside it (a test compares the two).

`version` is the number of the write transaction that last changed the row; it comes from the single row of
`state`, so "everything newer than v" is one index scan per table. Deleted rows leave a tombstone.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

ID = String().with_variant(String(collation="C"), "postgresql")
"""Ids sort by code point on both databases."""

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

STATE = Table(
    "state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("record_id", String, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("demonstrations_of", BigInteger, nullable=False),
    Column("campaigns_version", BigInteger, nullable=False, server_default="0"),
)
"""One row. `record_id` tells this record from every other; `demonstrations_of` is the version up to which
demonstrations have been derived from interactions; `campaigns_version` counts the changes of campaigns, which the index
does not mirror."""

ITEMS = Table(
    "items",
    METADATA,
    Column("item_id", ID, primary_key=True),
    Column("title", Text, nullable=False),
    Column("domain", String, nullable=False, index=True),
    Column("description", Text),
    Column("attributes", Text, nullable=False),
    Column("added_at", Float),
    Column("hidden", Boolean, nullable=False, server_default=false()),
    Column("expires_at", Float),
    Column("created", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

USERS = Table(
    "users",
    METADATA,
    Column("user_id", ID, primary_key=True),
    Column("attributes", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)

INTERACTIONS = Table(
    "interactions",
    METADATA,
    Column("user_id", ID, ForeignKey(USERS.c.user_id), primary_key=True),
    Column("item_id", ID, ForeignKey(ITEMS.c.item_id), primary_key=True, index=True),
    Column("timestamp", Float, nullable=False),
    Column("liked", Boolean, nullable=False),
    Column("rating", Float),
    Column("created", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

DEMONSTRATIONS = Table(
    "demonstrations",
    METADATA,
    Column("user_id", ID, ForeignKey(USERS.c.user_id), primary_key=True),
    Column("item_id", ID, ForeignKey(ITEMS.c.item_id), primary_key=True, index=True),
    Column("chosen_at", Float, nullable=False),
    Column("before", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)
"""Derived from interactions. `before` is a JSON list of the liked item ids before the choice, oldest first."""

TOMBSTONES = Table(
    "tombstones",
    METADATA,
    Column("kind", String, primary_key=True),
    Column("entry_id", ID, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Index("ix_tombstones_kind_version", "kind", "version"),
)
"""What was deleted and when. Entries of pairs carry their `pair_id`. Writing the row again removes it."""

FORGOTTEN = "forgotten"
"""Kind of the one tombstone, of no id, that tells the last version whose tombstones are not all there any more."""

REQUESTS = Table(
    "requests",
    METADATA,
    Column("request_id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey(USERS.c.user_id), index=True),
    Column("door", String, nullable=False),
    Column("asked_at", Float, nullable=False, index=True),
    Column("shown", Text, nullable=False),
    Column("ranked_by", String, nullable=False),
    Column("strategy", String),
    Column("template", String),
    Column("prompt_digest", String),
    Column("model", String),
    Column("adapter", String),
    Column("arm", String),
    Column("experiment", String),
    Column("teams", Text),
    Column("rung", String),
    Column("scenario", String),
)
"""Lists that were shown, never the prompts' text. `shown` is a JSON list of item ids, best first, and `teams` one of
the arms that picked them in an interleaved list. Neither this table nor the next is mirrored by the index, so they
raise no version."""

PROMPTS = Table(
    "prompts",
    METADATA,
    Column("request_id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey(USERS.c.user_id), index=True),
    Column("asked_at", Float, nullable=False, index=True),
    Column("prompts", Text, nullable=False),
    Column("shows_others", Boolean, nullable=False, index=True),
)
"""What the model was shown for a list, where the operator asked to keep it: a JSON list. `shows_others` where it holds
demonstrations, which are of other users."""

FEEDBACK = Table(
    "feedback",
    METADATA,
    Column("feedback_id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey(USERS.c.user_id), nullable=False, index=True),
    Column("item_id", ID, nullable=False),
    Column("kind", String, nullable=False),
    Column("timestamp", Float, nullable=False),
    Column("request_id", ID, index=True),
    Column("rank", Integer),
)
"""What users did with what they were shown. It outlives its item and its request, so it refers to them by id only."""

REQUEST_DAYS = Table(
    "request_days",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
)
"""Requests of a day (days since 1970, UTC), where a quota counts them. Only the last day is kept."""

CAMPAIGNS = Table(
    "campaigns",
    METADATA,
    Column("campaign_id", ID, primary_key=True),
    Column("item_id", ID, nullable=False),
    Column("bid", BigInteger, nullable=False),
    Column("daily_budget", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("starts_at", Float),
    Column("ends_at", Float),
    Column("targeting", Text, nullable=False),
    Column("cap_per_day", Integer),
    Column("creative", Text),
    Column("paused", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False, index=True),
)
"""Amounts are micro-units. `targeting` is a JSON list of conditions; `version` is `state.campaigns_version`."""

AD_DAYS = Table(
    "ad_days",
    METADATA,
    Column("campaign_id", ID, primary_key=True),
    Column("day", Integer, primary_key=True, index=True),
    Column("spent", BigInteger, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("clicked", Integer, nullable=False),
    Column("uncharged", Integer, nullable=False),
)
"""What a campaign spent on a day (days since 1970, UTC). Whoever charges locks the row, so a budget is never passed.
`uncharged` are clicks that came when the budget was used up. It names nobody, so it outlives users and campaigns."""

AD_SHOWS = Table(
    "ad_shows",
    METADATA,
    Column("request_id", ID, primary_key=True),
    Column("campaign_id", ID, primary_key=True),
    Column("user_id", ID, ForeignKey(USERS.c.user_id), index=True),
    Column("item_id", ID, nullable=False),
    Column("day", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("probability", Float, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("pays", String, nullable=False),
    Column("shown_at", Float, nullable=False),
    Column("clicked_at", Float),
    Column("charged", BigInteger, nullable=False),
    Index("ix_ad_shows_campaign_id", "campaign_id", "user_id", "day"),
)
"""What was shown for money, where in which list, and the price agreed on. `pays` is "impression" or "click"."""
