"""The engine that runs a model in this process, with packed scoring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from prompts.types import Prompt
from ranking.engines.attention import PrefixStates
from ranking.engines.batching import Batcher
from ranking.engines.encoding import EncodedPrompt
from ranking.engines.packed_model import load_model, piece_of
from ranking.engines.packing import Packed, Share, plan
from ranking.engines.prefix_cache import Known, PrefixCache
from ranking.errors import EngineError, PromptTooLongError, RankingError
from ranking.settings import ModelSettings
from ranking.types import BranchScore, EngineInfo, PromptScores
from retrieval.errors import one_line
from retrieval.protocol import Progress


class TransformersEngine:
    """Implements ranking.protocol.Engine. All branches of a prompt, and prompts that wait together, share a pass.

    Loads the model at once, preparing it first if need be, and merges its adapter; raises ModelError. The forward
    passes run in one worker thread. prefix_tokens bounds the memory for prefixes seen before (for the default model in
    float32, 46 kB a token); 0 turns it off. structured=False uses the library's attention with a dense mask: slower,
    for comparison.
    """

    def __init__(
        self,
        settings: ModelSettings,
        cache: Path,
        progress: Progress | None = None,
        *,
        prefix_tokens: int = 2048,
        structured: bool = True,
    ) -> None:
        self._core = load_model(settings, cache, progress, structured=structured)
        self._max_packed = settings.max_packed_tokens
        self._encoder = self._core.encoder
        self._prefixes = PrefixCache(prefix_tokens)
        self._batcher: Batcher[EncodedPrompt, PromptScores] = Batcher(self._run, "fewrec-engine")
        adapter = self._core.adapter
        self._info = EngineInfo(
            engine="transformers",
            model=settings.name,
            revision=self._core.revision,
            adapter=None if adapter is None else adapter.manifest.label,
            device=str(self._core.model.device),
            dtype=str(self._core.model.dtype).removeprefix("torch."),
            max_context=self._core.max_context,
            parameters=self._core.model.num_parameters(),
            tuned=None if adapter is None else adapter.manifest.tuned_prompts,
        )

    @property
    def info(self) -> EngineInfo:
        """Which model answers."""
        return self._info

    @property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer turns into control tokens."""
        return self._encoder.control_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without any start or end token."""
        return self._encoder.count_tokens(text)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch of every prompt, in order. See ranking.protocol.Engine; raises EngineError too."""
        encoded = [self._encoder.encode(prompt) for prompt in prompts]
        for prompt in encoded:
            if prompt.longest > self._info.max_context:
                raise PromptTooLongError(
                    f"a prompt of {len(prompt.prefix)} tokens with a branch of {prompt.longest - len(prompt.prefix)} "
                    f"does not fit the {self._info.max_context} tokens of {self._info.model}; show less history"
                )
        return await self._batcher(encoded)

    def close(self) -> None:
        """Ends the worker thread."""
        self._batcher.close()

    def _run(self, prompts: Sequence[EncodedPrompt]) -> list[PromptScores]:
        scores: list[list[BranchScore]] = [[] for _ in prompts]
        cached = [0] * len(prompts)
        try:
            with torch.inference_mode():
                for shares in plan([prompt.shape for prompt in prompts], self._max_packed):
                    packed = self._pass(prompts, shares, scores)
                    for share, span in zip(shares, packed.spans, strict=True):
                        if share.start == 0:
                            cached[share.prompt] = span.cached
        except RankingError:
            raise
        except RuntimeError as error:
            raise EngineError(f"the model failed: {one_line(error)[:300]}") from error
        return [
            PromptScores(branches=tuple(branches), prefix_tokens=len(prompt.prefix), cached_tokens=known)
            for prompt, branches, known in zip(prompts, scores, cached, strict=True)
        ]

    def _pass(
        self, prompts: Sequence[EncodedPrompt], shares: Sequence[Share], scores: list[list[BranchScore]]
    ) -> Packed:
        """One forward pass; appends the scores of the shares' branches."""
        known = [self._known(prompts[share.prompt]) for share in shares]
        passed = self._core.forward(
            [
                piece_of(prompts[share.prompt], share, 0 if hit is None else hit.length)
                for share, hit in zip(shares, known, strict=True)
            ],
            [None if hit is None else hit.states for hit in known],
        )
        for index, (share, span) in enumerate(zip(shares, passed.packed.spans, strict=True)):
            prompt = prompts[share.prompt]
            if self._core.structured:
                self._prefixes.store(prompt.prefix, PrefixStates(layers=tuple(passed.kept[index])))
            branches = prompt.branches[share.start : share.stop]
            scores[share.prompt] += self._core.readout.branches(passed.hidden, span, prompt, branches)
        return passed.packed

    def _known(self, prompt: EncodedPrompt) -> Known | None:
        return self._prefixes.longest(prompt.prefix) if self._core.structured else None
