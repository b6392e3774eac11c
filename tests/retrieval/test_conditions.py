from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.conditions import parse_filter
from retrieval.errors import InputError
from retrieval.filters import Equals, Filter, In, Not, Range


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("genres=Comedy", Equals(attribute="genres", value="Comedy")),
        ("  genres = Comedy ", Equals(attribute="genres", value="Comedy")),
        ("year=1999", Equals(attribute="year", value=1999.0)),
        ("classic=true", Equals(attribute="classic", value=True)),
        ("code='007'", Equals(attribute="code", value="007")),
        ("title='A|B'", Equals(attribute="title", value="A|B")),
        ("motto=a=b", Equals(attribute="motto", value="a=b")),
        ("title=Wait..What", Equals(attribute="title", value="Wait..What")),
        ("genres=Comedy|Drama", In(attribute="genres", values=("Comedy", "Drama"))),
        ("genres!=Horror", Not(inner=Equals(attribute="genres", value="Horror"))),
        ("year>=2000", Range(attribute="year", low=2000.0)),
        ("price<=9.5", Range(attribute="price", high=9.5)),
        ("year=1990..1999", Range(attribute="year", low=1990.0, high=1999.0)),
        ("year!=1990..", Not(inner=Range(attribute="year", low=1990.0))),
        ("year=..1999", Range(attribute="year", high=1999.0)),
    ],
)
def test_conditions_become_typed_filters(text: str, expected: Filter) -> None:
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a condition"),
        ("genres", "not a condition"),
        ("=Comedy", "not a condition"),
        ("genres=", "not a condition"),
        ("year==2000", "not a condition"),
        ("year>2000", "not a condition"),
        ("year>=old", "'old' is not a number"),
        ("year>=nan", "'nan' is not a number"),
        ("year=1990..new", "'new' is not a number"),
        ("year=1999..1990", "put the smaller one first"),
        ("genres=Comedy||Drama", "empty alternative"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_filter(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_input_error(text: str) -> None:
    try:
        found = parse_filter(text)
    except InputError as error:
        assert repr(text) in str(error)
    else:
        assert isinstance(found, Equals | In | Range | Not)


@given(st.text(alphabet="abcxyz ", min_size=1).map(str.strip).filter(bool), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ranges_keep_their_ends(attribute: str, low: float, width: float) -> None:
    assert parse_filter(f"{attribute}={low!r}..{low + width!r}") == Range(
        attribute=attribute, low=low, high=low + width
    )
