"""SASRec: looks at nothing that comes later, and learns what follows what."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from evaluation.baselines.config import SasrecConfig
from evaluation.baselines.factory import build_baseline
from evaluation.baselines.sasrec import Network
from evaluation.errors import RunConfigError
from tests.evaluation.baselines import shop

PADDING = 5


def network() -> Network:
    torch.manual_seed(1)
    return Network(PADDING, SasrecConfig(dimension=8, heads=2, max_length=4)).double().eval()


def test_a_state_sees_nothing_later_and_no_padding() -> None:
    net = network()
    long, other, short = (torch.tensor([row]) for row in ([0, 1, 2, 3], [0, 1, 4, 0], [0, 1, PADDING, PADDING]))
    for sequence in (other, short):
        torch.testing.assert_close(net(sequence)[:, :2], net(long)[:, :2])
    assert not torch.allclose(net(other)[:, 2], net(long)[:, 2])


def test_the_last_state_alone_is_the_whole_run_s() -> None:
    net = network()
    sequences = torch.tensor([[0, 1, 2, 3], [3, 4, PADDING, PADDING]])
    last = torch.tensor([3, 1])
    torch.testing.assert_close(net.last(sequences, last), net(sequences)[torch.arange(2), last])


@pytest.mark.parametrize("changes", [{"batch_size": 16}, {"batch_size": 256}])
def test_it_learns_what_follows_what_however_few_steps_an_epoch_has(changes: dict[str, int]) -> None:
    # Everybody walks the red shapes in the same order, from somewhere.
    ring = [f"red-{shape}" for shape in shop.SHAPES]
    rows = [(f"u{n:02}", ring[(n + step) % len(ring)], step, None) for n in range(40) for step in range(5)]
    config = SasrecConfig(
        dimension=16, max_length=5, patience=60, negatives=16, learning_rate=0.01, dropout=0.0, epochs=6, **changes
    )
    fitted = build_baseline(config, shop.training(rows), None, 1)
    asked = [shop.case(str(n), ring, history=shop.past(ring[n - 2], ring[n - 1])) for n in range(len(ring))]
    assert np.mean([row.argmax() == n for n, row in enumerate(fitted.score(asked))]) >= 0.9


def test_heads_share_out_the_dimension() -> None:
    with pytest.raises(RunConfigError, match="dimension 10 cannot be shared by 4 heads"):
        build_baseline(SasrecConfig(dimension=10, heads=4), shop.tastes(rated=False), None, 1)
