"""SASRec: the next item from a causal self-attention over the history. Our own small one, in PyTorch, on the CPU.

Item and place embeddings, blocks of causal attention and a two-layer feed-forward net, each behind a layer norm with a
residual; the last state's dot product with an item's embedding is its score. Loss: softmax of each place's next item
against sampled items of the batch, corrected for how often they are sampled, which is nothing for uniform ones.
References: Kang and McAuley, ICDM 2018; Klenitskiy and Vasilev, RecSys 2023 (softmax instead of binary loss).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluation.baselines.config import SasrecConfig
from evaluation.baselines.encoding import Batch, Encoder, Index
from evaluation.baselines.implicit_feedback import row_products
from evaluation.errors import RunConfigError
from evaluation.protocol import Scores
from evaluation.types import Case, Training
from retrieval.protocol import Progress

_HELD_OUT_USERS = 2000
_HELD_OUT_ITEMS = 100
_CASES_AT_ONCE = 128
_LEAST_STEPS = 32
"""Between two looks at the held-out items: with few users an epoch is a step or two, which is nothing to judge by."""
_DECIMALS = 9
"""Scores are computed in double precision and rounded, so that a batch gives what its cases give alone."""


class Block(nn.Module):
    """Causal self-attention and a feed-forward net, pre-normed."""

    def __init__(self, config: SasrecConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.attention_norm = nn.LayerNorm(config.dimension)
        self.projection = nn.Linear(config.dimension, 3 * config.dimension)
        self.output = nn.Linear(config.dimension, config.dimension)
        self.net = nn.Sequential(
            nn.LayerNorm(config.dimension),
            nn.Linear(config.dimension, 4 * config.dimension),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(4 * config.dimension, config.dimension),
            nn.Dropout(config.dropout),
        )

    def forward(self, states: Tensor) -> Tensor:
        """Shape (n, length, dimension) in and out. Padding stands at the end, where nothing before it looks."""
        query, key, value = self._projected(states)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return self._after_attention(states, mixed)

    def only(self, states: Tensor, last: Tensor) -> Tensor:
        """What forward gives at the places `last`, shape (n,), without dropout; shape (n, 1, dimension)."""
        query, key, value = self._projected(states)
        rows = torch.arange(len(states))
        seen = torch.arange(states.shape[1])[None, :] <= last[:, None]
        mixed = functional.scaled_dot_product_attention(
            query[rows, :, last][:, :, None], key, value, attn_mask=seen[:, None, None, :]
        )
        return self._after_attention(states[rows, last][:, None], mixed)

    def _projected(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n, length, width = states.shape
        parts = self.projection(self.attention_norm(states)).view(n, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        return query, key, value

    def _after_attention(self, states: Tensor, mixed: Tensor) -> Tensor:
        output = self.output(mixed.transpose(1, 2).reshape(states.shape))
        states = states + functional.dropout(output, self.dropout, self.training)
        result: Tensor = states + self.net(states)
        return result


class Network(nn.Module):
    """Sequences of item indices to states. Index n_items is padding."""

    def __init__(self, n_items: int, config: SasrecConfig) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, config.dimension, padding_idx=n_items)
        self.places = nn.Embedding(config.max_length, config.dimension)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.blocks - 1)))
        self.final = Block(config)
        self.norm = nn.LayerNorm(config.dimension)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=0.05)
        with torch.no_grad():
            self.items.weight[n_items] = 0.0

    def forward(self, sequences: Tensor) -> Tensor:
        """Shape (n, length) to (n, length, dimension): the state after each place."""
        result: Tensor = self.norm(self.final(self.blocks(self._start(sequences))))
        return result

    def last(self, sequences: Tensor, last: Tensor) -> Tensor:
        """What forward gives at one place of each sequence, shape (n, dimension); cheaper."""
        states = self.blocks(self._start(sequences))
        result: Tensor = self.norm(self.final.only(states, last))[:, 0]
        return result

    def _start(self, sequences: Tensor) -> Tensor:
        # Places count from the sequence's start, which stands at the left; padding follows at the right.
        states: Tensor = self.dropout(self.items(sequences) + self.places.weight[: sequences.shape[1]])
        return states


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequences:
    """Users' items, oldest first, in one column."""

    items: Index
    starts: Index
    """Shape (n_users + 1,)."""

    def padded(self, users: Index, stops: Index, length: int, padding: int) -> npt.NDArray[np.int64]:
        """The items before each stop, at most the latest `length`, left-aligned."""
        starts = np.maximum(self.starts[users], stops - length)
        widest = max(int((stops - starts).max(initial=0)), 1)
        place = starts[:, None] + np.arange(widest)
        inside = place < stops[:, None]
        return np.where(inside, self.items[np.minimum(place, max(len(self.items) - 1, 0))], padding)


class Trainer:
    """Trains a Network on all but some users' last items, and stops when these are no longer predicted better."""

    def __init__(self, sequences: Sequences, n_items: int, config: SasrecConfig, seed: int) -> None:
        self._config, self._n_items = config, n_items
        self._sequences = sequences
        self._random = np.random.default_rng([seed % 2**63, 1])
        torch.manual_seed(seed % 2**63)
        self.network = Network(n_items, config)
        lengths = np.diff(sequences.starts)
        able = np.flatnonzero(lengths >= 3)
        chosen = self._random.permutation(able)[: min(_HELD_OUT_USERS, len(able) // 2)]
        self._held_out = np.sort(chosen)
        self._stops = sequences.starts[1:].copy()
        self._stops[self._held_out] -= 1
        self._users = np.flatnonzero(self._stops - sequences.starts[:-1] >= 2)
        self._rivals = self._random.integers(0, max(n_items, 1), (len(self._held_out), _HELD_OUT_ITEMS))

    def run(self, progress: Progress | None) -> Network:
        """The network of the best epoch."""
        config = self._config
        optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, betas=(0.9, 0.98))
        best, best_state, since = -np.inf, copy.deepcopy(self.network.state_dict()), 0
        for epoch in range(config.epochs if len(self._users) else 0):
            self._epoch(optimizer)
            quality = self._quality()
            if progress is not None:
                progress("sasrec", epoch + 1, config.epochs)
            if quality > best:
                best, best_state, since = quality, copy.deepcopy(self.network.state_dict()), 0
            else:
                since += 1
            if since >= config.patience:
                break
        self.network.load_state_dict(best_state)
        return self.network

    def _epoch(self, optimizer: torch.optim.Optimizer) -> None:
        """All users once, or so often that there are enough steps."""
        self.network.train()
        steps = 0
        while steps < _LEAST_STEPS:
            for users in self._batches():
                optimizer.zero_grad()
                torch.autograd.backward(self._loss(users))
                optimizer.step()
                steps += 1

    def _batches(self) -> list[Index]:
        """Users of like length together, so that little of a batch is padding; batches in random order."""
        lengths = (self._stops - self._sequences.starts[:-1])[self._users]
        order = self._users[
            np.lexsort((self._random.random(len(lengths)), np.minimum(lengths, self._config.max_length)))
        ]
        cuts = np.arange(self._config.batch_size, len(order), self._config.batch_size)
        batches = np.split(order, cuts)
        return [batches[place] for place in self._random.permutation(len(batches))]

    def _loss(self, users: Index) -> Tensor:
        read = self._sequences.padded(users, self._stops[users], self._config.max_length + 1, self._n_items)
        inputs, targets = torch.from_numpy(read[:, :-1]), torch.from_numpy(read[:, 1:])
        asked = targets != self._n_items
        states, wanted = self.network(inputs)[asked], targets[asked]
        sampled = torch.from_numpy(self._random.integers(0, self._n_items, self._config.negatives))
        table = self.network.items
        rivals = states @ table(sampled).T
        # A sampled item that happens to be the target is no rival.
        rivals = rivals.masked_fill(sampled[None, :] == wanted[:, None], -torch.inf)
        logits = torch.cat([(states * table(wanted)).sum(dim=1, keepdim=True), rivals], dim=1)
        return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))

    @torch.no_grad()
    def _quality(self) -> float:
        """Mean reciprocal rank of the held-out last items among random ones."""
        self.network.eval()
        total = 0.0
        for start in range(0, len(self._held_out), _CASES_AT_ONCE):
            users = self._held_out[start : start + _CASES_AT_ONCE]
            states = last_states(self.network, self._sequences, users, self._stops[users], self._config, self._n_items)
            targets = torch.from_numpy(self._sequences.items[self._stops[users]])
            rivals = torch.from_numpy(self._rivals[start : start + _CASES_AT_ONCE])
            scores = (self.network.items(rivals) * states[:, None, :]).sum(dim=2)
            target = (self.network.items(targets) * states).sum(dim=1, keepdim=True)
            total += float((1 / (1 + (scores > target).sum(dim=1))).sum())
        return total / max(len(self._held_out), 1)


def last_states(
    network: Network, sequences: Sequences, rows: Index, stops: Index, config: SasrecConfig, padding: int
) -> Tensor:
    """The state after the last item before each stop, shape (n, dimension). Every row must hold an item."""
    read = sequences.padded(rows, stops, config.max_length, padding)
    last = torch.from_numpy((read != padding).sum(axis=1) - 1)
    return network.last(torch.from_numpy(read), last)


class Sasrec:
    """Dot product of the candidate's embedding with the state after the case's latest known items.

    0 for an unknown item and for a case without known history. Raises RunConfigError for heads that cannot share the
    dimension.
    """

    def __init__(self, training: Training, config: SasrecConfig, seed: int, progress: Progress | None) -> None:
        if config.dimension % config.heads:
            raise RunConfigError(
                f"baseline 'sasrec': dimension {config.dimension} cannot be shared by {config.heads} heads; choose a "
                "dimension that is a multiple of the heads"
            )
        self._encoder, self._config = Encoder(training), config
        self._n_items = len(training.item_ids)
        lengths = np.bincount(training.user_index, minlength=len(training.user_ids))
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        sequences = Sequences(items=training.item_index.astype(np.int64), starts=starts)
        # The caller's random stream is left as it was found.
        with torch.random.fork_rng(devices=[]):
            network = Trainer(sequences, self._n_items, config, seed).run(progress)
        self._network = network.double().eval()
        self._items = self._network.items.weight.detach().numpy()

    def score(self, cases: Sequence[Case]) -> list[Scores]:
        """See Baseline."""
        batch = self._encoder.encode(cases)
        states = self._states(batch)
        products = row_products(states[batch.candidate_case], self._items[batch.candidates])
        return batch.split(np.round(products, _DECIMALS))

    @torch.no_grad()
    def _states(self, batch: Batch) -> npt.NDArray[np.float64]:
        known = batch.history < self._n_items
        lengths = np.bincount(batch.history_case[known], minlength=batch.n_cases)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        sequences = Sequences(items=batch.history[known], starts=starts)
        states = np.zeros((batch.n_cases, self._config.dimension))
        # Cases of like length together: little padding.
        order = np.argsort(lengths, kind="stable")
        order = order[lengths[order] > 0]
        for start in range(0, len(order), _CASES_AT_ONCE):
            rows = order[start : start + _CASES_AT_ONCE]
            found = last_states(self._network, sequences, rows, starts[rows + 1], self._config, self._n_items)
            states[rows] = found.numpy()
        return states
