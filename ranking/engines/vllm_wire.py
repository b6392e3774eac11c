"""What is sent to a vLLM server and what it answers, as far as FewRec looks at it (vLLM 0.32)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ranking.engines.http import Wire

TOKEN_ID = "token_id:"  # noqa: S105 - how the server names tokens when it is asked not to decode them


class Ask(Wire):
    """Body of /v1/completions; fields that are not set are not sent."""

    model: str
    prompt: tuple[tuple[int, ...], ...]
    """Token ids, so that both sides read the same prompt whatever their tokenizers."""
    max_tokens: int
    temperature: float
    repetition_penalty: float
    """Sent always: else the server takes what the model's folder recommends for chatting."""
    logprobs: int | None = None
    logprob_token_ids: tuple[int, ...] | None = None
    return_tokens_as_token_ids: bool | None = None
    prompt_logprobs: int | None = None
    structured_outputs: dict[str, Any] | None = None


class TokenLogprobs(Wire):
    """Log-probabilities of the tokens written, by name, place by place; null stands for none."""

    top_logprobs: list[dict[str, float | None] | None] = Field(default_factory=list)


class PromptToken(Wire):
    """One token of the prompt, seen from the tokens before it."""

    logprob: float | None = None


class Choice(Wire):
    """The answer to one prompt."""

    index: int
    text: str = ""
    finish_reason: str | None = None
    logprobs: TokenLogprobs | None = None
    prompt_logprobs: list[dict[int, PromptToken] | None] | None = None


class CachedTokens(Wire):
    """How many tokens of a prompt were computed before; for a request of several prompts, of the last one."""

    cached_tokens: int | None = None


class Usage(Wire):
    """Tokens of all prompts of a request."""

    completion_tokens: int | None = Field(default=None, ge=0)
    prompt_tokens_details: CachedTokens | None = None


class Completions(Wire):
    """Answer of /v1/completions, one choice for each prompt."""

    model: str
    choices: list[Choice]
    usage: Usage = Usage()


class AskScores(Wire):
    """Body of /generative_scoring."""

    model: str
    query: tuple[int, ...]
    items: tuple[tuple[int, ...], ...]
    label_token_ids: tuple[int, ...]
    apply_softmax: bool


class Score(Wire):
    """The first label's probability for one item; null stands for none."""

    index: int
    score: float | None


class Scores(Wire):
    """Answer of /generative_scoring, one score for each item."""

    model: str
    data: list[Score]
    usage: Usage = Usage()


class ModelCard(Wire):
    """A model that the server offers."""

    id: str
    root: str | None = None
    """Where the server loaded it from."""
    parent: str | None = None
    """The model that it is an adapter of."""
    max_model_len: int | None = None
    """Longest prompt and answer together, in tokens; an adapter has its parent's."""


class Models(Wire):
    """Answer of /v1/models."""

    data: list[ModelCard]
