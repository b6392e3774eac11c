"""Baselines worked out by hand on a few interactions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from evaluation.baselines.config import Bm25Config, ItemKnnConfig, MeanConfig, SignalsConfig
from evaluation.baselines.factory import build_baseline
from evaluation.baselines.signals import fit_logit, signals, standardised
from evaluation.baselines.similarity import Embedding
from evaluation.baselines.simple import LikedShare, Random, popularity, recency
from evaluation.baselines.types import Fitting
from evaluation.types import Case
from retrieval.bm25 import bm25_of
from retrieval.types import Item, PastItem
from tests.evaluation.baselines import shop
from tests.evaluation.baselines.shop import DAY, case, past

CUBE, BALL, CONE, RING = "red-cube", "red-ball", "red-cone", "red-ring"


def test_popularity_counts_users_once() -> None:
    known = shop.training([("a", CUBE, 0, None), ("a", CUBE, 1, None), ("b", CUBE, 0, None), ("b", BALL, 1, None)])
    assert popularity(known).score([case("c", [BALL, CUBE, CONE, "nowhere"])])[0].tolist() == [1, 2, 0, 0]


def test_recency_counts_days_behind_the_latest_interaction() -> None:
    known = shop.training([("a", CUBE, 0, None), ("b", CUBE, 2 * DAY, None), ("b", BALL, 5 * DAY, None)])
    # Never taken: one day behind the stalest interaction, which is 5 days behind the latest.
    assert recency(known).score([case("c", [CUBE, BALL, CONE, "nowhere"])])[0].tolist() == [-3, 0, -6, -6]


def test_the_liked_share_is_that_of_the_history_whatever_is_asked() -> None:
    half = (*past("red-cube"), *past("red-ball", "red-cone", "red-ring", liked=False))
    cases = [case("some", ["red-star", "blue-knot"], history=half), case("nothing known", ["red-star"])]
    assert [scores.tolist() for scores in LikedShare().score(cases)] == [[0.25, 0.25], [0.5]]


def test_random_depends_on_seed_case_and_item() -> None:
    one, other = (Random(seed).score([case("c", [CUBE, BALL]), case("d", [CUBE])]) for seed in (1, 2))
    values = [*one[0].tolist(), *one[1].tolist(), *other[0].tolist()]
    assert len(set(values)) == len(values)
    assert all(0 <= value < 1 for value in values)


def test_random_is_uniform() -> None:
    values = np.concatenate(Random(1).score([case(f"c{n}", list(shop.ITEMS)) for n in range(500)]))
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert np.abs(counts - 800).max() < 4 * math.sqrt(800)


def test_item_knn_is_the_weighted_cosine() -> None:
    taken = {"a": (CUBE, BALL), "b": (CUBE, BALL, CONE), "c": (CONE, RING)}
    known = shop.training([(user, item_id, 0, None) for user, items in taken.items() for item_id in items])
    knn = build_baseline(ItemKnnConfig(popularity=0.0), known, None, 1)
    # Cube: users a, b. Ball: a, b. Cone: b, c. Ring: c. The history's latest item weighs 1, the one before it 0.9.
    wanted = [2 / 2 + 0.9 * 1 / 2, 0.9 * 1 / math.sqrt(2), 1 / 2, 0.9 * 1 / 2]
    found = knn.score([case("x", [BALL, RING, CONE, CUBE, "nowhere"], history=past(CONE, CUBE))])[0]
    assert found == pytest.approx([*wanted, 0.0])


def test_shrinkage_trusts_few_users_less() -> None:
    taken = {"a": (CUBE, BALL), "b": (CUBE, BALL, CONE), "c": (CONE, RING)}
    known = shop.training([(user, item_id, 0, None) for user, items in taken.items() for item_id in items])
    knn = build_baseline(ItemKnnConfig(popularity=0.0, shrinkage=2.0), known, None, 1)
    wanted = [2 / 4 + 0.9 / 4, 0.9 / math.sqrt(3 * 4), 1 / 4, 0.9 / 4]
    found = knn.score([case("x", [BALL, RING, CONE, CUBE], history=past(CONE, CUBE))])[0]
    assert found == pytest.approx(wanted)


def test_item_knn_leaves_the_own_user_out_of_all_counts() -> None:
    others = [("b", CUBE, 0, None), ("b", BALL, 1, None), ("c", CUBE, 0, None)]
    own = [("a", CUBE, 0, None), ("a", BALL, 1, None), ("a", CONE, 2, None)]
    asked = [CUBE, BALL, CONE, RING]
    with_own = build_baseline(ItemKnnConfig(popularity=0.0), shop.training(others + own), None, 1)
    without = build_baseline(ItemKnnConfig(popularity=0.0), shop.training(others), None, 1)
    for history in (past(CUBE), past(CUBE, BALL), past(CUBE, CUBE)):
        wanted = without.score([case("x", asked, history=history)])[0]
        assert with_own.score([case("x", asked, history=history, user="a")])[0] == pytest.approx(wanted)
    assert wanted[1] > 0


def test_item_knn_looks_at_the_latest_items_only() -> None:
    known = shop.training([("a", CUBE, 0, None), ("a", BALL, 1, None), ("b", CONE, 0, None), ("b", RING, 1, None)])
    knn = build_baseline(ItemKnnConfig(last=1, popularity=0.0), known, None, 1)
    assert knn.score([case("x", [BALL, RING], history=past(CUBE, CONE))])[0].tolist() == [0.0, 1.0]


def test_bm25_is_that_which_is_served() -> None:
    titles = ("red cube", "red ball", "green cone of light")
    items = {f"i{n}": Item(item_id=f"i{n}", title=title) for n, title in enumerate(titles)}
    scorer = build_baseline(Bm25Config(), shop.training([], items=items), None, 1)
    shown = PastItem(item=Item(item_id="new", title="The RED cone, a cone"), timestamp=0.0)
    asked = Case(case_id="c", user_id=None, history=(shown,), candidates=(*items.values(), shown.item))
    served = bm25_of(items).match(asked.history)
    assert served is not None
    assert scorer.score([asked, asked])[1].tolist() == [served.of(item) for item in asked.candidates]
    nothing = Case(case_id="c", user_id=None, history=(), candidates=tuple(items.values()))
    assert scorer.score([nothing])[0].tolist() == [0.0, 0.0, 0.0]


def test_embedding_pools_the_latest_liked_items() -> None:
    vectors = {CUBE: (1.0, 0.0), BALL: (0.0, 1.0), CONE: (0.6, 0.8), RING: (-1.0, 0.0)}
    known = shop.training([], vectors=vectors)
    history = past(RING, CUBE, BALL) + past(RING, liked=False)
    asked = case("c", [CUBE, CONE, "red-knot", "nowhere"], history=history)
    largest, mean = (Embedding(known, pooling, 2).score([asked])[0] for pooling in ("max", "mean"))
    assert largest == pytest.approx([1.0, 0.8, 0.0, 0.0])
    assert mean == pytest.approx([math.sqrt(0.5), 1.4 * math.sqrt(0.5), 0.0, 0.0])
    # Where nothing is liked, everything counts; where the mean has no direction, nothing can be said.
    disliked = case("c", [CUBE], history=past(RING, liked=False))
    assert Embedding(known, "max", 2).score([disliked])[0] == pytest.approx([-1.0])
    assert Embedding(known, "mean", 2).score([case("c", [CUBE], history=past(RING, CUBE))])[0].tolist() == [0.0]


def test_standardised_keeps_to_what_was_measured() -> None:
    found = standardised(
        np.array([1.0, 3.0, 99.0, 5.0, 5.0]),
        np.array([True, True, False, True, True]),
        np.array([0, 0, 0, 1, 1]),
        2,
    )
    assert found.tolist() == [-1.0, 1.0, 0.0, 0.0, 0.0]


def test_the_logit_recovers_planted_weights() -> None:
    random = np.random.default_rng(1)
    planted = np.array([1.5, -0.7, 0.0])
    features = random.standard_normal((4000, 10, 3))
    utility = features @ planted + random.gumbel(size=(4000, 10))
    chosen = utility == utility.max(axis=1, keepdims=True)
    cases = np.repeat(np.arange(4000), 10)
    rows = features.reshape(-1, 3)
    free = fit_logit(rows, cases, chosen.ravel(), 0.0)
    assert free.weights == pytest.approx(planted, abs=0.06)
    assert -math.log(10) < free.log_likelihood < 0
    # Under strong shrinkage the weights follow the slope at 0, where all candidates are equally likely.
    slope = rows[chosen.ravel()].sum(axis=0) - rows.sum(axis=0) / 10
    shrunk = fit_logit(rows, cases, chosen.ravel(), 1e6)
    assert shrunk.weights == pytest.approx(slope / 1e6, rel=0.02)


def test_signals_find_what_tells_targets_apart() -> None:
    known = shop.tastes(rated=False)
    fitted = signals(known, Fitting(training=known, cases=shop.validation(40)), SignalsConfig())
    assert fitted.weights["cooccurrence"] > 0.5
    assert fitted.weights["similarity_max"] > 0.5
    assert fitted.fit.n_cases == 80  # each once more as a stranger
    asked = shop.validation(60)[40:]
    right = [
        scores.argmax() == [item.item_id for item in one.candidates].index(one.target or "")
        for one, scores in zip(asked, fitted.score(asked), strict=True)
    ]
    assert np.mean(right) > 0.9


def test_signals_give_a_stranger_what_most_people_take_whatever_popularity_weighs_for_others() -> None:
    often, seldom = "red-cube", "red-ball"
    known = shop.training([(f"x{n}", often, float(n), None) for n in range(9)] + [("y", seldom, 0.0, None)])
    targets = [(seldom if n < 8 else often) for n in range(20)]
    cases = [case(f"v{n}", [often, seldom], target=target) for n, target in enumerate(targets)]
    told = [replace(one, history=past(CONE)) for one in cases[:8]] + cases[8:]
    fitted = signals(known, Fitting(training=known, cases=told), SignalsConfig())
    assert fitted.weights["log_popularity"] < 0 < fitted.weights["log_popularity_for_strangers"]


@pytest.mark.parametrize(
    ("of", "wanted"),
    # Mean 3. Cube: (5 + 3 - 6) / (2 + 1) = 2/3; ball: (1 - 3) / (1 + 1) = -1.
    [("global", [3, 3, 3]), ("item", [3 + 2 / 3, 2, 3]), ("user", [3.5, 3.5, 3.5])],
)
def test_means_by_hand(of: str, wanted: list[float]) -> None:
    known = shop.training([("a", CUBE, 0, 5.0), ("b", CUBE, 0, 3.0), ("b", BALL, 1, 1.0)])
    config = MeanConfig.model_validate({"of": of, "damping": 1.0})
    asked = case("c", [CUBE, BALL, "nowhere"], history=past("elsewhere", rating=4.0))
    assert build_baseline(config, known, None, 1).score([asked])[0] == pytest.approx(wanted)


def test_a_user_of_the_training_data_is_his_training_ratings_unless_his_history_was_cut() -> None:
    known = shop.training([("a", CUBE, 0, 5.0), ("b", CUBE, 0, 3.0), ("b", BALL, 1, 1.0)])
    mean = build_baseline(MeanConfig(of="user", damping=0.0), known, None, 1)
    full = case("c", [CONE], history=past(BALL, rating=2.0), user="a")
    cut = case("c", [CONE], history=past(BALL, rating=2.0), user="a", scenario="history-1")
    assert [row.tolist() for row in mean.score([full, cut])] == [[5.0], [2.0]]
