"""The curve over labelled rows: what each adapter sees, and AUC beside what counting alone reaches."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from benchmarks.label_curve import LabelCurve, Point, aucs, spent, table
from benchmarks.tuned import Workbench
from evaluation.tuning.parts import Parts
from ranking.settings import load_settings
from tests.benchmarks.test_domains import FakeParts
from tests.evaluation.tuning.test_labelled import case, write_rows
from tests.fakes import HashingEmbedder


def test_every_size_sees_about_as_many_lists() -> None:
    assert [spent(size, 256) for size in (16, 64, 100, 256, 1000)] == [(4, 4), (4, 1), (2, 1), (1, 1), (1, 1)]


def test_points_are_tuned_on_their_rows_and_asked_all_test_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(tmp_path / "cache"))
    write_rows(tmp_path / "films")
    config = tmp_path / "few.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "data": {"kind": "tallrec", "folder": str(tmp_path / "films")},
                "protocol": {"kind": "labelled", "split": "given"},
                "history_length": 12,
                "liked_only": False,
            }
        )
    )
    parts = FakeParts()
    bench = Workbench(load_settings(), Parts(tune=parts.tune, score=parts.score), Console(), None, HashingEmbedder())
    chosen = Namespace(config=str(config), sizes=[2, 4], seeds=[0, 1], lists=8, output=tmp_path / "out")
    curve = LabelCurve(chosen, bench)
    points = curve.points()
    assert [(one.size, one.seed) for one in points] == [(0, 0), (2, 0), (4, 0), (2, 1), (4, 1)]
    assert all(len(one.scores) == len(curve.cases) == 8 for one in points)
    folder = tmp_path / "out" / "few-lists8"
    start, ids, epochs = parts.tuned[str(folder / "4-1")]
    assert (start, epochs) == (None, 1)
    assert len({one.partition(":")[0] for one in ids}) <= 4
    assert parts.scored == [None, *(folder / name for name in ("2-0", "4-0", "2-1", "4-1"))]
    assert curve.points() == points
    assert len(parts.scored) == 5


def test_the_table_holds_the_model_against_counting() -> None:
    cases = [case(1, liked=3, disliked=1, label=1.0), case(2, liked=1, disliked=3, label=0.0)]
    assert aucs(cases, [(2.0, 1.0), (1.0, 2.0), (1.0, 1.0)]) == [1.0, 0.0, 0.5]
    points = [Point(size=0, seed=0, scores=(0.0, 1.0)), *(Point(size=4, seed=n, scores=(2.0 * n, 1.0)) for n in (0, 1))]
    assert table(cases, points).splitlines()[2:] == [
        "| 0 | 0.0 | 100.0 | 50.0 |",
        "| 4 | 50.0 ± 70.7 | 100.0 | 75.0 ± 35.4 |",
    ]
