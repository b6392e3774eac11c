"""From a configuration to a corpus, and to the split that the data set itself states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.data.config import DataConfig
from evaluation.data.types import Corpus, Split
from retrieval.catch_up import Progress
from retrieval.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A data set, ready to be split or split already."""

    corpus: Corpus
    given: Split | None
    """What the set itself says is test and validation; None where the protocol says it."""
    notes: tuple[str, ...] = ()
    """What a reader should know: the like threshold, rejected rows, empty histories."""


def load(
    config: DataConfig,
    *,
    cache: Path,
    data_dir: Path | None = None,
    base: Path = Path(),
    record: Record | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """The data that the configuration names. `base` is the folder of the configuration, `record` the user's own store.

    What is imported is kept in `cache` by the digest of its files, so a second load is quick. Raises InputError for an
    unknown set, for files that are missing (naming them and --data-dir) and for files that cannot be used.
    """
    raise NotImplementedError
