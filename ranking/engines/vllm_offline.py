"""vLLM inside this process, for offline runs on a GPU machine. Imported only when asked for; needs the extra `vllm`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from prompts.types import Prompt
from ranking.engine_settings import VllmOfflineSettings
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.errors import ConfigError, EngineError, PromptTooLongError
from ranking.models.manifest import weights_digest
from ranking.models.merged import merged_folder
from ranking.models.prepare import locate
from ranking.models.pretrained import load_tokenizer
from ranking.settings import ModelSettings
from ranking.tuning.adapter import read_adapter
from ranking.types import BranchScore, EngineInfo, PromptScores
from retrieval.errors import one_line

Ask: TypeAlias = Callable[[list[list[int]], dict[str, Any]], list[Any]]
"""Token ids of prompts, and fields of vllm.SamplingParams; gives one vllm.RequestOutput a prompt, in order."""


def load(folder: Path, model: ModelSettings, settings: VllmOfflineSettings) -> Ask:
    """Loads vllm.LLM. Raises ConfigError if vLLM is not installed here, EngineError if it cannot load the model."""
    try:
        import vllm
    except ImportError as error:
        raise ConfigError(
            f"engine vllm-offline needs vLLM in this environment ({one_line(error)}): pip install -e '.[vllm]' in the "
            "clone on a GPU machine, or use engine vllm, which is asked over HTTP"
        ) from error
    try:
        llm = vllm.LLM(
            model=str(folder),
            dtype=model.dtype,
            gpu_memory_utilization=settings.gpu_memory,
            enable_prefix_caching=True,
        )
    except Exception as error:  # the library raises whatever its start leads it to
        raise EngineError(f"vLLM cannot load {folder}: {one_line(error)[:300]}") from error

    def ask(prompts: list[list[int]], fields: dict[str, Any]) -> list[Any]:
        params = vllm.SamplingParams(max_tokens=1, temperature=0.0, **fields)
        given = [{"prompt_token_ids": prompt} for prompt in prompts]
        return list(llm.generate(given, params, use_tqdm=False))

    return ask


class VllmOfflineEngine:
    """Implements ranking.protocol.Engine with vllm.LLM; scores only. An adapter is merged into a copy of the model.

    One call at a time, in one thread; it holds all prompts that ask for the same labels, which vLLM batches.
    """

    def __init__(
        self,
        model: ModelSettings,
        settings: VllmOfflineSettings,
        cache: Path,
        *,
        load: Callable[[Path, ModelSettings, VllmOfflineSettings], Ask] = load,
    ) -> None:
        adapter = None if model.adapter is None else read_adapter(model.adapter)
        base = locate(model.name, cache)
        folder = base if adapter is None else merged_folder(model.name, adapter, cache)
        own = load_tokenizer(folder)
        self._encoder = PromptEncoder(own.tokenizer, model.name)
        self._ask = load(folder, model, settings)
        self._thread = ThreadPoolExecutor(1, "fewrec-vllm")
        self._info = EngineInfo(
            engine="vllm-offline",
            model=model.name,
            revision=weights_digest(base),
            adapter=None if adapter is None else adapter.manifest.label,
            device="cuda",
            dtype=model.dtype,
            max_context=own.max_context - 1,  # the token written counts too
            parameters=None,
            tuned=None if adapter is None else adapter.manifest.tuned_prompts,
            capabilities=frozenset({"labels", "likelihood"}),
            route="logprob_token_ids",
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
        """Scores every branch of every prompt. See ranking.protocol.Engine; raises EngineError too."""
        encoded = [self._encoder.encode(prompt) for prompt in prompts]
        for prompt in encoded:
            if prompt.longest > self._info.max_context:
                raise PromptTooLongError(
                    f"a prompt of {prompt.longest} tokens does not fit the {self._info.max_context} tokens of "
                    f"{self._info.model}; show less history"
                )
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._scored, encoded)

    def close(self) -> None:
        """Ends the thread; vLLM itself ends with the process."""
        self._thread.shutdown()

    def _scored(self, prompts: Sequence[EncodedPrompt]) -> list[PromptScores]:
        outputs = {
            labels: iter(self._outputs([prompt for prompt in prompts if prompt.labels == labels], labels))
            for labels in dict.fromkeys(prompt.labels for prompt in prompts)
        }
        return [_scores(prompt, list(islice(outputs[prompt.labels], len(prompt.branches)))) for prompt in prompts]

    def _outputs(self, prompts: Sequence[EncodedPrompt], labels: tuple[int, ...] | None) -> list[Any]:
        """What vLLM gives for all branches of the prompts, one after another; the prompts ask for these labels."""
        whole = [
            [*prompt.prefix, *(branch.targets if labels is None else branch.fed)]
            for prompt in prompts
            for branch in prompt.branches
        ]
        fields: dict[str, Any] = {"prompt_logprobs": 0}
        if labels is not None:
            fields = {"logprobs": len(labels), "logprob_token_ids": list(labels)}
        found = self._ask(whole, fields) if whole else []
        if len(found) != len(whole):
            raise EngineError(f"vLLM gave {len(found)} results for {len(whole)} prompts")
        return found


def _scores(prompt: EncodedPrompt, outputs: Sequence[Any]) -> PromptScores:
    cached = (getattr(outputs[-1], "num_cached_tokens", None) or 0) if outputs else 0
    return PromptScores(
        branches=tuple(
            BranchScore(
                label_logits=None if prompt.labels is None else _labels(output, prompt.labels),
                text_logprob=_text(output, branch.targets) if prompt.labels is None else None,
                n_tokens=branch.n_tokens,
            )
            for output, branch in zip(outputs, prompt.branches, strict=True)
        ),
        prefix_tokens=len(prompt.prefix),
        cached_tokens=min(cached, len(prompt.prefix)),
    )


def _labels(output: Any, labels: Sequence[int]) -> tuple[float, ...]:
    places = output.outputs[0].logprobs or [{}]
    return tuple(_finite(places[0].get(label)) for label in labels)


def _text(output: Any, targets: Sequence[int]) -> float:
    places = (output.prompt_logprobs or [])[-len(targets) :]
    if len(places) != len(targets):
        raise EngineError("vLLM left out log-probabilities of the prompt")
    return math.fsum(_finite((place or {}).get(token)) for place, token in zip(places, targets, strict=True))


def _finite(told: Any) -> float:
    if told is None or not math.isfinite(told.logprob):
        raise EngineError("vLLM left out a log-probability, or gave one that is not finite; try --dtype float32")
    return float(told.logprob)
