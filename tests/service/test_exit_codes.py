from __future__ import annotations

import re

import pytest

from prompts.errors import PromptError
from ranking.errors import AdapterFolderError, ModelError, RankingError, TuningError
from retrieval.errors import (
    EmptyStoreError,
    InputError,
    ModelMissingError,
    NotFoundError,
    RetrievalError,
    StoreBusyError,
)
from service.exit_codes import EXIT_CODES_HELP, ExitCode, exit_code_of


def family(base: type[Exception]) -> list[type[Exception]]:
    return [base, *(leaf for child in base.__subclasses__() for leaf in family(child))]


@pytest.mark.parametrize("kind", [k for base in (RetrievalError, PromptError, RankingError) for k in family(base)])
def test_every_error_of_a_stage_has_a_code(kind: type[Exception]) -> None:
    # Some ask for more than a message, which the code does not depend on.
    assert exit_code_of(kind.__new__(kind, "boom")) not in {ExitCode.OK, ExitCode.UNEXPECTED}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), ExitCode.INPUT),
        (NotFoundError("x"), ExitCode.NOT_FOUND),
        (EmptyStoreError("x"), ExitCode.NOT_FOUND),
        (StoreBusyError("x"), ExitCode.FAILURE),
        (ModelMissingError("x"), ExitCode.MODEL),
        (ModelError("x"), ExitCode.MODEL),
        (TuningError("x"), ExitCode.USAGE),
        (AdapterFolderError("x"), ExitCode.FAILURE),
        (PermissionError("x"), ExitCode.FAILURE),
        (RuntimeError("x"), ExitCode.UNEXPECTED),
    ],
)
def test_codes(error: Exception, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_the_help_documents_every_code() -> None:
    assert {int(number) for number in re.findall(r"\d+", EXIT_CODES_HELP)} == {int(code) for code in ExitCode}
