"""Ways to score one user's candidates, for benchmarks that set them side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from benchmarks.packed_scoring import last_states_padded
from prompts.types import Prompt
from ranking.engine_settings import TransformersSettings, VllmSettings
from ranking.engines.packed_model import load_model
from ranking.engines.transformers import TransformersEngine
from ranking.engines.vllm import VllmEngine
from ranking.settings import ModelSettings

VLLM = "vllm server"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What every contender runs on."""

    dtype: str
    cache: Path
    vllm_url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """One user's candidates."""

    margins: tuple[float, ...]
    """The first label's lead over the second, for each candidate."""
    tokens: int | None
    """Tokens that went through the layers; None where a server does not tell."""


class Contender(Protocol):
    """One way to score."""

    async def score(self, prompt: Prompt) -> Scored:
        """All candidates of a prompt."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


class EngineContender:
    """An engine: all candidates in one call, or each in a call of its own after the one before."""

    def __init__(self, engine: TransformersEngine | VllmEngine, *, alone: bool = False) -> None:
        self._engine = engine
        self._alone = alone

    async def score(self, prompt: Prompt) -> Scored:
        """See Contender."""
        asked = [replace(prompt, branches=(branch,)) for branch in prompt.branches] if self._alone else [prompt]
        found = [scores for one in asked for scores in await self._engine.score([one])]
        branches = [branch for scores in found for branch in scores.branches]
        logits = [branch.label_logits for branch in branches]
        fresh = sum(scores.prefix_tokens - scores.cached_tokens for scores in found)
        return Scored(
            margins=tuple(pair[0] - pair[1] for pair in logits if pair is not None),
            tokens=None
            if isinstance(self._engine, VllmEngine)
            else fresh + sum(branch.n_tokens for branch in branches),
        )

    def close(self) -> None:
        """Ends the engine; a server goes on."""
        self._engine.close()


class PaddedContender:
    """transformers as it comes: the prefix once into its cache, then the candidates as a padded batch behind it."""

    def __init__(self, settings: ModelSettings, cache: Path) -> None:
        # Unstructured: the library's own attention.
        core = load_model(settings, cache, structured=False)
        self._model, self._encoder = core.model, core.encoder
        self._turn = asyncio.Lock()

    async def score(self, prompt: Prompt) -> Scored:
        """See Contender; one user at a time, first come, first served."""
        async with self._turn:
            return await asyncio.to_thread(self._score, prompt)

    def close(self) -> None:
        """Nothing to free."""

    def _score(self, prompt: Prompt) -> Scored:
        encoded = self._encoder.encode(prompt)
        if encoded.labels is None:
            raise ValueError("a prompt without labels has no margins")
        head = self._model.get_output_embeddings().weight
        with torch.inference_mode():
            margin = (head[encoded.labels[0]] - head[encoded.labels[1]]).float()
            margins = last_states_padded(self._model, encoded).float() @ margin
        shape = encoded.shape
        return Scored(margins=tuple(margins.tolist()), tokens=shape.prefix + max(shape.branches) * len(shape.branches))


def _embedded(setting: Setting, *, prefix_tokens: int, alone: bool = False) -> Contender:
    batching = TransformersSettings(prefix_tokens=prefix_tokens)
    return EngineContender(TransformersEngine(_model(setting), setting.cache, batching=batching), alone=alone)


def _padded(setting: Setting) -> Contender:
    return PaddedContender(_model(setting), setting.cache)


def _vllm(setting: Setting) -> Contender:
    server = VllmSettings(url=setting.vllm_url, read_timeout_s=600, timeout_s=600)
    return EngineContender(VllmEngine(ModelSettings(), server, setting.cache))


def _model(setting: Setting) -> ModelSettings:
    return ModelSettings.model_validate({"device": "cpu", "dtype": setting.dtype})


CONTENDERS: Mapping[str, Callable[[Setting], Contender]] = {
    "packed": partial(_embedded, prefix_tokens=0),
    "packed, prefix known": partial(_embedded, prefix_tokens=TransformersSettings().prefix_tokens),
    "padded batch": _padded,
    "one by one": partial(_embedded, prefix_tokens=0, alone=True),
    VLLM: _vllm,
}
"""By name. Only the second and the server keep what they know of a prefix from one list to the next."""
