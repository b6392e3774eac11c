"""What a vLLM server really offers: each way to score is tried on a tiny prompt that is known, and its answer checked.

A server ignores fields that it does not know and answers with 200, so an offer counts when its effect was seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prompts.types import Dropped, Prompt, TemplateRef
from ranking.engines.encoding import PromptEncoder
from ranking.engines.vllm_client import VllmClient
from ranking.errors import ServerAnswerError, ServerError, ServerRefusedError
from ranking.types import Capability

Route: TypeAlias = Literal["logprob_token_ids", "generative_scoring"]
"""How labels are scored: by their log-probabilities on /v1/completions, or two of them on /generative_scoring."""

_PROMPT = Prompt(
    messages=(),
    slot_role="assistant",
    before="Count:",
    branches=(" one two three",),
    after="",
    answer="",
    labels=None,
    template=TemplateRef(name="probe", version=1, language="en", digest="0" * 12),
    dropped=Dropped(),
)
_UNLIKELY = "zq7"
"""What no model counts on with; written all the same, it shows that the server holds the model to a choice."""
_NEAR = 0.1
"""How far two ways to the log-probability of one token may be apart, in nats: number formats round differently."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What the server was seen to do."""

    route: Route
    capabilities: frozenset[Capability]


async def probe(client: VllmClient, encoder: PromptEncoder, wanted: Literal["auto"] | Route) -> Offer:
    """Finds the route for labels and what else is offered, with up to four short requests that hold nothing of a user.

    Raises the ServerErrors of ranking.errors, also where no route that is wanted works.
    """
    encoded = encoder.encode(_PROMPT)
    known = _Known(prefix=encoded.prefix, text=encoded.branches[0].targets)
    capabilities: set[Capability] = {"labels", "generate"}
    route, logprobs = await _route(client, known, wanted)
    if logprobs is not None and await _measures_texts(client, known, logprobs):
        capabilities.add("likelihood")
    if await _holds_to_a_choice(client, known):
        capabilities.add("constrained")
    return Offer(route=route, capabilities=frozenset(capabilities))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """The tiny prompt in tokens, and a text that may follow it."""

    prefix: tuple[int, ...]
    text: tuple[int, ...]

    @property
    def labels(self) -> tuple[int, ...]:
        """Its different tokens."""
        return tuple(dict.fromkeys(self.text))


async def _route(
    client: VllmClient, known: _Known, wanted: Literal["auto"] | Route
) -> tuple[Route, tuple[float, ...] | None]:
    """The first route that works, with the log-probability of each token of the text where it tells them."""
    refused: ServerError | None = None
    if wanted != "generative_scoring":
        try:
            return "logprob_token_ids", await _token_logprobs(client, known)
        except (ServerRefusedError, ServerAnswerError) as error:
            if wanted != "auto":
                raise
            refused = error
    try:
        await client.first_label_logits(known.prefix, [known.text], known.labels[:2])
    except (ServerRefusedError, ServerAnswerError) as error:
        # What the better route said is what there is to mend.
        raise refused or error from error
    return "generative_scoring", None


async def _token_logprobs(client: VllmClient, known: _Known) -> tuple[float, ...]:
    """Log-probability of each token of the text after those before it."""
    prompts = [known.prefix + known.text[:n] for n in range(len(known.text))]
    asked = await client.label_logprobs(prompts, known.labels)
    for values in asked.values:
        if math.fsum(map(math.exp, values)) > 1 + 1e-3:
            raise ServerAnswerError("the server's log-probabilities of single tokens add up to more than certainty")
    return tuple(values[known.labels.index(token)] for values, token in zip(asked.values, known.text, strict=True))


async def _measures_texts(client: VllmClient, known: _Known, logprobs: tuple[float, ...]) -> bool:
    """Whether the likelihood of a text is what its tokens' log-probabilities add up to."""
    try:
        asked = await client.text_logprobs([known.prefix + known.text], [len(known.text)])
    except (ServerRefusedError, ServerAnswerError):
        return False
    return abs(asked.values[0][0] - math.fsum(logprobs)) <= _NEAR * len(known.text)


async def _holds_to_a_choice(client: VllmClient, known: _Known) -> bool:
    try:
        written = await client.write(known.prefix, 16, {"choice": [_UNLIKELY]})
    except (ServerRefusedError, ServerAnswerError):
        return False
    return written.text == _UNLIKELY
