"""The page about these clients says what works: its snippets run, one after another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.api.gorse.shapes import KINDS

PAGE = (Path(__file__).parents[4] / "docs" / "clients.md").read_text("utf-8")
SNIPPETS = [snippet for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "litellm" not in snippet]


def test_the_snippets_run(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(SNIPPETS) == 3
    for snippet in SNIPPETS:
        exec(snippet.replace("http://127.0.0.1:8000", address), {})  # noqa: S102 - our own page
        assert capsys.readouterr().out.count("\n") >= 2


def test_the_types_of_feedback_are_all_named() -> None:
    told = next(line for line in PAGE.splitlines() if line.startswith("| `FeedbackType`"))
    assert set(re.findall(r"`(\w+)`", told)) == {*KINDS, "FeedbackType"}
