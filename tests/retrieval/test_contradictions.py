from __future__ import annotations

import pytest

from retrieval.conditions import parse_filter
from retrieval.contradictions import contradiction


@pytest.mark.parametrize(
    "texts",
    [
        ("age>=30", "age<=20"),
        ("country=de", "country!=DE"),
        ("country=de|at", "country!=de", "country!=at"),
        ("age=3", "age=4"),
        ("age=3", "age='3'"),
        ("age=15", "age>=18"),
        ("age=x", "age>=18"),
        ("member=true", "member=false"),
    ],
)
def test_what_nobody_can_meet(texts: tuple[str, ...]) -> None:
    conditions = [parse_filter(text) for text in texts]
    assert contradiction(conditions) is not None
    assert contradiction(conditions[:1]) is None


@pytest.mark.parametrize(
    "texts",
    [
        (),
        ("age>=18", "age<=18"),
        ("likes=jazz", "likes=rock"),
        ("country=de|at", "country!=at"),
        ("age=18", "age>=18"),
        ("age=10|20", "age>=15"),
        ("country=de", "age>=30", "age<=40"),
    ],
)
def test_what_somebody_can_meet(texts: tuple[str, ...]) -> None:
    assert contradiction([parse_filter(text) for text in texts]) is None
