"""What can go wrong in ranking.

RankingError
├── ConfigError           a setting, file or flag that cannot be used
├── ModelError            a model is missing, damaged or cannot be loaded; says the command that mends it
├── PromptTooLongError    a prompt does not fit the model
├── EngineError           the engine failed while it ran
│   ├── EngineBusyError   too many calls wait for the engine; says when to come back
│   └── ServerError       a server that runs the engine; names its address
│       ├── ServerDownError      no connection
│       ├── ServerBusyError      it says to come later (429, 503)
│       ├── ServerTimeoutError   it took too long
│       ├── ServerRefusedError   it does not take this request (4xx)
│       └── ServerAnswerError    it failed (5xx), or its answer is cut, too long or not what it should be
├── CalibrationError      probabilities cannot be fitted or read
├── PromotionError        an adapter cannot be promoted or rolled back; what served goes on serving
└── TuningError           tuning cannot start or go on; says what is kept
    └── AdapterFolderError   its folder cannot be written, or another run writes to it
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


class EngineBusyError(EngineError):
    """Too many calls wait for the engine already, so this one was not taken. Nothing else is wrong."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Whole seconds after which a new try is worth it, at least 1."""


class ServerError(EngineError):
    """A server that runs the engine failed. The message names its address, and nothing that was sent to it."""


class ServerDownError(ServerError):
    """No connection to the server."""


class ServerBusyError(ServerError):
    """The server asked to come later."""


class ServerTimeoutError(ServerError):
    """The server took too long."""


class ServerRefusedError(ServerError):
    """The server does not take this request."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ServerAnswerError(ServerError):
    """The server failed, or its answer cannot be used."""


class CalibrationError(RankingError):
    """Probabilities cannot be fitted, or what is stored of them cannot be trusted."""


class PromotionError(RankingError):
    """An adapter cannot be promoted or rolled back, or the history of promotions cannot be read."""


class TuningError(RankingError):
    """Tuning cannot start or go on."""


class AdapterFolderError(TuningError):
    """An adapter's folder cannot be written, or another run writes to it."""
