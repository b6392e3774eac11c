from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from evaluation.data.config import FilesSet, KnownSet, StoreSet
from evaluation.data.keeping import keep
from evaluation.data.loading import load
from evaluation.data.training import item_vectors, open_training_store, training_of
from evaluation.data.types import Corpus, Mask
from retrieval.config import EmbedderSettings
from retrieval.errors import EmptyStoreError, InputError, StoreBusyError, StoreError
from retrieval.ids import pair_id
from retrieval.protocol import Embedder, Vectors
from retrieval.record import Record
from retrieval.store import Store, open_store
from tests.evaluation.data.made import write_games
from tests.fakes import HashingEmbedder


def files(folder: Path) -> FilesSet:
    (folder / "items.csv").write_text("item_id,title\na,Alien\nb,Up\nc,Dune\n")
    lines = "y,b,5,3\nx,b,1,2\nx,a,5,1\ny,c,4,1\nz,gone,3,1\n"
    (folder / "ratings.csv").write_text("user_id,item_id,rating,timestamp\n" + lines)
    return FilesSet(items=Path("items.csv"), interactions=Path("ratings.csv"))


def corpus_of(folder: Path) -> Corpus:
    return load(files(folder), base=folder, cache=folder / "cache").corpus


def test_files_make_sorted_columns_and_notes(tmp_path: Path) -> None:
    loaded = load(files(tmp_path), base=tmp_path, cache=tmp_path / "cache")
    corpus = loaded.corpus
    assert (corpus.item_ids, corpus.user_ids) == (("a", "b", "c"), ("x", "y"))
    rows = [(corpus.user_ids[u], corpus.item_ids[i]) for u, i in zip(corpus.user_index, corpus.item_index, strict=True)]
    assert rows == [("x", "a"), ("x", "b"), ("y", "c"), ("y", "b")]
    assert corpus.ratings.tolist() == [5.0, 1.0, 4.0, 5.0]
    assert corpus.liked.tolist() == [True, False, True, True]
    assert loaded.given is None
    assert any("1 of 5 rows were rejected" in note for note in loaded.notes)
    rejects = next(tmp_path.glob("cache/evaluation/corpora/*/rejected.jsonl"))
    assert str(rejects) in " ".join(loaded.notes)


def test_a_store_is_read_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none is open"):
        load(StoreSet(), cache=tmp_path)
    record = Record.open(str(tmp_path / "record.db"))
    with pytest.raises(EmptyStoreError, match="no interactions"):
        load(StoreSet(), cache=tmp_path, record=record)
    record.close()
    corpus = corpus_of(tmp_path)
    with open_store_of(corpus, np.ones(4, np.bool_), tmp_path / "cache") as store:
        again = load(StoreSet(), cache=tmp_path, record=store.record).corpus
    assert again.digest == corpus.digest


def open_store_of(
    corpus: Corpus, known: Mask, cache: Path, embedder: Embedder | None = None
) -> AbstractContextManager[Store]:
    return open_training_store(
        corpus, known, cache=cache, embedder_settings=EmbedderSettings(), embedder=embedder or HashingEmbedder()
    )


def test_training_has_the_known_interactions_only(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path)
    vectors: Vectors = np.eye(3, dtype=np.float32)
    training = training_of(corpus, np.array([False, False, True, False]), vectors)
    assert training.user_ids == ("y",)
    assert (training.user_index.tolist(), training.item_index.tolist()) == ([0], [2])
    assert training.item_ids == ("a", "b", "c")


def test_a_training_store_knows_no_more_and_is_built_once(tmp_path: Path) -> None:
    corpus, cache, embedder = corpus_of(tmp_path), tmp_path / "cache", HashingEmbedder()
    heard: list[tuple[str, int, int]] = []
    known = np.array([True, True, True, False])
    with open_training_store(
        corpus,
        known,
        cache=cache,
        embedder_settings=EmbedderSettings(),
        embedder=embedder,
        progress=lambda *step: heard.append(step),
    ) as store:
        assert store.record.counts().items == 3
        assert [(one.user_id, one.item_id, one.rating) for one in store.record.iter_interactions()] == [
            ("x", "a", 5.0),
            ("x", "b", 1.0),
            ("y", "c", 4.0),
        ]
        assert store.status().whole
        vectors = item_vectors(store, corpus.item_ids)
        assert np.allclose(vectors, embedder.embed(["Alien", "Up", "Dune"]))
        assert item_vectors(store, ()).shape == (0, 64)
        with pytest.raises(StoreError, match="no vector for item 'nowhere'"):
            item_vectors(store, ("a", "nowhere"))
        assert np.allclose(store.embedder.embed(["Alien", "other", "Alien"])[2], vectors[0])
        with pytest.raises(StoreBusyError, match="FEWREC_CACHE"), open_store_of(corpus, known, cache):
            pass
    assert ("training interactions", 3, 3) in heard
    seen = embedder.texts_seen
    with (
        open_store_of(corpus, known, cache, embedder) as store,
        open_store_of(corpus, ~known, cache, embedder) as other,
    ):
        assert store.record.counts().interactions == 3
        assert other.record.counts().interactions == 1
    assert embedder.texts_seen == seen, "no text is embedded again, whatever is known"


def test_an_index_without_interactions_answers_for_them_as_one_with_them_does(tmp_path: Path) -> None:
    folder = tmp_path / "more"
    folder.mkdir()
    titles = ("Alien", "Aliens", "Up", "Dune", "Heat")
    (folder / "items.csv").write_text("item_id,title\n" + "".join(f"{k},{title}\n" for k, title in enumerate(titles)))
    rows = "".join(f"u,{k},{k}\n" for k in range(5))
    (folder / "ratings.csv").write_text("user_id,item_id,timestamp\n" + rows)
    config = FilesSet(items=Path("items.csv"), interactions=Path("ratings.csv"), implicit=True)
    corpus, embedder = load(config, base=folder, cache=tmp_path).corpus, HashingEmbedder()
    known = np.ones(5, np.bool_)
    pairs = [pair_id("u", str(k)) for k in range(6)]
    with (
        open_store_of(corpus, known, tmp_path) as store,
        open_store(home=tmp_path / "whole", record_url=None, index_url=None, embedder=embedder) as whole,
    ):
        whole.record.put_items(list(corpus.items.values()))
        whole.record.put_users(list(corpus.users.values()))
        whole.record.put_interactions(list(store.record.iter_interactions()))
        whole.catch_up()
        for collection in ("interactions", "demonstrations"):
            slim, full = store.index.vectors(collection, pairs), whole.index.vectors(collection, pairs)
            assert slim.keys() == full.keys()
            assert slim
            assert all(np.allclose(slim[pair], full[pair]) for pair in slim)
        counts = store.status().index
        assert (counts.interactions, counts.demonstrations) == (0, whole.status().index.demonstrations)
    settings = EmbedderSettings()
    with open_training_store(
        corpus, known, cache=tmp_path, embedder_settings=settings, embedder=embedder, demonstrations=False
    ) as bare:
        assert bare.status().whole
        assert bare.status().index.demonstrations == 0


def test_a_killed_build_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    def killed(part: Path) -> None:
        (part / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        keep(folder, killed)
    assert not folder.exists()
    assert keep(folder, lambda part: (part / "whole").touch()) == folder
    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert keep(folder, killed) == folder, "what is there is not built again"


def test_damaged_and_unwritable_folders_say_so(tmp_path: Path) -> None:
    corpus_of(tmp_path)
    next(tmp_path.glob("cache/evaluation/corpora/*/corpus.json")).write_text("{")
    with pytest.raises(StoreError, match=r"is damaged .*Remove that folder"):
        corpus_of(tmp_path)

    def full(part: Path) -> None:
        raise OSError(28, f"No space left on device: {part.name}")

    with pytest.raises(StoreError, match="No space left"):
        keep(tmp_path / "big", full)


def test_damaged_vectors_say_so(tmp_path: Path) -> None:
    corpus, cache = corpus_of(tmp_path), tmp_path / "cache"
    known = np.ones(4, np.bool_)
    with open_store_of(corpus, known, cache):
        pass
    next(cache.glob("evaluation/vectors/*/vectors.npy")).write_bytes(b"")
    with pytest.raises(StoreError, match=r"vectors\.npy is damaged"), open_store_of(corpus, known, cache):
        pass


def test_an_atomic_set_without_its_own_split_is_left_to_the_protocol(tmp_path: Path) -> None:
    (tmp_path / "amazon-games.item").write_text("item_id:token\ttitle:token_seq\n1\tOne\n")
    (tmp_path / "amazon-games.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\nu\t1\t5\n")
    config = KnownSet(set="amazon-games")
    assert load(config, data_dir=tmp_path, cache=tmp_path / "cache").given is None
    with pytest.raises(InputError, match="Games-6k"):
        load(config.model_copy(update={"candidates": "random"}), data_dir=tmp_path, cache=tmp_path / "cache")
    write_games(tmp_path)
    assert load(config, data_dir=tmp_path, cache=tmp_path / "cache").given is not None
