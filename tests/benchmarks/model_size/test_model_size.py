"""Arms of different sizes: what each is tuned and asked with, two steps from two arms' scores, the table, the plot."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console

from benchmarks.model_size.report import Row, plot, table
from benchmarks.model_size.sizes import FULL, Sizes, two_steps
from benchmarks.model_size.timing import Loaded, Weights
from benchmarks.tuned import Workbench
from evaluation.report.markdown import table_markdown
from evaluation.tuning.parts import Parts
from prompts.template import Template
from prompts.types import PromptContext
from ranking.settings import ModelSettings, load_settings
from ranking.tuning.config import TuningSettings
from ranking.tuning.types import Tuned
from tests.evaluation.tuning.test_tune_command import write_config
from tests.fakes import HashingEmbedder


class FakeParts:
    """Remembers what was tuned and how; a cut model scores the last candidates best, any other one the first."""

    def __init__(self) -> None:
        self.tuned: dict[str, tuple[TuningSettings, ModelSettings, str, int]] = {}

    def tune(self, settings: TuningSettings, model: ModelSettings, *arguments: Any, **_named: Any) -> Tuned:
        template: Template = arguments[1]
        longest = max(len(example.context.history) for example in arguments[3])
        self.tuned[arguments[5].name] = settings, model, template.name, longest
        return cast("Tuned", None)  # nobody looks at it

    def score(self, model: ModelSettings, *arguments: Any, **_named: Any) -> list[tuple[float, ...]]:
        contexts: Sequence[PromptContext] = arguments[3]
        sign = 1 if "layers-0" in str(model.adapter) and "all" not in str(model.adapter) else -1
        return [tuple(float(sign * at) for at in range(len(one.candidates))) for one in contexts]


class FakeRanker:
    """Takes a second for each candidate, and has ten bytes a parameter."""

    def __init__(self, asked: list[tuple[str, PromptContext]], loaded: Loaded) -> None:
        self._asked, self._loaded = asked, loaded

    def weights(self) -> Weights:
        return Weights(parameters=1_000_000, megabytes=10.0)

    def seconds(self, context: PromptContext) -> float:
        self._asked.append((Path(self._loaded.model.adapter or "").name, context))
        return float(len(context.candidates))


def sizes(folder: Path, parts: FakeParts, asked: list[tuple[str, PromptContext]]) -> Sizes:
    @contextmanager
    def opened(loaded: Loaded) -> Iterator[FakeRanker]:
        yield FakeRanker(asked, loaded)

    config = write_config(folder, protocol={"kind": "sampled", "negatives": {"n": 4}, "users": 10})
    chosen = Namespace(
        config=config, n=12, lists=9, timed=2, seeds=[0], layers=[1], two_steps=[1], top=2, histories=[2],
        models=["other"], output=folder / "out",
    )  # fmt: skip
    bench = Workbench(load_settings(), Parts(tune=parts.tune, score=parts.score), Console(), None, HashingEmbedder())
    return Sizes(chosen, bench, Console(), opened)


def test_each_arm_differs_in_one_thing_and_all_are_timed_on_the_same_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    parts, asked = FakeParts(), list[tuple[str, PromptContext]]()
    rows = sizes(tmp_path, parts, asked).rows()
    names = [FULL, "first 1 layers", "2 past items", "shared question", "other", "1 layers, then all"]
    assert [row.name for row in rows] == names
    full, cut, short, ended, other = parts.tuned.values()
    assert (full[0].layers, cut[0].layers, other[0].layers) == (None, 1, None)
    assert (full[2], cut[2], ended[2], other[2]) == ("sequential", "sequential", "shared-question", "sequential")
    assert (short[3], ended[3] > 2) == (2, True)
    assert (full[1].name, other[1].name) == (load_settings().model.name, "other")
    assert all(one[1].adapter is None for one in parts.tuned.values())

    one_round = [
        ("all-layers-0", 5),
        ("first-1-layers-0", 5),
        ("2-past-items-0", 5),
        ("shared-question-0", 5),
        ("other-0", 5),
    ]
    one_round.append(("all-layers-0", 2))  # the second step, after the warming-up of all
    assert [(name, len(context.candidates)) for name, context in asked] == one_round * 3
    assert all(context.candidates == asked[6][1].candidates for _, context in asked[6:11])
    shown = asked[6][1]
    assert asked[11][1].candidates == (shown.candidates[4], shown.candidates[3])
    assert asked[11][1].history == shown.history
    assert [set(row.seconds) for row in rows] == [{5.0}] * 5 + [{7.0}]
    assert [row.megabytes for row in rows] == [10.0] * 5 + [20.0]
    assert all(len(row.ndcgs) == 9 for row in rows)

    again = FakeParts()
    assert [list(row.ndcgs) for row in sizes(tmp_path, again, []).rows()] == [list(row.ndcgs) for row in rows]
    assert not again.tuned


def test_the_second_step_orders_what_the_first_puts_on_top() -> None:
    few, full = (0.1, 0.4, 0.3, 0.2), (9.0, 1.0, 2.0, 3.0)
    assert two_steps([few], [full], 2) == [(1.0, 3.0, 4.0, 2.0)]
    assert two_steps([few], [full], 4) == [(4.0, 1.0, 2.0, 3.0)]


def test_the_table_tells_the_paired_difference_and_the_plot_every_point() -> None:
    full = Row(
        name=FULL, ndcgs=np.array([0.5, 0.6, 0.7]), seconds=np.array([0.2, 0.4, 0.3]), megabytes=269.0,
        parameters=134_515_008,
    )  # fmt: skip
    cut = Row(
        name="first 20 layers", ndcgs=np.array([0.4, 0.5, 0.6]), seconds=np.array([0.1, 0.2, 0.15]), megabytes=198.2,
        parameters=99_110_000,
    )  # fmt: skip
    lines = table_markdown(table([full, cut])).splitlines()
    assert lines[0] == (
        "| arm | NDCG@10 × 100, n = 3 | minus all layers | p (Holm) | ms a list, p50 of 3 | p95 | of the time of all "
        "layers | MB | parameters |"
    )
    assert lines[2].startswith("| all layers | 60.0 (")
    assert lines[2].endswith(" | – | – | 300 | 390 | 1.00 | 269 | 135 M |")
    assert lines[3].startswith("| first 20 layers | 50.0 (")
    assert " | −10.0 (−10.0 to −10.0) | " in lines[3]
    assert lines[3].endswith(" | 150 | 195 | 0.50 | 198 | 99 M |")
    svg = plot([full, cut]).svg
    assert "first 20 layers" in svg
    assert "all layers" in svg
