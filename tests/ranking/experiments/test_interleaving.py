from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ranking.draws import Draw
from ranking.experiments.interleaving import team_draft


def drafted(first: str, second: str, n: int, key: str = "r") -> list[tuple[int, str]]:
    picks = team_draft((first, second), n, Draw(seed=0, purpose="test", key=key))
    return [(pick.team, (first, second)[pick.team][pick.place]) for pick in picks]


def test_by_hand() -> None:
    """The first coin decides all: whoever picks first takes a, the other one its best after that."""
    seen = {tuple(drafted("abc", "bca", 2, key=str(n))) for n in range(20)}
    assert seen == {((0, "a"), (1, "b")), ((1, "b"), (0, "a"))}
    seen = {tuple(drafted("abc", "abd", 2, key=str(n))) for n in range(20)}
    assert seen == {((0, "a"), (1, "b")), ((1, "a"), (0, "b"))}


def test_each_team_is_first_half_of_the_time_and_the_same_draw_gives_the_same_list() -> None:
    firsts = Counter(drafted("abcd", "dcba", 4, key=str(n))[0][0] for n in range(1000))
    assert abs(firsts[0] - 500) < 4 * 250**0.5
    assert drafted("abcd", "dcba", 4) == drafted("abcd", "dcba", 4)


def test_a_team_with_nothing_left_lets_the_other_go_on() -> None:
    assert Counter(drafted("ab", "abcdef", 6)) == Counter(drafted("ab", "abcdef", 9))
    assert "".join(sorted(item for _, item in drafted("ab", "abcdef", 9))) == "abcdef"
    assert drafted("", "", 3) == []


@given(st.permutations("abcdefgh"), st.permutations("abcdefgh"), st.integers(1, 8), st.text())
def test_no_item_comes_twice_and_teams_are_as_large(first: list[str], second: list[str], n: int, key: str) -> None:
    picks = drafted("".join(first), "".join(second), n, key)
    assert len({item for _, item in picks}) == len(picks) == n
    for length in range(n + 1):
        sizes = Counter(team for team, _ in picks[:length])
        assert abs(sizes[0] - sizes[1]) <= 1
    for team, ranking in enumerate((first, second)):
        own = [ranking.index(item) for picked, item in picks if picked == team]
        assert own == sorted(own), "a team picks in its own order"
