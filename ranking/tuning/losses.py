"""Losses over the margins of one list. Pure functions; every one gives a scalar that gradients flow through.

margins: shape (n,), the model's score of each candidate (logit of yes minus logit of no), offsets already added.
relevance: shape (n,), in [0, 1], with at least two different values but for `pointwise`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from ranking.tuning.config import LossName


def listwise(margins: Tensor, relevance: Tensor) -> Tensor:
    """Cross-entropy between the softmax over the list and the relevance as a distribution (ListNet, top one).

    -sum_i (r_i / sum r) log softmax(m)_i; with one relevant candidate this is softmax cross-entropy.
    """
    return -(relevance / relevance.sum() * functional.log_softmax(margins, dim=0)).sum()


def pairwise(margins: Tensor, relevance: Tensor) -> Tensor:
    """Logistic loss over every pair of different relevance, weighted by the difference (RankNet).

    sum_ij w_ij log(1 + exp(m_j - m_i)) / sum_ij w_ij, with w_ij = max(0, r_i - r_j).
    """
    weights = (relevance[:, None] - relevance[None, :]).clamp(min=0)
    losses = functional.softplus(margins[None, :] - margins[:, None])
    return (weights * losses).sum() / weights.sum()


def pointwise(margins: Tensor, relevance: Tensor) -> Tensor:
    """Mean binary cross-entropy of sigmoid(margin) with the relevance as its target."""
    return functional.binary_cross_entropy_with_logits(margins, relevance)


def choose_loss(name: LossName) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of that name."""
    return {"listwise": listwise, "pairwise": pairwise, "pointwise": pointwise}[name]
