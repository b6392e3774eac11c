"""A conversation's state as a short opaque text that the client holds; read back, it is checked like any input."""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from retrieval.errors import InputError
from service.chat.rest import MOST_CHARACTERS as MOST_CHARACTERS_OF_TEXT
from service.chat.rules import MOST_ITEMS
from service.chat.turns import MOST_KEPT
from service.chat.types import Condition, Conversation, Question, Span
from service.chat.vocabulary import Vocabulary

MOST_CHARACTERS = 32_768
_MOST_BYTES = 262_144
_STATE = TypeAdapter(Conversation)
_HINT = "send the state of the last reply unchanged, or none to begin anew"


def encode(state: Conversation) -> str:
    """The state in URL-safe characters. It holds what the user said, so it belongs to the client, not into logs."""
    packed = zlib.compress(json.dumps(_STATE.dump_python(state, mode="json"), ensure_ascii=False).encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def decode(token: str | None, vocabulary: Vocabulary) -> Conversation:
    """The inverse; None is a new conversation. What the catalogue no longer has is left out. Raises InputError."""
    if token is None:
        return Conversation()
    if len(token) > MOST_CHARACTERS:
        raise InputError(f"the chat state is longer than {MOST_CHARACTERS} characters; {_HINT}")
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        reader = zlib.decompressobj()
        plain = reader.decompress(packed, _MOST_BYTES)
        if reader.unconsumed_tail:
            raise InputError(f"the chat state is too large; {_HINT}")
        state = _STATE.validate_json(plain)
    except (binascii.Error, zlib.error, ValidationError, ValueError) as error:
        raise InputError(f"the chat state cannot be read; {_HINT}") from error
    return known(state, vocabulary)


def known(state: Conversation, vocabulary: Vocabulary) -> Conversation:
    """The state without items, attributes and a domain that the catalogue does not have (any more).

    Of each kind of thing the latest stay, as in a state of ours: every one costs a look at every item.
    """

    def held(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(item_id for item_id in ids if item_id in vocabulary.items)[-MOST_KEPT:]

    conditions = [c for c in state.conditions if c.attribute in vocabulary.attributes and _finite(c)]
    return replace(
        state,
        like=held(state.like),
        unlike=held(state.unlike),
        seen=held(state.seen),
        shown=held(state.shown),
        told=tuple(told for told in state.told if told.item_id in vocabulary.items)[-MOST_KEPT:],
        conditions=tuple(_short(condition) for condition in conditions[-MOST_KEPT:]),
        text=state.text[:MOST_CHARACTERS_OF_TEXT] if state.text else None,
        count=min(max(state.count, 1), MOST_ITEMS) if state.count is not None else None,
        domain=state.domain if state.domain in vocabulary.domain_sizes else None,
        question=_known_question(state.question, vocabulary),
    )


def _short(condition: Condition) -> Condition:
    if isinstance(condition, Span):
        return condition
    return replace(condition, values=tuple(dict.fromkeys(condition.values))[:MOST_KEPT])


def _finite(condition: Condition) -> bool:
    numbers = (condition.low, condition.high) if isinstance(condition, Span) else ()
    return all(number is None or math.isfinite(number) for number in numbers)


def _known_question(question: Question | None, vocabulary: Vocabulary) -> Question | None:
    if question is None or question.kind != "which":
        return question
    ids = tuple(item_id for item_id in question.item_ids if item_id in vocabulary.items)
    return replace(question, item_ids=ids) if ids else None
