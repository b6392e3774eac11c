"""The engine behind a vLLM server: token ids go there, log-probabilities come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prompts.types import Dialogue, Prompt
from ranking.engine_settings import VllmSettings
from ranking.engines.encoding import EncodedPrompt, PromptEncoder
from ranking.engines.http import Server, all_or_none, wait_for
from ranking.engines.vllm_client import Labelled, VllmClient, offered_models
from ranking.engines.vllm_probe import Offer, probe
from ranking.engines.vllm_wire import ModelCard
from ranking.engines.vllm_writing import Writer
from ranking.errors import EngineError, ModelError, PromptTooLongError, ServerAnswerError
from ranking.models.manifest import weights_digest
from ranking.models.prepare import locate
from ranking.models.pretrained import load_tokenizer
from ranking.settings import ModelSettings
from ranking.tuning.adapter import Adapter, read_adapter
from ranking.types import BranchScore, Completion, EngineInfo, GenerationLimits, PromptScores

ONE_ANSWER_TOKEN = 1
"""The server counts the token that it writes against the model's context, so a prompt may be that much shorter."""


class VllmEngine:
    """Implements ranking.protocol.Engine and Generator over a vLLM server that serves the model of the settings.

    Prompts are rendered here, with the tokenizer and chat template of the model's own folder; all candidates of a
    prompt go in one request. What the server offers is found out when the engine is made, and that it serves the model
    asked for: by name, by its longest context, and by the digest of its weights where the name says it, as `fewrec vllm
    serve` has it. Raises the ServerErrors of ranking.errors, ModelError for a model that is not prepared here. An
    adapter is asked for by its label (name@digest): merged or attached, that is the server's affair.
    """

    def __init__(self, model: ModelSettings, settings: VllmSettings, cache: Path) -> None:
        adapter = None if model.adapter is None else read_adapter(model.adapter)
        folder = locate(model.name, cache)
        own = load_tokenizer(folder)
        self._encoder = PromptEncoder(own.tokenizer, model.name)
        self._server = Server(settings)
        try:
            wanted = _Wanted(model=model, folder=folder, adapter=adapter, name=settings.served_model)
            served = wait_for(_check_served, self._server, wanted)
            self._client = VllmClient(self._server, served.name)
            self._offer: Offer = wait_for(probe, self._client, self._encoder, settings.route)
        except BaseException:
            self._server.close()
            raise
        self._info = EngineInfo(
            engine="vllm",
            model=model.name,
            revision=served.revision,
            adapter=None if adapter is None else adapter.manifest.label,
            device="server on this machine" if settings.on_this_machine else "server elsewhere",
            dtype="unknown",
            max_context=min(served.max_context or own.max_context, own.max_context) - ONE_ANSWER_TOKEN,
            parameters=None,
            tuned=None if adapter is None else adapter.manifest.tuned_prompts,
            capabilities=self._offer.capabilities,
            route=self._offer.route,
        )
        self._writer = Writer(self._client, held="constrained" in self._offer.capabilities)

    @property
    def info(self) -> EngineInfo:
        """Which model answers, and over which route."""
        return self._info

    @property
    def control_tokens(self) -> frozenset[str]:
        """Texts that the tokenizer turns into control tokens."""
        return self._encoder.control_tokens

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without any start or end token."""
        return self._encoder.count_tokens(text)

    async def score(self, prompts: Sequence[Prompt]) -> list[PromptScores]:
        """Scores every branch of every prompt, one request for each prompt. See ranking.protocol.Engine.

        Raises the ServerErrors of ranking.errors, and EngineError for a prompt that the server's route cannot score.
        """
        encoded = [self._encoder.encode(prompt) for prompt in prompts]
        for prompt in encoded:
            self._check_fits(prompt.longest)
        return await all_or_none(self._scored(prompt) for prompt in encoded)

    async def generate(self, dialogues: Sequence[Dialogue], limits: GenerationLimits) -> list[Completion]:
        """What the model writes for each dialogue. See ranking.protocol.Generator and Writer."""
        encoded = [self._encoder.encode_dialogue(dialogue) for dialogue in dialogues]
        for prompt in encoded:
            self._check_fits(len(prompt) + limits.max_tokens - ONE_ANSWER_TOKEN)
        return await all_or_none(self._writer.write(prompt, limits, self._encoder) for prompt in encoded)

    def close(self) -> None:
        """Closes the connections; the server goes on."""
        self._server.close()

    def _check_fits(self, tokens: int) -> None:
        # The server would refuse some and cut others at their end without a word.
        if tokens > self._info.max_context:
            raise PromptTooLongError(
                f"a prompt of {tokens} tokens does not fit the {self._info.max_context} tokens that "
                f"{self._server.address} reads; show less history"
            )

    async def _scored(self, prompt: EncodedPrompt) -> PromptScores:
        if not prompt.branches:
            return PromptScores(branches=(), prefix_tokens=len(prompt.prefix), cached_tokens=0)
        found = await self._measured(prompt)
        with_labels = prompt.labels is not None
        return PromptScores(
            branches=tuple(
                BranchScore(
                    label_logits=values if with_labels else None,
                    text_logprob=None if with_labels else values[0],
                    n_tokens=branch.n_tokens,
                )
                for values, branch in zip(found.values, prompt.branches, strict=True)
            ),
            prefix_tokens=len(prompt.prefix),
            cached_tokens=min(found.cached_tokens, len(prompt.prefix)),
        )

    async def _measured(self, prompt: EncodedPrompt) -> Labelled:
        if prompt.labels is None:
            if "likelihood" not in self._info.capabilities:
                raise EngineError(
                    f"{self._server.address} does not tell how likely a text is; use a strategy that asks for labels, "
                    "such as --strategy yes-no"
                )
            whole = [prompt.prefix + branch.targets for branch in prompt.branches]
            return await self._client.text_logprobs(whole, [len(branch.targets) for branch in prompt.branches])
        if self._info.route == "logprob_token_ids":
            whole = [prompt.prefix + branch.fed for branch in prompt.branches]
            return await self._client.label_logprobs(whole, prompt.labels)
        if len(prompt.labels) != 2:
            raise EngineError(
                f"{self._server.address} scores two labels over /generative_scoring, not {len(prompt.labels)}; use a "
                "strategy of two labels, such as --strategy yes-no"
            )
        return await self._client.first_label_logits(
            prompt.prefix, [branch.fed for branch in prompt.branches], prompt.labels
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """What the server should serve."""

    model: ModelSettings
    folder: Path
    adapter: Adapter | None
    name: str | None
    """As the settings name it at the server; None: by the model's or the adapter's own name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Served:
    """What the server serves under the name asked for."""

    name: str
    revision: str
    max_context: int | None


def digest_name(model: str, digest: str) -> str:
    """The name under which `fewrec vllm serve` has a server say which weights it serves."""
    return f"{model}@{digest[:12]}"


async def _check_served(server: Server, wanted: _Wanted) -> _Served:
    """The model asked for, as the server offers it. Raises ServerAnswerError if it is another one."""
    cards = {card.id: card for card in await offered_models(server)}
    label = None if wanted.adapter is None else wanted.adapter.manifest.label
    name = wanted.name or label or wanted.model.name
    card = cards.get(name)
    if card is None:
        adapter = "" if wanted.model.adapter is None else f" --adapter {wanted.model.adapter}"
        raise ServerAnswerError(
            f"{server.address} serves {', '.join(sorted(cards)) or 'nothing'}, not {name}; start it with: fewrec vllm "
            f"serve --model {wanted.model.name}{adapter}, or name what it serves as served_model"
        )
    return _Served(name=name, revision=_revision(server, wanted, cards), max_context=_context(card, cards))


def _revision(server: Server, wanted: _Wanted, cards: dict[str, ModelCard]) -> str:
    """Digest of the weights where the server says which it serves and they lie here too; else "unverified"."""
    told = [name for name in cards if name.startswith(f"{wanted.model.name}@")]
    try:
        digest = weights_digest(wanted.folder)
    except ModelError:  # the tokenizer alone is enough to speak to a server
        return "unverified"
    if wanted.adapter is not None:
        wanted.adapter.check_base(wanted.model.name, digest)
        # Its label names its own weights, and these belong to one model only.
        return digest if wanted.adapter.manifest.label in cards else "unverified"
    if not told:
        return "unverified"
    if digest_name(wanted.model.name, digest) not in told:
        raise ServerAnswerError(
            f"{server.address} serves {told[0]}, while the weights in {wanted.folder} are {digest[:12]}; start it anew "
            "with: fewrec vllm serve"
        )
    return digest


def _context(card: ModelCard, cards: dict[str, ModelCard]) -> int | None:
    parent = cards.get(card.parent or "")
    return card.max_model_len or (None if parent is None else parent.max_model_len)
