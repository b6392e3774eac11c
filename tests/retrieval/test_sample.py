"""The bundled sample holds together, and its users are drawn the same way every time."""

from __future__ import annotations

import pytest

from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users

FILM_GENRES = frozenset(
    {"Action", "Adventure", "Animation", "Comedy", "Crime", "Documentary", "Drama", "Family", "Fantasy", "History"}
    | {"Horror", "Music", "Mystery", "Romance", "Science Fiction", "Thriller", "War", "Western"}
)
BOOK_GENRES = frozenset(
    {"Adventure", "Children", "Classic", "Fantasy", "Historical", "Horror", "Literary", "Mystery", "Philosophical"}
    | {"Romance", "Satire", "Science Fiction", "Thriller", "War"}
)


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
