from __future__ import annotations

import torch

from ranking.engines.attention import LayerStates, PrefixStates
from ranking.engines.prefix_cache import PrefixCache


def states(length: int, value: float = 0.0) -> PrefixStates:
    layer = LayerStates(keys=torch.full((1, length, 2), value), values=torch.full((1, length, 2), value))
    return PrefixStates(layers=(layer,))


def test_the_longest_common_beginning_is_found() -> None:
    cache = PrefixCache(100)
    cache.store((1, 2, 9), states(3, 1.0))
    cache.store((1, 2, 3, 4), states(4, 2.0))
    known = cache.longest((1, 2, 3, 7, 8))
    assert known is not None
    assert known.length == 3
    assert known.states.layers[0].keys.tolist() == [[[2.0, 2.0]] * 3]
    assert cache.longest((5, 1, 2)) is None


def test_the_last_token_is_always_left_to_compute() -> None:
    cache = PrefixCache(100)
    cache.store((1, 2, 3), states(3))
    known = cache.longest((1, 2, 3))
    assert known is not None
    assert known.length == 2
    assert cache.longest((1,)) is None


def test_the_least_recently_used_makes_room() -> None:
    cache = PrefixCache(6)
    cache.store((1, 1, 1), states(3))
    cache.store((2, 2, 2), states(3))
    assert cache.longest((1, 1, 5)) is not None
    cache.store((3, 3, 3), states(3))
    assert cache.longest((2, 2, 5)) is None
    assert cache.longest((1, 1, 5)) is not None
    assert (len(cache), cache.tokens) == (2, 6)


def test_a_prefix_is_kept_once_and_takes_in_its_beginnings() -> None:
    cache = PrefixCache(6)
    cache.store((1, 2), states(2))
    cache.store((1, 2, 3), states(3))
    cache.store((1, 2, 3), states(3))
    cache.store(tuple(range(7)), states(7))
    assert (len(cache), cache.tokens) == (1, 3)


def test_what_is_stored_is_a_copy() -> None:
    cache = PrefixCache(6)
    stored = states(3, 1.0)
    cache.store((1, 2, 3), stored)
    stored.layers[0].keys.fill_(7.0)
    known = cache.longest((1, 2, 3))
    assert known is not None
    assert known.states.layers[0].keys.max() == 1.0
