"""One list that two rankings pick from in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranking.draws import Draw


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """One place of the list."""

    team: int
    """0 or 1: the ranking that picked it."""
    place: int
    """Its place in that ranking, from 0."""


def team_draft(rankings: tuple[Sequence[str], Sequence[str]], n: int, draw: Draw) -> list[Pick]:
    """The picks of a list of at most n items, in its order; fewer where the rankings hold no more.

    Team-draft interleaving: before each pair of picks a coin says who picks first, and a team picks its best item that
    is not in the list yet. So both teams are as likely to be seen first, and a click is credit to the team that picked.
    Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", CIKM 2008, algorithm 2. A
    team that has nothing left to pick lets the other one go on, where the paper ends the list.
    """
    picks: list[Pick] = []
    taken: set[str] = set()
    coins = [word & 1 for word in draw.words(n)]
    while len(picks) < n:
        sizes = [sum(pick.team == team for pick in picks) for team in (0, 1)]
        first = coins[len(picks)] if sizes[0] == sizes[1] else int(sizes[1] < sizes[0])
        pick = _best_left(rankings, first, taken) or _best_left(rankings, 1 - first, taken)
        if pick is None:
            break
        picks.append(pick)
        taken.add(rankings[pick.team][pick.place])
    return picks


def _best_left(rankings: tuple[Sequence[str], Sequence[str]], team: int, taken: set[str]) -> Pick | None:
    place = next((place for place, item_id in enumerate(rankings[team]) if item_id not in taken), None)
    return None if place is None else Pick(team=team, place=place)
