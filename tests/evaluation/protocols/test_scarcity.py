"""Less is known, the same is asked."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.protocols.config import Sampled
from evaluation.protocols.scarcity import know_less
from evaluation.protocols.split import split_corpus
from tests.evaluation.protocols.small_corpus import Took, corpus_of

CORPUS = corpus_of(
    [Took(user=f"u{user}", item=f"i{(user * 3 + step) % 11}", at=step) for user in range(12) for step in range(5)]
)
SPLIT = split_corpus(CORPUS, Sampled(), 1)


@pytest.mark.parametrize(("n", "known"), [(0, 0), (1, 4), (4, 4), (5, 8), (1_000, 48)])
def test_whole_users_are_known_until_there_are_enough(n: int, known: int) -> None:
    less = know_less(CORPUS, SPLIT, n, seed=3)
    assert int(less.known.sum()) == known
    users = set(CORPUS.user_index[less.known].tolist())
    assert known == 4 * len(users)
    assert not (less.fitting_known & ~less.known).any()
    assert {held.user_id for held in less.validation} == {CORPUS.user_ids[user] for user in users}


def test_the_test_stays_as_it_is() -> None:
    less = know_less(CORPUS, SPLIT, 8, seed=3)
    assert list(less.test) == list(SPLIT.test)
    assert all(len(held.history) == 4 for held in less.test)


def test_less_is_a_part_of_more_and_seeds_differ() -> None:
    masks = [know_less(CORPUS, SPLIT, n, seed=3).known for n in (4, 12, 30)]
    assert not (masks[0] & ~masks[1]).any()
    assert not (masks[1] & ~masks[2]).any()
    assert any(not np.array_equal(know_less(CORPUS, SPLIT, 4, seed=seed).known, masks[0]) for seed in range(4, 10))


def test_chosen_entries_read_like_a_sequence() -> None:
    chosen = know_less(CORPUS, SPLIT, 12, seed=3).validation
    assert len(chosen) == 3
    assert list(chosen[1:]) == list(chosen)[1:]
