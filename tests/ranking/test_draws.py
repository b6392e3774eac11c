from collections import Counter

import pytest

from ranking.draws import Draw


def draw(key: str, *, seed: int = 1, purpose: str = "test") -> Draw:
    return Draw(seed=seed, purpose=purpose, key=key)


def test_a_draw_depends_on_seed_purpose_and_key_only() -> None:
    first = draw("u1").words(4)
    assert first == draw("u1").words(4)
    assert len({first, draw("u2").words(4), draw("u1", seed=2).words(4), draw("u1", purpose="other").words(4)}) == 4


def test_draws_are_the_same_on_every_machine_and_version() -> None:
    assert draw("u1").shuffled("abcdefgh") == tuple("begchfad")
    assert draw("u1").distinct(3, range(1000), {5}, 1) == [527, 52, 370]


def test_every_place_and_every_value_is_as_likely() -> None:
    firsts = Counter(draw(str(n)).shuffled(range(5))[0] for n in range(5000))
    chosen = Counter(value for n in range(2500) for value in draw(str(n)).distinct(2, range(20), {3}, 1))
    assert set(firsts) == set(range(5))
    assert set(chosen) == set(range(20)) - {3}
    # Four standard deviations around the expected 1000 and 263.
    assert all(abs(count - 1000) < 114 for count in firsts.values())
    assert all(abs(count - 5000 / 19) < 65 for count in chosen.values())
    assert 0.45 < sum(draw(str(n)).fraction() for n in range(1000)) / 1000 < 0.55


@pytest.mark.parametrize(("n", "barred"), [(3, set[int]()), (8, {0, 9}), (2, set(range(8)))])
def test_distinct_values_are_allowed_ones(n: int, barred: set[int]) -> None:
    for key in range(50):
        values = draw(str(key)).distinct(n, range(10), barred, len(barred))
        assert len(set(values)) == n
        assert not barred & set(values)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="8 values asked for, 7 are left"):
        draw("u1").distinct(8, range(10), {1, 2, 3}, 3)
