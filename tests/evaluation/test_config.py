"""Configurations: slips are told with their place and what was meant; grids expand; shipped ones are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.arms.config import LlmArm
from evaluation.config import EvaluationConfig, load_config, parse_config
from evaluation.errors import RunConfigError
from evaluation.grid import MOST_ARMS, expand, select, split_outside_brackets
from evaluation.shipped import shipped_configs

CONFIGS = Path(__file__).parents[2] / "evaluation" / "configs"

GOOD: dict[str, Any] = {
    "data": {"kind": "known", "set": "ml-100k"},
    "protocol": {"kind": "sampled", "users": 10},
    "baseline": "random",
    "arms": {"random": {"kind": "random"}, "zero": {"kind": "llm", "strategy": "likelihood"}},
}


def parsed(text: str | dict[str, Any], base: Path = Path("/base")) -> EvaluationConfig:
    raw = text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False)
    return parse_config(raw.encode(), source="file.yaml", base=base, name="file").config


@pytest.mark.parametrize("name", shipped_configs())
def test_shipped_configurations_are_whole_and_say_what_they_measure(name: str) -> None:
    found = load_config(name).config
    assert found.name == name
    assert found.baseline in found.arms
    text = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert text.splitlines()[0].endswith(".")


def test_the_zero_shot_grid_of_the_games() -> None:
    arms = load_config("amazon-games").config.arms
    assert [name for name in arms if name.startswith("zero-shot")] == [
        f"zero-shot[strategy={strategy},shots={shots}]" for strategy in ("likelihood", "yes-no") for shots in (0, 2, 4)
    ]
    arm = arms["zero-shot[strategy=yes-no,shots=4]"]
    assert isinstance(arm, LlmArm)
    assert (arm.strategy, arm.shots) == ("yes-no", 4)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"arms": {"zero": {"kind": "llm", "startegy": "likelihood"}}}, r"arms\.zero\.startegy: .*'strategy'"),
        ({"arms": {"zero": {"kind": "lmm"}}}, r"arms\.zero\.kind: there is no 'lmm'; did you mean 'llm'"),
        ({"arms": {"pop": {"kind": "popularty"}}}, r"arms\.pop\.kind: .*'popularity'"),
        ({"arms": {"zero": {"strategy": "likelihood"}}}, r"arms\.zero: 'kind' is missing; known: .*'?als"),
        ({"arms": {"zero": {"kind": "llm", "strategy": "likelyhood"}}}, r"arms\.zero\.strategy: .*'likelihood'"),
        ({"arms": {"zero": {"kind": "llm", "fusion": {"lm": 1}}}}, r"arms\.zero\.fusion\.lm: .*'llm'"),
        ({"arms": {"zero": {"kind": "llm", "shots": 99}}}, r"arms\.zero\.shots: .*less than or equal to 16, not 99"),
        ({"arms": {}}, "arms"),
        ({"arms": {"a.b[c]": {"kind": "random"}}}, r"a name is made of letters"),
        ({"arms": {"x": 3}}, r"arms\.x"),
        ({"protcol": {}}, r"protcol: there is no such setting; did you mean 'protocol'"),
        ({"protocol": {"kind": "sampled", "negatives": {"form": "unseen"}}}, r"protocol\.negatives\.form: .*'from'"),
        ({"protocol": {"kind": "sampled", "rows": [5, 5]}}, r"protocol: rows: \[5, 5\] is empty"),
        ({"data": {"kind": "known", "ste": "ml-100k"}}, r"data\.ste: .*'set'.*\(and 1 more\)"),
        ({"data": {"kind": "known"}}, r"data\.set is missing"),
        ({"arms": {"zero": {"kind": "llm", "fusion": "servd"}}}, r"arms\.zero\.fusion: 'servd' .*'served'"),
        ({"baseline": "randon"}, r"^file\.yaml: baseline: there is no arm 'randon'; did you mean 'random'"),
        ({"metrics": ["ndcg@10", "ndgc@5"]}, r"metrics\.1: .*ndgc@5.*ndcg@5"),
        ({"metrics": ["ndcg@10", "ndcg@10"]}, "named twice"),
        ({"metrics": ["ndcg@10", "auc"]}, r"metrics\.1: auc has no value under protocol sampled; use ndcg@10, "),
        ({"protocol": {"kind": "labelled"}}, r"metrics\.0: ndcg@1 has no value under protocol labelled; use auc, "),
        ({"protocol": {"kind": "rating"}, "metrics": ["auc"]}, r"auc has no value under .* rating; use rmse, mae"),
        ({"name": "a/b"}, "name"),
        ({"seed": -1}, r"seed: .*not -1"),
    ],
)
def test_slips_are_told_with_their_place(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(RunConfigError, match=told if told.startswith("^") else rf"file\.yaml: .*{told}"):
        parsed({**GOOD, **changed})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("arms: [", "is not YAML"),
        ("- a", "must hold settings by name"),
        (
            "arms:\n  a: {kind: random}\n  a: {kind: popularity}",
            r"^file\.yaml is not YAML: line 3, column 3: 'a' stands twice$",
        ),
        ("data: {{kind: store}}", r"^file\.yaml is not YAML: line 1, column 8: a list or .* where a name belongs$"),
        ("? [a, b]\n: 1", r"line 1, column 3: a list or .* where a name belongs$"),
        ("{}", "data is missing .*2 more"),
    ],
)
def test_files_that_cannot_be_read_are_told(text: str, told: str) -> None:
    with pytest.raises(RunConfigError, match=told):
        parsed(text)


def test_files_are_found_by_path_and_shipped_ones_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(GOOD))
    found = load_config(str(tmp_path / "mine.yaml"))
    assert (found.config.name, found.base) == ("mine", tmp_path)
    assert load_config("ml-100k").config == load_config("ml-100k.yaml").config
    with pytest.raises(RunConfigError, match="did you mean 'ml-100k'"):
        load_config("ml-100")
    with pytest.raises(RunConfigError, match="there is no file"):
        load_config(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(RunConfigError, match="shipped: "):
        load_config("../zzz")


def test_paths_of_arms_start_from_the_file(tmp_path: Path) -> None:
    arms = {"near": {"kind": "llm", "adapter": "lora"}, "far": {"kind": "llm", "adapter": "/abs/lora"}}
    found = parsed({**GOOD, "baseline": None, "arms": arms}, tmp_path).arms
    assert [arm.adapter for arm in found.values() if isinstance(arm, LlmArm)] == [tmp_path / "lora", Path("/abs/lora")]


def test_grids_expand_in_order_with_short_names() -> None:
    found = expand(
        {"a": {"kind": "llm", "grid": {"fusion.llm": [0.5, None], "shots": [0, 2]}}, "b": {"kind": "random"}}
    )
    assert list(found) == [
        "a[llm=0.5,shots=0]",
        "a[llm=0.5,shots=2]",
        "a[llm=null,shots=0]",
        "a[llm=null,shots=2]",
        "b",
    ]
    assert found["a[llm=0.5,shots=2]"] == {"kind": "llm", "fusion": {"llm": 0.5}, "shots": 2}
    assert found["a[llm=0.5,shots=0]"]["fusion"] == {"llm": 0.5}
    both = expand({"a": {"grid": {"x.n": [1], "y.n": [2]}}})
    assert list(both) == ["a[x.n=1,y.n=2]"]


@pytest.mark.parametrize(
    ("arm", "told"),
    [
        ({"grid": []}, "must hold fields"),
        ({"grid": {}}, "must hold fields"),
        ({"grid": {"kind": ["llm"]}}, "fields of one kind"),
        ({"grid": {"shots": 3}}, "must be a list"),
        ({"grid": {"shots": [1, 1]}}, "names a value twice"),
        ({"shots": 1, "grid": {"shots": [1, 2]}}, "a value already"),
        ({"fusion": "none", "grid": {"fusion.llm": [1]}}, "'fusion' has no fields"),
        ({"grid": {"shots": list(range(MOST_ARMS + 1))}}, f"at most {MOST_ARMS}"),
    ],
)
def test_grids_that_cannot_be_used_are_told(arm: dict[str, Any], told: str) -> None:
    with pytest.raises(RunConfigError, match=told):
        expand({"a": arm})


def test_arms_are_selected_by_name_grid_and_pattern() -> None:
    names = ["random", "zero[shots=0,x=1]", "zero[shots=2,x=1]", "zero-b"]
    assert select(["zero"], names) == names[1:3]
    assert select(["zero*"], names) == names[1:]
    assert select(["zero[shots=?,x=1]", "random"], names) == names[:3]
    assert select(split_outside_brackets("zero[shots=2,x=1], zero-b"), names) == names[2:]
    with pytest.raises(RunConfigError, match="no arm 'randm'; did you mean 'random'"):
        select(["randm"], names)
