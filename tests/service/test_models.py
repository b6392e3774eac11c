from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ranking.registry import AdapterRegistry, Difference, Evidence
from service.cli.main import app
from service.exit_codes import ExitCode
from tests.ranking.made_adapter import make_adapter

DEFAULT = "smollm2-135m-instruct"


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def test_a_model_that_is_not_prepared_is_listed_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    [row] = json.loads(fewrec("list", "--output", "json").stdout)["models"]
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


def promote(home: Path, folder: Path, weights: bytes, **changes: Any) -> str:
    difference = Difference(against="signals", label=None, value=0.1, low=0.05, high=0.15, p=0.001)
    evidence = Evidence(run="store-run", data="d" * 64, metric="ndcg@10", n=200, differences=(difference,))
    adapter, registry = make_adapter(folder, weights, **changes), AdapterRegistry(home)
    return registry.promote(adapter, model=DEFAULT, evidence=evidence, over=registry.current()).label


def adapters() -> list[tuple[str, bool]]:
    listed = json.loads(fewrec("list", "--output", "json").stdout)["adapters"]
    return [(one["label"], one["serves"]) for one in listed]


def test_adapters_are_listed_shown_and_rolled_back(
    own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert f"No adapter is promoted for {DEFAULT}: the shipped adapter serves" in fewrec("list").stdout
    assert fewrec("rollback").exit_code == ExitCode.USAGE
    first = promote(own_folders, tmp_path / "a", b"first")
    second = promote(own_folders, tmp_path / "b", b"second")
    assert adapters() == [(first, False), (second, True)]
    assert second in fewrec("list").stdout

    shown = fewrec("show", "films").stdout
    for part in (
        f"{second} in {AdapterRegistry(own_folders).find(second).folder}: serves",
        "Fusion weights",
        "run store-run",
        "0.1000",
    ):
        assert part in shown
    described = json.loads(fewrec("show", first, "-o", "json").stdout)
    assert (described["label"], described["serves"], described["evidence"]["n"]) == (first, False, 200)
    assert json.loads(fewrec("show", str(tmp_path / "a"), "-o", "json").stdout)["evidence"] is None

    assert f"{first} serves again, instead of {second}" in fewrec("rollback").stdout
    assert adapters() == [(first, True), (second, False)]
    assert f"the shipped adapter serves again, instead of {first}" in fewrec("rollback").stdout
    monkeypatch.setenv("FEWREC_TUNED", "false")
    assert "tuned: false" in fewrec("list").stdout
    assert adapters() == [(first, False), (second, False)]


def test_the_same_weights_with_other_fusion_weights_are_told_apart(
    own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    label = promote(own_folders, tmp_path / "a", b"first", fusion={"llm": 0.5})
    assert promote(own_folders, tmp_path / "b", b"first", fusion={"llm": 0.25}) == label
    assert adapters() == [(label, False), (label, True)]
    old, new = (kept.folder.name for kept in AdapterRegistry(own_folders).kept())
    listed = fewrec("list").stdout
    assert old in listed
    assert new in listed
    assert json.loads(fewrec("show", old, "-o", "json").stdout)["manifest"]["fusion"] == {"llm": 0.5}
    told = fewrec("rollback").stdout
    assert f"{label} serves again as in " in told
    assert told.index(old) < told.index(new)
    assert adapters() == [(label, True), (label, False)]


def test_a_damaged_adapter_is_listed_with_what_is_wrong_and_an_unknown_one_is_told(
    own_folders: Path, tmp_path: Path
) -> None:
    label = promote(own_folders, tmp_path / "a", b"first")
    (AdapterRegistry(own_folders).find(label).folder / "adapter_model.safetensors").write_bytes(b"")
    [listed] = json.loads(fewrec("list", "--output", "json").stdout)["adapters"]
    assert "has 0 bytes" in listed["problem"]
    result = fewrec("show", "filmz")
    assert result.exit_code == ExitCode.USAGE
    assert "did you mean 'films'" in result.stderr
    assert fewrec("show", label).exit_code == ExitCode.MODEL
