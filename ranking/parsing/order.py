"""The output contract: whatever a model writes becomes an order of exactly the candidates, with its flaws counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ranking.parsing.json_value import json_leaves
from ranking.parsing.lines import Line, read_line
from ranking.parsing.titles import Titles
from ranking.parsing.tokens import answer_of, token_lines
from ranking.types import ParseReport


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedOrder:
    """An order of the candidates, and how it came about."""

    order: tuple[int, ...]
    """Every index from 0 to n - 1 once, best first."""
    report: ParseReport


def parse_order(text: str, titles: Sequence[str]) -> ParsedOrder:
    """Reads an order of candidates, numbered from 1 in the order of their titles, out of what a model wrote.

    Any text will do, and the time is linear in its length. Thinking blocks and code fences are left out. Candidates
    are named by their numbers, in any usual form, or by their titles. The first mention of each counts; candidates
    that are not named follow the named ones in the order in which they were given. If none is named, the given order
    stands.
    """
    return read_order(text, Titles(titles), len(titles))


def read_order(text: str, titles: Titles, n: int) -> ParsedOrder:
    """As parse_order, for n titles that were prepared before."""
    order: dict[int, None] = {}
    duplicate = invented = 0
    for mention in _mentions(answer_of(text), n, titles):
        new = next((index for index in mention if index not in order), None)
        if new is not None:
            order[new] = None
        elif mention:
            duplicate += 1
        else:
            invented += 1
    missing = [index for index in range(n) if index not in order]
    return ParsedOrder(
        order=(*order, *missing),
        report=ParseReport(
            missing=len(missing),
            duplicate=duplicate,
            invented=invented,
            repaired=len(missing),
            fell_back=n > 0 and not order,
        ),
    )


def written_order(order: Sequence[int]) -> str:
    """An order of indexes as numbers from 1, the way it is asked for: "3, 1, 2"."""
    return ", ".join(str(index + 1) for index in order)


def _mentions(answer: str, n: int, titles: Titles) -> Iterable[tuple[int, ...]]:
    leaves = json_leaves(answer)
    if leaves is not None:
        mentions = [mention for leaf in leaves for mention in _of_leaf(leaf, n, titles)]
        if any(mentions):
            return mentions
    lines = [read_line(tokens, n, titles) for tokens in token_lines(answer)]
    mentions = _of_lines(lines)
    return mentions if any(mentions) else [*mentions, *((index,) for line in lines for index in line.bare)]


def _of_leaf(leaf: str, n: int, titles: Titles) -> list[tuple[int, ...]]:
    """What a JSON text or number names; a text that names nothing is an invented title."""
    mentions = _of_lines([read_line(tokens, n, titles) for tokens in token_lines(leaf)])
    return mentions or [()]


def _of_lines(lines: Sequence[Line]) -> list[tuple[int, ...]]:
    """The mentions of lines in order. If one line's number counts places, the others' do so as well."""
    places = any(line.contradicts for line in lines)
    mentions: list[tuple[int, ...]] = []
    for line in lines:
        if line.place is not None:
            mentions.append(() if places else line.place)
        mentions.extend(line.mentions)
    return mentions
