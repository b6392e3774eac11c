"""Points that are made once, in an order that a broken-off run goes on in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.tuned import remembered


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    of: int
    is_: tuple[float, ...]


def test_points_that_are_there_are_not_made_again(tmp_path: Path) -> None:
    made: list[int] = []

    def make(number: int) -> Square:
        if number == 9:
            raise KeyboardInterrupt
        made.append(number)
        return Square(of=number, is_=(number**2,))

    def run(*plan: int) -> list[Square]:
        return remembered(tmp_path / "out" / "points.jsonl", Square, plan, lambda one: one.of, make, told.append)

    told: list[Square] = []
    try:
        run(1, 2, 9)
    except KeyboardInterrupt:
        assert made == [1, 2]
    assert run(3, 1, 2) == [Square(of=number, is_=(number**2,)) for number in (3, 1, 2)]
    assert made == [1, 2, 3]
    assert [one.of for one in told] == made
