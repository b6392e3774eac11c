"""Which engine runs the LLM, and how it is reached: one section, told apart by its kind."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, SecretStr, field_validator, model_validator

from retrieval.config import Section


class EmbeddedSettings(Section):
    """The model runs in this process, with packed scoring."""

    batch_wait_ms: float = Field(default=3.0, ge=0, le=1000)
    """How long a request waits for others to share its forward pass while the model is idle; 0 starts at once. Requests
    that come while the model works wait anyway and share the next pass."""
    max_waiting: int = Field(default=64, ge=1, le=100_000)
    """Requests that may wait for the model; one more is refused at once and told when to come back."""
    prefix_tokens: int = Field(default=2048, ge=0, le=1_000_000)
    """Tokens of beginnings of prompts whose computed states are kept for the next ones (46 kB a token for the default
    model in float32); 0 keeps none."""


class TransformersSettings(EmbeddedSettings):
    """By torch, or on a CPU by OpenVINO where that was measured to be faster and to rank alike."""

    kind: Literal["transformers"] = "transformers"
    fast_lane: Literal["auto", "off"] = "auto"
    """auto: OpenVINO scores where `fewrec models prepare --fast-lane` found on this machine that it ranks as torch does
    in float32 and is faster; off: torch does."""


class OpenVinoSettings(EmbeddedSettings):
    """OpenVINO scores on the CPU, whatever was measured (extra `openvino`); torch writes."""

    kind: Literal["openvino"] = "openvino"
    precision: Literal["int8", "int8-weights", "float32"] = "float32"
    """float32 ranks as torch does; int8 (weights and activations, calibrated on prompts of the sample) and int8-weights
    (activations as they come) rank differently, and the answer's `route` says what was measured of them."""


class ServerSettings(Section):
    """A server that is asked over HTTP: where it is, and how long and how often it is asked."""

    url: str
    """http://host:port, with the path that comes before everything if there is one."""
    remote: bool = False
    """Must be true for a server that is not on this machine: prompts, with what a user bought or saw, go to it."""
    api_key: SecretStr | None = None
    """Sent as a bearer token and never shown; give it as FEWREC_ENGINE__API_KEY rather than in a file."""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=600)
    read_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest silence of the server while it is waited for."""
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    """Of one request with its retries, from the moment it is its turn."""
    retries: int = Field(default=2, ge=0, le=10)
    """Further tries of a request that the server did not take: no connection, or told to come later (429, 503)."""
    retry_wait_s: float = Field(default=0.5, gt=0, le=60)
    """Longest wait before the first retry; doubles with each one. The wait is drawn between half of it and all."""
    max_retry_after_s: float = Field(default=10.0, ge=0, le=600)
    """A server that asks for a longer wait than this is not asked again."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests under way at a time; more wait for their turn."""
    max_response_bytes: int = Field(default=16 * 2**20, ge=1024, le=2**30)

    @field_validator("url")
    @classmethod
    def _an_address_and_nothing_else(cls, url: str) -> str:
        # The messages do not repeat the address: it may hold a password.
        try:
            parts = urlsplit(url)
            named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            named = False
        if not named or parts.scheme not in {"http", "https"}:
            raise ValueError("must look like http://host:port")
        if "@" in parts.netloc:
            raise ValueError("must hold no user name or password; give a key as api_key")
        if parts.query or parts.fragment:
            raise ValueError("must end with the path; a ?query or #fragment does not belong to a server's address")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _leaves_this_machine_only_if_told(self) -> Self:
        if not self.on_this_machine and not self.remote:
            raise ValueError(
                f"{self.url} is not on this machine; set remote to true if prompts may be sent there "
                "(`fewrec prompt render` shows what would be sent)"
            )
        return self

    @property
    def on_this_machine(self) -> bool:
        """Whether the address is a loopback one."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


class VllmSettings(ServerSettings):
    """A vLLM server that serves the model of the section `model`, such as `fewrec vllm serve` starts."""

    kind: Literal["vllm"] = "vllm"
    url: str = "http://127.0.0.1:8100"
    served_model: str | None = None
    """The model's name at the server, or that of an adapter there; None is model.name (with an adapter merged into it,
    the name that `fewrec vllm serve` gives it)."""
    route: Literal["auto", "logprob_token_ids", "generative_scoring"] = "auto"
    """How labels are scored; auto takes the first that the server really supports."""


class VllmOfflineSettings(Section):
    """vLLM in this process, for offline runs on a GPU machine (extra `vllm`); a server is asked with kind vllm."""

    kind: Literal["vllm-offline"] = "vllm-offline"
    gpu_memory: float = Field(default=0.9, gt=0, le=1)
    """Share of the GPU's memory that vLLM takes."""


class OpenAISettings(ServerSettings):
    """Any OpenAI-compatible server: Ollama, llama.cpp, LM Studio, a hosted API. Its address has no default.

    It is the address that /chat/completions comes after; without a path, /v1 is added.
    """

    kind: Literal["openai"] = "openai"
    served_model: str = Field(min_length=1)
    """The model's name at the server."""
    max_context: int = Field(default=4096, ge=64)
    """Longest prompt and answer in tokens, as the server runs the model. Some servers cut what is longer and say
    nothing, so this must not be more than theirs; tokens are estimated from above."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Further fields of every request, such as {reasoning_effort: none} for a model that would think first."""

    @field_validator("url")
    @classmethod
    def _with_the_usual_path(cls, url: str) -> str:
        return url if urlsplit(url).path else f"{url}/v1"


EngineSettings: TypeAlias = Annotated[
    TransformersSettings | OpenVinoSettings | VllmSettings | VllmOfflineSettings | OpenAISettings,
    Field(discriminator="kind"),
]
