from __future__ import annotations

import pytest

from retrieval.errors import InputError
from retrieval.filters import Equals, Filter, In, Not, Range
from retrieval.matching import check_attributes, matches
from retrieval.types import Item

FILM = Item(
    item_id="i",
    title="Alien",
    domain="films",
    attributes={"genres": ("Horror", "Sci-Fi"), "year": 1979.0, "colour": True, "studio": "Fox"},
)


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        (Equals(attribute="genres", value="horror"), True),
        (Equals(attribute="genres", value="Comedy"), False),
        (Equals(attribute="year", value=1979), True),
        (Equals(attribute="studio", value="FOX"), True),
        (Equals(attribute="title", value="alien"), True),
        (Equals(attribute="domain", value="films"), True),
        (Equals(attribute="unknown", value="x"), False),
        (Equals(attribute="colour", value=True), True),
        (Equals(attribute="colour", value=1), False),
        (In(attribute="genres", values=("Comedy", "Sci-Fi")), True),
        (In(attribute="genres", values=()), False),
        (Range(attribute="year", low=1979, high=1979), True),
        (Range(attribute="year", low=1980), False),
        (Range(attribute="year", high=1978), False),
        (Range(attribute="year"), True),
        (Range(attribute="studio", low=0), False),
        (Range(attribute="colour", low=0), False),
        (Not(inner=Equals(attribute="genres", value="Horror")), False),
        (Not(inner=Range(attribute="unknown", low=1)), True),
    ],
)
def test_which_items_pass(condition: Filter, passes: bool) -> None:
    assert matches(condition, FILM) is passes


def test_an_unknown_attribute_names_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match=r"no item has an attribute 'genre'; did you mean 'genres'\?"):
        check_attributes([Not(inner=Equals(attribute="genre", value="Horror"))], frozenset({"genres", "year"}))


def test_an_attribute_like_no_other_lists_what_there_is() -> None:
    with pytest.raises(InputError, match="Known: domain, title, year") as caught:
        check_attributes([Range(attribute="zzzz", low=1)], frozenset({"year"}))
    assert "did you mean" not in str(caught.value)


def test_title_and_domain_are_always_known() -> None:
    check_attributes([Equals(attribute="title", value="x"), In(attribute="domain", values=("y",))], frozenset())
