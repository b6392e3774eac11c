"""Meta-learning over domains: whose examples come when, and where the adapter moves to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from benchmarks.reptile import move, reptile, rounds
from ranking.settings import ModelSettings
from ranking.tuning.types import TuningExample
from ranking.tuning.weights import read_weights
from tests.ranking.tiny_model import save_tiny_model
from tests.ranking.tuning.lists import examples, tune_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_domains_take_turns_and_every_example_comes_once() -> None:
    films, games = examples(5), examples(3, 5)
    parts = list(rounds({"films": films, "games": games}, 2))
    assert parts == [films[:2], games[:2], films[2:4], games[2:], films[4:]]


def test_each_round_moves_a_smaller_share_of_the_way(tiny: Path, tmp_path: Path) -> None:
    starts: list[Path | None] = []

    def inner(part: Sequence[TuningExample], folder: Path, start: Path | None) -> None:
        starts.append(start)
        model = ModelSettings(name=str(tiny), device="cpu", dtype="float32", adapter=start)
        tune_tiny(tiny, folder, examples=part, validation=[], model=model, epochs=1)

    end = reptile({"films": examples(4), "games": examples(2, 4)}, 2, inner, tmp_path)
    assert starts == [None, tmp_path / "inner-0", tmp_path / "outer-1"]
    before, towards, after = (read_weights(tmp_path / name) for name in ("outer-1", "inner-2", end.name))
    assert any(not torch.equal(before[name], towards[name]) for name in before)
    for name, weight in before.items():
        assert torch.allclose(after[name], weight + (1 - 2 / 3) * (towards[name] - weight), atol=1e-7)


def test_what_was_moved_can_be_tuned_on(tiny: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 8)):
        tune_tiny(tiny, tmp_path / name, validation=[], steps=1, seed=seed)
    moved = move(tmp_path / "a", tmp_path / "b", 0.5, tmp_path / "between")
    model = ModelSettings(name=str(tiny), device="cpu", dtype="float32", adapter=moved)
    assert tune_tiny(tiny, tmp_path / "next", validation=[], steps=1, model=model).ended == "finished"
