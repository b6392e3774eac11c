"""What can go wrong in evaluation. Files and rows that cannot be used raise retrieval's InputError.

EvaluationError
├── RunConfigError     a configuration, an arm's or a metric's name that cannot be used
├── RunMismatchError   a run folder that belongs to another configuration or to other data
├── RunFolderError     a run folder or the score cache that cannot be read or written, or is in use
└── UndefinedError     a number that this data cannot give, such as AUC of one class
"""

from __future__ import annotations

from ranking.errors import ConfigError, RankingError
from retrieval.errors import StoreError


class EvaluationError(RankingError):
    """Base of evaluation's errors. The message says what was wrong and what to do."""


class RunConfigError(EvaluationError, ConfigError):
    """A configuration cannot be used."""


class RunMismatchError(EvaluationError):
    """A run folder was begun with another configuration or with other data."""


class RunFolderError(EvaluationError, StoreError):
    """A run folder or the score cache cannot be read or written, or another process holds it."""


class UndefinedError(EvaluationError):
    """A number is undefined on this data. It is counted, never replaced by 0."""
