from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.data.types import Corpus, HeldOut, Mask, Split
from evaluation.errors import RunConfigError
from evaluation.protocols.config import (
    GivenSplit,
    GlobalTime,
    Labelled,
    LeaveOneOut,
    ProtocolConfig,
    RandomSplit,
    RatingPrediction,
    Sampled,
)
from evaluation.protocols.split import LATER, NO_TARGET, NOTHING_BEFORE, split_corpus
from evaluation.protocols.targets import TargetRows
from tests.evaluation.protocols.small_corpus import Took, corpora, corpus_of, everyone, ids, some, without_user


def left_out(part: object) -> dict[str, int]:
    assert isinstance(part, TargetRows)
    return dict(part.left_out)


def known_pairs(corpus: Corpus, mask: Mask) -> set[tuple[str, str]]:
    rows = np.flatnonzero(mask)
    return {(corpus.user_ids[corpus.user_index[row]], corpus.item_ids[corpus.item_index[row]]) for row in rows}


def asked_item(held: HeldOut) -> str:
    return held.target if held.target is not None else (held.candidates or ("",))[0]


def times(corpus: Corpus) -> dict[tuple[str, str], tuple[float, str]]:
    """When each pair happened, with the item to break ties."""
    rows = zip(corpus.user_index, corpus.item_index, corpus.timestamps, strict=True)
    return {
        (corpus.user_ids[user], corpus.item_ids[item]): (float(at), corpus.item_ids[item]) for user, item, at in rows
    }


PROTOCOLS: list[ProtocolConfig] = [
    Sampled(),
    Sampled(target="liked"),
    Sampled(split=RandomSplit()),
    Sampled(split=RandomSplit(refit=True)),
    Labelled(),
    Labelled(split=LeaveOneOut(), threshold=3),
    RatingPrediction(),
]


def check_no_leak(corpus: Corpus, split: Split) -> None:
    when = times(corpus)
    for part, known in ((split.test, split.known), (split.validation, split.fitting_known)):
        pairs = known_pairs(corpus, known)
        for held in part:
            assert held.user_id is not None
            target = (held.user_id, asked_item(held))
            assert target not in pairs
            assert (held.target is None) != (held.label is None)
            for past in held.history:
                pair = (held.user_id, past.item.item_id)
                assert pair in pairs
                assert when[pair] < when[target]
            before = {pair for pair in pairs if pair[0] == held.user_id and when[pair] < when[target]}
            assert len(held.history) == len(before)
        assert len({held.case_id for held in part}) == len(part)
    assert not known_pairs(corpus, split.fitting_known) & {
        (held.user_id or "", asked_item(held)) for held in split.test
    }


@some(60)
@given(corpora(), st.sampled_from(PROTOCOLS), st.integers(0, 3))
def test_nothing_asked_or_later_is_known_or_shown(corpus: Corpus, protocol: ProtocolConfig, seed: int) -> None:
    if isinstance(protocol, Labelled) and protocol.threshold is None and corpus.liked.all():
        return
    check_no_leak(corpus, split_corpus(corpus, protocol, seed))


@some(40)
@given(corpora())
def test_leave_one_out_knows_nothing_of_a_user_after_the_target(corpus: Corpus) -> None:
    split = split_corpus(corpus, Sampled(target="liked"), 0)
    when = times(corpus)
    for part, known in ((split.test, split.known), (split.validation, split.fitting_known)):
        for held in part:
            latest = when[held.user_id or "", held.target or ""]
            assert all(when[pair] < latest for pair in known_pairs(corpus, known) if pair[0] == held.user_id)


@pytest.mark.parametrize("per_user", ["first", "all"])
def test_a_global_cut_knows_nothing_after_it(per_user: Literal["first", "all"]) -> None:
    corpus = everyone()
    config = Sampled(split=GlobalTime(quantile=0.8, validation_quantile=0.6, per_user=per_user))
    split = split_corpus(corpus, config, 0)
    check_no_leak(corpus, split)
    cut = corpus.timestamps[~split.known].min()
    assert corpus.timestamps[split.known].max() < cut
    assert corpus.timestamps[split.fitting_known].max() < corpus.timestamps[split.known & ~split.fitting_known].min()
    users = [held.user_id for held in split.test]
    assert (len(users) == len(set(users))) == (per_user == "first")
    assert left_out(split.test).get(LATER, 0) == (~split.known).sum() - len(split.test)
    if per_user == "first":
        when = times(corpus)
        for held in split.test:
            assert when[held.user_id or "", held.target or ""][0] >= cut
            own = [at for (user, _), (at, _) in when.items() if user == held.user_id]
            assert len(held.history) == sum(at < cut for at in own)


def test_leave_one_out_by_hand() -> None:
    rows = [
        Took(user="a", item="x", at=1, liked=False, rating=2),
        # Two at the same moment: the order is by item id.
        Took(user="a", item="z", at=2, rating=4),
        Took(user="a", item="y", at=2, rating=5),
        Took(user="a", item="w", at=3, liked=False),
        Took(user="b", item="x", at=9),
    ]
    corpus = corpus_of(rows)
    split = split_corpus(corpus, Sampled(), 0)
    (test,), (validation,) = split.test, split.validation
    assert (test.case_id, test.user_id, test.target, ids(test.history)) == ("a", "a", "w", ["x", "y", "z"])
    assert (validation.case_id, validation.target, ids(validation.history)) == ("validation:a", "z", ["x", "y"])
    first = test.history[0]
    assert (first.timestamp, first.liked, first.rating, first.item.title) == (1.0, False, 2.0, "Title x")
    assert left_out(split.test) == {NOTHING_BEFORE: 1}
    assert known_pairs(corpus, split.known) == {("a", "x"), ("a", "y"), ("a", "z"), ("b", "x")}
    assert known_pairs(corpus, split.fitting_known) == {("a", "x"), ("a", "y"), ("b", "x")}
    liked = split_corpus(corpus, Sampled(target="liked"), 0)
    assert [(held.target, ids(held.history)) for held in liked.test] == [("z", ["x", "y"])]
    assert [(held.target, ids(held.history)) for held in liked.validation] == [("y", ["x"])]
    # A rating that nobody gave is None, not a number.
    assert (
        split_corpus(corpus_of([*rows, Took(user="a", item="v", at=4)]), Sampled(), 0).test[0].history[3].rating is None
    )


def test_users_without_a_target_are_counted() -> None:
    rows = [Took(user=user, item=item, at=0, liked=user != "b") for user in "ab" for item in "xy"]
    split = split_corpus(corpus_of(rows), Sampled(target="liked"), 0)
    assert left_out(split.test) == {NO_TARGET: 1}
    assert known_pairs(corpus_of(rows), split.known) == {("a", "x"), ("b", "x"), ("b", "y")}


def test_labels_are_ratings_likes_or_a_threshold() -> None:
    corpus = everyone()
    for held in split_corpus(corpus, RatingPrediction(), 0).test:
        row = [r for r, item in enumerate(corpus.item_index) if corpus.item_ids[item] == (held.candidates or ("",))[0]]
        assert held.label in {
            float(corpus.ratings[r]) for r in row if corpus.user_ids[corpus.user_index[r]] == held.user_id
        }
    by_like = [held.label for held in split_corpus(corpus, Labelled(), 0).test]
    by_rating = [held.label for held in split_corpus(corpus, Labelled(threshold=4), 0).test]
    assert by_like == by_rating
    assert set(by_like) == {0.0, 1.0}


def test_a_split_by_item_asks_for_items_that_nobody_is_known_to_have_taken() -> None:
    corpus = everyone(n_users=80)
    split = split_corpus(corpus, Sampled(split=RandomSplit(by="item", train=0.5, validation=0.0, test=0.5)), 5)
    known = {item for _, item in known_pairs(corpus, split.known)}
    asked = {asked_item(held) for held in split.test}
    assert known
    assert asked
    assert known.isdisjoint(asked)
    assert len(split.test) + split.known.sum() == len(corpus.user_index)


def test_a_random_split_has_about_its_shares_and_does_not_depend_on_other_users() -> None:
    corpus = everyone(n_users=80)
    split = split_corpus(corpus, RatingPrediction(), 5)
    total = len(corpus.user_index)
    assert len(split.test) + len(split.validation) + split.known.sum() == total
    assert 0.5 < split.known.mean() < 0.7
    assert 0.13 < len(split.test) / total < 0.27
    fewer = without_user(corpus, "u07")
    assert list(split_corpus(fewer, RatingPrediction(), 5).test) == [h for h in split.test if h.user_id != "u07"]
    refit = split_corpus(corpus, RatingPrediction(split=RandomSplit(refit=True)), 5)
    assert refit.known.sum() == total - len(split.test)


def test_an_item_taken_twice_gives_two_cases() -> None:
    rows = [Took(user="a", item="x", at=at) for at in range(4)]
    split = split_corpus(
        corpus_of(rows), Sampled(split=GlobalTime(quantile=0.5, validation_quantile=0.3, per_user="all")), 0
    )
    assert [held.case_id for held in split.test] == ["a:x:3", "a:x:4"]


def test_a_part_can_be_sliced_and_read_again() -> None:
    split = split_corpus(everyone(), Sampled(), 0)
    assert list(split.test[2:4]) == [split.test[2], split.test[3]]
    assert list(split.test) == list(split.test)


def test_the_data_sets_own_split_is_handed_back() -> None:
    corpus = everyone()
    own = split_corpus(corpus, Sampled(), 0)
    assert split_corpus(corpus, Sampled(split=GivenSplit()), 0, own) is own
    with pytest.raises(RunConfigError, match="has no split of its own"):
        split_corpus(corpus, Sampled(split=GivenSplit()), 0)


def test_what_the_data_cannot_give_is_told() -> None:
    implicit = corpus_of([Took(user="a", item=item, at=1) for item in "xyz"])
    with pytest.raises(RunConfigError, match="no labels of its own"):
        split_corpus(implicit, Labelled(), 0)
    for protocol in (Labelled(threshold=3), RatingPrediction()):
        with pytest.raises(RunConfigError, match=f"no ratings, which protocol {protocol.kind} asks for"):
            split_corpus(implicit, protocol, 0)
    with pytest.raises(RunConfigError, match="do not cut it into three parts"):
        split_corpus(implicit, Sampled(split=GlobalTime()), 0)


def test_a_set_of_cases_is_not_split_anew() -> None:
    corpus = corpus_of([])
    own = Split(known=np.empty(0, np.bool_), test=(), fitting_known=np.empty(0, np.bool_), validation=())
    assert split_corpus(corpus, Sampled(split=GivenSplit()), 0, own) is own
    with pytest.raises(RunConfigError, match="no interactions to split; say split: given"):
        split_corpus(corpus, Sampled(), 0, own)
