import numpy as np
from hypothesis import given

from evaluation.data.types import Corpus
from evaluation.protocols.config import Sampled
from evaluation.protocols.split import split_corpus
from evaluation.protocols.tags import Tagger
from tests.evaluation.protocols.small_corpus import Took, corpora, corpus_of, everyone, held, ids, some, training_of


def all_known(corpus: Corpus) -> Tagger:
    return Tagger(training_of(corpus, np.ones(len(corpus.user_index), dtype=np.bool_)))


def test_popularity_classes_hold_their_shares_of_the_interactions() -> None:
    # 10 interactions: a has 4, b 3, c, d and e one each; f none.
    takers = {"a": "1234", "b": "123", "c": "1", "d": "2", "e": "3"}
    rows = [Took(user=user, item=item, at=0) for item, users in takers.items() for user in users]
    tagger = all_known(corpus_of(rows, ["f"]))
    tags = tagger.tag([held(item, target=item) for item in "abcdef"])
    classes = [
        next(tag for tag in each if tag.startswith("target-") and tag[7:] in {"head", "torso", "tail"}) for each in tags
    ]
    assert classes == ["target-head", "target-torso", "target-torso", "target-tail", "target-tail", "target-tail"]
    assert "target-new" in tags[5]
    assert all("target-rare" in each for each in tags[:5])
    assert tagger.tag([held("stranger", target="nowhere")]) == [
        ("history-none", "history-short", "target-new", "target-tail")
    ]


def test_ten_interactions_are_not_rare() -> None:
    corpus = corpus_of([Took(user=f"u{n}", item="a", at=0) for n in range(10)])
    assert all_known(corpus).tag([held("one", *"bcdef", target="a")]) == [
        ("history-long", "target-alone", "target-head")
    ]


def test_alone_is_what_no_other_user_took_with_the_history() -> None:
    rows = [
        Took(user=user, item=item, at=0) for user, items in {"1": "ab", "2": "bc", "3": "ad"}.items() for item in items
    ]
    tagger = all_known(corpus_of(rows))
    cases = [
        held("together", "a", target="b"),
        held("never", "a", target="c"),
        held("only by oneself", "a", target="b", user_id="1"),
        held("second entry", "d", "c", target="b"),
        held("the target itself", "b", target="b"),
        held("no history", target="b"),
    ]
    assert ["target-alone" in tags for tags in tagger.tag(cases)] == [False, True, True, False, True, False]


@some(40)
@given(corpora())
def test_alone_agrees_with_sets(corpus: Corpus) -> None:
    split = split_corpus(corpus, Sampled(), 0)
    training = training_of(corpus, split.known)
    taken: dict[str, set[str]] = {}
    for user, item in zip(training.user_index, training.item_index, strict=True):
        taken.setdefault(training.user_ids[user], set()).add(training.item_ids[item])
    for asked, tags in zip(split.test, Tagger(training).tag(list(split.test)), strict=True):
        together = any(
            asked.target in items and items & set(ids(asked.history))
            for user, items in taken.items()
            if user != asked.user_id
        )
        assert ("target-alone" in tags) == (not together)
        assert tags == tuple(sorted(tags))


def test_a_labelled_case_is_judged_by_its_item_and_tags_do_not_depend_on_the_block() -> None:
    corpus = everyone()
    tagger = all_known(corpus)
    labelled, targeted = held("a", label=1.0, candidates=("i00",)), held("b", target="i00")
    assert tagger.tag([labelled]) == tagger.tag([targeted])
    assert tagger.tag([labelled, targeted]) == tagger.tag([labelled]) + tagger.tag([targeted])
    assert tagger.tag([held("nothing")]) == [("history-none", "history-short")]
