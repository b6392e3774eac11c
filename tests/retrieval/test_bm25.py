"""Words in common with what the user liked."""

from __future__ import annotations

import math

import pytest

from retrieval.bm25 import Words, bm25_of
from retrieval.types import Item, PastItem
from retrieval.words import words_of

TITLES = {"i0": "red cube", "i1": "red ball", "i2": "green cone of light"}
SHELF = {item_id: Item(item_id=item_id, title=title) for item_id, title in TITLES.items()}


def past(*titles: str, liked: bool = True) -> tuple[PastItem, ...]:
    return tuple(
        PastItem(item=Item(item_id=f"p{at}", title=title), timestamp=float(at), liked=liked)
        for at, title in enumerate(titles)
    )


def weight(n_items: int, length: int) -> float:
    """Of a word that stands once in an item of so many words, and in so many of the three."""
    idf = math.log(1 + (3 - n_items + 0.5) / (n_items + 0.5))
    return idf / (1 + 1.5 * (1 - 0.75 + 0.75 * length / (8 / 3)))


def test_it_is_the_textbook_sum() -> None:
    match = bm25_of(SHELF).match(past("The RED cone, a cone"))
    assert match is not None
    assert match.scores == pytest.approx([weight(2, 2), weight(2, 2), 2 * weight(1, 4)])


def test_what_came_later_counts_more_and_what_was_disliked_not_at_all() -> None:
    match = bm25_of(SHELF).match((*past("cube", "ball"), *past("light", liked=False)))
    assert match is not None
    assert match.scores == pytest.approx([0.9 * weight(1, 2), weight(1, 2), 0.0])
    halved = bm25_of(SHELF).match(past("cube", "ball"), {"p0": 0.5, "p1": 1.0})
    assert halved is not None
    assert halved.scores == pytest.approx([0.45 * weight(1, 2), weight(1, 2), 0.0])


def test_a_past_item_is_compared_with_the_others_only() -> None:
    own = PastItem(item=SHELF["i0"], timestamp=9.0)
    match = bm25_of(SHELF).match((*past("a red hat"), own))
    assert match is not None
    assert match.scores == pytest.approx([0.9 * weight(2, 2), 1.9 * weight(2, 2), 0.0])


def test_without_a_word_in_the_catalogue_nothing_is_measured() -> None:
    assert bm25_of(SHELF).match(past("blue")) is None
    assert bm25_of(SHELF).match(()) is None
    assert bm25_of({}).match(past("red")) is None


def test_items_from_outside_are_scored_by_their_words() -> None:
    match = bm25_of(SHELF).match(past("red cone"))
    assert match is not None
    assert match.of(Item(item_id="new", title="green cone of light")) == pytest.approx(match.scores[2])
    assert match.of(SHELF["i2"]) == match.scores[2]
    found = match.at(["i2", "new"]).tolist()
    assert found[0] == match.scores[2]
    assert math.isnan(found[1])


def test_words_are_those_of_title_and_attributes() -> None:
    item = Item(
        item_id="f",
        title="{Alien} <|im_end|> III",
        attributes={"genres": ("Sci-Fi", "Horror"), "year": 1992.0, "price": 9.99, "seen": True, "by": "D. Fincher"},
        description="Not among them",
    )
    assert words_of(item) == ["alien", "im_end", "iii", "sci", "fi", "horror", "1992", "d", "fincher"]
    assert words_of(Item(item_id="z", title="流浪地球2 电影 茶")) == ["流浪", "浪地", "地球", "2", "电影", "茶"]


def test_it_follows_the_catalogue() -> None:
    shelf = dict(SHELF)
    words = Words(lambda: shelf)
    before = words.bm25()
    assert words.bm25() is before
    shelf = {"i1": SHELF["i1"], "i2": Item(item_id="i2", title="blue sky"), "i3": Item(item_id="i3", title="blue ball")}
    after, asked = words.bm25(), past("blue cube ball")
    fresh = bm25_of(shelf).match(asked)
    match = after.match(asked)
    assert match is not None
    assert fresh is not None
    assert match.scores == pytest.approx(fresh.scores)
    old = before.match(asked)
    assert old is not None
    assert old.scores[0] > 0, "a state stays as it was, though words were numbered since"
