"""One case from one held-out entry, as the protocol and the scenario say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.data.types import Corpus, HeldOut
from evaluation.errors import EvaluationError
from evaluation.protocols.candidates import NegativeSampler, given_candidates, ids_of, items_of, whole_catalogue
from evaluation.protocols.config import EndToEnd, ProtocolConfig, Sampled
from evaluation.protocols.protocol import Ask, Retrieve
from evaluation.protocols.scenarios import SHUFFLED_CANDIDATES, Variant
from evaluation.protocols.tags import Tagger
from evaluation.types import Case, Training
from ranking.draws import Draw
from retrieval.types import Item, PastItem


class CaseBuilder:
    """Builds cases. The tags of every variant are those of its full case, so a slice names the same cases in each."""

    def __init__(
        self,
        corpus: Corpus,
        training: Training,
        protocol: ProtocolConfig,
        seed: int,
        retrieve: Retrieve | None = None,
    ) -> None:
        self._corpus = corpus
        self._training = training
        self._protocol = protocol
        self._seed = seed
        self._retrieve = retrieve
        self._tagger = Tagger(training)
        self._known_users = frozenset(training.user_ids)
        self._sampler = NegativeSampler(corpus, protocol.negatives, seed) if isinstance(protocol, Sampled) else None
        self._catalogue: tuple[Item, ...] = tuple(corpus.items[item_id] for item_id in corpus.item_ids)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about the candidates."""
        protocol = self._protocol
        if isinstance(protocol, EndToEnd) and protocol.seen and protocol.source == "retrieval":
            return ("retrieval gives unseen items only, so a target that is in its own history cannot be retrieved",)
        return ()

    @property
    def never_short(self) -> bool:
        """Whether no entry can lack negatives."""
        return self._sampler is None or self._sampler.never_short

    def enough(self, held: HeldOut, domain: str | None) -> bool:
        """Whether an entry has as many negatives as the protocol asks for."""
        return self._sampler is None or self._sampler.enough(held, domain)

    def unfit(self, held: HeldOut, variant: Variant) -> str | None:
        """Why a cross-domain scenario cannot ask an entry; None if it can."""
        cross = variant.cross
        if cross is None:
            return None
        asked = held.target if held.target is not None else (held.candidates or ("",))[0]
        item = self._corpus.items.get(asked)
        if item is None or item.domain != cross.target:
            return "target of another domain"
        if not any(past.item.domain == cross.history for past in held.history):
            return "no history in that domain"
        return None if self.enough(held, cross.target) else "too few items to draw negatives from"

    def build(self, held_out: Sequence[HeldOut], variant: Variant) -> Iterator[Case]:
        """One case per entry, in order, each made when it is asked for: retrieval takes its time."""
        for held, tags in zip(held_out, self._tagger.tag(held_out), strict=True):
            yield self._case(held, variant, tags)

    def _case(self, held: HeldOut, variant: Variant, tags: tuple[str, ...]) -> Case:
        history = variant.history(held.history, held.case_id, self._seed)
        user_id = held.user_id if held.user_id in self._known_users else None
        return Case(
            case_id=held.case_id,
            user_id=user_id,
            history=history,
            candidates=self._candidates(held, variant, history, user_id),
            target=held.target,
            label=None if held.target is not None else held.label,
            scenario=variant.name,
            tags=tags,
        )

    def _candidates(
        self, held: HeldOut, variant: Variant, history: tuple[PastItem, ...], user_id: str | None
    ) -> tuple[Item, ...]:
        protocol, domain = self._protocol, None if variant.cross is None else variant.cross.target
        if isinstance(protocol, EndToEnd) and protocol.source == "whole-catalogue":
            items = whole_catalogue(self._catalogue, without=frozenset() if protocol.seen else ids_of(held.history))
        else:
            items = items_of(self._corpus, self._ids(held, history, user_id, domain), held.case_id)
        if domain is not None:
            items = tuple(item for item in items if item.domain == domain)
        if variant.shuffle == "candidates":
            items = Draw(seed=self._seed, purpose=SHUFFLED_CANDIDATES, key=held.case_id).shuffled(items)
        return items[::-1] if variant.backwards else items

    def _ids(
        self, held: HeldOut, history: tuple[PastItem, ...], user_id: str | None, domain: str | None
    ) -> tuple[str, ...]:
        if self._sampler is not None:
            return self._sampler.draw(held, domain)
        if isinstance(self._protocol, EndToEnd):
            return self._served(held, history, user_id, domain)
        return held.candidates or ()

    def _served(
        self, held: HeldOut, history: tuple[PastItem, ...], user_id: str | None, domain: str | None
    ) -> tuple[str, ...]:
        protocol = self._protocol
        if not isinstance(protocol, EndToEnd) or protocol.source == "given":
            return given_candidates(held, target_guaranteed=False)
        if self._retrieve is None:
            raise EvaluationError("these cases need a store to retrieve from")
        # Less history changes what is retrieved; but what the user has seen stays seen.
        hidden = frozenset() if protocol.seen else ids_of(held.history) - ids_of(history)
        ask = Ask(user_id=user_id, history=history, exclude=hidden, domain=domain, depth=protocol.depth)
        ids = self._retrieve(ask)
        if len(set(ids)) < len(ids) or len(ids) > protocol.depth:
            raise EvaluationError(f"case {held.case_id!r}: retrieval gave an item twice, or more than {protocol.depth}")
        return ids
