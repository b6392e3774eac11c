"""The command itself, with the packaged models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrieval.record import Record
from service.cli.main import app
from tests.service.chat.talk import shop_items


@pytest.mark.model
def test_the_command_answers_a_pipe(tmp_path: Path) -> None:
    record = Record.open(str(tmp_path / "record.db"))
    record.put_items(shop_items())
    record.close()
    said = "something like Alien, not horror\n要喜剧\nexit\n"
    ran = CliRunner().invoke(app, ["--home", str(tmp_path), "chat", "-n", "2", "-o", "json"], input=said)
    assert ran.exit_code == 0, ran.output
    first, second = (json.loads(line) for line in ran.stdout.splitlines())
    assert first["understood"] == "not Horror, like Alien (1979)"
    assert all("Horror" not in item["item"]["attributes"].get("genres", []) for item in first["items"])
    assert second["language"] == "zh"
