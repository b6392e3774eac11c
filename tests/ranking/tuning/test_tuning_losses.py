from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ranking.tuning.losses import choose_loss, listwise, pairwise, pointwise
from ranking.tuning.quality import ndcg_at


def at(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_listwise_by_hand() -> None:
    # Softmax of log 4, log 2, log 2 is 1/2, 1/4, 1/4.
    margins = at(math.log(4), math.log(2), math.log(2))
    assert listwise(margins, at(1, 0, 0)).item() == pytest.approx(math.log(2))
    assert listwise(margins, at(0.5, 0, 0)).item() == pytest.approx(math.log(2)), "relevance is a distribution"
    assert listwise(margins, at(1, 0.5, 0)).item() == pytest.approx(2 / 3 * math.log(2) + 1 / 3 * math.log(4))


def test_pairwise_by_hand() -> None:
    # log(1 + e^-log 3) = log 4/3, log(1 + e^0) = log 2.
    assert pairwise(at(math.log(3), 0, math.log(3)), at(1, 0, 0)).item() == pytest.approx(
        (math.log(4 / 3) + math.log(2)) / 2
    )
    # Pairs (1, 0) of weight 1, (1, 0.5) and (0.5, 0) of weight 0.5.
    graded = pairwise(at(math.log(3), 0, 0), at(1, 0.5, 0)).item()
    assert graded == pytest.approx((0.5 * math.log(4 / 3) + math.log(4 / 3) + 0.5 * math.log(2)) / 2)


def test_pointwise_by_hand() -> None:
    # sigmoid(log 3) = 3/4 and sigmoid(0) = 1/2.
    assert pointwise(at(math.log(3), 0), at(1, 0)).item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert pointwise(at(0, 0), at(0.5, 0)).item() == pytest.approx(math.log(2))


@given(
    st.sampled_from(["listwise", "pairwise"]),
    st.lists(st.tuples(st.floats(-20, 20), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=6),
    st.floats(-50, 50),
)
def test_losses_of_an_order_do_not_depend_on_its_level_or_place(
    name: str, rest: list[tuple[float, float]], by: float
) -> None:
    loss = choose_loss("listwise" if name == "listwise" else "pairwise")
    margins, relevance = at(0.3, 1.2, *(row[0] for row in rest)), at(1, 0, *(row[1] for row in rest))
    value = loss(margins, relevance)
    assert value.item() >= 0
    assert loss(margins + by, relevance).item() == pytest.approx(value.item(), abs=1e-9)
    assert loss(margins.flip(0), relevance.flip(0)).item() == pytest.approx(value.item(), abs=1e-9)


@pytest.mark.parametrize("name", ["listwise", "pairwise", "pointwise"])
def test_every_loss_raises_the_relevant_and_lowers_the_others(name: str) -> None:
    loss = {"listwise": listwise, "pairwise": pairwise, "pointwise": pointwise}[name]
    assert choose_loss(name) is loss  # type: ignore[arg-type]
    margins = at(0.1, 0.2, -0.3).requires_grad_()
    loss(margins, at(1, 0, 0)).backward()  # type: ignore[no-untyped-call]
    assert margins.grad is not None
    assert margins.grad[0] < 0 < min(margins.grad[1:].tolist())


def test_ndcg_by_hand() -> None:
    assert ndcg_at(10, [0.1, 0.9, 0.5], [0, 0, 1], ["a", "b", "c"]) == pytest.approx(1 / math.log2(3))
    graded = ndcg_at(10, [3, 2, 1], [0.5, 1, 0], ["a", "b", "c"])
    assert graded == pytest.approx((0.5 + 1 / math.log2(3)) / (1 + 0.5 / math.log2(3)))
    assert ndcg_at(2, [3, 2, 1], [0, 0, 1], ["a", "b", "c"]) == 0
    assert ndcg_at(1, [1, 1], [1, 0], ["b", "a"]) == 0, "ties go by item id"
