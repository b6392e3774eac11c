from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.data.config import KnownSet, TallRecSet
from evaluation.data.loading import Loaded, load
from evaluation.data.types import Split
from evaluation.errors import RunConfigError
from retrieval.errors import InputError
from tests.evaluation.data.made import N_ITEMS, write_games, write_industrial, write_tallrec


def load_games(folder: Path, cache: Path, **options: object) -> Loaded:
    config = KnownSet.model_validate({"set": "amazon-games", "candidates": "random"} | options)
    return load(config, data_dir=folder, cache=cache)


def split_of(loaded: Loaded) -> Split:
    assert loaded.given is not None
    return loaded.given


def test_games_ask_the_users_of_the_list_among_its_first_19_and_the_target(tmp_path: Path) -> None:
    write_games(tmp_path / "amazon-games", lists=("u1", "u0"))
    test = split_of(load_games(tmp_path, tmp_path / "cache")).test
    assert [held.case_id for held in test] == ["u1", "u0"]
    first = test[0]
    assert first.target == "i5"
    assert set(first.candidates or ()) == {f"i{k}" for k in range(20)}, "19 without the target, and the target"
    assert [past.item.item_id for past in first.history] == ["i1", "i2", "i3", "i4"]
    assert first.history[0].item.title == "Game 1 &amp; more"
    assert first == test[0] == test[-2] == test[0:1][0]
    with pytest.raises(IndexError):
        test[2]


def test_games_order_of_candidates_depends_on_the_seed_and_user_only(tmp_path: Path) -> None:
    write_games(tmp_path / "one")
    write_games(tmp_path / "two", lists=("u1",))
    one = split_of(load_games(tmp_path / "one", tmp_path / "cache")).test[1]
    two = split_of(load_games(tmp_path / "two", tmp_path / "cache")).test[0]
    other = split_of(load_games(tmp_path / "one", tmp_path / "cache", seed=1)).test[1]
    assert one == two
    assert one.candidates != other.candidates
    assert sorted(one.candidates or ()) == sorted(other.candidates or ())


@pytest.mark.parametrize(("known", "expected"), [("training", 18), ("histories", 24)])
def test_games_validation_is_on_users_of_no_list_and_its_targets_are_unknown(
    tmp_path: Path, known: str, expected: int
) -> None:
    write_games(tmp_path)
    loaded = load_games(tmp_path, tmp_path / "cache", known=known)
    split, corpus = split_of(loaded), loaded.corpus
    assert [held.user_id for held in split.validation] == ["u2", "u3", "u4", "u5"]
    assert int(split.known.sum()) == expected
    for held in split.validation:
        assert held.target not in {past.item.item_id for past in held.history}
        assert held.candidates is not None
        assert held.candidates.count(held.target or "") == 1
        assert len(set(held.candidates)) == 20
        own = corpus.user_index == corpus.user_ids.index(held.user_id or "")
        taken = {corpus.item_ids[place] for place in corpus.item_index[own & split.fitting_known]}
        assert taken == {past.item.item_id for past in held.history}
    assert not (split.fitting_known & ~split.known).any()


def test_games_without_a_list_ask_everybody_and_leave_the_candidates_open(tmp_path: Path) -> None:
    write_games(tmp_path)
    split = split_of(load_games(tmp_path, tmp_path / "cache", candidates=None))
    assert len(split.test) == 6
    assert split.test[0].candidates is None
    assert split.validation[0].candidates is None


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("Games-6k.random.gz", None, "no file Games-6k.random .*--data-dir"),
        ("Games-6k.random", f"u0\t{' '.join(f'i{k}' for k in range(9))}\n", "line 1: fewer than 19"),
        ("Games-6k.random", "stranger\ti1\n", "line 1: user 'stranger'"),
        ("Games-6k.random", "u0\ti1 none\n", "line 1: item 'none'"),
        ("Games-6k.random", "u0\n", "line 1: 1 cells"),
        ("Games-6k.random", 2 * f"u0\t{' '.join(f'i{k}' for k in range(N_ITEMS))}\n", "a user twice"),
        (
            "Games-6k.valid.inter",
            "user_id:token\titem_id_list:token_seq\titem_id:token\nu0\ti0\ti1\n",
            "one step behind",
        ),
        (
            "Games-6k.test.inter",
            "user_id:token\titem_id_list:token_seq\titem_id:token\nu0\ti0\ti1\nu0\ti0\ti1\n",
            "twice",
        ),
    ],
)
def test_games_files_that_do_not_fit(tmp_path: Path, name: str, text: str | None, problem: str) -> None:
    write_games(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        load_games(tmp_path, tmp_path / "cache")


def test_industrial_knows_valid_only_and_asks_with_the_rows_own_history(tmp_path: Path) -> None:
    write_industrial(tmp_path)
    config = KnownSet(set="amazon-industrial", validation_share=0.999)
    loaded = load(config, data_dir=tmp_path, cache=tmp_path / "cache")
    split, corpus = split_of(loaded), loaded.corpus
    known = {
        (corpus.user_ids[user], corpus.item_ids[item])
        for user, item in zip(corpus.user_index[split.known], corpus.item_index[split.known], strict=True)
    }
    assert known == {("a", "1"), ("a", "2"), ("a", "3"), ("b", "4"), ("b", "5")}
    assert [(held.case_id, held.user_id, held.target) for held in split.test] == [
        ("line-2", "a", "6"),
        ("line-3", "c", "8"),
    ]
    assert [(past.item.item_id, past.timestamp) for past in split.test[0].history] == [("2", 0.0), ("3", 1.0)]
    assert [(held.target, len(held.history)) for held in split.validation] == [("3", 2), ("5", 2)]
    assert int((split.known & ~split.fitting_known).sum()) == 2
    assert corpus.items["1"].description == "Steel.\nM6."
    assert corpus.items["1"].attributes == {"brand": "B"}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("test.csv", "user_id,history_item_id,item_id\nu,[99],1\n", "line 2: item '99' is not in the catalogue"),
        ("test.csv", "user_id,history_item_id,item_id\nu,__import__('os'),1\n", "line 2: history_item_id is no list"),
        ("test.csv", "user_id,history,item_id\nu,[],1\n", "no column 'history_item_id'"),
        ("item.json", "[1]", "not one JSON object"),
        ("item.json", "{", "cannot be read as JSON"),
    ],
)
def test_industrial_files_that_do_not_fit(tmp_path: Path, name: str, text: str, problem: str) -> None:
    write_industrial(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        load(KnownSet(set="amazon-industrial"), data_dir=tmp_path, cache=tmp_path / "cache")


def test_tallrec_is_labelled_with_dislikes_before_likes(tmp_path: Path) -> None:
    write_tallrec(tmp_path / "films")
    loaded = load(TallRecSet(folder=Path("films")), data_dir=tmp_path, cache=tmp_path / "cache")
    (held,), (tuned,) = split_of(loaded).test, split_of(loaded).validation
    assert (held.target, held.label, held.candidates, held.user_id) == (None, 1.0, ('D "x"',), None)
    assert [(past.item.title, past.liked) for past in held.history] == [
        ("C", False),
        ("A, The (1990)", True),
        ("B", True),
    ]
    assert (tuned.label, len(tuned.history)) == (0.0, 1)
    assert not len(split_of(loaded).known)


@pytest.mark.parametrize(
    "text", ["Hello", 'User Preference: A\nUser Unpreference: \nWhether the user will like the target movie "B"?']
)
def test_tallrec_rows_of_another_form(tmp_path: Path, text: str) -> None:
    write_tallrec(tmp_path, text)
    with pytest.raises(InputError, match=r"test\.json, row 1"):
        load(TallRecSet(), data_dir=tmp_path, cache=tmp_path / "cache")


@pytest.mark.parametrize("text", ["{", "{}"])
def test_tallrec_files_that_are_no_lists(tmp_path: Path, text: str) -> None:
    write_tallrec(tmp_path)
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(InputError, match=r"test\.json"):
        load(TallRecSet(), data_dir=tmp_path, cache=tmp_path / "cache")


def test_a_digest_is_the_contents_and_survives_reloading(tmp_path: Path) -> None:
    write_games(tmp_path / "one")
    write_games(tmp_path / "two")
    with (tmp_path / "two" / "Games-6k.item").open("a") as file:
        file.write("i99\tOne more\n")
    one = load_games(tmp_path / "one", tmp_path / "cache").corpus
    again = load_games(tmp_path / "one", tmp_path / "cache").corpus
    anew = load_games(tmp_path / "one", tmp_path / "other-cache").corpus
    two = load_games(tmp_path / "two", tmp_path / "cache").corpus
    assert one.digest == again.digest == anew.digest != two.digest
    assert one.items == again.items
    assert np.array_equal(one.item_index, again.item_index)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'amazon-games'"):
        load_games(tmp_path, tmp_path, set="amazon-gmes")
    with pytest.raises(RunConfigError, match="only amazon-games has lists"):
        load_games(tmp_path, tmp_path, set="ml-100k")
    with pytest.raises(InputError, match="--data-dir"):
        load(KnownSet(set="amazon-industrial"), cache=tmp_path)
    with pytest.raises(InputError, match=r"item\.json .*--data-dir"):
        load(KnownSet(set="amazon-industrial"), cache=tmp_path, data_dir=tmp_path)
