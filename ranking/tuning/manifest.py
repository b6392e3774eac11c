"""What an adapter folder says of itself: fewrec-adapter.json."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ranking.tuning.config import TuningSettings

ADAPTER_FILE = "fewrec-adapter.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PEFT_FILE = "adapter_config.json"
CARD_FILE = "README.md"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseModelRef(_Record):
    """The model that an adapter belongs to."""

    name: str
    digest: str
    """SHA-256 over its weight files, in hex."""
    layers: int | None
    """The first n layers only; None is all of them."""


class TemplateRecord(_Record):
    """The template that made the prompts."""

    name: str
    version: int
    language: str
    digest: str


class TrainingRecord(_Record):
    """How the weights came about."""

    examples: int
    validation: int
    """Number of validation examples."""
    steps: int
    best_step: int
    ndcg_before: float | None
    """NDCG@10 on the validation examples before the first step; None without any."""
    ndcg_best: float | None
    """The same with the weights of best_step."""
    ended: str
    start_adapter: str | None
    """Name and digest of the adapter that tuning started from; None from scratch."""


class MeasuredRow(_Record):
    """One number of the table of measurements."""

    case: str
    """What was measured on: data, slice, arm."""
    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    """Ends of the 95% interval; None where there is none."""
    n: int


class AdapterManifest(_Record):
    """Everything there is to know of an adapter beside its weights."""

    format: int = 1
    name: str
    base: BaseModelRef
    template: TemplateRecord
    strategy: str = "yes-no"
    max_tokens: int
    """Token budget of the prompts in training."""
    settings: TuningSettings
    seeds: dict[str, int]
    data: dict[str, str]
    """Digests: of the examples and the validation examples as rendered, and of data sets by name."""
    data_terms: str | None
    command: str | None
    training: TrainingRecord
    measured: tuple[MeasuredRow, ...] = ()
    fusion: dict[str, float] | None = None
    """Fusion weights fitted with this adapter, by signal; None where none were fitted."""
    packages: dict[str, str]
    """Versions of the packages that the weights depend on."""
    run: str
    """Digest of everything the run depends on; the same run may go on in this folder, another may not."""
    weights_sha256: str
    weights_bytes: int

    @property
    def label(self) -> str:
        """Name and the first 12 digits of the weights' digest: how answers name the adapter."""
        return f"{self.name}@{self.weights_sha256[:12]}"
