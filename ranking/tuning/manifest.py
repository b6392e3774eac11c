"""What an adapter folder says of itself: fewrec-adapter.json."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict

from prompts.types import TemplateRef
from ranking.tuning.config import TuningSettings
from ranking.types import TunedPrompts

ADAPTER_FILE = "fewrec-adapter.json"
WEIGHTS_FILE = "adapter_model.safetensors"
PEFT_FILE = "adapter_config.json"
CARD_FILE = "README.md"
CHECKPOINT_FILE = "checkpoint.safetensors"

Ended: TypeAlias = Literal["finished", "patience", "interrupted"]


def _folder_name(name: str) -> str:
    if not name or name.startswith(".") or not name.isprintable() or not {"/", "\\"}.isdisjoint(name):
        raise ValueError("it names a folder, so it has no slash, no control character and no dot in front")
    return name


AdapterName: TypeAlias = Annotated[str, AfterValidator(_folder_name)]
"""A copy lies in a folder of that name among the promoted adapters, and nowhere else."""


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


class ValidationRecord(_Record):
    """One look at the validation examples; see ranking.tuning.types.Validation."""

    step: int
    n: int
    loss: float
    train_loss: float | None
    ndcg: float
    ndcg_alone: float


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
    ended: Ended
    start_adapter: str | None
    """Name and digest of the adapter that tuning started from; None from scratch."""
    validations: tuple[ValidationRecord, ...]
    """Every look at the validation examples, in order of steps."""


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


_ANSWERS = {"name", "base", "template", "strategy", "max_tokens", "fusion", "weights_sha256", "config_sha256"}


class AdapterManifest(_Record):
    """Everything there is to know of an adapter beside its weights."""

    format: int = 1
    name: AdapterName
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
    run: dict[str, str]
    """Digests of what the run depends on, by part; the same run may go on in this folder, another may not."""
    weights_sha256: str
    weights_bytes: int
    config_sha256: str | None = None
    """Of peft's configuration, which says how strongly and where the weights count; None in older adapters."""

    @property
    def label(self) -> str:
        """Name and the first 12 digits of the weights' digest: how answers name the adapter."""
        return f"{self.name}@{self.weights_sha256[:12]}"

    @property
    def answers_sha256(self) -> str:
        """Digest, in hex, of all that answers depend on: two adapters of the same weights may answer differently."""
        answers = json.dumps(self.model_dump(mode="json", include=_ANSWERS), sort_keys=True)
        return hashlib.sha256(answers.encode()).hexdigest()

    @property
    def tuned_prompts(self) -> TunedPrompts:
        """How the prompts were made."""
        return TunedPrompts(strategy=self.strategy, template=TemplateRef(**self.template.model_dump()))
