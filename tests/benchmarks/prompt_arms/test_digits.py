"""Where a candidate stands in the catalogue, by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.prompt_arms.digits import digits
from retrieval.types import Candidate, Evidence, Item, Signals

VECTORS = np.eye(10, dtype=np.float32)


def evidence(
    users: npt.NDArray[np.float64],
    together: npt.NDArray[np.float64] | None = None,
    alike: npt.NDArray[np.float64] | None = None,
    liked: dict[str, npt.NDArray[np.float32]] | None = None,
) -> Evidence:
    return Evidence(
        items={}, liked=liked or {}, places={}, users=lambda: users, together=together, alike=alike, worded=None
    )


def candidate(**signals: float) -> Candidate:
    return Candidate(item=Item(item_id="x", title="X"), rank=1, score=0.0, signals=Signals(**signals))


@pytest.mark.parametrize(("users", "digit"), [(0, 0), (1, 1), (2, 2), (9, 9), (10, 9)])
def test_popularity_is_the_ninth_of_what_anybody_took(users: int, digit: int) -> None:
    known = evidence(np.array([0.0, 0.0, *range(1, 10)]))
    [told] = digits(known, [candidate(log_popularity=float(np.log1p(users)))], VECTORS, latent=False)
    assert told == f"popular {digit}, together 0, alike 0"


def test_every_signal_has_a_scale_of_its_own() -> None:
    known = evidence(
        np.array([5.0, 7.0]),
        together=np.array([0.0, 0.02, 0.04]),
        alike=np.array([np.nan, -0.5, 0.5]),
        liked={"past": VECTORS[0]},
    )
    strong = candidate(log_popularity=float(np.log1p(7)), cooccurrence=0.04, latent=0.5, similarity_max=1.0)
    weak = candidate(log_popularity=float(np.log1p(5)), cooccurrence=0.0, latent=-0.5, similarity_max=0.0)
    told = digits(known, [strong, weak], VECTORS, latent=True)
    assert told == ["popular 5, together 5, alike 9, taste 5", "popular 1, together 0, alike 1, taste 1"]


def test_what_was_not_measured_is_no_evidence() -> None:
    known = evidence(np.array([5.0]), alike=np.array([np.nan]))
    [told] = digits(known, [candidate()], VECTORS, latent=True)
    assert told == "popular 0, together 0, alike 0, taste 0"
