"""Builds a baseline from its configuration. Libraries are imported only by the kinds that need them."""

from __future__ import annotations

from evaluation.baselines.config import (
    AlsConfig,
    BaselineConfig,
    BiasedMfConfig,
    Bm25Config,
    BprConfig,
    EmbeddingConfig,
    EmbeddingPopularityConfig,
    ItemKnnConfig,
    MeanConfig,
    NeuralMfConfig,
    PopularityConfig,
    RandomConfig,
    RecencyConfig,
    SasrecConfig,
    SignalsConfig,
)
from evaluation.baselines.types import Fitting, Progress
from evaluation.protocol import Baseline
from evaluation.types import Training


def needs_fitting(config: BaselineConfig) -> bool:
    """Whether the baseline has weights to be fitted on validation cases."""
    return isinstance(config, EmbeddingPopularityConfig | SignalsConfig)


def build_baseline(
    config: BaselineConfig,
    training: Training,
    fitting: Fitting | None,
    seed: int,
    progress: Progress | None = None,
) -> Baseline:
    """Fits the baseline that the configuration names.

    The result depends on the arguments only, not on what was built before. Raises RunConfigError where `needs_fitting`
    and `fitting` is None or has fewer than 16 usable cases, and where a rating baseline finds no ratings.
    """
    raise NotImplementedError
