"""The table of what other domains teach: means over seeds, paired differences at no examples of one's own."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from benchmarks.domains import (
    EMBEDDING,
    MIXING,
    UNTUNED,
    Domains,
    Point,
    judge_embedding,
    lessons,
    table,
)
from benchmarks.tuned import Workbench
from evaluation.tuning.config import load_tune_config
from evaluation.tuning.parts import Parts
from prompts.types import PromptContext
from ranking.settings import ModelSettings, load_settings
from ranking.tuning.config import TuningSettings
from ranking.tuning.types import Tuned
from tests.evaluation.tuning.test_tune_command import write_config
from tests.fakes import HashingEmbedder


class FakeParts:
    """Remembers what was tuned from where; a model's scores are the candidates' places."""

    def __init__(self) -> None:
        self.tuned: dict[str, tuple[Path | None, list[str], int]] = {}
        self.scored: list[Path | None] = []

    def tune(self, settings: TuningSettings, model: ModelSettings, *arguments: Any, **_named: Any) -> Tuned:
        ids = [example.example_id for example in arguments[3]]
        self.tuned[str(arguments[5])] = model.adapter, ids, settings.epochs
        return cast("Tuned", None)  # nobody looks at it

    def score(self, model: ModelSettings, *arguments: Any, **_named: Any) -> list[tuple[float, ...]]:
        contexts: Sequence[PromptContext] = arguments[3]
        self.scored.append(model.adapter)
        return [tuple(map(float, range(len(one.candidates)))) for one in contexts]


def domains(folder: Path, parts: FakeParts, *ways: str) -> Domains:
    files = {}
    for name in ("films", "games", "goods"):
        (folder / name).mkdir(exist_ok=True)
        protocol = {"kind": "sampled", "negatives": {"n": 4}, "users": 10}
        files[name] = load_tune_config(write_config(folder / name, protocol=protocol))
    chosen = Namespace(
        held_out=["games"], ways=ways, sizes=[0, 4], seeds=[0], n=12, lists=9, inner=1, output=folder / "out"
    )
    bench = Workbench(load_settings(), Parts(tune=parts.tune, score=parts.score), Console(), None, HashingEmbedder())
    return Domains(chosen, files, bench)


def test_the_domain_held_out_teaches_nothing_before_its_own_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    parts = FakeParts()
    points = domains(tmp_path, parts, UNTUNED, MIXING).points(Console())
    assert [one.key[1:3] for one in points] == [(EMBEDDING, 0), (UNTUNED, 0), (UNTUNED, 4), (MIXING, 0), (MIXING, 4)]
    assert all(len(one.ndcgs) == 9 for one in points)
    folder = tmp_path / "out" / "n12-lists9-inner1"
    start = folder / "games-mixing-0" / "start"
    assert parts.scored == [None, folder / "games-untuned-0" / "own-4", start, folder / "games-mixing-0" / "own-4"]
    before, ids, epochs = parts.tuned[str(start)]
    assert (before, len(ids), epochs) == (None, 12, 1)
    assert sorted(one[:2] for one in ids) == ["1:"] * 6 + ["2:"] * 6
    after, own, _ = parts.tuned[str(folder / "games-mixing-0" / "own-4")]
    assert (after, len(own)) == (start, 4)
    assert own == parts.tuned[str(folder / "games-untuned-0" / "own-4")][1]
    again = FakeParts()
    assert domains(tmp_path, again, UNTUNED, MIXING).points(Console()) == points
    assert not again.scored


def test_lists_are_of_users_whom_no_test_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "one").mkdir()
    protocol = {"kind": "sampled", "negatives": {"n": 4}, "users": 10}
    file = load_tune_config(write_config(tmp_path / "one", protocol=protocol))
    parts = FakeParts()
    bench = Workbench(load_settings(), Parts(tune=parts.tune, score=parts.score), Console(), None, HashingEmbedder())
    judged = judge_embedding(file, bench, 100)
    assert len(judged.lists) == len(judged.embedding) == 30  # of forty users, ten of whom are asked


def point(way: str, size: int, *ndcgs: float, seed: int = 0) -> Point:
    return Point(held_out="films", way=way, size=size, seed=seed, ndcgs=ndcgs)


def test_every_way_has_a_row_and_its_differences() -> None:
    points = [
        point(EMBEDDING, 0, 0.1, 0.2, 0.3),
        point(MIXING, 0, 0.2, 0.3, 0.4),
        point(MIXING, 0, 0.4, 0.5, 0.6, seed=1),
        point("reptile", 0, 0.1, 0.2, 0.3),
        point("reptile", 16, 0.5, 0.5, 0.5),
    ]
    lines = table(points).splitlines()
    assert lines[0] == "| held out | way | 0 examples | 16 examples | minus embedding, at 0 | minus mixing, at 0 |"
    assert lines[2] == "| films, n = 3 | embedding | 20.0 | – | – | -20.0 (-20.0 to -20.0) |"
    assert lines[3] == "| films, n = 3 | mixing | 40.0 | – | +20.0 (20.0 to 20.0) | – |"
    assert lines[4].startswith("| films, n = 3 | reptile | 20.0 | 50.0 | – |")


def test_no_domain_shows_another_kind_of_example() -> None:
    files = lessons()
    assert len(files) == 3
    assert len({(file.config.examples, file.config.tuning) for file in files.values()}) == 1
    assert all(not file.config.more and file.config.protocol.kind == "sampled" for file in files.values())
