"""The store that arms rank over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.store import Store, open_store
from retrieval.types import Interaction, User
from tests.evaluation.arms.films import ITEMS
from tests.fakes import HashingEmbedder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        opened.record.put_items(list(ITEMS.values()))
        opened.record.put_users([User(user_id="ann"), User(user_id="bob")])
        taken = {"ann": (0, 1, 2), "bob": (0, 5)}
        opened.record.put_interactions(
            [
                Interaction(user_id=name, item_id=f"f{number}", timestamp=float(at))
                for name, numbers in taken.items()
                for at, number in enumerate(numbers)
            ]
        )
        opened.catch_up()
        yield opened
