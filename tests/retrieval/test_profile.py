from __future__ import annotations

import pytest

from retrieval.profile import profile_text
from retrieval.types import AttributeValue, User


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ({}, ""),
        ({"age": 24.0, "member": True, "gender": "F", "occupation": "software engineer", "zip_code": "02139"}, ""),
        ({"likes": ("Horror", "Comedy"), "age": 24.0}, "likes: Horror, Comedy"),
        ({"likes": ("Horror",), "about": "slow science fiction"}, "about: slow science fiction\nlikes: Horror"),
    ],
)
def test_what_tells_of_taste_is_told(attributes: dict[str, AttributeValue], text: str) -> None:
    assert profile_text(User(user_id="u", attributes=attributes)) == text
