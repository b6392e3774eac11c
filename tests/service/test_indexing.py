"""The index follows the record beside the requests; a failure is told and mended by the next write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from structlog.testing import capture_logs

from retrieval.errors import StoreError
from retrieval.protocol import Vectors
from retrieval.store import Store, open_store
from retrieval.types import Item
from service.indexing import Indexing
from tests.fakes import HashingEmbedder


class FailingEmbedder(HashingEmbedder):
    """FAKE embedder that fails until it is mended."""

    broken = False

    def embed(self, texts: Sequence[str]) -> Vectors:
        if self.broken:
            raise StoreError("the disk is full")
        return super().embed(texts)


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
        assert (indexing.problem, indexing.behind, len(logged)) == ("the disk is full", True, 1)
        embedder.broken = False
        indexing.wake()
        indexing.wake()
        await indexing.settled()
        assert (indexing.problem, indexing.behind) == (None, False)
        assert store.status().whole
