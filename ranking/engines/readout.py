"""From the model's last hidden states to scores: only the rows and columns of the output head that are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ranking.engines.encoding import EncodedBranch, EncodedPrompt
from ranking.engines.packing import Span
from ranking.errors import EngineError
from ranking.types import BranchScore

_ROWS_AT_ONCE = 256
"""Rows of full-vocabulary logits held at a time: 50 MB for 49,152 tokens in float32."""


class Readout:
    """Reads scores off hidden states with the output head of a model.

    head has shape (vocabulary, width); bias, if there is one, (vocabulary,). A model may finish its logits with a
    scale or a soft cap (Gemma 2, Cohere, Granite): logits are then multiplied by scale, and capped smoothly at cap.
    """

    def __init__(self, head: Tensor, bias: Tensor | None, *, scale: float = 1.0, cap: float | None = None) -> None:
        self._head = head
        self._bias = bias
        self._scale = scale
        self._cap = cap

    def branches(
        self, hidden: Tensor, span: Span, prompt: EncodedPrompt, branches: Sequence[EncodedBranch]
    ) -> tuple[BranchScore, ...]:
        """Scores of the branches of one span; hidden has shape (n, width). Raises EngineError if one is not finite."""
        if prompt.labels is not None:
            scores = self._labels(hidden, span, prompt.labels, branches)
        else:
            scores = self._texts(hidden, span, branches)
        return scores

    def label_logits(self, hidden: Tensor, span: Span, labels: tuple[int, ...]) -> Tensor:
        """Logits of label tokens after each branch of a span, shape (branches, labels), float32; hidden is (n, width).

        Gradients flow through it.
        """
        lasts = [start + n - 1 for start, n in zip(span.branch_starts, span.branch_lengths, strict=True)]
        columns = torch.tensor(labels, device=self._head.device)
        return self._logits(hidden[torch.tensor(lasts, device=hidden.device)], columns)

    def _labels(
        self, hidden: Tensor, span: Span, labels: tuple[int, ...], branches: Sequence[EncodedBranch]
    ) -> tuple[BranchScore, ...]:
        logits = self.label_logits(hidden, span, labels).tolist()
        _check_finite([value for row in logits for value in row])
        return tuple(
            BranchScore(label_logits=tuple(row), text_logprob=None, n_tokens=branch.n_tokens)
            for row, branch in zip(logits, branches, strict=True)
        )

    def _texts(self, hidden: Tensor, span: Span, branches: Sequence[EncodedBranch]) -> tuple[BranchScore, ...]:
        rows: list[int] = []
        targets: list[int] = []
        owners: list[int] = []
        for index, (branch, start) in enumerate(zip(branches, span.branch_starts, strict=True)):
            # The first token is predicted by the prefix's last one, every other by the one before it.
            rows += [span.prefix_end - 1, *range(start, start + len(branch.fed))]
            targets += branch.targets
            owners += [index] * len(branch.targets)
        logprobs = self._logprobs(hidden, rows, targets)
        sums = torch.zeros(len(branches), dtype=torch.float64)
        sums.index_add_(0, torch.tensor(owners), logprobs)
        values = sums.tolist()
        _check_finite(values)
        return tuple(
            BranchScore(label_logits=None, text_logprob=value, n_tokens=branch.n_tokens)
            for value, branch in zip(values, branches, strict=True)
        )

    def _logprobs(self, hidden: Tensor, rows: Sequence[int], targets: Sequence[int]) -> Tensor:
        """Log-probability of each target after each row, shape (len(rows),), float64."""
        # The prefix's last row comes once per branch but is computed once.
        unique = sorted(set(rows))
        place = {row: index for index, row in enumerate(unique)}
        where = torch.tensor([place[row] for row in rows])
        wanted = torch.tensor(targets)
        states = hidden[torch.tensor(unique, device=hidden.device)]
        out = torch.empty(len(rows), dtype=torch.float64)
        for low in range(0, len(unique), _ROWS_AT_ONCE):
            logits = self._logits(states[low : low + _ROWS_AT_ONCE], None)
            totals = torch.logsumexp(logits, dim=-1)
            here = ((where >= low) & (where < low + _ROWS_AT_ONCE)).nonzero().flatten()
            row = (where[here] - low).to(logits.device)
            out[here] = (logits[row, wanted[here].to(logits.device)] - totals[row]).double().cpu()
        return out

    def _logits(self, states: Tensor, columns: Tensor | None) -> Tensor:
        """Finished logits in float32, shape (len(states), len(columns) or vocabulary)."""
        if columns is None:
            # A graph's states are float32 whatever the weights are kept in.
            logits = (states.to(self._head.device) @ self._head.to(states.dtype).T).float()
        else:
            # Few columns cost nothing in float32; in bfloat16 a logit of 20 has steps of 0.125, which ties candidates.
            logits = states.to(self._head.device).float() @ self._head[columns].float().T
        if self._bias is not None:
            logits += (self._bias if columns is None else self._bias[columns]).float()
        logits *= self._scale
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap


def _check_finite(values: Sequence[float]) -> None:
    if not torch.isfinite(torch.tensor(values, dtype=torch.float64)).all():
        raise EngineError(
            "the model gave a score that is not a finite number; try --dtype float32, and `fewrec models verify`"
        )
