"""The engine that runs a model in this process, with packed scoring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from prompts.types import Prompt
from ranking.engines.attention import Packing, PrefixStates, packed_attention
from ranking.engines.batching import Batcher
from ranking.engines.device import choose_device, choose_dtype
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.engines.packing import Packed, Piece, Share, attention_mask, pack, plan
from ranking.engines.prefix_cache import PrefixCache
from ranking.engines.readout import Readout
from ranking.errors import EngineError, ModelError, PromptTooLongError, RankingError
from ranking.models.manifest import weights_digest
from ranking.models.prepare import locate, prepare
from ranking.models.pretrained import load_pretrained
from ranking.settings import ModelSettings
from ranking.types import BranchScore, EngineInfo, PromptScores
from retrieval.protocol import Progress


class TransformersEngine:
    """Implements ranking.protocol.Engine. All branches of a prompt, and prompts that wait together, share a pass.

    Loads the model at once, preparing it first if need be; raises ModelError. The forward passes run in one worker
    thread. prefix_tokens bounds the memory for prefixes seen before (for the default model in float32, 46 kB a token);
    0 turns it off. structured=False uses the library's attention with a dense mask: slower, for comparison.
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
        if settings.adapter is not None:
            raise ModelError(f"adapter {settings.adapter}: this engine does not load adapters; leave the setting out")
        folder = _folder(settings.name, cache, progress)
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        device = choose_device(settings.device)
        dtype = choose_dtype(settings.dtype, device)
        loaded = load_pretrained(folder, device=device, dtype=dtype, attention=packed_attention if structured else None)
        self._model = loaded.model
        self._structured = loaded.structured
        self._max_packed = settings.max_packed_tokens
        self._encoder = PromptEncoder(loaded.tokenizer, settings.name)
        self._readout = _readout(loaded.model)
        self._prefixes = PrefixCache(prefix_tokens)
        self._batcher: Batcher[EncodedPrompt, PromptScores] = Batcher(self._run, "fewrec-engine")
        self._info = EngineInfo(
            engine="transformers",
            model=settings.name,
            revision=weights_digest(folder),
            adapter=None,
            device=str(loaded.model.device),
            dtype=str(dtype).removeprefix("torch."),
            max_context=loaded.max_context,
            parameters=loaded.model.num_parameters(),
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
            raise EngineError(f"the model failed: {' '.join(str(error).split())[:300]}") from error
        return [
            PromptScores(branches=tuple(branches), prefix_tokens=len(prompt.prefix), cached_tokens=known)
            for prompt, branches, known in zip(prompts, scores, cached, strict=True)
        ]

    def _pass(
        self, prompts: Sequence[EncodedPrompt], shares: Sequence[Share], scores: list[list[BranchScore]]
    ) -> Packed:
        """One forward pass; appends the scores of the shares' branches."""
        known = [self._prefixes.longest(prompts[share.prompt].prefix) if self._structured else None for share in shares]
        packed = pack(
            [
                Piece(
                    prefix=prompts[share.prompt].prefix,
                    cached=0 if hit is None else hit.length,
                    branches=tuple(branch.fed for branch in prompts[share.prompt].branches[share.start : share.stop]),
                )
                for share, hit in zip(shares, known, strict=True)
            ]
        )
        packing = Packing(packed, [None if hit is None else hit.states for hit in known], self._model.device)
        hidden = self._forward(packed, packing)
        for index, (share, span) in enumerate(zip(shares, packed.spans, strict=True)):
            prompt = prompts[share.prompt]
            if self._structured:
                self._prefixes.store(prompt.prefix, PrefixStates(layers=tuple(packing.kept[index])))
            branches = prompt.branches[share.start : share.stop]
            scores[share.prompt] += self._readout.branches(hidden, span, prompt, branches)
        return packed

    def _forward(self, packed: Packed, packing: Packing) -> torch.Tensor:
        """Last hidden states, shape (n, width)."""
        device = self._model.device
        if self._structured:
            # The library hands a four-dimensional mask on as it is; the attention goes by the packing instead.
            arguments: dict[str, Any] = {"packing": packing}
            mask = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device)
        else:
            arguments = {}
            allowed = torch.from_numpy(attention_mask(packed)).to(device)[None, None]
            mask = torch.zeros(allowed.shape, dtype=self._model.dtype, device=device)
            mask.masked_fill_(~allowed, torch.finfo(self._model.dtype).min)
        output = self._model.base_model(
            input_ids=torch.from_numpy(packed.ids).to(device)[None],
            position_ids=torch.from_numpy(packed.positions).to(device)[None],
            attention_mask=mask,
            use_cache=False,
            **arguments,
        )
        hidden: torch.Tensor = output.last_hidden_state[0]
        return hidden


def _folder(name: str, cache: Path, progress: Progress | None) -> Path:
    try:
        # Sizes are compared here, hashes only when it is made ready or verified: that would slow every start.
        return locate(name, cache)
    except ModelError:
        return prepare(name, cache, progress)


def _readout(model: Any) -> Readout:
    head = model.get_output_embeddings()
    config = model.config.get_text_config()
    scale = getattr(config, "logit_scale", None) or 1.0
    scale /= getattr(config, "logits_scaling", None) or 1.0
    return Readout(
        head.weight, getattr(head, "bias", None), scale=scale, cap=getattr(config, "final_logit_softcapping", None)
    )
