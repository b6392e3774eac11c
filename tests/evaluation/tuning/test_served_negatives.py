"""Negatives from served lists: at the moment, without what came later, and only where the item was served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluation.data.types import Corpus, HeldOut
from evaluation.protocols.protocol import Ask
from evaluation.tuning.negatives import Moment, ServedNegatives
from tests.evaluation.protocols.small_corpus import everyone, past

DAY = 86_400.0


class Shelf:
    """Serves the same list whatever it is asked, and takes the questions down."""

    def __init__(self, *item_ids: str) -> None:
        self._item_ids = item_ids
        self.asks: list[Ask] = []

    def __call__(self, ask: Ask) -> tuple[str, ...]:
        self.asks.append(ask)
        return self._item_ids


def dated() -> Corpus:
    corpus = everyone()
    return replace(corpus, timestamps=corpus.timestamps + 100 * DAY)


def moment(corpus: Corpus) -> Moment:
    """The first user's fourth choice, of which the two before it happened at the same time as a basket."""
    rows = np.flatnonzero(corpus.user_index == 0)[:4]
    ids = [corpus.item_ids[place] for place in corpus.item_index[rows]]
    at = float(corpus.timestamps[rows[3]])
    history = past(*ids[:3])
    times = [at - 1.0, at - 0.5, at]
    history = tuple(replace(one, timestamp=time) for one, time in zip(history, times, strict=True))
    held = HeldOut(case_id="first", user_id=corpus.user_ids[0], history=history, target=ids[3])
    return Moment(held=held, as_of=at if corpus.dated else None)


def test_the_question_is_of_that_moment_and_what_the_user_ever_takes_is_no_negative() -> None:
    corpus = dated()
    asked = moment(corpus)
    later = corpus.item_ids[corpus.item_index[np.flatnonzero(corpus.user_index == 0)[4]]]
    taken = {corpus.item_ids[place] for place in corpus.item_index[corpus.user_index == 0]}
    others = [item_id for item_id in corpus.item_ids if item_id not in taken]
    shelf = Shelf(others[0], later, asked.held.target or "", *others[1:4])
    found = ServedNegatives(corpus, shelf, n=3, depth=6, seed=1).draw(asked)
    assert found is not None
    assert len(found) == 3
    assert set(found) <= set(others[:4])
    [ask] = shelf.asks
    assert (ask.as_of, ask.depth, ask.user_id) == (asked.as_of, 6, corpus.user_ids[0])
    assert [one.item.item_id for one in ask.history] == [one.item.item_id for one in asked.held.history[:2]]
    assert ask.exclude == {asked.held.history[2].item.item_id}


def test_a_moment_whose_item_was_not_served_is_no_example() -> None:
    corpus = dated()
    assert ServedNegatives(corpus, Shelf(*corpus.item_ids[:0]), n=3, depth=6, seed=1).draw(moment(corpus)) is None


def test_data_without_dates_are_asked_at_the_end_with_the_whole_history() -> None:
    corpus = everyone()
    asked, shelf = moment(corpus), Shelf()
    ServedNegatives(corpus, shelf, n=3, depth=6, seed=1).draw(asked)
    assert shelf.asks[0].as_of is None
    assert shelf.asks[0].history == asked.held.history
    assert not shelf.asks[0].exclude
