"""The engine that runs a model in this process, with packed scoring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch

from prompts.types import Dialogue, Prompt
from ranking.engine_settings import EmbeddedSettings, TransformersSettings
from ranking.engines.attention import PrefixStates
from ranking.engines.batching import Batcher, BatchLimits, Wanted
from ranking.engines.encoding import EncodedPrompt
from ranking.engines.packed_model import PackedModel, load_model, piece_of
from ranking.engines.packing import Packed, Share, plan
from ranking.engines.prefix_cache import Known, PrefixCache
from ranking.engines.writing import Writer, Writing
from ranking.errors import EngineError, PromptTooLongError, RankingError
from ranking.settings import ModelSettings
from ranking.types import BranchScore, Capability, Completion, EngineInfo, EngineLoad, GenerationLimits, PromptScores
from retrieval.errors import one_line
from retrieval.protocol import Progress


class TransformersEngine:
    """Implements ranking.protocol.Engine, Generator and Streamer; branches and prompts that wait share a pass.

    Loads the model at once, preparing it first if need be, and merges its adapter; raises ModelError. The model works
    in one thread, first come, first served; between two tokens that it writes, scores that wait are computed, so that
    nobody's list waits for somebody's text. batching.prefix_tokens bounds the memory for prefixes seen before (for the
    default model in float32, 46 kB a token). structured=False uses the library's attention with a dense mask:
    slower, for comparison. core is a model that is loaded already, and route what its info says of how it came to it.
    """

    def __init__(
        self,
        settings: ModelSettings,
        cache: Path,
        progress: Progress | None = None,
        *,
        batching: EmbeddedSettings | None = None,
        structured: bool = True,
        core: PackedModel | None = None,
        route: str | None = None,
    ) -> None:
        self._core = core or load_model(settings, cache, progress, structured=structured)
        self._max_packed = settings.max_packed_tokens
        self._encoder = self._core.encoder
        self._writer = Writer(self._core.model, self._core.tokenizer)
        self._info = _info(settings, self._core, route, constrained=self._writer.forms.offered)
        chosen = batching or TransformersSettings()
        self._prefixes = PrefixCache(chosen.prefix_tokens)
        limits = BatchLimits(
            max_cost=self._max_packed, wait_s=chosen.batch_wait_ms / 1000, max_waiting=chosen.max_waiting
        )
        self._prefix_tokens = self._cached_tokens = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fewrec-engine")
        self._scoring: Batcher[EncodedPrompt, PromptScores] = Batcher(
            self._run, cost=_tokens, executor=self._worker, limits=limits
        )
        self._writing: Batcher[Writing, Completion] = Batcher(
            self._write, cost=lambda one: one.cost, executor=self._worker, limits=limits
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

    def load(self) -> EngineLoad:
        """Calls that wait, and how far the prefix cache helped. See ranking.protocol.Loaded."""
        return EngineLoad(
            waiting=self._scoring.waiting + self._writing.waiting,
            prefix_tokens=self._prefix_tokens,
            cached_tokens=self._cached_tokens,
        )

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch of every prompt, in order. See ranking.protocol.Engine; raises EngineError too.

        EngineBusyError says that too many calls wait already.
        """
        encoded = [self._encoder.encode(prompt) for prompt in prompts]
        for prompt in encoded:
            if prompt.longest > self._info.max_context:
                raise PromptTooLongError(
                    f"a prompt of {len(prompt.prefix)} tokens with a branch of {prompt.longest - len(prompt.prefix)} "
                    f"does not fit the {self._info.max_context} tokens of {self._info.model}; show less history"
                )
        return await self._scoring(encoded) if encoded else []

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the model writes for each dialogue, in order. See ranking.protocol.Generator.

        Raises EngineError too, for a JSON Schema that cannot be held to, and EngineBusyError as score does.
        """
        return await self._written(dialogues, limits)

    async def stream(self, dialogue: Dialogue, limits: GenerationLimits, tell: Callable[[str], None]) -> Completion:
        """See ranking.protocol.Streamer; raises what generate raises. tell is called in the worker thread."""
        [completion] = await self._written([dialogue], limits, _by_pieces(tell))
        return completion

    async def _written(
        self, dialogues: Sequence[Dialogue], limits: GenerationLimits, told: Callable[[str], None] | None = None
    ) -> list[Completion]:
        form = None
        if limits.constraint is not None and self._writer.forms.offered:
            form = await asyncio.to_thread(self._writer.forms.start, limits.constraint)
        asked = [
            Writing(prompt=self._encoder.encode_dialogue(dialogue), limits=limits, form=form, told=told)
            for dialogue in dialogues
        ]
        for one in asked:
            if one.cost > self._info.max_context:
                raise PromptTooLongError(
                    f"a dialogue of {len(one.prompt)} tokens with {limits.max_tokens} to write does not fit the "
                    f"{self._info.max_context} tokens of {self._info.model}; show fewer candidates or less history"
                )
        return await self._writing(asked) if asked else []

    def close(self) -> None:
        """Ends the worker thread after what waits was answered; may be called again."""
        self._worker.shutdown(wait=True)

    def _run(self, prompts: Sequence[EncodedPrompt], wanted: Wanted) -> list[PromptScores | None]:
        scores: list[list[BranchScore]] = [[] for _ in prompts]
        cached = [0] * len(prompts)
        with _model_errors(), torch.inference_mode():
            for planned in plan([prompt.shape for prompt in prompts], self._max_packed):
                shares = [share for share in planned if wanted(share.prompt)]
                packed = self._pass(prompts, shares, scores) if shares else None
                for share, span in zip(shares, packed.spans if packed else (), strict=True):
                    if share.start == 0:
                        cached[share.prompt] = span.cached
                        self._prefix_tokens += len(prompts[share.prompt].prefix)
                        self._cached_tokens += span.cached
        return [
            PromptScores(branches=tuple(branches), prefix_tokens=len(prompt.prefix), cached_tokens=known)
            if len(branches) == len(prompt.branches)
            else None
            for prompt, branches, known in zip(prompts, scores, cached, strict=True)
        ]

    def _write(self, asked: Sequence[Writing], wanted: Wanted) -> list[Completion | None]:
        with _model_errors(), torch.inference_mode():
            return self._writer.write(asked, wanted, self._scoring.serve)

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


def _by_pieces(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Takes a text that grows, and tells what was added to it; nothing twice, should it be written again."""
    told = 0

    def grown(text: str) -> None:
        nonlocal told
        if len(text) > told:
            tell(text[told:])
            told = len(text)

    return grown


def _tokens(prompt: EncodedPrompt) -> int:
    shape = prompt.shape
    return shape.prefix + sum(shape.branches)


@contextmanager
def _model_errors() -> Iterator[None]:
    """What the library raises becomes an EngineError of one line."""
    try:
        yield
    except RankingError:
        raise
    except RuntimeError as error:
        raise EngineError(f"the model failed: {one_line(error)[:300]}") from error


def _info(settings: ModelSettings, core: PackedModel, route: str | None, *, constrained: bool) -> EngineInfo:
    adapter = core.adapter
    capabilities: set[Capability] = {"labels", "likelihood", "generate"}
    if constrained:
        capabilities.add("constrained")
    return EngineInfo(
        engine="transformers" if core.graph is None else "openvino",
        model=settings.name,
        revision=core.revision,
        adapter=None if adapter is None else adapter.manifest.label,
        device=str(core.model.device),
        dtype=str(core.model.dtype).removeprefix("torch.") if core.precision is None else core.precision,
        max_context=core.max_context,
        parameters=core.model.num_parameters(),
        tuned=None if adapter is None else adapter.manifest.tuned_prompts,
        capabilities=frozenset(capabilities),
        route=route,
    )
