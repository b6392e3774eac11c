from __future__ import annotations

import math

import numpy as np
import pytest

from retrieval.behaviour import Behaviour, recency_of
from retrieval.ids import Pair
from retrieval.record import Record
from retrieval.types import PastItem, User
from tests.retrieval.records import item
from tests.retrieval.shop import NOW, interact, open_shop

DAY = 86_400.0


@pytest.fixture(autouse=True)
def shop(record: Record) -> None:
    open_shop(record)


def test_popularity_counts_users_before_the_moment(record: Record) -> None:
    behaviour = Behaviour(record)
    moment = behaviour.before(NOW)
    assert moment.counts[moment.places["s1"]] == 3
    earlier = behaviour.before(11.0)
    assert earlier.counts[earlier.places["s0"]] == 2  # at 10; s1 was taken by a and b at 11 only
    assert earlier.counts[earlier.places["s1"]] == 1


def test_decay_halves_with_every_half_life(record: Record) -> None:
    record.put_interactions([interact("d", "s5", 10.0 + 2 * DAY)])
    moment = Behaviour(record).before(10.0 + 3 * DAY)
    decayed = moment.popularity(None, half_life_days=1.0)
    assert decayed[moment.places["s5"]] == pytest.approx(1.0)
    assert decayed[moment.places["l0"]] == pytest.approx(0.25)


def test_cooccurrence_is_the_weighted_cosine_without_the_users_own_interactions(record: Record) -> None:
    moment = Behaviour(record).before(NOW)
    scores = moment.cooccurrence(record.history("a"), "a", shrinkage=0.0)
    assert scores is not None
    # Without a: s0 by b; s1, s2, s3 by b and c; s4 by c. a's latest is s1 (weight 1), then s0 (weight 0.9).
    assert scores[moment.places["s2"]] == pytest.approx(2 / 2 + 0.9 / math.sqrt(2))
    assert scores[moment.places["s4"]] == pytest.approx(1 / math.sqrt(2))
    assert scores[moment.places["l0"]] == 0.0


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_cooccurrence_equals_the_plain_formula_on_random_data(record: Record, shrinkage: float) -> None:
    rng = np.random.default_rng(7)
    users, items = [f"r{k}" for k in range(12)], [f"{kind}{k}" for kind in "sl" for k in range(6)]
    record.put_users([User(user_id=user_id) for user_id in users])
    taken = [(u, i) for u in users for i in items if rng.random() < 0.4] + [("r0", "s0")]
    record.put_interactions([interact(u, i, float(t)) for t, (u, i) in enumerate(taken)])
    moment = Behaviour(record).before(NOW)
    history = record.history("r0", NOW)
    scores = moment.cooccurrence(history, "r0", shrinkage)
    assert scores is not None
    of = {i: {x.user_id for x in record.iter_interactions() if x.item_id == i} - {"r0"} for i in moment.item_ids}
    for place, item_id in enumerate(moment.item_ids):
        expected = sum(
            0.9**age
            * len(of[item_id] & of[past])
            / math.sqrt((len(of[item_id]) + shrinkage) * (len(of[past]) + shrinkage))
            for age, past in enumerate(entry.item.item_id for entry in reversed(history[-20:]))
            if past != item_id and of[item_id] and of[past]
        )
        assert scores[place] == pytest.approx(expected)


@pytest.mark.parametrize("half_life", [None, 1e12])
def test_popularity_leaves_the_users_own_interactions_out(record: Record, half_life: float | None) -> None:
    moment = Behaviour(record).before(NOW)
    for user_id, expected in {"a": (1, 2, 1), "b": (1, 2, 1), "new": (2, 3, 1), "nobody": (2, 3, 1)}.items():
        users = moment.popularity(user_id, half_life)
        assert [round(users[moment.places[item_id]], 6) for item_id in ("s0", "s1", "l0")] == list(expected)


def test_what_the_user_took_beside_a_history_that_is_cut_stays_unknown(record: Record) -> None:
    history = record.history("b")[:1]  # s0; s1, s2 and s3 are the user's too, but untold
    record.put_users([User(user_id="same")])
    record.put_interactions([interact("same", past.item.item_id, past.timestamp) for past in record.history("b")])
    with_own = Behaviour(record).before(NOW).cooccurrence(history, "same")
    record.delete_interactions([Pair("same", past.item.item_id) for past in record.history("same")])
    without = Behaviour(record).before(NOW)
    stranger = without.cooccurrence(history, None)
    assert with_own is not None
    assert stranger is not None
    np.testing.assert_allclose(with_own, stranger)


def test_an_item_that_stands_twice_in_a_history_is_not_near_itself(record: Record) -> None:
    moment = Behaviour(record).before(NOW)
    past = record.history("c")[:1]
    scores = moment.cooccurrence((*past, *past), None)
    assert scores is not None
    assert scores[moment.places["s1"]] == 0.0


def test_items_that_nobody_else_took_say_nothing(record: Record) -> None:
    moment = Behaviour(record).before(NOW)
    assert moment.cooccurrence(record.history("d"), "d") is None
    assert moment.cooccurrence((), "new") is None


def test_a_new_interaction_is_seen_at_once(record: Record) -> None:
    behaviour = Behaviour(record)
    before = behaviour.before(NOW)
    assert behaviour.before(NOW + 1) is before  # nothing happened in between
    record.put_interactions([interact("new", "s1", 20.0)])
    after = behaviour.before(NOW)
    assert after.counts[after.places["s1"]] == 4


def test_nothing_has_happened_before_the_first_interaction(record: Record) -> None:
    moment = Behaviour(record).before(0.0)
    assert moment.counts.sum() == 0
    assert moment.popularity("a").sum() == moment.popularity(None, 1.0).sum() == 0


def test_recency_halves_with_every_half_life_and_never_reaches_nothing() -> None:
    past = [PastItem(item=item(name), timestamp=moment) for name, moment in (("a", 0.0), ("b", 3600.0), ("c", 7200.0))]
    assert recency_of(past, None) is None
    assert recency_of([], 1.0) == {}
    assert recency_of(past, 1.0) == {"a": 0.25, "b": 0.5, "c": 1.0}
    ancient = [PastItem(item=item("a"), timestamp=0.0), PastItem(item=item("b"), timestamp=1e11)]
    found = recency_of(ancient, 0.001)
    assert found is not None
    assert 0.0 < found["a"] < 1e-300
