"""Cases made on demand from a part of a split: nothing is held in memory but which rows are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.data.types import Corpus, HeldOut
from evaluation.errors import RunConfigError
from evaluation.protocols.builder import CaseBuilder
from evaluation.protocols.candidates import given_candidates
from evaluation.protocols.config import EndToEnd, Labelled, ProtocolConfig, RatingPrediction, Sampled, ScenarioConfig
from evaluation.protocols.protocol import Retrieve
from evaluation.protocols.scenarios import Variant, check_domains, variants
from evaluation.protocols.selection import Part, Places, select
from evaluation.protocols.targets import TargetRows
from evaluation.types import FULL, Case, Training
from retrieval.errors import InputError
from retrieval.protocol import Progress

_BLOCK = 256
_SHOW_EVERY = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """One scenario and the entries it asks."""

    variant: Variant
    places: Places


class CaseSet:
    """The cases of one part: re-iterable, lazy, always the same. Full cases first, then scenario by scenario."""

    def __init__(
        self,
        held_out: Sequence[HeldOut],
        asked: Sequence[_Asked],
        left_out: Mapping[str, int],
        builder: CaseBuilder,
        note: str | None = None,
    ) -> None:
        self._held_out = held_out
        self._asked = tuple(asked)
        self._builder = builder
        self._note = note
        self.left_out: Mapping[str, int] = dict(left_out)
        """What could have been asked and is not, counted by reason."""
        self.counts: Mapping[str, int] = {each.variant.name: len(each.places) for each in asked}
        """Cases by scenario, in their order."""
        self.notes: tuple[str, ...] = (*builder.notes, *([] if note is None else [note]))
        """What a reader of the results must know about the users and the candidates."""

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[Case]:
        for each in self._asked:
            for begin in range(0, len(each.places), _BLOCK):
                held = [self._held_out[place] for place in each.places[begin : begin + _BLOCK].tolist()]
                yield from self._builder.build(held, each.variant)

    def only(self, *scenarios: str) -> CaseSet:
        """The cases of some scenarios; names that are not there add nothing."""
        asked = [each for each in self._asked if each.variant.name in scenarios]
        return CaseSet(self._held_out, asked, self.left_out, self._builder, self._note)

    def first(self, n: int) -> CaseSet:
        """The first n cases of each scenario."""
        asked = [_Asked(variant=each.variant, places=each.places[:n]) for each in self._asked]
        return CaseSet(self._held_out, asked, self.left_out, self._builder, self._note)


def make_cases(
    corpus: Corpus,
    held_out: Sequence[HeldOut],
    training: Training,
    protocol: ProtocolConfig,
    scenarios: ScenarioConfig,
    seed: int,
    *,
    part: Part = "test",
    retrieve: Retrieve | None = None,
    progress: Progress | None = None,
) -> CaseSet:
    """The cases of a part. `training` is what is known when they are asked; `progress` hears ("cases", done, total).

    `rows` and `users` are for the test part, `validation_users` for the validation. Entries with an empty history are
    asked like others. Raises RunConfigError for a protocol that the data cannot serve, InputError for an entry that
    cannot be used.
    """
    check_domains(corpus, scenarios)
    _check_protocol(corpus, held_out, protocol, retrieve)
    builder = CaseBuilder(corpus, training, protocol, seed, retrieve)
    selection = select(held_out, protocol, part, seed)
    left_out: Counter[str] = Counter(held_out.left_out if isinstance(held_out, TargetRows) else {})
    if selection.short:
        left_out[f"history shorter than {protocol.min_history}"] = selection.short
    places = _usable(held_out, selection.places, builder, protocol, left_out, progress)
    asked = [
        _Asked(variant=variant, places=_asked(held_out, places, variant, builder, left_out))
        for variant in variants(scenarios)
    ]
    return CaseSet(held_out, asked, left_out, builder, selection.note)


def _check_protocol(
    corpus: Corpus, held_out: Sequence[HeldOut], protocol: ProtocolConfig, retrieve: Retrieve | None
) -> None:
    if isinstance(protocol, Sampled) and protocol.negatives.source != "given":
        n = protocol.negatives.n
        if n >= len(corpus.item_ids):
            raise RunConfigError(
                f"negatives.n is {n}, data set {corpus.name} has {len(corpus.item_ids)} items, one of them the target; "
                f"ask for at most {len(corpus.item_ids) - 1}"
            )
    if isinstance(protocol, EndToEnd) and protocol.source == "retrieval" and retrieve is None:
        raise RunConfigError("protocol end-to-end with source: retrieval needs a store to retrieve from")
    first = held_out[0] if len(held_out) else None
    if first is None:
        return
    if isinstance(protocol, Labelled | RatingPrediction) and first.label is None:
        raise RunConfigError(
            f"data set {corpus.name} has no labels, which protocol {protocol.kind} asks for; "
            "use protocol sampled or end-to-end, or a split of its ratings"
        )
    if isinstance(protocol, Sampled | EndToEnd) and first.target is None:
        raise RunConfigError(
            f"data set {corpus.name} has labels instead of targets, which protocol {protocol.kind} asks for; "
            "use protocol labelled"
        )


def _usable(
    held_out: Sequence[HeldOut],
    places: Places,
    builder: CaseBuilder,
    protocol: ProtocolConfig,
    left_out: Counter[str],
    progress: Progress | None,
) -> Places:
    """Entries that can be asked. Reads them only where one could be unusable, so that a run fails at its start."""
    must_look = not isinstance(held_out, TargetRows) or not builder.never_short
    if not must_look:
        return places
    usable = np.ones(len(places), dtype=np.bool_)
    for at, place in enumerate(places.tolist()):
        held = held_out[place]
        _check_entry(held, protocol)
        if not builder.enough(held, None):
            usable[at] = False
        if progress is not None and (at + 1) % _SHOW_EVERY == 0:
            progress("cases", at + 1, len(places))
    if progress is not None:
        progress("cases", len(places), len(places))
    if not usable.all() and isinstance(protocol, Sampled):
        left_out[f"fewer than {protocol.negatives.n} items to draw negatives from"] = int((~usable).sum())
    return places[usable]


def _check_entry(held: HeldOut, protocol: ProtocolConfig) -> None:
    if isinstance(protocol, Labelled | RatingPrediction):
        if held.label is None or held.candidates is None or len(held.candidates) != 1:
            raise InputError(f"case {held.case_id!r} needs a label and exactly one candidate")
        if isinstance(protocol, Labelled) and held.label not in {0.0, 1.0}:
            raise InputError(
                f"case {held.case_id!r} has label {held.label}; protocol labelled takes 0 or 1, rating any number"
            )
        return
    if held.target is None:
        raise InputError(f"case {held.case_id!r} has no target")
    if isinstance(protocol, Sampled) and protocol.negatives.source == "given":
        given_candidates(held)
    if isinstance(protocol, EndToEnd) and protocol.source == "given":
        given_candidates(held, target_guaranteed=False)


def _asked(
    held_out: Sequence[HeldOut], places: Places, variant: Variant, builder: CaseBuilder, left_out: Counter[str]
) -> Places:
    """The entries that take part in a scenario; what it cannot ask is counted under its name."""
    if variant.first is not None:
        return places[: variant.first]
    if variant.name == FULL or variant.cross is None:
        return places
    reasons = [builder.unfit(held_out[place], variant) for place in places.tolist()]
    left_out.update(f"{variant.name}: {reason}" for reason in reasons if reason is not None)
    return places[np.fromiter((reason is None for reason in reasons), dtype=np.bool_, count=len(reasons))]
