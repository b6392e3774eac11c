"""What every baseline must keep to, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pydantic import TypeAdapter

from evaluation.baselines.config import BaselineConfig
from evaluation.baselines.factory import build_baseline, needs_fitting
from evaluation.baselines.types import Fitting
from evaluation.errors import RunConfigError
from evaluation.protocol import Baseline
from evaluation.types import Case
from tests.evaluation.baselines import shop

SETTINGS = (
    {"kind": "random"},
    {"kind": "popularity"},
    {"kind": "recency"},
    {"kind": "liked-share"},
    {"kind": "bm25"},
    {"kind": "embedding", "pooling": "mean"},
    {"kind": "embedding", "pooling": "max"},
    {"kind": "embedding-popularity"},
    {"kind": "item-knn"},
    {"kind": "als", "factors": 4, "iterations": 3},
    {"kind": "bpr", "factors": 4, "iterations": 5},
    {"kind": "mean", "of": "global"},
    {"kind": "mean", "of": "item"},
    {"kind": "mean", "of": "user"},
    {"kind": "mean", "of": "user-item"},
    {"kind": "biased-mf", "factors": 3, "epochs": 3},
    {"kind": "neural-mf", "dimension": 4, "epochs": 2},
    {"kind": "sasrec", "dimension": 8, "heads": 2, "max_length": 6, "epochs": 2, "batch_size": 8, "negatives": 6},
    {"kind": "signals"},
)
RATED = {"mean", "biased-mf"}


def build(settings: dict[str, object], seed: int = 5) -> Baseline:
    config: BaselineConfig = TypeAdapter(BaselineConfig).validate_python(settings)
    known = shop.tastes(rated=settings["kind"] in RATED)
    fitting = Fitting(training=known, cases=shop.validation()) if needs_fitting(config) else None
    return build_baseline(config, known, fitting, seed)


@pytest.fixture(scope="module", params=SETTINGS, ids=lambda settings: "-".join(map(str, settings.values())))
def settings(request: pytest.FixtureRequest) -> dict[str, object]:
    found: dict[str, object] = request.param
    return found


@pytest.fixture(scope="module")
def baseline(settings: dict[str, object]) -> Baseline:
    return build(settings)


def strange_cases() -> list[Case]:
    """Everything that the training data may lack, beside what it has."""
    shown = ["red-cube", "blue-ball", "nowhere", "red-star", "blue-knot"]
    same = shop.past(*["red-ring"] * 7, rating=5.0)
    return [
        shop.case("known", shown, history=shop.past("red-ball", "red-cone", rating=4.0), user="u00"),
        shop.case("cut", shown, history=shop.past("red-ball", rating=4.0), user="u00", scenario="history-1"),
        shop.case("stranger", shown, history=shop.past("blue-ball", "blue-ring", rating=2.0)),
        shop.case("unknown user", shown, history=shop.past("blue-ball"), user="nobody"),
        shop.case("empty", shown),
        shop.case("empty of a known user", shown, user="u01", scenario="history-0"),
        shop.case("one", shown, history=shop.past("red-cube", rating=3.0)),
        shop.case("all the same", shown, history=same, user="u02"),
        shop.case("unknown history", shown, history=shop.past("elsewhere", "nowhere", rating=1.0)),
        shop.case("disliked", shown, history=shop.past("red-tube", "blue-tube", rating=1.0, liked=False)),
        shop.case("one unknown candidate", ["nowhere"], history=shop.past("red-cube")),
        shop.case("long", shown[::-1], history=shop.past(*list(shop.ITEMS) * 3, rating=4.0), user="u03"),
    ]


def test_scores_have_the_candidates_length_and_are_finite(baseline: Baseline) -> None:
    cases = strange_cases()
    scores = baseline.score(cases)
    assert [len(row) for row in scores] == [len(case.candidates) for case in cases]
    assert all(row.dtype == np.float64 and np.isfinite(row).all() for row in scores)


def test_no_cases_no_scores(baseline: Baseline) -> None:
    assert baseline.score([]) == []


def test_a_batch_scores_as_its_cases_do_alone(baseline: Baseline) -> None:
    cases = strange_cases() + shop.validation()
    alone = [baseline.score([case])[0] for case in cases]
    _same(baseline.score(cases), alone)
    _same(baseline.score(cases[::-1])[::-1], alone)


def test_candidates_keep_their_scores_in_another_order(baseline: Baseline) -> None:
    forth = shop.case("c", list(shop.ITEMS), history=shop.past("red-cube", "blue-ball"), user="u04")
    back = shop.case("c", list(shop.ITEMS)[::-1], history=forth.history, user="u04")
    _same(baseline.score([back]), [baseline.score([forth])[0][::-1]], atol=1e-12)


def test_the_same_seed_gives_the_same_scores(settings: dict[str, object], baseline: Baseline) -> None:
    np.random.default_rng().random()  # nothing may hang on what happened in between
    _same(build(settings).score(strange_cases()), baseline.score(strange_cases()))


def _same(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], atol: float = 0.0) -> None:
    """To the last bit: a run's journal must not depend on how its cases were grouped."""
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("kind", ["signals", "embedding-popularity"])
def test_fitted_kinds_say_what_they_miss(kind: str) -> None:
    config: BaselineConfig = TypeAdapter(BaselineConfig).validate_python({"kind": kind})
    known = shop.tastes(rated=False)
    with pytest.raises(RunConfigError, match=f"'{kind}' is fitted on validation cases"):
        build_baseline(config, known, None, 1)
    unusable = [shop.case(f"x{n}", ["red-cube"], target="blue-cube") for n in range(20)]
    with pytest.raises(RunConfigError, match=r"needs 16 validation cases .* has 15 of 35"):
        build_baseline(config, known, Fitting(training=known, cases=shop.validation(15) + unusable), 1)


@pytest.mark.parametrize("kind", sorted(RATED))
def test_rating_kinds_refuse_data_without_ratings(kind: str) -> None:
    config: BaselineConfig = TypeAdapter(BaselineConfig).validate_python({"kind": kind})
    with pytest.raises(RunConfigError, match=f"'{kind}' predicts ratings, and the training data has none"):
        build_baseline(config, shop.tastes(rated=False), None, 1)


@pytest.mark.parametrize("kind", ["als", "bpr", "neural-mf", "sasrec"])
def test_long_fits_tell_how_far_they_are(kind: str) -> None:
    small: dict[str, object] = {"kind": kind, "iterations" if kind in {"als", "bpr"} else "epochs": 2}
    heard: list[tuple[str, int, int]] = []
    config: BaselineConfig = TypeAdapter(BaselineConfig).validate_python(small)
    build_baseline(config, shop.tastes(rated=False), None, 1, lambda *told: heard.append(told))
    assert heard
    assert all(name == kind and done <= total for name, done, total in heard)
    assert heard[-1][1] == heard[-1][2]
