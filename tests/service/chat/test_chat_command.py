from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from service.cli.chat import _utterances, converse
from service.cli.context import Globals, Output
from tests.service.chat.talk import Talk


def globals_to(out: io.StringIO, err: io.StringIO) -> Globals:
    return Globals(config=None, home=Path(), debug=False, out=Console(file=out, width=60), err=Console(file=err))


async def test_a_conversation_through_pipes(talk: Talk) -> None:
    out, err = io.StringIO(), io.StringIO()
    said = iter(["comedies", "", "x" * 3000, "Exit", "never read"])
    await converse(globals_to(out, err), talk.chat, said, None, 2, Output.TABLE)
    lines = out.getvalue().splitlines()
    assert lines[0] == "2 for Comedy:"
    assert lines[1].startswith("1. ")
    assert "too long" in err.getvalue()
    assert "never" not in out.getvalue()


async def test_one_line_of_json_a_reply(talk: Talk) -> None:
    out = io.StringIO()
    await converse(globals_to(out, io.StringIO()), talk.chat, iter(["like Alien", "喜剧"]), "ann", 2, Output.JSON)
    replies = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [reply["language"] for reply in replies] == ["en", "zh"]
    assert all(item["facts"] and item["item"]["item_id"] for reply in replies for item in reply["items"])


def test_lines_are_read_one_by_one_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n" + "x" * 10_000_000 + "\nthree"))
    read = list(_utterances(globals_to(io.StringIO(), io.StringIO())))
    assert [len(line) for line in read] == [3, 1 << 16, 5]
