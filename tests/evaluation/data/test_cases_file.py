from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evaluation.data.config import CasesSet
from evaluation.data.loading import Loaded, load
from retrieval.errors import InputError
from tests.evaluation.data.made import labelled, ranking, write_lines


def load_lines(folder: Path, *cases: dict[str, Any] | str) -> Loaded:
    write_lines(folder / "mine.jsonl", *cases)
    return load(CasesSet(cases=Path("mine.jsonl")), base=folder, cache=folder / "cache")


def test_both_shapes_in_one_file(tmp_path: Path) -> None:
    loaded = load_lines(tmp_path, ranking(), labelled())
    assert loaded.given is not None
    first, second = loaded.given.test
    assert (first.user_id, first.target, first.candidates, first.label) == ("u", "a", ("b", "a"), None)
    assert [(past.item.title, past.liked, past.timestamp) for past in first.history] == [
        ("Alien", True, 0.0),
        ("Up", False, 1.0),
    ]
    assert (second.user_id, second.target, second.candidates, second.label) == (None, None, ("a",), 1.0)
    assert loaded.notes == ("mine.jsonl: 1 of 2 cases have an empty history",)
    assert set(loaded.corpus.users) == {"u"}
    assert not len(loaded.given.validation)


def test_a_past_item_without_an_id_is_the_item_of_its_title(tmp_path: Path) -> None:
    corpus = load_lines(tmp_path, ranking()).corpus
    assert corpus.items["b"].attributes == {"year": 2009.0}
    assert [item.title for item in corpus.items.values()] == ["Aliens", "Up", "Alien"]
    two_ups = [{"item_id": "b", "title": "Up"}, {"item_id": "a", "title": "Up"}]
    again = load_lines(tmp_path, ranking(candidates=two_ups))
    assert again.given is not None
    assert again.given.test[0].history[1].item.item_id not in {"a", "b"}


def test_later_lines_may_add_but_not_contradict(tmp_path: Path) -> None:
    more = {"item_id": "a", "title": "Aliens", "description": "Second part", "genres": ["horror"], "domain": "films"}
    item = load_lines(tmp_path, ranking(), labelled(item=more)).corpus.items["a"]
    assert (item.description, item.attributes, item.domain) == ("Second part", {"genres": ("horror",)}, "films")
    with pytest.raises(InputError, match=r"line 2: item 'a' is called 'Up' here and 'Aliens' in mine.jsonl, line 1"):
        load_lines(tmp_path, ranking(), labelled(item={"item_id": "a", "title": "Up"}))
    with pytest.raises(InputError, match="line 3: item 'a' has another description"):
        load_lines(tmp_path, ranking(), labelled(item=more), labelled("3", item=more | {"description": "First"}))
    with pytest.raises(InputError, match="line 3: item 'a' has another genres"):
        load_lines(tmp_path, ranking(), labelled(item=more), labelled("3", item=more | {"genres": ["drama"]}))


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (ranking(target="z"), "target 'z' is not among the candidates"),
        (ranking(target=None), "no target"),
        (ranking(candidates=[]), "no candidates"),
        (ranking(candidates=[{"item_id": "a", "title": "A"}] * 2), "candidate 'a' is there twice"),
        (ranking(candidates=[{"item_id": "a"}]), r"candidate 1 \('a'\): no title"),
        (ranking(candidates=[{"title": "A"}]), r"candidate 1 \('A'\): no item_id"),
        (ranking(candidates=["a"]), "candidates is no list of JSON objects"),
        (ranking(candidates=[{"item_id": "a", "title": "A", "x": {}}]), "x is a JSON object"),
        (ranking(history=[{"title": ""}]), "history entry 1: no title"),
        (ranking(history=[{"title": "A", "liked": 1}]), "liked is 1, not true or false"),
        (ranking(history=[{"title": "A", "rating": -1}]), "history entry 1: rating -1 is negative"),
        (ranking(history=[{"title": "A", "timestamp": 9}, {"title": "B", "timestamp": 5}]), "not in order of time"),
        (ranking(case_id=""), "no case_id"),
        (ranking(titel="x"), "there is no field 'titel'; "),
        (ranking(label=1), "either candidates and target, or item and label"),
        (labelled(label=2), "label is 2, not 0 or 1"),
        (labelled(label=None), "label is None, not 0 or 1"),
        (labelled(item="Aliens"), "item is no JSON object"),
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
    ],
)
def test_lines_that_cannot_be_used(tmp_path: Path, case: dict[str, Any] | str, problem: str) -> None:
    with pytest.raises(InputError, match=rf"mine\.jsonl: 1 line cannot be used\. line 2: .*{problem}"):
        load_lines(tmp_path, ranking("first", history=[]), case)


def test_all_problems_come_in_one_error(tmp_path: Path) -> None:
    bad = [ranking(str(k), target="z") for k in range(7)]
    with pytest.raises(InputError) as caught:
        load_lines(tmp_path, ranking("a"), ranking("a"), *bad)
    text = str(caught.value)
    assert "8 lines cannot be used" in text
    assert "line 2: case_id 'a' was there in line 1 already" in text
    assert text.count("line ") == 6 + 0, "five lines are shown, one of which names another"
    assert text.endswith("; and 3 more")


def test_no_cases_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no cases"):
        load_lines(tmp_path, "")
    with pytest.raises(InputError, match=r"no file .*none\.jsonl.*--data-dir"):
        load(CasesSet(cases=Path("none.jsonl")), base=tmp_path, cache=tmp_path)


def test_validation_cases_come_from_their_own_file_and_count_in_the_digest(tmp_path: Path) -> None:
    write_lines(tmp_path / "t.jsonl", ranking())
    write_lines(tmp_path / "v.jsonl", ranking(), ranking("3", history=[{"title": "A", "rating": 4, "timestamp": 5}]))
    alone = load(CasesSet(cases=Path("t.jsonl")), base=tmp_path, cache=tmp_path)
    both = load(CasesSet(cases=Path("t.jsonl"), validation=Path("v.jsonl")), base=tmp_path, cache=tmp_path)
    assert both.given is not None
    assert len(both.given.test) == 1
    assert both.given.validation[1].history[0].rating == 4.0
    assert both.given.validation[1].candidates == ("b", "a")
    assert alone.corpus.digest != both.corpus.digest
