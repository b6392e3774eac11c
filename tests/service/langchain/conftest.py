from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import pytest

from service.langchain import Doors
from tests.service.langchain.open_shop import FakeWriter, open_shop


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_shop(tmp_path_factory.mktemp("shop"), examples={"shots": 1}, prompt={"template": "in-context"}) as opened:
        yield opened


@pytest.fixture
def writer(doors: Doors) -> FakeWriter:
    """The engine behind the doors, which has been asked nothing yet."""
    fake = cast("FakeWriter", doors.recommender.engine)
    fake.prompts, fake.dialogues, fake.limits = [], [], []
    return fake


@pytest.fixture
def benchmark() -> Callable[[Callable[[], object]], object]:
    """Calls once. Two standard tests measure time, which is not asked of unit tests."""
    return lambda timed: timed()
