"""Neural matrix factorisation: dot product of user and item embeddings, squared error, Adam. In PyTorch, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from evaluation.baselines.config import NeuralMfConfig
from evaluation.baselines.encoding import Batch, Encoder, Index, runs
from evaluation.baselines.implicit_feedback import row_products
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from retrieval.protocol import Progress

_SPREAD = 0.05
_FOLD_IN_L2 = 1.0
_STEPS_REPORTED = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Interactions to learn from."""

    users: Index
    items: Index
    targets: npt.NDArray[np.float32]
    """Rating less the mean rating, or 1 for implicit feedback."""
    mean: float
    """What is added to the product: the mean rating, or 0 for implicit feedback."""
    negatives: int
    """Random items per interaction, with target 0; 0 for ratings."""


def examples(training: Training, config: NeuralMfConfig) -> Examples:
    """The rated interactions, or all of them where nothing is rated."""
    rated = np.isfinite(training.ratings)
    implicit = not rated.any()
    chosen = np.ones_like(rated) if implicit else rated
    mean = 0.0 if implicit else float(training.ratings[rated].mean())
    targets = np.ones(len(rated)) if implicit else training.ratings - mean
    return Examples(
        users=training.user_index[chosen].astype(np.int64),
        items=training.item_index[chosen].astype(np.int64),
        targets=targets[chosen].astype(np.float32),
        mean=mean,
        negatives=config.negatives if implicit else 0,
    )


class Model(nn.Module):
    """Two tables of embeddings."""

    def __init__(self, n_users: int, n_items: int, dimension: int) -> None:
        super().__init__()
        # Sparse gradients: a step touches the batch's rows only, which makes small batches affordable.
        self.users = nn.Embedding(n_users, dimension, sparse=True)
        self.items = nn.Embedding(n_items, dimension, sparse=True)
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=_SPREAD)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Predictions, shape (n,)."""
        result: Tensor = (self.users(users) * self.items(items)).sum(dim=-1)
        return result


def train(data: Examples, model: Model, config: NeuralMfConfig, seed: int, progress: Progress | None) -> None:
    """Adam on the mean squared error over shuffled batches; Adam's moments of a row move when the row is used."""
    random = np.random.default_rng([seed % 2**63, 1])
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=config.learning_rate)
    n_items = model.items.num_embeddings
    starts = range(0, len(data.users), config.batch_size)
    total = config.epochs * len(starts)
    for epoch in range(config.epochs):
        order = random.permutation(len(data.users))
        for step, start in enumerate(starts, epoch * len(starts) + 1):
            rows = order[start : start + config.batch_size]
            users, items, targets = data.users[rows], data.items[rows], data.targets[rows]
            if data.negatives:
                n_random = len(rows) * data.negatives
                users = np.concatenate([users, np.repeat(users, data.negatives)])
                items = np.concatenate([items, random.integers(0, n_items, n_random)])
                targets = np.concatenate([targets, np.zeros(n_random, dtype=np.float32)])
            optimizer.zero_grad()
            predicted = model(torch.from_numpy(users), torch.from_numpy(items))
            torch.autograd.backward(nn.functional.mse_loss(predicted, torch.from_numpy(targets)))
            optimizer.step()  # type: ignore[no-untyped-call]
            if progress is not None and (step % _STEPS_REPORTED == 0 or step == total):
                progress("neural-mf", step, total)


class NeuralMf:
    """Product of embeddings, plus the mean rating where the data has ratings.

    A user of the training data has his own embedding. A stranger, and a user whose history was cut, gets the mean user
    moved by ridge regression towards the case's history (with the random items' expected pull where the
    feedback is implicit); an empty history is the mean user. An unknown item's product is 0.
    """

    def __init__(self, training: Training, config: NeuralMfConfig, seed: int, progress: Progress | None) -> None:
        self._encoder = Encoder(training)
        data = examples(training, config)
        self._mean, self._negatives = data.mean, data.negatives
        # The caller's random stream is left as it was found.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed % 2**63)
            model = Model(len(training.user_ids), len(training.item_ids), config.dimension)
            train(data, model, config, seed, progress)
        self._users, items = (table.weight.detach().numpy().astype(np.float64) for table in (model.users, model.items))
        self._items = np.concatenate([items, np.zeros((1, config.dimension))])
        self._mean_user = self._users.mean(axis=0) if len(self._users) else np.zeros(config.dimension)
        self._background = items.T @ items / max(len(items), 1)

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline; a score is a rating where the training data has ratings."""
        batch = self._encoder.encode(cases)
        users = self._of(batch)
        products = row_products(users[batch.candidate_case], self._items[batch.candidates])
        return batch.split(self._mean + products)

    def _of(self, batch: Batch) -> npt.NDArray[np.float64]:
        """Embeddings of the cases' users, shape (n_cases, dimension)."""
        users = np.tile(self._mean_user, (batch.n_cases, 1))
        own = batch.own
        users[own] = self._users[batch.users[own]]
        usable = (batch.history < len(self._items) - 1) & ~own[batch.history_case]
        if not self._negatives:
            usable &= np.isfinite(batch.ratings)
        case, item = batch.history_case[usable], batch.history[usable]
        targets = np.ones(len(item)) if self._negatives else batch.ratings[usable] - self._mean
        for run in runs(case):
            users[run.case] += self._moved(self._items[item[run.rows]], targets[run.rows])
        return users

    def _moved(self, items: npt.NDArray[np.float64], targets: Scores) -> npt.NDArray[np.float64]:
        """How far a user with this history lies from the mean user."""
        expected = len(items) * self._negatives * self._background
        left = items.T @ (targets - items @ self._mean_user) - expected @ self._mean_user
        shrinkage = _FOLD_IN_L2 * np.eye(items.shape[1])
        return np.asarray(np.linalg.solve(items.T @ items + expected + shrinkage, left))
