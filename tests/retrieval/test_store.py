from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retrieval.catch_up import CatchUp, item_text
from retrieval.errors import StoreBusyError, StoreError
from retrieval.record.types import IndexCounts
from retrieval.store import Store, open_store
from retrieval.types import Item
from tests.fakes import HashingEmbedder
from tests.retrieval.records import fill, interaction, item


def open_at(home: Path, embedder: HashingEmbedder | None = None) -> Store:
    return open_store(home=home, record_url=None, index_url=None, embedder=embedder or HashingEmbedder())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_at(tmp_path / "home") as opened:
        yield opened


def test_an_empty_store_is_whole(store: Store) -> None:
    status = store.status()
    assert status.whole
    assert (status.index_version, status.self_query_hit_rate, status.index_embedder) == (0, None, None)


def test_catching_up_makes_the_index_whole(store: Store) -> None:
    fill(store.record, users=3, items=8)
    assert "behind the record" in (store.status().problem or "")
    done = store.catch_up()
    assert (done.items, done.interactions, done.demonstrations, done.embedded) == (8, 24, 9, 8)
    status = store.status()
    assert status.problem is None
    assert status.index == status.record == IndexCounts(items=8, interactions=24, demonstrations=9)
    assert status.self_query_hit_rate == 1.0


def test_a_second_catch_up_has_nothing_to_do(store: Store) -> None:
    fill(store.record)
    first = store.catch_up()
    assert store.catch_up() == CatchUp(version=first.version)


def test_only_what_changed_is_stored(store: Store) -> None:
    fill(store.record, users=2, items=8)
    store.catch_up()
    store.record.put_items([item("new")])
    store.record.put_interactions([interaction("u1", "new", 50.0)])
    done = store.catch_up()
    assert (done.items, done.interactions, done.demonstrations, done.deleted) == (1, 1, 1, 1)
    assert store.status().whole


def test_vectors_are_those_of_the_items(store: Store) -> None:
    fill(store.record, users=1, items=8)
    store.catch_up()
    items = store.index.vectors("items", [f"i{k}" for k in range(8)])
    own = HashingEmbedder().embed([item_text(item("i3", "film number3"))])[0]
    np.testing.assert_allclose(items["i3"], own, atol=1e-6)
    np.testing.assert_allclose(store.index.vectors("interactions", ["u0\x1fi3"])["u0\x1fi3"], own, atol=1e-6)
    expected = np.mean([items[f"i{k}"] for k in range(5)], axis=0)
    np.testing.assert_allclose(store.index.vectors("demonstrations", ["u0\x1fi5"])["u0\x1fi5"], expected, atol=1e-6)


def test_a_changed_item_takes_its_interactions_and_demonstrations_along(store: Store) -> None:
    fill(store.record, users=1, items=8)
    store.catch_up()
    store.record.put_items([item("i0", "something else entirely")])
    done = store.catch_up()
    assert (done.items, done.interactions, done.demonstrations) == (1, 1, 3)
    after = HashingEmbedder().embed(["something else entirely"])[0]
    np.testing.assert_allclose(store.index.vectors("interactions", ["u0\x1fi0"])["u0\x1fi0"], after, atol=1e-6)


def test_an_item_whose_text_stays_is_not_embedded_again(store: Store) -> None:
    store.record.put_items([Item(item_id="a", title="A")])
    store.catch_up()
    store.record.put_items([Item(item_id="a", title="A", added_at=5.0)])
    done = store.catch_up()
    assert (done.items, done.embedded) == (1, 0)


def test_deleted_items_leave_the_index(store: Store) -> None:
    fill(store.record, users=2, items=8)
    store.catch_up()
    store.record.delete_items(["i7"])
    assert store.catch_up().deleted == 5  # the item, two interactions, two demonstrations
    assert store.status().whole
    assert store.index.vectors("items", ["i7"]) == {}


def test_entries_lost_by_the_index_come_back(store: Store) -> None:
    fill(store.record, users=2, items=8)
    store.catch_up()
    current = store.index.current()
    assert current is not None
    current.delete("items", ["i1"])
    current.delete("interactions", ["u0\x1fi1"])
    current.delete("demonstrations", ["u0\x1fi7"])
    assert not store.status().whole
    store.catch_up()
    assert store.status().whole


def test_progress_is_told_by_stage(store: Store) -> None:
    fill(store.record, users=2, items=8)
    told: list[tuple[str, int, int]] = []
    store.catch_up(lambda stage, done, total: told.append((stage, done, total)))
    assert told == [
        ("items", 0, 8), ("items", 8, 8),
        ("interactions", 0, 16), ("interactions", 16, 16),
        ("demonstrations", 0, 6), ("demonstrations", 6, 6),
    ]  # fmt: skip


def test_another_embedder_asks_for_a_rebuild(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        fill(store.record)
        store.catch_up()
    with open_at(tmp_path, HashingEmbedder(dimension=32)) as store:
        with pytest.raises(StoreError, match=r"fake-hashing-64.*fake-hashing-32.*fewrec index rebuild"):
            store.catch_up()
        assert "fewrec index rebuild" in (store.status().problem or "")
        assert store.rebuild().embedded == 8
        assert store.status().whole
        assert len(store.index.vectors("items", ["i0"])["i0"]) == 32


def test_another_record_asks_for_a_rebuild(tmp_path: Path) -> None:
    with open_at(tmp_path) as store:
        fill(store.record)
        store.catch_up()
    for left in tmp_path.glob("record.db*"):
        left.unlink()
    with open_at(tmp_path) as store:
        with pytest.raises(StoreError, match="another or a newer record"):
            store.catch_up()
        store.rebuild()
        assert store.status().whole


def test_a_broken_rebuild_leaves_the_old_index_in_use(store: Store) -> None:
    fill(store.record)
    store.catch_up()

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "interactions":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.rebuild(stop)
    assert store.status().whole
    store.rebuild()
    assert store.status().whole


def test_a_second_process_is_told_the_store_is_busy(tmp_path: Path) -> None:
    with open_at(tmp_path), pytest.raises(StoreBusyError, match=r"in use by another process.*chroma run"):
        open_at(tmp_path)
    open_at(tmp_path).close()


def test_the_text_of_an_item_is_stable() -> None:
    one = Item(
        item_id="a",
        title="Alien",
        description="A crew meets something.",
        attributes={"year": 1979.0, "genres": ("horror", "space"), "price_eur": 2.5, "classic": True, "note": ""},
    )
    assert item_text(one) == (
        "Alien\nA crew meets something.\nclassic: yes\ngenres: horror, space\nprice eur: 2.5\nyear: 1979"
    )
    assert len(item_text(Item(item_id="b", title="x" * 20_000))) == 10_000
