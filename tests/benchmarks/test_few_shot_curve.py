"""The few-shot curve: what each point is tuned on and judged by, and which points an earlier call may have made."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.few_shot_curve import Curve, Point, table
from benchmarks.tuned import Workbench, redrawn
from evaluation.errors import RunConfigError
from evaluation.tuning.config import load_tune_config
from evaluation.tuning.parts import Parts
from ranking.settings import load_settings
from ranking.shipped import SHIPPED_FOLDER
from tests.benchmarks.test_domains import FakeParts
from tests.evaluation.tuning.test_tune_command import write_config
from tests.fakes import HashingEmbedder


def points_of(folder: Path, parts: FakeParts, start: str) -> list[Point]:
    chosen = Namespace(
        config=str(folder / "shop.yaml"), sizes=[4], seeds=[0, 1], selections=["random"], validation=9, start=start,
        output=folder / "out",
    )  # fmt: skip
    bench = Workbench(load_settings(), Parts(tune=parts.tune, score=parts.score), Console(), None, HashingEmbedder())
    return Curve(chosen, bench, Console()).points()


def test_a_curve_goes_on_from_its_own_points_and_from_no_other_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    write_config(tmp_path)
    parts = FakeParts()
    points = points_of(tmp_path, parts, "untuned")
    assert [(one.size, one.seed, one.n) for one in points] == [(0, 0, 9), (4, 0, 9), (4, 1, 9)]
    assert [(start, len(ids)) for start, ids, _ in parts.tuned.values()] == [(None, 4)] * 2
    again = FakeParts()
    assert points_of(tmp_path, again, "untuned") == points
    assert not again.scored
    shipped = FakeParts()
    points_of(tmp_path, shipped, "shipped")
    assert [start for start, _, _ in shipped.tuned.values()] == [SHIPPED_FOLDER] * 2


def test_what_one_seed_asks_no_other_may_tune_on(tmp_path: Path) -> None:
    file = load_tune_config(write_config(tmp_path, protocol={"kind": "sampled", "split": "random"}))
    assert redrawn(file, seed=0, validation=9).config.validation == 9
    with pytest.raises(RunConfigError, match="shop: its seed splits the data too"):
        redrawn(file, seed=1, validation=9)


def test_the_table_has_a_row_for_every_size() -> None:
    points = [Point(selection="none", size=0, seed=0, ndcg=0.2, n=9)]
    points += [Point(selection="random", size=1000, seed=seed, ndcg=0.4 + 0.1 * seed, n=9) for seed in (0, 1)]
    assert [list(column.cells) for column in table(points).columns] == [["0", "1,000"], ["20.0", "45.0 ± 7.1"]]
