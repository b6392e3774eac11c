"""From a configuration to a corpus, and to the split that the data set itself states."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.data.cases import load_cases
from evaluation.data.config import CasesSet, DataConfig, FilesSet, KnownSet, StoreSet, TallRecSet
from evaluation.data.corpus import corpus_of_record
from evaluation.data.files import needed
from evaluation.data.games import games_split, has_split
from evaluation.data.imported import import_corpus
from evaluation.data.industrial import NAME as INDUSTRIAL
from evaluation.data.industrial import industrial_plan, industrial_split
from evaluation.data.tallrec import load_tallrec
from evaluation.data.types import Corpus, Split
from evaluation.errors import RunConfigError
from evaluation.spelling import meant
from retrieval.errors import EmptyStoreError, InputError
from retrieval.importing.datasets import dataset_names, plan_dataset
from retrieval.importing.plan import ImportPlan
from retrieval.importing.tables import open_table
from retrieval.protocol import Progress
from retrieval.record import Record

_GAMES = "amazon-games"


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
    root = base if data_dir is None else data_dir
    match config:
        case KnownSet():
            return _known(config, data_dir, cache, progress)
        case FilesSet():
            return _files(config, root, cache, progress)
        case StoreSet():
            return _store(record)
        case CasesSet():
            validation = None if config.validation is None else needed(root / config.validation.expanduser())
            cases = load_cases(needed(root / config.cases.expanduser()), validation)
            return Loaded(corpus=cases.corpus, given=cases.split, notes=cases.notes)
        case TallRecSet():
            films = load_tallrec(root / config.folder.expanduser())
            return Loaded(corpus=films.corpus, given=films.split)


def known_sets() -> tuple[str, ...]:
    """Names of the published data sets that `kind: known` takes, sorted."""
    return tuple(sorted((*dataset_names(), INDUSTRIAL)))


def _known(config: KnownSet, data_dir: Path | None, cache: Path, progress: Progress | None) -> Loaded:
    if config.set not in known_sets():
        raise InputError(f"no known data set {config.set!r}; {meant(config.set, known_sets())}")
    if config.candidates is not None and config.set != _GAMES:
        raise RunConfigError(f"candidates: only {_GAMES} has lists of candidates, not {config.set}; leave it out")
    folder = None if data_dir is None else _folder(data_dir, config.set)
    if config.set == INDUSTRIAL:
        if folder is None:
            raise InputError(f"{INDUSTRIAL} has no download with a fixed checksum: get it and pass --data-dir FOLDER")
        read = import_corpus(industrial_plan(folder), config.set, cache, progress)
        split = industrial_split(read.corpus, folder, config.validation_share, config.seed)
        return Loaded(corpus=read.corpus, given=split, notes=read.notes)
    read = import_corpus(plan_dataset(config.set, folder, cache / "datasets"), config.set, cache, progress)
    given = None
    if config.set == _GAMES and folder is not None and (config.candidates is not None or has_split(folder)):
        given = games_split(read.corpus, folder, config)
    return Loaded(corpus=read.corpus, given=given, notes=read.notes)


def _folder(data_dir: Path, name: str) -> Path:
    """The folder of one set: --data-dir itself, or the one in it that is called like the set."""
    inner = data_dir.expanduser() / name
    return inner if inner.is_dir() else data_dir.expanduser()


def _files(config: FilesSet, root: Path, cache: Path, progress: Progress | None) -> Loaded:
    def table(path: Path | None) -> Path | None:
        return None if path is None else needed(root / path.expanduser())

    items, interactions, users = (table(path) for path in (config.items, config.interactions, config.users))
    plan = ImportPlan(
        items=None if items is None else open_table(items, config.encoding),
        users=None if users is None else open_table(users, config.encoding),
        interactions=None if interactions is None else open_table(interactions, config.encoding),
        mapping=config.mapping,
        like_threshold=config.like_threshold,
        implicit=config.implicit,
        domain=config.domain,
    )
    read = import_corpus(plan, config.interactions.name, cache, progress)
    return Loaded(corpus=read.corpus, given=None, notes=read.notes)


def _store(record: Record | None) -> Loaded:
    if record is None:
        raise InputError("data: kind store asks for your own store, but none is open")
    if not record.counts().interactions:
        raise EmptyStoreError(f"The store {record.place} has no interactions yet. Import some: `fewrec import`.")
    return Loaded(corpus=corpus_of_record(record, "store"), given=None)
