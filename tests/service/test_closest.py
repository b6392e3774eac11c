from __future__ import annotations

from pathlib import Path

import pytest

from ranking.settings import Settings
from retrieval.errors import NotFoundError
from retrieval.record import Record
from retrieval.types import User
from service.cli.closest import naming_closest_users


@pytest.fixture
def settings(own_folders: Path) -> Settings:
    record = Record.open(str(own_folders / "record.db"))
    record.put_users([User(user_id=user_id) for user_id in ("ann", "zoe")])
    record.close()
    return Settings(home=own_folders)


@pytest.mark.parametrize(
    ("user_id", "told"),
    [
        ("anne", "nobody here; the closest: ann"),
        ("q", "nobody here"),
        ("ann", "nobody here"),
        (None, "nobody here"),
    ],
)
def test_the_operator_is_told_whose_ids_are_near(settings: Settings, user_id: str | None, told: str) -> None:
    with pytest.raises(NotFoundError) as raised, naming_closest_users(settings, user_id):
        raise NotFoundError("nobody here")
    assert str(raised.value) == told


def test_other_errors_stay_what_they_are(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), naming_closest_users(settings, "anne"):
        raise ZeroDivisionError
