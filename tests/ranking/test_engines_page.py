"""docs/engines.md tells what the code can do and has the settings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from ranking.engine_settings import EngineSettings, OpenAISettings, ServerSettings
from ranking.strategies.table import ENGINES
from ranking.types import Capability

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
COLUMNS: tuple[Capability, ...] = ("labels", "likelihood", "generate", "constrained")


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of the first table below a heading, by the name in backticks in their first column."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = re.findall(r"^\| `(.+?)` \|(.+)\|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in table}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_page_says_what_the_engines_can_do(engine: str) -> None:
    offer = ENGINES[engine]
    words = {True: "if the server can", False: "no"}
    expected = ["yes" if one in offer.always else words[one in offer.maybe] for one in COLUMNS]
    assert rows("What each can do")[engine] == expected


def test_every_setting_of_a_server_is_on_the_page() -> None:
    found = rows("Servers: settings")
    assert set(found) == set(ServerSettings.model_fields)
    for name, (default, _) in found.items():
        field = ServerSettings.model_fields[name]
        shown = "" if field.is_required() else str(field.default).lower().removesuffix(".0")
        assert default == shown, name
    assert set(rows("`openai`")) >= set(OpenAISettings.model_fields) - set(ServerSettings.model_fields) - {"kind"}


def test_the_examples_of_settings_are_settings() -> None:
    shown = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    assert len(shown) == 3
    for one in shown:
        TypeAdapter(EngineSettings).validate_python(one["engine"])
