from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrieval.record import Record
from retrieval.types import Item
from service.cli.main import app
from service.exit_codes import ExitCode


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_help_lists_the_commands_and_the_exit_codes() -> None:
    result = fewrec("--help")
    assert result.exit_code == ExitCode.OK
    for word in ("demo", "import", "recommend", "prompt", "models", "index", "doctor", "Exit codes"):
        assert word in result.stdout


@pytest.mark.parametrize(("command", "switch"), [(("recommend",), "--explain"), (("models", "prepare"), "--fast-lane")])
def test_help_names_no_type_beside_a_switch(command: tuple[str, ...], switch: str) -> None:
    [line] = [line for line in fewrec(*command, "--help").stdout.splitlines() if switch in line]
    assert "bool" not in line


def test_help_does_not_load_heavy_libraries() -> None:
    code = (
        "import sys; from service.cli.main import app\n"
        "try: app(['recommend', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'chromadb', 'sentence_transformers', 'sqlalchemy', 'pyarrow', 'fastapi'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version() -> None:
    result = fewrec("--version")
    assert result.exit_code == ExitCode.OK
    assert result.stdout.startswith("fewrec ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "u", "-n", "0"),
        ("recommend", "u", "--output", "xml"),
        ("recommend", "u", "--strategy", "magic"),
        ("recommend", "u", "--template", "no-such-template"),
        ("--config", "/no/such/file.yaml", "recommend", "u"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_code_2(arguments: tuple[str, ...]) -> None:
    result = fewrec(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "Traceback" not in result.output


def test_a_filter_that_cannot_be_read_is_code_5() -> None:
    result = fewrec("recommend", "u", "--filter", "year>1990")
    assert result.exit_code == ExitCode.INPUT
    assert "year>1990" in result.stderr


def test_a_domain_without_a_name_is_code_5() -> None:
    result = fewrec("recommend", "u", "--domain", "")
    assert result.exit_code == ExitCode.INPUT
    assert "--domain names no domain" in result.output


def test_templates_are_listed_for_people_and_programs() -> None:
    assert "in-context" in fewrec("prompt", "list").stdout
    listed = json.loads(fewrec("prompt", "list", "--output", "json").stdout)
    assert ("likelihood", "zh") in {(row["name"], row["language"]) for row in listed}


def test_index_status_of_an_empty_store(own_folders: Path) -> None:
    result = fewrec("index", "status", "--output", "json")
    status = json.loads(result.stdout)
    assert status["record"]["items"] == 0
    assert result.exit_code == (ExitCode.OK if status["whole"] else ExitCode.FAILURE)


def test_index_status_says_that_the_index_is_behind(own_folders: Path) -> None:
    record = Record.open(str(own_folders / "record.db"))
    record.put_items([Item(item_id="a", title="Heat")])
    record.close()

    result = fewrec("index", "status")
    assert result.exit_code == ExitCode.FAILURE
    assert "0 of 1" in result.stdout


def test_the_home_flag_wins_over_the_environment(tmp_path: Path, own_folders: Path) -> None:
    fewrec("--home", str(tmp_path / "other"), "index", "status")
    assert (tmp_path / "other" / "record.db").exists()
    assert not own_folders.exists()


def test_doctor_reports_every_check(own_folders: Path) -> None:
    result = fewrec("doctor", "--output", "json")
    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert findings["embedding model"]["state"] == "ok"
    assert findings["template"]["state"] == "ok"
    assert findings["record"]["state"] == "warn"
    assert "fewrec import" in findings["record"]["mend"]


def test_doctor_goes_on_after_a_broken_part(tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("embedder: {model: /no/such/folder}\nprompt: {template: nowhere}\n", encoding="utf-8")

    result = fewrec("--config", str(config), "doctor", "--output", "json")

    findings = {finding["check"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == ExitCode.MODEL
    assert (findings["embedding model"]["state"], findings["template"]["state"]) == ("fail", "fail")
    assert findings["folders"]["state"] == "ok"
