"""The catalogue of a cases file, put together from what its lines say of each item."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.data.case_lines import ItemLine
from retrieval.importing.cleaning import RowError
from retrieval.types import AttributeValue, Item

_DOMAIN = "items"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The catalogue, and which item each draft became."""

    items: Mapping[str, Item]
    ids: tuple[str, ...]
    """Item id by the number of the draft."""


@dataclass(kw_only=True, slots=True)
class _Draft:
    item_id: str | None
    title: str
    domain: str | None
    description: str | None
    added_at: float | None
    attributes: dict[str, AttributeValue]
    where: str
    """The first line that tells of it."""


class Drafts:
    """Items by id, and items without an id by their title."""

    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._by_id: dict[str, int] = {}
        self._by_title: dict[str, int] = {}

    def put(self, item: ItemLine, where: str) -> int:
        """The number of the item's draft. Later lines may add what earlier ones left out.

        Raises RowError where a line contradicts an earlier one. `where` is the line, for such messages.
        """
        numbers, key = (self._by_title, item.title) if item.item_id is None else (self._by_id, item.item_id)
        number = numbers.get(key)
        if number is None:
            numbers[key] = number = len(self._drafts)
            self._drafts.append(
                _Draft(
                    item_id=item.item_id,
                    title=item.title,
                    domain=item.domain,
                    description=item.description,
                    added_at=item.added_at,
                    attributes=dict(item.attributes),
                    where=where,
                )
            )
        else:
            _merge(self._drafts[number], item)
        return number

    def finish(self) -> Finished:
        """Items without an id become the one item of their title, else items with an id made from their title."""
        titles = Counter(draft.title for draft in self._drafts if draft.item_id is not None)
        by_title = {draft.title: draft.item_id or "" for draft in self._drafts if draft.item_id is not None}
        items: dict[str, Item] = {}
        ids: list[str] = []
        for draft in self._drafts:
            item_id = draft.item_id
            if item_id is None and titles[draft.title] == 1:
                ids.append(by_title[draft.title])
                continue
            item_id = item_id or _id_of(draft.title)
            ids.append(item_id)
            items[item_id] = Item(
                item_id=item_id,
                title=draft.title,
                domain=draft.domain or _DOMAIN,
                description=draft.description,
                attributes=draft.attributes,
                added_at=draft.added_at,
            )
        return Finished(items=items, ids=tuple(ids))


def _merge(draft: _Draft, item: ItemLine) -> None:
    name = repr(item.item_id or item.title)
    if draft.title != item.title:
        raise RowError(f"item {name} is called {item.title[:60]!r} here and {draft.title[:60]!r} in {draft.where}")
    for field in ("domain", "description", "added_at"):
        told, known = getattr(item, field), getattr(draft, field)
        if told is not None and known is not None and told != known:
            raise RowError(f"item {name} has another {field} than in {draft.where}")
        if known is None:
            setattr(draft, field, told)
    for attribute, value in item.attributes.items():
        if draft.attributes.setdefault(attribute, value) != value:
            raise RowError(f"item {name} has another {attribute} than in {draft.where} or a later line")


def _id_of(title: str) -> str:
    return f"title-{hashlib.sha256(title.encode()).hexdigest()[:16]}"
