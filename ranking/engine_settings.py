"""Which engine runs the LLM, and how it is reached: one section, told apart by its kind."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, SecretStr

from retrieval.config import Section


class TransformersSettings(Section):
    """The model runs in this process, with packed scoring."""

    kind: Literal["transformers"] = "transformers"


class ServerSettings(Section):
    """A server that is asked over HTTP. How long everything may take is in seconds."""

    url: str
    """http://host:port, without the path."""
    api_key: SecretStr | None = None
    """Sent as a bearer token; give it as FEWREC_ENGINE__API_KEY rather than in a file."""
    connect_timeout_s: float = Field(default=3.0, gt=0)
    timeout_s: float = Field(default=60.0, gt=0)
    """Of one whole call, its repetitions included."""
    retries: int = Field(default=2, ge=0, le=10)
    """How often a request that did no harm is sent again."""
    concurrency: int = Field(default=8, ge=1, le=1024)
    """Requests under way at the same time; more wait."""


class VllmSettings(ServerSettings):
    """A vLLM server that serves the model of the section `model`, such as `fewrec vllm serve` starts."""

    kind: Literal["vllm"] = "vllm"
    url: str = "http://127.0.0.1:8100"
    served_model: str | None = None
    """The model's name at the server, or that of an adapter there; None is model.name (with an adapter merged into it,
    the name that `fewrec vllm serve` gives it)."""
    route: Literal["auto", "logprob_token_ids", "generative_scoring"] = "auto"
    """How labels are scored; auto takes the first that the server really supports."""


EngineSettings: TypeAlias = Annotated[TransformersSettings | VllmSettings, Field(discriminator="kind")]
