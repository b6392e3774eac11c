from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from prompts.template import load_template
from ranking.errors import AdapterFolderError, ConfigError, ModelError, PromptTooLongError, TuningError
from ranking.settings import ModelSettings
from ranking.tuning.adapter import read_adapter
from ranking.tuning.types import Progressed, Provenance, Tuned
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import CrashError, example, examples, item, tune_tiny, weights_of

ROOT = Path(__file__).parents[3]
LIKED, DISLIKED = (example(1, relevance=(value,) * 7) for value in (1.0, 0.0))
LONG = example(1)
LONG = replace(LONG, context=replace(LONG.context, candidates=(item("🎬" * 120), *LONG.context.candidates[1:])))
"""One title takes more tokens than a prompt may have."""
"""Lists without an order."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """The run that nothing disturbed."""
    return tune_tiny(tiny, tmp_path_factory.mktemp("whole") / "adapter")


def same(tuned: Tuned, whole: Tuned) -> None:
    assert weights_of(tuned.folder) == weights_of(whole.folder)
    assert tuned.validations == whole.validations
    assert tuned.manifest.model_copy(update={"name": ""}) == whole.manifest.model_copy(update={"name": ""})
    assert not (tuned.folder / "checkpoint.safetensors").exists()


def at_step(step: int, do: Callable[[], None]) -> Callable[[Progressed], None]:
    def progress(told: Progressed) -> None:
        if told.step == step:
            do()

    return progress


def crash() -> None:
    raise CrashError


def test_tuning_learns_and_tells_how_it_goes(tiny: Path, tmp_path: Path) -> None:
    told: list[Progressed] = []
    tuned = tune_tiny(tiny, tmp_path / "adapter", epochs=12, progress=told.append, patience=None)
    assert (tuned.ended, tuned.steps) == ("finished", 36)
    assert [look.step for look in tuned.validations] == [0, *range(3, 37, 3)]
    losses = [one.loss for one in told if one.loss is not None]
    assert sum(losses[-6:]) < 0.5 * sum(losses[:6])
    best = max(look.ndcg for look in tuned.validations[1:])
    assert best == tuned.manifest.training.ndcg_best
    assert best > tuned.validations[0].ndcg
    assert tuned.best_step == next(look.step for look in tuned.validations[1:] if look.ndcg == best)
    assert told[0].loss is None
    assert told[0].validation == tuned.validations[0]
    assert told[0].seconds_left is None
    assert told[-2].seconds_left is not None
    assert told[-1].seconds_left == 0
    assert (told[-1].step, told[-1].steps) == (36, 36)


def test_the_same_run_gives_the_same_bytes_in_whatever_order_examples_come(
    tiny: Path, tmp_path: Path, whole: Tuned
) -> None:
    tuned = tune_tiny(tiny, tmp_path / "a", examples=examples(6)[::-1], validation=examples(3, 6)[::-1])
    assert weights_of(tuned.folder) == weights_of(whole.folder)
    other = tune_tiny(tiny, tmp_path / "b", seed=8)
    assert weights_of(other.folder) != weights_of(whole.folder)


@pytest.mark.parametrize("step", [1, 3, 5, 6])
def test_a_crash_at_any_step_and_the_same_call_end_in_the_same(
    tiny: Path, tmp_path: Path, whole: Tuned, step: int
) -> None:
    with pytest.raises(CrashError):
        tune_tiny(tiny, tmp_path / "adapter", progress=at_step(step, crash))
    seen: list[int] = []
    same(tune_tiny(tiny, tmp_path / "adapter", progress=lambda told: seen.append(told.step)), whole)
    assert min(seen) >= step - 1 - (step % 2), "it went on from the last checkpoint"


def test_dropout_goes_on_where_it_was(tiny: Path, tmp_path: Path) -> None:
    undisturbed = tune_tiny(tiny, tmp_path / "whole", dropout=0.3)
    with pytest.raises(CrashError):
        tune_tiny(tiny, tmp_path / "adapter", dropout=0.3, progress=at_step(3, crash))
    same(tune_tiny(tiny, tmp_path / "adapter", dropout=0.3), undisturbed)


def test_a_killed_process_and_the_same_call_end_in_the_same(tiny: Path, tmp_path: Path, whole: Tuned) -> None:
    script = (
        "import os, signal, sys, pathlib\n"
        "from tests.ranking.tuning.lists import tune_tiny\n"
        "def kill(told):\n    told.step == 3 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "tune_tiny(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), progress=kill)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tiny), str(tmp_path / "adapter")], cwd=ROOT, check=False, timeout=120
    )
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "adapter" / "checkpoint.safetensors").is_file()
    same(tune_tiny(tiny, tmp_path / "adapter"), whole)


def keyboard() -> None:
    raise KeyboardInterrupt


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("stop", [keyboard, ctrl_c])
def test_ctrl_c_keeps_the_best_so_far_and_the_same_call_goes_on(
    tiny: Path, tmp_path: Path, whole: Tuned, stop: Callable[[], None]
) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", progress=at_step(5, stop))
    assert (tuned.ended, tuned.steps, tuned.best_step) == ("interrupted", 5, 3)
    assert read_adapter(tuned.folder).manifest.training.ended == "interrupted"
    same(tune_tiny(tiny, tmp_path / "adapter"), whole)


def test_ctrl_c_before_anything_was_learned_is_passed_on(tiny: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)  # a shell's background jobs ignore it
    with pytest.raises(KeyboardInterrupt):
        tune_tiny(tiny, tmp_path / "adapter", progress=at_step(0, ctrl_c))
    assert signal.getsignal(signal.SIGINT) is before
    assert not (tmp_path / "adapter").exists()


def test_ctrl_c_before_the_first_look_keeps_the_last_step(tiny: Path, tmp_path: Path) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", progress=at_step(2, ctrl_c))
    assert (tuned.ended, tuned.best_step, tuned.manifest.training.ndcg_best) == ("interrupted", 2, None)


@contextmanager
def fillable_disk() -> Iterator[Callable[[], None]]:
    """A function after which files can hardly be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_at_a_checkpoint_keeps_the_earlier_one(tiny: Path, tmp_path: Path, whole: Tuned) -> None:
    with (
        fillable_disk() as fill,
        pytest.raises(AdapterFolderError, match=r"checkpoint\.safetensors .* The checkpoint of step 2 is kept"),
    ):
        tune_tiny(tiny, tmp_path / "adapter", progress=at_step(3, fill))
    assert [path.name for path in (tmp_path / "adapter").iterdir()] == ["checkpoint.safetensors"]
    same(tune_tiny(tiny, tmp_path / "adapter"), whole)


def test_a_full_disk_before_any_checkpoint_keeps_nothing_and_says_so(tiny: Path, tmp_path: Path) -> None:
    with fillable_disk() as fill, pytest.raises(AdapterFolderError, match="Nothing was kept"):
        tune_tiny(tiny, tmp_path / "adapter", steps=1, progress=at_step(1, fill))
    assert list((tmp_path / "adapter").iterdir()) == []


def test_a_finished_run_returns_at_once_and_another_one_is_refused(tiny: Path, whole: Tuned) -> None:
    def never(_told: Progressed) -> None:
        raise AssertionError

    same(tune_tiny(tiny, whole.folder, progress=never), whole)
    before = weights_of(whole.folder)
    with pytest.raises(TuningError, match="other settings and examples; choose another folder"):
        tune_tiny(tiny, whole.folder, seed=9, examples=examples(5))
    assert weights_of(whole.folder) == before


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_refused(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        tune_tiny(tiny, tmp_path / "adapter", progress=at_step(3, crash))
    with pytest.raises(TuningError, match="other settings"):
        tune_tiny(tiny, tmp_path / "adapter", batch=3)
    checkpoint = tmp_path / "adapter" / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(TuningError, match=r"is damaged .* remove it"):
        tune_tiny(tiny, tmp_path / "adapter")


def test_a_folder_that_another_run_writes_is_refused(tiny: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".adapter.lock"), pytest.raises(AdapterFolderError, match="another run is writing"):
        tune_tiny(tiny, tmp_path / "adapter")


def test_without_validation_the_last_step_is_kept(tiny: Path, tmp_path: Path) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", validation=[], steps=4)
    assert (tuned.ended, tuned.steps, tuned.best_step, tuned.validations) == ("finished", 4, 4, ())


def test_patience_ends_a_run_that_gets_no_better(tiny: Path, tmp_path: Path) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", learning_rate=1e-12, evaluate_every=1, patience=2)
    assert (tuned.ended, tuned.steps, tuned.best_step) == ("patience", 3, 1)


@pytest.mark.parametrize("loss", ["pairwise", "pointwise"])
def test_other_losses_learn_too(tiny: Path, tmp_path: Path, loss: str) -> None:
    tuned = tune_tiny(tiny, tmp_path / "adapter", loss=loss, epochs=8, evaluate_every=100)
    assert tuned.validations[-1].loss < tuned.validations[0].loss


def test_point_by_point_a_list_without_an_order_teaches_too(tiny: Path, tmp_path: Path) -> None:
    lists = [replace(LIKED, example_id="a"), replace(DISLIKED, example_id="b", context=example(2).context)]
    tuned = tune_tiny(tiny, tmp_path / "adapter", loss="pointwise", examples=lists, steps=2, max_negatives=None)
    assert tuned.manifest.training.examples == 2


def test_with_offsets_the_sum_is_trained_and_judged(tiny: Path, tmp_path: Path) -> None:
    def known(number: int) -> Any:
        plain = example(number)
        return replace(plain, offsets=tuple(99.0 * value for value in plain.relevance))

    tuned = tune_tiny(
        tiny, tmp_path / "adapter", examples=[known(n) for n in range(6)], validation=[known(n) for n in range(6, 9)]
    )
    first = tuned.validations[0]
    assert (first.ndcg, first.n) == (1.0, 3)
    assert first.ndcg_alone < 1
    assert first.loss < 0.1


def test_tuning_goes_on_from_an_adapter(tiny: Path, tmp_path: Path, whole: Tuned) -> None:
    model = ModelSettings(name=str(tiny), device="cpu", dtype="float32", adapter=whole.folder)
    tuned = tune_tiny(tiny, tmp_path / "next", model=model, seed=11)
    assert tuned.validations[0].ndcg == whole.manifest.training.ndcg_best
    assert tuned.manifest.training.start_adapter == whole.manifest.label
    with pytest.raises(ModelError, match="has rank 4"):
        tune_tiny(tiny, tmp_path / "other", model=model, rank=8)
    with pytest.raises(ConfigError, match=r"tuning\.layers is 1, but adapter .* was tuned with all"):
        tune_tiny(tiny, tmp_path / "cut", model=model, layers=1)


def test_the_folder_says_where_the_adapter_comes_from(tiny: Path, tmp_path: Path) -> None:
    provenance = Provenance(
        name="films", data={"ratings": "abc"}, data_terms="Research only.", command="fewrec tune a.yaml", seeds={"s": 3}
    )
    tuned = tune_tiny(tiny, tmp_path / "adapter", provenance=provenance, steps=1, stored_as="float16")
    assert tuned.manifest.seeds == {"tuning": 7, "s": 3}
    assert tuned.manifest.data.keys() == {"ratings", "examples", "validation examples"}
    card = (tuned.folder / "README.md").read_text()
    for part in (
        "# films",
        "Research only.",
        "fewrec tune a.yaml",
        "template `sequential` version 1",
        "| ratings | abc |",
    ):
        assert part in card
    assert str(tiny.parent) not in (tuned.folder / "adapter_config.json").read_text().replace(str(tiny), "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examples": []}, "no examples"),
        ({"examples": [example(1), example(1)]}, "'user-1' comes twice"),
        ({"examples": [LIKED]}, "'user-1' .*nothing to learn"),
        ({"examples": [DISLIKED]}, "'user-1' .*nothing to learn"),
        ({"loss": "pointwise", "validation": [DISLIKED]}, "'user-1' .*nothing to learn"),
        ({"learning_rate": 1e30, "max_gradient_norm": 1e30}, "lower learning_rate"),
        ({"examples": [LONG]}, "example 'user-1'.*budget"),
    ],
)
def test_what_cannot_be_tuned_on_is_named(tiny: Path, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TuningError, match=message):
        tune_tiny(tiny, tmp_path / "adapter", **changes)
    assert not (tmp_path / "adapter" / "adapter_model.safetensors").exists()


def test_lists_that_read_alike_are_left_out_and_counted(tiny: Path, tmp_path: Path) -> None:
    twins = tuple(replace(item("Alien"), item_id=name) for name in "abcdefg")
    alike = replace(example(1), context=replace(example(1).context, candidates=twins))
    tuned = tune_tiny(tiny, tmp_path / "adapter", examples=[alike, *examples(4, 2)], steps=1)
    assert tuned.notes == ("examples: 1 left out because their candidates all read alike.",)
    assert tuned.manifest.training.examples == 4
    with pytest.raises(TuningError, match="all read alike"):
        tune_tiny(tiny, tmp_path / "other", examples=[alike])


def test_template_targets_and_layers_that_do_not_fit_are_named(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'likelihood'"):
        tune_tiny(tiny, tmp_path / "adapter", template=load_template("likelihood"))
    with pytest.raises(ConfigError, match="nothing_proj"):
        tune_tiny(tiny, tmp_path / "adapter", targets=("nothing_proj",))
    with pytest.raises(ModelError, match="has 2 layers, so the first 3"):
        tune_tiny(tiny, tmp_path / "adapter", layers=3)
    short = save_tiny_model(tmp_path / "short", max_context=32)
    with pytest.raises(PromptTooLongError, match="user-"):
        tune_tiny(short, tmp_path / "adapter")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"relevance": (1.0, 0.0)}, "has 7 candidates but 2 relevances"),
        ({"offsets": (0.0,)}, "and 1 offsets"),
        ({"relevance": (float("nan"), *[0.0] * 6)}, "not a finite number"),
        ({"relevance": (2.0, *[0.0] * 6)}, "outside"),
    ],
)
def test_an_example_without_a_lesson_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TuningError, match=f"'user-1' .*{message}"):
        example(1, **changes)
