"""Number formats of the embedded engine side by side: how near to float32 each ranks, how fast it is, what it holds.

The same lists of the bundled sample that decide the automatic choice, with the shipped adapter; a process for each way.
OpenVINO's ways need the extra `openvino` and convert the model once, which takes minutes. Run it alone:
python -m benchmarks.fast_lane
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs
import psutil
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.alone import alone
from benchmarks.attention import example_piece
from benchmarks.engines import peak_mib
from ranking.engines.lane_cases import CALIBRATION, MEASURED, LaneCase, lane_cases
from ranking.engines.lane_gate import agreement, scores_of
from ranking.engines.openvino import as_reference, convert
from ranking.engines.packed_model import PackedModel, load_model
from ranking.engines.packing import Piece
from ranking.engines.transformers import TransformersEngine
from ranking.models.fast_lane import graph_folder
from ranking.models.openvino import Precision, load_graph, version
from ranking.settings import ModelSettings
from ranking.shipped import SHIPPED_FOLDER
from ranking.tuning.quality import ndcg_at

REFERENCE: Final = "torch float32"
_TIMED: Final = (140, 20, 17)
"""Tokens of the prefix, branches, tokens of each: 480."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What every way is asked."""

    model: ModelSettings
    cases: int
    timed: Piece
    rounds: int
    cache: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One way."""

    cases: tuple[LaneCase, ...]
    scores: tuple[tuple[float, ...], ...]
    """Of each case's candidates."""
    seconds: tuple[float, ...]
    """Of each round with the timed piece."""
    peak_mib: float | None
    """The most memory that the process held; None where the system does not tell."""

    @property
    def ndcg(self) -> float:
        """Mean NDCG@10 over the cases in which something is wanted."""
        return statistics.fmean(
            ndcg_at(10, scores, case.relevance, case.item_ids)
            for scores, case in zip(self.scores, self.cases, strict=True)
            if any(case.relevance)
        )


def _torch(dtype: str) -> Callable[[Task], PackedModel]:
    def loaded(task: Task) -> PackedModel:
        return load_model(ModelSettings.model_validate(task.model.model_dump() | {"dtype": dtype}), task.cache)

    return loaded


def _graph(made: Precision, run_as: Precision) -> Callable[[Task], PackedModel]:
    def loaded(task: Task) -> PackedModel:
        core = load_model(as_reference(task.model), task.cache)
        folder = graph_folder(task.model, made, task.cache)
        core.use_graph(load_graph(folder, precision=run_as, threads=task.model.threads), made)
        return core

    return loaded


# Only "float32" forbids bfloat16: run as "int8", the unrounded graph is computed in what the CPU multiplies in.
_GRAPHS: Mapping[str, tuple[Precision, Precision]] = {
    "openvino float32": ("float32", "float32"),
    "openvino bfloat16": ("float32", "int8"),
    "openvino int8-weights": ("int8-weights", "int8-weights"),
    "openvino int8": ("int8", "int8"),
}
WAYS: Mapping[str, Callable[[Task], PackedModel]] = {
    REFERENCE: _torch("float32"),
    "torch bfloat16": _torch("bfloat16"),
    **{name: _graph(*how) for name, how in _GRAPHS.items()},
}


def prepare_graph(name: str, task: Task) -> None:
    """Converts the model for a way of OpenVINO if it was not yet; nothing for torch."""
    if name in _GRAPHS:
        convert(task.model, _GRAPHS[name][0], task.cache)


def measure(name: str, task: Task) -> Measured:
    """One way in this process."""
    core = WAYS[name](task)
    cases = lane_cases(core.encoder, core.max_context, range(CALIBRATION, CALIBRATION + task.cases))
    with closing(TransformersEngine(task.model, task.cache, core=core)) as engine:
        scores = scores_of(engine, cases, name, _unseen)
    seconds = []
    with torch.inference_mode():
        for _ in range(task.rounds):
            start = time.perf_counter()
            core.forward([task.timed])
            seconds.append(time.perf_counter() - start)
    return Measured(
        cases=tuple(cases), scores=tuple(scores), seconds=tuple(seconds), peak_mib=peak_mib(psutil.Process().pid)
    )


def measure_apart(name: str, task: Task) -> Measured:
    """Converts in one process and measures in another, whose memory knows nothing of converting."""
    alone(prepare_graph)(name, task)
    return alone(measure)(name, task)


def report(found: Mapping[str, Measured], console: Console) -> None:
    """Prints the table; the first way is what the others are compared with."""
    reference = next(iter(found.values()))
    table = Table(title=f"{len(reference.cases)} lists; times of 480 tokens, 20 candidates of 17 behind 140")
    for column in ("way", "tau", "NDCG@10", "change", "p50 ms", "fastest ms", "peak MiB"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for name, one in found.items():
        tau, change = agreement(one.scores, reference.scores, one.cases)
        table.add_row(
            name,
            f"{tau:.3f}",
            f"{one.ndcg:.4f}",
            f"{change:+.4f}",
            f"{statistics.median(one.seconds) * 1000:,.0f}",
            f"{min(one.seconds) * 1000:,.0f}",
            "" if one.peak_mib is None else f"{one.peak_mib:,.0f}",
        )
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description="Number formats of the embedded engine side by side.")
    parser.add_argument("-n", type=int, default=MEASURED, help="lists that are ranked")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("fewrec")))
    chosen = parser.parse_args(arguments)
    console = Console(width=110)
    model = ModelSettings(adapter=SHIPPED_FOLDER, device="cpu", threads=chosen.threads)
    timed = example_piece(*_TIMED)
    task = Task(model=model, cases=chosen.n, timed=timed, rounds=chosen.rounds, cache=chosen.cache)
    asked = [REFERENCE, *(name for name in chosen.ways if name != REFERENCE)]
    if version() is None and any(name in _GRAPHS for name in asked):
        console.print("OpenVINO is not installed, so its ways are left out: pip install -e '.[openvino]' in the clone")
        asked = [name for name in asked if name not in _GRAPHS]
    report({name: measure_apart(name, task) for name in asked}, console)
    return 0


def _unseen(stage: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


if __name__ == "__main__":
    raise SystemExit(main())
