"""The table of what other domains teach: means over seeds, paired differences at no examples of one's own."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.domains import EMBEDDING, MIXING, Point, about, lessons, table, unlabelled
from retrieval.types import Item
from tests.ranking.tuning.lists import example


def point(way: str, size: int, *ndcgs: float, seed: int = 0) -> Point:
    return Point(held_out="films", way=way, size=size, seed=seed, ndcgs=ndcgs)


def test_every_way_has_a_row_and_its_differences() -> None:
    points = [
        point(EMBEDDING, 0, 0.1, 0.2, 0.3),
        point(MIXING, 0, 0.2, 0.3, 0.4),
        point(MIXING, 0, 0.4, 0.5, 0.6, seed=1),
        point("reptile", 0, 0.1, 0.2, 0.3),
        point("reptile", 16, 0.5, 0.5, 0.5),
    ]
    lines = table(points).splitlines()
    assert lines[0] == "| held out | way | 0 examples | 16 examples | minus embedding, at 0 | minus mixing, at 0 |"
    assert lines[2] == "| films, n = 3 | embedding | 20.0 | – | – | -20.0 (-20.0 to -20.0) |"
    assert lines[3] == "| films, n = 3 | mixing | 40.0 | – | +20.0 (20.0 to 20.0) | – |"
    assert lines[4].startswith("| films, n = 3 | reptile | 20.0 | 50.0 | – |")


def test_no_domain_shows_another_kind_of_example() -> None:
    files = lessons()
    assert len(files) == 3
    assert len({file.config.examples for file in files.values()}) == 1
    assert all(not file.config.more and file.config.protocol.kind == "sampled" for file in files.values())


def test_what_has_no_label_is_what_came_next_or_what_the_catalogue_says() -> None:
    plain = example(1)
    asked = unlabelled(plain)
    assert asked.candidates == (plain.context.candidates[1],)
    assert asked.history == plain.context.history
    film = Item(item_id="x", title="X", attributes={"genres": ("Drama", "War"), "year": 1995}, description="Long. Ago.")
    assert about(film) == "Drama, War, 1995; Long. Ago."
    told = replace(plain, context=replace(plain.context, candidates=(*plain.context.candidates[1:], film)))
    asked = unlabelled(replace(told, relevance=(1.0, *[0.0] * 6)))
    assert (asked.candidates, asked.history, asked.query) == ((film,), (), about(film))
    assert unlabelled(example(0)).query is None
