from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrieval.errors import InputError
from service.cli.import_ import read_mapping
from service.cli.main import app
from service.exit_codes import ExitCode

ITEMS = "movie_id,name,year\n1,Heat,1995\n2,Alien,1979\n"
RATINGS = "user_id,movie_id,rating,timestamp\nu,1,5,100\nu,2,1,200\n"


def fewrec(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    (tmp_path / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    return ["--items", str(tmp_path / "items.csv"), "--interactions", str(tmp_path / "ratings.csv")]


def test_importing_twice_changes_nothing(files: list[str]) -> None:
    first, second = (fewrec(*files, "--output", "json") for _ in range(2))

    assert (first.exit_code, second.exit_code) == (ExitCode.OK, ExitCode.OK)
    assert [table["inserted"] for table in json.loads(first.stdout)["tables"]] == [2, 2]
    assert [table["unchanged"] for table in json.loads(second.stdout)["tables"]] == [2, 2]


def test_rejected_rows_are_code_7_and_in_a_file(files: list[str], tmp_path: Path, own_folders: Path) -> None:
    (tmp_path / "ratings.csv").write_text(RATINGS + "u,99,4,300\n", encoding="utf-8")

    result = fewrec(*files)

    assert result.exit_code == ExitCode.PARTIAL
    assert result.stdout.splitlines() == [
        "items.csv: 2 items read, 2 inserted",
        "ratings.csv: 3 interactions read, 2 inserted, 1 rejected",
    ]
    [reject] = [json.loads(line) for line in (own_folders / "rejects.jsonl").read_text("utf-8").splitlines()]
    assert reject["line"] == 4
    assert "99" in reject["reason"]
    assert "rejects.jsonl" in result.stderr


def test_a_missing_column_is_code_5_and_names_the_flag(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("movie_id,label\n1,Heat\n", encoding="utf-8")
    refused = fewrec(*files)
    assert refused.exit_code == ExitCode.INPUT
    assert "--map title=COLUMN" in refused.stderr
    assert fewrec(*files, "--map", "title=label").exit_code == ExitCode.PARTIAL


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), ExitCode.USAGE),
        (("--dataset", "ml-100k", "--items", "x.csv"), ExitCode.USAGE),
        (("--dataset", "no-such-set"), ExitCode.INPUT),
        (("--items", "/no/such/file.csv"), ExitCode.INPUT),
    ],
)
def test_what_cannot_be_imported(arguments: tuple[str, ...], code: ExitCode) -> None:
    assert fewrec(*arguments).exit_code == code


def test_flags_lie_over_the_mapping_file(tmp_path: Path) -> None:
    file = tmp_path / "columns.yaml"
    file.write_text("title: a\nitem_id: b\n", encoding="utf-8")
    assert read_mapping(["title = c"], file) == {"title": "c", "item_id": "b"}


@pytest.mark.parametrize("content", ["- a\n", "title: 3\n", "{"])
def test_a_mapping_file_that_cannot_be_used(tmp_path: Path, content: str) -> None:
    file = tmp_path / "columns.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="column mapping"):
        read_mapping(None, file)


@pytest.mark.parametrize("pair", ["title", "=x", "title="])
def test_a_mapping_flag_that_cannot_be_used(pair: str) -> None:
    with pytest.raises(InputError, match="FIELD=COLUMN"):
        read_mapping([pair], None)
