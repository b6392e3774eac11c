"""What the process says to the shell when it ends, and which error becomes which code."""

from __future__ import annotations

from enum import IntEnum

from prompts.errors import PromptError
from ranking.errors import AdapterFolderError, EngineError, ModelError, RankingError
from retrieval.errors import (
    EmptyStoreError,
    InputError,
    ModelMissingError,
    NotFoundError,
    RetrievalError,
    StoreBusyError,
    StoreError,
)


class ExitCode(IntEnum):
    """Exit codes of `fewrec`, as documented in its help."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    MODEL = 3
    NOT_FOUND = 4
    INPUT = 5
    FAILURE = 6
    PARTIAL = 7
    GATE = 8
    INTERRUPTED = 130


EXIT_CODES_HELP = (
    "Exit codes: 0 done; 1 unexpected error; 2 wrong usage or setting; 3 a model is missing or damaged; "
    "4 unknown user or item, or nothing imported yet; 5 a file, row or filter that cannot be used; "
    "6 the engine, the record or the index failed, or a folder cannot be written; "
    "7 done, but some rows or users were rejected; 8 a gate of an evaluation did not hold; 130 interrupted."
)

# The first class that fits decides, so a class stands before its base.
_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (InputError, ExitCode.INPUT),
    (NotFoundError, ExitCode.NOT_FOUND),
    (EmptyStoreError, ExitCode.NOT_FOUND),
    (StoreBusyError, ExitCode.FAILURE),
    (StoreError, ExitCode.FAILURE),
    (ModelMissingError, ExitCode.MODEL),
    (RetrievalError, ExitCode.FAILURE),
    (PromptError, ExitCode.USAGE),
    (ModelError, ExitCode.MODEL),
    (AdapterFolderError, ExitCode.FAILURE),
    (EngineError, ExitCode.FAILURE),
    (RankingError, ExitCode.USAGE),
    (OSError, ExitCode.FAILURE),
)


def exit_code_of(error: Exception) -> ExitCode:
    """The code of an error; UNEXPECTED for one that is not of our stages and not the operating system's."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.UNEXPECTED)
