"""Rating prediction: mean ratings, and biased matrix factorisation fitted by the library lenskit.

A user of the training data is all the ratings that he gave there; a stranger, and a user whose history was cut, is the
ratings in the case's history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.baselines.config import BiasedMfConfig, MeanConfig
from evaluation.baselines.encoding import Batch, Encoder, runs
from evaluation.baselines.implicit_feedback import row_products
from evaluation.errors import RunConfigError
from evaluation.protocol import Scores
from evaluation.types import Case, Training


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingColumns:
    """The rated interactions of the training part."""

    users: npt.NDArray[np.int32]
    items: npt.NDArray[np.int32]
    ratings: Scores


def rated(training: Training, kind: str) -> RatingColumns:
    """The interactions that carry a rating. Raises RunConfigError where none does."""
    given = np.isfinite(training.ratings)
    if not given.any():
        raise RunConfigError(
            f"baseline {kind!r} predicts ratings, and the training data has none; for implicit feedback use als, bpr, "
            "neural-mf or sasrec"
        )
    return RatingColumns(
        users=training.user_index[given], items=training.item_index[given], ratings=training.ratings[given]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """The ratings that stand for the cases' users, one row per rating, sorted by case."""

    case: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    rating: Scores


class Givers:
    """Looks up the ratings that stand for a case's user."""

    def __init__(self, columns: RatingColumns, n_users: int) -> None:
        self._columns = columns
        self._bounds = np.searchsorted(columns.users, np.arange(n_users + 2))

    def given(self, batch: Batch) -> Given:
        """A training user's training ratings, anybody else's rated history."""
        starts, stops = self._bounds[batch.users], self._bounds[batch.users + 1]
        lengths = np.where(batch.own, stops - starts, 0)
        trained = np.repeat(np.arange(batch.n_cases), lengths)
        behind = np.cumsum(lengths) - lengths
        rows = (starts - behind)[trained] + np.arange(len(trained))
        shown = np.flatnonzero(np.isfinite(batch.ratings) & ~batch.own[batch.history_case])
        case = np.concatenate([trained, batch.history_case[shown]])
        order = np.argsort(case, kind="stable")
        return Given(
            case=case[order],
            item=np.concatenate([self._columns.items[rows].astype(np.int64), batch.history[shown]])[order],
            rating=np.concatenate([self._columns.ratings[rows], batch.ratings[shown]])[order],
        )


class Biases:
    """Global mean m, item deviation b_i and user deviation b_u, damped by pseudo-ratings at the mean.

    b_i = sum(r - m) / (n + damping) over the item's ratings, b_u = sum(r - m - b_i) / (n + damping) over the user's.
    Unknown items and users deviate by 0. Reference: Koren, Bell and Volinsky, IEEE Computer 2009.
    """

    def __init__(self, columns: RatingColumns, n_items: int, damping: float, with_items: bool = True) -> None:
        self.mean = float(columns.ratings.mean())
        self._damping = damping
        counts = np.bincount(columns.items, minlength=n_items + 1)
        sums = np.bincount(columns.items, columns.ratings - self.mean, n_items + 1).astype(np.float64)
        self.items = _damped(sums, counts, damping) if with_items else np.zeros(n_items + 1)

    def of_users(self, given: Given, n_cases: int) -> Scores:
        """Deviation of each case's user, shape (n_cases,)."""
        left = given.rating - self.mean - self.items[given.item]
        counts = np.bincount(given.case, minlength=n_cases)
        sums = np.bincount(given.case, left, n_cases).astype(np.float64)
        return _damped(sums, counts, self._damping)


def _damped(sums: Scores, counts: npt.NDArray[np.int64], damping: float) -> Scores:
    return np.asarray(np.divide(sums, counts + damping, out=np.zeros_like(sums), where=counts > 0))


class Mean:
    """Predicts the mean rating: of all, of the item, of the user, or with both deviations."""

    def __init__(self, training: Training, config: MeanConfig) -> None:
        self._encoder = Encoder(training)
        with_items = config.of in {"item", "user-item"}
        columns = rated(training, config.kind)
        self._givers = Givers(columns, len(training.user_ids))
        self._biases = Biases(columns, len(training.item_ids), config.damping, with_items)
        self._with_users = config.of in {"user", "user-item"}

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline; a score is a rating."""
        batch = self._encoder.encode(cases)
        scores = self._biases.mean + self._biases.items[batch.candidates]
        if self._with_users:
            given = self._givers.given(batch)
            scores = scores + self._biases.of_users(given, batch.n_cases)[batch.candidate_case]
        return batch.split(scores)


class BiasedMf:
    """Mean, deviations, and the product of item factors with factors solved from the user's ratings.

    lenskit learns the item factors by alternating least squares on what the deviations leave over; the user factors x
    solve (V'V + regularization * n * I) x = V'(r - m - b_i - b_u) over the n ratings of known items, as lenskit
    folds users in. Unknown items and users without ratings get the deviations alone.
    """

    def __init__(self, training: Training, config: BiasedMfConfig, seed: int) -> None:
        columns = rated(training, config.kind)
        self._encoder = Encoder(training)
        self._regularization = config.regularization
        self._givers = Givers(columns, len(training.user_ids))
        self._biases = Biases(columns, len(training.item_ids), config.damping)
        self._factors = _item_factors(columns, len(training.item_ids), config, seed)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline; a score is a rating."""
        batch = self._encoder.encode(cases)
        given = self._givers.given(batch)
        deviations = self._biases.of_users(given, batch.n_cases)
        users = self._users(given, deviations)[batch.candidate_case]
        deviation = self._biases.items[batch.candidates] + deviations[batch.candidate_case]
        return batch.split(self._biases.mean + deviation + row_products(users, self._factors[batch.candidates]))

    def _users(self, given: Given, deviations: Scores) -> Scores:
        width = self._factors.shape[1]
        users = np.zeros((len(deviations), width))
        known = given.item < len(self._factors) - 1
        case, item = given.case[known], given.item[known]
        left = given.rating[known] - self._biases.mean - self._biases.items[item] - deviations[case]
        for run in runs(case):
            factors = self._factors[item[run.rows]]
            shrinkage = self._regularization * len(factors) * np.eye(width)
            users[run.case] = np.linalg.solve(factors.T @ factors + shrinkage, factors.T @ left[run.rows])
        return users


def _item_factors(columns: RatingColumns, n_items: int, config: BiasedMfConfig, seed: int) -> Scores:
    """Shape (n_items + 1, factors); zeros for items without ratings and for unknown ones."""
    from lenskit.als import BiasedMFScorer
    from lenskit.data import DatasetBuilder
    from lenskit.training import TrainingOptions

    scorer = BiasedMFScorer(
        embedding_size=config.factors,
        epochs=config.epochs,
        regularization=config.regularization,
        damping=config.damping,
        user_embeddings=False,
    )
    builder = DatasetBuilder()
    builder.add_interactions(
        "rating", _table(columns, n_items), entities=["user", "item"], missing="insert", default=True
    )
    scorer.train(builder.build(), TrainingOptions(rng=seed % 2**63))
    factors = np.zeros((n_items + 1, config.factors))
    factors[scorer.items.ids().astype(np.int64)] = scorer.item_embeddings
    return factors


def _table(columns: RatingColumns, n_items: int) -> Any:
    """The ratings as an Arrow table; of a pair that was rated twice the latest counts, as in a store."""
    import pyarrow as pa

    pairs = columns.users.astype(np.int64) * n_items + columns.items
    # Columns are sorted by user and time: the first of the reversed ones is the latest.
    kept = len(pairs) - 1 - np.unique(pairs[::-1], return_index=True)[1]
    return pa.table({"user_id": columns.users[kept], "item_id": columns.items[kept], "rating": columns.ratings[kept]})
