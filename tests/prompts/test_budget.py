from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompts.budget import Kept, Need, most_that_fits
from tests.prompts.build import words


def kept(history: int, demonstrations: int = 0) -> Kept:
    return Kept(history=history, demonstrations=demonstrations)


def test_everything_fits() -> None:
    assert most_that_fits(kept(5, 2), lambda _: True) == kept(5, 2)


def test_nothing_fits() -> None:
    assert most_that_fits(kept(5, 2), lambda _: False) is None


def test_oldest_history_goes_before_demonstrations() -> None:
    assert most_that_fits(kept(10, 2), lambda k: k.history + 3 * k.demonstrations <= 11) == kept(5, 2)


def test_demonstrations_go_before_the_latest_item() -> None:
    assert most_that_fits(kept(10, 3), lambda k: k.history + 10 * k.demonstrations <= 11) == kept(1, 1)


def test_room_left_by_a_demonstration_is_given_back_to_the_history() -> None:
    assert most_that_fits(kept(10, 3), lambda k: k.history + 8 * k.demonstrations <= 14) == kept(6, 1)


def test_the_latest_item_goes_last() -> None:
    assert most_that_fits(kept(10, 3), lambda k: k.history + k.demonstrations == 0) == kept(0, 0)


def test_need_counts_texts_candidate_and_an_estimate_of_the_markup() -> None:
    need = Need(shared="one two", branch_tokens=3, turns=2, has_system=True)
    assert need.tokens(words(99)) == 2 + 3 + 2 * 8
    assert Need(shared="one two", branch_tokens=3, turns=2, has_system=False).tokens(words(99)) == 2 + 3 + 2 * 8 + 24


@given(st.integers(0, 300), st.integers(0, 8), st.integers(1, 5), st.integers(0, 400))
def test_the_result_fits_is_maximal_and_needs_few_measurements(
    history: int, demonstrations: int, price: int, room: int
) -> None:
    asked: list[Kept] = []

    def fits(k: Kept) -> bool:
        asked.append(k)
        return k.history + price * k.demonstrations <= room

    result = most_that_fits(kept(history, demonstrations), fits)
    assert result is not None
    assert result.history + price * result.demonstrations <= room
    assert result.history == history or result.history + 1 + price * result.demonstrations > room
    assert result.demonstrations == demonstrations or result.history + price * (result.demonstrations + 1) > room
    assert len(asked) <= 18
