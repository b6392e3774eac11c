"""Why an item stands where it stands: measured by leaving past items out, told in words made of those facts only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prompts.types import PromptContext
from ranking.protocol import Strategy
from ranking.types import HistoryInfluence, RankedItem, Reason
from retrieval.types import Item, PastItem

_MOST_NAMED = 2


async def explain(strategy: Strategy, context: PromptContext, ranked: Sequence[RankedItem]) -> list[Reason]:
    """One reason per ranked item, in order. Scores len(context.history) + 1 prompts in one batch.

    `context` is the one the list was ranked with. The influence of a past item on a recommended item is the latter's
    LLM score with the whole history minus its score with that past item left out, the rest unchanged.
    """
    whole = replace(context, candidates=tuple(entry.item for entry in ranked))
    if not context.history or not ranked:
        return [reason_for(entry, (), context.history) for entry in ranked]
    without = [
        replace(whole, history=context.history[:left_out] + context.history[left_out + 1 :])
        for left_out in range(len(context.history))
    ]
    base, *others = await strategy.score([whole, *without])
    reasons = []
    for place, entry in enumerate(ranked):
        influences = [
            HistoryInfluence(
                item_id=past.item.item_id,
                title=past.item.title,
                score_change=base.scores[place] - other.scores[place],
            )
            for past, other in zip(context.history, others, strict=True)
        ]
        strongest = sorted(influences, key=lambda influence: (-influence.score_change, influence.item_id))
        helpful = tuple(influence for influence in strongest if influence.score_change > 0)[:_MOST_NAMED]
        reasons.append(reason_for(entry, helpful, context.history))
    return reasons


def reason_for(entry: RankedItem, because: tuple[HistoryInfluence, ...], history: Sequence[PastItem]) -> Reason:
    """Puts the measured facts into one sentence; nothing else goes in."""
    named = {influence.item_id for influence in because}
    shared = shared_attributes(entry.item, [past.item for past in history if past.item.item_id in named])
    if because:
        text = "Moved up by " + " and ".join(influence.title for influence in because) + " in the history"
        if shared:
            text += "; in common: " + "; ".join(shared)
        return Reason(text=text + ".", because=because, shared=shared)
    sources = ", ".join(f"{vote.source} (rank {vote.rank})" for vote in entry.votes)
    text = f"No past item moved it up; proposed by {sources}." if sources else "No past item moved it up."
    return Reason(text=text, because=(), shared=())


def shared_attributes(item: Item, others: Sequence[Item]) -> tuple[str, ...]:
    """List and text attributes that the item has in common with at least one of the others, as "name: value, value"."""
    found = []
    for name, value in item.attributes.items():
        mine = _words(value)
        theirs = {word for other in others for word in _words(other.attributes.get(name))}
        common = [word for word in mine if word in theirs]
        if common:
            found.append(f"{name}: {', '.join(common)}")
    return tuple(found)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()
