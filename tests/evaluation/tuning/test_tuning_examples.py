"""Which moments become examples, and what they show: nothing later, no later choice as a negative."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.data.types import Corpus, Mask, Split
from evaluation.errors import RunConfigError
from evaluation.protocols.config import Sampled
from evaluation.protocols.scarcity import know_less
from evaluation.protocols.split import split_corpus
from evaluation.tuning.config import ExampleConfig, NegativeCounts
from evaluation.tuning.examples import (
    Examples,
    Offsets,
    as_examples,
    asked_only_in_test,
    latest,
    training_examples,
    validation_cases,
)
from evaluation.tuning.negatives import Moment, RandomNegatives
from evaluation.tuning.selection import SELECTIONS, least_sure
from evaluation.types import Case
from ranking.tuning.types import TuningExample
from retrieval.config import ExampleSettings
from tests.evaluation.protocols.small_corpus import Took, corpus_of, everyone, past, training_of, without_user

SHOWN = ExampleSettings(liked_only=False, history_length=4)
SPLIT = split_corpus(everyone(), Sampled(), 0)


def made(
    corpus: Corpus,
    known: Mask,
    *,
    seed: int = 3,
    barred: frozenset[str] = frozenset(),
    shown: ExampleSettings = SHOWN,
    offsets: Offsets | None = None,
    **config: Any,
) -> Examples:
    asked = ExampleConfig(**{"n": 1000, "negatives": NegativeCounts(random=5)} | config)
    return training_examples(
        corpus,
        training_of(corpus, known),
        asked,
        [RandomNegatives(corpus, asked.negatives.random, seed)],
        shown=shown,
        barred=barred,
        seed=seed,
        offsets=offsets,
    )


def target(example: TuningExample) -> str:
    return example.context.candidates[example.relevance.index(1.0)].item_id


def of_everyone(**config: Any) -> tuple[TuningExample, ...]:
    return made(everyone(), SPLIT.fitting_known, **config).examples


def test_an_example_shows_what_lay_before_and_never_offers_what_the_user_takes_later() -> None:
    corpus = everyone()
    found = of_everyone()
    assert len(found) == 12 * 3  # six taken, the last two are asked, the first has nothing before it
    for example in found:
        user, item_id = example.example_id.split(":")
        rows = np.flatnonzero(corpus.user_index == corpus.user_ids.index(user))
        taken = [corpus.item_ids[place] for place in corpus.item_index[rows]]
        place = taken.index(item_id)
        assert place < 4
        assert target(example) == item_id
        shown = [one.item.item_id for one in example.context.history]
        assert shown
        assert set(shown) <= set(taken[:place])
        others = {one.item_id for one in example.context.candidates} - {item_id}
        assert len(others) == 5
        assert not others & set(taken)


def test_examples_do_not_depend_on_other_users_or_on_how_many_are_asked_for() -> None:
    found = {example.example_id: example for example in of_everyone()}
    fewer = of_everyone(n=10)
    assert [found[example.example_id] for example in fewer] == list(fewer)
    smaller = without_user(everyone(), "u03")
    known = split_corpus(smaller, Sampled(), 0).fitting_known
    for example in made(smaller, known).examples:
        assert example == found[example.example_id]


def test_another_seed_makes_other_examples() -> None:
    first, again, other = of_everyone(), of_everyone(), of_everyone(seed=4)
    assert first == again
    assert {example.example_id: example for example in first} != {example.example_id: example for example in other}
    assert len({example.relevance.index(1.0) for example in first}) > 1  # the place says nothing


def test_some_histories_are_short() -> None:
    lengths = [len(example.context.history) for example in of_everyone(short_share=1.0)]
    whole = [len(example.context.history) for example in of_everyone(short_share=0.0)]
    assert sorted(whole) == [1] * 12 + [2] * 12 + [3] * 12
    assert sum(lengths) < sum(whole)
    assert min(lengths) == 1


def test_users_of_the_test_who_are_in_no_validation_give_nothing() -> None:
    split = Split(
        known=SPLIT.known, test=SPLIT.test, fitting_known=SPLIT.fitting_known, validation=SPLIT.validation[:5]
    )
    barred = asked_only_in_test(split)
    assert barred == {f"u{n:02}" for n in range(5, 12)}
    assert {example.example_id[:3] for example in of_everyone(barred=barred)} == {f"u{n:02}" for n in range(5)}
    assert asked_only_in_test(SPLIT) == frozenset()


def test_who_is_asked_is_told_without_reading_what_they_did() -> None:
    corpus = replace(everyone(), items={})  # a history cannot be made of it
    split = split_corpus(corpus, Sampled(), 0)
    assert asked_only_in_test(split) == frozenset()
    assert len(know_less(corpus, split, 20, 0).validation) < len(split.validation)


def test_what_is_shown_is_what_serving_shows() -> None:
    history = tuple(replace(one, liked=at % 2 == 0) for at, one in enumerate(past(*"abcdefghij")))
    assert [one.item.item_id for one in latest(history, SHOWN)] == list("ceghij")
    liked = ExampleSettings(liked_only=True, history_length=2)
    assert [one.item.item_id for one in latest(history, liked)] == ["g", "i"]
    assert latest(history, ExampleSettings(history_length=0)) == ()


@pytest.mark.parametrize(
    ("corpus", "config", "told"),
    [
        (corpus_of([], ["a", "b"]), {}, "no interactions"),
        (corpus_of([Took(user=user, item="a", at=1.0) for user in "xyz"], ["a", "b"]), {}, "with one item, 'a'"),
        (corpus_of([Took(user="x", item=item, at=at) for at, item in enumerate("ab")]), {}, "never takes"),
        (everyone(), {"min_history": 6}, "after 6 others"),
    ],
)
def test_nothing_to_learn_from_is_told(corpus: Corpus, config: dict[str, Any], told: str) -> None:
    with pytest.raises(RunConfigError, match=told):
        made(corpus, np.ones(len(corpus.user_index), np.bool_), **config)


def test_what_was_taken_before_is_not_asked_for_again() -> None:
    corpus = corpus_of([Took(user="x", item=item, at=at) for at, item in enumerate("abac")], "abcdef")
    found = made(corpus, np.ones(4, np.bool_)).examples
    assert sorted(example.example_id for example in found) == ["x:b", "x:c"]


def test_fewer_examples_than_asked_for_are_said() -> None:
    corpus = corpus_of([Took(user="x", item=item, at=at) for at, item in enumerate("abcd")], "abcdef")
    found = made(corpus, np.ones(4, np.bool_), n=5)
    assert len(found.examples) == 3
    assert "5 examples were asked for and 3 can be made" in found.notes[0]
    assert "3 examples have fewer than 5 negatives" in found.notes[1]


@pytest.mark.parametrize("name", sorted(SELECTIONS))
def test_a_smaller_choice_begins_a_larger_one_and_the_pools_order_does_not_matter(name: str) -> None:
    corpus = everyone()
    training = training_of(corpus, SPLIT.fitting_known)
    training = replace(training, vectors=np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32))
    pool = np.flatnonzero(np.arange(len(training.user_index)) % 4 > 0)
    select = SELECTIONS[name]  # type: ignore[index]
    chosen = select(training, pool, 20, 5)
    assert len(set(chosen.tolist())) == 20
    assert select(training, pool[::-1], 8, 5).tolist() == chosen[:8].tolist()
    if name == "recent":
        assert training.timestamps[chosen].min() >= np.sort(training.timestamps[pool])[-20]
    if name == "random":
        assert len(set(training.user_index[chosen[:12]].tolist())) == 12
    assert name == "recent" or select(training, pool, 20, 6).tolist() != chosen.tolist()


def test_diverse_moments_are_far_apart_and_balanced_ones_of_all_classes() -> None:
    took = [Took(user=f"u{n}", item="hit", at=1.0) for n in range(16)] + [
        Took(user=f"u{n}", item=f"rare{n}", at=0.0) for n in range(16)
    ]
    corpus = corpus_of(took)
    training = training_of(corpus, np.ones(len(took), np.bool_))
    pool = np.arange(len(took))
    hit = corpus.item_ids.index("hit")
    chosen = SELECTIONS["popularity-balanced"](training, pool, 10, 0)
    assert np.count_nonzero(training.item_index[chosen] == hit) == 5
    far = np.zeros((17, 2), np.float32)
    far[corpus.item_ids.index("rare3")] = (9, 0)
    far[corpus.item_ids.index("rare7")] = (0, 9)
    found = SELECTIONS["diverse"](replace(training, vectors=far), pool, 5, 0)
    taken = {corpus.item_ids[training.item_index[row]] for row in found}
    assert {"rare3", "rare7"} <= taken


def test_validation_cases_hold_their_target_and_nest() -> None:
    items = tuple(everyone().items.values())[:3]
    cases = [
        Case(case_id=f"c{n}", user_id=None, history=past("a"), candidates=items, target=wanted)
        for n, wanted in enumerate(["i00", "i01", "gone"] * 4)
    ]
    few, more = validation_cases(cases, 3, 1), validation_cases(cases, 100, 1)
    assert len(more) == 8
    assert more[:3] == few
    examples = as_examples(few, {}, SHOWN)
    assert [target(example) for example in examples] == [case.target for case in few]


def test_lists_to_tune_on_and_to_judge_by_show_descriptions_as_prompts_do() -> None:
    described = SHOWN.model_copy(update={"lead_words": 12})
    [example] = made(everyone(), SPLIT.fitting_known, shown=described, n=1).examples
    asked = Case(case_id="c", user_id=None, history=(), candidates=example.context.candidates, target=target(example))
    [judged] = as_examples([asked], {}, described)
    assert (example.context.lead_words, judged.context.lead_words) == (12, 12)


def test_the_model_is_least_sure_where_the_two_best_scores_lie_closest() -> None:
    found = of_everyone()[:4]
    scores = [(3.0, 0.0, 0.0, 0.0, 0.0, 1.0), (9.0, 8.5, 0, 0, 0, 0), (0, 0, 0, 7.0, 0, 6.5), (1.0, 0, 0, 0, 0, 0)]
    assert least_sure(found, scores, 3) == (found[1], found[2], found[3])
    known = [replace(found[0], offsets=(0.0, 0.0, 0.0, 0.0, 0.0, 2.0)), *found[1:]]
    assert least_sure(known, scores, 1) == (known[0],)


def test_offsets_are_asked_for_in_the_order_of_time() -> None:
    corpus, heard = everyone(), []

    def offsets(moment: Moment, item_ids: Sequence[str]) -> tuple[float, ...]:
        heard.append((moment.as_of or 0.0, moment.held.case_id))
        return tuple(float(item_id == moment.held.target) for item_id in item_ids)

    dated = replace(corpus, timestamps=corpus.timestamps + 100 * 86_400.0)
    found = made(dated, SPLIT.fitting_known, offsets=offsets).examples
    assert [replace(one, offsets=None) for one in found] == list(made(dated, SPLIT.fitting_known).examples)
    assert [one.example_id for one in found] != [case_id for _, case_id in heard]
    assert heard == sorted(heard, key=lambda one: one[0])
    assert len(heard) == len(found)
    assert all(one.offsets == one.relevance for one in found)
