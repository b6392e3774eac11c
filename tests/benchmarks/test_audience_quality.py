"""What is held out of the data for new items."""

from __future__ import annotations

import numpy as np

from benchmarks.audience_quality import new_items
from tests.evaluation.protocols.small_corpus import everyone


def test_a_fifth_of_the_liked_items_is_new_and_nothing_is_known_of_them() -> None:
    corpus = everyone(n_users=60, n_items=20, length=8)
    made = new_items(corpus, seed=0)
    ids, users = np.array(corpus.item_ids)[corpus.item_index], np.array(corpus.user_ids)[corpus.user_index]
    enough = sum(np.count_nonzero((ids == item_id) & corpus.liked) >= 5 for item_id in corpus.item_ids)
    assert len(made.likers) == enough // 5
    assert set(ids[made.known]).isdisjoint(made.likers)
    assert set(ids[~made.known]) == set(made.likers)
    for item_id, likers in made.likers.items():
        assert likers == set(users[(ids == item_id) & corpus.liked]) & set(made.by_activity)
    known = [np.count_nonzero((users == user) & made.known & corpus.liked) for user in made.by_activity]
    assert known == sorted(known, reverse=True)
    assert min(known) > 0
    assert new_items(corpus, seed=0).likers == made.likers
    assert new_items(corpus, seed=1).likers.keys() != made.likers.keys()
