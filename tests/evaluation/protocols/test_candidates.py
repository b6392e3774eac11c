from collections import Counter
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.data.types import Corpus
from evaluation.errors import EvaluationError
from evaluation.protocols.candidates import NegativeSampler, items_of, whole_catalogue
from evaluation.protocols.config import Negatives, Sampled
from evaluation.protocols.split import split_corpus
from retrieval.errors import InputError
from tests.evaluation.protocols.small_corpus import corpora, everyone, held, item, some, without_user


@some(60)
@given(corpora(), st.sampled_from(["unseen", "llmrank"]), st.integers(1, 20))
def test_negatives_are_distinct_and_never_the_target(
    corpus: Corpus, source: Literal["unseen", "llmrank"], n: int
) -> None:
    sampler = NegativeSampler(corpus, Negatives(n=n, source=source), 3)
    assert sampler.never_short
    split = split_corpus(corpus, Sampled(), 0)
    # The test target comes after a validation case, and is no negative of it either.
    for asked in (*split.test, *split.validation):
        shown = sampler.draw(asked)
        assert len(set(shown)) == len(shown) == n + 1
        assert asked.target in shown
        if source == "unseen":
            user = corpus.user_ids.index(asked.user_id or "")
            ever = {corpus.item_ids[place] for place in corpus.item_index[corpus.user_index == user]}
            assert set(shown) & ever == {asked.target}


def test_negatives_do_not_depend_on_other_users() -> None:
    corpus = everyone()
    fewer = without_user(corpus, "u03")
    for source in ("unseen", "llmrank"):
        config = Negatives(n=5, source=source)
        full, less = NegativeSampler(corpus, config, 1), NegativeSampler(fewer, config, 1)
        for asked in split_corpus(fewer, Sampled(), 1).test:
            assert full.draw(asked) == less.draw(asked)


def test_the_targets_place_is_uniform_and_the_seed_matters() -> None:
    corpus = everyone()
    sampler = NegativeSampler(corpus, Negatives(n=3), 0)
    places = Counter(sampler.draw(held(str(n), "i00", target="i01")).index("i01") for n in range(2000))
    assert all(abs(places[place] - 500) < 80 for place in range(4))
    asked = held("one", "i00", target="i01")
    assert sampler.draw(asked) != NegativeSampler(corpus, Negatives(n=3), 1).draw(asked)


def test_llmrank_negatives_may_be_of_the_history_and_are_uniform() -> None:
    corpus = everyone(n_items=10)
    sampler = NegativeSampler(corpus, Negatives(n=3, source="llmrank"), 0)
    drawn = Counter(each for n in range(2000) for each in sampler.draw(held(str(n), "i00", target="i01")))
    assert drawn.pop("i01") == 2000
    # 6000 draws over nine items.
    assert all(abs(count - 667) < 100 for count in drawn.values())
    assert len(drawn) == 9


def test_a_user_who_took_nearly_all_can_lack_negatives() -> None:
    corpus = everyone(n_users=2, n_items=10, length=2)
    sampler = NegativeSampler(corpus, Negatives(n=8), 0)
    assert not sampler.never_short
    stranger = held("stranger", "i00", target="i01")
    assert sampler.enough(stranger)
    assert not sampler.enough(held("one more", "i00", "i02", target="i01"))
    assert len(sampler.draw(stranger)) == 9


def test_negatives_of_a_domain() -> None:
    sampler = NegativeSampler(everyone(), Negatives(n=4), 0)
    asked = held("one", "i00", "i01", target="i03")
    assert all(int(shown[1:]) % 2 for shown in sampler.draw(asked, "books"))
    # 20 books, of which one is the target and one in the history.
    assert NegativeSampler(everyone(), Negatives(n=18), 0).enough(asked, "books")
    assert not NegativeSampler(everyone(), Negatives(n=19), 0).enough(asked, "books")


def test_given_candidates_are_taken_as_they_are() -> None:
    given_ids = ("i05", "i01", "i02", "i03")
    asked = held("one", target="i01", candidates=given_ids)
    corpus = everyone()
    assert NegativeSampler(corpus, Negatives(source="given", shuffle=False), 0).draw(asked) == given_ids
    shuffled = NegativeSampler(corpus, Negatives(source="given"), 0)
    assert shuffled.never_short
    assert sorted(shuffled.draw(asked)) == sorted(given_ids)
    assert {shuffled.draw(held(str(n), target="i01", candidates=given_ids))[0] for n in range(60)} == set(given_ids)
    assert set(shuffled.draw(asked, "books")) == {"i05", "i01", "i03"}
    assert shuffled.enough(asked, "books")
    assert not shuffled.enough(held("one", target="i02", candidates=("i01", "i02")), "films")


def test_unusable_given_candidates_are_told_with_the_case() -> None:
    sampler = NegativeSampler(everyone(), Negatives(source="given"), 0)
    for candidates, told in (
        (None, "case 'one' brings no candidates"),
        (("i01", "i02", "i02"), "has candidates twice: i02"),
        (("i02", "i03"), "its target 'i01' is not among its candidates"),
    ):
        with pytest.raises(InputError, match=told):
            sampler.draw(held("one", target="i01", candidates=candidates))


def test_an_unknown_candidate_is_told() -> None:
    with pytest.raises(EvaluationError, match="case 'one' has candidate 'i99', which data set small does not hold"):
        items_of(everyone(), ["i01", "i99"], "one")


def test_the_whole_catalogue_is_shared_unless_something_is_left_out() -> None:
    catalogue = tuple(item(f"i{place}") for place in range(6))
    assert whole_catalogue(catalogue, without=frozenset()) is catalogue
    assert whole_catalogue(catalogue, without=frozenset({"elsewhere"})) is catalogue
    left = whole_catalogue(catalogue, without=frozenset({"i0", "i1", "i4", "elsewhere"}))
    assert [each.item_id for each in left] == ["i2", "i3", "i5"]
    assert np.all([each in catalogue for each in left])
