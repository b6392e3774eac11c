"""Candidates for a query: every source is asked, the lists are joined, what must not come back is left out."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from retrieval.audience import Audience
from retrieval.behaviour import recency_of
from retrieval.catalogue import closest
from retrieval.catch_up import item_text
from retrieval.config import RetrievalSettings
from retrieval.errors import EmptyStoreError, NotFoundError
from retrieval.fuse import SMOOTHING, Joined, SourceList, join
from retrieval.matching import check_attributes, may_be_shown
from retrieval.picks import LOOKED_AT, spread_out
from retrieval.profile import profile_text
from retrieval.protocol import CandidateSource, Embedder, RetrievalRequest, VectorIndex, Vectors
from retrieval.record import Record
from retrieval.reserved import Reserved, with_reserved
from retrieval.signals import measure
from retrieval.snapshots import Snapshots
from retrieval.sources.behavioural import Cooccurrence, Popularity
from retrieval.sources.bm25 import WordsInCommon
from retrieval.sources.similarity import SimilarityToMax, SimilarityToMean, liked_recent
from retrieval.sources.text import TextQuery
from retrieval.types import Candidate, Evidence, Item, PastItem, Query, Retrieved, Signals, User, Vote

_WIDER = 4
_MOST_RESERVED = 1_000


class Retriever:
    """Answers queries with candidates. Thread-safe; holds caches, no state of a request."""

    def __init__(
        self,
        record: Record,
        index: VectorIndex,
        embedder: Embedder,
        settings: RetrievalSettings,
        snapshots: Snapshots | None = None,
    ) -> None:
        """`snapshots` of the record may be shared by retrievers over the same store; None makes them."""
        self._record = record
        self._index = index
        self._embedder = embedder
        self._settings = settings
        self._snapshots = snapshots or Snapshots.of(record)
        self._catalogue, self._behaviour = self._snapshots.catalogue, self._snapshots.behaviour
        self.audience = Audience(record, index, self._snapshots, settings)
        """The other way round: users for an item."""
        sources: tuple[CandidateSource, ...] = (
            SimilarityToMean(index),
            SimilarityToMax(index),
            WordsInCommon(),
            TextQuery(index),
            Cooccurrence(),
            Popularity(settings.popularity_half_life_days),
            self._snapshots.newest,
        )
        weights: Mapping[str, float] = settings.sources.model_dump()
        self._sources = [source for source in sources if weights[source.name] > 0]

    def with_settings(self, settings: RetrievalSettings) -> Retriever:
        """One that retrieves by other settings from the same store; itself where they are the same."""
        if settings == self._settings:
            return self
        return Retriever(self._record, self._index, self._embedder, settings, self._snapshots)

    def weigh_latent(self) -> None:
        """Measure latent closeness from now on, also for those who share the snapshots."""
        self._behaviour.latent = True

    def added_between(self, since: float, until: float) -> tuple[str, ...]:
        """Ids of the items that came into the catalogue then, latest first; the latest thousand."""
        return self._snapshots.newest.between(since, until, _MOST_RESERVED)

    def retrieve(self, query: Query, n: int, reserved: Sequence[Reserved] = ()) -> Retrieved:
        """The n best candidates (fewer where no more exist), unseen, not excluded, passing all filters.

        Where nothing is known of the user and nothing was asked in words, they are popular and vary. The last places go
        to items that are `reserved`, as far as they are not among the best and may come back.

        Hidden, expired and dismissed items do not come back, whichever source proposes them. Items that no source
        speaks for come last, by id: their one vote is of the source "catalogue", of no weight. Raises NotFoundError for
        an unknown user, EmptyStoreError for an empty store, InputError for a filter on an attribute that no item has.
        """
        request, items = self._request(query)
        if query.filters:
            check_attributes(query.filters, self._record.attribute_names())
        barred = query.exclude | {past.item.item_id for past in request.history} | self._dismissed(request)
        width = max(self._settings.per_source, n) * _rarity(request, items) + len(barred)

        def passes(item_id: str) -> bool:
            return item_id not in barred and may_be_shown(items.get(item_id), query, request.as_of)

        while True:
            # What must not come back is left out afterwards, so sources are asked for more until enough is left.
            joined = join(self._proposals(request, width), max(n, LOOKED_AT) if request.tells_nothing else n, passes)
            if len(joined) >= n or width >= len(items):
                break
            width *= _WIDER
        if len(joined) < n:
            known = {entry.item_id for entry in joined}
            rest = (item_id for item_id in items if item_id not in known and passes(item_id))
            joined += _by_id(itertools.islice(rest, n - len(joined)))
        if request.tells_nothing:
            joined = spread_out(joined, self._index.vectors("items", [entry.item_id for entry in joined]), n)
        if reserved:
            joined = with_reserved(joined, n, reserved, passes)
        return self._retrieved(request, items, joined)

    def popular(self, query: Query, n: int) -> Retrieved:
        """What most other people took, from the record alone: for when the index or the embedder fails.

        What may come back and what is raised is as in `retrieve`; of the signals only popularity is measured.
        """
        request, items = self._request(query, indexed=False)
        if query.filters:
            check_attributes(query.filters, self._record.attribute_names())
        barred = query.exclude | {past.item.item_id for past in request.history} | self._dismissed(request)
        admissible = {
            item_id: item
            for item_id, item in items.items()
            if item_id not in barred and may_be_shown(item, query, request.as_of)
        }
        source = Popularity(None)
        proposed = source.propose(request, len(items))
        counts = {proposal.item_id: proposal.score for proposal in proposed}
        lists = [SourceList(source=source.name, weight=1.0, proposals=proposed)]
        joined = join(lists, n, admissible.__contains__)
        joined += _by_id(itertools.islice((key for key in admissible if key not in counts), n - len(joined)))
        signals = [Signals(log_popularity=math.log1p(counts.get(entry.item_id, 0.0))) for entry in joined]
        return _as_candidates(request, items, joined, signals)

    def describe(self, query: Query, item_ids: Sequence[str]) -> Retrieved:
        """The given items as candidates in the given order, with their signals; no source votes for them.

        For candidates that come from outside, as in sampled evaluation. Raises NotFoundError for an unknown item.
        """
        request, items = self._request(query)
        unknown = next((item_id for item_id in item_ids if item_id not in items), None)
        if unknown is not None:
            raise NotFoundError(f"no item {unknown!r} in the store{closest(unknown, items)}")
        return self._retrieved(request, items, _in_given_order(item_ids))

    def items(self) -> Mapping[str, Item]:
        """The catalogue by id; do not change it."""
        return self._catalogue.items()

    def known(self, item_ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that are items of the store."""
        items = self._catalogue.items()
        return frozenset(item_id for item_id in item_ids if item_id in items)

    def describe_items(self, query: Query, given: Sequence[Item]) -> Retrieved:
        """Items that need not be in the store as candidates in the given order; no source votes for them.

        An item whose id the store knows is the store's, with all its signals. What can be measured on the words of
        another is measured; nobody took it yet, and no two of these may share an id.
        """
        request, items = self._request(query)
        new = [item for item in given if item.item_id not in items]
        vectors = self._embedder.embed([item_text(item) for item in new])
        found = {item.item_id: items.get(item.item_id, item) for item in given}
        outside: dict[str, Vectors] = {item.item_id: vector for item, vector in zip(new, vectors, strict=True)}
        return self._retrieved(request, found, _in_given_order([item.item_id for item in given]), outside)

    def _request(self, query: Query, *, indexed: bool = True) -> tuple[RetrievalRequest, Mapping[str, Item]]:
        items = self._catalogue.items()
        if not items:
            raise EmptyStoreError("the store is empty; fill it with `fewrec import`, or try `fewrec demo`")
        as_of = time.time() if query.as_of is None else query.as_of
        user = None if query.user_id is None else self._record.user(query.user_id)
        if query.user_id is not None and user is None:
            # Without the closest: whose ids are near is nobody's business who may not list users.
            raise NotFoundError(f"no user {query.user_id!r} in the store")
        if query.history is not None:
            history = _told(query.history, as_of)
        else:
            history = () if user is None else self._record.history(user.user_id, as_of)
        return self._gathered(query, as_of, user, history, indexed=indexed), items

    def _gathered(
        self, query: Query, as_of: float, user: User | None, history: tuple[PastItem, ...], *, indexed: bool
    ) -> RetrievalRequest:
        """Without vectors where the index is not to be asked."""
        liked = [past.item.item_id for past in liked_recent(history, self._settings.liked_recent) if indexed]
        vectors = self._index.vectors("items", liked) if liked else {}
        text = query.words if indexed else None
        told = profile_text(user) if indexed and not text and not liked and user is not None else ""
        moment = self._behaviour.before(as_of)
        recency = recency_of(history, self._settings.history_half_life_hours)
        return RetrievalRequest(
            query=query,
            as_of=as_of,
            user=user,
            history=history,
            liked={item_id: vectors[item_id] for item_id in liked if item_id in vectors},
            asked=self._embedder.embed([text])[0] if text else None,
            profile=self._embedder.embed([told])[0] if told else None,
            moment=moment,
            together=moment.cooccurrence(history, query.user_id, self._settings.cooccurrence_shrinkage, recency),
            alike=moment.latent(history, recency) if indexed and self._behaviour.latent else None,
            worded=self._snapshots.words.bm25().match(history, recency) if indexed else None,
            recency=recency,
        )

    def _dismissed(self, request: RetrievalRequest) -> frozenset[str]:
        if request.user is None:
            return frozenset()
        return self._record.feedback().dismissed(request.user.user_id, request.as_of)

    def _proposals(self, request: RetrievalRequest, width: int) -> list[SourceList]:
        weights = self._settings.sources.where(request.moment.interactions_per_item)
        return [
            SourceList(source=source.name, weight=weights[source.name], proposals=source.propose(request, width))
            for source in self._sources
        ]

    def _retrieved(
        self,
        request: RetrievalRequest,
        items: Mapping[str, Item],
        joined: Sequence[Joined],
        outside: Mapping[str, Vectors] | None = None,
    ) -> Retrieved:
        signals = measure(self._index, request, [items[entry.item_id] for entry in joined], outside)
        return _as_candidates(request, items, joined, signals)


def _as_candidates(
    request: RetrievalRequest, items: Mapping[str, Item], joined: Sequence[Joined], signals: Sequence[Signals]
) -> Retrieved:
    candidates = tuple(
        Candidate(item=items[entry.item_id], rank=rank, score=entry.score, votes=entry.votes, signals=evidence)
        for rank, (entry, evidence) in enumerate(zip(joined, signals, strict=True), start=1)
    )
    return Retrieved(
        query=request.query,
        as_of=request.as_of,
        user=request.user,
        history=request.history,
        candidates=candidates,
        evidence=Evidence(
            items=items,
            liked=request.liked,
            places=request.moment.places,
            users=partial(request.moment.popularity, request.query.user_id),
            together=request.together,
            alike=request.alike,
            worded=request.worded,
        ),
    )


def _by_id(item_ids: Iterable[str]) -> list[Joined]:
    """The last resort, where the store holds items and nothing to tell them apart by."""
    return [
        Joined(item_id=item_id, score=0.0, votes=(Vote(source="catalogue", rank=rank, score=1 / rank),))
        for rank, item_id in enumerate(item_ids, start=1)
    ]


def _in_given_order(item_ids: Sequence[str]) -> list[Joined]:
    return [
        Joined(item_id=item_id, score=1 / (SMOOTHING + rank), votes=())
        for rank, item_id in enumerate(item_ids, start=1)
    ]


def _told(history: Sequence[PastItem], as_of: float) -> tuple[PastItem, ...]:
    """The past as a record would give it: oldest first, of each item the last entry, nothing at or after as_of."""
    ordered = sorted(history, key=lambda past: (past.timestamp, past.item.item_id))
    latest = {past.item.item_id: past for past in ordered if past.timestamp < as_of}
    return tuple(past for past in ordered if latest.get(past.item.item_id) is past)


def _rarity(request: RetrievalRequest, items: Mapping[str, Item]) -> int:
    """How many items there are for each one that may come back, rounded up: so much wider must the sources look."""
    if not request.query.filters and request.query.domain is None:
        return 1
    admissible = sum(may_be_shown(item, request.query, request.as_of) for item in items.values())
    return -(-len(items) // max(admissible, 1))
