"""A small run without data sets or models: cases, an arm that knows a little, and a folder's spec.

As a program it runs the arms slowly into the folder it is given, so that a test can kill it: `small_run.py FOLDER`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.protocol import Ranker
from evaluation.run.folder import Digests, RunFolder, Spec
from evaluation.run.runner import Arm, run_arms
from evaluation.types import Case, Contract, LlmTrace, Ranked
from retrieval.types import Item

SEED = 7
ITEMS = tuple(Item(item_id=f"i{n}", title=f"Title {n}") for n in range(30))


class Cases:
    """Case n asks for item n among ten; every third in a scenario as well."""

    def __init__(self, n: int, start: int = 0) -> None:
        self._range = range(start, n)

    def __len__(self) -> int:
        return len(self._range)

    def __iter__(self) -> Iterator[Case]:
        return (case(n) for n in self._range)


def case(n: int, **changed: Any) -> Case:
    candidates = tuple(ITEMS[(n + step) % len(ITEMS)] for step in range(10))
    values: dict[str, Any] = {"user_id": f"u{n}", "history": (), "candidates": candidates}
    return Case(
        **{
            **values,
            "case_id": f"c{n // 2}",
            "target": candidates[n % 10].item_id,
            "scenario": "full" if n % 2 else "history-1",
            "tags": ("even",) if n % 4 == 0 else (),
            **changed,
        }
    )


class Guess:
    """Scores by a hash of its name, the case and the item, coarse enough for ties. It counts how it is used."""

    def __init__(self, name: str, pause_s: float = 0.0) -> None:
        self.name = name
        self.pause_s = pause_s
        self.opened = 0
        self.batches: list[int] = []

    def open(self) -> AbstractContextManager[Ranker]:
        self.opened += 1
        return nullcontext(self)

    async def rank(self, cases: Sequence[Case]) -> list[Ranked]:
        await asyncio.sleep(self.pause_s)
        self.batches.append(len(cases))
        return [
            Ranked(
                scores=tuple(float(self._draw(case, item)) for item in case.candidates),
                contract=Contract(repaired=self._draw(case, case.candidates[0])),
                llm=LlmTrace(
                    prompt_digest="0" * 16,
                    raw=((0.5, 1.5),),
                    llm_scores=(0.25,),
                    prompt_tokens=10,
                    parameters=1_000,
                    history_shown=1,
                    demonstrations_shown=0,
                    dropped_history=0,
                    dropped_demonstrations=0,
                ),
                seconds=0.001,
            )
            for case in cases
        ]

    def _draw(self, case: Case, item: Item) -> int:
        return sha256(f"{self.name}{case.case_id}{case.scenario}{item.item_id}".encode()).digest()[0] % 4


def arm(ranker: Guess, batch: int = 4) -> Arm:
    return Arm(name=ranker.name, digest=f"digest of {ranker.name}", open=ranker.open, batch=batch)


def spec(arms: Sequence[str] = ("a", "b"), **changed: str) -> Spec:
    digests: Mapping[str, str] = {"data": "d" * 64, "cases": "c" * 64, **changed}
    return Spec(
        name="small",
        config={"arms": list(arms)},
        digests=Digests(
            data=digests["data"], cases=digests["cases"], arms={name: f"digest of {name}" for name in arms}
        ),
        seeds={"run": SEED},
    )


def run(path: Path, rankers: Sequence[Guess], cases: Cases, batch: int = 4) -> bytes:
    """Runs into the folder, begun or not, and returns metrics.json."""
    with RunFolder(path, spec([ranker.name for ranker in rankers])) as folder:
        asyncio.run(run_arms(folder, [arm(ranker, batch) for ranker in rankers], cases, seed=SEED))
        # Loaded late: the program below is killed before it comes so far.
        from evaluation.metrics.facts import Facts
        from evaluation.metrics.registry import parse_metric
        from evaluation.run.aggregates import write_aggregates

        write_aggregates(
            folder,
            arms=[ranker.name for ranker in rankers],
            metrics=[parse_metric("ndcg@10"), parse_metric("recall@3")],
            baseline=rankers[0].name,
            seed=SEED,
            facts=Facts(
                item_ids=tuple(sorted(item.item_id for item in ITEMS)), counts=np.ones(len(ITEMS), dtype=np.int64)
            ),
            resamples=200,
        )
    return (path / "metrics.json").read_bytes()


if __name__ == "__main__":
    run(Path(sys.argv[1]), [Guess("a", 0.01), Guess("b", 0.01)], Cases(200), batch=3)
