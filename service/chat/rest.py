"""The words of an utterance that nothing else has read: moods and subjects, kept as free text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.chat.scan import Scan

MOST_CHARACTERS = 200
_NO_WORDS: frozenset[str] = frozenset({"all", "yes", "no"})
"""Cues that are ordinary words where they answer nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rest:
    """What is left of an utterance."""

    text: str | None
    """Wanted words in their order, without those that ask for nothing; None if none is left."""
    refused: tuple[str, ...]
    """Refused words: a nearness in meaning cannot refuse, so nothing holds to them."""


def rest_of(scan: Scan) -> Rest:
    """The unread words."""
    wanted: dict[str, None] = {}
    refused: dict[str, None] = {}
    for start, word in _words(scan):
        (refused if scan.refused(start, start + 1) else wanted)[word] = None
    return Rest(text=" ".join(wanted)[:MOST_CHARACTERS].strip() or None, refused=tuple(refused)[:5])


def _words(scan: Scan) -> Iterator[tuple[int, str]]:
    """Every unread word that asks for something, with its place; Chinese characters in a row are one word."""
    cued = {place for cue in scan.cues if not cue.names <= _NO_WORDS for place in range(cue.start, cue.end)}
    run, begun = "", 0
    place = 0
    while place < len(scan.tokens):
        token = scan.tokens[place]
        idle = _idle_end(scan, place)
        skipped = scan.spent[place] or token.is_mark or place in cued or idle is not None
        if run and (skipped or not token.is_cjk):
            yield begun, run
            run = ""
        if skipped:
            place = idle if idle is not None and not scan.spent[place] else place + 1
            continue
        if token.is_cjk:
            begun = begun if run else place
            run += token.form
        elif not token.form.isdecimal():
            yield place, token.raw.casefold()
        place += 1
    if run:
        yield begun, run


def _idle_end(scan: Scan, place: int) -> int | None:
    if scan.spent[place]:
        return None
    if scan.tokens[place].is_word:
        return place + 1 if scan.tokens[place].form in scan.vocabulary.idle else None
    return scan.matches(place, scan.vocabulary.idle_phrases)
