"""Settings of every baseline: a union told apart by `kind`. Defaults follow the papers or our measurements."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from retrieval.config import Section


class RandomConfig(Section):
    """A shuffle that depends on seed, case and item only."""

    kind: Literal["random"] = "random"


class PopularityConfig(Section):
    """Number of training users who took the item."""

    kind: Literal["popularity"] = "popularity"


class RecencyConfig(Section):
    """Items taken most lately by anybody come first."""

    kind: Literal["recency"] = "recency"


class LikedShareConfig(Section):
    """Share of the user's history that was liked, whatever is asked: for labelled cases only."""

    kind: Literal["liked-share"] = "liked-share"


class Bm25Config(Section):
    """BM25 between the words of the latest liked history items, title and attributes, and those of the candidate."""

    kind: Literal["bm25"] = "bm25"


class EmbeddingConfig(Section):
    """Cosine between the candidate and the latest liked history items, on the vectors of the Chroma index."""

    kind: Literal["embedding"] = "embedding"
    pooling: Literal["mean", "max"] = "max"
    """mean: cosine with the mean of the items; max: the largest cosine with one of them."""
    last: int | None = Field(default=None, ge=1, le=1000)
    """How many of the latest liked items; None is 3 for mean and 10 for max."""


class EmbeddingPopularityConfig(Section):
    """The embedding's cosine plus log popularity, with the weight between them fitted on validation cases."""

    kind: Literal["embedding-popularity"] = "embedding-popularity"
    pooling: Literal["mean", "max"] = "max"
    last: int | None = Field(default=None, ge=1, le=1000)
    """How many of the latest liked items; None is 3 for mean and 10 for max."""


class ItemKnnConfig(Section):
    """Item-to-item co-occurrence with the latest history items."""

    kind: Literal["item-knn"] = "item-knn"
    last: int = Field(default=20, ge=1, le=1000)
    """How many of the latest history items are looked at."""
    recency: float = Field(default=0.9, gt=0, le=1)
    """Weight of a history item per place that it lies back."""
    shrinkage: float = Field(default=0.0, ge=0)
    """Users whom every item is held to have beside its own; 0 is the plain cosine."""
    popularity: float = Field(default=0.003, ge=0, le=1)
    """Weight of log(1 + popularity), small enough to decide only where co-occurrence says little."""


class AlsConfig(Section):
    """Matrix factorisation for implicit feedback by alternating least squares (library implicit)."""

    kind: Literal["als"] = "als"
    factors: int = Field(default=32, ge=1, le=1024)
    iterations: int = Field(default=15, ge=1, le=1000)
    regularization: float = Field(default=0.05, ge=0, le=1000)
    alpha: float = Field(default=40.0, gt=0, le=10000)
    """Weight of an interaction that happened, beside 1 for one that did not."""


class BprConfig(Section):
    """Bayesian personalised ranking (library implicit)."""

    kind: Literal["bpr"] = "bpr"
    factors: int = Field(default=64, ge=1, le=1024)
    iterations: int = Field(default=100, ge=1, le=10000)
    learning_rate: float = Field(default=0.05, gt=0, le=10)
    regularization: float = Field(default=0.01, ge=0, le=1000)


class MeanConfig(Section):
    """Mean ratings: for rating prediction only."""

    kind: Literal["mean"] = "mean"
    of: Literal["global", "item", "user", "user-item"] = "user-item"
    """Which means the prediction follows; user-item adds both deviations to the global mean."""
    damping: float = Field(default=5.0, ge=0, le=10000)
    """Pseudo-ratings at the mean, so that few ratings move little."""


class BiasedMfConfig(Section):
    """Matrix factorisation with user and item biases by alternating least squares (library lenskit): needs ratings."""

    kind: Literal["biased-mf"] = "biased-mf"
    factors: int = Field(default=50, ge=1, le=1024)
    epochs: int = Field(default=10, ge=1, le=1000)
    regularization: float = Field(default=0.1, gt=0, le=1000)
    """Per rating of the user or item."""
    damping: float = Field(default=5.0, ge=0, le=10000)
    """Pseudo-ratings at the mean, in the biases."""


class NeuralMfConfig(Section):
    """Neural matrix factorisation: dot product of user and item embeddings, squared error, Adam, in PyTorch."""

    kind: Literal["neural-mf"] = "neural-mf"
    dimension: int = Field(default=64, ge=1, le=1024)
    epochs: int = Field(default=10, ge=1, le=1000)
    batch_size: int = Field(default=32, ge=1, le=1_000_000)
    """Interactions a step. 1024 fits about fifteen times faster, and is another model: find its learning rate anew."""
    learning_rate: float = Field(default=0.001, gt=0, le=1)
    negatives: int = Field(default=4, ge=1, le=100)
    """Random items per interaction, with target 0, where the feedback is implicit; unused for ratings."""


class SasrecConfig(Section):
    """Self-attentive sequential recommendation, in PyTorch; stops early on the last item of training histories."""

    kind: Literal["sasrec"] = "sasrec"
    dimension: int = Field(default=64, ge=2, le=1024)
    blocks: int = Field(default=2, ge=1, le=12)
    heads: int = Field(default=1, ge=1, le=16)
    max_length: int = Field(default=50, ge=1, le=1000)
    """How many of the latest history items are read."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    epochs: int = Field(default=40, ge=1, le=10000)
    """At most; training stops once validation has not improved for `patience` epochs. One has 32 steps at least."""
    patience: int = Field(default=4, ge=1, le=1000)
    batch_size: int = Field(default=256, ge=1, le=100_000)
    learning_rate: float = Field(default=0.001, gt=0, le=1)
    negatives: int = Field(default=256, ge=1, le=100_000)
    """Sampled items per batch that every position's next item is told from (softmax loss)."""


class SignalsConfig(Section):
    """The yardstick without an LLM: retrieval's own signals under weights fitted on validation cases."""

    kind: Literal["signals"] = "signals"
    l2: float = Field(default=1.0, ge=0, le=1_000_000)
    """Shrinkage towards 0: l2 / 2 times the squared weights, beside the summed log-likelihood of the cases."""
    shrinkage: float | None = Field(default=None, ge=0)
    """See retrieval.cooccurrence_shrinkage, whose value it has unless told otherwise."""


BaselineConfig: TypeAlias = Annotated[
    RandomConfig
    | PopularityConfig
    | RecencyConfig
    | LikedShareConfig
    | Bm25Config
    | EmbeddingConfig
    | EmbeddingPopularityConfig
    | ItemKnnConfig
    | AlsConfig
    | BprConfig
    | MeanConfig
    | BiasedMfConfig
    | NeuralMfConfig
    | SasrecConfig
    | SignalsConfig,
    Field(discriminator="kind"),
]
