"""What single cells mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.importing.cleaning import (
    RowError,
    clean_attribute,
    clean_id,
    clean_rating,
    clean_time,
    clean_title,
    clean_truth,
)

MOMENT = datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("value", [MOMENT, MOMENT * 1e3, str(int(MOMENT * 1e6)), int(MOMENT * 10**9)])
def test_units_of_time_are_told_by_size(value: object) -> None:
    assert clean_time(value) == pytest.approx(MOMENT)


@pytest.mark.parametrize("value", ["2026-06-30T12:00:00Z", "2026-06-30 12:00", datetime(2026, 6, 30, 12)])  # noqa: DTZ001
def test_iso_times_are_utc_unless_they_say_otherwise(value: object) -> None:
    assert clean_time(value) == MOMENT


@pytest.mark.parametrize("value", ["yesterday", None, "", -5, "nan"])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(RowError, match="timestamp"):
        clean_time(value)


@pytest.mark.parametrize(("value", "expected"), [("4.5", 4.5), (3, 3.0), ("", None), (None, None)])
def test_ratings(value: object, expected: float | None) -> None:
    assert clean_rating(value) == expected


@pytest.mark.parametrize("value", ["NaN", "inf", float("nan"), -1, "good", True])
def test_impossible_ratings_are_refused(value: object) -> None:
    with pytest.raises(RowError, match="rating"):
        clean_rating(value)


@pytest.mark.parametrize(("value", "expected"), [(" a ", "a"), (7, "7"), (7.0, "7"), ("电影", "电影")])
def test_ids(value: object, expected: str) -> None:
    assert clean_id(value, "item_id") == expected


@pytest.mark.parametrize("value", [None, "", "  ", True, "a\x1fb", "x" * 600, 1.5])
def test_impossible_ids_are_refused(value: object) -> None:
    with pytest.raises(RowError, match="item_id"):
        clean_id(value, "item_id")


@pytest.mark.parametrize("value", [None, "", " ", "x" * 10_001])
def test_impossible_titles_are_refused(value: object) -> None:
    with pytest.raises(RowError, match="title"):
        clean_title(value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("year", "1979", 1979.0),
        ("zip", "02139", "02139"),
        ("price", "", None),
        ("price", "NaN", None),
        ("genres", "Comedy, Drama", ("Comedy", "Drama")),
        ("words", "a|b", ("a", "b")),
        ("words", '["a", "b"]', ("a", "b")),
        ("words", "[not json]", "[not json]"),
        ("words", "[" * 4000 + "]" * 4000, "[" * 4000 + "]" * 4000),
        ("flag", "True", True),
        ("flag", False, False),
        ("people", ["Ann"], ("Ann",)),
        ("people", [], None),
        ("size", 3, 3.0),
        ("size", float("inf"), None),
        ("nested", {"a": 1}, "{'a': 1}"),
    ],
)
def test_attributes_are_typed(name: str, value: object, expected: object) -> None:
    assert clean_attribute(name, value) == expected


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_what_no_database_takes_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="NUL or half"):
        clean_attribute("note", text)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_text_is_an_attribute_or_nothing(text: str) -> None:
    value = clean_attribute("note", text)
    assert value is None or isinstance(value, str | float | bool | tuple)


@pytest.mark.parametrize(
    ("cell", "truth"),
    [("TRUE", True), ("1", True), (1.0, True), ("0", False), (False, False), ("", False)],
)
def test_truth_values(cell: object, truth: bool) -> None:
    assert clean_truth(cell, "hidden") is truth
    with pytest.raises(RowError, match="neither true nor false"):
        clean_truth("perhaps", "hidden")
