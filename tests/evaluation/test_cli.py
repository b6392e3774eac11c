"""The commands, as they are mounted on `fewrec`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evaluation.gate import EXIT_CODE
from service.cli.main import app
from service.exit_codes import ExitCode


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_commands_are_there_and_a_fallen_gate_has_a_code() -> None:
    listed = fewrec("--help").stdout
    assert "evaluate" in listed
    assert "report" in listed
    assert "tune" in listed
    assert EXIT_CODE == ExitCode.GATE


@pytest.mark.parametrize("command", ["evaluate", "tune"])
def test_help_loads_nothing_heavy(command: str) -> None:
    code = (
        "import sys; from service.cli.main import app\n"
        f"try: app(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'sqlalchemy', 'yaml', 'evaluation.run', 'evaluation.tuning'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ml-100",), "did you mean 'ml-100k'"),
        (("ml-100k", "--arms", "randm"), "did you mean 'random'"),
        (("ml-100k", "--gate", "zero.ndcg@10 > random.ndcg@10"), "there is no arm 'zero'"),
        (
            ("ml-100k", "--arms", "popularity", "--gate", "popularity.ndcg@10 > random.ndcg@10"),
            "there is no arm 'random'",
        ),
        (("ml-100k", "--dry-run", "--gate", "popularity.ndcg > random.ndcg"), "ndcg"),
        (("ml-100k", "--limit", "0"), "--limit"),
        (("ml-100k", "--data-dir", "/no/such/folder"), "/no/such/folder"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_loaded(arguments: tuple[str, ...], told: str) -> None:
    result = fewrec("evaluate", *arguments)
    assert result.exit_code == ExitCode.USAGE
    assert told in result.output


def test_tuning_tells_wrong_usage_too() -> None:
    for arguments, told in ((("ml-100",), "did you mean 'ml-100k'"), (("--limit", "0"), "--limit")):
        result = fewrec("tune", *arguments)
        assert result.exit_code == ExitCode.USAGE
        assert told in result.output


def test_a_report_needs_run_folders(tmp_path: Path) -> None:
    assert fewrec("report", str(tmp_path)).exit_code == ExitCode.FAILURE
    assert fewrec("report", "--diff", str(tmp_path)).exit_code == ExitCode.USAGE
