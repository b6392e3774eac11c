"""The engine that scores by OpenVINO, with a tiny random model; left out where OpenVINO is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ranking.engine_settings import OpenVinoSettings, TransformersSettings
from ranking.engines.lane_cases import lane_cases
from ranking.engines.lane_gate import agreement
from ranking.engines.openvino import as_reference, convert, open_embedded, open_openvino
from ranking.engines.packed_model import load_model
from ranking.engines.transformers import TransformersEngine
from ranking.errors import ConfigError
from ranking.models.fast_lane import Measured, machine, write_measured
from ranking.models.openvino import Precision, version
from ranking.settings import ModelSettings
from tests.contracts.engine_suite import EngineSuite, GeneratorSuite, WritingEngine, likelihood_prompt, yes_no_prompt
from tests.contracts.engine_suite import numbers as numbers_of
from tests.ranking.tiny_model import save_tiny_model

needs_openvino = pytest.mark.skipif(version() is None, reason="OpenVINO is not installed")
TITLES = (" Aliens", " Big Fish, a film with a much longer title", " A", " Heat", " Aliens")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    folder = save_tiny_model(tmp_path_factory.mktemp("openvino") / "tiny")
    return ModelSettings(name=str(folder), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def opened(model: ModelSettings, cache: Path, precision: Precision = "float32") -> TransformersEngine:
    return open_openvino(model, OpenVinoSettings(precision=precision, batch_wait_ms=0), cache)


@needs_openvino
class TestOpenVino(EngineSuite):
    # It writes by the code of the engine transformers, whose tests have the rest of that suite.
    test_scores_come_while_it_writes = GeneratorSuite.test_scores_come_while_it_writes

    @pytest.fixture
    def engine(self, model: ModelSettings, cache: Path) -> Iterator[WritingEngine]:
        with closing(opened(model, cache)) as engine:
            yield engine


@needs_openvino
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-3), ("int8-weights", 1.0)])
async def test_its_scores_are_torchs(model: ModelSettings, cache: Path, precision: Precision, tolerance: float) -> None:
    asked = [yes_no_prompt(*TITLES), likelihood_prompt(*TITLES)]
    with closing(TransformersEngine(as_reference(model), cache)) as torch:
        expected = await torch.score(asked)
    with closing(opened(model, cache, precision)) as engine:
        assert (engine.info.engine, engine.info.dtype) == ("openvino", precision)
        for one, other in zip(await engine.score(asked), expected, strict=True):
            assert numbers_of(one.branches) == pytest.approx(numbers_of(other.branches), abs=tolerance)
    assert sys.modules["openvino_telemetry"] is None  # nothing reports to the library's maker


@needs_openvino
@pytest.mark.parametrize(
    ("tau", "seconds", "engine", "route"),
    [
        (0.99, 0.1, "openvino", "chosen: 4.0 times as fast"),
        (0.5, 0.1, "transformers", "torch, not openvino float32: tau 0.500"),
        (0.99, 0.9, "transformers", "torch, not openvino float32: 900 ms"),
        (None, 0.1, "transformers", ""),
    ],
)
def test_it_is_chosen_where_it_agrees_and_is_faster(
    model: ModelSettings, cache: Path, tau: float | None, seconds: float, engine: str, route: str
) -> None:
    folder = convert(model, "float32", cache)
    (folder / "measured.json").unlink(missing_ok=True)
    if tau is not None:
        found = Measured(cases=100, tau=tau, ndcg_change=0.0, seconds=seconds, torch_seconds=0.4, machine=machine())
        write_measured(folder, found)
    with closing(open_embedded(model, TransformersSettings(), cache)) as auto:
        assert auto.info.engine == engine
        assert (auto.info.route or "").startswith(route)
    with closing(open_embedded(model, TransformersSettings(fast_lane="off"), cache)) as off:
        assert (off.info.engine, off.info.route) == ("transformers", None)


@needs_openvino
def test_a_truncated_graph_is_converted_anew(model: ModelSettings, cache: Path) -> None:
    folder = convert(model, "float32", cache)
    whole = (folder / "graph.bin").read_bytes()
    (folder / "graph.bin").write_bytes(whole[:-1])
    convert(model, "float32", cache)
    assert (folder / "graph.bin").read_bytes() == whole


@needs_openvino
def test_another_device_is_refused(model: ModelSettings, cache: Path) -> None:
    with pytest.raises(ConfigError, match="cuda"):
        opened(model.model_copy(update={"device": "cuda"}), cache)


def test_agreement_is_one_with_itself_and_counts_what_was_lost(model: ModelSettings, cache: Path) -> None:
    core = load_model(model, cache)
    cases = lane_cases(core.encoder, 4096, range(3))
    best_first = [tuple(case.relevance[at] + at / 100 for at in range(len(case.relevance))) for case in cases]
    assert list(agreement(best_first, best_first, cases)) == pytest.approx([1.0, 0.0])
    worst_first = [tuple(-score for score in scores) for scores in best_first]
    tau, change = agreement(worst_first, best_first, cases)
    assert tau == pytest.approx(-1.0)
    assert change < -0.5
