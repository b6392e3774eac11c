"""The bundled sample holds together, and its users are drawn the same way every time."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import combinations, pairwise
from statistics import mean
from typing import TypeAlias

import pytest

from retrieval.sample.catalogue import FILES, sample_interactions, sample_items, sample_users
from retrieval.sample.taste import BEGIN, END, LONGEST, SHORTEST, TasteModel, simulated_users
from retrieval.types import Interaction, Item

Histories: TypeAlias = dict[str, tuple[Interaction, ...]]

FILM_GENRES = frozenset(
    {"Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "History"}
    | {"Horror", "Music", "Mystery", "Romance", "Science Fiction", "Thriller", "War", "Western"}
)
BOOK_GENRES = frozenset(
    {"Adventure", "Children", "Classic", "Fantasy", "Historical", "Horror", "Literary", "Mystery", "Philosophical"}
    | {"Romance", "Satire", "Science Fiction", "Thriller", "War"}
)


@pytest.fixture(scope="module")
def histories() -> Histories:
    found: Histories = {}
    for one in sample_interactions():
        found[one.user_id] = (*found.get(one.user_id, ()), one)
    return found


@pytest.mark.parametrize(("domain", "least", "genres"), [("films", 300, FILM_GENRES), ("books", 150, BOOK_GENRES)])
def test_catalogue(domain: str, least: int, genres: frozenset[str]) -> None:
    items = [item for item in sample_items() if item.domain == domain]
    assert len(items) >= least
    assert len({(item.title, item.attributes["year"]) for item in items}) == len(items)
    for item in items:
        named = item.attributes["genres"]
        assert isinstance(named, tuple)
        assert set(named) <= genres, item.item_id
        assert item.description is not None
        assert len(item.description.split()) <= 14, item.item_id
        assert item.attributes["people"], item.item_id


def test_ids_are_unique() -> None:
    items = sample_items()
    assert len({item.item_id for item in items}) == len(items)


@pytest.mark.parametrize(("name", "kind"), list(zip(FILES, ("film", "book"), strict=True)))
def test_every_line_has_the_same_plain_shape(name: str, kind: str) -> None:
    text = files("retrieval.sample").joinpath(name).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["item_id"] for row in rows] == [f"{kind}-{number:04d}" for number in range(1, len(rows) + 1)]
    for row in rows:
        assert set(row) == {"item_id", "title", "domain", "year", "genres", "people", "country", "description"}
        assert row["domain"] == f"{kind}s"
        assert isinstance(row["year"], int)
        assert all(words and len(set(words)) == len(words) for words in (row["genres"], row["people"])), row["item_id"]
        assert all(row[key] == row[key].strip() != "" for key in ("title", "country", "description")), row["item_id"]


def test_users_choose_from_their_own_domains(histories: Histories) -> None:
    domain = {item.item_id: item.domain for item in sample_items()}
    chosen = {user_id: {domain[one.item_id] for one in past} for user_id, past in histories.items()}
    assert all(domains == {"films"} for user_id, domains in chosen.items() if user_id.startswith("viewer-"))
    assert all(domains == {"books"} for user_id, domains in chosen.items() if user_id.startswith("reader-"))
    assert sum(domains == {"films", "books"} for domains in chosen.values()) >= 10


def test_users_are_about_120_in_the_order_of_their_ids() -> None:
    ids = [user.user_id for user in sample_users()]
    assert ids == sorted(set(ids))
    assert 100 <= len(ids) <= 140
    assert all(re.fullmatch(r"(both|reader|viewer)-\d{3}", user_id) for user_id in ids)


def test_users_are_labelled_simulated() -> None:
    assert all(user.attributes["simulated"] is True for user in sample_users())


def test_interactions_hold_together() -> None:
    items = {item.item_id for item in sample_items()}
    users = {user.user_id for user in sample_users()}
    interactions = sample_interactions()
    assert {one.item_id for one in interactions} <= items
    assert {one.user_id for one in interactions} == users
    assert len({(one.user_id, one.item_id) for one in interactions}) == len(interactions)
    assert all(one.rating is not None and 1 <= one.rating <= 5 for one in interactions)
    assert all(one.liked == (one.rating is not None and one.rating >= 4) for one in interactions)


def test_the_seed_decides() -> None:
    assert sample_interactions() == sample_interactions(7)
    assert sample_interactions(8) != sample_interactions(7)


def test_histories_have_stated_lengths_and_rising_times(histories: Histories) -> None:
    for user_id, past in histories.items():
        assert SHORTEST <= len(past) <= LONGEST, user_id
        assert past[0].timestamp >= BEGIN, user_id
        assert past[-1].timestamp <= END, user_id
        assert all(earlier.timestamp < later.timestamp for earlier, later in pairwise(past)), user_id


def test_a_history_depends_on_neither_the_order_of_users_nor_of_items(histories: Histories) -> None:
    model = TasteModel(tuple(reversed(sample_items())), 7)
    redrawn = {user.user_id: model.history(user) for user in reversed(simulated_users())}
    assert redrawn == histories


def test_a_user_with_too_few_items_takes_them_all_once() -> None:
    items = tuple(Item(item_id=f"film-{number}", title="A", domain="films") for number in range(2))
    viewer = next(user for user in simulated_users() if user.domains == ("films",))
    reader = next(user for user in simulated_users() if user.domains == ("books",))
    assert {one.item_id for one in TasteModel(items, 7).history(viewer)} == {"film-0", "film-1"}
    assert TasteModel(items, 7).history(reader) == ()


def test_likes_show_a_taste_and_the_next_like_is_close_to_the_last(histories: Histories) -> None:
    genres = {item.item_id: item.attributes["genres"] for item in sample_items()}

    def shared(one: str, other: str) -> float:
        a, b = genres[one], genres[other]
        assert isinstance(a, tuple)
        assert isinstance(b, tuple)
        return len(set(a) & set(b)) / len(set(a) | set(b))

    likes = [[one.item_id for one in past if one.liked] for past in histories.values()]
    likes = [liked for liked in likes if len(liked) >= 5]
    # By user, then over users: pairs counted together would let long histories speak for all.
    same_user = mean(mean(shared(one, other) for one, other in combinations(liked, 2)) for liked in likes)
    in_a_row = mean(mean(shared(one, other) for one, other in pairwise(liked)) for liked in likes)
    strangers = mean(mean(shared(a, b) for a in one for b in other) for one, other in pairwise(likes))
    assert same_user > 2 * strangers
    assert in_a_row > same_user + 0.03
