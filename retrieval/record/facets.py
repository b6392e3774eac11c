"""What all items together look like: read once after each change of an item."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from sqlalchemy import select

from retrieval.record.database import Database
from retrieval.record.rows import read_attributes
from retrieval.record.schema import ITEMS
from retrieval.record.writing import last_change


@dataclass(frozen=True, kw_only=True, slots=True)
class Facets:
    """As of the items' last change."""

    stamp: int
    attribute_names: frozenset[str]
    domains: frozenset[str]


class FacetReader:
    """Keeps the latest facets. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._facets: Facets | None = None

    def read(self) -> Facets:
        """The facets now."""
        with self._lock, self._database.read() as connection:
            stamp = last_change(connection, ITEMS)
            if self._facets is None or self._facets.stamp != stamp:
                names: set[str] = set()
                for stored in connection.scalars(select(ITEMS.c.attributes).distinct()):
                    names.update(read_attributes(stored))
                domains = connection.scalars(select(ITEMS.c.domain).distinct())
                self._facets = Facets(stamp=stamp, attribute_names=frozenset(names), domains=frozenset(domains))
            return self._facets
