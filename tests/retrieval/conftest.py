from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.record import Record


@pytest.fixture(params=["sqlite", "postgresql"])
def record_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'record.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def record(record_url: str) -> Iterator[Record]:
    opened = Record.open(record_url)
    yield opened
    opened.close()
