"""The run folder: one owner, one meaning, and nothing lost on a full disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.errors import RunFolderError, RunMismatchError
from evaluation.run.folder import RunFolder, read_spec
from evaluation.run.journal import FILE_NAME, Journal, read_keys, read_outcomes
from evaluation.run.ordering import outcome_of
from evaluation.types import Outcome, Ranked
from tests.evaluation.run.small_run import case, spec

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from evaluation.errors import RunFolderError
from evaluation.run.journal import Journal
from tests.evaluation.run.test_folder import outcome
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Journal(Path(sys.argv[1])) as journal:
    journal.append([outcome(0)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
    try:
        journal.append([outcome(n) for n in range(1, 9)])
    except RunFolderError as error:
        sys.exit(str(error))
"""


def outcome(n: int) -> Outcome:
    return outcome_of("a", case(n), Ranked(scores=tuple(float(step) for step in range(10))), seed=0)


def test_outcomes_come_back_as_they_were(tmp_path: Path) -> None:
    written = [outcome(n) for n in range(5)]
    with Journal(tmp_path) as journal:
        journal.append(written[:2])
        journal.append(written[2:])
    assert list(read_outcomes(tmp_path)) == written
    assert list(read_outcomes(tmp_path, "b")) == []
    assert list(read_outcomes(tmp_path / "nowhere")) == []


@pytest.mark.parametrize("torn", [b'{"arm"', b"\0" * 100_000, b'{"arm":"' + b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    with Journal(tmp_path) as journal:
        journal.append([outcome(0)])
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(torn)
    assert list(read_outcomes(tmp_path)) == [outcome(0)]
    with Journal(tmp_path) as journal:
        journal.append([outcome(1)])
    assert list(read_outcomes(tmp_path)) == [outcome(0), outcome(1)]


def test_a_journal_that_is_nothing_but_torn_is_empty(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"x" * 100_000)
    Journal(tmp_path).close()
    assert (tmp_path / FILE_NAME).read_bytes() == b""


@pytest.mark.parametrize("line", [b"nonsense", b"{}", b"[]", b'{"arm":"a","ranked":{}}'])
def test_a_damaged_line_is_told_with_its_number(tmp_path: Path, line: bytes) -> None:
    with Journal(tmp_path) as journal:
        journal.append([outcome(0)])
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(line + b"\n")
    for read in (read_keys, lambda folder: list(read_outcomes(folder))):
        with pytest.raises(RunFolderError, match=r"line 2 of .*cases\.jsonl"):
            read(tmp_path)


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "the disk is full" in done.stderr
    assert "run the same command again" in done.stderr
    assert (tmp_path / FILE_NAME).read_bytes().endswith(b"\n")
    assert list(read_outcomes(tmp_path)) == [outcome(0)]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with RunFolder(tmp_path, spec()), pytest.raises(RunFolderError, match="another process is working in"):
        RunFolder(tmp_path, spec())
    RunFolder(tmp_path, spec()).close()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"data": "e" * 64}, r"data set \(data\) was dddddddddddd and is now eeee"),
        ({"cases": "f" * 64}, r"the cases \(cases\)"),
    ],
)
def test_a_folder_of_other_data_or_cases_is_refused(tmp_path: Path, changed: dict[str, str], told: str) -> None:
    RunFolder(tmp_path, spec()).close()
    before = (tmp_path / "spec.json").read_bytes()
    with pytest.raises(RunMismatchError, match=told):
        RunFolder(tmp_path, spec(**changed))
    assert (tmp_path / "spec.json").read_bytes() == before
    RunFolder(tmp_path, spec()).close()


def test_arms_may_join_but_not_change(tmp_path: Path) -> None:
    RunFolder(tmp_path, spec(("a",))).close()
    RunFolder(tmp_path, spec(("b",))).close()
    kept = read_spec(tmp_path)
    assert kept is not None
    assert set(kept["digests"]["arms"]) == {"a", "b"}
    kept["digests"]["arms"]["b"] = "0" * 64
    (tmp_path / "spec.json").write_text(json.dumps(kept))
    with pytest.raises(RunMismatchError, match=r"arm 'b' \(arms.b\)"):
        RunFolder(tmp_path, spec(("b",)))


def test_starts_are_kept_where_something_changed(tmp_path: Path) -> None:
    from dataclasses import replace

    for version in ("1", "1", "2"):
        RunFolder(tmp_path, replace(spec(), versions={"fewrec": version})).close()
    kept = read_spec(tmp_path)
    assert kept is not None
    assert [start["versions"] for start in kept["starts"]] == [{"fewrec": "1"}, {"fewrec": "2"}]


def test_spec_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(RunFolderError, match="cannot read"):
        read_spec(tmp_path)
    (tmp_path / "spec.json").write_text('{"format": 99}')
    with pytest.raises(RunFolderError, match="another version"):
        read_spec(tmp_path)
    (tmp_path / "spec.json").unlink()
    (tmp_path / FILE_NAME).write_text("")
    with pytest.raises(RunMismatchError, match=r"no spec\.json"):
        RunFolder(tmp_path, spec())


def test_aggregates_are_rounded_without_nan(tmp_path: Path) -> None:
    with RunFolder(tmp_path, spec()) as folder:
        folder.write("metrics.json", {"b": [0.1234567, float("nan"), -0.0000001], "a": {"x": 1e400, "n": 3}})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": {"n": 3, "x": None}, "b": [0.123457, None, 0.0]}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with RunFolder(tmp_path, spec()) as folder, pytest.raises(RunFolderError, match="cannot write"):
        folder.write("no/such/folder.json", {})
