"""Settings of few-shot tuning. Frozen, unknown names refused."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from retrieval.config import Section

LossName: TypeAlias = Literal["listwise", "pairwise", "pointwise"]
StoredAs: TypeAlias = Literal["float32", "bfloat16", "float16"]


class TuningSettings(Section):
    """How an adapter is tuned. The defaults are the recipe that works for the default model from 256 examples on."""

    rank: int = Field(default=16, ge=1, le=256)
    """Inner width of the low-rank matrices."""
    alpha: float = Field(default=32.0, gt=0)
    """The adapter's output is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the adapter's inputs that is left out in training."""
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Layers that are adapted: every linear one but the output head, or those of these names (q_proj, …)."""
    layers: int | None = Field(default=None, ge=1)
    """Keep the first n layers of the model only; None keeps all. The adapter then serves with n layers too."""
    loss: LossName = "listwise"
    learning_rate: float = Field(default=3e-4, gt=0)
    """At its highest, after warming up; then it falls in a straight line to zero."""
    warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of all steps in which the learning rate rises from zero."""
    weight_decay: float = Field(default=0.0, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    """Longer gradients are scaled down to this length."""
    batch: int = Field(default=8, ge=1, le=4096)
    """Examples behind one step."""
    epochs: int = Field(default=1, ge=1)
    """How often every example is seen."""
    steps: int | None = Field(default=None, ge=1)
    """Number of steps; None is what the epochs take. Wins over epochs."""
    max_negatives: int | None = Field(default=7, ge=1)
    """Candidates of relevance 0 drawn anew from each list in each epoch; None takes them all."""
    evaluate_every: int = Field(default=16, ge=1)
    """Steps between two looks at the validation examples; the last step is always looked at."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many looks without a better one; None goes on to the end."""
    checkpoint_every: int = Field(default=8, ge=1)
    """Steps between two checkpoints."""
    max_pass_tokens: int = Field(default=512, ge=64)
    """Tokens of one pass that keeps what its gradient needs: memory for speed. Longer lists are computed in parts."""
    stored_as: StoredAs = "float32"
    """Number format of the adapter's file. It is trained in float32, beside a model in what model.dtype says."""
    seed: int = Field(default=0, ge=0)
