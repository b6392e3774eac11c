"""Parts of a corpus: what may be known, what is asked. Pure; nothing depends on which other users there are."""

from __future__ import annotations

from evaluation.data.types import Corpus, Split
from evaluation.protocols.config import ProtocolConfig


def split_corpus(corpus: Corpus, protocol: ProtocolConfig, seed: int, given: Split | None = None) -> Split:
    """The split that the protocol asks for. `given` is the data set's own, returned where the protocol says so."""
    raise NotImplementedError
