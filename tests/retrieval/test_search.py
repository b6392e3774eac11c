from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.search import CatalogueSearch
from retrieval.store import Store, open_store
from retrieval.types import Item
from tests.fakes import HashingEmbedder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        opened.record.put_items(
            [
                Item(item_id="a", title="The Alien of the North"),
                Item(item_id="b", title="ALIEN"),
                Item(item_id="c", title="Nostromo", description="an alien hunts a crew"),
                Item(item_id="d", title="Alien again", hidden=True),
                Item(item_id="e", title="Alien no more", expires_at=time.time() - 1),
                Item(item_id="f", title="Alien to come", added_at=time.time() + 1000),
                Item(item_id="g", title="Cooking"),
            ]
        )
        opened.catch_up()
        yield opened


def found(store: Store, text: str, n: int = 3) -> list[str]:
    return [item.item_id for item in CatalogueSearch(store.record, store.index, store.embedder).find(text, n)]


def test_titles_with_the_words_come_first_then_what_is_near(store: Store) -> None:
    assert found(store, "alien") == ["b", "a", "c"]
    assert found(store, "North alien", 1) == ["a"]
    assert found(store, "alien", 2) == ["b", "a"]


def test_hidden_expired_and_coming_items_are_not_found(store: Store) -> None:
    assert not {"d", "e", "f"} & set(found(store, "Alien", 20))


def test_blanks_find_nothing_and_changes_are_seen(store: Store) -> None:
    searching = CatalogueSearch(store.record, store.index, store.embedder)
    assert searching.find(" \t", 5) == ()
    assert searching.find("Zebra", 1) != ()
    store.record.put_items([Item(item_id="z", title="Zebra")])
    assert [item.item_id for item in searching.find("zebra", 1)] == ["z"]


def test_a_crowd_of_hidden_items_hides_nothing_else(store: Store) -> None:
    store.record.put_items([Item(item_id=f"h{n}", title=f"Boat {n}", hidden=True) for n in range(30)])
    store.record.put_items([Item(item_id="s", title="Ship", description="like a boat")])
    store.catch_up()
    assert found(store, "boat", 1) == ["s"]
    assert len(found(store, "boat", 50)) == 5
