"""The chat templates of langchain-core, in one place. Values are passed as variables and are never parsed as templates.

Messages are formatted directly, not through `invoke`, which would report prompts to a tracing service if one were
configured in the environment. FewShotPromptTemplate is not used: it formats the filled examples a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate, FewShotChatMessagePromptTemplate, PromptTemplate

from prompts.types import Message, Role

_ROLES: Final[Mapping[str, Role]] = {"system": "system", "human": "user", "ai": "assistant"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shots:
    """Answered questions shown before the real one: two template texts and the values of each example."""

    user: str
    assistant: str
    examples: tuple[Mapping[str, str], ...] = field(default=())


def fill(text: str, values: Mapping[str, str]) -> str:
    """A template text with its placeholders replaced; braces in values stay as they are."""
    return PromptTemplate.from_template(text).format(**values)


def conversation(system: str | None, shots: Shots | None, turns: Sequence[Message]) -> tuple[Message, ...]:
    """The complete turns of a prompt: the system's, the shots in order, then the given turns as they are."""
    parts: list[tuple[str, str] | FewShotChatMessagePromptTemplate] = []
    values = {f"turn_{index}": turn.content for index, turn in enumerate(turns)}
    if system is not None:
        parts.append(("system", "{system}"))
        values["system"] = system
    if shots is not None and shots.examples:
        example = ChatPromptTemplate.from_messages([("user", shots.user), ("assistant", shots.assistant)])
        parts.append(
            FewShotChatMessagePromptTemplate(
                examples=[dict(values) for values in shots.examples], example_prompt=example
            )
        )
    parts.extend((turn.role, f"{{turn_{index}}}") for index, turn in enumerate(turns))
    if not parts:
        return ()
    return tuple(_message(message) for message in ChatPromptTemplate.from_messages(parts).format_messages(**values))


def _message(message: BaseMessage) -> Message:
    return Message(role=_ROLES[message.type], content=str(message.content))
