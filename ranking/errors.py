"""What can go wrong in ranking.

RankingError
├── ConfigError           a setting, file or flag that cannot be used
├── ModelError            a model is missing, damaged or cannot be loaded; says the command that mends it
├── PromptTooLongError    a prompt does not fit the model
├── EngineError           the engine failed while it ran
├── PromotionError        an adapter cannot be promoted or rolled back; what served goes on serving
└── TuningError           tuning cannot start or go on; says what is kept
"""

from __future__ import annotations


class RankingError(Exception):
    """Base of ranking's errors. The message says what was wrong and what to do."""


class ConfigError(RankingError):
    """A setting, a configuration file or a flag cannot be used."""


class ModelError(RankingError):
    """A model is missing, damaged or cannot be loaded."""


class PromptTooLongError(RankingError):
    """A prompt with its longest candidate does not fit the model's context."""


class EngineError(RankingError):
    """The engine failed while it ran."""


class PromotionError(RankingError):
    """An adapter cannot be promoted or rolled back, or the history of promotions cannot be read."""


class TuningError(RankingError):
    """Tuning cannot start or go on."""
