"""The pure way from an utterance to the next state."""

from __future__ import annotations

import re

from retrieval.errors import InputError
from service.chat.tokens import cleaned
from service.chat.turns import next_turn
from service.chat.types import Conversation, Language, Reading, Turn
from service.chat.vocabulary import Vocabulary

MOST_UTTERANCE = 2_000
_HAN = re.compile("[\u3400-\u9fff]")


def checked(utterance: str) -> str:
    """The utterance; raises InputError for one that is too long or holds nothing to read."""
    if len(utterance) > MOST_UTTERANCE:
        raise InputError(
            f"a chat turn of {len(utterance)} characters is too long; say it in at most {MOST_UTTERANCE} characters"
        )
    if not cleaned(utterance):
        raise InputError("the chat turn is empty; say what you are looking for")
    return utterance


def language_of(utterance: str, before: Language) -> Language:
    """Chinese where a Chinese character stands, English where only other letters do, else as before."""
    if _HAN.search(utterance):
        return "zh"
    return "en" if any(each.isalpha() for each in utterance) else before


def advance(state: Conversation, reading: Reading, vocabulary: Vocabulary, utterance: str) -> Turn:
    """The state after an utterance that was read as this. Pure."""
    return next_turn(state, reading, vocabulary, language_of(utterance, state.language))
