from __future__ import annotations

from prompts.chat import Shots, conversation, fill
from prompts.types import Message

AWKWARD = "{secret} {0!r:>9} {{x}} { open {a.__class__}"


def test_fill_replaces_placeholders_and_never_looks_into_values() -> None:
    assert fill("{{literal}} {a}|{b}", {"a": AWKWARD, "b": "{a}", "unused": "u"}) == f"{{literal}} {AWKWARD}|{{a}}"


def test_fill_of_an_empty_text() -> None:
    assert fill("", {}) == ""


def test_a_conversation_is_system_shots_turns() -> None:
    shots = Shots(user="q {x}", assistant="a {y}", examples=({"x": AWKWARD, "y": "1"}, {"x": "2", "y": "{x}"}))
    messages = conversation("sys {q}", shots, [Message(role="user", content=AWKWARD)])
    assert messages == (
        Message(role="system", content="sys {q}"),
        Message(role="user", content=f"q {AWKWARD}"),
        Message(role="assistant", content="a 1"),
        Message(role="user", content="q 2"),
        Message(role="assistant", content="a {x}"),
        Message(role="user", content=AWKWARD),
    )


def test_a_conversation_of_nothing() -> None:
    assert conversation(None, Shots(user="q", assistant="a"), []) == ()
