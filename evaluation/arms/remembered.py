"""A strategy that remembers: what was scored once, by anybody, is not scored again."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from prompts.types import Dropped, PromptContext, TemplateRef
from ranking.protocol import Strategy
from ranking.types import BranchScore, Completion, ParseReport, StrategyScores, Written

FORMAT = 3
"""Raised when a strategy changes what it computes, or when the stored form changes."""


class ByteStore(Protocol):
    """Where scores are kept; evaluation.run.scores.ScoreCache is one."""

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The stored values by key; keys that are not stored are absent."""

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Stores all values or none."""


class Forgetful:
    """A ByteStore that keeps nothing, so that the model runs every time."""

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Nothing."""
        del keys
        return {}

    def put_many(self, values: Mapping[str, bytes]) -> None:
        """Lets the values go."""
        del values


class Remembered:
    """Implements ranking.protocol.Strategy over another one.

    `identity` names everything beside the context that a score depends on: model, revision, adapter, number format,
    template, budget. Contexts differ where anything in them differs, down to timestamps and attributes, but for user
    ids.
    """

    def __init__(self, strategy: Strategy, store: ByteStore, identity: Mapping[str, object]) -> None:
        self.name = strategy.name
        self._strategy = strategy
        self._store = store
        self._identity = {"format": FORMAT, "strategy": strategy.name, **identity}

    async def score(self, contexts: Sequence[PromptContext]) -> list[StrategyScores]:
        """One verdict per context, in order; the model runs for those that are new."""
        keys = [self._key(context) for context in contexts]
        known = {key: _read(value) for key, value in self._store.get_many(list(dict.fromkeys(keys))).items()}
        new = {key: context for key, context in zip(keys, contexts, strict=True) if key not in known}
        if new:
            verdicts = await self._strategy.score(list(new.values()))
            fresh = dict(zip(new, verdicts, strict=True))
            self._store.put_many({key: orjson.dumps(verdict) for key, verdict in fresh.items()})
            known |= fresh
        return [known[key] for key in keys]

    def _key(self, context: PromptContext) -> str:
        user = context.user
        told = dataclasses.asdict(context)
        # Of a user prompts tell the attributes, not who it is: nor does it matter whether the store knows them.
        told["user"] = None if user is None or not user.attributes else user.attributes
        whole = {"identity": self._identity, "context": told}
        return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(stored: bytes) -> StrategyScores:
    values: dict[str, Any] = orjson.loads(stored)
    return StrategyScores(
        scores=tuple(values["scores"]),
        branches=None if values["branches"] is None else tuple(_branch(branch) for branch in values["branches"]),
        prompt_digest=values["prompt_digest"],
        template=TemplateRef(**values["template"]),
        dropped=Dropped(**values["dropped"]),
        prompt_tokens=values["prompt_tokens"],
        model_calls=values["model_calls"],
        completion_tokens=values["completion_tokens"],
        outputs=tuple(_written(output) for output in values["outputs"]),
        agreement=values["agreement"],
    )


def _written(values: dict[str, Any]) -> Written:
    return Written(completion=Completion(**values["completion"]), report=ParseReport(**values["report"]))


def _branch(values: dict[str, Any]) -> BranchScore:
    logits = values["label_logits"]
    return BranchScore(
        label_logits=None if logits is None else tuple(logits),
        text_logprob=values["text_logprob"],
        n_tokens=values["n_tokens"],
        unseen=tuple(values.get("unseen", ())),
    )
