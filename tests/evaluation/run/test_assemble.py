"""From files to metrics.json: a configuration, data of its own, and arms, with only the embedder a fake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from evaluation.config import ConfigFile, load_config
from evaluation.errors import RunConfigError, RunMismatchError
from evaluation.run.assemble import Assembled, open_run
from evaluation.run.command import carry_out
from evaluation.run.journal import read_outcomes
from evaluation.run.questions import Asking
from ranking.settings import load_settings
from tests.evaluation.run.test_command import Consoles, nothing
from tests.fakes import HashingEmbedder
from tests.ranking.tiny_model import save_tiny_model

ARMS = {
    "random": {"kind": "random"},
    "popularity": {"kind": "popularity"},
    "signals": {"kind": "signals"},
    "near": {"kind": "embedding", "grid": {"pooling": ["mean", "max"]}},
}
SAMPLED = {"kind": "sampled", "negatives": {"n": 4}}


def write_files(folder: Path, protocol: Mapping[str, object] = SAMPLED, liked: int = 6) -> ConfigFile:
    """Forty users who each took `liked` of thirty items, one after the other."""
    items = [f"i{n},Item number {n}" for n in range(30)]
    taken = [
        f"u{user},i{(user * 7 + step * step * (1 + user % 3) + step) % 30},{step}"
        for user in range(40)
        for step in range(liked)
    ]
    (folder / "items.csv").write_text("\n".join(["item_id,title", *items]))
    (folder / "interactions.csv").write_text("\n".join(["user_id,item_id,timestamp", *dict.fromkeys(taken)]))
    data = {"kind": "files", "items": "items.csv", "interactions": "interactions.csv", "implicit": True}
    config = {
        "data": data,
        "protocol": dict(protocol),
        "scenarios": {"history": [1]},
        "baseline": "random",
        "arms": ARMS,
    }
    (folder / "own.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return load_config(str(folder / "own.yaml"))


@contextmanager
def opened(file: ConfigFile, asking: Asking | None = None) -> Iterator[Assembled]:
    with open_run(file, load_settings(None), asking or Asking(), embedder=HashingEmbedder()) as run:
        yield run


def test_a_users_own_files_become_a_run_folder(tmp_path: Path) -> None:
    with opened(write_files(tmp_path)) as run:
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["arms"]) == {"random", "popularity", "signals", "near[pooling=mean]", "near[pooling=max]"}
    assert metrics["scenarios"] == ["full", "history-1"]
    outcomes = list(read_outcomes(tmp_path / "run", "popularity"))
    assert len(outcomes) == 80
    assert all(outcome.rank is not None and outcome.n_candidates == 5 for outcome in outcomes)
    spec = json.loads((tmp_path / "run" / "spec.json").read_text())
    assert spec["data"]["cases"] == {"full": 40, "history-1": 40}
    assert (spec["data"]["items"], spec["data"]["interactions"] - spec["data"]["known_interactions"]) == (30, 40)
    assert next(iter(spec["config"]["arms"])) == "random"
    assert spec["starts"][0]["versions"]["numpy"]
    assert spec["starts"][0]["hardware"]["cores"] >= 1


def test_limits_and_chosen_arms_are_a_part_of_the_whole(tmp_path: Path) -> None:
    file = write_files(tmp_path)
    for asking in (Asking(arms=("near",), limit=5), Asking(arms=("rand*",), limit=10), Asking()):
        with opened(file, asking) as run:
            carry_out(Consoles(), tmp_path / "parts", run, [], nothing)
    with opened(file) as run:
        carry_out(Consoles(), tmp_path / "whole", run, [], nothing)
    parts, whole = ((tmp_path / name / "metrics.json").read_bytes() for name in ("parts", "whole"))
    assert parts == whole


def test_a_changed_data_set_or_protocol_is_refused_and_says_which_digest(tmp_path: Path) -> None:
    with opened(write_files(tmp_path), Asking(limit=2, arms=("random",))) as run:
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)
    with opened(write_files(tmp_path, liked=7)) as run, pytest.raises(RunMismatchError, match=r"\(data\)"):
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)
    other = write_files(tmp_path, {"kind": "sampled", "negatives": {"n": 5}})
    with opened(other) as run, pytest.raises(RunMismatchError, match=r"\(cases\)"):
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)


def test_candidates_as_served_come_from_the_retriever(tmp_path: Path) -> None:
    file = write_files(tmp_path, {"kind": "end-to-end", "depth": 22})
    with opened(file, Asking(arms=("signals",), limit=8)) as run:
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)
    outcomes = list(read_outcomes(tmp_path / "run"))
    assert {outcome.n_candidates for outcome in outcomes} == {22}
    assert all(outcome.target is not None for outcome in outcomes)
    assert not (tmp_path / "run" / "examples.json").exists()


def test_data_that_gives_no_case_is_told(tmp_path: Path) -> None:
    file = write_files(tmp_path, {**SAMPLED, "min_history": 99})
    with pytest.raises(RunConfigError, match="gives no case"), opened(file):
        pass


def test_less_can_be_known_of_the_same_questions(tmp_path: Path) -> None:
    file = write_files(tmp_path)
    for name, known in (("all", None), ("less", 20)):
        with opened(file, Asking(arms=("popularity",), known_interactions=known)) as run:
            carry_out(Consoles(), tmp_path / name, run, [], nothing)
    specs = [json.loads((tmp_path / name / "spec.json").read_text()) for name in ("all", "less")]
    assert [spec["data"]["known_interactions"] >= 160 for spec in specs] == [True, False]
    assert specs[0]["digests"]["cases"] != specs[1]["digests"]["cases"]
    asked = [{one.case_id: one.target for one in read_outcomes(tmp_path / name)} for name in ("all", "less")]
    assert asked[0] == asked[1]


def test_an_arm_without_an_adapter_is_the_model_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path)
    config = yaml.safe_load((tmp_path / "own.yaml").read_text())
    config |= {"arms": {"zero-shot": {"kind": "llm"}}, "baseline": None}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(config))
    file = load_config(str(tmp_path / "own.yaml"))
    with opened(file) as run:
        plain = [arm.digest for arm in run.arms]
    monkeypatch.setenv("FEWREC_MODEL__ADAPTER", "shipped")
    assert load_settings(None).model.adapter is not None
    with opened(file) as run:
        assert [arm.digest for arm in run.arms] == plain


def test_ready_cases_show_their_whole_history(tmp_path: Path) -> None:
    """Nothing else is known, so nothing but the histories says when they are asked."""
    past = [{"title": f"Film {n}", "liked": n % 2 == 0} for n in range(4)]
    rows = [
        {"case_id": f"c{n}", "history": past, "item": {"item_id": f"i{n}", "title": f"Item {n}"}, "label": n % 2}
        for n in range(2)
    ]
    (tmp_path / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arm = {"kind": "llm", "model": str(save_tiny_model(tmp_path / "tiny")), "strategy": "yes-no", "liked_only": False}
    config = {
        "data": {"kind": "cases", "cases": "cases.jsonl"},
        "protocol": {"kind": "labelled", "split": "given"},
        "metrics": ["auc"],
        "arms": {"llm": arm},
    }
    (tmp_path / "ready.yaml").write_text(yaml.safe_dump(config))
    with opened(load_config(str(tmp_path / "ready.yaml"))) as run:
        carry_out(Consoles(), tmp_path / "run", run, [], nothing)
    outcomes = list(read_outcomes(tmp_path / "run", "llm"))
    shown = [outcome.ranked.llm.history_shown for outcome in outcomes if outcome.ranked.llm]
    assert shown == [4, 4]
