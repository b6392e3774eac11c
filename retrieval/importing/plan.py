"""What to import, and what came of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.errors import InputError
from retrieval.importing.tables import Table

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "item_id": (
        "item_id",
        "itemid",
        "item",
        "artist_id",
        "artistid",
        "movie_id",
        "movieid",
        "book_id",
        "product_id",
        "asin",
        "isbn",
        "id",
    ),
    "user_id": ("user_id", "userid", "user", "customer_id", "reviewerid", "reviewer_id", "id"),
    "title": ("title", "movie_title", "item_title", "name", "item_name", "product_name", "book_title"),
    "description": ("description", "summary", "plot", "overview"),
    "domain": ("domain",),
    "added_at": ("added_at", "created_at", "published_at"),
    "hidden": ("hidden", "is_hidden"),
    "expires_at": ("expires_at",),
    "rating": ("rating", "score", "stars", "overall"),
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "unixreviewtime"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportPlan:
    """What to read. Whatever is None is left out."""

    items: Table | None = None
    users: Table | None = None
    interactions: Table | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Field or attribute name -> column, where the guess would be wrong."""
    like_threshold: float | None = None
    """Ratings from here on are likes; None is 80% of the largest rating in the file."""
    implicit: bool = False
    """Ratings are ignored: every interaction is a like."""
    fill_missing: tuple[str, ...] = ()
    """Numeric attributes whose missing values become the mean of the file."""
    domain: str = "items"
    """Domain of items that name none."""
    text: tuple[str, ...] = ()
    """Columns of the items' table that make the description, in this order; none is the column of that name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableReport:
    """What one table brought. Rows are read = written + duplicates + rejected; unreadable ones count by their lines."""

    name: str
    kind: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    duplicates: int
    """Rows replaced by a later row of the same id in the same table."""
    rejected: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """What an import did."""

    tables: tuple[TableReport, ...]
    like_threshold: float | None
    """The threshold in force; None for implicit feedback."""
    notes: tuple[str, ...]
    rejects: Path | None
    """File with the rejected rows and reasons; None if there are none."""

    @property
    def complete(self) -> bool:
        """Whether every row was used."""
        return self.rejects is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """Which column holds what."""

    fields: Mapping[str, str]
    attributes: Mapping[str, str]
    """Attribute name -> column."""


def resolve(names: tuple[str, ...], wanted: tuple[str, ...], mapping: Mapping[str, str]) -> Resolved:
    """Finds the columns of the wanted fields, by the mapping or by their usual names; the rest are attributes.

    A mapping speaks of all tables of an import; where its column is not in this one, the usual names are tried.
    """
    by_lower = {name.lower(): name for name in reversed(names)}
    fields: dict[str, str] = {}
    for one in wanted:
        usual = (mapping[one], *USUAL_NAMES[one]) if one in mapping else USUAL_NAMES[one]
        found = next((by_lower[name.lower()] for name in usual if name.lower() in by_lower), None)
        if found is not None and found not in fields.values():
            fields[one] = found
    renamed = {name: by_lower[column.lower()] for name, column in mapping.items() if column.lower() in by_lower}
    renamed = {name: column for name, column in renamed.items() if name not in USUAL_NAMES}
    taken = {*fields.values(), *renamed.values()}
    attributes = {name.strip(): name for name in names if name not in taken and name.strip()} | renamed
    return Resolved(fields=fields, attributes=attributes)


def missing_column(table: Table, wanted: str, names: tuple[str, ...], asked: str | None = None) -> InputError:
    """The error for a column that is not there."""
    close = difflib.get_close_matches(asked or wanted, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return InputError(
        f"{table.name} has no column {asked or wanted!r}{hint} It has: {', '.join(names)}. "
        f"Name the right one with --map {wanted}=COLUMN"
    )
