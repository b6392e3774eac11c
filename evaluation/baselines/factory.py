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
    LikedShareConfig,
    MeanConfig,
    NeuralMfConfig,
    PopularityConfig,
    RandomConfig,
    RecencyConfig,
    SasrecConfig,
    SignalsConfig,
)
from evaluation.baselines.types import Fitting
from evaluation.protocol import Baseline
from evaluation.types import Training
from retrieval.protocol import Progress


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
    match config:
        case RandomConfig() | PopularityConfig() | RecencyConfig() | LikedShareConfig():
            return _simple(config, training, seed)
        case EmbeddingPopularityConfig() | SignalsConfig():
            return _fitted(config, training, fitting)
        case Bm25Config() | EmbeddingConfig() | ItemKnnConfig():
            return _compared(config, training)
        case _:
            return _learnt(config, training, seed, progress)


def _simple(
    config: RandomConfig | PopularityConfig | RecencyConfig | LikedShareConfig, training: Training, seed: int
) -> Baseline:
    from evaluation.baselines import simple

    match config:
        case RandomConfig():
            return simple.Random(seed)
        case PopularityConfig():
            return simple.popularity(training)
        case RecencyConfig():
            return simple.recency(training)
        case LikedShareConfig():
            return simple.LikedShare()


def _compared(config: Bm25Config | EmbeddingConfig | ItemKnnConfig, training: Training) -> Baseline:
    match config:
        case Bm25Config():
            from evaluation.baselines.bm25 import Bm25

            return Bm25(training)
        case EmbeddingConfig():
            from evaluation.baselines.similarity import Embedding

            return Embedding(training, config.pooling, config.last)
        case ItemKnnConfig():
            from evaluation.baselines.cooccurrence import ItemKnn

            return ItemKnn(training, config)


def _fitted(config: EmbeddingPopularityConfig | SignalsConfig, training: Training, fitting: Fitting | None) -> Baseline:
    from evaluation.baselines import signals

    if isinstance(config, SignalsConfig):
        return signals.signals(training, fitting, config)
    return signals.embedding_popularity(training, fitting, config)


def _learnt(
    config: AlsConfig | BprConfig | MeanConfig | BiasedMfConfig | NeuralMfConfig | SasrecConfig,
    training: Training,
    seed: int,
    progress: Progress | None,
) -> Baseline:
    match config:
        case AlsConfig():
            from evaluation.baselines.implicit_feedback import Als

            return Als(training, config, seed, progress)
        case BprConfig():
            from evaluation.baselines.implicit_feedback import Bpr

            return Bpr(training, config, seed, progress)
        case MeanConfig():
            from evaluation.baselines.ratings import Mean

            return Mean(training, config)
        case BiasedMfConfig():
            from evaluation.baselines.ratings import BiasedMf

            return BiasedMf(training, config, seed)
        case NeuralMfConfig():
            from evaluation.baselines.neural_mf import NeuralMf

            return NeuralMf(training, config, seed, progress)
        case SasrecConfig():
            from evaluation.baselines.sasrec import Sasrec

            return Sasrec(training, config, seed, progress)
