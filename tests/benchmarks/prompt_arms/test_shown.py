"""What the arms put after titles."""

from __future__ import annotations

import pytest

from benchmarks.prompt_arms.shown import Asked, longer, with_attributes, with_deeds
from prompts.sanitise import MAX_TITLE
from prompts.types import PromptContext
from retrieval.config import ExampleSettings
from retrieval.types import Item, PastItem, Query, Retrieved
from tests.benchmarks.prompt_arms.test_digits import VECTORS

DAY = 86_400.0
FILM = Item(item_id="heat", title="Heat", domain="films", attributes={"genres": ("Crime", "Drama"), "year": 1995.0})
PLAIN = Item(item_id="hook", title="Hook")
SETTINGS = ExampleSettings()


def asked(moment: float | None) -> Asked:
    retrieved = Retrieved(query=Query(), as_of=0.0, user=None, history=(), candidates=())
    return Asked(moment=moment, retrieved=retrieved, similar=lambda _: [], vectors=VECTORS)


def context(*past: PastItem) -> PromptContext:
    return PromptContext(history=past, candidates=(FILM, PLAIN))


def test_attributes_stand_after_every_title_that_has_some() -> None:
    told = with_attributes(context(PastItem(item=FILM, timestamp=0.0)), asked(None), SETTINGS)
    assert [item.title for item in told.candidates] == ["Heat (Crime, Drama, 1995)", "Hook"]
    assert told.history[0].item.title == "Heat (Crime, Drama, 1995)"


@pytest.mark.parametrize(
    ("rating", "liked", "moment", "title"),
    [
        (5.0, True, 3 * DAY, "Hook (liked, 3 days ago)"),
        (1.0, False, 1.5 * DAY, "Hook (disliked, 1 day ago)"),
        (5.0, True, None, "Hook (liked)"),
        (None, True, 0.5 * DAY, "Hook (0 days ago)"),
        (None, True, None, "Hook"),
    ],
)
def test_what_was_done_and_when_as_far_as_it_is_known(
    rating: float | None, liked: bool, moment: float | None, title: str
) -> None:
    past = PastItem(item=PLAIN, timestamp=0.0, liked=liked, rating=rating)
    told = with_deeds(context(past), asked(moment), SETTINGS)
    assert told.history[0].item.title == title
    assert told.candidates == (FILM, PLAIN)


def test_of_a_long_title_the_end_goes_and_not_what_is_put_after_it() -> None:
    told = longer(Item(item_id="x", title="word " * 100), "popular 9").title
    assert len(told) <= MAX_TITLE
    assert told.endswith(" (popular 9)")
