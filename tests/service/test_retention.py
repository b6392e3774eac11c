from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from retrieval.record.types import LoggedPrompts, ShownList
from retrieval.store import Store, open_store
from service.retention import Retention
from tests.fakes import HashingEmbedder

DAY_S = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as opened:
        yield opened


def log(store: Store, request_id: str, *, days_ago: float) -> None:
    asked_at = time.time() - days_ago * DAY_S
    store.record.shown().log(
        ShownList(
            request_id=request_id, user_id=None, door="recommend", asked_at=asked_at, item_ids=(), ranked_by="llm"
        )
    )


async def gone(store: Store, request_id: str) -> None:
    async with asyncio.timeout(20):
        while store.record.shown().get(request_id) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_lists_are_kept_as_long_as_the_setting_says(store: Store) -> None:
    log(store, "old", days_ago=31)
    log(store, "new", days_ago=29)
    retention = Retention(store, 30, every_s=0.01)
    retention.begin()
    await gone(store, "old")
    log(store, "late", days_ago=50)
    await gone(store, "late")
    await retention.stop()
    assert store.record.shown().get("new") is not None


async def test_prompts_are_kept_for_a_time_of_their_own(store: Store) -> None:
    for request_id, days_ago in (("old", 8), ("new", 6)):
        asked_at = time.time() - days_ago * DAY_S
        prompts = LoggedPrompts(
            request_id=request_id, user_id=None, asked_at=asked_at, prompts="[]", shows_others=False
        )
        shown = ShownList(
            request_id=request_id, user_id=None, door="recommend", asked_at=asked_at, item_ids=(), ranked_by="llm"
        )
        store.record.shown().log(shown, prompts)
    retention = Retention(store, None, 7, every_s=0.01)
    retention.begin()
    async with asyncio.timeout(20):
        while store.record.prompts().get("old") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await retention.stop()
    assert store.record.prompts().get("new") is not None
    assert store.record.shown().get("old") is not None


async def test_a_record_that_fails_is_told_and_tried_again(tmp_path: Path) -> None:
    with open_store(home=tmp_path, record_url=None, index_url=None, embedder=HashingEmbedder()) as store:
        log(store, "old", days_ago=31)
        (tmp_path / "record.db").rename(tmp_path / "away.db")
        store.record.close()  # the next connection makes an empty file
        retention = Retention(store, 30, every_s=0.01)
        with capture_logs() as logged:
            retention.begin()
            async with asyncio.timeout(20):
                while len(logged) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        await retention.stop()
    assert {entry["log_level"] for entry in logged} == {"error"}


async def test_nothing_is_forgotten_without_a_setting(store: Store) -> None:
    retention = Retention(store, None)
    log(store, "old", days_ago=10_000)
    retention.begin()
    await asyncio.sleep(0)
    await retention.stop()
    assert store.record.shown().get("old") is not None
