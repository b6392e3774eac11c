"""The words of an utterance that nothing else has read: moods and subjects, kept as free text."""

from __future__ import annotations

from service.chat.scan import Scan

MOST_CHARACTERS = 200


def text_of(scan: Scan) -> str | None:
    """The unread words in their order, without those that ask for nothing; None if none is left.

    Refused words are left out: a nearness in meaning cannot refuse.
    """
    words: list[str] = []
    run = ""
    place = 0
    cued = {spot for cue in scan.cues if not cue.names <= {"all", "yes", "no"} for spot in range(cue.start, cue.end)}
    while place < len(scan.tokens):
        token = scan.tokens[place]
        idle = _idle_end(scan, place)
        if scan.spent[place] or token.is_mark or place in cued or idle is not None or scan.refused(place, place + 1):
            words, run = _closed(words, run)
            place = idle if idle is not None and not scan.spent[place] else place + 1
            continue
        if token.is_cjk:
            run += token.form
        elif not token.form.isdecimal():
            words, run = _closed(words, run)
            words.append(token.raw.casefold())
        place += 1
    words, _ = _closed(words, run)
    text = " ".join(dict.fromkeys(words))[:MOST_CHARACTERS].strip()
    return text or None


def _closed(words: list[str], run: str) -> tuple[list[str], str]:
    return ([*words, run] if run else words), ""


def _idle_end(scan: Scan, place: int) -> int | None:
    if scan.spent[place]:
        return None
    if scan.tokens[place].is_word:
        return place + 1 if scan.tokens[place].form in scan.vocabulary.idle else None
    return scan.matches(place, scan.vocabulary.idle_phrases)
