"""Examples as the model reads them: put into words and tokens as for serving, in an order derived from a seed."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

from prompts.errors import BudgetError
from prompts.render import render
from prompts.template import Template
from prompts.types import TokenBudget
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.errors import PromptTooLongError, TuningError
from ranking.tuning.types import TuningExample


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedExample:
    """One list, ready for the model. All tuples are in the order of the prompt's branches."""

    example_id: str
    prompt: EncodedPrompt
    item_ids: tuple[str, ...]
    relevance: tuple[float, ...]
    offsets: tuple[float, ...] | None

    def narrowed(self, seed: int, epoch: int, max_negatives: int | None) -> EncodedExample:
        """The list with at most so many of its candidates of relevance 0, drawn by seed, epoch and ids."""
        negatives = [index for index, value in enumerate(self.relevance) if value == 0]
        if max_negatives is None or len(negatives) <= max_negatives:
            return self
        negatives.sort(key=lambda at: _drawn(seed, "negatives", epoch, self.example_id, self.item_ids[at], at))
        left_out = set(negatives[max_negatives:])
        chosen = [index not in left_out for index in range(len(self.relevance))]
        return replace(
            self,
            prompt=replace(self.prompt, branches=tuple(compress(self.prompt.branches, chosen))),
            item_ids=tuple(compress(self.item_ids, chosen)),
            relevance=tuple(compress(self.relevance, chosen)),
            offsets=None if self.offsets is None else tuple(compress(self.offsets, chosen)),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedSet:
    """The examples of a run that have something to teach."""

    examples: tuple[EncodedExample, ...]
    digest: str
    """SHA-256, in hex, of all prompts, relevances, offsets and ids, whatever their order."""
    notes: tuple[str, ...]


class Encoder:
    """Puts examples into words and tokens, as the strategy yes-no and the engine do."""

    def __init__(self, template: Template, max_tokens: int, encoder: PromptEncoder, max_context: int) -> None:
        self._template = template
        self._budget = TokenBudget(max_tokens=max_tokens, count_tokens=encoder.count_tokens)
        self._encoder = encoder
        self._max_context = max_context

    def encode(self, examples: Sequence[TuningExample], what: str) -> EncodedSet:
        """All examples but those whose candidates all read alike; what names them in errors.

        Raises TuningError if an id comes twice, nothing is left, or a prompt does not fit.
        """
        ids = [example.example_id for example in examples]
        if len(set(ids)) < len(ids):
            twice = next(one for index, one in enumerate(ids) if one in ids[:index])
            raise TuningError(f"{what}: id {twice!r} comes twice; every example needs its own")
        hashes, encoded = [], []
        for example in examples:
            prompt, digest = self._prompt(example)
            hashes.append(json.dumps([example.example_id, digest, example.relevance, example.offsets]))
            if len(set(prompt.branches)) > 1:
                encoded.append(
                    EncodedExample(
                        example_id=example.example_id,
                        prompt=prompt,
                        item_ids=tuple(item.item_id for item in example.context.candidates),
                        relevance=example.relevance,
                        offsets=example.offsets,
                    )
                )
        alike = len(examples) - len(encoded)
        if alike and not encoded:
            raise TuningError(
                f"{what}: in each the candidates all read alike, so the model cannot tell them apart; give the items "
                "titles of their own"
            )
        return EncodedSet(
            examples=tuple(encoded),
            digest=hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest(),
            notes=(f"{what}: {alike} left out because their candidates all read alike.",) if alike else (),
        )

    def _prompt(self, example: TuningExample) -> tuple[EncodedPrompt, str]:
        try:
            prompt = render(self._template, example.context, self._budget, self._encoder.control_tokens)
        except BudgetError as error:
            raise TuningError(f"example {example.example_id!r}: {error}") from error
        encoded = self._encoder.encode(prompt)
        if encoded.longest > self._max_context:
            raise PromptTooLongError(
                f"example {example.example_id!r}: its {encoded.longest} tokens do not fit the {self._max_context} of "
                f"the model; show less history"
            )
        return encoded, prompt.digest


class Schedule:
    """Which examples each step sees. A function of seed, step and ids: neither input order nor a restart matters."""

    def __init__(
        self, examples: Sequence[EncodedExample], *, batch: int, epochs: int, steps: int | None, seed: int
    ) -> None:
        self._examples = examples
        self._batch = batch
        self._seed = seed
        self._per_epoch = math.ceil(len(examples) / batch)
        self.steps = self._per_epoch * epochs if steps is None else steps
        """Number of steps in all."""
        self._epoch: int | None = None
        self._order: list[EncodedExample] = []
        """Of the epoch that was asked for last; empty before."""

    def batch(self, step: int, max_negatives: int | None) -> list[EncodedExample]:
        """The examples of step 0, 1, …; the last batch of an epoch may be smaller."""
        epoch, place = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            self._order = sorted(self._examples, key=lambda one: _drawn(self._seed, "order", epoch, one.example_id))
            self._epoch = epoch
        chosen = self._order[place * self._batch : (place + 1) * self._batch]
        return [example.narrowed(self._seed, epoch, max_negatives) for example in chosen]


def derived_seed(seed: int, purpose: str, *parts: object) -> int:
    """A seed of 63 bits for one purpose."""
    return int.from_bytes(_drawn(seed, purpose, *parts)[:8], "big") >> 1


def _drawn(seed: int, purpose: str, *parts: object) -> bytes:
    return hashlib.sha256("|".join([str(seed), purpose, *map(str, parts)]).encode()).digest()
