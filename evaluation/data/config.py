"""Which data a run is about. Relative paths count from `--data-dir`, or from the folder of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from retrieval.config import Section

Knowledge: TypeAlias = Literal["training", "histories"]
Candidates: TypeAlias = Literal["random", "pop", "bm25", "bert", "bpr", "sasrec"]


class KnownSet(Section):
    """A published data set, from `--data-dir` or, where its publisher offers a download, from there."""

    kind: Literal["known"] = "known"
    set: str
    """amazon-games, amazon-industrial, ml-100k, ..."""
    candidates: Candidates | None = None
    """LLMRank's lists for amazon-games: 20 candidates for each of 6,000 users, which are then the test's rows in the
    order of the list; None asks all users and leaves the candidates to the protocol."""
    known: Knowledge = "training"
    """amazon-games: `training` is what the published baselines were trained on, each user's history without its last
    item, which is the validation's target. `histories` is everything before the test's targets."""
    seed: int = 0
    """Of the order of those candidates and of the choice of the validation users."""
    validation_share: float = Field(default=0.2, gt=0, lt=1)
    """amazon-industrial: share of the users of valid.csv whose last row is a validation case."""


class FilesSet(Section):
    """The user's own files: CSV, JSONL or Parquet, with the options of `fewrec import`."""

    kind: Literal["files"] = "files"
    items: Path
    interactions: Path
    users: Path | None = None
    mapping: Mapping[str, str] = Field(default_factory=dict)
    """Field -> column, where the guess would be wrong."""
    like_threshold: float | None = None
    """Ratings from here on are likes; None is 80% of the largest rating in the file."""
    implicit: bool = False
    """Ratings are ignored: every interaction is a like."""
    domain: str = "items"
    """Domain of items that name none."""
    encoding: str = "utf-8"


class StoreSet(Section):
    """What was imported into the user's own store."""

    kind: Literal["store"] = "store"


class CasesSet(Section):
    """Cases as they are, one JSON object a line: with candidates and a target, or with an item and a label."""

    kind: Literal["cases"] = "cases"
    cases: Path
    validation: Path | None = None
    """More cases, which weights are fitted on."""


class TallRecSet(Section):
    """TALLRec's films: a folder with test.json and valid.json."""

    kind: Literal["tallrec"] = "tallrec"
    folder: Path = Path()


DataConfig: TypeAlias = Annotated[
    KnownSet | FilesSet | StoreSet | CasesSet | TallRecSet,
    Field(discriminator="kind"),
]
