"""Finds candidates by their titles in a line of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ranking.parsing.tokens import ends_words, folded, is_word, token_lines

DEPTH = 16
"""Words of a title that are compared; no more than so many are looked at from any place of a text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Tokens start to end (exclusive) are a title; several candidates may bear it."""

    start: int
    end: int
    candidates: tuple[int, ...]


@dataclass(kw_only=True, slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    here: tuple[int, ...] = ()
    """Candidates whose title ends here."""
    below: set[tuple[str, ...]] = field(default_factory=set)
    """Titles that begin with the words up to here; no more than two are kept, which is enough to know that one is not
    alone."""


class Titles:
    """The candidates' titles, by their words: signs, letter case and character widths do not matter.

    A title of digits ("1984") is not looked for in a line, as it cannot be told from a label there.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        self._root = _Node()
        self.steps = 0
        """Words compared so far, for tests of how much work a text is."""
        self._same: dict[tuple[str, ...], tuple[int, ...]] = {}
        for candidate, title in enumerate(titles):
            words = tuple(token for tokens in token_lines(folded(title)) for token in tokens if is_word(token))[:DEPTH]
            self._same[words] = (*self._same.get(words, ()), candidate)
            if not all(word.isdecimal() for word in words):
                self._add(words)

    def find(self, tokens: Sequence[str]) -> list[Found]:
        """The titles in a line, from left to right, the longest at each place; they do not overlap.

        A title of one word counts only where signs or the line's ends stand on both sides: "It" is a word, too.
        """
        places = [place for place, token in enumerate(tokens) if is_word(token)]
        found = []
        at = 0
        while at < len(places):
            length, node = self._longest(tokens, places, at)
            if node is not None and (length > 1 or _stands_alone(tokens, places[at])):
                found.append(Found(start=places[at], end=places[at + length - 1] + 1, candidates=node.here))
                at += length
            else:
                at += 1
        return found

    def of_digits(self, number: str) -> tuple[int, ...]:
        """The candidates whose title is this number."""
        return self._same.get((number,), ())

    def beginning(self, words: Sequence[str]) -> tuple[int, ...]:
        """The candidates whose title begins with all these words, if it is one title only; else none."""
        node = self._root
        for word in words[:DEPTH]:
            self.steps += 1
            if word not in node.children:
                return ()
            node = node.children[word]
        if len(node.below) != 1 or all(word.isdecimal() for word in words):
            return ()
        [title] = node.below
        return self._same[title]

    def _add(self, words: tuple[str, ...]) -> None:
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
            if len(node.below) < 2:
                node.below.add(words)
        node.here = self._same[words]

    def _longest(self, tokens: Sequence[str], places: Sequence[int], at: int) -> tuple[int, _Node | None]:
        node, longest, best = self._root, 0, None
        for length in range(1, min(DEPTH, len(places) - at) + 1):
            self.steps += 1
            child = node.children.get(tokens[places[at + length - 1]])
            if child is None:
                break
            node = child
            if node.here:
                longest, best = length, node
        return longest, best


def _stands_alone(tokens: Sequence[str], place: int) -> bool:
    before, after = tokens[max(place - 1, 0) : place], tokens[place + 1 : place + 2]
    return all(ends_words(token) for token in (*before, *after))
