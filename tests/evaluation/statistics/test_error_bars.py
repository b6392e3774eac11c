from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.statistics.draws import bootstrap_counts, swaps
from evaluation.statistics.error_bars import estimates, percentiles
from evaluation.statistics.grid import on_grid

NAN = float("nan")


def test_mean_interval_and_what_is_undefined() -> None:
    values = np.random.default_rng(1).normal(2.0, 1.0, 400)
    with_gaps = np.concatenate([values, [NAN, NAN]])
    found = estimates([with_gaps, np.array([0.5]), np.array([NAN]), np.array([])], seed=3, resamples=4_000)
    assert (found[0].n, found[0].undefined) == (400, 2)
    half = 1.96 * values.std() / 20
    assert found[0].low == pytest.approx(values.mean() - half, abs=0.01)
    assert found[0].high == pytest.approx(values.mean() + half, abs=0.01)
    assert [(each.value, each.low, each.n, each.undefined) for each in found[1:]] == [
        (0.5, None, 1, 0),
        (None, None, 0, 1),
        (None, None, 0, 0),
    ]


def test_a_constant_has_an_interval_of_no_width() -> None:
    (found,) = estimates([np.ones(10)], seed=1, resamples=100)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_percentiles_leave_undefined_resamples_out() -> None:
    assert percentiles(np.array([NAN, NAN])).low is None
    assert percentiles(np.append(np.arange(101.0), NAN)).high == pytest.approx(97.5)


def test_draws_are_bounded_in_memory_and_whole() -> None:
    blocks = list(bootstrap_counts(30_000, seed=1, resamples=100))
    assert max(len(block) for block in blocks) <= 33
    counts = np.concatenate(blocks)
    assert counts.shape == (100, 30_000)
    assert (counts.sum(axis=1) == 30_000).all()
    flips = np.concatenate(list(swaps(30_000, seed=1, resamples=100)))
    assert set(np.unique(flips)) == {0.0, 1.0}
    assert flips.mean() == pytest.approx(0.5, abs=0.01)


def test_draws_depend_on_the_seed_only() -> None:
    first, again, other = (np.concatenate(list(bootstrap_counts(50, seed=seed, resamples=20))) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.randoms(use_true_random=False))
def test_sums_on_the_grid_do_not_depend_on_their_order(values: list[float], random: object) -> None:
    column = on_grid(np.array(values)[:, None])[:, 0]
    shuffled = np.random.default_rng(len(values)).permutation(column)
    assert sum(column.tolist()) == sum(shuffled.tolist())
    assert np.abs(column - values).max() <= 2.0**-30 * max(np.abs(values).max(), 1e-300)
