"""Reasons are measured by leaving past items out; the sentence holds these facts only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from prompts.types import Dropped, PromptContext, TemplateRef
from ranking.reasons import explain, shared_attributes
from ranking.types import BranchScore, RankedItem, Reason, StrategyScores
from retrieval.types import Item, PastItem, Signals, Vote

_PULL = {("alien", "aliens"): 2.0, ("toys", "aliens"): -0.5, ("toys", "cars"): 1.0}


class AdditiveStrategy:
    """A fake strategy: a candidate's score is the sum of what each past item of the context pulls it up."""

    name = "additive"

    def __init__(self) -> None:
        self.batches: list[int] = []

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        self.batches.append(len(contexts))
        return [
            StrategyScores(
                scores=tuple(
                    sum(_PULL.get((past.item.item_id, item.item_id), 0.0) for past in context.history)
                    for item in context.candidates
                ),
                branches=tuple(
                    BranchScore(label_logits=None, text_logprob=0.0, n_tokens=1) for _ in context.candidates
                ),
                prompt_digest="0" * 16,
                template=TemplateRef(name="t", version=1, language="en", digest="0" * 12),
                dropped=Dropped(),
                prompt_tokens=1,
                model_calls=1,
            )
            for context in contexts
        ]


def _item(item_id: str, *genres: str) -> Item:
    return Item(item_id=item_id, title=item_id.title(), attributes={"genres": genres, "year": 1979.0})


def _ranked(item: Item, rank: int) -> RankedItem:
    return RankedItem(
        item=item,
        rank=rank,
        score=1.0,
        llm_score=1.0,
        llm_branch=None,
        retrieval_rank=rank,
        parts=(),
        votes=(Vote(source="popularity", rank=3, score=1.0),),
        signals=Signals(),
    )


ALIENS = _item("aliens", "Horror", "Action")
CARS = _item("cars", "Animation")
OTHER = _item("other", "Drama")
HISTORY = (
    PastItem(item=_item("alien", "Horror"), timestamp=1.0),
    PastItem(item=_item("toys", "Animation"), timestamp=2.0),
)


def _explain(history: tuple[PastItem, ...]) -> tuple[list[Reason], AdditiveStrategy]:
    strategy = AdditiveStrategy()
    context = PromptContext(history=history, candidates=(CARS, OTHER, ALIENS))
    ranked = [_ranked(ALIENS, 1), _ranked(CARS, 2), _ranked(OTHER, 3)]
    return asyncio.run(explain(strategy, context, ranked)), strategy


def test_influence_is_the_score_lost_without_the_item() -> None:
    (aliens, cars, _), strategy = _explain(HISTORY)
    assert [(i.item_id, i.score_change) for i in aliens.because] == [("alien", 2.0)]
    assert [(i.item_id, i.score_change) for i in cars.because] == [("toys", 1.0)]
    assert strategy.batches == [3], "one batch: the whole history and one prompt per past item"


def test_only_attributes_shared_with_the_named_items_are_told() -> None:
    (aliens, cars, _), _ = _explain(HISTORY)
    assert aliens.shared == ("genres: Horror",)
    assert cars.text == "Moved up by Toys in the history; in common: genres: Animation."


def test_nothing_is_invented_where_nothing_moved_it_up() -> None:
    (_, _, other), _ = _explain(HISTORY)
    assert other.because == ()
    assert other.text == "No past item moved it up; proposed by popularity (rank 3)."


def test_an_empty_history_costs_no_model_call() -> None:
    reasons, strategy = _explain(())
    assert strategy.batches == []
    assert all(reason.because == () for reason in reasons)


def test_shared_attributes_compare_words_not_numbers() -> None:
    assert shared_attributes(ALIENS, [HISTORY[0].item]) == ("genres: Horror",)
