"""Number formats side by side, on a tiny random model."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from benchmarks.fast_lane import REFERENCE, Measured, Task, measure, prepare_graph, report
from ranking.engines.packing import Piece
from ranking.models.openvino import version
from ranking.settings import ModelSettings
from tests.ranking.tiny_model import save_tiny_model

needs_openvino = pytest.mark.skipif(version() is None, reason="OpenVINO is not installed")


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = save_tiny_model(tmp_path_factory.mktemp("lane") / "tiny", max_context=1024)
    model = ModelSettings(name=str(folder), device="cpu", threads=1)
    timed = Piece(prefix=(5, 6), cached=0, branches=((7,), (8, 9)))
    return Task(model=model, cases=2, timed=timed, rounds=1, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def reference(task: Task) -> Measured:
    return measure(REFERENCE, task)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        (REFERENCE, 0.0),
        ("torch bfloat16", 1.0),
        pytest.param("openvino float32", 1e-3, marks=needs_openvino),
        pytest.param("openvino int8", 3.0, marks=needs_openvino),
    ],
)
def test_a_way_scores_every_candidate(name: str, tolerance: float, task: Task, reference: Measured) -> None:
    prepare_graph(name, task)
    found = measure(name, task)
    assert found.cases == reference.cases
    for scores, expected in zip(found.scores, reference.scores, strict=True):
        assert scores == pytest.approx(expected, abs=tolerance)
    assert (found.scores == reference.scores) == (name == REFERENCE)
    assert len(found.seconds) == 1


def test_the_table_compares_with_the_first_way(reference: Measured) -> None:
    upside_down = replace(reference, scores=tuple(tuple(-one for one in scores) for scores in reference.scores))
    table = StringIO()
    report({REFERENCE: reference, "upside down": upside_down}, Console(file=table, width=110))
    rows = {cells[1].strip(): cells for line in table.getvalue().splitlines() if len(cells := line.split("│")) > 3}
    assert rows[REFERENCE][2].strip() == "1.000"
    assert rows[REFERENCE][4].strip() == "+0.0000"
    assert rows["upside down"][2].strip() == "-1.000"
