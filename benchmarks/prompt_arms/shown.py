"""What each arm of benchmarks.prompt_arms shows: settings of the product, or words put after titles here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from benchmarks.prompt_arms.digits import digits
from prompts.lead import lead
from prompts.sanitise import MAX_ATTRIBUTE, MAX_TITLE, sanitise
from prompts.texts import in_words
from prompts.types import PromptContext
from retrieval.behaviour import SECONDS_A_DAY
from retrieval.config import ExampleSettings
from retrieval.protocol import Vectors
from retrieval.types import Demonstration, Item, PastItem, Retrieved

ATTRIBUTE_WORDS = 8
LEAD_WORDS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is known when a list is asked for."""

    moment: float | None
    """Unix seconds; None where the data have no dates."""
    retrieved: Retrieved
    """The candidates, with their evidence."""
    similar: Callable[[ExampleSettings], list[Demonstration]]
    """Gives similar users' choices, as serving selects them."""
    vectors: Vectors
    """Of the whole catalogue, shape (n_items, dimension)."""


Show: TypeAlias = Callable[[PromptContext, Asked, ExampleSettings], PromptContext]


def plainly(context: PromptContext, asked: Asked, settings: ExampleSettings) -> PromptContext:  # noqa: ARG001 - Show
    """As it is."""
    return context


def with_attributes(context: PromptContext, asked: Asked, settings: ExampleSettings) -> PromptContext:  # noqa: ARG001
    """Attributes after every title, past or offered."""

    def told(item: Item) -> Item:
        words = ", ".join(map(in_words, item.attributes.values()))
        clean = sanitise(words, max_chars=MAX_ATTRIBUTE, control_tokens=frozenset())
        return longer(item, lead(clean.text, ATTRIBUTE_WORDS))

    return replace(
        context,
        history=tuple(replace(past, item=told(past.item)) for past in context.history),
        candidates=tuple(map(told, context.candidates)),
    )


def with_deeds(context: PromptContext, asked: Asked, settings: ExampleSettings) -> PromptContext:  # noqa: ARG001
    """After every past title how it was liked, where the data say so, and how many days ago that was."""

    def told(past: PastItem) -> PastItem:
        words = [] if past.rating is None else ["liked" if past.liked else "disliked"]
        if asked.moment is not None:
            days = int((asked.moment - past.timestamp) // SECONDS_A_DAY)
            words.append(f"{days} day{'' if days == 1 else 's'} ago")
        return replace(past, item=longer(past.item, ", ".join(words)))

    return replace(context, history=tuple(map(told, context.history)))


def with_demonstrations(context: PromptContext, asked: Asked, settings: ExampleSettings) -> PromptContext:
    """Similar users' choices before the list."""
    return replace(context, demonstrations=tuple(asked.similar(settings)))


def with_digits(context: PromptContext, asked: Asked, settings: ExampleSettings) -> PromptContext:  # noqa: ARG001
    """Retrieval's signals after every offered title."""
    retrieved = asked.retrieved
    if retrieved.evidence is None:
        raise ValueError("the list was retrieved without evidence")
    told = digits(retrieved.evidence, retrieved.candidates, asked.vectors, latent=asked.moment is not None)
    return replace(context, candidates=tuple(map(longer, context.candidates, told)))


def longer(item: Item, words: str) -> Item:
    """The item with words after its title, which is cut where the two would be longer than titles may be."""
    if not words:
        return item
    after = f" ({words})"
    title = sanitise(item.title, max_chars=MAX_TITLE - len(after), control_tokens=frozenset())
    return replace(item, title=f"{title.text}{after}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One way to put a list into words."""

    settings: Mapping[str, int | bool] = field(default_factory=dict)
    """Over those of the configuration."""
    show: Show = plainly

    def of(self, settings: ExampleSettings) -> ExampleSettings:
        """The arm's settings."""
        return settings.model_copy(update=dict(self.settings))


TITLES, DIGITS = "titles", "digits"
ARMS: Mapping[str, Arm] = {
    TITLES: Arm(),
    **{f"history {n}": Arm(settings={"history_length": n}) for n in (5, 10, 20)},
    "attributes": Arm(show=with_attributes),
    "description": Arm(settings={"lead_words": LEAD_WORDS}),
    "disliked too": Arm(settings={"liked_only": False}),
    "deeds": Arm(settings={"liked_only": False}, show=with_deeds),
    **{f"shots {n}": Arm(settings={"shots": n}, show=with_demonstrations) for n in (1, 2, 4)},
    DIGITS: Arm(show=with_digits),
}
"""titles: the present way. deeds: what was done to each past item, and when. digits: see digits.py."""
