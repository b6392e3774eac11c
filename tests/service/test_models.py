from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import app
from service.exit_codes import ExitCode

DEFAULT = "smollm2-135m-instruct"


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def test_a_model_that_is_not_prepared_is_listed_with_the_command_that_mends_it() -> None:
    [row] = json.loads(fewrec("list", "--output", "json").stdout)
    assert (row["name"], row["state"], row["hint"]) == (DEFAULT, "not prepared", f"fewrec models prepare {DEFAULT}")
    assert "not prepared" in " ".join(fewrec("list").stdout.split())


def test_verifying_a_model_that_is_not_prepared_is_code_3() -> None:
    result = fewrec("verify")
    assert result.exit_code == ExitCode.MODEL
    assert f"fewrec models prepare {DEFAULT}" in result.stderr


@pytest.mark.parametrize("command", ["prepare", "verify"])
def test_a_name_that_is_no_model_is_code_3(command: str) -> None:
    result = fewrec(command, "no such model")
    assert result.exit_code == ExitCode.MODEL
    assert "'no such model'" in result.stderr


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert f"is ready in {tmp_path}" in fewrec("prepare", str(tmp_path)).stdout


@pytest.mark.model
def test_the_default_model_is_prepared_and_verified(model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEWREC_CACHE", str(model_cache))
    assert f"{DEFAULT} is ready in" in fewrec("prepare").stdout

    verified = fewrec("verify")

    assert verified.exit_code == ExitCode.OK
    assert "as recorded" in verified.stdout
    assert "all-MiniLM-L6-v2: SHA-256" in verified.stdout
