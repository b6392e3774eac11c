"""How far probabilities can be trusted before and after calibration, as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evaluation.calibration.measure import ScoredList, columns, cross_fitted, equal_bins
from evaluation.metrics.types import Values
from evaluation.statistics.draws import affordable, bootstrap_counts
from evaluation.statistics.error_bars import percentiles

_RESAMPLES = 10_000
_HEAD = "| probability | mean | taken | log-loss | calibration error |"


def table_of(lists: Sequence[ScoredList], *, seed: int) -> str:
    """One row for each probability: the list's own softmax, that of telling everybody the base rate, and the curves.

    Curves are told of lists they were not fitted on. Intervals are 95% percentiles over resampled lists. The error is
    that of ten bins of equally many candidates, which stay as they are in every resample.
    """
    scores, taken = columns(lists)
    told = {
        "softmax of the scores, before": softmax(lists),
        "base rate for all": np.full(len(scores), taken.mean()),
        "Platt's curve, after": cross_fitted("platt", lists, seed),
        "isotonic curve, after": cross_fitted("isotonic", lists, seed),
    }
    rows = [
        f"| {name} | {values.mean():.2%} | {taken.mean():.2%} | {_measured(lists, values, taken, seed)} |"
        for name, values in told.items()
    ]
    return "\n".join([_HEAD, "| --- | ---: | ---: | ---: | ---: |", *rows])


def softmax(lists: Sequence[ScoredList]) -> Values:
    """What the scores say by themselves, being those of a conditional logit: each list's add up to 1."""
    parts = []
    for one in lists:
        odds = np.exp(np.asarray(one.scores) - max(one.scores))
        parts.append(odds / odds.sum())
    return np.concatenate(parts)


def _measured(lists: Sequence[ScoredList], told: Values, taken: Values, seed: int) -> str:
    owner = np.repeat(np.arange(len(lists)), [len(one.scores) for one in lists])
    sizes = np.bincount(owner).astype(np.float64)
    safe = np.clip(told, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    loss = np.bincount(owner, weights=-(taken * np.log(safe) + (1 - taken) * np.log(1 - safe)))
    # Shape (n_lists, n_bins): how far each list's part of a bin lies above what it was told.
    gaps = np.stack(
        [np.bincount(owner[part], weights=(taken - told)[part], minlength=len(lists)) for part in equal_bins(told)],
        axis=1,
    )
    drawn = affordable(len(lists), _RESAMPLES)
    losses, errors = [], []
    for counts in bootstrap_counts(len(lists), seed=seed, resamples=drawn):
        losses.append(counts @ loss / (counts @ sizes))
        errors.append(np.abs(counts @ gaps).sum(axis=1) / (counts @ sizes))
    whole = np.abs(gaps.sum(axis=0)).sum() / sizes.sum()
    cells = ((loss.sum() / sizes.sum(), losses), (whole, errors))
    return " | ".join(_told(value, np.concatenate(resampled)) for value, resampled in cells)


def _told(value: float, resampled: Values) -> str:
    found = percentiles(resampled)
    return f"{value:.4f} ({found.low:.4f} to {found.high:.4f})"
