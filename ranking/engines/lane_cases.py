"""Lists of the bundled sample to calibrate a graph on, and others to compare its order with torch's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prompts.render import render
from prompts.template import load_template
from prompts.types import Prompt, PromptContext, TokenBudget
from ranking.engines.encoding import PromptEncoder
from retrieval.sample.catalogue import sample_interactions, sample_items
from retrieval.types import Interaction, Item, PastItem

CALIBRATION, MEASURED = 20, 100
"""How many lists calibrate, and how many others are compared; no user is in both."""
_CANDIDATES, _HISTORY, _LATER = 20, 10, 4
_MAX_TOKENS = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneCase:
    """A list to rank, and what should come first."""

    prompt: Prompt
    item_ids: tuple[str, ...]
    relevance: tuple[float, ...]
    """1 for what the simulated user took next, else 0; in the order of the prompt's branches."""


def lane_cases(encoder: PromptEncoder, max_context: int, places: Iterable[int]) -> list[LaneCase]:
    """One list for each of the sample's users at these places: 20 items of a domain, up to 4 of which come next.

    The other items are drawn by place, so that the lists are always the same. Yes-or-no prompts.
    """
    template = load_template("sequential")
    budget = TokenBudget(max_tokens=min(_MAX_TOKENS, max_context), count_tokens=encoder.count_tokens)
    contexts = list(_contexts())
    return [
        LaneCase(
            prompt=render(template, contexts[place][0], budget, encoder.control_tokens),
            item_ids=tuple(item.item_id for item in contexts[place][0].candidates),
            relevance=contexts[place][1],
        )
        for place in places
        if place < len(contexts)
    ]


def _contexts() -> Iterator[tuple[PromptContext, tuple[float, ...]]]:
    items = {item.item_id: item for item in sample_items()}
    by_user: dict[str, list[Interaction]] = {}
    for interaction in sample_interactions():
        by_user.setdefault(interaction.user_id, []).append(interaction)
    for place, taken in enumerate(by_user.values()):
        # A user who took little shows the first thing and is asked for the rest.
        past, later = taken[:-_LATER] or taken[:1], taken[-_LATER:] if len(taken) > _LATER else taken[1:]
        wanted = [items[one.item_id] for one in later]
        seen = {one.item_id for one in taken}
        pool = [item for item in items.values() if item.domain == wanted[0].domain and item.item_id not in seen]
        stride = 37 + 2 * place
        others = [pool[(at * stride + place) % len(pool)] for at in range(_CANDIDATES - len(wanted))]
        candidates = sorted({item.item_id: item for item in [*wanted, *others]}.values(), key=lambda one: one.title)
        history = tuple(_past(items[one.item_id], one) for one in past[-_HISTORY:])
        yield (
            PromptContext(history=history, candidates=tuple(candidates)),
            tuple(float(item in wanted) for item in candidates),
        )


def _past(item: Item, taken: Interaction) -> PastItem:
    return PastItem(item=item, timestamp=taken.timestamp, liked=taken.liked)
