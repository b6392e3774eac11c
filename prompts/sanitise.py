"""Untrusted text (titles, attributes, queries) made fit for a prompt: one line, no control tokens, bounded length.

Ordinary text of any script, emoji, braces and quotation marks come through unchanged, byte for byte.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MAX_TITLE = 120
MAX_QUERY = 500
MAX_ATTRIBUTE = 60
MAX_BODY = 4000

_ELLIPSIS = "…"
_LONGEST_READ = 4096
"""Characters of a text that are looked at; the rest of a huge cell is cut before any work is done on it."""

_LINE_BREAKS = re.compile(r" *[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+[ \t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]*")
# Controls, the byte order mark, bidirectional embeddings, overrides and isolates. The marks U+200E, U+200F and U+061C
# and the joiners U+200C and U+200D stay: ordinary Arabic, Hebrew, Persian and emoji need them.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\ufeff\u202a-\u202e\u2066-\u2069]")
# Tag characters are invisible text. Only the short run that spells a flag after its black flag is ordinary.
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f)|[\U000e0000-\U000e007f]")
_SURROGATES = re.compile("[\ud800-\udfff]")

_CHAT_MARKUP = re.compile(
    r"[<＜][|｜][^<>＜＞|｜]{1,64}[|｜][>＞]"
    r"|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|THINK|CLS|SEP|PAD|MASK|UNK|BOS|EOS)\]"
    r"|</?(?:s|bos|eos|pad|unk|mask|sep|cls|start_of_turn|end_of_turn|think|thinking|tool_call|tool_response)>",
    re.IGNORECASE,
)
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "＜": "‹", "＞": "›", "[": "(", "]": ")"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Clean:
    """A text fit for a prompt, and what had to be done to it."""

    text: str
    """One line without outer white space; empty if nothing visible was there."""
    clipped: bool
    neutralised: bool
    summarised: bool = False
    """Only the first sentences of its description stand in it."""


def sanitise(text: str, *, max_chars: int, control_tokens: frozenset[str]) -> Clean:
    """At most max_chars characters of the text on one line, free of control characters and of control tokens.

    Control tokens (those given, and the common chat markups of any model) stay readable: `<|im_start|>` becomes
    `‹|im_start|›`. A text that was cut ends in an ellipsis, which counts as one of its characters.
    """
    read = text[: max(_LONGEST_READ, 4 * max_chars)]
    visible = _visible(read)
    harmless = neutralise(visible, control_tokens).strip()
    short = clip(harmless, max_chars)
    clipped = short != harmless or len(read) < len(text)
    return Clean(text=short, clipped=clipped, neutralised=harmless != read.strip())


def _visible(text: str) -> str:
    text = _LINE_BREAKS.sub(" ", text.strip())
    text = _INVISIBLE.sub("", text)
    text = _TAGS.sub(lambda match: match.group(1) or "", text)
    return _SURROGATES.sub("\ufffd", text)


def neutralise(text: str, control_tokens: frozenset[str]) -> str:
    """The text with its lines as they are, free of control tokens; these stay readable as `sanitise` tells."""
    text = _CHAT_MARKUP.sub(_with_harmless_brackets, text)
    given = _any_of(control_tokens)
    if given is None or given.search(text) is None:
        return text
    text = given.sub(_with_harmless_brackets, text)
    text = given.sub(_broken_up, text)
    while given.search(text) is not None:
        # Only for odd tokens that breaking up does not break; each round is shorter than the one before.
        text = given.sub("", text)
    return text


# A pure function's memo: a tokenizer can have thousands of control tokens, the same ones on every call.
@lru_cache(maxsize=8)
def _any_of(control_tokens: frozenset[str]) -> re.Pattern[str] | None:
    tokens = sorted((token.strip() for token in control_tokens if token.strip()), key=len, reverse=True)
    return re.compile("|".join(re.escape(token) for token in tokens)) if tokens else None


def _with_harmless_brackets(match: re.Match[str]) -> str:
    return match.group().translate(_HARMLESS)


def _broken_up(match: re.Match[str]) -> str:
    return "·".join((match.group()[:1], match.group()[1:]))


def clip(text: str, max_chars: int) -> str:
    """At most that many characters; a text that was cut ends in an ellipsis, which counts as one of them."""
    if len(text) <= max_chars:
        return text
    cut = max_chars - 1
    # Do not cut between a letter and its marks, nor inside a joined emoji.
    while cut > max_chars // 2 and (_joins(text[cut]) or text[cut - 1] == "\u200d"):
        cut -= 1
    return text[:cut].rstrip() + _ELLIPSIS


def _joins(character: str) -> bool:
    return character == "\u200d" or unicodedata.category(character) in ("Mn", "Me", "Mc", "Sk")
