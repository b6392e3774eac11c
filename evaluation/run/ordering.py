"""From an arm's scores to an order of the candidates, and from there to the journal's line. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from evaluation.errors import EvaluationError
from evaluation.types import Case, Outcome, Ranked

KEPT_PLACES = 100
"""How many places of an order a journal keeps."""
KEPT_SCORES = 1000
"""A case with more candidates than this (a whole catalogue) is written without its scores per candidate."""
_NO_TARGET = -1


def best_first(
    scores: Sequence[float], item_ids: Sequence[str], *, seed: int, case_id: str, target: int = _NO_TARGET
) -> npt.NDArray[np.int64]:
    """Indexes of the candidates, highest score first, shape (n_candidates,).

    Ties are ordered by a hash of (seed, case, item), so neither the position in the list nor the item's id helps.
    Only ties that reach into the first KEPT_PLACES or hold the index `target` are untied: nobody sees the others.
    """
    values = np.asarray(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    ranked = values[order]
    borders = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    if len(borders) + 1 == len(values):
        return order
    starts = [0, *borders.tolist()]
    ends = [*borders.tolist(), len(values)]
    for start, end in zip(starts, ends, strict=True):
        tied = order[start:end]
        if end - start > 1 and (start < KEPT_PLACES or target in tied):
            order[start:end] = sorted(tied.tolist(), key=lambda index: _draw(seed, case_id, item_ids[index]))
    return order


def outcome_of(arm: str, case: Case, ranked: Ranked, *, seed: int) -> Outcome:
    """The journal's line for what an arm made of a case.

    Raises EvaluationError naming arm and case if there is not one finite score for every candidate.
    """
    item_ids = [item.item_id for item in case.candidates]
    _check(arm, case, ranked.scores)
    target = _NO_TARGET if case.target is None else _index(item_ids, case.target)
    order = best_first(ranked.scores, item_ids, seed=seed, case_id=case.case_id, target=target)
    rank = None if target == _NO_TARGET else int(np.flatnonzero(order == target)[0]) + 1
    return Outcome(
        arm=arm,
        case_id=case.case_id,
        scenario=case.scenario,
        tags=case.tags,
        n_history=len(case.history),
        n_candidates=len(item_ids),
        order=tuple([item_ids[index] for index in order[:KEPT_PLACES].tolist()]),
        rank=rank,
        target=case.target,
        target_position=None if target == _NO_TARGET else target + 1,
        label=case.label,
        score=None if case.label is None else ranked.scores[0],
        ranked=ranked if len(item_ids) <= KEPT_SCORES else _without_scores(ranked),
    )


def _check(arm: str, case: Case, scores: Sequence[float]) -> None:
    if len(scores) != len(case.candidates):
        raise EvaluationError(
            f"arm {arm!r} gave {len(scores)} scores for the {len(case.candidates)} candidates of case {case.case_id!r}"
        )
    # A sum is finite unless a part is not; only then is it worth looking for the part.
    if not math.isfinite(sum(scores)):
        for item, score in zip(case.candidates, scores, strict=True):
            if not math.isfinite(score):
                raise EvaluationError(
                    f"arm {arm!r} scored item {item.item_id!r} of case {case.case_id!r} as {score}, which has no place "
                    "in an order; the arm must give a finite score"
                )


def _index(item_ids: Sequence[str], wanted: str) -> int:
    try:
        return item_ids.index(wanted)
    except ValueError:
        return _NO_TARGET


def _without_scores(ranked: Ranked) -> Ranked:
    return Ranked(scores=(), contract=ranked.contract, llm=ranked.llm, seconds=ranked.seconds)


def _draw(seed: int, case_id: str, item_id: str) -> bytes:
    # Lengths keep ("a", "bc") and ("ab", "c") apart.
    return sha256(f"{seed}|{len(case_id)}|{case_id}|{item_id}".encode()).digest()
