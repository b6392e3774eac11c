"""Cases made on demand from a part of a split: nothing is held in memory but which rows are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evaluation.data.types import Corpus, HeldOut
from evaluation.protocols.config import ProtocolConfig, ScenarioConfig
from evaluation.protocols.protocol import Retrieve
from evaluation.types import Case, Training
from retrieval.catch_up import Progress


class CaseSet:
    """The cases of one part: re-iterable, lazy, always the same. Full cases first, then scenario by scenario."""

    left_out: Mapping[str, int]
    """What is not asked, counted by reason."""
    counts: Mapping[str, int]
    """Cases by scenario, in their order."""

    def __len__(self) -> int:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Case]:
        raise NotImplementedError

    def blocks(self, size: int, start: int = 0) -> Iterator[tuple[Case, ...]]:
        """The cases from position `start` on, in tuples of `size`; the last may be shorter."""
        raise NotImplementedError


def make_cases(
    corpus: Corpus,
    held_out: Sequence[HeldOut],
    training: Training,
    protocol: ProtocolConfig,
    scenarios: ScenarioConfig,
    seed: int,
    *,
    part: str = "test",
    retrieve: Retrieve | None = None,
    progress: Progress | None = None,
) -> CaseSet:
    """The cases of a part. Raises RunConfigError for a protocol that the data cannot serve, naming what is missing."""
    raise NotImplementedError
