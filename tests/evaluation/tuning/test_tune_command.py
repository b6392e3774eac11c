"""From a configuration to an adapter folder; only the embedder and, where said, the tuner and the model are fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluation.config import load_config
from evaluation.errors import RunConfigError
from evaluation.run.assemble import open_run
from evaluation.run.questions import Asking
from evaluation.tuning.command import Order, tune
from evaluation.tuning.config import load_tune_config
from evaluation.tuning.parts import Parts, real_parts
from evaluation.tuning.progress import words
from prompts.types import PromptContext
from ranking.errors import TuningError
from ranking.factory import choose_fusion
from ranking.settings import FusionWeights, ModelSettings, Settings
from ranking.tuning.adapter import read_adapter, revise_adapter
from ranking.tuning.types import Progressed, Tuned, TuningExample
from tests.evaluation.run.test_assemble import write_files
from tests.evaluation.run.test_command import Consoles
from tests.fakes import HashingEmbedder
from tests.ranking.tiny_model import save_tiny_model

TUNING = {"rank": 2, "batch": 4, "evaluate_every": 2, "checkpoint_every": 2, "max_negatives": 3, "learning_rate": 0.01}


def write_config(folder: Path, **changes: Any) -> str:
    write_files(folder)
    written = yaml.safe_load((folder / "own.yaml").read_text())
    config = {
        "data": written["data"],
        "protocol": written["protocol"],
        "examples": {"n": 8, "negatives": {"random": 4}},
        "validation": 16,
        "tuning": TUNING,
    }
    (folder / "shop.yaml").write_text(yaml.safe_dump(config | changes, sort_keys=False))
    return str(folder / "shop.yaml")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def run(given: Consoles, config: str, output: Path, parts: Parts | None = None, **order: Any) -> Tuned:
    return tune(given, Order(config=config, output=output, **order), parts, HashingEmbedder())


def test_a_users_own_files_become_an_adapter_with_fitted_weights(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    config = write_config(tmp_path, model=str(tiny))
    given, output = Consoles(), tmp_path / "adapter"
    tuned = run(given, config, output, limit=6)
    assert (tuned.ended, tuned.manifest.training.examples, tuned.manifest.training.validation) == ("finished", 6, 16)
    manifest = read_adapter(output).manifest
    assert manifest.name == "shop"
    assert manifest.seeds["examples"] == 0
    assert "--limit 6" in (manifest.command or "")
    said = given.said(given.out)
    assert "Fusion weights fitted on 16 validation cases: llm " in said
    assert "Validation NDCG@10" in said
    training = manifest.training
    assert training.ndcg_before is not None
    assert training.ndcg_best is not None
    lost = training.ndcg_best <= training.ndcg_before
    assert ("No step of the tuning ranks these validation cases better" in given.said(given.err)) == lost
    assert f"fewrec evaluate {output / 'evaluation.yaml'}" in said
    assert "validation NDCG@10" in given.said(given.err)
    served = Settings(model=ModelSettings(adapter=output))
    assert choose_fusion(served) == FusionWeights(**(manifest.fusion or {})) != FusionWeights()
    assert choose_fusion(served.model_copy(update={"fusion": FusionWeights(llm=9)})).llm == 9
    asking = Asking(limit=2, arms=("signals", "tuned", "fused"))
    found = {}
    file = load_config(str(output / "evaluation.yaml"))
    with open_run(file, Settings(), asking, embedder=HashingEmbedder()) as asked:
        digests = {arm.name: arm.digest for arm in asked.arms}
        for arm in asked.arms:
            with arm.open() as ranker:
                found[arm.name] = [one.scores for one in asyncio.run(ranker.rank(list(asked.cases)))]
    assert len(found["tuned"]) == 2
    assert found["tuned"] != found["fused"]
    revise_adapter(output, fusion={"llm": 0.5})
    with open_run(file, Settings(), asking, embedder=HashingEmbedder()) as asked:
        changed = {arm.name for arm in asked.arms if arm.digest != digests[arm.name]}
    assert changed == {"fused"}  # an old run folder must not go on with other weights
    revise_adapter(output, fusion=manifest.fusion)
    again = run(Consoles(), config, output, limit=6)  # finished already: the same command gives the same
    assert again.manifest.weights_sha256 == manifest.weights_sha256
    assert read_adapter(output).manifest == manifest


def test_ctrl_c_keeps_the_best_so_far_and_the_same_command_goes_on(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    config = write_config(tmp_path, model=str(tiny), validation=4)
    real = real_parts()
    really_tune: Any = real.tune

    def stopped(*arguments: Any, **named: Any) -> Tuned:
        *rest, told = arguments

        def until_one(progressed: Progressed) -> None:
            told(progressed)
            if progressed.step == 1:
                raise KeyboardInterrupt

        tuned: Tuned = really_tune(*rest, until_one, **named)
        return tuned

    given, output = Consoles(), tmp_path / "adapter"
    with pytest.raises(KeyboardInterrupt):
        run(given, config, output, Parts(tune=stopped, score=real.score))
    assert "the same command goes on" in given.said(given.err)
    assert read_adapter(output).manifest.training.ended == "interrupted"
    given = Consoles()
    assert run(given, config, output).ended == "finished"
    assert "Fusion keeps the shipped weights" in given.said(given.err)
    assert read_adapter(output).manifest.fusion is None


def test_examples_by_uncertainty_are_those_that_the_start_is_least_sure_of(tmp_path: Path) -> None:
    asked: list[Sequence[PromptContext]] = []
    tuned_on: list[str] = []

    def score(model: ModelSettings, *arguments: Any, **_named: Any) -> list[tuple[float, ...]]:
        contexts: Sequence[PromptContext] = arguments[3]
        asked.append(contexts)
        assert model.adapter is None
        return [(float(place), *[0.0] * (len(one.candidates) - 1)) for place, one in enumerate(reversed(contexts))]

    def tune_fake(*arguments: Any, **_named: Any) -> Tuned:
        tuned_on.extend(example.example_id for example in arguments[5])
        raise InterruptedError

    config = write_config(tmp_path, examples={"n": 4, "negatives": {"random": 4}, "selection": "uncertainty"})
    given = Consoles()
    with pytest.raises(InterruptedError):
        run(given, config, tmp_path / "adapter", Parts(tune=tune_fake, score=score))
    [looked_at] = asked
    assert len(looked_at) == 16
    assert len(tuned_on) == len(set(tuned_on)) == 4
    assert "4 examples chosen of 16: those that the model is least sure of" in given.said(given.err)


class Untouched:
    """A tuner and a model that must not be reached."""

    def tune(self, *arguments: object, **named: object) -> Tuned:
        raise AssertionError

    def score(self, *arguments: object, **named: object) -> list[tuple[float, ...]]:
        raise AssertionError

    def parts(self) -> Parts:
        return Parts(tune=self.tune, score=self.score)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exmaples": {}}, "did you mean 'examples'"),
        ({"examples": {"selection": "divers"}}, "did you mean 'diverse'"),
        ({"examples": {"negatives": {"random": 0}}}, "nothing to compare with"),
        (
            {"examples": {"residual": True}, "validation": 3, "fusion": {"cases": 3}},
            "16 validation cases to fit the signals' weights",
        ),
        ({"protocol": {"kind": "end-to-end", "source": "whole-catalogue"}}, "source: retrieval"),
        ({"protocol": {"kind": "rating"}}, "kind must be sampled"),
        ({"protocol": {"kind": "labelled"}}, "has no labels of its own"),
        ({"known_interactions": 0}, "no interactions of data set"),
        ({"name": ".."}, "name: it names a folder, so it has no slash"),
    ],
)
def test_what_cannot_be_tuned_on_is_told_before_any_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RunConfigError, match=told):
        run(Consoles(), write_config(tmp_path, **changes), tmp_path / "adapter", Untouched().parts())
    assert not (tmp_path / "adapter").exists()


class ReachedError(Exception):
    """The tuner would begin."""


class Recording(Untouched):
    """Takes down what it would tune on."""

    examples: Sequence[TuningExample] = ()
    validation: Sequence[TuningExample] = ()

    def tune(self, *arguments: Any, **named: object) -> Tuned:
        self.examples, self.validation = arguments[5], arguments[6]
        raise ReachedError


def test_one_user_is_enough_for_some_examples_and_what_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FEWREC_EXAMPLES__SHOTS", "2")
    config, given, recording = write_config(tmp_path), Consoles(), Recording()
    taken = "".join(f"u,i{n},{n}\n" for n in range(6))
    (tmp_path / "interactions.csv").write_text(f"user_id,item_id,timestamp\n{taken}")
    with pytest.raises(ReachedError):
        run(given, config, tmp_path / "adapter", recording.parts())
    assert sorted(example.example_id for example in recording.examples) == ["u:i1", "u:i2", "u:i3"]
    [asked] = recording.validation
    assert asked.context.candidates[asked.relevance.index(1.0)].item_id == "i4"
    said = given.said(given.err)
    assert "8 examples were asked for and 3 can be made" in said
    assert "16 validation cases were asked for and there are 1." in said
    assert "examples.shots is 2, but what is tuned on shows no demonstrations" in said


def test_titles_that_are_all_the_same_are_refused_by_the_tuner(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    config = write_config(tmp_path, model=str(tiny))
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"i{n},Same\n" for n in range(30)))
    with pytest.raises(TuningError, match="all read alike"):
        run(Consoles(), config, tmp_path / "adapter")
    assert not (tmp_path / "adapter" / "fewrec-adapter.json").exists()


def test_several_lessons_are_mixed_told_apart_and_share_out_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    config = write_config(tmp_path)
    lead = yaml.safe_load((tmp_path / "shop.yaml").read_text())
    served = {
        "data": lead["data"] | {"domain": "films"},
        "protocol": {"kind": "end-to-end", "split": "leave-one-out", "depth": 20},
        "examples": {"n": 4, "negatives": {"random": 0, "served": 3, "depth": 12}},
        "validation": 2,
    }
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(lead | {"more": [served]}))
    given, recording = Consoles(), Recording()
    with pytest.raises(ReachedError):
        run(given, config, tmp_path / "adapter", recording.parts(), limit=6)
    assert [example.example_id[:2] for example in recording.examples] == ["1:"] * 4 + ["2:"] * 2
    assert len({example.example_id for example in recording.examples}) == 6
    assert [example.example_id[:2] for example in recording.validation] == ["1:"] * 16 + ["2:"] * 2
    words = {item.domain for example in recording.examples for item in example.context.candidates}
    assert words == {"items", "films"}


@pytest.mark.parametrize("name", ["amazon-games", "amazon-games-served", "films-and-goods", "ml-100k", "store"])
def test_shipped_configurations_load(name: str) -> None:
    assert load_tune_config(name).config.name == name


def test_the_shipped_adapter_is_no_start_for_another_model(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    config, given = write_config(tmp_path, model=str(tiny), adapter="shipped", validation=0), Consoles()
    tuned = run(given, config, tmp_path / "adapter", limit=4)
    assert tuned.manifest.training.start_adapter is None
    assert "tuned from the model as it is" in given.said(given.err)


def test_progress_is_told_in_words() -> None:
    assert words(Progressed(step=0, steps=4, loss=None, validation=None, seconds_left=None)) == ""
    told = Progressed(step=1, steps=4, loss=1.5, validation=None, seconds_left=600.0)
    assert words(told) == "loss 1.500, 10 min left"


def test_served_negatives_and_a_residual_are_made_of_what_retrieval_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    examples = {"n": 5, "negatives": {"random": 1, "served": 3, "depth": 12}, "residual": True}
    protocol = {"kind": "end-to-end", "split": "leave-one-out", "depth": 20}
    config = write_config(tmp_path, examples=examples, protocol=protocol, validation=40)
    given, recording = Consoles(), Recording()
    with pytest.raises(ReachedError):
        run(given, config, tmp_path / "adapter", recording.parts())
    assert len(recording.examples) == 5
    for example in (*recording.examples, *recording.validation):
        assert example.offsets is not None
        assert len(set(example.offsets)) > 1
    assert all(len(example.context.candidates) <= 5 for example in recording.examples)
    assert all(len(case.context.candidates) == 20 for case in recording.validation)
    said, held = given.said(given.err), len(recording.validation)
    assert "the list that was served then did not hold the item" in said
    assert f"40 validation cases were asked for and there are {held}: of 40 lists no more hold what was taken." in said
