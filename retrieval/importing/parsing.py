"""Rows into records: one parser per kind of table, which also gathers what only the whole table tells."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from retrieval.importing.cleaning import (
    RowError,
    clean_attribute,
    clean_id,
    clean_rating,
    clean_text,
    clean_time,
    clean_title,
    clean_truth,
    is_absent,
)
from retrieval.importing.plan import ImportPlan, Resolved, missing_column, resolve
from retrieval.importing.tables import Row, Table, columns_of
from retrieval.types import AttributeValue, Interaction, Item, User

T = TypeVar("T", Item, User, Interaction)
LIKED_SHARE = 0.8
"""Share of the largest rating from which on a rating is a like, where no threshold is given: 4 of 5, 8 of 10."""


class Parser(ABC, Generic[T]):
    """Checks every row once (`survey`), then makes records (`parse`). Both raise RowError for a row to reject."""

    kind: str

    def __init__(self, table: Table, plan: ImportPlan, columns: Resolved) -> None:
        self.table = table
        self.notes: list[str] = []
        self._plan = plan
        self._columns = columns
        self._sums: dict[str, tuple[float, int]] = {}

    @abstractmethod
    def survey(self, row: Row) -> tuple[str, float]:
        """The row's identity within the table and its time (0 where rows have none)."""

    @abstractmethod
    def parse(self, row: Row) -> T:
        """The record of a row that passed the survey."""

    def surveyed(self) -> None:
        """Called once between the passes."""
        for name in self._plan.fill_missing:
            if name in self._columns.attributes and name in self._sums:
                total, count = self._sums[name]
                self.notes.append(f"{self.table.name}: missing {name} filled with the mean {total / count:g}")

    @property
    def attributes(self) -> frozenset[str]:
        """Names of the attributes this table brings."""
        return frozenset(self._columns.attributes)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the table, in lower case."""
        found = {*self._columns.fields.values(), *self._columns.attributes.values()}
        return frozenset(column.lower() for column in found)

    def _cell(self, row: Row, name: str) -> object:
        column = self._columns.fields.get(name)
        return None if column is None else row.values.get(column)

    def _attributes(self, row: Row) -> dict[str, AttributeValue]:
        found: dict[str, AttributeValue] = {}
        for name, column in self._columns.attributes.items():
            value = clean_attribute(name, row.values.get(column))
            if value is None and name in self._plan.fill_missing and name in self._sums:
                total, count = self._sums[name]
                value = total / count
            if value is not None:
                found[name] = value
        return found

    def _gather(self, row: Row) -> None:
        for name in self._plan.fill_missing:
            column = self._columns.attributes.get(name)
            value = None if column is None else clean_attribute(name, row.values.get(column))
            if isinstance(value, float):
                total, count = self._sums.get(name, (0.0, 0))
                self._sums[name] = (total + value, count + 1)


class _Items(Parser[Item]):
    kind = "items"

    def __init__(self, table: Table, plan: ImportPlan, columns: Resolved, text: tuple[str, ...]) -> None:
        super().__init__(table, plan, columns)
        self._text = text

    def survey(self, row: Row) -> tuple[str, float]:
        key = self.parse(row).item_id
        self._gather(row)
        return key, 0.0

    def parse(self, row: Row) -> Item:
        domain, added, expires = (self._cell(row, name) for name in ("domain", "added_at", "expires_at"))
        return Item(
            item_id=clean_id(self._cell(row, "item_id"), "item_id"),
            title=clean_title(self._cell(row, "title")),
            domain=self._plan.domain if is_absent(domain) else clean_text(str(domain).strip(), "domain"),
            description=self._description(row),
            attributes=self._attributes(row),
            added_at=None if is_absent(added) else clean_time(added, "added_at"),
            hidden=clean_truth(self._cell(row, "hidden"), "hidden"),
            expires_at=None if is_absent(expires) else clean_time(expires, "expires_at"),
        )

    def _description(self, row: Row) -> str | None:
        columns = self._text or [column for name, column in self._columns.fields.items() if name == "description"]
        told = [str(row.values.get(column)).strip() for column in columns if not is_absent(row.values.get(column))]
        return clean_text("\n".join(told), "description") if told else None


class _Users(Parser[User]):
    kind = "users"

    def survey(self, row: Row) -> tuple[str, float]:
        key = self.parse(row).user_id
        self._gather(row)
        return key, 0.0

    def parse(self, row: Row) -> User:
        return User(user_id=clean_id(self._cell(row, "user_id"), "user_id"), attributes=self._attributes(row))


class _Interactions(Parser[Interaction]):
    kind = "interactions"

    def __init__(self, table: Table, plan: ImportPlan, columns: Resolved) -> None:
        super().__init__(table, plan, columns)
        self._largest = -math.inf
        self._rated = "rating" in columns.fields and not plan.implicit
        self.threshold: float | None = None
        if "timestamp" not in columns.fields:
            self.notes.append(f"{table.name} has no timestamps: the order of its lines is taken for the order in time")

    def survey(self, row: Row) -> tuple[str, float]:
        user_id = clean_id(self._cell(row, "user_id"), "user_id")
        item_id = clean_id(self._cell(row, "item_id"), "item_id")
        rating = self._rating(row)
        if rating is not None:
            self._largest = max(self._largest, rating)
        return f"{user_id}\x1f{item_id}", self._time(row)

    def surveyed(self) -> None:
        super().surveyed()
        if self._rated and math.isfinite(self._largest):
            given = self._plan.like_threshold
            self.threshold = LIKED_SHARE * self._largest if given is None else given
            self.notes.append(f"{self.table.name}: ratings from {self.threshold:g} on count as liked")

    def parse(self, row: Row) -> Interaction:
        rating = self._rating(row)
        return Interaction(
            user_id=clean_id(self._cell(row, "user_id"), "user_id"),
            item_id=clean_id(self._cell(row, "item_id"), "item_id"),
            timestamp=self._time(row),
            liked=self.threshold is None or (rating is not None and rating >= self.threshold),
            rating=rating,
        )

    def _rating(self, row: Row) -> float | None:
        if not self._rated:
            return None
        rating = clean_rating(self._cell(row, "rating"))
        if rating is None:
            raise RowError("no rating (use --implicit if interactions carry none)")
        return rating

    def _time(self, row: Row) -> float:
        return clean_time(self._cell(row, "timestamp")) if "timestamp" in self._columns.fields else float(row.line)


def item_parser(table: Table, plan: ImportPlan) -> Parser[Item]:
    """For items: item_id and title are needed. Raises InputError naming the missing column."""
    wanted = ("item_id", "title", "description", "domain", "added_at", "hidden", "expires_at")
    columns = _resolved(table, wanted, 2, plan)
    names = columns_of(table).names
    by_lower = {name.lower(): name for name in reversed(names)}
    for asked in plan.text:
        if asked.lower() not in by_lower:
            raise missing_column(table, "description", names, asked)
    text = tuple(by_lower[asked.lower()] for asked in plan.text)
    attributes = {name: column for name, column in columns.attributes.items() if column not in text}
    return _Items(table, plan, Resolved(fields=columns.fields, attributes=attributes), text)


def user_parser(table: Table, plan: ImportPlan) -> Parser[User]:
    """For users: user_id is needed. Raises InputError naming the missing column."""
    return _Users(table, plan, _resolved(table, ("user_id",), 1, plan))


def interaction_parser(table: Table, plan: ImportPlan) -> _Interactions:
    """For interactions: user_id and item_id are needed. Raises InputError naming the missing column."""
    return _Interactions(table, plan, _resolved(table, ("user_id", "item_id", "rating", "timestamp"), 2, plan))


def _resolved(table: Table, wanted: tuple[str, ...], needed: int, plan: ImportPlan) -> Resolved:
    names = columns_of(table).names
    columns = resolve(names, wanted, plan.mapping)
    for name in wanted[:needed]:
        if name not in columns.fields:
            raise missing_column(table, name, names)
    return columns
