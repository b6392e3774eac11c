"""Matrix factorisation for implicit feedback from the library implicit: ALS and BPR.

Users are folded in by their case's history, so that a case whose history was cut knows no more than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from evaluation.baselines.config import AlsConfig, BprConfig
from evaluation.baselines.encoding import Batch, Encoder, Taken, known_history
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from retrieval.protocol import Progress

Factors = npt.NDArray[np.float64]
_BPR_STEPS = 100
_SMALLEST = 1e-12


def row_products(left: Factors, right: Factors, n_at_once: int = 100_000) -> Scores:
    """The dot product of each pair of rows; a row's last bits do not depend on the other rows."""
    parts = [
        (left[start : start + n_at_once] * right[start : start + n_at_once]).sum(axis=1)
        for start in range(0, len(left), n_at_once)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


class Als:
    """Dot product of the candidate's factors with factors solved from the case's history, as ALS solves a user's.

    0 for an unknown item and for a case without known history. Reference: Hu, Koren and Volinsky, ICDM 2008.
    """

    def __init__(self, training: Training, config: AlsConfig, seed: int, progress: Progress | None) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self._encoder = Encoder(training)
        taken = Taken(training)
        self._n_items = taken.n_items
        self._model: Any = _quietly(
            AlternatingLeastSquares,
            factors=config.factors,
            iterations=config.iterations,
            regularization=config.regularization,
            alpha=config.alpha,
            use_cg=True,
            num_threads=0,
            random_state=seed % 2**32,
        )
        # implicit reports how many iterations are done only through a callback of its own.
        _quietly(
            self._model.fit,
            _matrix(taken),
            show_progress=False,
            callback=lambda done, *_: None if progress is None else progress("als", done + 1, config.iterations),
        )
        self._model.num_threads = 1  # folding in a batch is too little work to share out
        self._factors = _with_stranger(self._model.item_factors)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        history = sparse.csr_matrix(known_history(batch, self._n_items).astype(np.float32))
        users = self._model.recalculate_user(np.arange(batch.n_cases), history).astype(np.float64)
        return batch.split(row_products(users[batch.candidate_case], self._factors[batch.candidates]))


class Bpr:
    """Factors and item biases by BPR; a case's user is folded in with the items held fixed.

    The library has no fold-in. Ours maximises the sum over the history's items i of log sigmoid(x (v_i - m) + b_i - b)
    less regularization * |x|^2 per item, where m and b are the mean item's factors and bias: BPR's own objective with
    its random item replaced by the mean one. A case without known history gets the items' biases. Reference: Rendle et
    al., UAI 2009.
    """

    def __init__(self, training: Training, config: BprConfig, seed: int, progress: Progress | None) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        self._encoder = Encoder(training)
        taken = Taken(training)
        self._n_items = taken.n_items
        self._regularization = config.regularization
        model: Any = _quietly(
            BayesianPersonalizedRanking,
            factors=config.factors,
            iterations=config.iterations,
            learning_rate=config.learning_rate,
            regularization=config.regularization,
            num_threads=1,  # more threads update the same rows in an order that differs from run to run
            random_state=seed % 2**32,
        )
        _quietly(
            model.fit,
            _matrix(taken),
            show_progress=False,
            callback=lambda done, *_: None if progress is None else progress("bpr", done + 1, config.iterations),
        )
        factors = _with_stranger(model.item_factors)
        # implicit keeps the item's bias as the last factor, against a 1 in the user's.
        self._factors, self._biases = factors[:, :-1], factors[:, -1]
        self._mean, self._mean_bias = self._factors[:-1].mean(axis=0), float(self._biases[:-1].mean())
        self._factors[-1], self._biases[-1] = self._mean, self._mean_bias

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        users = self._users(batch)
        products = row_products(users[batch.candidate_case], self._factors[batch.candidates])
        return batch.split(products + self._biases[batch.candidates])

    def _users(self, batch: Batch) -> Factors:
        """Factors of the cases' users, shape (n_cases, factors): gradient steps on a concave objective from 0."""
        history = known_history(batch, self._n_items)
        counts = np.diff(history.indptr)
        case = np.repeat(np.arange(batch.n_cases), counts)
        ahead = self._factors[history.indices] - self._mean
        margin = self._biases[history.indices] - self._mean_bias
        lengths = np.maximum(counts, 1)[:, None]
        shape = (batch.n_cases, len(case))
        gather = sparse.csr_array((np.ones(len(case)), np.arange(len(case)), history.indptr), shape=shape)
        # The step is one over a bound on the curvature, so that no step overshoots.
        squares = np.bincount(case, weights=np.square(ahead).sum(axis=1), minlength=batch.n_cases)[:, None]
        bound = squares / lengths / 4 + 2 * self._regularization + _SMALLEST
        users = np.zeros((batch.n_cases, self._factors.shape[1]))
        for _ in range(_BPR_STEPS):
            pull = special.expit(-(row_products(users[case], ahead) + margin))
            users += ((gather @ (ahead * pull[:, None])) / lengths - 2 * self._regularization * users) / bound
        return users


def _matrix(taken: Taken) -> sparse.csr_matrix:
    return sparse.csr_matrix(taken.matrix(np.float32))


def _with_stranger(factors: npt.NDArray[np.float32]) -> Factors:
    """A row of zeros behind the items' for an item that the training data lacks."""
    return np.concatenate([factors.astype(np.float64), np.zeros((1, factors.shape[1]))])


def _quietly(call: Any, *arguments: Any, **named: Any) -> Any:
    """Calls implicit with one BLAS thread, as it asks for: its own threads would fight with BLAS's."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        return call(*arguments, **named)
