"""Scores with weights fitted on validation cases: a conditional logit over retrieval's own signals, without any LLM.

For the candidates c of one case with features x_c, P(c is taken) = exp(w x_c) / sum of exp(w x) over them all.
The weights w maximise the summed log P of the validation cases' targets less l2 / 2 * |w|^2. A measured feature is
standardised over the case's candidates (mean 0, deviation 1; all alike is 0 for all); where it could not be measured it
is 0 and an indicator feature says so. Reference: McFadden, Conditional logit analysis of qualitative choice, 1974.
Of a longer list the weights are fitted on the target and 1,000 other candidates, drawn alike likely after all were
standardised: such a draw leaves the weights consistent (McFadden, Modelling the choice of residential location, 1978).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import optimize

from evaluation.baselines.bm25 import Bm25
from evaluation.baselines.config import EmbeddingPopularityConfig, SignalsConfig
from evaluation.baselines.cooccurrence import Cooccurrence
from evaluation.baselines.encoding import Batch, Encoder, Mask, Taken
from evaluation.baselines.latent import Latent
from evaluation.baselines.similarity import Similarity
from evaluation.baselines.types import MIN_FITTING_CASES, Fitting
from evaluation.errors import RunConfigError
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from ranking.draws import Draw
from retrieval.behaviour import HISTORY_LOOKED_AT, RECENCY
from retrieval.config import SHRINKAGE

Features: TypeAlias = npt.NDArray[np.float64]
"""Shape (n_candidate_rows, n_features)."""
_ROWS_AT_ONCE = 200_000
_OTHERS = 1000
"""Candidates beside the target that a case is fitted on, at most."""
_EMBEDDING_POPULARITY_L2 = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Logit:
    """What a fit gave."""

    weights: Scores
    log_likelihood: float
    """Mean over the cases, without the shrinkage."""
    n_cases: int


class FeatureSource(Protocol):
    """Measures candidates on one state of the training data."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features, in their order."""

    def features(self, cases: Sequence[Case]) -> tuple[Features, Batch]:
        """One row per candidate, and the cases as columns."""


def standardised(values: Scores, measured: Mask, case_of_row: npt.NDArray[np.int64], n_cases: int) -> Scores:
    """Values less their case's mean, over its deviation; only what was measured counts, the rest is 0."""
    count = np.maximum(np.bincount(case_of_row, weights=measured, minlength=n_cases), 1.0)
    mean = np.bincount(case_of_row, weights=values * measured, minlength=n_cases) / count
    centred = (values - mean[case_of_row]) * measured
    spread = np.sqrt(np.bincount(case_of_row, weights=centred**2, minlength=n_cases) / count)
    flat = spread[case_of_row] < 1e-9  # beyond rounding: nothing tells the candidates apart
    return np.divide(centred, spread[case_of_row], out=np.zeros_like(centred), where=~flat)


def fit_logit(
    features: Features,
    case_of_row: npt.NDArray[np.int64],
    chosen: Mask,
    l2: float,
    towards: Scores | None = None,
) -> Logit:
    """The conditional logit, shrunk towards some weights (None: zero); every case has exactly one chosen row.

    Rows are sorted by case. The loss is convex, so that the start does not matter.
    """
    goal = np.zeros(features.shape[1]) if towards is None else towards
    starts = np.flatnonzero(np.append(True, np.diff(case_of_row) > 0))
    n_cases = len(starts)
    group = np.repeat(np.arange(n_cases), np.diff(np.append(starts, len(case_of_row))))
    target = features[chosen].sum(axis=0)

    def loss(weights: Scores) -> tuple[float, Scores]:
        utility = features @ weights
        utility -= np.maximum.reduceat(utility, starts)[group]
        expected = np.exp(utility)
        total = np.add.reduceat(expected, starts)
        gradient = features.T @ (expected / total[group]) - target + l2 * (weights - goal)
        shrinkage = l2 / 2 * float((weights - goal) @ (weights - goal))
        return float(np.log(total).sum() - utility[chosen].sum() + shrinkage), gradient

    found = optimize.minimize(loss, goal, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-6})
    weights = np.asarray(found.x, dtype=np.float64)
    shrinkage = l2 / 2 * float((weights - goal) @ (weights - goal))
    return Logit(weights=weights, log_likelihood=(shrinkage - float(found.fun)) / n_cases, n_cases=n_cases)


def usable(fitting: Fitting | None, kind: str) -> Fitting:
    """The fitting with the cases that weights can be fitted on. Raises RunConfigError for fewer than 16."""
    if fitting is None:
        raise RunConfigError(f"baseline {kind!r} is fitted on validation cases, and this run has none; give it a split")
    cases = [case for case in fitting.cases if any(item.item_id == case.target for item in case.candidates)]
    if len(cases) < MIN_FITTING_CASES:
        raise RunConfigError(
            f"baseline {kind!r} needs {MIN_FITTING_CASES} validation cases with the target among the candidates, "
            f"and has {len(cases)} of {len(fitting.cases)}; with too few users for more, leave it out (--arms)"
        )
    return Fitting(training=fitting.training, cases=cases)


class Weighted:
    """A weighted sum of features: fitted on what was known in validation, applied to what is known now."""

    def __init__(self, now: FeatureSource, then: FeatureSource, cases: Sequence[Case], l2: float) -> None:
        kept = [_fitted_on(case) for case in cases]
        parts: list[Features] = []
        for block in _blocks(cases):
            rows, batch = then.features(cases[block])
            parts += [part[places] for part, places in zip(batch.split(rows), kept[block], strict=True)]
        case_of_row = np.repeat(np.arange(len(cases)), [len(places) for places in kept])
        pairs = zip(cases, kept, strict=True)
        chosen = np.array([case.candidates[place].item_id == case.target for case, places in pairs for place in places])
        self._now = now
        self.fit = fit_logit(np.concatenate(parts), case_of_row, chosen, l2)

    @property
    def weights(self) -> Mapping[str, float]:
        """The fitted weight of each feature."""
        return dict(zip(self._now.names, self.fit.weights.tolist(), strict=True))

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        features, batch = self._now.features(cases)
        # Summed feature by feature: a matrix product's last bits would depend on how many rows there are.
        total = np.zeros(len(features))
        for column, weight in zip(features.T, self.fit.weights, strict=True):
            total += column * weight
        return batch.split(total)


def _fitted_on(case: Case) -> list[int]:
    """Places of the candidates that count in the fit, ascending; they depend on the case's id alone."""
    n = len(case.candidates)
    if n <= _OTHERS + 1:
        return list(range(n))
    target = next(place for place, item in enumerate(case.candidates) if item.item_id == case.target)
    others = Draw(seed=0, purpose="fitting candidates", key=case.case_id).distinct(_OTHERS, range(n), {target}, 1)
    return sorted([target, *others])


def _blocks(cases: Sequence[Case]) -> Iterator[slice]:
    """Cases to measure at once: bounds memory, where a list may be the whole catalogue."""
    start, n_rows = 0, 0
    for place, case in enumerate(cases):
        n_rows += len(case.candidates)
        if place > start and n_rows > _ROWS_AT_ONCE:
            yield slice(start, place)
            start, n_rows = place, len(case.candidates)
    yield slice(start, len(cases))


class SignalFeatures:
    """Popularity, co-occurrence, latent closeness, similarities and BM25, as served, and what could not be measured.

    For users without a history popularity is a feature of its own: beside co-occurrence it weighs little or less than
    nothing, and where it is all there is it must still speak for an item, not against it.
    """

    names = (
        "log_popularity",
        "log_popularity_for_strangers",
        "cooccurrence",
        "latent",
        "similarity_max",
        "similarity_mean",
        "bm25",
        "never_taken",
        "no_similarity",
    )

    def __init__(self, training: Training, shrinkage: float) -> None:
        self._encoder = Encoder(training)
        self._taken = Taken(training)
        self._cooccurrence = Cooccurrence(self._taken, HISTORY_LOOKED_AT, RECENCY, shrinkage)
        self._latent = Latent(self._taken, HISTORY_LOOKED_AT, RECENCY)
        self._similarities = [Similarity(training, pooling, 10) for pooling in ("max", "mean")]
        self._bm25 = Bm25(training)

    def features(self, cases: Sequence[Case]) -> tuple[Features, Batch]:
        """See FeatureSource."""
        batch = self._encoder.encode(cases)
        counts = self._taken.counts[batch.candidates]
        taken = counts > 0
        stranger = np.array([not case.history for case in cases], dtype=np.bool_)[batch.candidate_case]
        popularity = np.log1p(counts)
        columns = [(popularity, ~stranger), (popularity, stranger), (self._cooccurrence.score(batch), taken)]
        found = [self._latent.score(batch), *(similarity.score(batch) for similarity in self._similarities)]
        found.append(self._bm25.similarities(cases))
        columns += [(similarity.values, similarity.measured) for similarity in found]
        values = [standardised(value, known, batch.candidate_case, batch.n_cases) for value, known in columns]
        values += [(~taken).astype(np.float64), (~found[1].measured).astype(np.float64)]
        return np.stack(values, axis=1), batch


class EmbeddingPopularityFeatures:
    """The similarity and log popularity."""

    names = ("similarity", "log_popularity")

    def __init__(self, training: Training, config: EmbeddingPopularityConfig) -> None:
        self._encoder = Encoder(training)
        self._counts = Taken(training).counts
        self._similarity = Similarity(training, config.pooling, config.last)

    def features(self, cases: Sequence[Case]) -> tuple[Features, Batch]:
        """See FeatureSource."""
        batch = self._encoder.encode(cases)
        found = self._similarity.score(batch)
        popularity = np.log1p(self._counts[batch.candidates])
        columns = [(found.values, found.measured), (popularity, np.ones_like(found.measured))]
        values = [standardised(value, known, batch.candidate_case, batch.n_cases) for value, known in columns]
        return np.stack(values, axis=1), batch


def signals(training: Training, fitting: Fitting | None, config: SignalsConfig) -> Weighted:
    """The yardstick that an LLM has to beat. Raises RunConfigError without enough validation cases."""
    known = usable(fitting, config.kind)
    shrinkage = SHRINKAGE if config.shrinkage is None else config.shrinkage
    now, then = (SignalFeatures(state, shrinkage) for state in (training, known.training))
    strangers = [replace(case, user_id=None, history=()) for case in known.cases if case.history]
    return Weighted(now, then, [*known.cases, *strangers], config.l2)


def embedding_popularity(training: Training, fitting: Fitting | None, config: EmbeddingPopularityConfig) -> Weighted:
    """Similarity plus log popularity, each standardised, with fitted weights. Raises as `signals` does."""
    known = usable(fitting, config.kind)
    now, then = (EmbeddingPopularityFeatures(state, config) for state in (training, known.training))
    return Weighted(now, then, known.cases, _EMBEDDING_POPULARITY_L2)
