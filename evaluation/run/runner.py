"""Runs arms over cases into a run folder, skipping what is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from evaluation.errors import EvaluationError
from evaluation.protocol import Ranker
from evaluation.run.folder import RunFolder
from evaluation.run.journal import Keys, key_of, read_keys
from evaluation.run.ordering import outcome_of
from evaluation.types import Case
from retrieval.protocol import Progress

_NOTHING: Keys = np.empty(0, dtype=np.uint64)
_MOST_CANDIDATES = 200_000
"""Of one block: scores are Python floats on their way to the journal, 32 bytes each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """Something to run, not yet loaded."""

    name: str
    digest: str
    """SHA-256 of its configuration and of what it loads."""
    open: Callable[[], AbstractContextManager[Ranker]]
    """Loads it; what it holds is let go when the context ends. Not called where nothing is left to do."""
    batch: int
    """How many cases are handed over, and written, at a time. Outcomes do not depend on it."""


class Cases(Protocol):
    """The questions of a run, the same at every reading."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Case]:
        """One after the other, never all in memory."""


async def run_arms(
    folder: RunFolder, arms: Iterable[Arm], cases: Cases, *, seed: int, progress: Progress | None = None
) -> None:
    """Runs every arm over every case that the folder has no outcome for, one arm after the other.

    `progress` hears the arm's name, how many of its cases are done, and how many there are. A broken-off run keeps
    every block that was written.
    """
    known = read_keys(folder.path)
    for arm in arms:
        await _run_arm(folder, arm, cases, known.get(arm.name, _NOTHING), seed=seed, progress=progress)


async def _run_arm(
    folder: RunFolder, arm: Arm, cases: Cases, known: Keys, *, seed: int, progress: Progress | None
) -> None:
    total = len(cases)
    if progress is not None:
        progress(arm.name, min(len(known), total), total)
    done = 0
    with ExitStack() as stack:
        ranker: Ranker | None = None
        for block in blocks(_pending(cases, known), arm.batch):
            if ranker is None:
                ranker = stack.enter_context(arm.open())
            answers = await ranker.rank(block)
            if len(answers) != len(block):
                raise EvaluationError(f"arm {arm.name!r} gave {len(answers)} answers to {len(block)} cases")
            folder.journal.append(
                [outcome_of(arm.name, case, ranked, seed=seed) for case, ranked in zip(block, answers, strict=True)]
            )
            done += len(block)
            if progress is not None:
                progress(arm.name, min(len(known), total - done) + done, total)


def blocks(cases: Iterable[Case], size: int) -> Iterator[Sequence[Case]]:
    """Cases in blocks of `size`, the last one shorter; less where whole catalogues are candidates, to save memory."""
    block: list[Case] = []
    candidates = 0
    for case in cases:
        block.append(case)
        candidates += len(case.candidates)
        if len(block) == size or candidates >= _MOST_CANDIDATES:
            yield block
            block, candidates = [], 0
    if block:
        yield block


def _pending(cases: Iterable[Case], known: Keys) -> Iterable[Case]:
    return cases if len(known) == 0 else (case for case in cases if not _holds(known, case))


def _holds(known: Keys, case: Case) -> bool:
    key = np.uint64(key_of(case.scenario, case.case_id))
    place = int(np.searchsorted(known, key))
    return place < len(known) and bool(known[place] == key)
