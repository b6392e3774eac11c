"""Brings one generation of the index up to date with the record: deletes, embeds and stores only what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

import numpy as np

from retrieval.chroma import Generation
from retrieval.entries import CHUNK, COLLECTIONS, Entry
from retrieval.ids import Pair, pair_id, split_pair_id
from retrieval.protocol import Collection, Embedder, Progress, Vectors
from retrieval.record import Record
from retrieval.types import Attributes, Item

T = TypeVar("T")

MAX_TEXT = 10_000
"""Characters of an item's text that are embedded; models read far less."""

_EMBED_AT_ONCE = 512
_REMEMBERED = 50_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CatchUp:
    """What a catch-up stored and deleted, per collection, and the record version it reached."""

    version: int
    items: int = 0
    interactions: int = 0
    demonstrations: int = 0
    deleted: int = 0
    embedded: int = 0
    """Items whose text really went through the embedder; the others had their vector already."""


def item_text(item: Item) -> str:
    """The text that stands for an item in the index: title, description, then attributes by name.

    The wording is part of the index: changing it calls for a rebuild.
    """
    parts = [item.title, item.description or "", *_attribute_lines(item.attributes)]
    return "\n".join(part for part in parts if part)[:MAX_TEXT]


class Follower:
    """One catch-up of one generation. Items that did not change take their vector from `donor`, None is the target."""

    def __init__(
        self,
        record: Record,
        target: Generation,
        embedder: Embedder,
        progress: Progress | None,
        donor: Generation | None = None,
    ) -> None:
        self._record = record
        self._donor = target if donor is None else donor
        self._rows = record.indexed()
        self._target = target
        self._embedder = embedder
        self._progress = progress or (lambda *_: None)
        self._vectors: dict[str, Vectors] = {}
        self._embedded = 0

    def follow(self, since: int) -> CatchUp:
        """Store every change after version `since`. Safe to break off at any point and to do again.

        Afterwards the entries are counted; where the index lacks some or holds too many, those are mended too.
        """
        self._record.refresh_demonstrations()
        version = self._record.version()
        feed = self._record.changes(since)
        deleted = 0
        for kind in COLLECTIONS:
            # From the start there is nothing to delete, and Chroma would keep the ids that it was told.
            gone = feed.deleted(kind) if since else ()
            if kind == "demonstrations":
                self._blur(gone)
            self._target.delete(kind, gone)
            deleted += len(gone)
        items, interactions = feed.item_ids(), feed.interaction_pairs()
        demonstrations = feed.demonstration_pairs()
        self._store_items(items)
        self._store_interactions(interactions)
        self._store_demonstrations(demonstrations)
        deleted += self._mend()
        return CatchUp(
            version=version,
            items=len(items),
            interactions=len(interactions),
            demonstrations=len(demonstrations),
            deleted=deleted,
            embedded=self._embedded,
        )

    def _blur(self, gone: Sequence[str]) -> None:
        """Demonstrations of erased users take their item's vector before they go.

        A graph keeps the vector of what it deletes, and the mean of somebody's history is theirs.
        """
        erased = frozenset(self._record.personal().pending())
        theirs = [entry_id for entry_id in gone if split_pair_id(entry_id).user_id in erased]
        stored = self._target.metadata("demonstrations", theirs)
        own = self._target.vectors("demonstrations", theirs)
        items = {entry_id: split_pair_id(entry_id).item_id for entry_id in stored}
        vectors = self._item_vectors(set(items.values()))
        entries = [
            Entry(id=entry_id, vector=vectors.get(item_id, np.ones_like(own[entry_id])), metadata=stored[entry_id])
            for entry_id, item_id in items.items()
        ]
        self._target.upsert("demonstrations", entries)

    def _mend(self) -> int:
        deleted = 0
        counts = self._rows.counts()
        expected = {"items": counts.items, "interactions": counts.interactions}
        expected["demonstrations"] = counts.demonstrations
        for kind in COLLECTIONS:
            if self._target.count(kind) == expected[kind]:
                continue
            wanted, stored = self._rows.entry_ids(kind), frozenset(self._target.ids(kind))
            self._target.delete(kind, sorted(stored - wanted))
            deleted += len(stored - wanted)
            self._store(kind, sorted(wanted - stored))
        return deleted

    def _store(self, kind: Collection, entry_ids: Sequence[str]) -> None:
        if kind == "items":
            self._store_items(entry_ids)
        elif kind == "interactions":
            self._store_interactions([split_pair_id(entry_id) for entry_id in entry_ids])
        else:
            self._store_demonstrations([split_pair_id(entry_id) for entry_id in entry_ids])

    def _store_items(self, item_ids: Sequence[str]) -> None:
        for part in self._reported("items", item_ids, _EMBED_AT_ONCE):
            items = list(self._record.items(part).values())
            texts = {item.item_id: item_text(item) for item in items}
            digests = {item_id: _digest(text) for item_id, text in texts.items()}
            stored = self._donor.metadata("items", part)
            same = [key for key, digest in digests.items() if stored.get(key, {}).get("text") == digest]
            vectors = self._donor.vectors("items", same)
            fresh = [item_id for item_id in texts if item_id not in vectors]
            vectors.update(zip(fresh, self._embedder.embed([texts[item_id] for item_id in fresh]), strict=True))
            self._embedded += len(fresh)
            entries = [
                Entry(
                    id=item.item_id,
                    vector=vectors[item.item_id],
                    metadata={"domain": item.domain, "text": digests[item.item_id]},
                )
                for item in items
            ]
            self._target.upsert("items", entries)
            self._remember(vectors)

    def _store_interactions(self, pairs: Sequence[Pair]) -> None:
        for part in self._reported("interactions", pairs, CHUNK):
            rows = self._rows.interactions(part)
            vectors = self._item_vectors({row.item_id for row in rows})
            entries = [
                Entry(
                    id=pair_id(row.user_id, row.item_id),
                    vector=vectors[row.item_id],
                    metadata={
                        "user_id": row.user_id,
                        "item_id": row.item_id,
                        "timestamp": row.timestamp,
                        "liked": row.liked,
                    },
                )
                for row in rows
                if row.item_id in vectors  # else it is newer than this catch-up and comes with the next
            ]
            self._target.upsert("interactions", entries)

    def _store_demonstrations(self, pairs: Sequence[Pair]) -> None:
        for part in self._reported("demonstrations", pairs, CHUNK):
            choices = self._rows.choices(part)
            vectors = self._item_vectors({item_id for choice in choices for item_id in choice.before})
            entries = []
            for choice in choices:
                known = [vectors[item_id] for item_id in choice.before if item_id in vectors]
                if known:
                    entries.append(
                        Entry(
                            id=pair_id(choice.user_id, choice.item_id),
                            vector=np.mean(known, axis=0, dtype=np.float32),
                            metadata={
                                "user_id": choice.user_id,
                                "item_id": choice.item_id,
                                "chosen_at": choice.chosen_at,
                            },
                        )
                    )
            self._target.upsert("demonstrations", entries)

    def _item_vectors(self, item_ids: set[str]) -> dict[str, Vectors]:
        self._remember(self._target.vectors("items", sorted(item_ids - self._vectors.keys())))
        return {item_id: self._vectors[item_id] for item_id in item_ids if item_id in self._vectors}

    def _remember(self, vectors: dict[str, Vectors]) -> None:
        if len(self._vectors) + len(vectors) > _REMEMBERED:
            self._vectors.clear()
        self._vectors.update(vectors)

    def _reported(self, stage: str, rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
        if rows:
            self._progress(stage, 0, len(rows))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]
            self._progress(stage, min(start + size, len(rows)), len(rows))


def _attribute_lines(attributes: Attributes) -> Iterator[str]:
    for name in sorted(attributes):
        value = attributes[name]
        if isinstance(value, (tuple, list)):
            said = ", ".join(value)
        elif isinstance(value, bool):
            said = "yes" if value else "no"
        elif isinstance(value, float) and value.is_integer():
            said = str(int(value))
        else:
            said = str(value)
        if said:
            yield f"{name.replace('_', ' ')}: {said}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
