"""What of a record is kept in memory, and follows it."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.behaviour import Behaviour
from retrieval.bm25 import Words
from retrieval.catalogue import Catalogue
from retrieval.record import Record
from retrieval.sources.newest import Newest


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshots:
    """May be shared by retrievers over the same store."""

    catalogue: Catalogue
    behaviour: Behaviour
    newest: Newest
    words: Words

    @classmethod
    def of(cls, record: Record, *, latent: bool = True) -> Snapshots:
        """Of this record; read when it is first asked for. `latent` as in Behaviour."""
        catalogue = Catalogue(record)
        return cls(
            catalogue=catalogue,
            behaviour=Behaviour(record, latent=latent),
            newest=Newest(catalogue.items),
            words=Words(catalogue.items),
        )
