"""The index follows the record beside the requests; a failure is told and mended by the next write."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from retrieval.store import Store, open_store
from retrieval.types import Item
from service.indexing import Indexing
from tests.fakes import FailingEmbedder


async def test_a_failed_catch_up_is_told_and_tried_again(tmp_path: Path) -> None:
    embedder = FailingEmbedder()
    store: Store = open_store(home=tmp_path, record_url=None, index_url=None, embedder=embedder)
    with store, capture_logs() as logged:
        indexing = Indexing(store)
        store.record.put_items([Item(item_id="a", title="A")])
        embedder.broken = True
        indexing.wake()
        assert indexing.behind
        await indexing.settled()
        assert (indexing.problem, indexing.behind) == ("the disk is full", True)
        assert [entry["error"] for entry in logged] == ["the disk is full"]
        embedder.broken = False
        indexing.wake()
        indexing.wake()
        await indexing.settled()
        assert (indexing.problem, indexing.behind) == (None, False)
        assert store.status().whole
