"""Labelled rows become lists of what they and their histories say, and lists become an adapter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from evaluation.config import load_config
from evaluation.errors import RunConfigError
from evaluation.tuning.labelled import drawn, labelled_examples
from evaluation.types import Case
from retrieval.config import ExampleSettings
from retrieval.types import Item, PastItem
from tests.evaluation.run.test_command import Consoles
from tests.evaluation.tuning.test_tune_command import TUNING, ReachedError, Recording, run
from tests.ranking.tiny_model import save_tiny_model

SHOWN = ExampleSettings(liked_only=False, history_length=20)


def film(number: int) -> Item:
    return Item(item_id=f"film-{number}", title=f"Film {number}", domain="films")


def case(number: int, *, liked: int, disliked: int, label: float | None = 1.0) -> Case:
    """A row about film 100 + number, of somebody who disliked and liked the first films."""
    past = [
        PastItem(item=film(place), timestamp=float(place), liked=place >= disliked) for place in range(liked + disliked)
    ]
    return Case(
        case_id=f"row-{number}", user_id=None, history=tuple(past), candidates=(film(100 + number),), label=label
    )


def test_each_view_asks_for_the_rows_item_and_others_of_its_history() -> None:
    made = labelled_examples([case(1, liked=5, disliked=4, label=0.0)], views=3, shown=SHOWN, seed=0, by_order=True)
    assert made.notes == ()
    assert len({tuple(item.item_id for item in example.context.candidates) for example in made.examples}) == 3
    for example in made.examples:
        asked = dict(zip([item.item_id for item in example.context.candidates], example.relevance, strict=True))
        assert asked.pop("film-101") == 0.0
        assert len(asked) == 3
        assert all(liked == float(int(item_id.removeprefix("film-")) >= 4) for item_id, liked in asked.items())
        shown = {past.item.item_id for past in example.context.history}
        assert not shown & set(asked)
        assert len(shown) == 9 - 3


def test_point_by_point_people_differ_as_much_as_their_histories_do() -> None:
    rows = [case(number, liked=liked, disliked=10 - liked) for number, liked in enumerate((1, 9) * 20)]
    shares = []
    for by_order in (False, True):
        made = labelled_examples(rows, views=4, shown=SHOWN, seed=0, by_order=by_order)
        held = [sum(example.relevance) - 1 for example in made.examples]  # without the row's own, which is liked
        much = [int(example.example_id.split(":")[0].removeprefix("row-")) % 2 for example in made.examples]
        shares.append(
            [sum(h for h, m in zip(held, much, strict=True) if m == one) / much.count(one) / 3 for one in (0, 1)]
        )
    assert shares[0] == pytest.approx([0.1, 0.9], abs=0.06)
    assert shares[1][1] < 0.7, "half of those who like nearly all are left out"


def test_who_likes_more_is_asked_for_more_that_they_liked() -> None:
    made = labelled_examples([case(1, liked=9, disliked=3, label=0.0)], views=64, shown=SHOWN, seed=0, by_order=True)
    held_out = [sum(example.relevance) / 3 for example in made.examples]
    assert sum(held_out) / len(held_out) == pytest.approx(9 / 12, abs=0.08)


def test_one_stays_in_the_history() -> None:
    [example] = labelled_examples(
        [case(1, liked=2, disliked=0, label=0.0)], views=1, shown=SHOWN, seed=0, by_order=True
    ).examples
    assert sorted(example.relevance) == [0.0, 1.0]
    assert len(example.context.history) == 1


def test_lists_show_descriptions_as_prompts_do() -> None:
    described = SHOWN.model_copy(update={"lead_words": 12})
    [example] = labelled_examples(
        [case(1, liked=2, disliked=1, label=0.0)], views=1, shown=described, seed=0, by_order=True
    ).examples
    assert example.context.lead_words == 12


def test_a_row_does_not_depend_on_the_others_nor_on_their_order() -> None:
    rows = [case(number, liked=5, disliked=4) for number in range(6)]
    alone = [labelled_examples([row], views=2, shown=SHOWN, seed=3, by_order=True).examples for row in rows]
    assert labelled_examples(rows, views=2, shown=SHOWN, seed=3, by_order=True).examples == tuple(
        one for part in alone for one in part
    )
    assert [one.case_id for one in drawn(rows, 3)] == [one.case_id for one in drawn(rows[::-1], 3)]
    assert drawn(rows, 3) != drawn(rows, 4)


def test_rows_with_nothing_to_tell_apart_are_left_out_and_counted_where_order_is_learned() -> None:
    rows = [case(1, liked=5, disliked=0), case(2, liked=5, disliked=4)]
    made = labelled_examples(rows, views=2, shown=SHOWN, seed=0, by_order=True)
    assert [example.example_id for example in made.examples] == ["row-2:0", "row-2:1"]
    assert made.notes == ("2 of 4 lists left out: their items are all liked, or all disliked.",)
    whole = labelled_examples(rows, views=2, shown=SHOWN, seed=0, by_order=False)
    assert (whole.notes, whole.examples[2:]) == ((), made.examples)
    assert [example.relevance for example in whole.examples[:2]] == [(1.0,) * 4] * 2
    with pytest.raises(RunConfigError, match="none of 1 labelled cases"):
        labelled_examples(rows[:1], views=2, shown=SHOWN, seed=0, by_order=True)


def test_a_few_rows_become_an_adapter_and_the_evaluation_asks_as_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path / "films")
    config = {
        "data": {"kind": "tallrec", "folder": str(tmp_path / "films")},
        "protocol": {"kind": "labelled", "split": "given"},
        "examples": {"n": 4, "views": 2},
        "validation": 3,
        "model": str(save_tiny_model(tmp_path / "tiny")),
        "history_length": 12,
        "liked_only": False,
        "tuning": {**TUNING, "loss": "pointwise"},
    }
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(config))
    given, output = Consoles(), tmp_path / "adapter"
    tuned = run(given, str(path), output)
    assert (tuned.manifest.training.examples, tuned.manifest.training.validation) == (8, 3)
    assert tuned.manifest.training.ndcg_before is not None
    assert "Fusion keeps the shipped weights: labelled cases, which are among those" in given.said(given.err)
    asked = load_config(str(output / "evaluation.yaml")).config
    assert asked.metrics == ("auc", "log-loss", "ece")
    assert asked.baseline == "embedding"
    arm = asked.arms["tuned"].model_dump()
    assert (arm["history_length"], arm["liked_only"]) == (12, False)
    assert asked.arms["untuned"].model_dump()["adapter"] is None


@pytest.mark.parametrize("loss", ["pointwise", "listwise"])
def test_rows_of_people_who_like_all_teach_where_no_order_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path / "films")
    rows = (tmp_path / "films" / "valid.json").read_text()
    liked = rows.replace('"No."', '"Yes."').replace(r"\"D\", \"E\", \"F\"", "")
    (tmp_path / "films" / "valid.json").write_text(liked)
    config = {
        "data": {"kind": "tallrec", "folder": str(tmp_path / "films")},
        "protocol": {"kind": "labelled", "split": "given"},
        "examples": {"n": 4, "views": 1},
        "validation": 0,
        "tuning": {**TUNING, "loss": loss},
    }
    path, recording = tmp_path / "few.yaml", Recording()
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(ReachedError if loss == "pointwise" else RunConfigError):
        run(Consoles(), str(path), tmp_path / "adapter", recording.parts())
    assert [set(example.relevance) for example in recording.examples] == [{1.0}] * (4 if loss == "pointwise" else 0)


def write_rows(folder: Path) -> None:
    """TALLRec's three files, eight rows each."""
    folder.mkdir()
    for name in ("train", "valid", "test"):
        rows = [
            {
                "instruction": "Say whether the user will like the film.",
                "input": 'User Preference: "A", "B", "C"\nUser Unpreference: "D", "E", "F"\n'
                f'Whether the user will like the target movie "{name} {row}"?',
                "output": "Yes." if row % 2 else "No.",
            }
            for row in range(8)
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))
