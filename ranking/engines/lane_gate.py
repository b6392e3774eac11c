"""Whether a graph ranks as torch does in float32, and how fast it is here: what the automatic choice goes by."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from scipy.stats import kendalltau

from ranking.engine_settings import OpenVinoSettings, TransformersSettings
from ranking.engines.lane_cases import CALIBRATION, MEASURED, LaneCase, lane_cases
from ranking.engines.openvino import as_reference, open_openvino
from ranking.engines.packed_model import load_model
from ranking.engines.transformers import TransformersEngine
from ranking.models.fast_lane import PRECISIONS, Measured, graph_folder, machine, write_measured
from ranking.models.openvino import Precision
from ranking.protocol import Engine
from ranking.settings import ModelSettings
from ranking.tuning.quality import ndcg_at
from retrieval.protocol import Progress


def measure_lanes(
    model: ModelSettings,
    cache: Path,
    progress: Progress,
    *,
    precisions: Sequence[Precision] = PRECISIONS,
    cases: Sequence[LaneCase] | None = None,
    timed: int = 20,
) -> dict[Precision, Measured]:
    """Converts the model in each precision where it was not yet, compares, and keeps what was found beside the graph.

    cases are those of the sample if not given; the first `timed` of them are timed. Takes some minutes. Raises
    ConfigError and ModelError as open_openvino does.
    """
    core = load_model(as_reference(model), cache)
    asked = cases or lane_cases(core.encoder, core.max_context, range(CALIBRATION, CALIBRATION + MEASURED))
    with closing(TransformersEngine(as_reference(model), cache, core=core)) as reference:
        expected = scores_of(reference, asked, "torch float32", progress)
    del core, reference
    found: dict[Precision, Measured] = {}
    with closing(TransformersEngine(model, cache, batching=TransformersSettings(batch_wait_ms=0))) as torch:
        for precision in precisions:
            progress(f"convert to {precision}", 0, 1)
            settings = OpenVinoSettings(precision=precision, batch_wait_ms=0)
            with closing(open_openvino(model, settings, cache)) as lane:
                scores = scores_of(lane, asked, f"openvino {precision}", progress)
                own, other = _times(lane, torch, asked[:timed])
            tau, change = agreement(scores, expected, asked)
            found[precision] = Measured(
                cases=len(asked),
                tau=tau,
                ndcg_change=change,
                seconds=own,
                torch_seconds=other,
                machine=machine(),
            )
            write_measured(graph_folder(model, precision, cache), found[precision])
    return found


def agreement(
    scores: Sequence[Sequence[float]], expected: Sequence[Sequence[float]], cases: Sequence[LaneCase]
) -> tuple[float, float]:
    """Mean Kendall's tau-b between two scorings of the cases, and the first's mean NDCG@10 minus the other's.

    Cases without a relevant item count for tau only; there must be one with.
    """
    taus = [float(kendalltau(one, other).statistic) for one, other in zip(scores, expected, strict=True)]
    changes = [
        ndcg_at(10, one, case.relevance, case.item_ids) - ndcg_at(10, other, case.relevance, case.item_ids)
        for one, other, case in zip(scores, expected, cases, strict=True)
        if any(case.relevance)
    ]
    return statistics.fmean(taus), statistics.fmean(changes)


def scores_of(engine: Engine, cases: Sequence[LaneCase], stage: str, progress: Progress) -> list[tuple[float, ...]]:
    """The first label's lead over the second for every candidate of every case."""

    async def all_scores() -> list[tuple[float, ...]]:
        found = []
        for done, case in enumerate(cases, start=1):
            [scored] = await engine.score([case.prompt])
            pairs = [branch.label_logits for branch in scored.branches]
            found.append(tuple(pair[0] - pair[1] for pair in pairs if pair is not None))
            progress(stage, done, len(cases))
        return found

    return asyncio.run(all_scores())


def _times(lane: Engine, torch: Engine, cases: Sequence[LaneCase]) -> tuple[float, float]:
    """Median seconds of a case by each, in turns after one round to warm up."""

    async def timed(engine: Engine, case: LaneCase) -> float:
        start = time.perf_counter()
        await engine.score([case.prompt])
        return time.perf_counter() - start

    async def in_turns() -> list[tuple[float, float]]:
        await asyncio.gather(timed(lane, cases[0]), timed(torch, cases[0]))
        return [(await timed(lane, case), await timed(torch, case)) for case in cases]

    pairs = asyncio.run(in_turns())
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)
