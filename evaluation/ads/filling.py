"""Puts a data set into a record, and takes out what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.ads.market import HeldOut
from ranking.settings import Settings
from retrieval.ids import Pair
from retrieval.importing.datasets import plan_dataset
from retrieval.importing.importer import import_tables
from retrieval.record import Record
from retrieval.sample.catalogue import sample_interactions, sample_items, sample_users
from retrieval.types import Interaction

SAMPLE = "sample"


def fill(record: Record, settings: Settings, data: str, data_dir: Path | None) -> None:
    """The bundled sample, or a data set that `fewrec import` knows, from `data_dir` or else downloaded."""
    if data == SAMPLE:
        record.put_items(sample_items())
        record.put_users(sample_users())
        record.put_interactions(sample_interactions())
    else:
        found = plan_dataset(data, data_dir, settings.cache / "datasets")
        import_tables(record, found, settings.home / "rejects.jsonl")


def forget(record: Record, every: Sequence[Interaction], held: HeldOut) -> None:
    """Deletes all interactions but those that are known."""
    known = {(one.user_id, one.item_id) for one in held.known}
    pairs = [Pair(one.user_id, one.item_id) for one in every]
    record.delete_interactions([pair for pair in pairs if pair not in known])
